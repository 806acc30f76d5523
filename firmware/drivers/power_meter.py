"""Delivered optical power from the photodiode at the fibre coupler."""

from micropython import const

FULL_SCALE_MW = const(30000)


class PowerMeter:
    """`read_mw` gives mW; full scale of the converter is 30 W."""

    def __init__(self, adc):
        self._adc = adc

    def read_mw(self):
        """mW from the 16-bit reading; 30000 * 65535 would leave the small integers, so the scale is split."""
        return self._adc.read_u16() * (FULL_SCALE_MW >> 4) >> 12
