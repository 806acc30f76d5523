"""`make cohort`: virtual patients, each treated by the real firmware; the feedback beside three baselines.

Patients and their sources: patients.py. The baselines are the same firmware with one thing changed, on the same
patients: the plan's fixed PI on the raw reading, the same on the last dark sample, and bang-bang on the corrected
reading. A patient is reachable if the set-point is reached and the power stands at its ceiling (cap or tip) for less
than 5 % of the hold; the others are counted and not averaged in.

True is the undisturbed tissue at the probe's site, second by second; bias and SD from 300 s after arrival on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from imilt.firmware import firmware_dir
from imilt.plan import LoadedPlan, Plan
from imilt.run import Run
from imilt_sim.patients import BREATHING_MM, draw
from imilt_sim.simulate import Setup, Simulation

PATIENTS = 1000
SATURATED = ("saturated at the cap", "held back by the tip")
REACHABLE_SHARE = 0.05
SETTLED_S = 300
SETTLED_WITHIN_C = 0.5
_BANG_BANG = """

def _bang_bang(self, settings, control_mc, tip_mc, tip_limit_mc, learning=False):
    ceiling = self._ceiling(settings, tip_mc, tip_limit_mc, learning)
    self._bound(ceiling if control_mc < settings.set_point_mc else 0, ceiling)


Control.step = _bang_bang
"""
_RAW = """

def _raw_mc(self):
    return sum(self.artefacts[self._sensing.control]._ring) // 5


