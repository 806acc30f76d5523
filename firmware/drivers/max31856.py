"""MAX31856 thermocouple converter at its registers, after its data sheet (19-7534, Rev 0).

`read` takes the whole register file in one burst and compares every register it wrote: a chip that was reset, is
absent or answers with a stuck line shows there, not as a believable 0 °C.
"""

import time

from micropython import const

from drivers.reading import COLD_RANGE, HIGH, LOW, NO_RESPONSE, NOT_READY, OK, OPEN, RANGE, SHORT, TYPES

REGISTERS = const(16)
_WRITE = const(0x80)
_CR1 = const(1)
_MASK = const(2)
_RESULTS = const(10)  # the first register that is not configuration

# CR0: open-circuit test for leads below 5 kohm, comparator faults; the bits for 50 Hz and to convert are added.
_CR0_IDLE = const(0x10)
_CR0_50HZ = const(0x01)
_CR0_ONE_SHOT = const(0x40)
_CR0_AUTO = const(0x80)
_NEVER_READ = const(-1)
_NO_TYPE = const(0xFF)  # a CR1 that no chip answers with: not configured
_MASK_RESERVED = const(0xC0)
_AVERAGING = (1, 2, 4, 8, 16)  # in the order of the codes

_SR_OPEN = const(0x01)
_SR_OVUV = const(0x02)
_SR_LOW = const(0x04)
_SR_HIGH = const(0x08)
_SR_COLD = const(0xB0)  # the cold junction outside the chip's range, or above or below its thresholds
_SR_RANGE = const(0x40)

_CJ_HIGH_C = const(60)
_CJ_LOW_C = const(0)
_TC_HIGH_C = const(160)
_TC_LOW_C = const(0)
_OPEN_TEST_MS = const(15)


