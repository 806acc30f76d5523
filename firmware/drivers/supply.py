"""The board's supply voltage behind a divider by three, against a reference of 3.3 V."""


class Supply:
    """`read_mv` gives mV."""

    def __init__(self, adc):
        self._adc = adc

    def read_mv(self):
        return self._adc.read_u16() * 9900 >> 16
