"""Behind the pins: monostable on the enable line, chain, driver, diode, photodiode, and what the converters read."""

from dataclasses import dataclass

MONOSTABLE_MS = 250
"""The enable pulse keeps the driver open for so long; a pull-down holds it closed without one."""


@dataclass
class Diode:
    """A laser diode on a current driver whose set-point is the low-passed PWM (time constant far below 20 ms)."""

    threshold_duty: float = 5243 / 65535
    maximum_w: float = 25.0
    gain: float = 1.0
    """1 for a sound driver; above it for one that gives more than it is asked for."""

    stuck_duty: float | None = None
    """The set-point of a driver that no longer follows the PWM."""

    def power_w(self, compare: int, top: int) -> float:
        """Optical power for the PWM's compare value and TOP: none below threshold, then a straight line."""
        duty = compare / (top + 1) if self.stuck_duty is None else self.stuck_duty
        if duty <= self.threshold_duty:
            return 0.0
        return self.gain * self.maximum_w * (min(duty, 1.0) - self.threshold_duty) / (1.0 - self.threshold_duty)


PHOTODIODE_FULL_SCALE_W = 30.0
PHOTODIODE_NOISE_COUNTS = 1.5
"""About 10 mW of 30 W: the noise of the RP2040's 12-bit converter."""


def photodiode_u16(power_w: float, noise_counts: int) -> int:
    """What `ADC.read_u16` gives: 12 bits, spread over 16 as the rp2 port does."""
    return _adc_u16(round(power_w / PHOTODIODE_FULL_SCALE_W * 4095) + noise_counts)


def supply_u16(millivolts: float) -> int:
    """The same of the supply, which the Pico divides by three before a converter of 3.3 V full scale."""
    return _adc_u16(round(millivolts / 3 / 3300 * 4095))


def _adc_u16(counts: int) -> int:
    counts = max(0, min(4095, counts))
    return counts << 4 | counts >> 8
