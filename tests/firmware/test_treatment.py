"""The states of a treatment: every state with every event, and what must never be on the way to light."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

t = load("treatment")
STATES, EVENTS = range(len(t.STATES)), range(len(t.EVENTS))
PAIRS = list(itertools.product(STATES, EVENTS))
EMITTING = {t.HEATING, t.HOLDING}
ARMED = {t.SELF_TEST, t.READY, t.HEATING, t.HOLDING, t.COOLING, t.PAUSED}
LIT = {t.READY, t.HEATING, t.HOLDING, t.PAUSED}
FAULT = 50


def destination(state: int, event: int) -> int:
    """Where an event leads, said in words instead of a table. What is not said leaves the state as it is."""
    if state == t.SERVICE:  # only a reset leads out
        return t.SERVICE
    if event == t.TRIP:  # a hard fault counts everywhere
        return t.FAULT
    if event == t.CLEAR:  # the key ends what is over, and nothing else
        return t.STANDBY if state in (t.FAULT, t.COMPLETE) else state
    if event in (t.STOP, t.HINDER, t.PAUSE) and state == t.SELF_TEST:  # what speaks against arming
        return t.STANDBY
    if event in (t.STOP, t.HINDER, t.EXPIRE) and state == t.READY:
        return t.STANDBY
    if event in (t.PAUSE, t.HINDER) and state in EMITTING:  # the light pauses
        return t.PAUSED
    if event == t.STOP and (state in EMITTING or state == t.PAUSED):  # who was heated cools first
        return t.COOLING
    if event == t.EXPIRE and state == t.PAUSED:
        return t.COOLING
    progress = {
        (t.STANDBY, t.ARM): t.SELF_TEST,
        (t.SELF_TEST, t.PASSED): t.READY,
        (t.READY, t.START): t.HEATING,
        (t.PAUSED, t.START): t.HEATING,
        (t.HEATING, t.REACHED): t.HOLDING,
        (t.HOLDING, t.HELD): t.COOLING,
        (t.COOLING, t.COOLED): t.COMPLETE,
    }
    return progress.get((state, event), state)


def after(state: int, event: int) -> int:
    """Where the firmware goes."""
    treatment = t.Treatment(state)
    treatment.take(event, FAULT)
    end: int = treatment.state
    return end


def leading(test: Callable[[int, int], bool]) -> set[tuple[int, int]]:
    """The pairs of state and event that change the state, and after which `test(state before, state after)` is true."""
    return {
        (state, event) for state, event in PAIRS if after(state, event) != state and test(state, after(state, event))
    }


def reachable(first: int, without: Iterable[int] = ()) -> set[int]:
    """The states that can be reached without these events."""
    found, open_ = {first}, [first]
    while open_:
        state = open_.pop()
        for event in set(EVENTS) - set(without):
            end = after(state, event)
            if end not in found:
                found.add(end)
                open_.append(end)
    return found


def test_the_table_is_complete() -> None:
    assert (len(t.STATES), len(t.EVENTS)) == (10, 13)
    assert len(set(t.STATES)) == len(t.STATES) == len(t.TABLE)
    assert len(set(t.EVENTS)) == len(t.EVENTS)
    for row in t.TABLE:
        assert len(row) == len(t.EVENTS)
        assert set(row) <= set(STATES)


def test_every_name_is_its_number() -> None:
    for names in (t.STATES, t.EVENTS):
        for number, name in enumerate(names):
            assert getattr(t, name.upper().replace("-", "_")) == number


def test_every_state_with_every_event() -> None:
    changes = 0
    for state, event in PAIRS:
        treatment = t.Treatment(state)
        changed = treatment.take(event, FAULT)
        assert treatment.state == destination(state, event), (t.STATES[state], t.EVENTS[event])
        assert changed == (treatment.state != state)
        changes += changed
    print(f"{len(PAIRS)} pairs of state and event walked, {changes} change the state")
    assert len(PAIRS) == 130
    assert changes == 31


def test_nothing_happens_without_an_event() -> None:
    assert all(after(state, t.NOTHING) == state for state in STATES)


def test_a_trip_leads_to_fault_from_everywhere_but_service() -> None:
    for state in STATES:
        assert after(state, t.TRIP) == (t.SERVICE if state == t.SERVICE else t.FAULT)


def test_only_a_trip_leads_to_fault_and_only_clearing_out_of_it() -> None:
    assert {event for _, event in leading(lambda _, end: end == t.FAULT)} == {t.TRIP}
    assert leading(lambda start, _: start == t.FAULT) == {(t.FAULT, t.CLEAR)}
    assert reachable(t.FAULT, [t.CLEAR]) == {t.FAULT}


def test_light_is_possible_only_in_heating_and_holding() -> None:
    assert {state for state in STATES if t.Treatment(state).emitting()} == {t.HEATING, t.HOLDING}


def test_only_a_start_leads_into_heating_and_only_from_ready_and_paused() -> None:
    assert leading(lambda _, end: end == t.HEATING) == {(t.READY, t.START), (t.PAUSED, t.START)}


def test_holding_follows_only_heating() -> None:
    assert leading(lambda _, end: end == t.HOLDING) == {(t.HEATING, t.REACHED)}


def test_every_way_to_ready_is_a_passed_self_test() -> None:
    assert leading(lambda _, end: end == t.READY) == {(t.SELF_TEST, t.PASSED)}
    assert leading(lambda _, end: end == t.SELF_TEST) == {(t.STANDBY, t.ARM)}


def test_without_a_start_nothing_emits_and_without_arming_nothing_starts() -> None:
    for state in set(STATES) - EMITTING:
        assert not reachable(state, [t.START]) & EMITTING
    for state in (t.STANDBY, t.COMPLETE, t.FAULT, t.SERVICE):
        assert not reachable(state, [t.ARM]) & ARMED
        assert not reachable(state, [t.PASSED]) & EMITTING


@pytest.mark.parametrize("event", [t.PAUSE, t.HINDER, t.STOP, t.TRIP])
@pytest.mark.parametrize("state", sorted(EMITTING))
def test_whatever_speaks_against_light_ends_it(state: int, event: int) -> None:
    assert after(state, event) not in EMITTING


def test_no_event_that_speaks_against_light_leads_towards_it() -> None:
    for event in (t.PAUSE, t.HINDER, t.STOP, t.TRIP, t.EXPIRE, t.CLEAR):
        for state in set(STATES) - {t.HEATING, t.HOLDING}:
            assert after(state, event) not in LIT or after(state, event) == state


def test_who_was_heated_is_never_back_in_standby_without_cooling_or_a_fault() -> None:
    assert leading(lambda start, end: start in EMITTING | {t.PAUSED} and end == t.STANDBY) == set()
    assert t.STANDBY not in reachable(t.HEATING, [t.COOLED, t.TRIP])


def test_from_every_state_a_chain_of_events_leads_back_to_standby_except_service() -> None:
    for state in set(STATES) - {t.SERVICE}:
        assert t.STANDBY in reachable(state)
        # And never is a person's start the only way.
        assert t.STANDBY in reachable(state, [t.START, t.ARM])


def test_from_standby_every_state_can_be_reached_but_service() -> None:
    assert reachable(t.STANDBY) == set(STATES) - {t.SERVICE}
    assert reachable(t.SERVICE) == {t.SERVICE}


@pytest.mark.parametrize("state", STATES)
def test_what_a_state_means(state: int) -> None:
    treatment = t.Treatment(state)
    assert bool(treatment.emitting()) == (state in EMITTING)
    assert bool(treatment.armed()) == (state in ARMED)
    assert bool(treatment.lit()) == (state in LIT)


def test_a_new_device_stands_by() -> None:
    treatment = t.Treatment()
    assert (treatment.state, treatment.end, treatment.paused_for) == (t.STANDBY, t.NOT_ENDED, t.NOT_ENDED)


# Why


def taken(*events: int | tuple[int, int]) -> Any:
    """A treatment after these events, each by itself or with its cause."""
    treatment = t.Treatment()
    for event in events:
        usual = t.ENDED_STOPPED if event == t.STOP else FAULT
        number, cause = event if isinstance(event, tuple) else (event, usual)
        assert treatment.take(number, cause), t.EVENTS[number]
    return treatment


READY = (t.ARM, t.PASSED)
HEATING = (*READY, t.START)
HOLDING = (*HEATING, t.REACHED)
BY_HOST = (t.PAUSE, t.PAUSED_BY_HOST)
LOST = (t.HINDER, 45)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ((*HOLDING, t.HELD), t.ENDED_COMPLETE),
        ((*HOLDING, t.HELD, t.COOLED), t.ENDED_COMPLETE),
        ((*HOLDING, t.HELD, t.COOLED, t.CLEAR), t.ENDED_COMPLETE),
        ((*HOLDING, t.HELD, t.COOLED, t.CLEAR, t.ARM), t.NOT_ENDED),
        ((*HEATING, t.STOP), t.ENDED_STOPPED),
        ((*HOLDING, t.STOP, t.COOLED), t.ENDED_STOPPED),
        ((*HEATING, (t.STOP, 45)), 45),
        ((*HEATING, LOST, (t.STOP, 30)), 45),
        ((*HEATING, BY_HOST, t.STOP), t.ENDED_STOPPED),
        ((*HEATING, BY_HOST, t.EXPIRE), t.PAUSED_BY_HOST),
        ((*HEATING, LOST, t.STOP), 45),
        ((*HEATING, LOST, t.EXPIRE, t.COOLED), 45),
        ((*HEATING, LOST, t.START, t.STOP), t.ENDED_STOPPED),
        ((*HEATING, LOST, t.START, BY_HOST, t.STOP), t.ENDED_STOPPED),
        ((*HEATING, LOST), t.NOT_ENDED),
        ((*HEATING, LOST, (t.TRIP, 40)), 40),
        ((*READY, t.STOP), t.ENDED_STOPPED),
        ((*READY, t.EXPIRE), t.ENDED_READY_EXPIRED),
        ((*READY, LOST), 45),
        ((t.ARM, t.STOP), t.ENDED_STOPPED),
        ((t.ARM, LOST), 45),
        ((t.ARM, (t.TRIP, 44)), 44),
        ((*HEATING, t.TRIP), FAULT),
        ((*HEATING, t.TRIP, t.CLEAR), FAULT),
        ((*HEATING, t.TRIP, t.CLEAR, t.ARM), t.NOT_ENDED),
        ((*HEATING, t.STOP, (t.TRIP, 52)), t.ENDED_STOPPED),
        ((*HOLDING, t.HELD, (t.TRIP, 52)), t.ENDED_COMPLETE),
        ((t.TRIP,), FAULT),
    ],
)
def test_why_it_ended(events: tuple[Any, ...], end: int) -> None:
    """The first reason stays."""
    assert taken(*events).end == end


def test_why_it_is_paused() -> None:
    treatment = taken(*HEATING, BY_HOST)
    assert treatment.paused_for == t.PAUSED_BY_HOST
    treatment.take(t.START, 0)
    assert treatment.paused_for == t.NOT_ENDED
    treatment.take(*LOST)
    assert treatment.paused_for == 45
    treatment.take(*BY_HOST)  # paused already
    assert treatment.paused_for == 45


def test_pauses_by_faults_are_counted_for_each_treatment() -> None:
    """A foot that lets go and a host that asks are no trouble of the device's."""
    treatment = taken(*HEATING)
    for pauses in range(1, 8):
        for event, cause in ((t.HINDER, 45), (t.START, 0), BY_HOST, (t.START, 0), (t.HINDER, 49), (t.START, 0)):
            treatment.take(event, cause)
        assert treatment.pauses == pauses
    treatment.take(t.HINDER, 45)
    treatment.take(t.HINDER, 45)  # paused already
    assert treatment.pauses == 8
    for event in (t.STOP, t.COOLED, t.CLEAR):
        treatment.take(event, 0)
        assert treatment.pauses == 8
    treatment.take(t.ARM, 0)
    assert treatment.pauses == 0


