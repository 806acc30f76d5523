"""MAX31856 at its registers, after its data sheet: conversion times, averaging, cold junction, faults.

The world gives the junction's temperature and the state of the leads at the end of a conversion; the chip
linearises perfectly and rounds down to its resolution. It allocates nothing, as the firmware's cycle must not.
"""

REGISTERS = 16
# Power-up values: CR0, CR1, MASK, cold-junction thresholds, linearised thresholds, offset, results, status.
_POWER_UP = bytes((0x00, 0x03, 0xFF, 0x7F, 0xC0, 0x7F, 0xFF, 0x80, 0x00, 0x00, 0, 0, 0, 0, 0, 0))
_ONE_SHOT = 0x40
_FAULT_CLEAR = 0x02
_FIRST_READ_ONLY = 0x0A
OPEN = 1
OVER_UNDER_VOLTAGE = 2


class Chip:
    def __init__(self, board, index):
        self._board = board
        self._index = index
        self.registers = bytearray(_POWER_UP)
        self.converting = False

    def conversion_ms(self):
        """Typical one-shot time: 143 ms at 60 Hz, 169 ms at 50 Hz, two line cycles more for each further sample."""
        fifty = self.registers[0] & 1
        extra = (1 << min(self.registers[1] >> 4 & 7, 4)) - 1
        return (169 if fifty else 143) + extra * (40 if fifty else 33)

    def transfer(self, out, answer):
        """One transaction: address byte, then data to or from consecutive registers; `answer` may be None."""
        address = out[0]
        if address & 0x80:
            for i in range(1, len(out)):
                self._write((address + i - 1) & 0x0F, out[i])
        elif answer is not None:
            registers = self.registers
            for i in range(1, len(answer)):
                answer[i] = registers[(address + i - 1) & 0x0F]

    def _write(self, register, value):
        if register == 0:
            self._write_cr0(value)
        elif register < _FIRST_READ_ONLY:
            self.registers[register] = value

    def _write_cr0(self, value):
        if value & _FAULT_CLEAR:
            self.registers[15] = 0
            value &= ~_FAULT_CLEAR
        if not value & _ONE_SHOT:
            self.converting = False
        elif not self.converting:
            self.converting = True
            self.registers[0] = value
            self._board.started |= 1 << self._index
            self._board.conversion_ms[self._index] = self.conversion_ms()
        self.registers[0] = value

    def finish(self, hot_q12, cold_q12, input_faults):
        """End the conversion: results and status appear, the one-shot bit clears. Temperatures in 1/4096 °C."""
        if not self.converting:
            return
        self.converting = False
        registers = self.registers
        registers[0] &= ~_ONE_SHOT
        offset = registers[9] - 256 if registers[9] & 0x80 else registers[9]
        cold = (cold_q12 >> 6) + (offset << 2)  # 1/64 °C; the offset register has 1/16 °C
        cold = max(-0x2000, min(0x1FFF, cold)) << 2
        registers[0x0A] = cold >> 8 & 0xFF
        registers[0x0B] = cold & 0xFF
        status = input_faults
        if not registers[0] & 0x30:
            status &= ~OPEN  # detection is off: an open circuit goes unseen
        if not status:
            code = max(-0x40000, min(0x3FFFF, hot_q12 >> 5)) << 5
            registers[0x0C] = code >> 16 & 0xFF
            registers[0x0D] = code >> 8 & 0xFF
            registers[0x0E] = code & 0xFF
        registers[15] = status | self._thresholds(cold >> 8, hot_q12 >> 8) | self._ranges(cold, hot_q12)

    def _thresholds(self, cold_c, hot_q4):
        registers = self.registers
        status = 0x20 if cold_c > _signed(registers[3], 8) else 0
        status |= 0x10 if cold_c < _signed(registers[4], 8) else 0
        status |= 0x08 if hot_q4 > _signed(registers[5] << 8 | registers[6], 16) else 0
        return status | (0x04 if hot_q4 < _signed(registers[7] << 8 | registers[8], 16) else 0)

    def _ranges(self, cold, hot_q12):
        """Cold junction outside -55..125 °C; hot junction outside the range of types K and T."""
        status = 0x80 if not -55 << 8 <= cold <= 125 << 8 else 0
        highest = 400 if self.registers[1] & 0x0F == 7 else 1372
        return status | (0x40 if not -200 << 12 <= hot_q12 <= highest << 12 else 0)


def _signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value
