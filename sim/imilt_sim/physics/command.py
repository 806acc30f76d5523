"""`imilt physics`: runs a measured case or the user's own set-up, and tells what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from imilt.errors import InputError
from imilt_sim.physics.points import Result, finite, results
from imilt_sim.physics.setup import Setup, case_names, load_case, load_setup
from imilt_sim.physics.trial import Traces, Trial, at_rest, perform

TRACE_SAMPLES = 600
"""At most this many are told of each run."""


def physics(path: Path | None, case: str | None, as_json: bool) -> None:
    """Run and print. Raises InputError for bad input, with nothing printed."""
    if (path is None) == (case is None):
        raise InputError(f"give a set-up or --case with one of {', '.join(case_names())}, not both and not neither")
    setup = load_case(case) if case is not None else load_setup(path or Path())
    _check(setup, path or Path(f"--case {case}"))
    trials = {run.name: perform(setup, run) for run in setup.all_runs}
    found = results(setup, trials)
    if as_json:
        told = {"case": case} if case else {"setup": str(path)}
        click.echo(json.dumps(told | as_data(setup, trials, found), indent=2, ensure_ascii=False))
    else:
        show(setup, trials, found)


def _check(setup: Setup, where: Path) -> None:
    """Everything that can be refused is, before anything takes long. Raises InputError."""
    try:
        results(setup, {run.name: at_rest(setup, run) for run in setup.all_runs})
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def as_data(setup: Setup, trials: dict[str, Trial], found: list[Result]) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        "name": setup.name,
        "source": setup.source,
        "note": setup.note,
        "points": [result.as_json() for result in found],
        "runs": [_run_data(setup, trial) for trial in trials.values()],
    }


def _run_data(setup: Setup, trial: Trial) -> dict[str, Any]:
    where = {probe.name: probe.model_dump(include={"kind", "radial_mm", "axial_mm"}) for probe in setup.probes}
    probes = [{"name": name} | where[name] | _finite(figures) for name, figures in trial.probes.items()]
    return {
        "name": trial.run.name,
        "duration_s": trial.run.duration_s,
        **_finite(trial.figures),
        "energy_balance_j": trial.energy._asdict(),
        "probes": probes,
        "traces": _trace_data(setup, trial.traces),
    }


def _finite(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: finite(value) for name, value in figures.items()}


def _trace_data(setup: Setup, traces: Traces) -> dict[str, Any]:
    every = -(-len(traces.t_s) // TRACE_SAMPLES)
    names = [probe.name for probe in setup.probes]
    return {
        "t_s": traces.t_s[::every].tolist(),
        "power_w": traces.power_w[::every].tolist(),
        "temperature_c": dict(zip(names, traces.site_c[::every].T.tolist(), strict=True)),
        "reading_c": dict(zip(names, traces.reading_c[::every].T.tolist(), strict=True)),
    }


def show(setup: Setup, trials: dict[str, Trial], found: list[Result]) -> None:
    """For people."""
    console = Console()
    console.print(setup.name, highlight=False, style="bold")
    for line in filter(None, (setup.source, setup.note)):
        console.print(line, highlight=False)
    if found:
        console.print(points_table(found))
    if not setup.points or not setup.source:
        for trial in trials.values():
            _show_run(console, trial)


def points_table(found: list[Result]) -> Table:
    """Measured beside simulated."""
    table = Table("", "measured", "simulated", "unit", "goal")
    for result in found:
        table.add_row(*points_row(result))
    return table


def points_row(result: Result) -> tuple[str, str, str, str, str]:
    """Name, measured, simulated, unit, and whether the goal is met."""
    told = _measured(result.point.measured)
    verdict = {True: "met", False: "missed", None: "–"}[result.meets]
    goal = result.point.goal()
    if goal and result.meets is not None:
        verdict += f" ({_span(*goal)})"
    return result.point.name, told, f"{result.simulated:.3g}", result.point.unit, verdict


def _measured(value: float | tuple[float, float] | str | None) -> str:
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return "–" if value is None else value if isinstance(value, str) else f"{value:g}"


def _span(low: float, high: float) -> str:
    if low == float("-inf"):
        return f"at most {high:.3g}"
    return f"at least {low:.3g}" if high == float("inf") else f"{low:.3g} to {high:.3g}"


def _show_run(console: Console, trial: Trial) -> None:
    title = f"{trial.run.name or 'the run'}, {trial.run.duration_s:g} s"
    console.print(_figures_table(title, {"": trial.figures}))
    if trial.probes:
        console.print(_figures_table(f"{title}: probes", trial.probes))


def _figures_table(title: str, columns: dict[str, dict[str, float]]) -> Table:
    """Quantities down, probes across."""
    table = Table("", *(Column(name, justify="right") for name in columns), title=title)
    for quantity in next(iter(columns.values())):
        table.add_row(quantity, *(f"{figures[quantity]:.4g}" for figures in columns.values()))
    return table
