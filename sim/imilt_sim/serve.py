"""`imilt serve`: a simulated device on a pseudo-terminal, paced to the wall clock, with an operator at its inputs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import tty
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from imilt.errors import InputError
from imilt.firmware import firmware_dir
from imilt.plan import Plan
from imilt_sim.attendant import Attendant
from imilt_sim.command import load_setup
from imilt_sim.faults import Fault
from imilt_sim.hands import Hands
from imilt_sim.levels import device
from imilt_sim.tissue.plant import patient
from imilt_sim.world import SERVICE, World

_BEHIND_MAX_S = 0.5
"""A device that fell behind the clock by more does not hurry after it: hosts wait by the clock."""

_UP_AFTER_MS = 3000


class Served:
    """The device and its end of the pseudo-terminal. `path` is what a host opens, best once `on_up` was called.

    Hands at the device are `attended`'s simulated operator and whoever `imilt hands` brings.
    """

    def __init__(
        self,
        plan: Plan,
        seed: int = 1,
        faults: Sequence[Fault] = (),
        speed: float = 1.0,
        level: str = "cpython",
        *,
        flash: Path | None = None,
        attended: bool = True,
        service: bool = False,
        on_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._speed = speed
        self._began = time.monotonic()
        self._stopped = False
        self._on_up, self._up = on_up, False
        self.dropped_bytes = 0
        self.world = World(plan, patient(plan), seed, self._console, lambda world: None)
        self._attendant = Attendant(self.world) if attended else None
        if service:
            self.world.close(SERVICE)
        self._device = device(level, self.world.exchange, firmware_dir(), flash, live=True)
        for fault in faults:
            self.world.at(fault.time_s, lambda fault=fault: fault.apply(self.world))
        self._hands = Hands(self.path, len(plan.probes))

    def run(self) -> None:
        """Until `stop` is called; then the port is gone."""
        try:
            self._device.run()
        finally:
            self._hands.close()
            os.close(self._master)
            os.close(self._slave)

    def stop(self) -> None:
        """End at the next cycle; safe from another thread or a signal handler."""
        self._stopped = True

    def _console(self, data: bytes, time_s: float) -> bytes:
        """Hand over what the device wrote, wait until it is time, and take what the host sent."""
        if self._stopped:
            self._device.power_off()
            return b""
        self._tell_up()
        self._write(data)
        self._wait()
        self._hands.take(self.world)
        received = self._read()
        if self._attendant:
            self._attendant.hear_device(data)
            self._attendant.hear_host(received)
        return received

    def _tell_up(self) -> None:
        """Once, when its firmware cycles, or ought to: the emulated board takes some seconds to come up."""
        if not self._up and (self.world.begun or self._device.board.now_ms > _UP_AFTER_MS):
            self._up = True
            self._on_up()

    def _wait(self) -> None:
        """By the board's own clock, which runs before its first cycle too."""
        ahead_s = self._began + self._device.board.now_ms / 1000 / self._speed - time.monotonic()
        if ahead_s > 0:
            time.sleep(ahead_s)
        elif ahead_s < -_BEHIND_MAX_S:
            self._began -= ahead_s

    def _write(self, data: bytes) -> None:
        """A host that does not read loses bytes, as with a real port; the device never waits."""
        written = 0
        with contextlib.suppress(BlockingIOError):
            written = os.write(self._master, data)
        self.dropped_bytes += len(data) - written

    def _read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._master, 4096)
        return b""


def serve(
    plan: Path,
    level: str,
    seed: int,
    faults: tuple[str, ...],
    speed: float,
    flash: Path | None,
    attended: bool,
    service: bool,
) -> None:
    """Serve until Ctrl-C."""
    setup = load_setup(plan, level, seed, faults)
    if flash:
        _make_folder(flash)
    served = Served(setup.plan.plan, seed, setup.faults, speed, level, flash=flash, attended=attended, service=service)
    click.echo(served.path)
    click.echo("a simulated device is served there; Ctrl-C ends it", err=True)
    signal.signal(signal.SIGINT, lambda *_: served.stop())
    served.run()


def _make_folder(flash: Path) -> None:
    try:
        flash.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--flash {flash}: cannot be made: {error.strerror}") from error
