"""Contacts: an opening counts at once and once, a closing when it has lasted, nothing is lost to an interrupt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Pin

module = load("drivers.interlock")
NAMES = ("EMERGENCY_STOP", "KEY", "REMOTE", "FIBRE", "COVER", "FOOTSWITCH", "READY_BUTTON", "SILENCE", "SERVICE")
INPUTS = range(len(NAMES))
CHAIN = range(5)
FOOTSWITCH = 5
TOLD = range(6)
BUTTONS = range(6, 9)
ALL = 0x1FF


class Contacts:
    """Nine closed contacts that were seen as such; `dark` counts how often the laser was darkened."""

    def __init__(self, hold_to_run: bool = False) -> None:
        self.pins = [Pin(0) for _ in INPUTS]
        self.dark = 0
        self.interlock: Any = module.Interlock(self.pins, self._darken)
        assert not self.interlock.hold_to_run
        self.interlock.hold_to_run = hold_to_run
        assert self.interlock.sample() == ALL

    def _darken(self) -> None:
        self.dark += 1

    def blink(self, i: int, times: int = 1) -> None:
        """Open for a moment."""
        for _ in range(times):
            self.pins[i].drive(1)
            self.pins[i].drive(0)


@pytest.fixture
def contacts() -> Contacts:
    return Contacts()


def test_the_bits_are_in_the_order_of_the_inputs() -> None:
    assert [getattr(module, name) for name in NAMES] == [1 << i for i in INPUTS]
    assert sum(1 << i for i in CHAIN) == module.CHAIN


@pytest.mark.parametrize("mask", [0, ALL, module.CHAIN, module.KEY, ALL & ~module.KEY])
def test_what_is_closed_at_the_start_is_closed_in_the_first_sample(mask: int) -> None:
    """It was not closed just now: else a key that is on would look like one that was turned."""
    interlock = module.Interlock([Pin(0 if mask >> i & 1 else 1) for i in INPUTS], lambda: None)
    for _ in range(3):
        assert interlock.sample() == mask


@pytest.mark.parametrize("i", INPUTS)
def test_each_contact_is_its_bit(contacts: Contacts, i: int) -> None:
    contacts.pins[i].drive(1)
    for _ in range(5):
        assert contacts.interlock.sample() == ALL & ~(1 << i)
    contacts.pins[i].drive(0)
    contacts.interlock.sample()
    for _ in range(5):
        assert contacts.interlock.sample() == ALL


@pytest.mark.parametrize("i", INPUTS)
def test_a_contact_is_closed_only_for_the_second_sample(contacts: Contacts, i: int) -> None:
    """A bouncing contact of a button would else be pressed several times."""
    contacts.pins[i].drive(1)
    contacts.interlock.sample()
    for _ in range(3):
        contacts.pins[i].drive(0)
        assert contacts.interlock.sample() == ALL & ~(1 << i)
        contacts.pins[i].drive(1)
        assert contacts.interlock.sample() == ALL & ~(1 << i)
    contacts.pins[i].drive(0)
    assert [contacts.interlock.sample() for _ in range(3)] == [ALL & ~(1 << i), ALL, ALL]


@pytest.mark.parametrize("i", TOLD)
def test_a_brief_opening_is_seen_and_is_over(contacts: Contacts, i: int) -> None:
    contacts.blink(i, 3)  # a bouncing contact is one opening
    assert contacts.interlock.sample() == ALL & ~(1 << i)
    contacts.interlock.sample()
    for _ in range(5):
        assert contacts.interlock.sample() == ALL
    assert contacts.interlock.interrupts == 3


@pytest.mark.parametrize("i", BUTTONS)
def test_buttons_do_not_interrupt(contacts: Contacts, i: int) -> None:
    contacts.blink(i)
    assert contacts.interlock.sample() == ALL
    assert (contacts.dark, contacts.interlock.interrupts) == (0, 0)
    assert contacts.pins[i].handler is None


@pytest.mark.parametrize("i", CHAIN)
@pytest.mark.parametrize("hold_to_run", [False, True])
def test_an_opening_of_the_chain_darkens_at_once_by_hard_interrupt(i: int, hold_to_run: bool) -> None:
    contacts = Contacts(hold_to_run)
    assert contacts.pins[i].hard
    contacts.pins[i].drive(1)
    assert contacts.dark == 1
    contacts.pins[i].drive(0)
    assert contacts.dark == 1


@pytest.mark.parametrize("hold_to_run", [False, True])
def test_the_footswitch_darkens_only_where_it_is_held_to_run(hold_to_run: bool) -> None:
    contacts = Contacts(hold_to_run)
    assert contacts.pins[FOOTSWITCH].hard
    contacts.pins[FOOTSWITCH].drive(1)
    assert contacts.dark == hold_to_run
    assert contacts.interlock.opened_since_sample() == hold_to_run
    assert contacts.interlock.sample() == ALL & ~module.FOOTSWITCH
    assert not contacts.interlock.opened_since_sample()


@pytest.mark.parametrize("i", CHAIN)
def test_opened_since_sample_lasts_until_the_next_sample(contacts: Contacts, i: int) -> None:
    assert not contacts.interlock.opened_since_sample()
    contacts.blink(i)
    assert contacts.interlock.opened_since_sample()
    assert contacts.interlock.opened_since_sample()
    contacts.interlock.sample()
    assert not contacts.interlock.opened_since_sample()


def test_a_contact_that_stays_open_opened_once(contacts: Contacts) -> None:
    contacts.pins[0].drive(1)
    contacts.interlock.sample()
    assert not contacts.interlock.opened_since_sample()
    contacts.pins[0].drive(0)
    assert not contacts.interlock.opened_since_sample()


@pytest.mark.parametrize("struck", TOLD)
@pytest.mark.parametrize("while_reading", INPUTS)
def test_an_opening_in_the_middle_of_a_sample_is_not_lost(struck: int, while_reading: int) -> None:
    """A contact opens and closes again while another one is being read: this sample or the next one has it."""
    contacts = Contacts(hold_to_run=True)

    def strike() -> None:
        contacts.pins[while_reading].on_read = lambda: None
        contacts.blink(struck)

    contacts.pins[while_reading].on_read = strike
    first = contacts.interlock.sample()
    told = contacts.interlock.opened_since_sample()
    assert contacts.dark == 1
    assert told == bool(first & 1 << struck)  # else the decisions of this cycle know it already
    second = contacts.interlock.sample()
    assert first & second == ALL & ~(1 << struck)
    contacts.interlock.sample()
    assert contacts.interlock.sample() == ALL


CHANGES = st.lists(st.tuples(st.sampled_from(INPUTS), st.booleans()), max_size=6)


@given(st.lists(CHANGES, max_size=40))
def test_the_mask_has_what_was_closed_twice_and_never_opened_in_between(turns: list[list[tuple[int, bool]]]) -> None:
    contacts = Contacts()
    levels, before, openings = [0] * len(NAMES), ALL, 0
    for changes in turns:
        opened = 0
        for i, open_ in changes:
            if open_ and not levels[i] and i in TOLD:
                opened |= 1 << i
                openings += 1
            levels[i] = int(open_)
            contacts.pins[i].drive(int(open_))
        closed = sum(1 << i for i in INPUTS if not levels[i]) & ~opened
        assert contacts.interlock.opened_since_sample() == bool(opened & module.CHAIN)
        assert contacts.interlock.sample() == closed & before
        assert contacts.interlock.interrupts == openings
        before = closed
