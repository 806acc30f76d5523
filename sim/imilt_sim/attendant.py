"""Who stands at a served device: does at its inputs what it waits for, told only by what goes over the line."""

from __future__ import annotations

from imilt_sim.operator import Operator
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


class Attendant:
    """With the host's words on a screen, a person would do the same. `world` is where the device stands."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._operator = Operator(world)
        self._from_device, self._from_host = Lines(), Lines()
        self._asked: dict[bytes, bytes] = {}  # by its number, a command that needs hands
        self._key_s = -_KEY_AGAIN_S
        self._state = b""

    def hear_host(self, data: bytes) -> None:
        """What the host sends."""
        for name, number, *_ in self._from_host.take(data):
            if name in _HANDS:
                self._asked[number] = name

    def hear_device(self, data: bytes) -> None:
        """What the device says."""
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
            self._world.after(_KEY_AFTER_S, self._turn_key_at_end)

    def _turn_key_at_end(self) -> None:
        """Unless it was turned meanwhile: in the next treatment it would be a fault."""
        if self._state in _ENDED:
            self._turn_key()

    def _turn_key(self) -> None:
        if self._world.time_s >= self._key_s + _KEY_AGAIN_S:
            self._key_s = self._world.time_s
            self._operator.prompt("key")
