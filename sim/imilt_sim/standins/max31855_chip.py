"""MAX31855 after its data sheet: a frame of 32 bits, conversions one after the other, a straight line for a curve.

The world gives the junction's temperature and the state of the leads at the end of a conversion; the chip turns them
into the voltage by ITS-90 and that into a reading by its gain, rounded down. It allocates nothing, as the firmware's
cycle must not.
"""

import its90_emf

PHASE = 0  # read at the rising edge of a clock that idles low
CONVERSION_MS = 70  # typical; 100 at most
OPEN = 1
SHORT_TO_GROUND = 2
SHORT_TO_SUPPLY = 4
_ALL = 7
_FAULT = 1 << 16
GAIN_NV = {"E": 76373, "J": 57953, "K": 41276, "N": 36256, "R": 10506, "S": 9587, "T": 52180}
_STEP_Q12 = its90_emf.STEP_C << 12
_START_Q12 = its90_emf.START_C << 12


class Chip:
    """`letter` is the type that the part is made for. All zeros are read until the first conversion ends."""

    def __init__(self, board, index, letter):
        self._board = board
        self._index = index
        self._emf_nv = its90_emf.EMF_NV[letter]
        self._gain_nv = GAIN_NV[letter]
        self._hot = 0  # 1/4 °C
        self._frame = bytearray(4)
        self.converting = False

    def conversion_ms(self):
        return CONVERSION_MS

    def transfer(self, out, answer):
        """One transaction: the frame, whatever is sent. The first one is where the conversions begin.

        They begin at power-up in truth, but nobody can tell, and the world's time begins with a conversion.
        """
        if not self.converting:
            self._start()
        if answer is not None:
            for i in range(len(answer)):
                answer[i] = self._frame[i] if i < 4 else 0

    def finish(self, hot_q12, cold_q12, input_faults):
        """End one conversion and start the next. Temperatures in 1/4096 °C.

        The frame does not change while the chip is selected. With a fault the last reading of the hot junction stays.
        """
        if not self.converting:
            return
        self._start()
        if self._board.selected == self._index:
            return
        cold_c16 = max(-0x800, min(0x7FF, cold_q12 >> 8))
        faults = input_faults & _ALL
        if not faults:
            difference_nv = self.emf_nv(hot_q12) - self.emf_nv(cold_q12)
            hot = (cold_c16 + difference_nv * 16 // self._gain_nv) >> 2
            self._hot = max(-0x2000, min(0x1FFF, hot))
        frame = (self._hot & 0x3FFF) << 18 | (cold_c16 & 0xFFF) << 4 | faults
        if faults:
            frame |= _FAULT
        for i in range(4):
            self._frame[i] = frame >> (24 - 8 * i) & 0xFF

    def emf_nv(self, q12):
        """The thermocouple's voltage at 1/4096 °C, its other end at 0 °C; beyond the table its end goes on straight."""
        table = self._emf_nv
        i = max(0, min(len(table) - 2, (q12 - _START_Q12) // _STEP_Q12))
        beyond = q12 - _START_Q12 - i * _STEP_Q12
        return table[i] + (table[i + 1] - table[i]) * beyond // _STEP_Q12

    def _start(self):
        self.converting = True
        self._board.started |= 1 << self._index
        self._board.conversion_ms[self._index] = CONVERSION_MS
