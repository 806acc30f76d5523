"""A situation without a hazard, what brings each hazard about, and what takes it away again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from support.bench import PLAN
from support.firmware import load
from support.stubs import ALL_CLOSED, Chip

faults, hazards, reading, safety, sensing, settings, treatment, trends = map(
    load, ("faults", "hazards", "drivers.reading", "safety", "sensing", "settings", "treatment", "trends")
)
CALIBRATION = load("sections").defaults()["calibration"]
LIMIT_MC = tuple(PLAN[f"probe{i}_limit_mc"] for i in range(4))
FOOTSWITCH = 32
ROLES = (sensing.CONTROL, sensing.TIP, sensing.GUARD, sensing.SPARE)


def plan_taken() -> Any:
    """The usual plan."""
    taken = settings.Settings()
    for name, value in PLAN.items():
        assert taken.put(name, value) == ""
    assert taken.commit() == ""
    return taken


def healthy(state: int = treatment.HEATING) -> Any:
    """46 °C everywhere but at the guard, 2 W wanted and delivered for a while, and a foot on the switch."""
    probes = sensing.Sensing([Chip() for _ in range(4)], CALIBRATION)
    probes.configure(ROLES, (7, 7, 7, 7))
    for i in range(4):
        probes.status[i] = probes.told[i] = reading.OK
        probes.tc_mc[i] = probes.dark_mc[i] = 40000 if i == 2 else 46000
        probes.cj_mc[i] = 25000
        probes.age[i] = probes.dark_age[i] = 0
    probes.asked, probes.fresh, probes.fresh_dark = True, 0xF, True
    after_heat = [SimpleNamespace(rise_mc=0) for _ in range(4)]
    diagnosis = SimpleNamespace(source=0, left_percent=100, moved=-1, moved_mc=0, swapped=-1, vessel=-1)
    diagnosis.out_of_reach, diagnosis.blood_percent = False, 100
    state_of = treatment.Treatment(state)
    it = hazards.Situation(probes, plan_taken(), trends.Trends(probes), state_of, after_heat, diagnosis)
    it.inputs = ALL_CLOSED | FOOTSWITCH
    it.control_mc = 46000
    it.commanded_mw = it.delivered_mw = 2000
    it.supply_mv = 5000
    it.energy_mj = 1000000
    it.emission_ms = 500000
    return it


Change = Callable[[Any], None]


def at(path: str, value: Any, channel: int = -1) -> Change:
    """Put `value` at a dotted path of the situation, or into the list there."""

    def change(situation: Any) -> None:
        *parts, last = path.split(".")
        for part in parts:
            situation = getattr(situation, part)
        if channel < 0:
            assert hasattr(situation, last), path
            setattr(situation, last, value)
        else:
            getattr(situation, last)[channel] = value

    return change


def all_of(*changes: Change) -> Change:
    def change(situation: Any) -> None:
        for part in changes:
            part(situation)

    return change


def rise(channel: int, mc: int) -> Change:
    """What the after-heat of this channel foretells."""

    def change(situation: Any) -> None:
        situation.after_heat[channel].rise_mc = mc

    return change


def contact(bit: int, closed: bool) -> Change:
    def change(situation: Any) -> None:
        situation.inputs = situation.inputs | bit if closed else situation.inputs & ~bit

    return change


class Edge(NamedTuple):
    """`inside`: the last situation without the hazard; `outside`: the first with it, and what it then tells."""

    inside: Change
    outside: Change
    number: int
    where: int
    value: int
    limit: int


def _of_number(path: str, last: int, first: int, number: int, limit: int, channel: int = -1) -> Edge:
    return Edge(at(path, last, channel), at(path, first, channel), number, channel, first, limit)


def _contact(bit: int, number: int) -> Edge:
    return Edge(contact(bit, True), contact(bit, False), number, -1, 0, 0)


# Of each hazard by its name, all from `healthy`.
EDGES = {
    "emergency_stop": _contact(1, faults.EMERGENCY_STOP),
    "key_off": _contact(2, faults.KEY_OFF),
    "remote_open": _contact(4, faults.REMOTE_OPEN),
    "fibre_open": _contact(8, faults.FIBRE_OPEN),
    "cover_open": _contact(16, faults.COVER_OPEN),
    "footswitch": _contact(FOOTSWITCH, faults.FOOTSWITCH),
    "over_power": _of_number("delivered_mw", 3200, 3201, faults.OVER_POWER, 3200),
    "under_power": _of_number("delivered_mw", 1000, 999, faults.UNDER_POWER, 1000),
    "self_test": Edge(
        at("self_test", 0),
        all_of(at("self_test", faults.ENABLE_FAILS), at("self_test_mw", 300)),
        faults.ENABLE_FAILS,
        -1,
        300,
        100,
    ),
    "energy": _of_number("energy_mj", 11999999, 12000000, faults.ENERGY, 12000000),
    "emission_time": _of_number("emission_ms", 3599900, 3600000, faults.EMISSION_TIME, 3600000),
    "not_confirmed": Edge(
        all_of(at("treatment.state", treatment.HOLDING), at("unconfirmed_ms", 300000)),
        all_of(at("treatment.state", treatment.HOLDING), at("unconfirmed_ms", 300100)),
        faults.NOT_CONFIRMED,
        -1,
        300100,
        300000,
    ),
    "lease": _of_number("lease_ms", 3000, 3100, faults.LEASE, 3000),
    "missed_cycle": _of_number("late_ms", 50, 51, faults.MISSED_CYCLE, 50),
    "brown_out": _of_number("supply_mv", 4400, 4399, faults.BROWN_OUT, 4400),
    "stale": _of_number("sensing.age", 4, 5, faults.STALE, 4, 1),
    "dark_stale": _of_number("sensing.dark_age", 25, 26, faults.DARK_STALE, 25, 0),
    "over_temperature": _of_number("sensing.tc_mc", 43000, 43001, faults.OVER_TEMPERATURE + sensing.GUARD, 43000, 2),
    "probe_status": Edge(
        at("sensing.told", reading.OK, 1), at("sensing.told", reading.OPEN, 1), faults.PROBE_OPEN, 1, 0, 0
    ),
    "probe_below": _of_number("sensing.tc_mc", 30000, 29999, faults.PROBE_BELOW, 30000, 3),
    "frozen": _of_number("sensing.same", 39, 40, faults.FROZEN, 40, 0),
    "disagree": _of_number("sensing.cj_mc", 30000, 30001, faults.DISAGREE, 5000, 0)._replace(value=5001),
    "runaway": Edge(
        at("trends.runaway", -1),
        all_of(at("trends.runaway", 3), at("trends.runaway_mc", 2001)),
        faults.RUNAWAY,
        3,
        2001,
        2000,
    ),
    "above_set_point": Edge(at("control_mc", 49000), at("control_mc", 49001), faults.ABOVE_SET_POINT, 0, 49001, 49000),
    "guard_ahead": Edge(rise(2, 3000), rise(2, 3001), faults.GUARD_AHEAD, 2, 43001, 43000),
    "jump": Edge(
        at("sensing.jumped", False, 0),
        all_of(at("sensing.jumped", True, 0), at("sensing.step_mc", 10001, 0)),
        faults.JUMP,
        0,
        10001,
        10000,
    ),
    "rate": Edge(
        at("sensing.rejected", False, 2),
        all_of(at("sensing.rejected", True, 2), at("sensing.step_mc", -10001, 2)),
        faults.RATE,
        2,
        -10001,
        10000,
    ),
    "source": Edge(
        at("diagnosis.source", 0),
        all_of(at("diagnosis.source", faults.CHAR), at("diagnosis.left_percent", 40)),
        faults.CHAR,
        -1,
        40,
        0,
    ),
    "moved": Edge(
        at("diagnosis.moved", -1),
        all_of(at("diagnosis.moved", 3), at("diagnosis.moved_mc", -4000)),
        faults.MOVED,
        3,
        -4000,
        0,
    ),
    "swapped": Edge(at("diagnosis.swapped", -1), at("diagnosis.swapped", 2), faults.SWAPPED, 2, 0, 0),
    "not_responding": Edge(
        at("trends.unresponsive", False),
        all_of(at("trends.unresponsive", True), at("trends.rise_mc", 999)),
        faults.NOT_RESPONDING,
        0,
        999,
        1000,
    ),
}
EVERY_MS = {"cycle": 100, "sample": 200, "frame": 1000}
RHYTHMS = {
    "cycle": tuple(hazard.__name__ for hazard in hazards.EVERY_CYCLE),
    "sample": tuple(hazard.__name__ for hazard in hazards.EVERY_SAMPLE),
    "frame": tuple(hazard.__name__ for hazard in hazards.EVERY_FRAME),
}
RHYTHM = {name: rhythm for rhythm, names in RHYTHMS.items() for name in names}


def budget_of(name: str) -> int:
    """So many evaluations with evidence in a row are forgiven."""
    budget_ms: int = faults.CATALOGUE[EDGES[name].number][3]
    return budget_ms // EVERY_MS[RHYTHM[name]]
