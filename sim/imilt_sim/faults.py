"""The fault vocabulary of `--fault NAME@T[:ARGS]`: each acts on the board, or the world around it, at T."""

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


def _glitch(probe: float, count: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world.leads[int(probe)], "glitches", int(count))


def _drift(probe: float, c_per_h: float) -> Callable[[w.World], None]:
    return lambda world: world.leads[int(probe)].drift(c_per_h, world.time_s)


def _pulled_out(probe: float, mm: float) -> Callable[[w.World], None]:
    return lambda world: world.plant.pull_out(int(probe), mm)


def _breathing(amplitude_mm: float) -> Callable[[w.World], None]:
    return lambda world: world.plant.breathe(amplitude_mm)


def _swap(probe: float, other: float) -> Callable[[w.World], None]:
    def apply(world: w.World) -> None:
        order = world.read_as
        order[int(probe)], order[int(other)] = order[int(other)], order[int(probe)]

    return apply


def _gain(factor: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world.diode, "gain", factor)


def _light_loss(fraction: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world, "passes", 1.0 - fraction)


def _pwm_stuck(duty: float) -> Callable[[w.World], None]:
    return lambda world: setattr(world.diode, "stuck_duty", duty)


def _set_world(name: str) -> Callable[..., Callable[[w.World], None]]:
    """Set an attribute of the world: to the argument, or to True."""

    def make(value: float | bool = True) -> Callable[[w.World], None]:
        return lambda world: setattr(world, name, value)

    return make


def _power_cut(seconds: float) -> Callable[[w.World], None]:
    return lambda world: world.cut_power(seconds)


def _host_silent(seconds: float) -> Callable[[w.World], None]:
    return lambda world: world.silence_host(seconds)


KINDS: dict[str, _Kind] = {
    "estop": _Kind("the emergency stop is pressed", (), _contact(w.EMERGENCY_STOP)),
    "key": _Kind("the key is turned off", (), _contact(w.KEY)),
    "interlock": _Kind("the remote interlock opens", (), _contact(w.REMOTE)),
    "fibre": _Kind("the fibre is disconnected", (), _contact(w.FIBRE)),
    "cover": _Kind("the cover is opened", (), _contact(w.COVER)),
    "footswitch": _Kind("the footswitch is released", (), _contact(w.FOOTSWITCH)),
    "open": _Kind("a probe's lead breaks", ("probe",), _input_fault(w.OPEN)),
    "short": _Kind("a probe's lead touches ground or supply", ("probe",), _input_fault(w.OVER_UNDER_VOLTAGE)),
    "glitch": _Kind("so many conversions of a probe read open, then it is good again", ("probe", "count"), _glitch),
    "shorted-leads": _Kind("a probe's leads touch: it reads the connector's temperature", ("probe",), _set("shorted")),
    "offset": _Kind("a probe reads wrong by so many °C", ("probe", "celsius"), _set("offset_c")),
    "drift": _Kind("a probe reads wrong by so many °C more every hour", ("probe", "c_per_h"), _drift),
    "pulled-out": _Kind("a probe is pulled out along its wire by so many mm", ("probe", "mm"), _pulled_out),
    "breathing": _Kind(
        "breath moves the probes so many mm to and fro, away from the fibre and back", ("amplitude_mm",), _breathing
    ),
    "stuck": _Kind("a converter repeats its last reading for ever", ("probe",), _set("stuck")),
    "stale": _Kind("a converter never finishes a conversion again", ("probe",), _set("stalled")),
    "absent": _Kind("a converter no longer answers", ("probe",), _absent),
    "flip": _Kind("one bit of every conversion is inverted", ("probe", "bit"), _flip),
    "cold-junction": _Kind(
        "the connectors, and the cold junctions there, are at so many °C", ("celsius",), _set_world("ambient_c")
    ),
    "over-power": _Kind("the laser gives so many times what is asked", ("factor",), _gain),
    "under-power": _Kind("the laser gives this fraction of what is asked", ("fraction",), _gain),
    "pwm-stuck": _Kind("the driver's set-point stays at this duty: only the enable darkens", ("duty",), _pwm_stuck),
    "enable-stuck": _Kind("the driver's enable stays open: only the duty darkens", (), _set_world("enable_stuck")),
    "photodiode": _Kind(
        "the photodiode shows so many times the light; 0: it is blind", ("factor",), _set_world("photodiode_gain")
    ),
    "light-loss": _Kind(
        "char or a bad coupling: this fraction of the light no longer leaves the fibre", ("fraction",), _light_loss
    ),
    "fibre-break": _Kind("the fibre breaks behind the photodiode", (), lambda: _light_loss(1.0)),
    "swap": _Kind("two probes are plugged into each other's converters", ("probe", "other"), _swap),
    "brown-out": _Kind("the supply falls to so many mV", ("millivolts",), _set_world("supply_mv")),
    "power-cut": _Kind("board and converters lose their power for so long", ("seconds",), _power_cut),
    "hang": _Kind("the firmware hangs: only interrupts and its watchdog still come", (), lambda: w.World.hang),
    "host-silent": _Kind("what the host sends is held back for so long", ("seconds",), _host_silent),
}
_RANGES = {
    "bit": (0, 18),
    "count": (1, 1000),
    "celsius": (-200, 200),
    "c_per_h": (-100, 100),
    "mm": (0, 40),
    "amplitude_mm": (0, 2),
    "factor": (0, 10),
    "fraction": (0, 1),
    "duty": (0, 1),
    "millivolts": (1800, 5500),
    "seconds": (0.1, 600),
}
_WHOLE = ("probe", "other", "bit", "count")


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
    low, high = (0, probes - 1) if name in ("probe", "other") else _RANGES[name]
    if not low <= value <= high or (name in _WHOLE and value != int(value)):
        raise InputError(f"--fault {text}: {name} = {value:g}: allowed are {low} to {high}")
