"""Where runs go."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")


def new_run(plan: Path) -> Path:
    """A folder for the next run of `plan` that does not exist yet: runs/NAME-1, runs/NAME-2, …"""
    taken = {int(path.name.rpartition("-")[2]) for path in RUNS.glob(f"{plan.stem}-*") if _numbered(path)}
    return RUNS / f"{plan.stem}-{max(taken, default=0) + 1}"


def _numbered(path: Path) -> bool:
    return path.name.rpartition("-")[2].isdecimal()
