"""MAX31855 thermocouple converter, after its data sheet: read-only, always converting, made for one type each.

The chip takes the thermocouple for a straight line; the data sheet leaves the correction to its user. Its reading is
turned back into the voltage, and that into a temperature by the ITS-90 curve of the type: off by 12 °C for a type T
at 100 °C without it. A conversion takes 70 ms, 100 ms at most, and the next one follows at once.
"""

from micropython import const

from drivers import its90, reading

_RESERVED_HIGH = const(0x0002)  # bit 17 of the frame
_FAULT = const(0x0001)  # bit 16
_RESERVED_LOW = const(0x0008)  # bit 3
_SCV = const(4)
_SCG = const(2)
_OC = const(1)
_CONVERSION_MS = const(100)  # at most
# The chip has no thresholds of its own: those that the MAX31856 is given.
_CJ_HIGH_C16 = const(60 << 4)
_CJ_LOW_C16 = const(0)
_TC_HIGH_MC = const(110000)
_TC_LOW_MC = const(0)
_NOTHING = bytes(4)  # sent while reading; nobody listens
# What the chip takes for its type's gain, nV/°C, by the types' numbers; no version is made for type B.
SENSITIVITY_NV = (0, 76373, 57953, 41276, 36256, 10506, 9587, 52180)


class MAX31855:
    """One chip, made for thermocouples of `tc_type`. Raises ValueError for a type that there is no chip for.

    `cj_mc` is m°C, `sr` the three fault bits (1 open, 2 short to ground, 4 short to supply), `code` the hot junction
    as read, 1/4 °C: of the last answer. `tc_mc` is m°C by ITS-90, of the last answer that was OK, HIGH, LOW or RANGE;
    with RANGE it is the end of the curve. `period_ms` is the longest time from one result to the next, and
    `conversion_ms` that from `trigger` until only results are read that were converted after it from beginning to end.
    """

    def __init__(self, spi, select, tc_type):
        self.period_ms = _CONVERSION_MS
        self.conversion_ms = 2 * _CONVERSION_MS
        self._spi = spi
        self._select = select
        self._type = tc_type
        self._frame = bytearray(4)
        self._c, self._emf = knots(tc_type)
        self._uv = SENSITIVITY_NV[tc_type] // 1000
        self._nv = SENSITIVITY_NV[tc_type] % 1000
        self.tc_mc = 0
        self.cj_mc = 0
        self.sr = 0
        self.code = 0
        self.fine = False  # steps of 0.25 °C: a code may well stand still
        select(1)

    def configure(self, tc_type):
        """True if the chip is one for this type: there is nothing to write."""
        return tc_type == self._type

    def trigger(self):
        """Read and throw away.

        The chip needs no trigger: it converts whether it is read or not. One that starts anew when it is deselected,
        as its predecessor MAX6675 does, starts here.
        """
        self._exchange()

    def read(self):
        """Read the newest result; returns the status."""
        self._exchange()
        frame = self._frame
        high = frame[0] << 8 | frame[1]
        low = frame[2] << 8 | frame[3]
        sr = low & (_SCV | _SCG | _OC)
        # All zeros would be 0 °C at both junctions, and more likely is a line stuck low. A chip always has 0 in the
        # reserved bits, and its fault bit set if any cause is.
        if high | low == 0 or high & _RESERVED_HIGH or low & _RESERVED_LOW or (high & _FAULT) != (sr != 0):
            return reading.NO_RESPONSE
        self.sr = sr
        self.code = reading.signed(high >> 2, 14)
        cj_c16 = reading.signed(low >> 4, 12)
        self.cj_mc = cj_c16 * 125 >> 1
        if sr & _OC:
            return reading.OPEN  # explains the others, so it comes first
        if sr & _SCG:
            return reading.SHORT_GROUND
        if sr:
            return reading.SHORT_SUPPLY
        if cj_c16 < _CJ_LOW_C16 or cj_c16 > _CJ_HIGH_C16:
            return reading.COLD_RANGE
        if not self._linearise((self.code << 2) - cj_c16, cj_c16):
            return reading.RANGE
        if self.tc_mc > _TC_HIGH_MC:
            return reading.HIGH
        if self.tc_mc < _TC_LOW_MC:
            return reading.LOW
        return reading.OK

    def _exchange(self):
        """One frame in mode 0, the bus then back in mode 1 for the MAX31856.

        The data sheet has SO change after the falling edge of SCK and read at the rising one. `init` with a keyword
        takes its arguments from the stack and sets registers: it allocates nothing.
        """
        spi = self._spi
        spi.init(phase=0)
        self._select(0)
        spi.write_readinto(_NOTHING, self._frame)
        self._select(1)
        spi.init(phase=1)

    def _linearise(self, difference_c16, cj_c16):
        """`tc_mc` from what the chip took for the difference of its junctions, 1/16 °C; False beyond the curve."""
        # The chip's own gain, 1/16 µV per 1/16 °C, in two parts: the product would leave the small integers.
        emf = difference_c16 * self._uv + (difference_c16 * self._nv + 500) // 1000 + self._emf_at(cj_c16)
        table, c = self._emf, self._c
        last = len(table) - 1
        if emf < table[0]:
            self.tc_mc = c[0] * 1000
            return False
        if emf > table[last]:
            self.tc_mc = c[last] * 1000
            return False
        i = _segment(table, emf)
        width = table[i + 1] - table[i]
        part = (emf - table[i]) * (c[i + 1] - c[i])
        whole = part // width
        self.tc_mc = (c[i] + whole) * 1000 + ((part - whole * width) * 1000 + (width >> 1)) // width
        return True

    def _emf_at(self, c16):
        """Voltage at 0..60 °C in 1/16 °C, in 1/16 µV."""
        table, c = self._emf, self._c
        i = _segment(c, c16 >> 4)
        width = c[i + 1] - c[i]
        part = (c16 - (c[i] << 4)) * (table[i + 1] - table[i])
        return table[i] + (part + (width << 3)) // (width << 4)


def knots(tc_type):
    """The curve of a type as (°C, 1/16 µV at a cold junction of 0 °C): ascending, straight in between."""
    packed = its90.KNOTS[tc_type] if 0 <= tc_type < len(its90.KNOTS) else b""
    if not packed:
        raise ValueError("the MAX31855 is made for types E, J, K, N, R, S and T")
    c = [reading.signed(packed[0] << 8 | packed[1], 16)]
    emf = [reading.signed(packed[2] << 16 | packed[3] << 8 | packed[4], 24)]
    for i in range(5, len(packed), 3):
        c.append(c[-1] + packed[i])
        emf.append(emf[-1] + (packed[i + 1] << 8 | packed[i + 2]))
    return tuple(c), tuple(emf)


def _segment(table, value):
    """Index of the knot at or below `value`, never the last one's."""
    low = 0
    high = len(table) - 1
    while high - low > 1:
        middle = (low + high) >> 1
        if table[middle] <= value:
            low = middle
        else:
            high = middle
    return low
