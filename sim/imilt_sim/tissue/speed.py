"""What a cycle costs, and how fast each tier is: `python -m imilt_sim.tissue.speed PLAN.toml …` prints it.

Speeds are in simulated seconds per second of the clock, times the patients where there are many. All repeats of all
tiers are interleaved, and compiling is not counted; the best and the median are shown.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from imilt.plan import Plan, load_plan
from imilt_sim.tissue import lti
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.cohort import LANES, Cohort
from imilt_sim.tissue.plant import Plant
from imilt_sim.tissue.spherical import Spherical

CYCLE_POINTS = 5
CYCLES = 6000
REPEATS = 7
SPAN_S = 600.0
"""Simulated per repeat."""
THREADS = min(2, os.cpu_count() or 1)
SPREAD = {"absorption_per_cm": 0.1, "reduced_scattering_per_cm": 0.4, "normal_perfusion_per_s": 0.4}
"""Relative spread of tissue: optics from Sci Rep 2022;12:14300, perfusion from doi 10.1055/s-0045-1811197."""


class Tier(NamedTuple):
    """A measurement: `prepare` returns what is timed, and how many patient-seconds it simulates."""

    name: str
    prepare: Callable[[], tuple[Callable[[], object], float]]


def microseconds(plan: Plan, points: int) -> list[float]:
    """Sorted mean costs of a call of `advance(points, 1.8)`, µs: one per repeat of ten simulated minutes."""
    costs = []
    for _ in range(REPEATS):
        plant = Plant(plan)
        plant.advance(0, 0.0)  # compiles, or loads what was compiled
        start = time.perf_counter()
        for _ in range(CYCLES):
            plant.advance(points, 1.8)
        costs.append((time.perf_counter() - start) / CYCLES * 1e6)
    return sorted(costs)


def varied(plan: Plan, patients: int, seed: int = 1) -> list[Plan]:
    """Patients of one plan whose tissue differs as SPREAD says (normal, cut at half and at twice the plan's)."""
    rng = np.random.default_rng(seed)

    def tissue() -> dict[str, float]:
        factors = {key: float(np.clip(rng.normal(1.0, spread), 0.5, 2.0)) for key, spread in SPREAD.items()}
        return {key: getattr(plan.tissue, key) * factor for key, factor in factors.items()}

    return [plan.model_copy(update={"tissue": plan.tissue.model_copy(update=tissue())}) for _ in range(patients)]


def bare(plan: Plan) -> Plan:
    """The plan with a bare fibre."""
    return plan.model_copy(update={"fibre": plan.fibre.model_copy(update={"kind": "bare", "radius_mm": 0.2})})


def linear(points: int, treatments: int, every: int) -> Tier:
    """Many treatments of the linear tier at `points` places, power changing every 0.1 s, read after `every` steps."""

    def prepare() -> tuple[Callable[[], object], float]:
        rng = np.random.default_rng(1)
        power_w = rng.random((round(SPAN_S * 10), treatments))
        gains, keep = rng.random((points, lti.MODES)), np.exp(-0.1 / np.geomspace(0.1, 2500.0, lti.MODES))
        state, rises = np.zeros((lti.MODES, treatments)), np.zeros((len(power_w) // every, points, treatments))
        return lambda: lti.march(keep, gains, state, power_w, every, rises), SPAN_S * treatments

    return Tier(f"linear, {treatments} treatments, {points} points read every {every * 0.1:g} s", prepare)


def spherical(plan: Plan, power_w: float) -> Tier:
    """One patient of the spherical tier."""

    def prepare() -> tuple[Callable[[], object], float]:
        tissue = Spherical(bare(plan))
        return lambda: tissue.advance(round(SPAN_S * 10), power_w), SPAN_S

    return Tier(f"spherical, {power_w:g} W", prepare)


def axisymmetric(plan: Plan, power_w: float) -> Tier:
    """One patient of the axisymmetric tier on its own mesh."""

    def prepare() -> tuple[Callable[[], object], float]:
        tissue = Axisymmetric.of(plan)
        return lambda: tissue.advance(round(SPAN_S * 10), power_w), SPAN_S

    return Tier(f"axisymmetric, {power_w:g} W", prepare)


def counted(threads: int) -> str:
    return f"{threads} thread{'s' * (threads > 1)}"


def cubes(plan: Plan, power_w: float, threads: int) -> Tier:
    """One patient of the 3-D tier."""

    def prepare() -> tuple[Callable[[], object], float]:
        numba.set_num_threads(threads)
        tissue = Box(plan)
        return lambda: tissue.advance(round(SPAN_S * 10), power_w), SPAN_S

    return Tier(f"3-D, {power_w:g} W, {counted(threads)}", prepare)


def cohort(plan: Plan, power_w: float, patients: int, threads: int) -> Tier:
    """Many axisymmetric patients with 0.5 mm near the fibre."""

    def prepare() -> tuple[Callable[[], object], float]:
        many = Cohort(varied(plan, patients), threads=threads)
        return lambda: many.advance(round(SPAN_S / many.step_s), power_w), SPAN_S * patients

    return Tier(f"cohort of {patients}, {power_w:g} W, {counted(threads)}", prepare)


def tiers(plan: Plan) -> list[Tier]:
    """What `main` measures."""
    return [
        linear(5, 64, 10),
        linear(5, 64, 1),
        spherical(plan, 0.5),
        spherical(plan, 1.5),
        axisymmetric(plan, 1.5),
        cubes(plan, 0.5, THREADS),
        cubes(plan, 1.5, 1),
        cubes(plan, 1.5, THREADS),
        cubes(plan, 3.0, THREADS),
        cohort(plan, 0.5, 4 * LANES, THREADS),
        cohort(plan, 1.5, 2 * LANES, 1),
        cohort(plan, 1.5, 4 * LANES, THREADS),
        cohort(plan, 2.5, 4 * LANES, THREADS),
    ]


def speeds(measured: list[Tier]) -> dict[str, list[float]]:
    """Patient-seconds per second of each, one per repeat, interleaved; each begins at rest, the first is not kept."""
    found: dict[str, list[float]] = {tier.name: [] for tier in measured}
    for _ in range(REPEATS + 1):
        for tier in measured:
            work, patient_s = tier.prepare()
            start = time.perf_counter()
            work()
            found[tier.name].append(patient_s / (time.perf_counter() - start))
    return {name: values[1:] for name, values in found.items()}


def main() -> None:
    for path in sys.argv[1:] or ["plans/pancreas-imilt.toml"]:
        plan = load_plan(Path(path)).plan
        start = time.perf_counter()
        plant = Plant(plan)
        build_ms = (time.perf_counter() - start) * 1e3
        cycle, empty = microseconds(plan, CYCLE_POINTS), microseconds(plan, 0)
        nr, nz = plant.mesh.shape
        print(
            f"{path}: {nr} × {nz} cells; a cycle of 100 ms costs {cycle[0]:.1f} µs (median {cycle[REPEATS // 2]:.1f}),"
            f" of which the empty call {empty[0]:.1f} µs; the first construction took {build_ms:.0f} ms"
        )
        for name, values in speeds(tiers(plan)).items():
            print(f"  {name}: {statistics.median(values):.2g} × real time, at best {max(values):.2g}")


if __name__ == "__main__":
    main()
