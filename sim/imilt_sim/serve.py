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
from imilt_sim.tissue.plant import patient
from imilt_sim.world import World

_HANDS = {b"arm": "ready", b"start": "footswitch"}
"""What a command asks for, once the device has accepted it."""
_STEPS_OFF = (b"3", b"4", b"5", b"6", b"7")  # holding, cooling, complete, paused, fault
_ENDED = (b"5", b"7")  # complete, fault
_KEY_REASONS = (b"51", b"55")  # it is off, or was not turned since power-up
_CONFIRM = b"73"
_KEY_AFTER_S = 15.0
_KEY_AGAIN_S = 5.0
"""A key that is being turned needs no second prompt."""
_UNFINISHED_MAX_BYTES = 1000


class Lines:
    """Cuts bytes into the fields of whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[list[bytes]]:
        """The fields of each line that ends in `data`, without its CRC; padded, so that the first five are there."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_UNFINISHED_MAX_BYTES:]
        return [line.partition(b"*")[0].split(b",") + [b""] * 5 for line in lines]


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
        self.world = World(plan, patient(plan), seed, self._console, lambda world: None)
        self._operator = Operator(self.world)
        self._from_device, self._from_host = Lines(), Lines()
        self._asked: dict[bytes, bytes] = {}  # by its number, a command that needs hands
        self._key_s = -_KEY_AGAIN_S
        self._state = b""
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
        self._watch_device(data)
        time.sleep(max(0.0, self._started + time_s / self._speed - time.monotonic()))
        received = self._read()
        self._watch_host(received)
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

    def _watch_host(self, data: bytes) -> None:
        for name, number, *_ in self._from_host.take(data):
            if name in _HANDS:
                self._asked[number] = name

    def _watch_device(self, data: bytes) -> None:
        """What the operator does for what the device says: with the host's words on a screen, a person would too."""
        for kind, _, first, second, third, *more in self._from_device.take(data):
            if kind == b"S":
                self._follow_state(second)
            elif kind == b"A" and first in self._asked:
                self._answered(_HANDS[self._asked.pop(first)], second == b"1")
            elif kind == b"L" and (second, more[:1]) == (_CONFIRM, [b"1"]):
                self._operator.prompt("confirm")
            elif kind == b"W" and third in _KEY_REASONS:
                self._turn_key()

    def _answered(self, what: str, accepted: bool) -> None:
        if accepted:
            self._operator.prompt(what)

    def _follow_state(self, state: bytes) -> None:
        """Off the footswitch where it need not be held, and with the key at the end of a treatment."""
        self._state = state
        if state in _STEPS_OFF:
            self._operator.prompt("release")
        if state in _ENDED:
            self.world.after(_KEY_AFTER_S, self._turn_key_at_end)

    def _turn_key_at_end(self) -> None:
        """Unless it was turned meanwhile: in the next treatment it would be a fault."""
        if self._state in _ENDED:
            self._turn_key()

    def _turn_key(self) -> None:
        if self.world.time_s >= self._key_s + _KEY_AGAIN_S:
            self._key_s = self.world.time_s
            self._operator.prompt("key")


def serve(plan: Path, seed: int, faults: tuple[str, ...], speed: float) -> None:
    """Serve until Ctrl-C."""
    setup = load_setup(plan, "cpython", seed, faults)
    served = Served(setup.plan.plan, seed, setup.faults, speed)
    click.echo(served.path)
    click.echo("a simulated device is served there; Ctrl-C ends it", err=True)
    signal.signal(signal.SIGINT, lambda *_: served.stop())
    served.run()
