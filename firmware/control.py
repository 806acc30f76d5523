"""The feedback law: PI on the dark sample with feed-forward, anti-windup and a ceiling from the tip. Once a frame.

All in integers: m°C, mW, ms. Power is that of a bright slot; the dark slot is the caller's.
"""

from micropython import const

import limits

# Why the power is what it is
OFF = const(0)
FEEDBACK = const(1)
AT_CAP = const(2)
TIP_LIMITED = const(3)
AT_ZERO = const(4)
SLEWING = const(5)
REASONS = (
    "off",
    "following the set-point",
    "saturated at the cap",
    "held back by the tip",
    "warmer than wanted",
    "rising at the slew limit",
)
_Q5 = const(32)


class Control:
    """`wanted_mw` and `reason` are the law's last answer."""

    def __init__(self):
        self.wanted_mw = 0
        self.reason = OFF
        self._integral_q5 = 0
        self._carry = 0

    def reset(self):
        """Forget the past: the next step starts from no light."""
        self.wanted_mw = 0
        self.reason = OFF
        self._integral_q5 = 0
        self._carry = 0

    def hold_off(self):
        """No light for now, but what was learnt stays, so that a pause ends without a bump."""
        self.wanted_mw = 0
        self.reason = OFF

    def step(self, settings, control_mc, tip_mc, tip_limit_mc):
        """One frame: from the control probe's and the hottest tip's dark readings to the wanted power."""
        error_mc = settings.set_point_mc - control_mc
        if error_mc > limits.ERROR_MAX_MC:
            error_mc = limits.ERROR_MAX_MC
        elif error_mc < -limits.ERROR_MAX_MC:
            error_mc = -limits.ERROR_MAX_MC
        drive = settings.kp_mw_per_c * error_mc
        asked = settings.feed_forward_mw + drive // 1000 + (self._integral_q5 >> 5)
        ceiling = self._ceiling(settings, tip_mc, tip_limit_mc)
        self._bound(asked, ceiling)
        # Conditional integration: not further into a bound that is already reached.
        if (asked <= self.wanted_mw or error_mc < 0) and (asked >= self.wanted_mw or error_mc > 0):
            self._integrate(drive * _Q5, settings.ti_ms, settings.cap_mw * _Q5)

    def _ceiling(self, settings, tip_mc, tip_limit_mc):
        """The cap, or what is left of it as the tip comes within its margin of the limit."""
        self.reason = AT_CAP
        room_mc = tip_limit_mc - tip_mc
        if room_mc >= limits.TIP_MARGIN_MC:
            return settings.cap_mw
        self.reason = TIP_LIMITED
        return settings.cap_mw * room_mc // limits.TIP_MARGIN_MC if room_mc > 0 else 0

    def _bound(self, asked, ceiling):
        """Bound what is asked by nothing, the slew and the ceiling, and say which it was."""
        slewed = self.wanted_mw + limits.SLEW_UP_MW_PER_S
        if asked <= 0:
            self.reason = AT_ZERO
            self.wanted_mw = 0
        elif asked <= ceiling and asked <= slewed:
            self.reason = FEEDBACK
            self.wanted_mw = asked
        elif slewed < ceiling:
            self.reason = SLEWING
            self.wanted_mw = slewed
        else:
            self.wanted_mw = ceiling

    def _integrate(self, drive_q5, ti_ms, bound_q5):
        """Add drive / ti; what the division leaves is carried over, else small errors would never be integrated."""
        drive_q5 += self._carry
        step_q5 = drive_q5 // ti_ms
        self._carry = drive_q5 - step_q5 * ti_ms
        integral = self._integral_q5 + step_q5
        if integral > bound_q5:
            integral = bound_q5
        elif integral < -bound_q5:
            integral = -bound_q5
        self._integral_q5 = integral
