"""The laser: milliwatts to duty by the calibrated table, through the simulated diode, and the edge on the enable."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.firmware import Firmware, load
from support.stubs import PWM, Pin

from imilt_sim.laser_driver import Diode

MAX_MW = load("limits").LASER_MAX_MW
Table = list[list[int]]
USUAL: Table = load("sections").defaults()["laser"]["points"]


class Parts:
    """A laser on stub ports, calibrated."""

    def __init__(self, table: Table | None = None) -> None:
        self.pwm, self.enable = PWM(), Pin()
        self.laser: Any = load("drivers.laser").Laser(self.pwm, self.enable, MAX_MW)
        self.laser.calibrate(table or USUAL)

    def duty_of(self, mw: int) -> int:
        self.laser.set_mw(mw)
        assert self.laser.duty_u16 == self.pwm.duty
        return self.pwm.duty


@pytest.fixture
def parts() -> Parts:
    return Parts()


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table that a device can be given."""
    count = draw(st.integers(2, 12))
    mw = draw(st.sets(st.integers(1, MAX_MW), min_size=count - 1, max_size=count - 1))
    duty = draw(st.sets(st.integers(0, 65535), min_size=count, max_size=count))
    return [list(point) for point in zip([0, *sorted(mw)], sorted(duty), strict=True)]


def exact(table: Table, mw: int) -> int:
    """The straight line between the table's points, in whole numbers of any size, rounded down."""
    if mw <= 0:
        return 0
    for (low, low_duty), (high, high_duty) in itertools.pairwise(table):
        if mw < high:
            return low_duty + (mw - low) * (high_duty - low_duty) // (high - low)
    return table[-1][1]


def test_begins_dark_and_stays_so_until_it_is_calibrated() -> None:
    pwm, enable = PWM(), Pin()
    laser = load("drivers.laser").Laser(pwm, enable, MAX_MW)
    for mw in (1, 1000, MAX_MW, 2 * MAX_MW):
        laser.set_mw(mw)
    assert set(pwm.duties) == {0}
    assert enable.edges == 0


@pytest.mark.parametrize("mw", [0, -1, -30000])
def test_nothing_wanted_is_duty_zero(parts: Parts, mw: int) -> None:
    """And not the threshold, where the table begins."""
    assert parts.duty_of(1000) > 0
    assert parts.duty_of(mw) == 0


def check_table(table: Table) -> None:
    """Every milliwatt: on the line, so never more than asked, and never less than for one milliwatt less."""
    parts, before = Parts(table), 0
    for mw in range(MAX_MW + 1):
        duty = parts.duty_of(mw)
        assert duty == exact(table, mw)
        assert before <= duty <= 65535
        before = duty
    assert parts.duty_of(MAX_MW) == parts.duty_of(MAX_MW + 1) == parts.duty_of(1 << 29) == table[-1][1]


def test_every_milliwatt_of_the_usual_table(parts: Parts) -> None:
    check_table(USUAL)
    assert parts.duty_of(1) > 0.08 * 65535  # just above the diode's threshold
    duties = [parts.duty_of(mw) for mw in range(MAX_MW + 1)]
    assert all(low < high for low, high in itertools.pairwise(duties))


@settings(max_examples=40)
@given(tables())
def test_every_milliwatt_of_any_table(table: Table) -> None:
    check_table(table)


@pytest.mark.parametrize(
    "table",
    [
        [[0, 0], [MAX_MW, 65535]],
        [[0, 0], [1, 1]],
        [[0, 65534], [MAX_MW, 65535]],
        [[0, 0], [1, 65535]],
        [[0, 0], [24999, 1], [25000, 65535]],
        [[0, 5243], [1000, 9000], [5000, 20000], [20000, 60000]],
    ],
)
def test_every_milliwatt_of_odd_tables(table: Table) -> None:
    check_table(table)


@given(tables(), st.integers(1, MAX_MW))
def test_the_table_read_backwards_gives_no_more_than_was_asked(table: Table, mw: int) -> None:
    """The power that belongs to the duty, by the same lines."""
    duty = Parts(table).duty_of(mw)
    for (low, low_duty), (high, high_duty) in itertools.pairwise(table):
        if low_duty <= duty <= high_duty:
            assert low * (high_duty - low_duty) + (duty - low_duty) * (high - low) <= mw * (high_duty - low_duty)


@pytest.mark.parametrize(
    "table",
    [
        [],
        [[0, 0]],
        [[1, 0], [MAX_MW, 65535]],
        [[0, -1], [MAX_MW, 65535]],
        [[0, 0], [MAX_MW, 65536]],
        [[0, 0], [1000, 9000], [1000, 9001]],
        [[0, 0], [1000, 9000], [1001, 9000]],
        [[0, 0], [1000, 9000], [900, 10000]],
        [[0, 5243], [MAX_MW, 5242]],
    ],
)
def test_a_table_that_does_not_rise_from_nothing_is_refused_and_the_old_one_kept(table: Table) -> None:
    parts = Parts()
    with pytest.raises(ValueError, match="table"):
        parts.laser.calibrate(table)
    assert parts.duty_of(2000) == exact(USUAL, 2000)


def test_a_new_table_begins_in_the_dark(parts: Parts) -> None:
    parts.laser.set_mw(2000)
    parts.laser.calibrate([[0, 0], [MAX_MW, 65535]])
    assert parts.laser.duty_u16 == parts.pwm.duty == 0
    assert parts.duty_of(2000) == 5242


def test_the_diode_gives_what_is_asked() -> None:
    """Through the port's own rounding: one step of its compare value is 4.3 mW."""
    firmware = Firmware()
    laser, diode = firmware.load("board").Board().laser, Diode()
    laser.calibrate(USUAL)
    for mw in range(0, MAX_MW + 1, 10):
        laser.set_mw(mw)
        given_mw = 1000 * diode.power_w(firmware.board.pwm_cc, firmware.board.pwm_top)
        assert given_mw == pytest.approx(mw, abs=3.0)


def test_the_port_is_written_only_on_change(parts: Parts) -> None:
    written = len(parts.pwm.duties)
    for mw in (500, 500, 500, 0, 0, 500):
        parts.laser.set_mw(mw)
    lit = exact(USUAL, 500)
    assert parts.pwm.duties[written:] == [lit, 0, lit]


def test_dark_writes_whatever_was_there(parts: Parts) -> None:
    parts.laser.set_mw(2000)
    parts.laser.dark()
    parts.laser.dark()
    assert parts.pwm.duties[-2:] == [0, 0]
    assert parts.laser.duty_u16 == 0


def test_after_dark_the_same_power_is_written_again(parts: Parts) -> None:
    """An interrupt's `dark` must not leave the next cycle believing that the duty is still there."""
    duty = parts.duty_of(2000)
    parts.laser.dark()
    assert parts.duty_of(2000) == duty > 0


def test_a_pulse_is_exactly_one_rising_edge(parts: Parts) -> None:
    written = len(parts.pwm.duties)
    for count in range(1, 4):
        parts.laser.pulse_enable()
        assert (parts.enable.edges, parts.enable.writes) == (count, [1, 0] * count)
    assert len(parts.pwm.duties) == written