Estimate.control_mc = _raw_mc
"""


class Arm(NamedTuple):
    """A way to treat: changes to the plan's control section, and to one of the firmware's files."""

    name: str
    control: dict[str, str]
    file: str = ""
    change: str = ""


FIXED = {"law": "fixed"}
ARMS = (
    Arm("feedback", {}),
    Arm("PI, raw reading", {"law": "fixed", "reading": "dark"}, "estimate.py", _RAW),
    Arm("PI, last dark sample", {"law": "fixed", "reading": "dark"}),
    Arm("bang-bang, corrected", {"law": "fixed"}, "control.py", _BANG_BANG),
)


def firmware_of(arm: Arm, folder: Path) -> Path | None:
    """The firmware that an arm runs: the real one, or a copy in `folder` with its change."""
    if not arm.file:
        return None
    copy = folder / "firmware"
    if not copy.exists():
        shutil.copytree(firmware_dir(), copy, ignore=shutil.ignore_patterns("__pycache__"))
        with (copy / arm.file).open("a") as file:
            file.write(arm.change)
    return copy


def treat(job: tuple[int, int]) -> dict[str, Any]:
    """One patient's figures: (arm, seed)."""
    arm, seed = ARMS[job[0]], job[1]
    patient = draw(seed)
    data = patient.plan.model_dump(by_alias=True)
    data["control"] |= arm.control
    plan = Plan.model_validate(data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loaded = LoadedPlan(plan, toml_of(plan), folder / "plan.toml")
        simulation = Simulation(Setup(loaded, seed=seed, firmware=firmware_of(arm, folder)), folder / "run")
        summary = simulation.run()
        figures = figures_of(plan, Run.load(folder / "run"), summary)
    return {"arm": arm.name, "seed": seed, "breathing_mm": patient.breathing_mm, **figures}


def toml_of(plan: Plan) -> bytes:
    """The plan as a file. What JSON writes of numbers, texts and lists of them is TOML, too."""
    tops, tables = [], []
    for key, value in plan.model_dump(by_alias=True, mode="json", exclude_none=True).items():
        if isinstance(value, dict):
            tables.append((f"[{key}]", value))
        elif isinstance(value, list):
            tables += [(f"[[{key}]]", entry) for entry in value]
        else:
            tops.append(f"{key} = {json.dumps(value)}")
    for head, table in tables:
        tops += ["", head, *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return ("\n".join(tops) + "\n").encode()


def figures_of(plan: Plan, run: Run, summary: dict[str, Any]) -> dict[str, Any]:
    assert run.truth is not None
    holding = run.in_state("holding")
    reasons = np.array(run.reasons)[run.cycles["reason"]]
    saturated = float(np.isin(reasons[holding], SATURATED).mean()) if holding.any() else 1.0
    arrived_s = float(run.cycles.time_s[np.flatnonzero(holding)[0]]) if holding.any() else None
    complete = summary["end_reason"] == "complete"
    return {
        "kind": plan.probe_model.kind,
        "true_mm": plan.probes[0].true_radial_mm,
        "planned_mm": plan.probes[0].radial_mm,
        "end": summary["end_reason"],
        "code": summary["end_code"],
        "saturated": saturated,
        "reachable": complete and saturated < REACHABLE_SHARE,
        "response_s": summary["heating_s"],
        "energy_j": summary["energy_j"],
        "tissue_max_c": summary["tissue_max_c"],
        "charred": summary["tissue_max_c"] > plan.tissue.char_onset_c,
        "cem43_site": float(run.truth["cem43_site0_min"][-1]),
        "cem43_margin": float(run.truth["cem43_site3_min"][-1]),
        "cem43_believed": summary["cem43_control_min"],
        **_true_figures(plan, run, arrived_s),
    }


def _true_figures(plan: Plan, run: Run, arrived_s: float | None) -> dict[str, float | None]:
    """Of the tissue at the control probe's site while it is held."""
    assert run.truth is not None
    names = ("bias_c", "sd_c", "overshoot_c", "settling_s")
    if arrived_s is None:
        return dict.fromkeys(names)
    ended_s = float(run.cycles.time_s[np.flatnonzero(run.in_state("holding"))[-1]])
    time_s, site_c = run.truth["time_s"], run.truth["site0_c"]
    held = (time_s >= arrived_s) & (time_s <= ended_s)
    off_c = site_c[held] - plan.treatment.set_point_c
    if len(off_c) <= SETTLED_S:
        return dict.fromkeys(names)
    out = np.flatnonzero(np.abs(off_c) > SETTLED_WITHIN_C)
    steady = off_c[SETTLED_S:]
    figures = steady.mean(), steady.std(), max(off_c.max(), 0.0), float(out[-1] + 1) if len(out) else 0.0
    return dict(zip(names, map(float, figures), strict=True))


class Store:
    """What was treated so far, a line of JSON each, so that a study that was cut off goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def load(self) -> list[dict[str, Any]]:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def add(self, figures: Iterable[dict[str, Any]]) -> None:
        with self._path.open("a") as file:
            for one in figures:
                file.write(json.dumps(one) + "\n")
                file.flush()


def study(arm: int, seeds: Iterable[int], store: Store) -> list[dict[str, Any]]:
    """The figures of all these patients, from the store or treated now."""
    name, wanted = ARMS[arm].name, set(seeds)
    known = {one["seed"] for one in store.load() if one["arm"] == name}
    jobs = [(arm, seed) for seed in sorted(wanted - known)]
    with ProcessPoolExecutor() as pool:
        store.add(track(pool.map(treat, jobs), name, len(jobs), console=Console(stderr=True)))
    return [one for one in store.load() if one["arm"] == name and one["seed"] in wanted]


def rows(figures: list[dict[str, Any]]) -> Iterator[str]:
    """Lines of the table, one for each stratum of breathing."""
    for breathing_mm in BREATHING_MM:
        chosen = [one for one in figures if one["breathing_mm"] == breathing_mm]
        reachable = [one for one in chosen if one["reachable"]]
        if reachable:
            yield f"±{breathing_mm:g} mm | {len(chosen)} | {len(reachable)} | " + " | ".join(_cells(reachable))


COLUMNS = (
    "breathing | patients | reachable | response s: median | settling s: median | overshoot °C: median | p99 |"
    " bias °C: median of size | 2.5 % | 97.5 % | SD °C: median | p95 | CEM43 within −20/+50 % | at the margin: median"
    " | charred | energy J"
)


def _cells(reachable: list[dict[str, Any]]) -> list[str]:
    def of(name: str) -> np.ndarray[Any, Any]:
        return np.array([one[name] for one in reachable if one[name] is not None], float)

    dose = of("cem43_site")
    within = np.mean((dose >= 0.8 * 240) & (dose <= 1.5 * 240))
    bias, sd, over = of("bias_c"), of("sd_c"), of("overshoot_c")
    low, high = np.percentile(bias, [2.5, 97.5])
    return [
        f"{np.median(of('response_s')):.0f}",
        f"{np.median(of('settling_s')):.0f}",
        f"{np.median(over):.2f}",
        f"{np.percentile(over, 99):.2f}",
        f"{np.median(np.abs(bias)):.2f}",
        f"{low:+.2f}",
        f"{high:+.2f}",
        f"{np.median(sd):.3f}",
        f"{np.percentile(sd, 95):.3f}",
        f"{within:.1%}",
        f"{np.median(of('cem43_margin')):.0f}",
        f"{np.mean(of('charred')):.1%}",
        f"{np.median(of('energy_j')):.0f}",
    ]


def ends(figures: list[dict[str, Any]]) -> str:
    """How treatments ended, by number of the fault."""
    counts: dict[str, int] = {}
    for one in figures:
        key = one["end"] if one["end"] == "complete" else f"{one['end']} {one['code']}"
        counts[key] = counts.get(key, 0) + 1
    return ", ".join(f"{count} {key}" for key, count in sorted(counts.items(), key=lambda item: -item[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=PATIENTS, help="(default %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="first seed; from 100000 on they are for tuning")
    parser.add_argument("--arms", default="0,1,2,3", help="which arms, by number (default %(default)s)")
    parser.add_argument("--store", type=Path, default=Path("runs/cohort.jsonl"), help="where figures are kept")
    asked = parser.parse_args()
    store, seeds = Store(asked.store), range(asked.first, asked.first + asked.patients)
    for arm in map(int, asked.arms.split(",")):
        figures = study(arm, seeds, store)
        print(f"\n{ARMS[arm].name}: {ends(figures)}\n\n{COLUMNS}")
        print("\n".join(rows(figures)))


if __name__ == "__main__":
    main()
