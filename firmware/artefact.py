"""What light does to one probe's reading: learnt from bright and dark slots, taken off every sample.

A probe reads its tissue and, on top of it, its self-heating: so much per watt that it feels (felt.py). Within a second
the light goes off and on again and the tissue hardly moves, so that what moves with the light is self-heating. Means
over a second are left out, and with them drifts and most of a breath. Longer dark windows, one breath long, then show
whether the slow part of the heat leaves as the bench has told.

All in integers: m°C, mW.
"""

from micropython import const

_RING = const(5)
BREATH = const(20)  # samples: 4 s, one breath at 15 a minute
_MOST_SAMPLES = const(100)  # without light no breath is counted
_SLOW = const(9)  # averages over 2^n samples: 100 s
_FAST = const(5)  # 6 s, to see changes
_FAR_MC = const(40000)  # contrasts beyond it are no light's
_SWAY_MC = const(8000)
_TAUGHT = const(20000)  # square of the contrast, times 4 and averaged, from which on a ratio means something
_MOST_MC_PER_W = const(31999)
_UNITY_Q10 = const(1024)
_SHAPE_Q10 = (683, 1536)  # a window that tells more is no window on the shape
_TRUST = const(8)  # windows, after which each one more counts alike
_LEAST_MC = const(300)  # of self-heating, below which a window teaches nothing
# Tissue that light itself warms: so much per s of what it warms the probe, 0.17/cm / (3.44 J/cm³/K · 3.85 °C·cm²/W),
# over the 2 s from the middle of the window to its begin, times 1024
_TISSUE_Q10 = const(26)


class Artefact:
    """`mc_per_w`: self-heating per watt felt, as learnt over 100 s; `lately_mc_per_w`: over 6 s, or -1 without light.
    `clean_mc`: the last sample without it; `mean_mc`: its mean over a breath; `sway_mc`: how far it moves about it.
    `shape_q10`: what the dark windows say of the bench's shape, 1024 if it is right; `windows`: how many have."""

    def __init__(self):
        self._ring = [0] * _RING
        self._clean = [0] * BREATH
        self.reset()

    def reset(self):
        """A probe about which nothing is known."""
        self.mc_per_w = 0
        self.lately_mc_per_w = -1
        self.learnt = False
        self.shape_q10 = _UNITY_Q10
        self.windows = 0
        self.clean_mc = self.mean_mc = self.sway_mc = self.artefact_mc = 0
        self._product_q2 = self._square_q2 = 0  # of contrasts, averaged
        self._late_product_q2 = self._late_square_q2 = 0
        self._run = 0  # samples in a row
        self._at = self._clean_at = 0
        self._clean_sum = 0
        self._raw_sum = self._felt_sum = self._count = 0
        self._before_raw = self._before_felt = self._trend = 0

    def missed(self):
        """A sample did not come."""
        self._run = 0

    def sample(self, mc, felt):
        """One sample, and the light felt in its slot."""
        self._ring[self._at] = mc
        self._at = (self._at + 1) % _RING
        self._run += 1
        if self._run >= _RING:
            self._learn(felt.contrast_mw)
        felt_q3 = felt.now_q3
        if self._count < _MOST_SAMPLES:
            self._raw_sum += mc
            self._felt_sum += felt_q3 >> 3
            self._count += 1
        self.artefact_mc = self.mc_per_w * (felt_q3 >> 3) // 1000
        self._average(mc - self.artefact_mc)

    def _average(self, mc):
        self.clean_mc = mc
        clean = self._clean
        if self._run == 1:
            for i in range(BREATH):
                clean[i] = mc
            self._clean_sum = mc * BREATH
        self._clean_sum += mc - clean[self._clean_at]
        clean[self._clean_at] = mc
        self._clean_at = (self._clean_at + 1) % BREATH
        self.mean_mc = self._clean_sum // BREATH
        off_mc = mc - self.mean_mc if mc > self.mean_mc else self.mean_mc - mc
        if off_mc > _SWAY_MC:
            off_mc = _SWAY_MC
        self.sway_mc += (off_mc - self.sway_mc) >> 4

    def _learn(self, contrast_mw):
        ring = self._ring
        total_mc = ring[0] + ring[1] + ring[2] + ring[3] + ring[4]
        contrast_mc = (ring[(self._at + 2) % _RING] * _RING - total_mc) // _RING
        if contrast_mc > _FAR_MC:
            contrast_mc = _FAR_MC
        elif contrast_mc < -_FAR_MC:
            contrast_mc = -_FAR_MC
        product_q2 = contrast_mc * contrast_mw << 2
        square_q2 = contrast_mw * contrast_mw << 2
        self._product_q2 += (product_q2 - self._product_q2) >> _SLOW
        self._square_q2 += (square_q2 - self._square_q2) >> _SLOW
        self._late_product_q2 += (product_q2 - self._late_product_q2) >> _FAST
        self._late_square_q2 += (square_q2 - self._late_square_q2) >> _FAST

    def frame(self):
        """Once a frame: what the samples so far have taught."""
        if self._square_q2 >= _TAUGHT >> 3:
            self.learnt = True
            self.mc_per_w = ratio_mc_per_w(self._product_q2, self._square_q2) * self.shape_q10 >> 10
        self.lately_mc_per_w = -1
        if self._late_square_q2 >= _TAUGHT:
            self.lately_mc_per_w = ratio_mc_per_w(self._late_product_q2, self._late_square_q2) * self.shape_q10 >> 10

    def breath(self):
        """A breath of light has passed, and the next begins."""
        count = self._count or 1
        raw, felt = self._raw_sum // count, self._felt_sum // count
        self._trend = raw - self._before_raw - self.mc_per_w * (felt - self._before_felt) // 1000
        self._before_raw = raw
        self._before_felt = felt
        self._raw_sum = self._felt_sum = self._count = 0

    def window(self):
        """A dark window has passed, one breath long, after two breaths of light: what has it changed?"""
        raw, felt, trend = self._before_raw, self._before_felt, self._trend
        self.breath()
        fell_mw = felt - self._before_felt + (felt * _TISSUE_Q10 >> 10)
        told_mc = self.mc_per_w * fell_mw // 1000
        if told_mc < _LEAST_MC:
            return
        seen_q10 = self.shape_q10 * (raw - self._before_raw + trend) // told_mc
        low, high = _SHAPE_Q10
        seen_q10 = low if seen_q10 < low else high if seen_q10 > high else seen_q10
        if self.windows < _TRUST:
            self.windows += 1
        # What a breath leaves of itself in a window is up to a quarter of its sway: then it counts for less.
        doubt = 8 * self.sway_mc // told_mc
        self.shape_q10 += (seen_q10 - self.shape_q10) // (self.windows + 1 + doubt)

    def doubt_mc(self):
        """How far off the clean reading may be: all of it until learnt, then a part that falls with each window."""
        part = 10 if self.learnt else 100
        left = self.artefact_mc * part // (100 * (1 + self.windows))
        return left + self.sway_mc // 8 if left > 0 else self.sway_mc // 8


def ratio_mc_per_w(product, square):
    """m°C per W out of averaged products and squares; scaled so that nothing overflows."""
    while square >= 0x8000:
        square >>= 1
        product >>= 1
    if product <= 0 or not square:
        return 0
    if product >= 32 * square:
        return _MOST_MC_PER_W
    return product * 1000 // square
