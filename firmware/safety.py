"""Safety: weighs the hazards' evidence, latches faults, and only ever lowers the power.

Evidence costs the light at once. Each hazard has a leaky bucket: evidence fills it twice as fast as its absence
empties it, so that one glitch is forgiven, and a fault that comes and goes is not. Past its budget the fault latches,
the first cause with the channel, value and limit that it was found at; a hard one over a resumable one.
"""

from micropython import const

import faults
import hazards
import limits

_NUMBERS = const(80)
_SAMPLE_MS = const(200)
_FRAME_MS = const(1000)


class Safety:
    """`fault` is the latched fault number, 0 for none, `hard` tells its class; `where` its channel or -1; `value` and
    `limit` its figures. `evidence` counts the hazards that see something now."""

    def __init__(self, situation):
        self.situation = situation
        self.fault = 0
        self.hard = False
        self.where = -1
        self.value = 0
        self.limit = 0
        self.evidence = 0
        self._found_where = -1
        self._found_value = 0
        self._found_limit = 0
        self._hazards = hazards.EVERY_CYCLE + hazards.EVERY_SAMPLE + hazards.EVERY_FRAME
        self._first_sample = len(hazards.EVERY_CYCLE)
        self._first_frame = self._first_sample + len(hazards.EVERY_SAMPLE)
        # By hazard: the number of the fault that it sees, and where; how full its bucket is.
        self.seen = [0] * len(self._hazards)
        self.seen_where = [-1] * len(self._hazards)
        self._bucket = [0] * len(self._hazards)
        # By number, as a dictionary of tuples is slow to ask ten times a second.
        self._class = [faults.WARNING] * _NUMBERS
        self._budget_ms = [0] * _NUMBERS
        for number, row in faults.CATALOGUE.items():
            self._class[number] = row[1]
            self._budget_ms[number] = row[3]

    def check(self):
        """Ask the hazards whose turn it is, and latch what has lasted too long."""
        sensing = self.situation.sensing
        self._ask(0, self._first_sample, limits.CYCLE_MS)
        if sensing.asked:
            self._ask(self._first_sample, self._first_frame, _SAMPLE_MS)
        if sensing.fresh_dark:
            self._ask(self._first_frame, len(self._hazards), _FRAME_MS)

    def _ask(self, first, end, every_ms):
        asked, seen, bucket = self._hazards, self.seen, self._bucket
        for i in range(first, end):
            number = asked[i](self)
            if number == 0:
                if bucket[i]:
                    bucket[i] -= 1
            elif number > 0:
                self.seen_where[i] = self._found_where
                self._weigh(i, number, every_ms)
            else:
                number = 0  # untold: the bucket stays as it is
            if number != seen[i]:
                self.evidence += (number > 0) - (seen[i] > 0)
                seen[i] = number

    def _weigh(self, i, number, every_ms):
        most = 2 * (self._budget_ms[number] // every_ms)
        if self._bucket[i] <= most:
            self._bucket[i] += 2
        if self._bucket[i] > most:
            self._latch(number)

    def found(self, number, where, value, limit):
        """A hazard's figures; its number, so that the hazard can return it."""
        self._found_where = where
        self._found_value = value
        self._found_limit = limit
        return number

    def _latch(self, number):
        """Only what is armed can be tripped or paused; light where none is wanted is a hard fault always."""
        hard = self._class[number] == faults.HARD
        if self.hard or (self.fault and not hard):
            return
        if not self.situation.treatment.armed() and number != faults.OVER_POWER:
            return
        self.latch(number, self._found_where, self._found_value, self._found_limit)

    def latch(self, number, where, value, limit):
        """Latch a fault with its figures; also for what was latched before a reset."""
        self.fault = number
        self.hard = self._class[number] == faults.HARD
        self.where = where
        self.value = value
        self.limit = limit

    def first_seen(self):
        """The number of the first fault that a hazard sees now, 0 for none."""
        for i in range(len(self.seen)):
            if self.seen[i]:
                return self.seen[i]
        return 0

    def sees(self, number):
        """True while a hazard has evidence of this fault."""
        for i in range(len(self.seen)):
            if self.seen[i] == number:
                return True
        return False

    def forget(self):
        """A person has dealt with the fault: nothing of it is left but what a hazard still sees."""
        self.fault = 0
        self.hard = False
        self.where = -1
        self.value = self.limit = 0
        for i in range(len(self._bucket)):
            self._bucket[i] = 0

    def allow(self, wanted_mw, indicator_cycles):
        """The power that may be emitted: never more than wanted, nor than the cap; none with a fault, with evidence of
        one, out of an emitting state, or before the emission indicator was on for long enough."""
        situation = self.situation
        if self.fault or self.evidence or wanted_mw < 0 or not situation.treatment.emitting():
            return 0
        if indicator_cycles < limits.INDICATOR_CYCLES:
            return 0
        cap = situation.settings.cap_mw
        most = limits.CAP_MAX_MW[situation.settings.fibre]
        if cap > most:
            cap = most
        return wanted_mw if wanted_mw < cap else cap