def test_what_hinders_arming_is_no_pause() -> None:
    for events in ((t.ARM, LOST), (*READY, LOST)):
        assert taken(*events).pauses == 0


def test_the_hold_clock_survives_a_pause_and_not_a_new_treatment() -> None:
    treatment = taken(*HOLDING)
    treatment.hold_ms = 7000
    for event in (t.PAUSE, t.START, t.REACHED):
        treatment.take(event, 0)
    assert (treatment.state, treatment.hold_ms) == (t.HOLDING, 7000)
    for event in (t.HELD, t.COOLED, t.CLEAR):
        treatment.take(event, 0)
        assert treatment.hold_ms == 7000
    treatment.take(t.ARM, 0)
    assert treatment.hold_ms == 0


def test_no_end_looks_like_a_fault() -> None:
    ends = [t.NOT_ENDED, t.ENDED_COMPLETE, t.ENDED_STOPPED, 3, t.PAUSED_BY_HOST, t.ENDED_READY_EXPIRED]
    assert len(set(ends)) == len(ends)
    assert max(ends) < min(load("faults").CATALOGUE)


@given(st.lists(st.sampled_from(EVENTS), max_size=60), st.sampled_from(STATES))
def test_cycles_in_state_count_from_the_change(events: list[int], first: int) -> None:
    treatment, cycles = t.Treatment(first), 0
    for event in events:
        cycles = 0 if treatment.take(event, FAULT) else cycles + 1
        assert treatment.cycles_in_state == cycles


@given(st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(10, 79)), max_size=80))
def test_any_walk_emits_only_after_a_self_test_and_a_start_that_nothing_has_voided(events: list[Any]) -> None:
    treatment = t.Treatment()
    passed = started = False
    for event, cause in events:
        changed = treatment.take(event, cause)
        if changed and event == t.PASSED:
            passed = True
        elif changed and event == t.START:
            started = True
        elif event in (t.ARM, t.STOP, t.TRIP) and changed:
            passed = started = False
        elif changed and event in (t.PAUSE, t.HINDER, t.EXPIRE):
            started = False
        if treatment.emitting():
            assert passed
            assert started
