"""What readings and light say together over time: a control probe that shows no light, tissue that warms without it.

Pure; one step a frame, on the dark samples.
"""

from micropython import const

import limits
from sensing import CHANNELS

_UNSEEN_MC = const(-1000000)


class Trends:
    """`unresponsive`: the control probe's rise, `rise_mc`, is too small for the light there was.
    `runaway`: a channel that warms without light, or -1, and by how much, `runaway_mc`."""

    def __init__(self, sensing):
        self._sensing = sensing
        self._most_mc = [0] * CHANNELS  # the highest dark reading with light
        self._dark_cycles = 0
        self.reset()

    def reset(self):
        """A new treatment."""
        self.unresponsive = False
        self.rise_mc = 0
        self.runaway = -1
        self.runaway_mc = 0
        self._lit_frames = 0
        self._begin_mc = 0
        self._was_lit = False
        for i in range(CHANNELS):
            self._most_mc[i] = _UNSEEN_MC

    def resume(self):
        """A person has looked at it and goes on: the response is awaited anew."""
        if self.unresponsive:
            self.unresponsive = False
            self._lit_frames = 0

    def light(self, mw):
        """Every cycle: the power that is allowed in it."""
        self._dark_cycles = 0 if mw else self._dark_cycles + 1

    def frame(self, energy_mj, set_point_mc):
        """Once a frame, after the dark samples: `energy_mj` was emitted since the last."""
        if energy_mj:
            self._was_lit = True
        self._respond(energy_mj, set_point_mc)
        self.runaway = -1
        for i in range(CHANNELS):
            if self._sensing.roles[i]:
                self._run_away(i)

    def _respond(self, energy_mj, set_point_mc):
        """The first degree counts: later the set-point may be near, or a plateau."""
        if self._lit_frames > limits.RESPONSE_FRAMES or not energy_mj:
            return
        mc = self._sensing.dark_mc[self._sensing.control]
        if self._lit_frames == 0:
            self._begin_mc = mc
        self._lit_frames += 1
        self.rise_mc = mc - self._begin_mc
        if self.rise_mc >= limits.RESPONSE_MC or mc >= set_point_mc - limits.RESPONSE_MC:
            self._lit_frames = limits.RESPONSE_FRAMES + 1
        elif self._lit_frames > limits.RESPONSE_FRAMES:
            self.unresponsive = True

    def _run_away(self, i):
        """From 3 s after the last light on, no probe may get warmer than it was by more than what heat still spreads.

        One that is only being placed, before any light, is no matter.
        """
        if self._sensing.dark_age[i]:
            return
        mc, most = self._sensing.dark_mc[i], self._most_mc[i]
        if most == _UNSEEN_MC or not self._was_lit:
            self._most_mc[i] = mc
        elif self._dark_cycles <= limits.RUNAWAY_AFTER_CYCLES:
            self._most_mc[i] = mc if mc > most else most
        elif mc - most > limits.RUNAWAY_MC:
            self.runaway = i
            self.runaway_mc = mc - most
