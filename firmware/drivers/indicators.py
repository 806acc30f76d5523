"""What the device shows and sounds: two alarm lamps, the buzzer, the emission indicator and the aiming beam."""

from micropython import const

# Bits of `mask`.
AIMING = const(1)
EMISSION = const(2)
RED = const(4)
YELLOW = const(8)
BUZZER = const(16)
_HALF = const(32768)


class Indicators:
    """Pins that are safe at 0, and a PWM whose frequency is the board's. `mask` has the bits of what is on.

    Ports are written only when they change, except by `off`. Not for interrupts: one could come between port and mask.
    """

    def __init__(self, red_pin, yellow_pin, buzzer_pwm, emission_pin, aiming_pin):
        self._red = red_pin
        self._yellow = yellow_pin
        self._buzzer = buzzer_pwm
        self._emission = emission_pin
        self._aiming = aiming_pin
        self.mask = 0
        self.off()

    def show(self, red, yellow, buzzer):
        """The alarm signals of this cycle, each on if true."""
        self._write(self._red, RED, red)
        self._write(self._yellow, YELLOW, yellow)
        if buzzer:
            if not self.mask & BUZZER:
                self._buzzer.duty_u16(_HALF)
                self.mask |= BUZZER
        elif self.mask & BUZZER:
            self._buzzer.duty_u16(0)
            self.mask &= ~BUZZER

    def emission(self, on):
        """The emission indicator."""
        self._write(self._emission, EMISSION, on)

    def aiming(self, on):
        """The aiming beam."""
        self._write(self._aiming, AIMING, on)

    def off(self):
        """Everything off, whatever was there."""
        self._aiming(0)
        self._emission(0)
        self._red(0)
        self._yellow(0)
        self._buzzer.duty_u16(0)
        self.mask = 0

    def _write(self, pin, bit, on):
        if on:
            if not self.mask & bit:
                pin(1)
                self.mask |= bit
        elif self.mask & bit:
            pin(0)
            self.mask &= ~bit
