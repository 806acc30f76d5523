"""Whole simulated treatments, watched: the record, the true optical power over time, and every reset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from imilt.errors import InputError
from imilt.link import body_of
from imilt.plan import load_plan
from imilt.run import Run
from imilt_sim.faults import parse_fault
from imilt_sim.levels.micropython import vm_path
from imilt_sim.simulate import Setup, Simulation
from support.firmware import load
from support.plans import short_plan

AFTER_S = 3.0
"""How long the simulation goes on after the host is done: what the laser does then is what counts."""
FIRST_CYCLE_S = 0.005
"""World time of the first cycle: the grid's origin lies so long before the first conversion."""


class Watched(Simulation):
    """A simulation that goes on for a while after its end; `power` is (time, W) from each change on."""

    def __init__(self, setup: Setup, folder: Path) -> None:
        self.sent = bytearray()
        super().__init__(setup, folder)
        self._end_s: float | None = None
        self.power: list[tuple[float, float]] = []
        self.reset_cause = 0  # as the firmware has it when the simulation ends
        self.resets: list[dict[str, float]] = []
        self._advance = self.plant.advance
        self.plant.advance = self._keep_power  # type: ignore[method-assign]
        device: Any = self._device
        self._power_off = device.power_off
        device.power_off = self._end_later
        if setup.level == "cpython":
            self._reset = device.board.reset
            device.board.reset = self._keep_reset

    def rows(self) -> list[dict[str, int]]:
        """Every row that the device sent, those included that the host no longer records."""
        columns = load("report").COLUMNS
        bodies = [body_of(line) or b"" for line in bytes(self.sent).split(b"\n")]
        values = [[int(text) for text in body.split(b",")[2:]] for body in bodies if body.startswith(b"T,")]
        return [dict(zip(columns, row, strict=False)) for row in values]

    def power_from(self, time_s: float) -> float:
        """The highest optical power at or after `time_s`, W."""
        before = [watts for start, watts in self.power if start <= time_s][-1:]
        return max(before + [watts for start, watts in self.power if start > time_s])

    def _console(self, data: bytes, time_s: float) -> bytes:
        self.sent += data
        return super()._console(data, time_s)

    def _keep_power(self, count: int, power_w: float) -> None:
        if not self.power or self.power[-1][1] != power_w:
            self.power.append((self.world.time_s, power_w))
        self._advance(count, power_w)

    def _keep_reset(self, cause: int) -> None:
        board = self._device_board()
        if not board.off:  # else the simulation ends, by way of the firmware's own way out
            state = {"cause": cause, "pwm_cc": board.pwm_cc, "enable": board.enable_level}
            self.resets.append({"time_s": self.world.time_s, **state})
        self._reset(cause)

    def _device_board(self) -> Any:
        device: Any = self._device
        return device.board

    def _end_later(self) -> None:
        """Called at every exchange once the treatment is done."""
        if self._end_s is None:
            self._end_s = self.world.time_s + AFTER_S
        if self.world.time_s >= self._end_s:
            self.reset_cause = getattr(self._device_board(), "reset_cause", 0)
            self._power_off()


def simulate(
    folder: Path,
    faults: Sequence[str] = (),
    edits: Sequence[tuple[str, str]] = (),
    level: str = "cpython",
    firmware: Path | None = None,
    flash: Path | None = None,
) -> tuple[Watched, Run]:
    """Run the short plan, with these texts of it replaced, under these faults."""
    plan = load_plan(short_plan(folder, *edits))
    setup = Setup(plan, level, faults=[parse_fault(text, 4) for text in faults], firmware=firmware, flash=flash)
    watched = Watched(setup, folder / "run")
    watched.run()
    return watched, Run.load(folder / "run")


def require_vm() -> None:
    try:
        vm_path()
    except InputError as error:
        pytest.skip(str(error))
