"""What is told without stopping anything: each warning's coming and going, and the alarm of the latched fault."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.situations import healthy

alarms, control, faults, limits, notices, treatment = map(
    load, ("alarms", "control", "faults", "limits", "notices", "treatment")
)
STATES = range(len(treatment.STATES))
EMITTING = (treatment.HEATING, treatment.HOLDING)
TOLD = [number for number, row in faults.CATALOGUE.items() if row[1] in (faults.HARD, faults.RESUMABLE)]


class Told:
    """Notices over a healthy situation; `on` is which alarms are on."""

    def __init__(self, state: int = treatment.HEATING) -> None:
        self.situation = healthy(state)
        self.safety = SimpleNamespace(fault=0)
        self.law = SimpleNamespace(reason=control.FEEDBACK)
        self.alarms: Any = alarms.Alarms(notices.TABLE)
        self.it: Any = notices.Notices(self.alarms, self.situation, self.safety, self.law)
        self.dropped = 0

    def step(self, count: int = 1) -> set[int]:
        for _ in range(count):
            self.it.step(self.dropped)
        return {number for number, _ in notices.TABLE if self.alarms.is_on(number)}

    def light(self, wanted_mw: int, delivered_mw: int, count: int = 1) -> bool:
        """So many cycles with this light; whether it is told that it is off."""
        self.situation.commanded_mw, self.situation.delivered_mw = wanted_mw, delivered_mw
        return faults.DELIVERED_OFF in self.step(count)


@pytest.fixture
def told() -> Told:
    return Told()


def test_nothing_is_told_while_all_is_well(told: Told) -> None:
    assert told.step(100) == set()


# The fault


@pytest.mark.parametrize("number", TOLD)
def test_a_fault_is_told_while_it_is_latched(told: Told, number: int) -> None:
    told.safety.fault = number
    assert told.step(50) == {number}
    told.safety.fault = 0
    assert told.step() == set()


@given(st.lists(st.sampled_from([0, *TOLD]), max_size=20))
def test_one_fault_is_told_at_a_time(latched: list[int]) -> None:
    told = Told()
    for told.safety.fault in latched:
        assert told.step() == {told.safety.fault} - {0}


# Delivered power


def off_by(wanted_mw: int) -> int:
    return wanted_mw * limits.DELIVERED_WITHIN_PERCENT // 100 + limits.DELIVERED_MARGIN_MW


@pytest.mark.parametrize("wanted_mw", [300, 2000, 5000])
@pytest.mark.parametrize("sign", [-1, 1])
def test_delivered_power_is_told_when_off_by_more_than_a_fifth(wanted_mw: int, sign: int) -> None:
    edge = wanted_mw + sign * off_by(wanted_mw)
    assert not Told().light(wanted_mw, edge, 100)
    assert Told().light(wanted_mw, edge + sign, 100)


def test_delivered_power_is_told_from_the_third_cycle_in_a_row(told: Told) -> None:
    assert not told.light(2000, 0, 2)
    assert not told.light(2000, 2000)
    assert not told.light(2000, 0, 2)
    assert told.light(2000, 0)
    assert not told.light(2000, 2000)


def test_the_dark_slot_neither_tells_nor_takes_back(told: Told) -> None:
    for _ in range(2):
        told.light(2000, 0)
        assert not told.light(0, 0, 2)
    assert told.light(2000, 0)
    assert told.light(0, 0, 2)
    assert told.light(299, 0)
    assert not told.light(2000, 2000)


def test_small_powers_are_not_judged(told: Told) -> None:
    assert not told.light(299, 0, 100)
    assert not told.light(0, 1000, 100)


def test_it_is_not_told_on_when_the_light_is_off_for_good(told: Told) -> None:
    assert told.light(2000, 0, 5)
    told.situation.treatment.state = treatment.PAUSED
    assert not told.light(0, 0)


def test_what_was_off_before_a_pause_is_measured_anew(told: Told) -> None:
    """No light yet, no word about it."""
    told.light(2000, 0, 5)
    told.situation.treatment.state = treatment.PAUSED
    told.light(0, 0, 50)
    told.situation.treatment.state = treatment.HEATING
    assert not told.light(0, 0)
    assert not told.light(2000, 2000)


# The law


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("reason", "number"), [(control.AT_CAP, faults.SATURATED), (control.TIP_LIMITED, faults.TIP_LIMITS)]
)
def test_what_holds_the_power_back_is_told_while_emitting(state: int, reason: int, number: int) -> None:
    told = Told(state)
    told.law.reason = reason
    assert (number in told.step()) == (state in EMITTING)
    told.law.reason = control.FEEDBACK
    assert number not in told.step()


@pytest.mark.parametrize("reason", range(len(control.REASONS)))
def test_other_reasons_are_not_told(told: Told, reason: int) -> None:
    told.law.reason = reason
    expected = {control.AT_CAP: {faults.SATURATED}, control.TIP_LIMITED: {faults.TIP_LIMITS}}
    assert told.step() == expected.get(reason, set())


# Presence


@pytest.mark.parametrize("state", STATES)
def test_presence_is_asked_for_in_the_last_thirty_seconds_while_holding(state: int) -> None:
    told = Told(state)
    for unconfirmed_ms, asked in ((0, False), (269900, False), (270000, True), (300000, True), (900000, True)):
        told.situation.unconfirmed_ms = unconfirmed_ms
        assert (faults.CONFIRM in told.step()) == (asked and state == treatment.HOLDING)


def test_a_confirmation_ends_the_asking() -> None:
    told = Told(treatment.HOLDING)
    told.situation.unconfirmed_ms = 280000
    assert told.step() == {faults.CONFIRM}
    told.situation.unconfirmed_ms = 0
    assert told.step() == set()


# Rows


def test_lost_rows_are_told_for_ten_seconds_after_the_last(told: Told) -> None:
    told.dropped = 3
    assert told.step() == {faults.ROWS_LOST}
    assert told.step(98) == {faults.ROWS_LOST}
    told.dropped = 4
    assert told.step(100) == {faults.ROWS_LOST}
    assert told.step() == set()
    assert told.step(1000) == set()


def test_what_others_tell_is_left_alone(told: Told) -> None:
    """The store's and the firmware's own alarms are set elsewhere."""
    others = {faults.STORE_FAILS, faults.PREVIOUS_FIRMWARE, faults.STORE_RECOVERED}
    for number in others:
        told.alarms.set(number, True)
    assert told.step(10) == others
