"""`make reaction`: how long each hazard leaves the light on, with the event at 20 points of the frame, on each level.

The delay is from the event to the last light that follows it; the light is the true one, to the millisecond. Where
the interlock chain darkens in hardware, the firmware's own way is measured too, with the enable welded.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from imilt.plan import find_plan
from imilt_sim.bench import plan_path
from imilt_sim.faults import parse_fault
from imilt_sim.latency import LatencyWorld
from imilt_sim.simulate import Setup, Simulation
from imilt_sim.world import World

LEVELS = ("cpython", "micropython")

EVENT_S = 20.0
"""By then the default plan heats at its cap."""
AFTER_S = 15.0
PHASES = 20
FRAME_MS = 1000
_OFF_THE_GRID_MS = 3
_CHANNELS = 4


@dataclass(frozen=True)
class Hazard:
    """A fault of the vocabulary without its time, the number it latches (0: none), the limit and where it is from."""

    fault: str
    number: int
    limit_ms: int
    because: str
    also: str = ""
    """A fault that is there from the beginning of heating."""


_CHAIN = "the chain opens in hardware"
_INTERRUPT = "by interrupt alone, the enable welded"
_SAMPLE = "a slot of 200 ms until the sample, and its cycle"
_WELDED = "enable-stuck@15"
HAZARDS = (
    Hazard("estop", 50, 10, _CHAIN),
    Hazard("key", 51, 50, _CHAIN),
    Hazard("interlock", 52, 50, _CHAIN),
    Hazard("fibre", 53, 50, _CHAIN),
    Hazard("cover", 54, 50, _CHAIN),
    Hazard("estop", 50, 10, _INTERRUPT, _WELDED),
    Hazard("key", 51, 50, _INTERRUPT, _WELDED),
    Hazard("interlock", 52, 50, _INTERRUPT, _WELDED),
    Hazard("fibre", 53, 50, _INTERRUPT, _WELDED),
    Hazard("cover", 54, 50, _INTERRUPT, _WELDED),
    Hazard("footswitch", 49, 50, "by interrupt while heating"),
    Hazard("power-cut:1", 0, 0, "pull-downs"),
    Hazard("hang", 62, 250, "the monostable"),
    Hazard("brown-out:4000", 47, 100, "a cycle"),
    Hazard("over-power:2", 40, 500, "a cycle to measure it, a dark one, a second look, the dark slot"),
    Hazard("pwm-stuck:0.5", 40, 550, "as before, and the monostable"),
    Hazard("under-power:0.2", 43, 4000, "1000 ms of evidence, after each cycle of which a dark one follows"),
    Hazard("photodiode:0", 43, 4000, "as before"),
    Hazard("open:0", 20, 300, _SAMPLE),
    Hazard("short:1", 21, 300, _SAMPLE),
    Hazard("flip:0,18", 23, 300, _SAMPLE),
    Hazard("shorted-leads:3", 22, 300, _SAMPLE),
    Hazard("cold-junction:80", 26, 300, _SAMPLE),
    Hazard("absent:2", 31, 300, _SAMPLE),
    Hazard("offset:0,30", 11, 300, _SAMPLE),
    Hazard("offset:1,60", 12, 300, _SAMPLE),
    Hazard("offset:2,10", 13, 300, _SAMPLE),
    Hazard("offset:3,30", 14, 300, _SAMPLE),
    Hazard("stale:3", 30, 700, "an age of four cycles and the slot"),
    Hazard("stuck:0", 28, 10000, "40 samples of one code"),
    Hazard("host-silent:60", 45, 4300, "a lease of 3 s and the second since the last heartbeat"),
)


class Reaction(Simulation):
    """Ends a while after the event, whatever the treatment does."""

    world_type = LatencyWorld

    def _second(self, world: World) -> None:
        super()._second(world)
        if world.time_s > EVENT_S + AFTER_S:
            self.interrupt()

    def _prompt(self, what: str) -> None:
        """After the event nobody lends a hand to go on."""
        if self.world.time_s < EVENT_S:
            super()._prompt(what)

    def light_after(self, event_ms: int) -> int:
        """From the event to the last light, ms."""
        world = self.world
        assert isinstance(world, LatencyWorld)
        log = [*world.light_log, (world.now_ms, 0.0)]
        ends = [end for (_, watts), (end, _) in pairwise(log) if watts and end > event_ms]
        return max(ends, default=event_ms) - event_ms


def react(hazard: Hazard, event_ms: int, level: str) -> tuple[int, int]:
    """One run: the delay in ms, and the number of the last fault that the device told."""
    name, _, args = hazard.fault.partition(":")
    texts = [f"{name}@{event_ms / 1000}" + (f":{args}" if args else "")] + ([hazard.also] if hazard.also else [])
    faults = [parse_fault(text, _CHANNELS) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        reaction = Reaction(Setup(find_plan(plan_path()), level, faults=faults), Path(folder) / "run")
        reaction.run()
        return reaction.light_after(event_ms), int(reaction.treatment.fault.get("fault", 0))


def event_times_ms(phases: int) -> list[int]:
    """So many points of a frame, evenly spread, none on the world's grid."""
    return [round(EVENT_S * 1000) + _OFF_THE_GRID_MS + i * FRAME_MS // phases for i in range(phases)]


def measure(hazard: Hazard, level: str, phases: int) -> list[tuple[int, int]]:
    return [react(hazard, time_ms, level) for time_ms in event_times_ms(phases)]


def _row(hazard: Hazard, results: Sequence[Sequence[tuple[int, int]]]) -> tuple[list[str], bool]:
    """A row of the table, and whether it holds: within the limit, and told by the right number."""
    worst = [max(delay for delay, _ in level) for level in results]
    told = {number for level in results for _, number in level}
    good = max(worst) <= hazard.limit_ms and told == {hazard.number}
    what = hazard.fault + (" (enable welded)" if hazard.also else "")
    numbers = ", ".join(map(str, sorted(told)))
    return [what, numbers, *map(str, worst), str(hazard.limit_ms), hazard.because, "" if good else "FAILS"], good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m imilt_sim.reaction", description=__doc__)
    parser.add_argument("--phases", type=int, default=PHASES)
    phases = parser.parse_args().phases
    jobs: list[tuple[Hazard, str, int]] = [(hazard, level, phases) for hazard in HAZARDS for level in LEVELS]
    with ProcessPoolExecutor() as pool:
        running = [pool.submit(measure, *job) for job in jobs]
        console = Console(stderr=True)
        done: list[Any] = [run.result() for run in track(running, "hazards", console=console, transient=True)]
    table = Table(
        "event while heating at the cap", "fault", *(f"{level} ms" for level in LEVELS), "limit ms", "because", ""
    )
    all_good = True
    for i, hazard in enumerate(HAZARDS):
        cells, good = _row(hazard, done[i * len(LEVELS) : (i + 1) * len(LEVELS)])
        table.add_row(*cells)
        all_good = all_good and good
    out = Console(width=None if sys.stdout.isatty() else 160)
    out.print(table)
    out.print(f"worst of {phases} points of the frame, true light, to the millisecond")
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
