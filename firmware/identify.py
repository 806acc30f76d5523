"""How the tissue at a probe answers to light: the shape of models.py that fits it best, and its scale. Once a frame.

The scale is that of least squares, the shape that of the smallest rest. From both follow what a watt does in half a
minute, which sets the loop's gains, and what it comes to in the end, which tells whether the set-point can be reached.

All in integers: m°C, mW.
"""

from micropython import const

import models

_SLOW = const(4)  # of felt.py's lags
SHAPES = len(models.WEIGHTS_Q10)
# 1024 (1 - e^(-t/τ)) of the slow lags
_S30_Q10 = (969, 532, 171, 46)
_S300_Q10 = (1024, 1023, 860, 376)
_END_Q10 = (1024, 1024, 1024, 958)  # after half an hour
_FAR_MC = const(30000)
_FRAMES_MAX = const(1000)  # then the sums are full
_MOST_MC_PER_W = const(60000)


class Expected:
    """What each shape makes of the light so far, in mW: the same for all probes. Their scales are m°C per W."""

    def __init__(self):
        self.mw = [0] * SHAPES

    def step(self, felt):
        lag_q6, mw = felt.lag_q6, self.mw
        a = lag_q6[4] >> 6
        b = lag_q6[5] >> 6
        c = lag_q6[6] >> 6
        d = lag_q6[7] >> 6
        for i in range(SHAPES):
            w = models.WEIGHTS_Q10[i]
            mw[i] = (w[0] * a + w[1] * b + w[2] * c + w[3] * d) >> 10


class Answer:
    """One probe's tissue. `frames`: of light that were looked at; `mc_per_w`: the scale of `shape`."""

    def __init__(self):
        self._products = [0] * SHAPES
        self._squares = [0] * SHAPES
        self.reset()

    def reset(self):
        self.rest_mc = 0
        self.rested = False
        self.frames = 0
        self.shape = 0
        self.mc_per_w = 0
        for i in range(SHAPES):
            self._products[i] = self._squares[i] = 0

    def rest(self, mc):
        """A frame before any light."""
        self.rest_mc = self.rest_mc + ((mc - self.rest_mc) >> 2) if self.rested else mc
        self.rested = True

    def look(self, mc, expected):
        """One frame with light: where the tissue is, and what the shapes make of the light so far."""
        if self.frames >= _FRAMES_MAX:
            return
        rise_mc = mc - self.rest_mc
        if rise_mc > _FAR_MC:
            rise_mc = _FAR_MC
        elif rise_mc < -_FAR_MC:
            rise_mc = -_FAR_MC
        products, squares, mw = self._products, self._squares, expected.mw
        for i in range(SHAPES):
            products[i] += rise_mc * mw[i] >> 10
            squares[i] += mw[i] * mw[i] >> 10
        self.frames += 1

    def settle(self):
        """Find the shape that leaves the smallest rest, and its scale."""
        most = 0
        for i in range(SHAPES):
            if self._squares[i] > most:
                most = self._squares[i]
        halvings = 0
        while most >> halvings >= 0x8000:
            halvings += 1
        best = -1
        for i in range(SHAPES):
            explained = _explained(self._products[i] >> halvings, self._squares[i] >> halvings)
            if explained > best:
                best = explained
                self.shape = i
        if best >= 0:
            self.mc_per_w = _scale(self._products[self.shape], self._squares[self.shape])

    def _sum(self, factors_q10):
        w = models.WEIGHTS_Q10[self.shape]
        total = 0
        for i in range(_SLOW):
            total += w[i] * factors_q10[i] >> 10
        return self.mc_per_w * total >> 10

    def after_30_s(self):
        """What a watt, on the mean, comes to in 30 s: m°C."""
        return self._sum(_S30_Q10)

    def after_300_s(self):
        return self._sum(_S300_Q10)

    def in_the_end(self):
        """What a watt comes to in half an hour, m°C."""
        return self._sum(_END_Q10)


def _explained(product, square):
    """What a shape explains of the squares, product² / square; -1 if the tissue does the opposite."""
    if product <= 0 or square <= 0 or product >= 60 * square:
        return -1
    whole = product // square
    # The rest is below the square, which has 15 bits: of the product, too, so many are taken.
    other, shift = product, 0
    while other >= 0x8000:
        other >>= 1
        shift += 1
    return whole * product + ((product - whole * square) * other // square << shift)


def _scale(product, square):
    while square >= 0x2000:
        square >>= 1
        product >>= 1
    return product * 1000 // square if product < 60 * square else _MOST_MC_PER_W
