"""A treatment on a board whose probes are shorted and whose set-point comes back as light: what it has to do, cycle by
cycle.

Nothing in it depends on a measured value: the error is beyond the controller's range all the time. So a real board
and the simulated one must agree exactly, from the cycle in which heating begins.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from imilt.plan import LoadedPlan
from imilt.run import CYCLE_S, FRAME_CYCLES, Run
from imilt.treat import Treatment
from imilt_sim.faults import parse_fault
from imilt_sim.simulate import Setup, Simulation

FAULTS = ("shorted-leads@0:0", "shorted-leads@0:1")
COMPARED = ("state", "reason", "fault", "wanted_mw", "allowed_mw", "enable", "emission_ms", "hold_ms")
"""What the firmware decides; measured values differ from bench to bench, and duties with the laser's table."""


class Ender:
    """Ends the treatment once the firmware has paused it: the plan's point is reached."""

    def __init__(self) -> None:
        self._stopped = False

    def frame(self, treatment: Treatment, row: bytes) -> None:
        """Called with one row a second."""
        if treatment.state == "paused" and not self._stopped:
            self._stopped = True
            treatment.stop("the loop-back plan ends here")


class _Later(Simulation):
    """Hands that come so many cycles later than they would."""

    cycles: Mapping[str, int] = {}

    def _prompt(self, what: str) -> None:
        later = self.cycles.get(what, 0)
        if later:
            self.world.after(later * CYCLE_S, lambda: self._operator.prompt(what))
        else:
            super()._prompt(what)


def reference(loaded: LoadedPlan, board: Run) -> Run:
    """The same treatment on level cpython, with hands that come in the same cycles of a frame as at `board`."""
    run = _simulated(loaded, {})
    foot = max(0, armed_cycles(board) - armed_cycles(run))
    ready = (first_heating(board) - first_heating(run) - foot) % FRAME_CYCLES
    return _simulated(loaded, {"footswitch": foot, "ready": ready})


def _simulated(loaded: LoadedPlan, cycles: Mapping[str, int]) -> Run:
    faults = [parse_fault(text, len(loaded.plan.probes)) for text in FAULTS]
    with tempfile.TemporaryDirectory() as folder:
        simulation = _Later(Setup(loaded, faults=faults), Path(folder) / "run", Ender().frame)
        simulation.cycles = cycles
        simulation.run()
        return Run.load(Path(folder) / "run")


def armed_cycles(run: Run) -> int:
    """From arming to heating: so long is the emission indicator on before."""
    return int(run.in_state("self-test", "ready").sum())


def first_heating(run: Run) -> int:
    """The cycle's number in which heating began; -1 if it did not."""
    heating = run.in_state("heating")
    return int(run.cycles["cycle"][heating.argmax()]) if heating.any() else -1


def decisions(run: Run) -> list[tuple[int, ...]]:
    """What the firmware decided in each cycle, from heating up to the first pause."""
    rows = list(zip(*(run.cycles[name].tolist() for name in COMPARED), strict=True))
    heating, paused = run.in_state("heating"), run.in_state("paused")
    begin = int(heating.argmax()) if heating.any() else len(rows)
    return rows[begin : int(paused.argmax()) + 1 if paused.any() else len(rows)]


def difference(board: list[tuple[int, ...]], simulated: list[tuple[int, ...]]) -> str:
    """Where they part; empty if they do not."""
    for i, (row, other) in enumerate(zip(board, simulated, strict=False)):
        for name, value, wanted in zip(COMPARED, row, other, strict=True):
            if value != wanted:
                return f"cycle {i} of heating, {name}: {value} instead of {wanted}"
    return "" if len(board) == len(simulated) else f"{len(board)} cycles instead of {len(simulated)}"
