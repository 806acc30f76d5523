"""Level rp2040: the firmware on the emulated board, whose own time drives the world from grid point to grid point.

On the other levels a cycle takes no time. Here it takes some, so the world acts in between the cycles: at its grid
point, or when the cycle that still runs then is over. It is told times as the other levels would: what happens between
two grid points happens 5 ms after the first of them. A cycle that is not over four grid points later would see other
inputs than theirs: the run then fails. The first cycle's look at the light is where the first conversion begins for
the world, as all of a cycle happens at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imilt.errors import RunError
from imilt_sim.levels.port import Port
from imilt_sim.pico import filesystem, image
from imilt_sim.pico.chip import NS_PER_MS, Chip
from imilt_sim.pico.converters import Converters
from imilt_sim.pico.pins import Inputs, Outputs
from imilt_sim.pico.usb import UsbHost
from imilt_sim.standins import wiring
from imilt_sim.tissue.plant import GRID_MS
from imilt_sim.world import ORIGIN_BEFORE_FIRST_CONVERSION_MS, BoardPort

_GRID_NS = GRID_MS * NS_PER_MS
_BEFORE_NS = ORIGIN_BEFORE_FIRST_CONVERSION_MS * NS_PER_MS
_GRID_PER_CYCLE = 5
_PATIENCE_NS = 4 * _GRID_NS
_LOOK_AGAIN_NS = 100_000


class Device:
    """One emulated board with what lies in `flash`, which gets what the firmware keeps there when `run` ends.

    `run` returns when the world ends it; `power_off` is called from inside `exchange` to end it. `live`: the host is
    asked at every grid point, and a board that is busy for longer than the other levels allow goes on. Raises
    InputError without an image.
    """

    def __init__(self, exchange: Callable[[BoardPort], None], flash: Path, live: bool = False) -> None:
        self._exchange = exchange
        self._live = live
        self._flash = flash
        self._off = False
        self._origin_ns: float | None = None  # of the grid, on the board's clock
        self._first_ms = ORIGIN_BEFORE_FIRST_CONVERSION_MS  # when the first conversion began
        self._point = 0  # the grid point that the board runs to
        self._said = bytearray()
        self._looked_ns = 0.0
        self._acted = self._torn = False  # the cycle has begun; the world went on in the middle of it
        self.board = Port()
        self.chip = Chip(image.get(), filesystem.from_folder(flash))
        self.usb = UsbHost(self.chip, self._heard)
        self._converters = Converters(self.chip, self.board, self._active)
        self._outputs = Outputs(self.chip, self._edge)
        self._inputs = Inputs(self.chip, self._look)

    def power_off(self) -> None:
        self._off = True

    def run(self) -> None:
        self._pass_on(0)
        while not self._off:
            self.step()
        filesystem.into_folder(self.chip.files, self._flash)

    def step(self) -> None:
        """Run to the next grid point and let the world act there. Raises RunError for a cycle beyond one."""
        self._point += 1
        self.chip.run_to(self._point_ns())
        self._finish_cycle(self._point_ns())
        self._pass_on(self._first_ms - ORIGIN_BEFORE_FIRST_CONVERSION_MS + self._point * GRID_MS)

    def _point_ns(self) -> float:
        """The next grid point; from the first conversion on it is another."""
        return (self._origin_ns or 0.0) + self._point * _GRID_NS

    def _finish_cycle(self, point_ns: float) -> None:
        """What still runs at a grid point sees the inputs from before it."""
        while not self._live and not self.chip.idle and self.chip.now_ns < point_ns + _PATIENCE_NS:
            self.chip.run_to(self.chip.now_ns + _LOOK_AGAIN_NS)
        self._torn = self._acted and not self.chip.idle and not self._live
        self._acted = self._torn

    def _pass_on(self, target_ms: int) -> None:
        """Tell the world what the board does, and the board what came of it."""
        port = self.board
        port.now_ms = self._told_ms()
        port.target_ms = target_ms
        port.pwm_cc, port.pwm_top = self._outputs.duty(wiring.LASER_PWM)
        port.outputs = self._outputs.mask()
        port.rx, port.rx_at = bytearray(), 0
        # As on the other levels the host is asked once a cycle.
        if self._live or self._origin_ns is None or self._point % _GRID_PER_CYCLE == 1:
            port.tx, self._said = self._said, bytearray()
        self._exchange(port)
        port.started = 0
        self._befall()
        self._converters.finish()
        self._inputs.take(port)
        if port.rx:
            self.usb.send(bytes(port.rx))

    def _befall(self) -> None:
        port = self.board
        if port.cut_ms:
            self.chip.cut_power(port.cut_ms)
            self._converters.power_up()
        elif port.hang:
            self.chip.hang()
        port.cut_ms = port.hang = 0

    # What the board does on the way

    def _told_ms(self) -> int:
        """The time now, as the world is told it."""
        return self._first_ms + (self._point - 1) * GRID_MS

    def _edge(self) -> None:
        self.board.edge_ms = self._told_ms()

    def _heard(self, data: bytes) -> None:
        self._active()
        self._said += data

    def _look(self) -> None:
        """The board measures the light: its cycle has begun."""
        if self._origin_ns is None:
            self._looked_ns = self.chip.now_ns
        self._active()

    def _active(self) -> None:
        """The board looks at its inputs, converters included, or reports."""
        if self._origin_ns is None and self.board.started:
            self._begin()
        if self._torn:
            raise RunError(
                f"level rp2040: a cycle was not over {_PATIENCE_NS // NS_PER_MS} ms after the grid point at"
                f" {(self._point - 1) * GRID_MS / 1000:.2f} s: the levels no longer agree"
            )
        self._acted = self._origin_ns is not None

    def _begin(self) -> None:
        """The first conversion has begun: the world's time began 5 ms before that cycle."""
        self._first_ms = round(self._looked_ns / NS_PER_MS)
        self._origin_ns = self._looked_ns - _BEFORE_NS
        self._point = 1
        self.chip.stop_at(self._origin_ns + _GRID_NS)
