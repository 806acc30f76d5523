"""What a cycle costs: `python -m imilt_sim.tissue.speed PLAN.toml …` prints it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from imilt.plan import Plan, load_plan
from imilt_sim.tissue.plant import Plant

CYCLE_POINTS = 5
CYCLES = 6000
REPEATS = 7


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


if __name__ == "__main__":
    main()
