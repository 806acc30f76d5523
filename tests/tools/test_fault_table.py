"""The page of faults is the one that the firmware's catalogue gives."""

import runpy
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    table = runpy.run_path(str(TOP / "tools" / "fault_table.py"))["table"]
    assert (TOP / "docs" / "faults.md").read_text() == table(), "run `make docs`"
