"""The supply's voltage behind its divider: every reading of the 16-bit converter."""

import pytest
from support.firmware import load
from support.stubs import ADC

FULL_SCALE_MV = 3 * 3300


def test_every_reading_is_the_exact_fraction_of_full_scale_rounded_down() -> None:
    adc = ADC()
    supply = load("drivers.supply").Supply(adc)
    for adc.value in range(65536):
        assert supply.read_mv() == adc.value * FULL_SCALE_MV // 65536


@pytest.mark.parametrize(("volts", "low"), [(5.25, False), (5.0, False), (4.45, False), (4.35, True), (0.0, True)])
def test_what_is_too_low_and_what_is_not(volts: float, low: bool) -> None:
    adc = ADC()
    adc.value = round(volts / 3 / 3.3 * 65535)
    assert (load("drivers.supply").Supply(adc).read_mv() < load("limits").SUPPLY_MIN_MV) == low
