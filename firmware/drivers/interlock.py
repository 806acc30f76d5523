"""Interlock contacts, footswitch and buttons: closed to ground, told by interrupt, sampled each cycle.

An opening counts at once; a contact is closed only once it has been closed for two samples in a row.
"""

from micropython import const

EMERGENCY_STOP = const(1)
KEY = const(2)
REMOTE = const(4)
FIBRE = const(8)
COVER = const(16)
FOOTSWITCH = const(32)
READY_BUTTON = const(64)
SILENCE = const(128)
SERVICE = const(256)
CHAIN = const(31)  # the contacts that open the enable chain in hardware too

_CONTACTS = const(5)
_FOOTSWITCH = const(5)  # the sixth input
_TOLD = const(6)  # so many inputs interrupt


class Interlock:
    """`sample` gives a mask: bit set = contact closed. A contact that opens, however briefly, is open in one sample.

    `hold_to_run`: the footswitch darkens by interrupt too.
    """

    def __init__(self, inputs, on_open):
        self._inputs = inputs
        self._on_open = on_open
        # The interrupt only ever counts up and the cycle only ever compares, so neither can lose the other's write.
        self._openings = [0] * len(inputs)
        self._seen = [0] * len(inputs)
        # What is closed at the start was not closed just now: else a key that is on would look like one turned on.
        self._closed_before = self._closed()
        self.interrupts = 0
        self.hold_to_run = False
        handler = self._contact_opened
        for i in range(_TOLD):
            inputs[i].irq(handler=handler, trigger=inputs[i].IRQ_RISING, hard=True)

    def _contact_opened(self, pin):
        """Hard interrupt: dark first, then the books; allocates nothing."""
        if pin is not self._inputs[_FOOTSWITCH] or self.hold_to_run:
            self._on_open()
        self.interrupts += 1
        for i in range(_TOLD):
            if self._inputs[i] is pin:
                self._openings[i] += 1

    def sample(self):
        """The mask now: closed are those that were closed now and at the last call, and at no time opened since."""
        closed = self._closed()
        if self._openings != self._seen:
            for i in range(_TOLD):
                openings = self._openings[i]
                if openings != self._seen[i]:
                    self._seen[i] = openings
                    closed &= ~(1 << i)
        mask = closed & self._closed_before
        self._closed_before = closed
        return mask

    def _closed(self):
        mask = 0
        bit = 1
        for pin in self._inputs:
            if pin() == 0:
                mask |= bit
            bit <<= 1
        return mask

    def opened_since_sample(self):
        """True if a contact that holds the light opened after the last sample: what was decided since may not light."""
        if self._openings == self._seen:
            return False
        for i in range(_TOLD if self.hold_to_run else _CONTACTS):
            if self._openings[i] != self._seen[i]:
                return True
        return False
