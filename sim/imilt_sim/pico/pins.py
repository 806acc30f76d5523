"""What the emulated board's pins say to the world, and the world to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rp2040py.gpio_pin import GPIOPinState

from imilt_sim.pico.chip import Chip
from imilt_sim.standins import wiring

_FUNCTION_PWM = 4
_ENABLED = 1  # of a slice's CSR
_ADC_FIRST_PIN = 26
_ADC_SHIFT = 4  # `read_u16` spreads 12 bits over 16


class Outputs:
    """Laser set-point, enable edges and lamps, as they are at the pins."""

    def __init__(self, chip: Chip, on_enable: Callable[[], None]) -> None:
        self._mcu = chip.mcu
        self._on_enable = on_enable
        chip.mcu.gpio[wiring.LASER_ENABLE].add_listener(self._enable_changed)

    def duty(self, pin: int) -> tuple[int, int]:
        """(compare value, TOP) of the set-point that the pin gives after the low-pass.

        A slice that was stopped is high for ever or never, wherever its counter was: high is the worst.
        """
        gpio = self._mcu.gpio[pin]
        if gpio.function_select != _FUNCTION_PWM:
            return (1, 0) if gpio.value == GPIOPinState.HIGH else (0, 0)
        channel = self._mcu.pwm.channels[pin >> 1 & 7]
        compare = channel.cc >> 16 if pin & 1 else channel.cc & 0xFFFF
        if compare and not channel.csr & _ENABLED:
            compare = channel.top + 1
        return compare, channel.top

    def mask(self) -> int:
        """Bit set = this output of `wiring.OUTPUTS` is on."""
        return sum(1 << i for i, pin in enumerate(wiring.OUTPUTS) if self.duty(pin)[0])

    def _enable_changed(self, level: GPIOPinState, _before: GPIOPinState) -> None:
        if level == GPIOPinState.HIGH:
            self._on_enable()


class Inputs:
    """Contacts and voltages. `on_look` is called when the board measures the light, the first thing in its cycle."""

    def __init__(self, chip: Chip, on_look: Callable[[], None]) -> None:
        self._mcu = chip.mcu
        self._closed = -1
        self._on_look = on_look
        self._measure = chip.mcu.adc.on_adc_read
        chip.mcu.adc.on_adc_read = self._asked

    def take(self, port: Any) -> None:
        """Put contacts and voltages to the pins as `port` has them."""
        values = self._mcu.adc.channel_values
        values[wiring.PHOTODIODE_ADC - _ADC_FIRST_PIN] = port.adc_u16 >> _ADC_SHIFT
        values[wiring.SUPPLY_ADC - _ADC_FIRST_PIN] = port.supply_u16 >> _ADC_SHIFT
        for i, pin in enumerate(wiring.INPUTS):
            closed = port.inputs >> i & 1
            if self._closed < 0 or closed != self._closed >> i & 1:
                self._mcu.gpio[pin].set_input_value(not closed)
        self._closed = port.inputs

    def _asked(self, channel: int) -> None:
        if channel == wiring.PHOTODIODE_ADC - _ADC_FIRST_PIN:
            self._on_look()
        self._measure(channel)
