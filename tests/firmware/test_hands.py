"""Hands at the device: only what is pressed anew answers a request, and only the key, turned, deals with a fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Pin

interlock, limits = load("drivers.interlock"), load("limits")
KEY, FOOT, READY, CHAIN = interlock.KEY, interlock.FOOTSWITCH, interlock.READY_BUTTON, interlock.CHAIN
WAIT = limits.REQUEST_MAX_AGE
MASKS = st.integers(0, 0x1FF)


def hands(*inputs: int) -> Any:
    """Hands after cycles with these closed contacts; at first all are as at rest."""
    it = load("hands").Hands()
    for mask in (CHAIN, *inputs):
        it.step(mask)
    return it


def answer(what: str) -> Any:
    """(request, ask whether it was answered, button)"""
    return {
        "arm": (lambda it: it.request_arm(), lambda it: bool(it.arms()), READY),
        "start": (lambda it: it.request_start(), lambda it: bool(it.starts()), FOOT),
    }[what]


BOTH = pytest.mark.parametrize("what", ["arm", "start"])


@given(st.lists(MASKS, min_size=1, max_size=40))
def test_pressed_is_what_was_open_a_cycle_ago(masks: list[int]) -> None:
    it, before = hands(), CHAIN
    for mask in masks:
        it.step(mask)
        assert it.pressed == mask & ~before
        before = mask


@BOTH
def test_a_request_is_answered_by_its_button(what: str) -> None:
    request, answered, button = answer(what)
    it = hands()
    request(it)
    assert not answered(it)
    it.step(CHAIN | button)
    assert answered(it)
    it.step(CHAIN | button)  # held, not pressed
    assert not answered(it)


@BOTH
def test_a_button_without_a_request_is_no_answer(what: str) -> None:
    _, answered, button = answer(what)
    it = hands(CHAIN | button)
    assert not answered(it)


@BOTH
def test_a_button_held_since_before_the_request_is_no_answer(what: str) -> None:
    request, answered, button = answer(what)
    it = hands(CHAIN | button)
    request(it)
    for _ in range(WAIT + 10):
        it.step(CHAIN | button)
        assert not answered(it)


@BOTH
def test_the_other_button_is_no_answer(what: str) -> None:
    request, answered, button = answer(what)
    it = hands()
    request(it)
    it.step(0x1FF & ~button)
    assert not answered(it)


@BOTH
@pytest.mark.parametrize(("cycles", "in_time"), [(1, True), (WAIT - 1, True), (WAIT, False), (10 * WAIT, False)])
def test_a_request_waits_for_thirty_seconds(what: str, cycles: int, in_time: bool) -> None:
    request, answered, button = answer(what)
    it = hands()
    request(it)
    for _ in range(cycles - 1):
        it.step(CHAIN)
    it.step(CHAIN | button)
    assert answered(it) == in_time
    assert WAIT * limits.CYCLE_MS == 30000


@BOTH
def test_what_was_asked_before_a_stop_is_void(what: str) -> None:
    request, answered, button = answer(what)
    it = hands()
    request(it)
    it.forget()
    it.step(CHAIN | button)
    assert not answered(it)
    request(it)
    it.step(CHAIN)
    it.step(CHAIN | button)
    assert answered(it)


def test_requests_do_not_answer_each_other() -> None:
    it = hands()
    it.request_arm()
    it.step(CHAIN | FOOT)
    assert not it.starts()
    it = hands()
    it.request_start()
    it.step(CHAIN | READY)
    assert not it.arms()


# The key

OFF = CHAIN & ~KEY
LONG = limits.KEY_OFF_CYCLES
TURNED_OFF = [OFF] * LONG


def test_a_key_that_is_on_at_power_up_was_not_turned() -> None:
    it = hands()
    for _ in range(50):
        it.step(CHAIN)
    assert not it.key_turned


def test_a_key_that_is_off_at_power_up_is_turned_when_it_comes_on() -> None:
    it = load("hands").Hands()
    for _ in range(LONG):
        it.step(CHAIN & ~KEY)
        assert not it.key_turned
    it.step(CHAIN)
    assert it.key_turned


def test_turned_once_is_turned_until_power_goes() -> None:
    it = hands(*TURNED_OFF, CHAIN)
    assert it.key_turned
    it.forget()
    it.forget_key()
    it.step(CHAIN & ~KEY)
    assert it.key_turned


def clears(it: Any, *masks: int) -> list[bool]:
    """What `clears` says after each of these cycles, asked in each as the application does."""
    said = []
    for mask in masks:
        it.step(mask)
        said.append(bool(it.clears()))
    return said


def test_the_key_clears_once_when_it_is_back_on() -> None:
    assert clears(hands(), CHAIN, *TURNED_OFF, CHAIN, CHAIN, CHAIN) == [False] * (LONG + 1) + [True, False, False]


@pytest.mark.parametrize("cycles", range(1, LONG))
def test_a_key_contact_that_bounces_was_not_turned(cycles: int) -> None:
    """The interlock tells one that opens between two samples as open for two."""
    it = hands()
    assert not any(clears(it, *([OFF] * cycles + [CHAIN] * 2) * 5))
    assert not it.key_turned


def test_a_key_that_stays_on_or_off_clears_nothing() -> None:
    assert not any(clears(hands(), *[CHAIN] * 50))
    assert not any(clears(hands(), *[OFF] * 50))


@pytest.mark.parametrize("open_", [1, 4, 8, 16])
def test_with_a_contact_open_the_key_clears_nothing_and_has_to_be_turned_again(open_: int) -> None:
    it = hands()
    assert not any(clears(it, *[OFF & ~open_] * LONG, CHAIN & ~open_, CHAIN & ~open_, CHAIN, CHAIN))
    assert clears(it, *TURNED_OFF, CHAIN)[-1]


def test_a_key_turned_off_before_the_fault_does_not_clear_it() -> None:
    """Only what is done after it: `forget_key` is where it begins."""
    it = hands()
    clears(it, *TURNED_OFF)
    it.forget_key()
    assert clears(it, CHAIN, CHAIN) == [False, False]
    assert clears(it, *TURNED_OFF, CHAIN)[-1]


@given(st.lists(st.tuples(MASKS, st.integers(1, 2 * LONG)), max_size=30))
def test_nothing_clears_but_the_key_off_and_then_on_with_all_closed(masks: list[tuple[int, int]]) -> None:
    it, off_cycles = hands(), 0
    for mask in (mask for mask, cycles in masks for _ in range(cycles)):
        it.step(mask)
        expected = off_cycles >= LONG and mask & CHAIN == CHAIN
        assert bool(it.clears()) == expected
        off_cycles = 0 if mask & KEY else off_cycles + 1


# Presence


def test_presence_is_counted_since_the_last_press() -> None:
    it = hands()
    before = it.unconfirmed_ms
    for cycle in range(1, 10):
        it.step(CHAIN)
        assert it.unconfirmed_ms == before + cycle * limits.CYCLE_MS
    it.step(CHAIN | FOOT)
    assert it.unconfirmed_ms == 0


def test_a_footswitch_that_stays_down_confirms_nothing() -> None:
    it = hands(CHAIN | FOOT)
    for cycle in range(1, 4000):
        it.step(CHAIN | FOOT)
        assert it.unconfirmed_ms == cycle * limits.CYCLE_MS


def test_other_buttons_confirm_nothing() -> None:
    it = hands(CHAIN, 0x1FF & ~FOOT)
    assert it.unconfirmed_ms == 3 * limits.CYCLE_MS


def test_presence_is_counted_no_further_than_the_board_can() -> None:
    """A device that is on for weeks: above 2^30 the count would need the heap, which is locked."""
    it = hands()
    it.unconfirmed_ms = (1 << 30) - 250
    for _ in range(10):
        it.step(CHAIN)
    assert limits.CONFIRM_MAX_MS < it.unconfirmed_ms < 1 << 30


def test_power_up_is_no_turn_of_the_key() -> None:
    """With the contacts as they come from their driver: nobody has touched anything."""
    contacts = interlock.Interlock([Pin(0 if CHAIN >> i & 1 else 1) for i in range(9)], lambda: None)
    it = load("hands").Hands()
    for _ in range(20):
        it.step(contacts.sample())
        assert not it.key_turned
        assert not it.clears()
