"""The self-test of both ways to dark, each alone, before every arming: a second in which no light may come.

First nothing is driven, so that the monostable lapses; then power without the enable edge; then the edge without
power. That the photodiode sees at all shows with the first light, which is a fault if it does not measure it.
"""

from micropython import const

import faults
import limits

_QUIET_CYCLES = const(4)  # longer than the monostable's 250 ms
_POWER_CYCLES = const(7)
_EDGE_CYCLES = const(10)
_ALL_CYCLES = const(13)


class SelfTest:
    """`power_mw` and `pulse` are what to drive in this cycle; `failed` is the fault that light means; `passed`."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.power_mw = 0
        self.pulse = False
        self.passed = False
        self.failed = 0
        self._cycle = 0

    def step(self, delivered_mw):
        """One cycle, with the light measured after what the last one drove."""
        if self.failed or self.passed:
            return
        cycle = self._cycle
        if delivered_mw > limits.TEST_DARK_MW:
            self.failed = self._fault(cycle)
            self.power_mw = 0
            self.pulse = False
            return
        self.power_mw = limits.TEST_POWER_MW if _QUIET_CYCLES <= cycle < _POWER_CYCLES else 0
        self.pulse = _POWER_CYCLES <= cycle < _EDGE_CYCLES
        self.passed = cycle == _ALL_CYCLES
        self._cycle += 1

    def _fault(self, cycle):
        """What light in this cycle, seen after what the last one drove, means."""
        if cycle <= _QUIET_CYCLES:
            return faults.LEAK
        return faults.ENABLE_FAILS if cycle <= _POWER_CYCLES else faults.POWER_FAILS
