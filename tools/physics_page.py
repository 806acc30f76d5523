"""Writes the tables and figures of docs/physics.md; `make physics`.

The page is written by hand but for what stands between `<!-- make physics: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imilt.plan import ProbeModel, Tissue, load_plan
from imilt_sim.physics.command import points_row
from imilt_sim.physics.points import Result, results
from imilt_sim.physics.setup import Setup, case_names, load_case
from imilt_sim.physics.trial import Trial, perform
from imilt_sim.tissue import verify, verify3d, verify_laws

DOCS = Path(__file__).parent.parent / "docs"
PLAN = DOCS.parent / "plans" / "pancreas-imilt.toml"
BLOCK = re.compile(r"(<!-- make physics: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
INK = ("#1b6ca8", "#d1495b", "#2e933c", "#8a5fbf", "#c98a00", "#555555")

Outcome = tuple[Setup, dict[str, Trial], list[Result]]


def outcome(name: str) -> Outcome:
    """One measured case, run."""
    setup = load_case(name)
    trials = {run.name: perform(setup, run) for run in setup.all_runs}
    return setup, trials, results(setup, trials)


def rows(head: list[str], body: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *body]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def parameters() -> str:
    """What the plan's sections say of tissue and thermocouples: default, unit, range and source."""
    body = []
    for section, model in (("tissue", Tissue), ("probe_model", ProbeModel)):
        for key, field in model.model_fields.items():
            extra = field.json_schema_extra
            unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
            default = "by kind" if field.default is None else str(field.default)
            body.append([f"`{section}.{key}`", default, unit, field.description or ""])
    return rows(["key", "default", "unit", "source"], body)


# Is the code right?


def verification(checks: list[verify.Check]) -> str:
    """Errors and orders of every exact solution, then of the light."""
    head = ["problem", "RMS error, °C, cells of 2, 1, 0.5, 0.25 mm", "order", "worst cell at 0.5 mm, °C"]
    body = [
        [check.name, listed(check.rms_c), ", ".join(f"{o:.2f}" for o in check.orders), f"{check.peak_c[2]:.3f}"]
        for check in checks
    ]
    light = {
        "fluence rate around a point source, e^(−µr)/(4πDr), 3 to 15 mm": verify.point_fluence_error(),
        "steady rise around it, light and heat both computed, 3 to 15 mm": verify.lit_rise_error(),
        "fluence rate beside a line source of 15 mm, 3 to 12 mm": verify.line_source_error(),
        "fluence rate beside a long diffuser, surface to 10 mm": verify.cylinder_error(),
    }
    within = [[name, f"{error:.2%}"] for name, error in light.items()]
    return "\n".join((rows(head, body), boiling(), rows(["light", "within"], within), cubes()))


def cubes() -> str:
    """The 3-D tier: errors and orders on its own problems, beside a vessel, and against rings."""
    head = ["3-D tier, against", "RMS error, °C, cells of 4, 2, 1 mm", "order", "worst cell at 1 mm, °C"]
    checks = [verify3d.check(name) for name in verify3d.PROBLEMS]
    body = [
        [check.name, listed(check.rms_c), ", ".join(f"{o:.2f}" for o in check.orders), f"{check.peak_c[-1]:.2g}"]
        for check in checks
    ]
    beside = "rise from 2 mm off the wall of a vessel of 3 mm radius on"
    walls = {"laminar flow": None, "as cold as the body": 1e5}
    further = [[f"{beside}, {name}", f"{verify3d.vessel_error(flow):.1%}"] for name, flow in walls.items()]
    plan = load_plan(PLAN).plan
    for power_w in (0.5, 1.5, 3.0):
        worst_c = np.abs(verify3d.against_rings(plan, power_w)).max()
        further.append(
            [f"rings at four places beside a diffuser and one ahead, 10 min, {power_w:g} W", f"{worst_c:.2f} °C"]
        )
    return "\n".join((rows(head, body), rows(["3-D tier, against", "largest difference"], further)))


def boiling() -> str:
    """Errors of the front behind which water has boiled off."""
    head = ["boiling front from a wall of 160 °C, 60 s: cell, mm", "RMS error, °C", "worst, °C", "depth of 100 °C, mm"]
    body = []
    for cell_mm in (1.0, 0.5, 0.25, 0.125):
        rms_c, peak_c, depth_mm = verify_laws.front_errors(cell_mm)
        body.append([f"{cell_mm:g}", f"{rms_c:.2g}", f"{peak_c:.2g}", f"{depth_mm:+.3f}"])
    return rows(head, body)


def listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.2g}" for value in values)


def draw_orders(checks: list[verify.Check], axes: Axes) -> None:
    for check, ink in zip(checks, INK, strict=False):
        axes.loglog(check.cells_mm, check.rms_c, "o-", color=ink, label=check.name)
    cells = np.array(verify.CELLS_MM)
    axes.loglog(cells, 0.01 * cells**2, "--", color="#999999", label="order 2")
    axes.set(xlabel="cell, mm", ylabel="RMS error, °C", title="Exact solutions")
    axes.legend(fontsize=6)


# Is the model right?


def validation(outcomes: dict[str, Outcome]) -> str:
    """Every case with every point, met or missed."""
    parts = [summary(outcomes)]
    for name, (setup, _, found) in outcomes.items():
        body = [list(points_row(result)) for result in found]
        table = rows(["", "measured", "here", "unit", "goal"], body)
        parts.append(f"**{name}. {setup.name}.** {setup.source}. {setup.note.strip()}\n\n{table}")
    return "\n".join(parts)


