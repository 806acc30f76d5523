"""The states of a treatment: every state with every event, and what must never be on the way to light."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

t = load("treatment")
STATES, EVENTS = range(len(t.STATES)), range(len(t.EVENTS))
PAIRS = list(itertools.product(STATES, EVENTS))
EMITTING = {t.HEATING, t.HOLDING}
ARMED = {t.READY, t.HEATING, t.HOLDING, t.COOLING, t.PAUSED}
# Every change there is; anything else leaves the state as it is.
CHANGES = {
    (t.STANDBY, t.ARM): t.READY,
    (t.READY, t.START): t.HEATING,
    (t.READY, t.STOP): t.STANDBY,
    (t.HEATING, t.REACHED): t.HOLDING,
    (t.HEATING, t.PAUSE): t.PAUSED,
    (t.HEATING, t.STOP): t.COOLING,
    (t.HOLDING, t.HELD): t.COOLING,
    (t.HOLDING, t.PAUSE): t.PAUSED,
    (t.HOLDING, t.STOP): t.COOLING,
    (t.COOLING, t.COOLED): t.COMPLETE,
    (t.COMPLETE, t.CLEAR): t.STANDBY,
    (t.PAUSED, t.START): t.HEATING,
    (t.PAUSED, t.STOP): t.COOLING,
    (t.FAULT, t.CLEAR): t.STANDBY,
} | {(state, t.TRIP): t.FAULT for state in STATES if state != t.FAULT}


def treatment_in(state: int) -> Any:
    treatment = t.Treatment()
    treatment.state = state
    return treatment


def test_the_table_is_complete() -> None:
    assert len(t.TABLE) == len(t.STATES)
    for row in t.TABLE:
        assert len(row) == len(t.EVENTS)
        assert set(row) <= set(STATES)


def test_every_state_with_every_event() -> None:
    changes = 0
    for state, event in PAIRS:
        treatment = treatment_in(state)
        changed = treatment.take(event, 50)
        assert treatment.state == CHANGES.get((state, event), state), (t.STATES[state], t.EVENTS[event])
        assert changed == (treatment.state != state)
        changes += changed
    assert changes == len(CHANGES)
    print(f"{len(PAIRS)} pairs of state and event walked, {changes} change the state")


@pytest.mark.parametrize("state", STATES)
def test_a_trip_reaches_fault_from_everywhere(state: int) -> None:
    treatment = treatment_in(state)
    treatment.take(t.TRIP, 50)
    assert treatment.state == t.FAULT
    assert treatment.end == (50 if state != t.FAULT else 0)


def test_light_is_reached_only_by_start_and_reached() -> None:
    into = {(state, event) for (state, event), after in CHANGES.items() if after in EMITTING}
    assert into == {(t.READY, t.START), (t.PAUSED, t.START), (t.HEATING, t.REACHED)}


def reachable(first: int, without: Iterable[int]) -> set[int]:
    """The states that can be reached without these events."""
    found, open_ = {first}, [first]
    while open_:
        state = open_.pop()
        for event in set(EVENTS) - set(without):
            after = t.TABLE[state][event]
            if after not in found:
                found.add(after)
                open_.append(after)
    return found


def test_without_a_start_nothing_emits_and_without_arming_nothing_starts() -> None:
    for state in set(STATES) - EMITTING:
        assert not reachable(state, [t.START]) & EMITTING
    for state in (t.STANDBY, t.COMPLETE, t.FAULT):
        assert not reachable(state, [t.ARM]) & ARMED


def test_a_fault_is_left_only_by_clearing() -> None:
    assert reachable(t.FAULT, [t.CLEAR]) == {t.FAULT}


def test_every_state_can_be_reached_and_left() -> None:
    assert reachable(t.STANDBY, []) == set(STATES)
    for state in STATES:
        assert t.STANDBY in reachable(state, [])


@pytest.mark.parametrize("state", STATES)
def test_what_emits_and_what_is_armed(state: int) -> None:
    assert treatment_in(state).emitting() == (state in EMITTING)
    assert treatment_in(state).armed() == (state in ARMED)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([t.ARM, t.START, t.REACHED, t.HELD, t.COOLED], t.ENDED_COMPLETE),
        ([t.ARM, t.START, t.STOP, t.COOLED], t.ENDED_STOPPED),
        ([t.ARM, t.START, t.PAUSE, t.STOP], t.ENDED_STOPPED),
        ([t.ARM, t.STOP], t.NOT_ENDED),
        ([t.ARM, t.START, t.TRIP], 50),
        ([t.ARM, t.START, t.TRIP, t.CLEAR], 50),
        ([t.ARM, t.START, t.TRIP, t.CLEAR, t.ARM], t.NOT_ENDED),
    ],
)
def test_why_it_ended(events: list[int], end: int) -> None:
    treatment = t.Treatment()
    for event in events:
        treatment.take(event, 50)
    assert treatment.end == end


def test_the_hold_clock_survives_a_pause_and_not_a_new_treatment() -> None:
    treatment = treatment_in(t.HOLDING)
    treatment.hold_ms = 7000
    for event in (t.PAUSE, t.START, t.REACHED):
        treatment.take(event, 0)
    assert (treatment.state, treatment.hold_ms) == (t.HOLDING, 7000)
    for event in (t.HELD, t.COOLED, t.CLEAR, t.ARM):
        treatment.take(event, 0)
    assert (treatment.state, treatment.hold_ms) == (t.READY, 0)


@given(st.lists(st.sampled_from(EVENTS), max_size=60))
def test_cycles_in_state_count_from_the_change(events: list[int]) -> None:
    treatment, cycles = t.Treatment(), 0
    for event in events:
        cycles = 0 if treatment.take(event, 50) else cycles + 1
        assert treatment.cycles_in_state == cycles
