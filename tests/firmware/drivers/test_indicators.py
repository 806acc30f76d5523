"""Lamps, buzzer and aiming beam: every combination reaches its own port, once, and `off` reaches all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import PWM, Pin

module = load("drivers.indicators")
NAMES = ("aiming", "emission", "red", "yellow")


class Bench:
    """The indicators and their ports; `state` is what a person sees and hears, as bits of the mask."""

    def __init__(self) -> None:
        self.pins = {name: Pin(1) for name in NAMES}
        self.pwm = PWM()
        self.it: Any = module.Indicators(
            self.pins["red"], self.pins["yellow"], self.pwm, self.pins["emission"], self.pins["aiming"]
        )

    @property
    def state(self) -> int:
        return sum(self.pins[name].level << i for i, name in enumerate(NAMES)) + (16 if self.pwm.duty else 0)

    def writes(self) -> list[int]:
        return [len(self.pins[name].writes) for name in NAMES] + [len(self.pwm.duties)]

    def set(self, mask: int) -> None:
        self.it.aiming(mask & 1)
        self.it.emission(mask & 2)
        self.it.show(mask & 4, mask & 8, mask & 16)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_begins_with_everything_written_off(bench: Bench) -> None:
    assert bench.state == bench.it.mask == 0
    assert bench.writes() == [1] * 5


def test_the_bits_are_those_of_the_world() -> None:
    assert [module.AIMING, module.EMISSION, module.RED, module.YELLOW, module.BUZZER] == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("before", range(32))
def test_from_every_state_to_every_other_by_single_writes(bench: Bench, before: int) -> None:
    for after in range(32):
        bench.set(before)
        assert bench.state == bench.it.mask == before
        writes = bench.writes()
        bench.set(after)
        assert bench.state == bench.it.mask == after
        changed = [now - then for now, then in zip(bench.writes(), writes, strict=True)]
        assert changed == [(before ^ after) >> i & 1 for i in range(5)]


def test_the_buzzer_is_half_duty_or_none(bench: Bench) -> None:
    for buzzer in (1, 1, 0, 1, 0, 0):
        bench.it.show(0, 0, buzzer)
    assert bench.pwm.duties == [0, 32768, 0, 32768, 0]


@pytest.mark.parametrize("before", range(32))
def test_off_writes_every_port_whatever_was_there(bench: Bench, before: int) -> None:
    bench.set(before)
    for pin in bench.pins.values():
        pin.level = 1  # as if something else had written it
    bench.pwm.duties.append(65535)
    bench.it.off()
    assert bench.state == bench.it.mask == 0
    bench.set(before)
    assert bench.state == before


@given(st.lists(st.integers(0, 31) | st.just(-1), max_size=30))
def test_the_mask_is_always_what_the_ports_have(masks: list[int]) -> None:
    bench = Bench()
    for mask in masks:
        if mask < 0:
            bench.it.off()
        else:
            bench.set(mask)
        assert bench.state == bench.it.mask == max(mask, 0)
