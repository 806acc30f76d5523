"""MAX31856 thermocouple converter, one-shot, 50 Hz, at register level, after its data sheet.

`read` takes the whole register file in one burst: a chip that was reset, is absent or answers with a stuck line
shows in its configuration registers, not as a believable 0 °C.
"""

from micropython import const

OK = const(0)
NO_SAMPLE = const(1)  # none yet
OPEN = const(2)
SHORT = const(3)  # over- or under-voltage at an input
RANGE = const(4)  # junction outside its thresholds
NOT_READY = const(5)  # the conversion was not finished when it was read
NO_RESPONSE = const(6)  # configuration not as written: chip reset, absent, or a stuck line

TYPE_K = const(3)
TYPE_T = const(7)

_CR0_IDLE = const(0x11)  # open-circuit detection for leads below 5 kohm, comparator faults, 50 Hz
_CR0_ONE_SHOT = const(0x51)
_SR_OPEN = const(0x01)
_SR_OVUV = const(0x02)
_CJ_HIGH_C = const(60)
_CJ_LOW_C = const(0)
_TC_HIGH_C = const(110)
_TC_LOW_C = const(0)
REGISTERS = const(16)


class MAX31856:
    """One chip. `tc_mc` and `cj_mc` are m°C, `sr` the fault status register as read."""

    def __init__(self, spi, select):
        self._spi = spi
        self._select = select
        self._trigger = bytearray((0x80, _CR0_ONE_SHOT))
        self._ask = bytearray(1 + REGISTERS)
        self._answer = bytearray(1 + REGISTERS)
        self._cr1 = TYPE_T
        self.tc_mc = 0
        self.cj_mc = 0
        self.sr = 0
        select(1)

    def configure(self, tc_type):
        """Stop conversion, write every configuration and threshold register, clear the faults."""
        self._cr1 = tc_type
        self._write(bytes((0x80, 0x00)))
        # Some chips wake with cold-junction limits of 0/0: every threshold is written.
        high = _TC_HIGH_C << 4
        low = _TC_LOW_C << 4
        self._write(
            bytes(
                (
                    0x80,
                    _CR0_IDLE | 0x02,
                    tc_type,
                    0x00,
                    _CJ_HIGH_C,
                    _CJ_LOW_C,
                    high >> 8,
                    high & 0xFF,
                    low >> 8,
                    low & 0xFF,
                    0x00,
                )
            )
        )

    def trigger(self):
        """Start one conversion, 169 ms typical, 185 ms at most."""
        self._write(self._trigger)

    def read(self):
        """Read everything; returns the status. The values are new only when it is not NOT_READY or NO_RESPONSE."""
        self._select(0)
        self._spi.write_readinto(self._ask, self._answer)
        self._select(1)
        answer = self._answer
        cr0 = answer[1]
        # The trigger rewrites CR0, and type K is the chip's own default: a threshold tells a reset chip as well.
        if answer[2] != self._cr1 or answer[4] != _CJ_HIGH_C:
            return NO_RESPONSE
        if cr0 == _CR0_ONE_SHOT:
            return NOT_READY
        if cr0 != _CR0_IDLE:
            return NO_RESPONSE
        # Two's complement, left-aligned: 14 bits of 1/64 °C and 19 bits of 1/128 °C.
        code = ((answer[11] << 8) | answer[12]) >> 2
        if code & 0x2000:
            code -= 0x4000
        self.cj_mc = code * 1000 >> 6
        code = ((answer[13] << 16) | (answer[14] << 8) | answer[15]) >> 5
        if code & 0x40000:
            code -= 0x80000
        self.tc_mc = code * 1000 >> 7
        self.sr = answer[16]
        return status_of(self.sr)

    def _write(self, data):
        self._select(0)
        self._spi.write(data)
        self._select(1)


def status_of(sr):
    """The fault status register as one status; an open circuit explains the others, so it comes first."""
    if sr == 0:
        return OK
    if sr & _SR_OPEN:
        return OPEN
    if sr & _SR_OVUV:
        return SHORT
    return RANGE
