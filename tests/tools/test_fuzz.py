"""`make fuzz`: what it says, and its exit code."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

TOOL = Path(__file__).parents[2] / "tools" / "fuzz.py"


def tool() -> dict[str, Any]:
    return runpy.run_path(str(TOOL))


def test_a_short_run_reports_both_states() -> None:
    result = CliRunner().invoke(tool()["main"], ["--bytes", "20000", "--seed", "4"])
    assert result.exit_code == 0, result.output
    standby, ready, last = result.stdout.splitlines()
    assert standby.startswith("standby: 1")
    assert ready.startswith("ready: 1")
    assert "(seed 4)" in ready
    assert last.startswith("nothing found")


def test_a_finding_ends_it_with_its_place() -> None:
    names = tool()
    main: click.Command = names["main"]

    def spoilt() -> Any:
        bench = names["Bench"]()
        bench.app.link.acknowledge = None
        return bench

    names["STATES"]["standby"] = spoilt
    result = CliRunner().invoke(main, ["--bytes", "20000"])
    assert result.exit_code == 1
    assert "standby: seed 1, cycle" in result.output
    assert "TypeError" in result.output
