"""Writes docs/faults.md from the firmware's catalogue; `make docs`."""

import runpy
import sys
import types
from pathlib import Path

TOP = Path(__file__).parent.parent
HEAD = """# Faults

Written by `make docs` from [`firmware/faults.py`](../firmware/faults.py).

A fault makes the laser dark in the cycle that finds it, latches, and ends the treatment with its number. It clears when
the key is turned off and on and its cause is gone. The limits stand in [`firmware/limits.py`](../firmware/limits.py)
and, within them, in the plan.

| number | fault | unit of value and limit | remedy |
|---|---|---|---|
"""


def table() -> str:
    """The page, from the catalogue as the firmware has it."""
    sys.modules.setdefault("micropython", types.SimpleNamespace(const=lambda value: value))  # type: ignore[arg-type]
    catalogue = runpy.run_path(str(TOP / "firmware" / "faults.py"))["CATALOGUE"]
    rows = (f"| {number} | {name} | {unit or '-'} | {remedy} |" for number, (name, unit, remedy) in catalogue.items())
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (TOP / "docs" / "faults.md").write_text(table())
