"""The fault vocabulary of `--fault NAME@T[:ARGS]`: each acts on a contact, a lead, a chip or the laser, at time T."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from imilt.errors import InputError
from imilt_sim import world as w

MAX_RUN_S = 4 * 3600.0
"""A simulation ends here at the latest."""
_TEXT = re.compile(r"(?P<name>[a-z-]+)@(?P<time>\d+(?:\.\d+)?)(?::(?P<args>.*))?")


@dataclass(frozen=True)
class Fault:
    """A fault as asked for: `apply` makes it happen."""

    text: str
    time_s: float
    apply: Callable[[w.World], None]


@dataclass(frozen=True)
class _Kind:
    help: str
    arguments: tuple[str, ...]
    make: Callable[..., Callable[[w.World], None]]


def _contact(bit: int) -> Callable[[], Callable[[w.World], None]]:
    return lambda: lambda world: world.open(bit)


def _input_fault(bit: int) -> Callable[[float], Callable[[w.World], None]]:
    def make(probe: float) -> Callable[[w.World], None]:
        def apply(world: w.World) -> None:
            world.leads[int(probe)].input_faults |= bit

        return apply

    return make


def _set(name: str) -> Callable[..., Callable[[w.World], None]]:
    """Set an attribute of one probe's lead: to the second argument, or to True."""

    def make(probe: float, value: float | bool = True) -> Callable[[w.World], None]:
        return lambda world: setattr(world.leads[int(probe)], name, value)

    return make


def _absent(probe: float) -> Callable[[w.World], None]:
    def apply(world: w.World) -> None:
        world.absent |= 1 << int(probe)

    return apply


def _flip(probe: float, bit: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world.leads[int(probe)], "flipped_bits", 1 << int(bit) + 5)


def _over_power(factor: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world.diode, "gain", factor)


KINDS: dict[str, _Kind] = {
    "estop": _Kind("the emergency stop is pressed", (), _contact(w.EMERGENCY_STOP)),
    "key": _Kind("the key is turned off", (), _contact(w.KEY)),
    "interlock": _Kind("the remote interlock opens", (), _contact(w.REMOTE)),
    "fibre": _Kind("the fibre is disconnected", (), _contact(w.FIBRE)),
    "footswitch": _Kind("the footswitch is released", (), _contact(w.FOOTSWITCH)),
    "open": _Kind("a probe's lead breaks", ("probe",), _input_fault(w.OPEN)),
    "short": _Kind("a probe's lead touches ground or supply", ("probe",), _input_fault(w.OVER_UNDER_VOLTAGE)),
    "shorted-leads": _Kind("a probe's leads touch: it reads the connector's temperature", ("probe",), _set("shorted")),
    "offset": _Kind("a probe reads wrong by so many °C", ("probe", "celsius"), _set("offset_c")),
    "stale": _Kind("a converter never finishes a conversion again", ("probe",), _set("stalled")),
    "absent": _Kind("a converter no longer answers", ("probe",), _absent),
    "flip": _Kind("one bit of every conversion is inverted", ("probe", "bit"), _flip),
    "over-power": _Kind("the laser gives so many times what is asked", ("factor",), _over_power),
}


def parse_fault(text: str, probes: int) -> Fault:
    """A fault from its text. Raises InputError for an unknown name or arguments that do not fit."""
    match = _TEXT.fullmatch(text)
    if not match:
        raise InputError(f"--fault {text}: not of the form NAME@SECONDS[:ARGUMENTS], e.g. estop@600 or offset@600:1,20")
    kind = KINDS.get(match["name"])
    if kind is None:
        raise InputError(f"--fault {text}: unknown fault {match['name']!r}; known are {', '.join(KINDS)}")
    time_s = float(match["time"])
    if time_s > MAX_RUN_S:
        raise InputError(f"--fault {text}: a run lasts {MAX_RUN_S:.0f} s at most; name an earlier time")
    return Fault(text, time_s, kind.make(*_arguments(text, kind, match["args"], probes)))


def _arguments(text: str, kind: _Kind, given: str | None, probes: int) -> list[float]:
    words = given.split(",") if given else []
    if len(words) != len(kind.arguments):
        takes = ", ".join(kind.arguments) or "none"
        raise InputError(f"--fault {text}: takes {len(kind.arguments)} arguments ({takes})")
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise InputError(f"--fault {text}: {', '.join(kind.arguments)} must be numbers") from error
    for name, value in zip(kind.arguments, values, strict=True):
        _check(text, name, value, probes)
    return values


def _check(text: str, name: str, value: float, probes: int) -> None:
    low, high = {"probe": (0, probes - 1), "bit": (0, 18), "celsius": (-200, 200), "factor": (0, 10)}[name]
    if not low <= value <= high or (name in ("probe", "bit") and value != int(value)):
        raise InputError(f"--fault {text}: {name} = {value:g}: allowed are {low} to {high}")
