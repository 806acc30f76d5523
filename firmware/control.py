"""The feedback law: PI with feed-forward, anti-windup and a ceiling from the tip. Once a frame.

Its gains are the plan's, until the tissue's answer is known: then they are those of an identified plant (lambda
tuning), and the feed-forward is the power that should hold the set-point.

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
LEARNING = const(6)
DARK_WINDOW = const(7)
AFTER_LOSS = const(8)
REASONS = (
    "off",
    "following the set-point",
    "saturated at the cap",
    "held back by the tip",
    "warmer than wanted",
    "rising at the slew limit",
    "learning from the ramp",
    "dark to look at the probes",
    "kept as before the loss",
)
_Q5 = const(32)
# Identified gains: the tissue rises by k' = S30 / 30 s for each W of mean power, which is 0.8 of a bright slot's.
# Kp = 1 / (k' (λ + θ)) with λ = 15 s and a delay θ of 6 s. What should hold is the power for the rise in 300 s, less
# 15 %, and Ti is long: the tissue goes on filling with heat, and too much is worse than too little.
_GAIN = const(1785714)  # 10^6 · 30 / (0.8 · 21)
_TI_MS = const(200000)
_HOLD_MILLI = const(1060)  # 0.85 / 0.8
_LEARNING_PERCENT = const(60)


class Control:
    """`wanted_mw` and `reason` are the law's last answer; `kp_mw_per_c`: the identified gain, 0 for the plan's."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget the past: the next step starts from no light, with the plan's gains."""
        self.wanted_mw = 0
        self.reason = OFF
        self._integral_q5 = 0
        self._carry = 0
        self.kp_mw_per_c = 0  # 0: the plan's
        self._hold_mw = 0
        self._most_mw = 0  # 0: the cap

    def never_above(self, mw):
        """From now on in this treatment: light was lost at this power, and more of it would burn the tip."""
        self._most_mw = mw

    def hold_off(self):
        """No light for now, but what was learnt stays, so that a pause ends without a bump."""
        self.wanted_mw = 0
        self.reason = OFF

    def identified(self, settings, rise_mc, after_30_s_mc, after_300_s_mc):
        """Take the gains of an identified plant: what a watt of mean power comes to in 30 and in 300 s."""
        if after_30_s_mc <= 0 or after_300_s_mc <= 0:
            return
        kp = _GAIN // after_30_s_mc
        self.kp_mw_per_c = kp if kp < limits.GAIN_MAX_MW_PER_C else limits.GAIN_MAX_MW_PER_C
        hold_mw = rise_mc * _HOLD_MILLI // after_300_s_mc
        self._hold_mw = hold_mw if hold_mw < settings.cap_mw else settings.cap_mw
        self._integral_q5 = self._carry = 0

    def step(self, settings, control_mc, tip_mc, tip_limit_mc, learning=False):
        """One frame: from the control probe's and the hottest tip's temperatures to the wanted power."""
        error_mc = settings.set_point_mc - control_mc
        if error_mc > limits.ERROR_MAX_MC:
            error_mc = limits.ERROR_MAX_MC
        elif error_mc < -limits.ERROR_MAX_MC:
            error_mc = -limits.ERROR_MAX_MC
        kp, ti_ms, feed_mw = settings.kp_mw_per_c, settings.ti_ms, settings.feed_forward_mw
        if self.kp_mw_per_c:
            kp, ti_ms, feed_mw = self.kp_mw_per_c, _TI_MS, self._hold_mw
        drive = kp * error_mc
        asked = feed_mw + drive // 1000 + (self._integral_q5 >> 5)
        self._bound(asked, self._ceiling(settings, tip_mc, tip_limit_mc, learning))
        # Conditional integration: not further into a bound that is already reached.
        if (asked <= self.wanted_mw or error_mc < 0) and (asked >= self.wanted_mw or error_mc > 0):
            self._integrate(drive * _Q5, ti_ms, settings.cap_mw * _Q5)

    def _ceiling(self, settings, tip_mc, tip_limit_mc, learning):
        """The cap, or what is left of it while learning and as the tip comes within its margin of the limit."""
        self.reason = AT_CAP
        most_mw = settings.cap_mw
        if self._most_mw and self._most_mw < most_mw:
            self.reason = AFTER_LOSS
            most_mw = self._most_mw
        if learning:
            self.reason = LEARNING
            most_mw = most_mw * _LEARNING_PERCENT // 100
        room_mc = tip_limit_mc - tip_mc
        if room_mc >= limits.TIP_MARGIN_MC:
            return most_mw
        tip_mw = settings.cap_mw * room_mc // limits.TIP_MARGIN_MC if room_mc > 0 else 0
        if tip_mw >= most_mw:
            return most_mw
        self.reason = TIP_LIMITED
        return tip_mw

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
