"""The power meter: every reading of the 16-bit converter, at the full scale of any calibration."""

import pytest
from support.firmware import load
from support.stubs import ADC

from imilt_sim.laser_driver import photodiode_u16

sections = load("sections")
LOWEST, HIGHEST = sections._FULL_SCALE_MIN_MW, sections._FULL_SCALE_MAX_MW


def test_every_reading_is_the_exact_fraction_of_full_scale_rounded_down() -> None:
    adc = ADC()
    meter = load("drivers.power_meter").PowerMeter(adc)
    before = -1
    for adc.value in range(65536):
        mw = meter.read_mw()
        assert mw == adc.value * 30000 // 65536
        assert mw >= before
        before = mw


@pytest.mark.parametrize(("reading", "mw"), [(0, 0), (2185, 1000), (65535, 29999)])
def test_some_readings(reading: int, mw: int) -> None:
    adc = ADC()
    adc.value = reading
    assert load("drivers.power_meter").PowerMeter(adc).read_mw() == mw


@pytest.mark.parametrize("full_scale_mw", [LOWEST, 25000, 29999, 31415, 44999, HIGHEST])
def test_another_full_scale_is_off_by_less_than_a_thousandth(full_scale_mw: int) -> None:
    """The scale is split in steps of 16 mW. What it takes off is far within the margins of the hazards."""
    adc = ADC()
    meter = load("drivers.power_meter").PowerMeter(adc)
    meter.full_scale_mw = full_scale_mw
    before = 0
    for adc.value in range(0, 65536, 5):
        mw = meter.read_mw()
        exact = adc.value * full_scale_mw / 65536
        assert exact * 0.999 - 1 <= mw <= exact
        assert mw >= before
        before = mw


def test_what_the_simulated_photodiode_shows_is_what_it_sees() -> None:
    adc = ADC()
    meter = load("drivers.power_meter").PowerMeter(adc)
    for mw in range(0, 25001, 250):
        adc.value = photodiode_u16(mw / 1000, 0)
        assert meter.read_mw() == pytest.approx(mw, abs=8)