def summary(outcomes: dict[str, Outcome]) -> str:
    body = []
    for name, (setup, _, found) in outcomes.items():
        judged = [result.meets for result in found if result.meets is not None]
        missed = [result.point.name for result in found if result.meets is False]
        body.append([name, setup.name, f"{sum(judged)} of {len(judged)}", "; ".join(missed) or "–"])
    return rows(["case", "", "goals met", "missed"], body)


def balance(outcomes: dict[str, Outcome]) -> str:
    """Where the energy went, for every run of every case."""
    head = ["run", "given, J", "stored", "blood", "walls", "steam", "escaped light", "missing"]
    body = []
    for name, (_, trials, _) in outcomes.items():
        for trial in trials.values():
            energy = trial.energy
            shares = [f"{value / energy.given:.1%}" for value in energy[1:]]
            body.append([f"{name} {trial.run.name}", f"{energy.given:.0f}", *shares, f"{energy.error:+.1e}"])
    return rows(head, body)


def draw_rises(case: Outcome, axes: Axes) -> None:
    """V1: the course of both rises, and what was measured at the end."""
    setup, trials, found = case
    (trial,) = trials.values()
    for p, (probe, result) in enumerate(zip(setup.probes, found, strict=True)):
        axes.plot(trial.traces.t_s, trial.traces.site_c[:, p] - setup.tissue.body_c, color=INK[p], label=probe.name)
        axes.errorbar([trial.run.duration_s], [as_number(result)], yerr=3.0, fmt="s", color=INK[p], capsize=3)
    axes.set(xlabel="s", ylabel="rise, °C", title="V1: squares measured ± 3 °C")
    axes.legend(fontsize=7)


def as_number(result: Result) -> float:
    assert isinstance(result.point.measured, float)
    return result.point.measured


def draw_bars(title: str, unit: str, case: list[Result], axes: Axes) -> None:
    """Simulated bars over the spans that were measured."""
    for i, result in enumerate(case):
        measured = result.point.measured
        low, high = measured if isinstance(measured, tuple) else (as_number(result),) * 2
        axes.bar(i, result.simulated, color=INK[0], width=0.6)
        axes.fill_between([i - 0.4, i + 0.4], low, max(high, low * 1.01), color=INK[1], alpha=0.6)
    names = [result.point.name.split(", ", 1)[-1].removeprefix("artefact at ") for result in case]
    axes.set_xticks(range(len(case)), names, fontsize=6)
    axes.set(ylabel=unit, title=f"{title}: red measured")


def draw_volumes(case: Outcome, axes: Axes) -> None:
    """V6: volumes over power."""
    _, trials, _ = case
    power_w = [trial.run.power[0].power_w for trial in trials.values()]
    for name, ink in (("ablated_mm3", INK[0]), ("charred_mm3", INK[5])):
        axes.plot(power_w, [trial.figures[name] for trial in trials.values()], "o-", color=ink, label=name[:-4])
    axes.set(xlabel="W", ylabel="mm³", title="V6: 1000 J each", yscale="symlog")
    axes.legend(fontsize=7)


def draw_control(case: Outcome, axes: Axes) -> None:
    """V10: what the thermistor's place does at each power."""
    _, trials, _ = case
    for (name, trial), ink in zip(trials.items(), INK, strict=False):
        axes.plot(trial.traces.t_s / 60, trial.traces.site_c[:, 0], color=ink, label=name, linewidth=0.9)
    axes.set(xlabel="min", ylabel="°C at 10 mm", title="V10")
    axes.legend(fontsize=7)


def draw_cases(outcomes: dict[str, Outcome]) -> Figure:
    """All cases on one sheet."""
    figure = Figure(figsize=(10.0, 6.0), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    draw_rises(outcomes["V1"], axes[0])
    draw_bars("V2", "°C", outcomes["V2"][2], axes[1])
    draw_bars("V5 volume", "mm³", outcomes["V5"][2][:4], axes[2])
    draw_bars("V5 area", "mm²", outcomes["V5"][2][4:], axes[3])
    draw_volumes(outcomes["V6"], axes[4])
    draw_control(outcomes["V10"], axes[5])
    return figure


def saved(figure: Figure, name: str) -> None:
    """The same bytes every time."""
    figure.savefig(DOCS / name, metadata={"Date": None, "Creator": None})


def page(text: str, blocks: dict[str, Callable[[], str]]) -> str:
    """The page with its blocks filled anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]()}{found[3]}", text)


def main() -> None:
    mpl.rcParams.update({"svg.hashsalt": "imilt", "svg.fonttype": "none", "axes.titlesize": 9, "font.size": 8})
    checks = [verify.check(name) for name in verify.PROBLEMS] + [verify_laws.made_up()]
    outcomes = {name: outcome(name) for name in case_names()}
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    draw_orders(checks, figure.subplots())
    saved(figure, "physics-orders.svg")
    saved(draw_cases(outcomes), "physics-cases.svg")
    path = DOCS / "physics.md"
    blocks: dict[str, Callable[[], str]] = {
        "parameters": parameters,
        "verification": lambda: verification(checks),
        "balance": lambda: balance(outcomes),
        "validation": lambda: validation(outcomes),
    }
    path.write_text(page(path.read_text(), blocks))
    print(verification(checks), balance(outcomes), validation(outcomes), sep="\n")


if __name__ == "__main__":
    main()
