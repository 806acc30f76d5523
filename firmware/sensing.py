"""The probes in frames: all converted together every second cycle, the frame's last slot in the dark.

The light that a thermocouple absorbs passes for heat, so the control law believes only what was converted in the
dark; bright samples still guard, as the artefact only ever reads high. A reading is (value, status, age in cycles).
"""

from micropython import const

import limits
from drivers import max31856

CHANNELS = const(4)
_NEVER = const(1000000)  # an age that no limit admits

NONE = const(0)
CONTROL = const(1)
TIP = const(2)
GUARD = const(3)
SPARE = const(4)


class Sensing:
    """Readings by channel: `tc_mc`, `cj_mc`, `sr`, `status`, `age`; of the last dark sample: `dark_mc`, `dark_age`."""

    def __init__(self, chips):
        self._chips = chips
        self.roles = [NONE] * CHANNELS
        self.tc_mc = [0] * CHANNELS
        self.cj_mc = [0] * CHANNELS
        self.sr = [0] * CHANNELS
        self.status = [max31856.NO_SAMPLE] * CHANNELS
        self.age = [_NEVER] * CHANNELS
        self.dark_mc = [0] * CHANNELS
        self.dark_age = [_NEVER] * CHANNELS
        self.fresh = 0  # bit set = sampled in this cycle
        self.fresh_dark = False
        self.control = 0  # the control probe's channel
        self._late = [False] * CHANNELS  # its next result belongs to an earlier slot
        self._triggered = False

    def configure(self, roles, types):
        """Give every channel its role and thermocouple type; readings start anew."""
        for i in range(CHANNELS):
            self.roles[i] = roles[i]
            self.status[i] = max31856.NO_SAMPLE
            self.age[i] = self.dark_age[i] = _NEVER
            self._late[i] = False
            if roles[i] == CONTROL:
                self.control = i
            self._chips[i].configure(max31856.TYPE_T if types[i] else max31856.TYPE_K)
        self._triggered = False

    def step(self, phase):
        """One cycle: ages grow; on even phases the finished conversions are read."""
        self.fresh = 0
        self.fresh_dark = False
        for i in range(CHANNELS):
            self.age[i] += 1
            self.dark_age[i] += 1
        if phase & 1 or not self._triggered:
            return
        # What is read at phase 0 was converted in the dark slot before it.
        self.fresh_dark = phase == 0
        for i in range(CHANNELS):
            if self.roles[i]:
                self._read(i)

    def trigger(self, phase):
        """On even phases start the next conversions; after the light was set, so that the dark ones see none."""
        if phase & 1:
            return
        for i in range(CHANNELS):
            if self.roles[i]:
                self._chips[i].trigger()
        self._triggered = True

    def _read(self, i):
        chip = self._chips[i]
        status = chip.read()
        self.status[i] = status
        late = self._late[i]
        self._late[i] = status == max31856.NOT_READY
        if status == max31856.NOT_READY or status == max31856.NO_RESPONSE:
            return
        self.tc_mc[i] = chip.tc_mc
        self.cj_mc[i] = chip.cj_mc
        self.sr[i] = chip.sr
        self.age[i] = 0
        self.fresh |= 1 << i
        if self.fresh_dark and status == max31856.OK and not late:
            self.dark_mc[i] = chip.tc_mc
            self.dark_age[i] = 0

    def control_ok(self):
        """True if the control probe's dark reading may be acted on."""
        return self.dark_age[self.control] <= limits.DARK_MAX_AGE and self.status[self.control] == max31856.OK

    def hottest_dark_mc(self, role):
        """The highest dark reading of `role`, m°C, or a value below every limit if no probe has it.

        Without a dark sample the bright one stands in: it can only read higher.
        """
        hottest = -273150
        for i in range(CHANNELS):
            if self.roles[i] == role:
                mc = self.dark_mc[i] if self.dark_age[i] <= limits.DARK_MAX_AGE else self.tc_mc[i]
                if mc > hottest:
                    hottest = mc
        return hottest
