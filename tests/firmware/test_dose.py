"""Dose against the closed form of CEM43, at its limits, and over the treatment it is made for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

MAX_UMIN = load("dose").MAX_UMIN
CYCLE_UMIN = 1e5 / 60


def dose_of(mc: int, cycles: int) -> Any:
    dose = load("dose").Dose()
    for _ in range(cycles):
        dose.add(mc)
    return dose


def exact_umin(mc: int) -> float:
    """One cycle's CEM43 in micro-minutes."""
    return CYCLE_UMIN * (0.5 if mc >= 43000 else 0.25) ** ((43000 - mc) / 1000)


def test_the_table_of_powers_is_exact() -> None:
    assert list(load("dose")._POWERS) == [round(2 ** (i / 64) * 32768) for i in range(65)]


@pytest.mark.parametrize("first_mc", range(39000, 60000, 1000))
def test_follows_the_closed_form(first_mc: int) -> None:
    for mc in range(first_mc, first_mc + 1000, 37):
        cycles = int(min(2000, max(1, 0.5 * MAX_UMIN / exact_umin(mc))))
        assert dose_of(mc, cycles).umin == pytest.approx(cycles * exact_umin(mc), rel=2e-4, abs=1)


@pytest.mark.parametrize(("celsius", "minutes"), [(43, 30), (44, 60), (45, 120), (46, 240), (47, 480)])
def test_half_an_hour(celsius: int, minutes: int) -> None:
    assert dose_of(celsius * 1000, 18000).umin == pytest.approx(minutes * 1e6, rel=1e-3)


@pytest.mark.parametrize("mc", [38999, 37000, 0, -273150, -(1 << 28)])
def test_nothing_counts_below_39_degrees(mc: int) -> None:
    assert dose_of(mc, 1000).umin == 0


def test_counting_begins_at_39_degrees() -> None:
    assert dose_of(39000, 1000).umin > 0


@pytest.mark.parametrize("mc", [62000, 110000, 2047992, 1 << 28])
def test_saturates_at_once_when_far_too_hot(mc: int) -> None:
    assert dose_of(mc, 3).umin == MAX_UMIN


def test_saturates_and_never_wraps() -> None:
    dose = dose_of(61999, 10)
    assert dose.umin == MAX_UMIN
    for mc in (39000, 43000, 50000, 61999, 100000):
        dose.add(mc)
        assert dose.umin == MAX_UMIN


@given(st.lists(st.integers(-250000, 2100000) | st.integers(39000, 62000), max_size=50))
def test_only_ever_grows(temperatures: list[int]) -> None:
    dose, before = load("dose").Dose(), 0
    for mc in temperatures:
        dose.add(mc)
        assert before <= dose.umin <= MAX_UMIN
        before = dose.umin


def test_hotter_is_never_less() -> None:
    before = 0
    for mc in range(38900, 57000, 10):
        umin = dose_of(mc, 64).umin
        assert umin >= before
        before = umin


@given(st.permutations([39500, 41000, 43000, 46000, 47250] * 10))
def test_the_order_does_not_matter(temperatures: list[int]) -> None:
    dose = load("dose").Dose()
    for mc in temperatures:
        dose.add(mc)
    assert dose.umin == pytest.approx(sum(map(exact_umin, temperatures)), abs=20)


def test_reset_forgets_fractions_too() -> None:
    dose = dose_of(46017, 7)
    dose.reset()
    dose.add(46017)
    assert dose.umin == dose_of(46017, 1).umin
