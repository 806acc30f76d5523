"""The probes in frames: all converted together every second cycle, the frame's last slot in the dark.

The light that a thermocouple absorbs passes for heat, so the control law believes only what was converted in the
dark; bright samples still guard, as the artefact only ever reads high. A reading is (value, status, age in cycles).
"""

from micropython import const

import limits
from drivers import reading
from sections import corrected_mc

CHANNELS = const(4)
_NEVER = const(1000000)  # an age that no limit admits

NONE = const(0)
CONTROL = const(1)
TIP = const(2)
GUARD = const(3)
SPARE = const(4)


class Sensing:
    """Readings by channel: `tc_mc`, `cj_mc`, `sr`, `status`, `age`; of the last dark sample: `dark_mc`, `dark_age`."""

    def __init__(self, chips, calibration):
        self._chips = chips
        self._offset_mc = [channel["offset_mc"] for channel in calibration]
        self._slope_ppm = [channel["slope_ppm"] for channel in calibration]
        self._quadratic_ppm_per_100c = [channel["quadratic_ppm_per_100c"] for channel in calibration]
        self.roles = [NONE] * CHANNELS
        self.tc_mc = [0] * CHANNELS
        self.cj_mc = [0] * CHANNELS
        self.sr = [0] * CHANNELS
        self.status = [reading.NO_SAMPLE] * CHANNELS
        self.told = [reading.NO_SAMPLE] * CHANNELS  # the last status of a finished conversion: what it told stands
        self.age = [_NEVER] * CHANNELS
        self.dark_mc = [0] * CHANNELS
        self.dark_age = [_NEVER] * CHANNELS
        self.same = [0] * CHANNELS  # samples in a row with one code, while there is light
        self.rejected = [False] * CHANNELS  # the last dark sample was too far from the one before
        self.jumped = [False] * CHANNELS  # and the next one agreed with it
        self.step_mc = [0] * CHANNELS  # between the last two dark samples
        self.fresh = 0  # bit set = sampled in this cycle
        self.fresh_dark = False
        self.asked = False  # the converters were read in this cycle
        self.control = 0  # the control probe's channel
        self._code = [0] * CHANNELS
        self._last_dark_mc = [0] * CHANNELS
        self._late = [False] * CHANNELS  # its next result belongs to an earlier slot
        self._triggered = False

    def configure(self, roles, types):
        """Give every channel its role and thermocouple type; readings start anew. Returns the channel whose converter
        cannot do its type, or -1."""
        unable = -1
        for i in range(CHANNELS):
            self.roles[i] = roles[i]
            self.status[i] = self.told[i] = reading.NO_SAMPLE
            self.age[i] = self.dark_age[i] = _NEVER
            self.same[i] = 0
            self.rejected[i] = self.jumped[i] = self._late[i] = False
            if roles[i] == CONTROL:
                self.control = i
            if not self._chips[i].configure(types[i]) and roles[i]:
                unable = i
        self._triggered = False
        return unable

    def step(self, phase, lit):
        """One cycle: ages grow; on even phases the finished conversions are read. `lit`: the last frame had light."""
        self.fresh = 0
        self.fresh_dark = False
        age, dark_age = self.age, self.dark_age
        for i in range(CHANNELS):
            age[i] += 1
            dark_age[i] += 1
        self.asked = not phase & 1 and self._triggered
        if not self.asked:
            return
        # What is read at phase 0 was converted in the dark slot before it.
        self.fresh_dark = phase == 0
        for i in range(CHANNELS):
            if self.roles[i]:
                self._read(i, lit)

    def trigger(self, phase):
        """On even phases start the next conversions; after the light was set, so that the dark ones see none."""
        if phase & 1:
            return
        for i in range(CHANNELS):
            if self.roles[i]:
                self._chips[i].trigger()
        self._triggered = True

    def _read(self, i, lit):
        chip = self._chips[i]
        status = chip.read()
        self.status[i] = status
        late = self._late[i]
        self._late[i] = status == reading.NOT_READY
        if status != reading.NOT_READY:
            self.told[i] = status
        if status == reading.NOT_READY or status == reading.NO_RESPONSE:
            return
        self.tc_mc[i] = corrected_mc(
            chip.tc_mc, self._offset_mc[i], self._slope_ppm[i], self._quadratic_ppm_per_100c[i]
        )
        self.cj_mc[i] = chip.cj_mc
        self.sr[i] = chip.sr
        self.age[i] = 0
        self.fresh |= 1 << i
        self._count_same(i, chip, lit)
        if self.fresh_dark and status == reading.OK and not late:
            self._take_dark(i, self.tc_mc[i])

    def _count_same(self, i, chip, lit):
        """In the dark the count stands still, so that a pause does not hide a frozen probe."""
        if chip.code != self._code[i]:
            self._code[i] = chip.code
            self.same[i] = 0
        elif lit and chip.fine:
            self.same[i] += 1

    def _take_dark(self, i, mc):
        """Believe a dark sample, unless it is too far from the last for tissue; then only if the next one agrees."""
        most = limits.RATE_MAX_MC[self.roles[i]]
        step = mc - self.dark_mc[i]
        again = mc - self._last_dark_mc[i]
        known = self.dark_age[i] <= limits.DARK_MAX_AGE or self.rejected[i]
        far = known and not -most <= step <= most
        self._last_dark_mc[i] = mc
        self.jumped[i] = far and self.rejected[i] and -most <= again <= most
        self.rejected[i] = far and not self.jumped[i]
        self.step_mc[i] = step
        if not self.rejected[i]:
            self.dark_mc[i] = mc
            self.dark_age[i] = 0

    def control_ok(self):
        """True if the control probe's dark reading may be acted on."""
        return self.dark_age[self.control] <= limits.DARK_MAX_AGE and self.status[self.control] == reading.OK

    def hot(self):
        """True if a probe in use reads warmer than a body at rest."""
        for i in range(CHANNELS):
            if self.roles[i] and reading.is_value(self.told[i]) and self.tc_mc[i] > limits.HOT_MC:
                return True
        return False

    def believed_mc(self, i):
        """The last dark sample, m°C; without one the bright one stands in, which can only read higher."""
        return self.dark_mc[i] if self.dark_age[i] <= limits.DARK_MAX_AGE else self.tc_mc[i]
