"""The laser: milliwatts to duty and back through the simulated diode, and the edge on the enable line."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from support.firmware import Firmware, load
from support.stubs import PWM, Pin

from imilt_sim.laser_driver import Diode

MAX_MW = load("limits").LASER_MAX_MW


@pytest.fixture
def parts() -> tuple[Any, PWM, Pin]:
    pwm, enable = PWM(), Pin()
    return load("drivers.laser").Laser(pwm, enable, MAX_MW), pwm, enable


def duty_of(parts: tuple[Any, PWM, Pin], mw: int) -> int:
    laser, pwm, _ = parts
    laser.set_mw(mw)
    assert laser.duty_u16 == pwm.duty
    return pwm.duty


def test_begins_dark(parts: tuple[Any, PWM, Pin]) -> None:
    assert parts[1].duties == [0]
    assert parts[2].edges == 0


@pytest.mark.parametrize("mw", [0, -1, -30000])
def test_nothing_wanted_is_duty_zero(parts: tuple[Any, PWM, Pin], mw: int) -> None:
    duty_of(parts, 1000)
    assert duty_of(parts, mw) == 0


def test_every_milliwatt_rises_and_none_exceeds_full_duty(parts: tuple[Any, PWM, Pin]) -> None:
    duties = [duty_of(parts, mw) for mw in range(MAX_MW + 1)]
    assert all(a < b for a, b in itertools.pairwise(duties))
    assert duties[1] > 0.08 * 65535  # just above the diode's threshold
    assert duties[-1] <= 65535


def test_more_than_the_maximum_is_the_maximum(parts: tuple[Any, PWM, Pin]) -> None:
    assert duty_of(parts, MAX_MW + 5000) == duty_of(parts, MAX_MW)


def test_the_diode_gives_what_is_asked() -> None:
    """Through the port's own rounding: one step of its compare value is 4.3 mW."""
    firmware = Firmware()
    laser, diode = firmware.load("board").Board().laser, Diode()
    for mw in range(0, MAX_MW + 1, 10):
        laser.set_mw(mw)
        given_mw = 1000 * diode.power_w(firmware.board.pwm_cc, firmware.board.pwm_top)
        assert given_mw == pytest.approx(mw, abs=3.0)


def test_the_port_is_written_only_on_change(parts: tuple[Any, PWM, Pin]) -> None:
    for mw in (500, 500, 500, 0, 0, 500):
        parts[0].set_mw(mw)
    lit = parts[1].duties[1]
    assert parts[1].duties == [0, lit, 0, lit]


def test_dark_writes_whatever_was_there(parts: tuple[Any, PWM, Pin]) -> None:
    parts[0].set_mw(2000)
    parts[0].dark()
    parts[0].dark()
    assert parts[1].duties[-2:] == [0, 0]
    assert parts[0].duty_u16 == 0


def test_a_pulse_is_exactly_one_rising_edge(parts: tuple[Any, PWM, Pin]) -> None:
    for count in range(1, 4):
        parts[0].pulse_enable()
        assert (parts[2].edges, parts[2].level) == (count, 0)
    assert parts[1].duties == [0]
