"""The laser behind the pins: threshold, slope, maximum, and the photodiode's bits."""

from __future__ import annotations

import pytest

from imilt_sim.laser_driver import Diode, photodiode_u16, supply_u16

TOP = 6249
FULL = TOP + 1


@pytest.mark.parametrize("compare", [0, 1, 400, 500])
def test_nothing_below_the_threshold(compare: int) -> None:
    assert Diode().power_w(compare, TOP) == 0.0


def test_a_straight_line_from_the_threshold_to_the_maximum() -> None:
    diode = Diode()
    threshold = diode.threshold_duty * FULL
    assert threshold == pytest.approx(500, abs=0.1)
    slope = 25.0 / (FULL - threshold)
    for compare in (501, 750, 3000, FULL):
        assert diode.power_w(compare, TOP) == pytest.approx(slope * (compare - threshold))


def test_two_watts_are_the_firmwares_duty_for_them() -> None:
    assert Diode().power_w(960, TOP) == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("compare", [FULL, FULL + 1, 65535])
def test_full_duty_and_beyond_is_the_maximum(compare: int) -> None:
    assert Diode().power_w(compare, TOP) == pytest.approx(25.0)


def test_a_driver_at_fault_gives_more() -> None:
    assert Diode(gain=3.0).power_w(960, TOP) == pytest.approx(3 * Diode().power_w(960, TOP))
    assert Diode(gain=3.0).power_w(400, TOP) == 0.0


@pytest.mark.parametrize("compare", [0, 960, FULL])
def test_a_driver_whose_set_point_is_stuck_does_not_follow(compare: int) -> None:
    assert Diode(stuck_duty=0.54).power_w(compare, TOP) == pytest.approx(12.5, abs=1e-3)
    assert Diode(stuck_duty=0.0).power_w(compare, TOP) == 0.0


@pytest.mark.parametrize(
    ("millivolts", "counts"), [(0, 0), (1800, 745), (4500, 1861), (5000, 2068), (5500, 2275), (12_000, 4095)]
)
def test_the_supply_is_a_third_on_a_converter_of_3300_mv(millivolts: float, counts: int) -> None:
    value = supply_u16(millivolts)
    assert (value >> 4, value & 0xF) == (counts, counts >> 8)


@pytest.mark.parametrize(
    ("power_w", "noise", "counts"),
    [(0.0, 0, 0), (0.0, -5, 0), (0.0, 3, 3), (15.0, 0, 2048), (2.0, 1, 274), (30.0, 0, 4095), (75.0, 9, 4095)],
)
def test_the_photodiode_gives_twelve_bits_spread_over_sixteen(power_w: float, noise: int, counts: int) -> None:
    value = photodiode_u16(power_w, noise)
    assert value >> 4 == counts
    assert value & 0xF == counts >> 8
    assert 0 <= value <= 65535
