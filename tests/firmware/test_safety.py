"""Safety: each hazard just inside and just outside its limit, the first cause latches, power is only ever lowered."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import ALL_CLOSED, Chip

safety, sensing, limits, faults, chip_driver = map(load, ("safety", "sensing", "limits", "faults", "drivers.max31856"))
LIMIT_MC = (60000, 95000, 43000, 60000)


def healthy(armed: bool = True) -> Any:
    """Safety on a situation without a hazard: 46 °C everywhere but at the guard, 2 W wanted and delivered."""
    settings = SimpleNamespace(
        set_point_mc=46000, lowest_mc=30000, limit_mc=list(LIMIT_MC), cap_mw=3000, energy_mj=1000000, emission_ms=600000
    )
    probes = sensing.Sensing([Chip() for _ in range(4)])
    probes.configure((sensing.CONTROL, sensing.TIP, sensing.GUARD, sensing.SPARE), (1, 1, 1, 1))
    for i in range(4):
        probes.status[i] = chip_driver.OK
        probes.tc_mc[i] = probes.dark_mc[i] = 40000 if i == 2 else 46000
        probes.age[i] = probes.dark_age[i] = 0
    probes.fresh, probes.fresh_dark = 0xF, True
    situation = safety.Situation(probes, settings)
    situation.inputs = ALL_CLOSED
    situation.commanded_mw = situation.delivered_mw = 2000
    situation.armed = armed
    return safety.Safety(situation)


Change = Callable[[Any], None]


def at(path: str, value: Any, channel: int = -1) -> Change:
    """Put `value` at a dotted path of the situation, or into the list there."""

    def change(s: Any) -> None:
        *parts, last = path.split(".")
        for part in parts:
            s = getattr(s, part)
        if channel < 0:
            setattr(s, last, value)
        else:
            getattr(s, last)[channel] = value

    return change


class Case(NamedTuple):
    inside: Change
    outside: Change
    fault: int
    where: int
    value: int
    limit: int


def status(value: int, channel: int, fault: int) -> Case:
    return Case(
        at("sensing.status", chip_driver.OK, channel), at("sensing.status", value, channel), fault, channel, 0, 0
    )


def contact(bit: int, fault: int) -> Case:
    return Case(at("inputs", ALL_CLOSED), at("inputs", ALL_CLOSED & ~bit), fault, -1, 0, 0)


def hot(channel: int, fault: int) -> Case:
    limit, path = LIMIT_MC[channel], "sensing.tc_mc"
    return Case(at(path, limit, channel), at(path, limit + 1, channel), fault, channel, limit + 1, limit)


CASES = {
    "emergency stop": contact(1, faults.EMERGENCY_STOP),
    "key": contact(2, faults.KEY_OFF),
    "remote interlock": contact(4, faults.REMOTE_OPEN),
    "fibre": contact(8, faults.FIBRE_OPEN),
    "over power": Case(at("delivered_mw", 3200), at("delivered_mw", 3201), faults.OVER_POWER, -1, 3201, 3200),
    "energy": Case(at("energy_mj", 999999), at("energy_mj", 1000000), faults.ENERGY, -1, 1000000, 1000000),
    "emission time": Case(
        at("emission_ms", 599900), at("emission_ms", 600000), faults.EMISSION_TIME, -1, 600000, 600000
    ),
    "control too hot": hot(0, faults.OVER_TEMPERATURE + sensing.CONTROL),
    "tip too hot": hot(1, faults.OVER_TEMPERATURE + sensing.TIP),
    "guard too hot": hot(2, faults.OVER_TEMPERATURE + sensing.GUARD),
    "spare too hot": hot(3, faults.OVER_TEMPERATURE + sensing.SPARE),
    "above set-point": Case(
        at("sensing.dark_mc", 49000, 0), at("sensing.dark_mc", 49001, 0), faults.ABOVE_SET_POINT, 0, 49001, 49000
    ),
    "dark stale": Case(at("sensing.dark_age", 25, 0), at("sensing.dark_age", 26, 0), faults.DARK_STALE, 0, 26, 25),
}
for _i in range(4):
    CASES |= {
        f"probe {_i} open": status(chip_driver.OPEN, _i, faults.PROBE_OPEN),
        f"probe {_i} short": status(chip_driver.SHORT, _i, faults.PROBE_SHORT),
        f"probe {_i} range": status(chip_driver.RANGE, _i, faults.PROBE_RANGE),
        f"probe {_i} no response": status(chip_driver.NO_RESPONSE, _i, faults.NO_RESPONSE),
        f"probe {_i} stale": Case(at("sensing.age", 4, _i), at("sensing.age", 5, _i), faults.STALE, _i, 5, 4),
        f"probe {_i} below": Case(
            at("sensing.tc_mc", 30000, _i), at("sensing.tc_mc", 29999, _i), faults.PROBE_BELOW, _i, 29999, 30000
        ),
    }
UNARMED_TOO = {"over power"}


def found(s: Any) -> tuple[int, int, int, int]:
    return s.fault, s.where, s.value, s.limit


def test_a_healthy_situation_has_no_fault() -> None:
    s = healthy()
    s.check()
    assert found(s) == (0, -1, 0, 0)
    assert s.allow(2000) == 2000


@pytest.mark.parametrize("name", CASES)
def test_hazard_at_its_limit(name: str) -> None:
    case, s = CASES[name], healthy()
    case.inside(s.situation)
    s.check()
    assert s.fault == 0
    case.outside(s.situation)
    s.check()
    assert found(s) == (case.fault, case.where, case.value, case.limit)
    assert s.allow(2000) == 0


@pytest.mark.parametrize("name", CASES)
def test_unarmed_only_light_that_nobody_wants_is_a_fault(name: str) -> None:
    s = healthy(armed=False)
    CASES[name].outside(s.situation)
    s.check()
    assert bool(s.fault) == (name in UNARMED_TOO)


def test_every_fault_of_the_catalogue_has_its_case() -> None:
    assert {case.fault for case in CASES.values()} == set(faults.CATALOGUE)


@pytest.mark.parametrize("channel", range(4))
def test_channels_without_a_role_cause_nothing(channel: int) -> None:
    s = healthy()
    probes = s.situation.sensing
    probes.roles[channel] = sensing.NONE
    probes.control = 1 if channel == 0 else 0
    probes.tc_mc[channel], probes.age[channel], probes.status[channel] = 200000, 99, chip_driver.NO_SAMPLE
    s.check()
    assert s.fault == 0


@given(st.permutations(sorted(CASES)))
def test_the_first_cause_latches(names: list[str]) -> None:
    s = healthy()
    CASES[names[0]].outside(s.situation)
    s.check()
    first = found(s)
    for name in names[1:]:
        CASES[name].outside(s.situation)
        s.check()
        assert found(s) == first


@pytest.mark.parametrize("name", CASES)
def test_a_fault_stays_when_its_cause_is_gone_and_goes_when_cleared(name: str) -> None:
    s = healthy()
    CASES[name].outside(s.situation)
    s.check()
    CASES[name].inside(s.situation)
    s.check()
    assert s.fault == CASES[name].fault
    s.clear()
    s.check()
    assert found(s) == (0, -1, 0, 0)


def test_without_a_dark_sample_the_set_point_is_not_judged() -> None:
    s = healthy()
    s.situation.sensing.fresh_dark = False
    s.situation.sensing.dark_mc[0] = 55000
    s.check()
    assert s.fault == 0


def test_a_bright_reading_above_the_set_point_is_absorbed_light() -> None:
    s = healthy()
    s.situation.sensing.tc_mc[0] = 55000
    s.check()
    assert s.fault == 0


@pytest.mark.parametrize("commanded_mw", [0, 1, 100, 5000])
def test_over_power_allows_half_more_and_a_margin(commanded_mw: int) -> None:
    limit = commanded_mw * 3 // 2 + 200
    for delivered_mw in (0, limit, limit + 1, 30000):
        s = healthy()
        s.situation.commanded_mw, s.situation.delivered_mw = commanded_mw, delivered_mw
        s.check()
        assert (s.fault == faults.OVER_POWER) == (delivered_mw > limit)


@given(
    st.sampled_from([*CASES, ""]),
    st.booleans(),
    st.integers(-(1 << 29), 1 << 29) | st.integers(-10, 6000),
    st.integers(0, 10000),
)
def test_allow_never_raises_and_gives_nothing_on_a_fault(name: str, armed: bool, wanted_mw: int, cap_mw: int) -> None:
    s = healthy(armed)
    s.situation.settings.cap_mw = cap_mw
    if name:
        CASES[name].outside(s.situation)
    s.check()
    allowed = s.allow(wanted_mw)
    assert 0 <= allowed <= max(wanted_mw, 0)
    assert allowed <= min(cap_mw, limits.CAP_MAX_MW)
    assert allowed == 0 or (armed and not s.fault)


@pytest.mark.parametrize(("cap_mw", "allowed_mw"), [(3000, 3000), (5000, 5000), (5001, 5000), (9000, 5000)])
def test_no_cap_of_a_plan_exceeds_the_hard_limit(cap_mw: int, allowed_mw: int) -> None:
    s = healthy()
    s.situation.settings.cap_mw = cap_mw
    assert s.allow(9000) == allowed_mw


def test_a_cycle_in_which_no_converter_answers_is_judged_too() -> None:
    s = healthy()
    probes = s.situation.sensing
    probes.fresh, probes.fresh_dark = 0, False
    probes.status[:] = [chip_driver.NO_RESPONSE] * 4
    s.check()
    assert found(s) == (faults.NO_RESPONSE, 0, 0, 0)


def test_the_catalogue_tells_what_to_do() -> None:
    for number, (name, unit, remedy) in faults.CATALOGUE.items():
        assert number >= 10  # below are the ends that are no faults
        assert name
        assert unit in ("", "mC", "mW", "mJ", "ms", "cycles")
        assert remedy
