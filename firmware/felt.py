"""The light's power as a thermocouple still feels it: absorbed heat leaves it slowly, so the past counts.

How much of a probe's self-heating is left so long after dark is its shape, measured on the bench: shares of
exponentials whose time constants are given here. The same for all probes of a plan.

All in integers: mW. Once a slot of 200 ms.
"""

from micropython import const

LAGS = const(8)
TIMES_MS = (40, 160, 640, 2560, 10240, 40960, 163840, 655360)
SHARES = const(1024)  # what the shares add up to
# Of each exponential: what a slot leaves, and what of it is left on the mean over a conversion, which lasts 160 ms.
_KEPT_Q10 = (7, 293, 749, 947)
_MEAN_Q10 = (251, 647, 906, 993)
_SLOW = const(4)  # those from here on move little within a slot
_GAIN_Q16 = (1268, 319, 80, 20)
MOST_MW = const(5000)
_RING = const(5)
# Tissue that light itself warms moves with it too: by so much of the fifth lag, in what a probe is warmed.
# 10 s · 0.17/cm / (3.44 J/cm³/K · 3.85 °C·cm²/W)
_TISSUE_Q10 = const(134)


class Felt:
    """`now_q3`: what is felt in the slot that has ended, mW times 8; `contrast_mw`: how much more was felt in the
    middle one of the last five than in their mean; `lag_q6`: the power behind each exponential's lag, mW times 64."""

    def __init__(self):
        self.shares_q10 = [0] * LAGS
        self.lag_q6 = [0] * LAGS
        self._ring = [0] * _RING
        self.reset()

    def configure(self, shares_q10):
        """Take the probes' shape."""
        for i in range(LAGS):
            self.shares_q10[i] = shares_q10[i]
        self.reset()

    def reset(self):
        """Nothing is felt: there has been no light for an hour."""
        self.now_q3 = 0
        self.contrast_mw = 0
        self._at = 0
        for i in range(LAGS):
            self.lag_q6[i] = 0
        for i in range(_RING):
            self._ring[i] = 0

    def slot(self, mw):
        """A slot of 200 ms has passed with this mean power."""
        if mw > MOST_MW:
            mw = MOST_MW
        lag_q6, shares = self.lag_q6, self.shares_q10
        mw_q6 = mw << 6
        felt_q16 = 0
        for i in range(_SLOW):
            off_q6 = lag_q6[i] - mw_q6
            felt_q16 += shares[i] * (mw_q6 + (off_q6 * _MEAN_Q10[i] >> 10))
            lag_q6[i] = mw_q6 + (off_q6 * _KEPT_Q10[i] >> 10)
        for i in range(_SLOW, LAGS):
            felt_q16 += shares[i] * lag_q6[i]
            lag_q6[i] += ((mw_q6 - lag_q6[i]) * _GAIN_Q16[i - _SLOW] + 0x8000) >> 16
        self.now_q3 = felt_q16 >> 13
        self._contrast()

    def _contrast(self):
        ring = self._ring
        ring[self._at] = self.now_q3 + (self.lag_q6[_SLOW] * _TISSUE_Q10 >> 13)
        self._at = (self._at + 1) % _RING
        total_q3 = 0
        for i in range(_RING):
            total_q3 += ring[i]
        contrast_mw = (ring[(self._at + 2) % _RING] * _RING - total_q3) // (8 * _RING)
        if contrast_mw > MOST_MW:
            contrast_mw = MOST_MW
        elif contrast_mw < -MOST_MW:
            contrast_mw = -MOST_MW
        self.contrast_mw = contrast_mw