class MAX31856:
    """One chip. Of the last result: `tc_mc` and `cj_mc` in m°C, both rounded down, `code` the hot junction's signed
    19-bit code in 1/128 °C, `sr` the fault status register.

    `conversion_ms` is the longest time from `trigger` to its result, `period_ms` that from one result to the next in
    continuous mode: at 50 Hz 185 ms and 110 ms, at 60 Hz 155 ms and 90 ms (the data sheet's electrical
    characteristics; typical 169, 98, 143 and 82 ms), and 15 ms for the open-circuit test of some conversions (its
    table 4). For each further sample that is averaged the description of CR1 gives typical times only, 40, 20, 33.3
    and 16.7 ms: they are taken longer in proportion.
    """

    def __init__(self, spi, select, mains_hz=50, averaging=1, continuous=False, offset_mc=0, ready=None):
        """`select` and `ready` are pins: chip select and, if it is wired, DRDY, low when a result waits.

        `averaging` is the number of samples, 1, 2, 4, 8 or 16. `offset_mc` is added to the cold junction: a multiple
        of 62.5 m°C rounded down, -8000 to 7937. Raises ValueError for an option that the chip does not have.
        """
        if mains_hz not in (50, 60):
            raise ValueError("mains_hz is 50 or 60")
        if averaging not in _AVERAGING:
            raise ValueError("averaging is 1, 2, 4, 8 or 16")
        fifty = mains_hz == 50
        further = averaging - 1
        self.conversion_ms = (185 + 44 * further if fifty else 155 + 37 * further) + _OPEN_TEST_MS
        self.period_ms = (110 + 23 * further if fifty else 90 + 19 * further) + _OPEN_TEST_MS
        self._spi = spi
        self._select = select
        self._ready = ready
        self._continuous = continuous
        self._idle = _CR0_IDLE | _CR0_50HZ if fifty else _CR0_IDLE
        self._start = bytearray((_WRITE, self._idle | (_CR0_AUTO if continuous else _CR0_ONE_SHOT)))
        self._busy = _NEVER_READ if continuous else self._start[1]
        self._averaging = _AVERAGING.index(averaging) << 4
        self._ask = bytearray(1 + REGISTERS)
        self._answer = bytearray(1 + REGISTERS)
        # What the registers from CR0 on are to hold.
        self._config = bytearray(
            (
                self._idle,
                _NO_TYPE,
                _MASK_RESERVED,
                _CJ_HIGH_C,
                _CJ_LOW_C,
                _TC_HIGH_C >> 4,
                _TC_HIGH_C << 4 & 0xFF,
                _TC_LOW_C >> 4,
                _TC_LOW_C << 4 & 0xFF,
                _offset_steps(offset_mc) & 0xFF,
            )
        )
        # Views of what is compared at each read: behind CR0, whose bits to convert come and go.
        self._wanted = memoryview(self._config)[1:]
        self._told = memoryview(self._answer)[2 : 1 + _RESULTS]
        self._pending = False
        self._since_ms = 0
        self._wait_ms = 0
        self.tc_mc = 0
        self.cj_mc = 0
        self.code = 0
        self.fine = True  # it resolves its own noise: a code that never changes is no reading
        self.sr = 0
        select(1)

    def configure(self, tc_type):
        """Stop conversion, then write every register; True. Nothing is ready before the next `trigger`.

        False for a type that the chip does not know: it is then as good as absent until configured again.
        """
        self._pending = False
        config = self._config
        config[0] = self._idle
        known = 0 <= tc_type < len(TYPES)
        config[_CR1] = self._averaging | tc_type if known else _NO_TYPE
        # Filter and averaging may change only while no conversion runs. Some chips wake with cold-junction limits
        # of 0/0: every threshold is written.
        self._write(bytes((_WRITE, self._idle)))
        if not known:
            return False
        self._write(bytes((_WRITE | _CR1,)) + config[_CR1:])
        if self._ready is not None:
            self._exchange()  # DRDY stays low until an earlier result was read
        return True

    def trigger(self):
        """Start one conversion; in continuous mode, start converting if that was not done yet."""
        if self._continuous:
            if self._pending:
                return
            self._config[0] = self._start[1]
            self._since_ms = time.ticks_ms()
            self._wait_ms = self.conversion_ms
        self._pending = True
        self._write(self._start)

    def read(self):
        """Read everything; returns the status. A result is told once: a new one needs a new conversion.

        NOT_READY and NO_RESPONSE leave all values as they were, a voltage fault that holds up a conversion leaves the
        temperatures. In continuous mode DRDY tells what is new; without it, a result is new `period_ms` after the last.
        """
        late = not self._pending
        now = 0
        if self._continuous:
            now = time.ticks_ms()
            late = late or 0 <= time.ticks_diff(now, self._since_ms) < self._wait_ms
        if self._ready is not None and self._ready():
            late = True
        self._exchange()
        answer = self._answer
        answer[1 + _MASK] |= _MASK_RESERVED  # whatever they read as
        if self._told != self._wanted:
            return NO_RESPONSE
        if answer[1] == self._busy:
            late = True
        elif answer[1] != self._config[0]:
            return NO_RESPONSE
        sr = answer[REGISTERS]
        if late:
            # An input beyond the supply suspends conversions: none may end, and it is told all the same.
            if not self._pending or not sr & _SR_OVUV:
                return NOT_READY
            self.sr = sr
            return status_of(sr)
        self._pending = self._continuous
        self._since_ms = now
        self._wait_ms = 0 if self._ready is not None else self.period_ms
        # Two's complement, left-aligned: 14 bits of 1/64 °C and 19 bits of 1/128 °C. The sign bit counts negative.
        self.cj_mc = (((answer[11] << 6 | answer[12] >> 2) ^ 0x2000) - 0x2000) * 1000 >> 6
        self.code = ((answer[13] << 11 | answer[14] << 3 | answer[15] >> 5) ^ 0x40000) - 0x40000
        self.tc_mc = self.code * 1000 >> 7
        self.sr = sr
        return status_of(sr)

    def _exchange(self):
        self._select(0)
        self._spi.write_readinto(self._ask, self._answer)
        self._select(1)

    def _write(self, data):
        self._select(0)
        self._spi.write(data)
        self._select(1)


def status_of(sr):
    """The fault status register as one status, what explains the other faults or voids the reading first.

    An open circuit may drive the input anywhere; beyond the supply nothing is converted; a cold junction that cannot
    be believed makes the hot one meaningless; outside the type's range its thresholds mean nothing.
    """
    if sr == 0:
        return OK
    if sr & _SR_OPEN:
        return OPEN
    if sr & _SR_OVUV:
        return SHORT
    if sr & _SR_COLD:
        return COLD_RANGE
    if sr & _SR_RANGE:
        return RANGE
    return HIGH if sr & _SR_HIGH else LOW


def _offset_steps(offset_mc):
    """The offset in 1/16 °C. Raises ValueError for one that is no step of the register."""
    steps = (offset_mc * 16 + 999) // 1000
    if not -128 <= steps <= 127 or steps * 1000 >> 4 != offset_mc:
        raise ValueError("offset_mc is a multiple of 62.5 rounded down, -8000 to 7937")
    return steps
