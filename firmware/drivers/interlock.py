"""Interlock contacts, footswitch and ready button: normally closed to ground, told by interrupt, sampled each cycle."""

from micropython import const

EMERGENCY_STOP = const(1)
KEY = const(2)
REMOTE = const(4)
FIBRE = const(8)
FOOTSWITCH = const(16)
READY_BUTTON = const(32)
CHAIN = const(15)  # the contacts that open the enable chain in hardware too


class Interlock:
    """`sample` gives a mask: bit set = contact closed. A chain contact that opens, however briefly, is open in one
    sample."""

    def __init__(self, inputs, on_open):
        self._inputs = inputs
        self._on_open = on_open
        # The interrupt only ever counts up and the cycle only ever compares, so neither can lose the other's write.
        self._openings = [0] * len(inputs)
        self._seen = [0] * len(inputs)
        self.interrupts = 0
        handler = self._contact_opened
        for i in range(4):
            inputs[i].irq(handler=handler, trigger=inputs[i].IRQ_RISING, hard=True)

    def _contact_opened(self, pin):
        """Hard interrupt: dark first, then the books; allocates nothing."""
        self._on_open()
        self.interrupts += 1
        for i in range(4):
            if self._inputs[i] is pin:
                self._openings[i] += 1

    def sample(self):
        """The mask now, less every chain contact that opened since the last call."""
        mask = 0
        for i in range(len(self._inputs)):
            openings = self._openings[i]
            if openings != self._seen[i]:
                self._seen[i] = openings
            elif self._inputs[i]() == 0:
                mask |= 1 << i
        return mask

    def opened_since_sample(self):
        """True if a chain contact opened after the last sample: what was decided since may not light the laser."""
        for i in range(4):
            if self._openings[i] != self._seen[i]:
                return True
        return False
