"""The four MAX31856 on the emulated board's SPI bus: byte by byte, by the model that every level has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rp2040py.gpio_pin import GPIOPinState

from imilt_sim.pico.chip import Chip
from imilt_sim.standins import wiring
from imilt_sim.standins.max31856_chip import Chip as Max31856

_BUS_PINS = (16, 18, 19)
_FUNCTION_SPI = 1
_PHASE = 1 << 7  # of SSPCR0: modes 1 and 3
_BITS = 8
_MAX_HZ = 5_000_000
_WRITE = 0x80
_FLOATING = 0xFF
_NS_PER_S = 1e9


class Converters:
    """`port` takes what a conversion starts with, as on the other levels; `on_use` is called as one is
    selected, and after it was written to."""

    def __init__(self, chip: Chip, port: Any, on_use: Callable[[], None]) -> None:
        self._mcu = chip.mcu
        self._spi = chip.mcu.spi[0]
        self._port = port
        self._on_use = on_use
        self._selected = -1
        self._sent = bytearray()
        self._one = bytearray(2)
        self._answer = 0
        self._reply = chip.alarm(lambda: self._spi.complete_transmit(self._answer))
        self._spi.on_transmit = self._transmit
        self.power_up()
        for i, pin in enumerate(wiring.CHIP_SELECTS):
            chip.mcu.gpio[pin].add_listener(partial(self._select, i))
        chip.on_reset.append(self.release)

    def power_up(self) -> None:
        """All registers as after power-up."""
        self.chips = [Max31856(self._port, i) for i in range(len(wiring.CHIP_SELECTS))]

    def release(self) -> None:
        """The board was reset: its lines float, and pull-ups deselect."""
        self._reply.cancel()
        self._selected = -1
        self._sent.clear()

    def finish(self) -> None:
        """Conversions that `port` has as done end."""
        port = self._port
        for i, converter in enumerate(self.chips):
            if port.done >> i & 1:
                converter.finish(port.hot_q12[i], port.cold_q12[i], port.input_faults[i])
        port.done = 0

    def _select(self, index: int, level: GPIOPinState, _before: GPIOPinState) -> None:
        if level == GPIOPinState.LOW:
            self._on_use()
            self._selected = index
            self._sent.clear()
        elif self._selected == index:
            self._selected = -1
            # A write counts when the chip is deselected, and so do the bytes before it.
            if self._sent and self._sent[0] & _WRITE:
                self.chips[index].transfer(bytes(self._sent), None)
                self._on_use()

    def _transmit(self, out: int) -> None:
        self._answer = self._exchange(out)
        self._reply.schedule(_BITS * _NS_PER_S / self._spi.clock_frequency)

    def _exchange(self, out: int) -> int:
        """One byte each way."""
        if self._selected < 0 or self._port.absent >> self._selected & 1 or not self._works():
            return _FLOATING
        self._sent.append(out)
        address, at = self._sent[0], len(self._sent) - 1
        if address & _WRITE or not at:
            return _FLOATING
        self.chips[self._selected].transfer(bytes(((address + at - 1) & 0x7F, 0)), self._one)
        return self._one[1]

    def _works(self) -> bool:
        """The bus is as the converters need it."""
        pins = all(self._mcu.gpio[pin].function_select == _FUNCTION_SPI for pin in _BUS_PINS)
        phase = self._spi._control0 & _PHASE and self._spi.data_bits == _BITS
        return bool(pins and phase and self._spi.clock_frequency <= _MAX_HZ)
