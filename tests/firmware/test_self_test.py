"""The self-test: each way to dark by itself, for longer than the monostable, and no light goes unnoticed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

module, faults, limits = load("self_test"), load("faults"), load("limits")
MONOSTABLE_CYCLES = 3  # 250 ms begun
CYCLES = 14
DARK = limits.TEST_DARK_MW


def run(*delivered_mw: int) -> tuple[Any, list[tuple[int, bool]]]:
    """The self-test after cycles with this light, and what it drove in each: power and edge."""
    it = module.SelfTest()
    driven = []
    for mw in delivered_mw:
        it.step(mw)
        driven.append((it.power_mw, bool(it.pulse)))
    return it, driven


DRIVEN = run(*[0] * CYCLES)[1]


def test_passes_after_fourteen_dark_cycles_and_not_before() -> None:
    for cycles in range(CYCLES):
        it, _ = run(*[0] * cycles)
        assert (it.passed, it.failed) == (False, 0)
    it, _ = run(*[0] * CYCLES)
    assert (it.passed, it.failed) == (True, 0)


def test_never_drives_both_ways_at_once() -> None:
    """Not in one cycle, and no power while the monostable may still be open."""
    for i, (power_mw, _) in enumerate(DRIVEN):
        edges = [pulse for _, pulse in DRIVEN[max(0, i - MONOSTABLE_CYCLES) : i + MONOSTABLE_CYCLES]]
        assert not power_mw or not any(edges[: MONOSTABLE_CYCLES + 1])
    assert DRIVEN.index((0, True)) > max(i for i, (power_mw, _) in enumerate(DRIVEN) if power_mw)


def test_begins_and_ends_with_nothing_for_longer_than_the_monostable() -> None:
    assert DRIVEN[: MONOSTABLE_CYCLES + 1] == [(0, False)] * (MONOSTABLE_CYCLES + 1)
    assert DRIVEN[-MONOSTABLE_CYCLES:] == [(0, False)] * MONOSTABLE_CYCLES


def test_drives_each_way_for_some_cycles() -> None:
    assert [power_mw for power_mw, _ in DRIVEN if power_mw] == [limits.TEST_POWER_MW] * 3
    assert [pulse for _, pulse in DRIVEN if pulse] == [True] * 3


def test_the_power_would_be_seen() -> None:
    """Light from it is more than what passes for dark, with the enable line failed."""
    assert limits.TEST_POWER_MW >= 4 * DARK


def step_of(cycle: int) -> int:
    """What light in this cycle means: it comes after cycles that drove nothing, power, or the edge."""
    before = DRIVEN[:cycle]
    if any(pulse for _, pulse in before):
        return faults.POWER_FAILS
    return faults.ENABLE_FAILS if any(power_mw for power_mw, _ in before) else faults.LEAK


@pytest.mark.parametrize("cycle", range(CYCLES))
@pytest.mark.parametrize("mw", [DARK + 1, 30000])
def test_light_in_any_cycle_fails_with_its_step(cycle: int, mw: int) -> None:
    it, driven = run(*[0] * cycle, mw)
    assert (it.failed, it.passed) == (step_of(cycle), False)
    assert driven[-1] == (0, False)


@pytest.mark.parametrize("mw", [-1, 0, DARK - 1, DARK])
def test_what_passes_for_dark(mw: int) -> None:
    it, driven = run(*[mw] * CYCLES)
    assert it.passed
    assert driven == DRIVEN


@given(st.lists(st.sampled_from([0, DARK, DARK + 1]), max_size=40))
def test_passes_only_if_it_was_dark_throughout_and_stays_as_it_ended(delivered_mw: list[int]) -> None:
    it, driven = run(*delivered_mw)
    lit = [i for i, mw in enumerate(delivered_mw[:CYCLES]) if mw > DARK]
    assert it.passed == (not lit and len(delivered_mw) >= CYCLES)
    assert it.failed == (step_of(lit[0]) if lit else 0)
    if lit:
        assert set(driven[lit[0] :]) == {(0, False)}
    assert driven[CYCLES:] == [(0, False)] * len(driven[CYCLES:])


@pytest.mark.parametrize("cycles", [3, 5, 8, 14])
def test_begins_anew(cycles: int) -> None:
    it, _ = run(*[0] * cycles, 30000)
    it.begin()
    assert (it.power_mw, it.pulse, it.passed, it.failed) == (0, False, False, 0)
    for _ in range(CYCLES):
        assert not it.passed
        it.step(0)
    assert it.passed
