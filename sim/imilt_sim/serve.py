"""`imilt serve`: a simulated device on a pseudo-terminal, paced to the wall clock, with an operator at its inputs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import tty
from collections.abc import Sequence
from pathlib import Path

import click

from imilt.firmware import firmware_dir
from imilt.plan import Plan
from imilt_sim.command import load_setup
from imilt_sim.faults import Fault
from imilt_sim.levels import device
from imilt_sim.operator import Operator
from imilt_sim.tissue.plant import Plant
from imilt_sim.world import World

_HOLDING = b"3"
_ENDED = (b"5", b"7")  # complete, fault
_KEY_AFTER_S = 15.0
_HANDS = ((b"arm,", "ready"), (b"start,", "footswitch"))


class Served:
    """The device and its end of the pseudo-terminal. `path` is what a host opens."""

    def __init__(self, plan: Plan, seed: int, faults: Sequence[Fault], speed: float) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._speed = speed
        self._started = time.monotonic()
        self._stopped = False
        self.dropped_bytes = 0
        self.world = World(plan, Plant(plan), seed, self._console, lambda world: None)
        self._operator = Operator(self.world)
        self._device = device("cpython", self.world.exchange, firmware_dir())
        for fault in faults:
            self.world.at(fault.time_s, lambda fault=fault: fault.apply(self.world))

    def run(self) -> None:
        """Until `stop` is called."""
        try:
            self._device.run()
        finally:
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
        self._write(data)
        self._watch_state(data)
        time.sleep(max(0.0, self._started + time_s / self._speed - time.monotonic()))
        received = self._read()
        for command, hands in _HANDS:
            if any(line.startswith(command) for line in received.splitlines()):
                self._operator.prompt(hands)
        return received

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

    def _watch_state(self, data: bytes) -> None:
        """The operator lets go of the footswitch when the device holds, and turns the key when it has ended."""
        for line in data.splitlines():
            fields = line.split(b",")
            if fields[0] == b"S" and len(fields) > 3:
                if fields[3] == _HOLDING:
                    self._operator.prompt("release")
                elif fields[3] in _ENDED:
                    self.world.after(_KEY_AFTER_S, lambda: self._operator.prompt("key"))


def serve(plan: Path, seed: int, faults: tuple[str, ...], speed: float) -> None:
    """Serve until Ctrl-C."""
    setup = load_setup(plan, "cpython", seed, faults)
    served = Served(setup.plan.plan, seed, setup.faults, speed)
    click.echo(served.path)
    click.echo("a simulated device is served there; Ctrl-C ends it", err=True)
    signal.signal(signal.SIGINT, lambda *_: served.stop())
    served.run()
