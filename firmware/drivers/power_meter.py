"""Delivered optical power from the photodiode at the fibre coupler."""


class PowerMeter:
    """`read_mw` gives mW; `full_scale_mw`, from the calibration, is what the converter's full scale means."""

    def __init__(self, adc):
        self._adc = adc
        self.full_scale_mw = 30000

    def read_mw(self):
        """mW from the 16-bit reading; 30000 * 65535 would leave the small integers, so the scale is split."""
        return self._adc.read_u16() * (self.full_scale_mw >> 4) >> 12
