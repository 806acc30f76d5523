"""Contacts: an opening is seen once however brief, nothing is lost to an interrupt, dark comes first."""

from __future__ import annotations

from typing import Any

import pytest
from support.firmware import load
from support.stubs import Pin

module = load("drivers.interlock")
CHAIN = range(4)


class Contacts:
    """Six closed contacts; `dark` counts how often the laser was darkened."""

    def __init__(self) -> None:
        self.pins = [Pin(0) for _ in range(6)]
        self.dark = 0
        self.interlock: Any = module.Interlock(self.pins, self._darken)

    def _darken(self) -> None:
        self.dark += 1


@pytest.fixture
def contacts() -> Contacts:
    return Contacts()


@pytest.mark.parametrize("i", range(6))
def test_each_contact_is_its_bit(contacts: Contacts, i: int) -> None:
    assert contacts.interlock.sample() == 0x3F
    contacts.pins[i].drive(1)
    assert contacts.interlock.sample() == 0x3F & ~(1 << i)
    assert contacts.interlock.sample() == 0x3F & ~(1 << i)
    contacts.pins[i].drive(0)
    assert contacts.interlock.sample() == 0x3F


@pytest.mark.parametrize("i", CHAIN)
def test_a_brief_opening_of_the_chain_is_seen_exactly_once(contacts: Contacts, i: int) -> None:
    contacts.interlock.sample()
    for _ in range(3):  # a bouncing contact is one opening
        contacts.pins[i].drive(1)
        contacts.pins[i].drive(0)
    assert contacts.interlock.sample() == 0x3F & ~(1 << i)
    assert contacts.interlock.sample() == 0x3F
    assert contacts.interlock.interrupts == 3


@pytest.mark.parametrize("i", [4, 5])
def test_footswitch_and_button_are_not_latched(contacts: Contacts, i: int) -> None:
    contacts.pins[i].drive(1)
    contacts.pins[i].drive(0)
    assert contacts.interlock.sample() == 0x3F
    assert (contacts.dark, contacts.interlock.interrupts) == (0, 0)


@pytest.mark.parametrize("i", CHAIN)
def test_an_opening_darkens_at_once_by_hard_interrupt(contacts: Contacts, i: int) -> None:
    assert contacts.pins[i].hard
    contacts.pins[i].drive(1)
    assert contacts.dark == 1
    contacts.pins[i].drive(0)
    assert contacts.dark == 1


@pytest.mark.parametrize("i", CHAIN)
def test_opened_since_sample_lasts_until_the_next_sample(contacts: Contacts, i: int) -> None:
    contacts.interlock.sample()
    assert not contacts.interlock.opened_since_sample()
    contacts.pins[i].drive(1)
    contacts.pins[i].drive(0)
    assert contacts.interlock.opened_since_sample()
    contacts.interlock.sample()
    assert not contacts.interlock.opened_since_sample()


@pytest.mark.parametrize("struck", CHAIN)
@pytest.mark.parametrize("while_reading", range(6))
def test_an_opening_in_the_middle_of_a_sample_is_not_lost(contacts: Contacts, struck: int, while_reading: int) -> None:
    """A contact opens and closes again while another one is being read: this sample or the next one has it."""

    def strike() -> None:
        contacts.pins[while_reading].on_read = lambda: None
        contacts.pins[struck].drive(1)
        contacts.pins[struck].drive(0)

    contacts.pins[while_reading].on_read = strike
    first = contacts.interlock.sample()
    darkened = contacts.dark
    second = contacts.interlock.sample()
    assert darkened == 1
    assert (first & second) == 0x3F & ~(1 << struck)
    assert contacts.interlock.sample() == 0x3F
