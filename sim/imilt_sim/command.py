"""`imilt simulate`: checks everything before anything is written, runs, reports, prints."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import click

from imilt.errors import RunError
from imilt.folders import new_run
from imilt.live import LiveView
from imilt.outcome import show_outcome
from imilt.plan import LoadedPlan, find_plan
from imilt_sim.faults import Fault, parse_fault
from imilt_sim.levels import check_level
from imilt_sim.simulate import Setup, Simulation


def load_setup(plan: Path, level: str, seed: int, faults: tuple[str, ...]) -> Setup:
    """Everything that the user gave, checked. Raises InputError."""
    loaded: LoadedPlan = find_plan(plan)
    parsed: list[Fault] = [parse_fault(text, len(loaded.plan.probes)) for text in faults]
    check_level(level)
    return Setup(loaded, level, seed, parsed)


def simulate(
    plan: Path, level: str, seed: int, faults: tuple[str, ...], out: Path | None, as_json: bool, report: bool
) -> dict[str, Any]:
    """Run one simulated treatment; returns its summary."""
    setup = load_setup(plan, level, seed, faults)
    folder = out or new_run(plan)
    with LiveView(setup.plan.plan) as view:
        simulation = Simulation(setup, folder, view.frame)
        before = signal.signal(signal.SIGINT, lambda *_: simulation.interrupt())
        try:
            summary = simulation.run()
        finally:
            signal.signal(signal.SIGINT, before)
    for text in summary["faults_not_reached"]:
        click.echo(f"warning: --fault {text}: the run ended at {summary['duration_s']:.0f} s, before it", err=True)
    path = _report(folder) if report else None
    if as_json:
        click.echo(json.dumps(summary | {"run": str(folder)}, indent=2, ensure_ascii=False))
    else:
        show_outcome(summary, path)
    return summary


def _report(folder: Path) -> Path:
    from imilt.report import write_report

    try:
        return write_report(folder)
    except OSError as error:
        raise RunError(
            f"{folder}: the report cannot be written: {error.strerror}; `imilt report` tries again"
        ) from error
