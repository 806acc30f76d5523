"""`make bench`: how many times faster than real time the closed loop runs, and where the time goes.

The loop has everything on: link, byte-level converters, every hazard, recording. Start-up, compilation and the report
are outside it. One core, a full default treatment, the median of five.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import statistics
import tempfile
from collections import Counter
from pathlib import Path

from imilt.plan import find_plan
from imilt_sim.simulate import Setup, Simulation

PLAN = "pancreas-imilt"
RUNS = 5
GOAL = {"cpython": 1000, "micropython": 300}
"""Times real time; level rp2040 tells its own in `make conformance`."""
_PARTS = (
    ("/firmware/", "firmware"),
    ("/standins/", "virtual board: pins, converters, serial port"),
    ("/tissue/", "tissue and probes"),
    ("imilt_sim", "world: grid, leads, contacts"),
    ("/imilt/record.py", "recording"),
    ("/imilt/", "host: link, treatment"),
)


def plan_path(name: str = PLAN) -> Path:
    """A plan that comes with imilt: of a checkout, or of the package."""
    path = Path("plans") / f"{name}.toml"
    return path if path.exists() else Path(name)


def run_once(level: str, profile: cProfile.Profile | None = None) -> float:
    """One treatment; returns its realtime factor."""
    with tempfile.TemporaryDirectory() as folder:
        simulation = Simulation(Setup(find_plan(plan_path()), level), Path(folder) / "run")
        if profile:
            profile.enable()
        summary = simulation.run()
        if profile:
            profile.disable()
        factor = summary["realtime_factor"]
        assert isinstance(factor, float)
        return factor


def shares(profile: cProfile.Profile) -> Counter[str]:
    """Own time by part of the system, as a fraction of all."""
    times: Counter[str] = Counter()
    stats = pstats.Stats(profile)
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        times[_part(file, name)] += own
    whole = times.total()
    return Counter({part: time / whole for part, time in times.items()})


def _part(file: str, name: str) -> str:
    for pattern, part in _PARTS:
        if pattern in file:
            return part
    return "waiting for the VM" if "posix.read" in name else "built-in functions and libraries"


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for level in GOAL:
        factors = [run_once(level) for _ in range(RUNS)]
        spread = ", ".join(f"{factor:.0f}" for factor in sorted(factors))
        print(f"level {level}: {statistics.median(factors):.0f}x real time, goal {GOAL[level]}x  ({spread})")
    for level in GOAL:
        profile = cProfile.Profile()
        run_once(level, profile)
        print(f"\nwhere the time goes on level {level} (profiled, which weighs small functions too heavily):")
        for part, share in shares(profile).most_common():
            print(f"  {share:6.1%}  {part}")


if __name__ == "__main__":
    main()
