"""The power meter: every reading of the 16-bit converter."""

import pytest
from support.firmware import load
from support.stubs import ADC


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
