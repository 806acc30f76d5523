"""The laser: optical power as PWM duty, and the enable edge that keeps the monostable open.

The driver's analogue set-point is the low-passed PWM: 2 W means 2 W, not pulses of 25 W. Between the points of the
calibrated table - the diode emits nothing below its threshold current, then rises - the duty is interpolated.
"""

from micropython import const

PWM_HZ = const(20000)


class Laser:
    """Power in mW; dark until `set_mw` and `pulse_enable` both say otherwise. Raises ValueError for a table that does
    not rise from 0 mW."""

    def __init__(self, pwm, enable, max_mw):
        self._pwm = pwm
        self._enable = enable
        self._max_mw = max_mw
        self._mw = [0, max_mw]
        self._duty = [0, 0]
        self.duty_u16 = 0
        self.dark()

    def calibrate(self, points):
        """Take the table: pairs of power in mW and duty of 16 bits, both rising, the first power 0."""
        mw = [point[0] for point in points]
        duty = [point[1] for point in points]
        for i in range(1, len(points)):
            if mw[i] <= mw[i - 1] or duty[i] <= duty[i - 1]:
                raise ValueError("the laser's table does not rise at %d mW" % mw[i])
        if len(points) < 2 or mw[0] or duty[0] < 0 or duty[-1] > 65535:
            raise ValueError("the laser's table does not begin at 0 mW or goes beyond full duty")
        self.dark()
        self._mw = mw
        self._duty = duty

    def set_mw(self, mw):
        """Set the duty for `mw`, up to the table's last point or the maximum; written only when it changes."""
        duty = self._duty_for(mw) if mw > 0 else 0
        if duty != self.duty_u16:
            self.duty_u16 = duty
            self._pwm.duty_u16(duty)

    def _duty_for(self, mw):
        """Rounded down, so never more power than asked for."""
        last = len(self._mw) - 1
        if mw > self._max_mw:
            mw = self._max_mw
        if mw >= self._mw[last]:
            return self._duty[last]
        i = 1
        while mw >= self._mw[i]:
            i += 1
        low = self._mw[i - 1]
        span = self._mw[i] - low
        rise = self._duty[i] - self._duty[i - 1]
        # 25000 * 65535 would leave the small integers: whole duties for each mW first, then their rest.
        whole = rise // span
        return self._duty[i - 1] + (mw - low) * whole + (mw - low) * (rise - whole * span) // span

    def pulse_enable(self):
        """One rising edge: the monostable stays open for 250 ms. Only a healthy cycle calls this."""
        self._enable(1)
        self._enable(0)

    def dark(self):
        """Duty 0 at once, whatever was there. Safe in an interrupt."""
        self.duty_u16 = 0
        self._pwm.duty_u16(0)
