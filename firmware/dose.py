"""Thermal dose in integers: CEM43 in micro-minutes, saturating, never wrapping.

CEM43 = sum of R^(43 - T) dt, R = 0.5 from 43 °C up and 0.25 below, counting from 39 °C (Sapareto and Dewey 1984;
doubtful far outside 39-52 °C: Dewhirst 2003). 2^30 micro-minutes are 1073 min, over four times the dose of imILT.
"""

from micropython import const

_REFERENCE_MC = const(43000)
_START_MC = const(39000)
_CYCLE_UMIN_Q3 = const(13333)  # 100 ms in micro-minutes, times 8
MAX_UMIN = const(0x3FFFFFFF)

# 2^(i/64) times 32768, written out: the board's single-precision floats could round them otherwise.
# fmt: off
_POWERS = (
    32768, 33125, 33486, 33850, 34219, 34591, 34968, 35349, 35734, 36123, 36516, 36914, 37316,
    37722, 38133, 38548, 38968, 39392, 39821, 40255, 40693, 41136, 41584, 42037, 42495, 42958,
    43425, 43898, 44376, 44859, 45348, 45842, 46341, 46846, 47356, 47871, 48393, 48920, 49452,
    49991, 50535, 51085, 51642, 52204, 52773, 53347, 53928, 54515, 55109, 55709, 56316, 56929,
    57549, 58176, 58809, 59449, 60097, 60751, 61413, 62081, 62757, 63441, 64132, 64830, 65536,
)
# fmt: on


def _power_q15(exponent_m):
    """2^(x/1000), times 32768, for x = 0..999; interpolated, within 0.005 %."""
    scaled = exponent_m * 64
    i = scaled // 1000
    low = _POWERS[i]
    return low + (_POWERS[i + 1] - low) * (scaled - i * 1000) // 1000


class Dose:
    """`umin` is the dose so far; `add` takes one cycle at `mc` m°C."""

    def __init__(self):
        self.umin = 0
        self._carry_q11 = 0

    def reset(self):
        self.umin = 0
        self._carry_q11 = 0

    def add(self, mc):
        if mc < _START_MC:
            return
        exponent_m = mc - _REFERENCE_MC
        if exponent_m < 0:
            exponent_m *= 2
        doublings = exponent_m // 1000
        step_q11 = _CYCLE_UMIN_Q3 * _power_q15(exponent_m - doublings * 1000) >> 7
        if doublings <= 6:
            self._add_fine(step_q11 << doublings if doublings >= 0 else step_q11 >> -doublings)
        elif doublings < 19:  # from 50 °C what is left of a micro-minute no longer matters
            self._add(step_q11 >> 11 - doublings if doublings < 11 else step_q11 << doublings - 11)
        else:
            self.umin = MAX_UMIN

    def _add_fine(self, step_q11):
        step_q11 += self._carry_q11
        self._carry_q11 = step_q11 & 0x7FF
        self._add(step_q11 >> 11)

    def _add(self, step):
        self.umin = MAX_UMIN if step > MAX_UMIN - self.umin else self.umin + step
