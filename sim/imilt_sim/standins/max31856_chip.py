"""MAX31856 at its registers, after its data sheet: conversion modes and times, averaging, cold junction, faults, DRDY.

The world gives the junction's temperature and the state of the leads at the end of a conversion; the chip
linearises perfectly and rounds down to its resolution. Open leads show at once, not at every 16th conversion, and
the test for them takes no time. Voltage mode and an external cold junction are left out. It allocates nothing, as
the firmware's cycle must not.
"""

REGISTERS = 16
# Power-up values: CR0, CR1, MASK, cold-junction thresholds, linearised thresholds, offset, results, status.
_POWER_UP = bytes((0x00, 0x03, 0xFF, 0x7F, 0xC0, 0x7F, 0xFF, 0x80, 0x00, 0x00, 0, 0, 0, 0, 0, 0))
_AUTO = 0x80
_ONE_SHOT = 0x40
_OPEN_TEST = 0x30
_INTERRUPT_MODE = 0x04
_FAULT_CLEAR = 0x02
_FURTHER = (0, 1, 3, 7, 15, 15, 15, 15)  # samples averaged besides the first, by the code in CR1
_FIRST_SETTING = 0x03  # thresholds and offset
_FIRST_READ_ONLY = 0x0A
_STATUS = 0x0F
OPEN = 0x01
OVER_UNDER_VOLTAGE = 0x02
_LOW, _HIGH, _COLD_LOW, _COLD_HIGH, _RANGE, _COLD_RANGE = 0x04, 0x08, 0x10, 0x20, 0x40, 0x80
_HYSTERESIS_C = 2
# What can be linearised, °C, types B E J K N R S T; and how cold their cold junctions may be.
_LOWEST_C = (250, -200, -210, -200, -200, -50, -50, -200)
_HIGHEST_C = (1820, 1000, 1200, 1372, 1300, 1768, 1768, 400)
_COLDEST_C = (0, -55, -55, -55, -55, -50, -50, -55)
_HOTTEST_COLD_C = 125


class _Slices:
    def __getitem__(self, key):
        return key


_DATA = _Slices()[1:]  # behind the address byte: made once, as making a slice allocates


