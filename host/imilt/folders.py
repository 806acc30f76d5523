"""Where runs go."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")


def new_run(plan: Path) -> Path:
    """A folder for the next run of `plan` that does not exist yet: runs/NAME-1, runs/NAME-2, …"""
    names = (path.name.rpartition("-") for path in RUNS.iterdir()) if RUNS.is_dir() else ()
    taken = [int(number) for name, _, number in names if name == plan.stem and number.isdecimal()]
    return RUNS / f"{plan.stem}-{max(taken, default=0) + 1}"
