"""The laser: optical power as PWM duty, and the enable edge that keeps the monostable open.

The driver's analogue set-point is the low-passed PWM: 2 W means 2 W, not pulses of 25 W. The diode emits nothing
below its threshold current, then rises in a straight line to its maximum.
"""

from micropython import const

PWM_HZ = const(20000)
_THRESHOLD_DUTY = const(5243)  # 8 % of 65536
_SPAN_DUTY = const(60292)  # from the threshold to full duty


class Laser:
    """Power in mW; dark until `set_mw` and `pulse_enable` both say otherwise."""

    def __init__(self, pwm, enable, max_mw):
        self._pwm = pwm
        self._enable = enable
        self._max_mw = max_mw
        self.duty_u16 = 0
        self.dark()

    def set_mw(self, mw):
        """Set the duty for `mw`, 0 to the diode's maximum; the port is written only when it changes."""
        duty = 0
        if mw > 0:
            if mw > self._max_mw:
                mw = self._max_mw
            # Both divided by 4: exact, and the product stays below 2^30.
            duty = _THRESHOLD_DUTY + mw * (_SPAN_DUTY >> 2) // (self._max_mw >> 2)
        if duty != self.duty_u16:
            self.duty_u16 = duty
            self._pwm.duty_u16(duty)

    def pulse_enable(self):
        """One rising edge: the monostable stays open for 250 ms. Only a healthy cycle calls this."""
        self._enable(1)
        self._enable(0)

    def dark(self):
        """Duty 0 at once, whatever was there. Safe in an interrupt."""
        self.duty_u16 = 0
        self._pwm.duty_u16(0)