class Chip:
    """`drdy` is the level of that pin: low from the end of a conversion until its result is read."""

    def __init__(self, board, index):
        self._board = board
        self._index = index
        self._hot = 0  # the last results, in 1/128 and 1/64 °C
        self._cold = 0
        self._offset = 0  # what the registers say: 1/64 °C, thresholds in °C and 1/16 °C
        self._cold_high_c = self._cold_low_c = self._hot_high_q4 = self._hot_low_q4 = 0
        self.registers = bytearray(_POWER_UP)
        self._decode()
        self.converting = False
        self.drdy = 1

    def conversion_ms(self, first=True):
        """Typical time of a one-shot or a first conversion, or of one that follows another in continuous mode."""
        further = _FURTHER[self.registers[1] >> 4 & 7]
        if self.registers[0] & 1:
            return 169 + further * 40 if first else 98 + further * 20
        return 143 + further * 100 // 3 if first else 82 + further * 50 // 3

    def transfer(self, out, answer):
        """One transaction: address byte, then data to or from consecutive registers; `answer` may be None."""
        address = out[0]
        if address & 0x80:
            for i in range(1, len(out)):
                self._write((address + i - 1) & 0x7F, out[i])
            self._deselected()
        elif answer is not None:
            if address == 0 and len(answer) == 1 + REGISTERS:  # the firmware's way: all of them at once
                answer[_DATA] = self.registers
                self.drdy = 1
                return
            for i in range(1, len(answer)):
                answer[i] = self._read((address + i - 1) & 0x7F)

    def _read(self, register):
        if register >= REGISTERS:
            return 0xFF
        if _FIRST_READ_ONLY <= register < _STATUS:
            self.drdy = 1
        return self.registers[register]

    def _write(self, register, value):
        registers = self.registers
        if register == 0 and value & _FAULT_CLEAR:
            if value & _INTERRUPT_MODE:
                registers[_STATUS] = 0
            value &= ~_FAULT_CLEAR
        if register < _FIRST_READ_ONLY:
            registers[register] = value
            if register >= _FIRST_SETTING:
                self._decode()

    def _decode(self):
        """Take thresholds and offset from their registers when they change, not at every conversion."""
        registers = self.registers
        self._cold_high_c = _signed(registers[3], 8)
        self._cold_low_c = _signed(registers[4], 8)
        self._hot_high_q4 = _signed(registers[5] << 8 | registers[6], 16)
        self._hot_low_q4 = _signed(registers[7] << 8 | registers[8], 16)
        self._offset = _signed(registers[9], 8) << 2

    def _deselected(self):
        """Conversions start when chip select rises after a write."""
        if not self.registers[0] & (_AUTO | _ONE_SHOT):
            self.converting = False
        elif not self.converting:
            self._begin(True)

    def _begin(self, first):
        self.converting = True
        self._board.started |= 1 << self._index
        self._board.conversion_ms[self._index] = self.conversion_ms(first)

    def finish(self, hot_q12, cold_q12, input_faults):
        """End the conversion: results and status appear, and the one-shot bit clears or the next conversion begins.

        Temperatures in 1/4096 °C. An input beyond the supply suspends everything but its own fault bit.
        """
        if not self.converting:
            return
        self.converting = False
        registers = self.registers
        registers[0] &= ~_ONE_SHOT
        if input_faults & OVER_UNDER_VOLTAGE:
            registers[_STATUS] |= OVER_UNDER_VOLTAGE
        else:
            # With detection off an open circuit goes unseen.
            opened = input_faults & OPEN if registers[0] & _OPEN_TEST else 0
            self._convert(hot_q12, cold_q12, opened)
            status = opened | self._thresholds() | self._ranges()
            registers[_STATUS] = status | registers[_STATUS] if registers[0] & _INTERRUPT_MODE else status
            self.drdy = 0
        if registers[0] & _AUTO:
            self._begin(False)

    def _convert(self, hot_q12, cold_q12, opened):
        registers = self.registers
        # 1/64 °C; the offset register has 1/16 °C. The sensor gives -64 °C at the lowest.
        cold = (cold_q12 >> 6) + self._offset
        if not -0x1000 <= cold <= 0x1FFF:
            cold = -0x1000 if cold < 0 else 0x1FFF
        self._cold = cold
        registers[0x0A] = cold >> 6 & 0xFF
        registers[0x0B] = cold << 2 & 0xFF
        if not opened:
            hot = hot_q12 >> 5
            if not -0x40000 <= hot <= 0x3FFFF:
                hot = -0x40000 if hot < 0 else 0x3FFFF
            self._hot = hot
            registers[0x0C] = hot >> 11 & 0xFF
            registers[0x0D] = hot >> 3 & 0xFF
            registers[0x0E] = hot << 5 & 0xFF

    def _thresholds(self):
        """Beyond the limits; a bit that is set stays until the value is 2 °C inside of its limit again."""
        was = self.registers[_STATUS]
        cold_c = self._cold >> 6
        hot_q4 = self._hot >> 3
        status = 0
        if cold_c > self._cold_high_c - (_HYSTERESIS_C if was & _COLD_HIGH else 0):
            status |= _COLD_HIGH
        if cold_c < self._cold_low_c + (_HYSTERESIS_C if was & _COLD_LOW else 0):
            status |= _COLD_LOW
        if hot_q4 > self._hot_high_q4 - (_HYSTERESIS_C << 4 if was & _HIGH else 0):
            status |= _HIGH
        if hot_q4 < self._hot_low_q4 + (_HYSTERESIS_C << 4 if was & _LOW else 0):
            status |= _LOW
        return status

    def _ranges(self):
        """Outside what the type can be linearised for, or its cold junction compensated."""
        kind = self.registers[1] & 0x07
        status = 0 if _COLDEST_C[kind] << 6 <= self._cold <= _HOTTEST_COLD_C << 6 else _COLD_RANGE
        return status if _LOWEST_C[kind] << 7 <= self._hot <= _HIGHEST_C[kind] << 7 else status | _RANGE


def _signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value
