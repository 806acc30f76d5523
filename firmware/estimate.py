"""What is believed of tissue and light: readings without self-heating, and how the tissue answers.

Pure. `slot` after every sample, `frame` after the dark one, `think` in the cycles between, which shares the work out.
"""

from micropython import const

import limits
from artefact import Artefact
from drivers import reading
from felt import Felt
from identify import Answer, Expected
from sensing import CHANNELS
from windows import NEAR_MC, Windows

RAMP_FRAMES = const(20)  # of light below the cap, so that the answer is seen before much of it is there
_LOOK_FROM = const(12)  # frames of light: by then self-heating is known
_SETTLE_EVERY = const(15)
_LEAST_FRAMES = const(30)
_SURE_FRAMES = const(90)  # the answer is learnt for so long at least, and until the set-point is near
_BREATH_RISE_MC = const(3000)


class Estimate:
    """By channel: `artefacts`, `answers`. `lit_frames`: since it was armed. `news`: the answer was settled anew.
    `settled`: it is known well enough to tell what can be reached."""

    def __init__(self, sensing, settings):
        self._sensing = sensing
        self._settings = settings
        self.felt = Felt()
        self.windows = Windows()
        self.expected = Expected()
        self.artefacts = [Artefact() for _ in range(CHANNELS)]
        self.answers = [Answer() for _ in range(CHANNELS)]
        self._frame_mc = [0] * CHANNELS
        self.reset()

    def configure(self):
        """A new plan: other probes, another shape."""
        self.felt.configure(self._settings.shares_q10)
        for artefact in self.artefacts:
            artefact.reset()
        self.reset()

    def reset(self):
        """A new treatment: what is known of the probes stays, of the tissue nothing."""
        self.windows.reset()
        for answer in self.answers:
            answer.reset()
        self.lit_frames = 0
        self.news = False
        self.settled = False
        self._frozen = False

    def slot(self, mw):
        """A slot with this mean power has ended, and its samples are read."""
        sensing, felt = self._sensing, self.felt
        felt.slot(mw)
        for i in range(CHANNELS):
            if sensing.fresh >> i & 1 and sensing.status[i] == reading.OK:
                self.artefacts[i].sample(sensing.tc_mc[i], felt)
            elif sensing.roles[i]:
                self.artefacts[i].missed()

    def frame(self, emitting, lit):
        """A frame has ended, with light in it or without; `emitting`: light is wanted."""
        for i in range(CHANNELS):
            if self._sensing.roles[i]:
                self.artefacts[i].frame()
                self._frame_mc[i] = self.artefacts[i].clean_mc
        if lit:
            self.lit_frames += 1
        if emitting:
            self._look_longer()
        else:
            self.windows.interrupt()

    def _look_longer(self):
        windows = self.windows
        windows.frame(self.control_mc() > self._settings.set_point_mc - NEAR_MC and self._settings.corrected)
        if windows.ended or windows.breath:
            for i in range(CHANNELS):
                if not self._sensing.roles[i]:
                    continue
                if windows.ended:
                    self.artefacts[i].window()
                else:
                    self.artefacts[i].breath()

    def think(self, phase):
        """Every other cycle: one probe's answer, and at the end of the frame what it comes to."""
        self.news = False
        channel = phase >> 1
        if not phase & 1:
            return
        if phase == 1:
            self.expected.step(self.felt)
        if channel < CHANNELS:
            if self._sensing.roles[channel] and self.artefacts[channel].mean_mc:
                self._look(self.answers[channel], self._frame_mc[channel])
        elif self._due():
            control = self._sensing.control
            self.answers[control].settle()
            self.news = self.answers[control].mc_per_w > 0
            self.settled = self.lit_frames >= _SURE_FRAMES

    def _look(self, answer, mc):
        if not self.lit_frames:
            answer.rest(mc)
        elif self.lit_frames >= _LOOK_FROM and not self._frozen:
            answer.look(mc, self.expected)

    def _due(self):
        """Time to settle; the last time is as the set-point comes near, but not before there was light enough."""
        frames = self.lit_frames
        if self._frozen or frames < _LEAST_FRAMES or frames % _SETTLE_EVERY:
            return False
        near = self.control_mc() > self._settings.set_point_mc - self._settings.tolerance_mc
        self._frozen = near and frames >= _SURE_FRAMES
        return True

    def artefact_mc(self, channel):
        """How much of a probe's last reading is known to be self-heating, m°C."""
        artefact = self.artefacts[channel]
        known = self._settings.corrected and artefact.learnt and artefact.artefact_mc > 0
        return artefact.artefact_mc if known else 0

    def control_mc(self):
        """What is believed of the control probe's tissue: over a breath; its last dark sample until that is known."""
        channel = self._sensing.control
        artefact = self.artefacts[channel]
        if not (self._settings.corrected and artefact.learnt):
            return self._sensing.dark_mc[channel]
        rise_mc = artefact.mean_mc - self.answers[channel].rest_mc
        if rise_mc < _BREATH_RISE_MC:
            return artefact.mean_mc
        # Tissue gets hotter towards the fibre by more than cooler away from it, so a breath reads too high; the probe's
        # stem feels tissue that is cooler, so it reads too low.
        sway_mc = artefact.sway_mc * artefact.sway_mc // (4 * rise_mc)
        return artefact.mean_mc - sway_mc + rise_mc * self._settings.stem_permille // 1000

    def hottest_mc(self, role):
        """The hottest probe of this role without its self-heating, m°C; its dark sample until that is known. A value
        below every limit if no probe has this role."""
        sensing, hottest_mc = self._sensing, -273150
        for i in range(CHANNELS):
            if sensing.roles[i] == role:
                artefact = self.artefacts[i]
                known = self._settings.corrected and artefact.learnt and sensing.dark_age[i] <= limits.DARK_MAX_AGE
                mc = artefact.clean_mc if known else sensing.believed_mc(i)
                if mc > hottest_mc:
                    hottest_mc = mc
        return hottest_mc

    def plateau_mc(self, cap_mw):
        """Where the control probe's tissue would end at the cap, m°C."""
        answer = self.answers[self._sensing.control]
        mean_mw = cap_mw * limits.DARK_PHASE // limits.FRAME_CYCLES
        return answer.rest_mc + answer.in_the_end() * mean_mw // 1000
