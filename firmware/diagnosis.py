"""What light and readings together say of fibre and probes: char, a broken fibre, a probe that moved, two swapped, a
vessel beside one, blood that changed.

Light that falls at every probe together has fallen at the source; at one, it is that probe. A reading that leaves its
last breath's mean by more than breath and heating can has moved. Pure; one step a frame.
"""

from micropython import const

import faults
import limits
from sensing import CHANNELS, GUARD, TIP

_STEP_FRAMES = const(8)
_STEPS = const(5)  # what light did 40 s ago
_LEAST_MC = const(800)  # of self-heating: below, a loss of light cannot be told
_LOST_PERCENT = const(55)  # of the light that there was: less than that is left
_BROKEN_PERCENT = const(30)  # an average over 6 s, so soon after the light has gone
_LOST_FRAMES = const(4)
_MOVED_MC = const(1500)
_MOVED_FRAMES = const(3)  # a breath is back by then
_HOLD_FRAMES = const(60)  # over which the power of a hold is averaged
_NEVER = const(-1)


class Diagnosis:
    """`source`: the fault of the fibre, 0 for none, with `left_percent` of the light
    and `before_mw`, the power before it fell; `moved`: the channel of a probe
    that has moved or -1, by `moved_mc`; `swapped`: the guard that seems to be the control probe, or -1. Told only:
    `vessel`, the control probe's channel or -1; `out_of_reach` with `plateau_mc`; `blood_percent`, the power of the
    hold now against ten minutes ago."""

    def __init__(self, sensing, estimate):
        self._sensing = sensing
        self._estimate = estimate
        self._then = [[0] * _STEPS for _ in range(CHANNELS)]
        self._breath_mc = [0] * CHANNELS
        self._off_frames = [0] * CHANNELS
        self._off_sign = [0] * CHANNELS
        self.reset()

    def reset(self):
        """A new treatment."""
        self.vessel = self.swapped = -1
        self.out_of_reach = False
        self.plateau_mc = 0
        self.blood_percent = 100
        self.before_mw = 0
        self._hold_mw = self._hold_frames = 0
        self._first_hold_mw = 0
        self.resume()

    def resume(self):
        """A person has looked at it: what was seen before is past."""
        self.source = 0
        self.left_percent = 100
        self.moved = -1
        self.moved_mc = 0
        self._lost_frames = 0
        self._frames = 0
        self._at = 0
        for i in range(CHANNELS):
            self._off_frames[i] = self._off_sign[i] = 0
            self._breath_mc[i] = 0
            for j in range(_STEPS):
                self._then[i][j] = _NEVER

    def frame(self, emitting, mean_mw, holding):
        """A frame has ended, with so much power on the mean."""
        if not emitting:
            return
        self._look_for_moves()
        if not self._estimate.windows.dark and not self._estimate.windows.ended:
            self._look_at_light(mean_mw)
        if holding:
            self._follow_blood(mean_mw)

    def _look_at_light(self, mean_mw):
        """How much of the light of 40 s ago each probe still sees, if there was enough to tell."""
        told = lost = 0
        most_percent = 0
        for i in range(CHANNELS):
            then, now = self._then[i][self._at], self._estimate.artefacts[i].lately_mc_per_w
            if not self._sensing.roles[i] or then < 0 or now < 0 or then * mean_mw < 1000 * _LEAST_MC:
                continue
            told += 1
            percent = 100 * now // then
            if percent > most_percent:
                most_percent = percent
            if percent < _LOST_PERCENT:
                lost += 1
        self._lost_frames = self._lost_frames + 1 if told and lost == told else 0
        if self._lost_frames >= _LOST_FRAMES:
            self.left_percent = most_percent
            self.source = faults.FIBRE_BROKEN if most_percent < _BROKEN_PERCENT else faults.CHAR
        self._frames += 1
        if self._frames % _STEP_FRAMES == 0 and not self._lost_frames:
            self.before_mw = mean_mw * limits.FRAME_CYCLES // limits.DARK_PHASE
            self._at = (self._at + 1) % _STEPS
            last = (self._at + _STEPS - 1) % _STEPS
            for i in range(CHANNELS):
                self._then[i][last] = self._estimate.artefacts[i].lately_mc_per_w

    def _look_for_moves(self):
        for i in range(CHANNELS):
            role, artefact = self._sensing.roles[i], self._estimate.artefacts[i]
            if not role or role == TIP or not artefact.learnt or self._sensing.age[i] > limits.SAMPLE_MAX_AGE:
                continue
            if not self._off_frames[i]:
                self._breath_mc[i] = artefact.mean_mc
            off_mc = artefact.clean_mc - self._breath_mc[i]
            most_mc = _MOVED_MC + (9 * artefact.sway_mc >> 2)
            sign = 1 if off_mc > most_mc else -1 if off_mc < -most_mc else 0
            self._off_frames[i] = self._off_frames[i] + 1 if sign and sign == self._off_sign[i] else 1 if sign else 0
            self._off_sign[i] = sign
            if self._off_frames[i] >= _MOVED_FRAMES:
                self.moved = i
                self.moved_mc = off_mc

    def _follow_blood(self, mean_mw):
        """The power that holds the set-point is what blood and conduction carry off."""
        self._hold_mw += (mean_mw - self._hold_mw) // _HOLD_FRAMES if self._hold_frames else mean_mw
        self._hold_frames += 1
        if self._hold_frames == 10 * _HOLD_FRAMES:
            if self._first_hold_mw:
                self.blood_percent = 100 * self._hold_mw // self._first_hold_mw
            self._first_hold_mw = self._hold_mw or 1
            self._hold_frames = 1

    def settle(self, set_point_mc, tolerance_mc, cap_mw):
        """The tissue's answer is known: what does it say of what can be reached, and of where the probes are?"""
        estimate, sensing = self._estimate, self._sensing
        self.plateau_mc = estimate.plateau_mc(cap_mw)
        self.out_of_reach = self.plateau_mc < set_point_mc - tolerance_mc
        control = estimate.answers[sensing.control].after_30_s()
        light = estimate.artefacts[sensing.control].mc_per_w
        # Light that comes and heat that does not: something carries it off.
        self.vessel = sensing.control if light > limits.VESSEL_LIGHT_MC_PER_W and 8 * control < light else -1
        for i in range(CHANNELS):
            if sensing.roles[i] == GUARD and self._seems_nearer(i, control, light):
                self.swapped = i

    def _seems_nearer(self, guard, control_after_30_s, control_light):
        answer = self._estimate.answers[guard]
        answer.settle()
        hotter = 2 * answer.after_30_s() > 3 * control_after_30_s
        return hotter and 2 * self._estimate.artefacts[guard].mc_per_w > 3 * control_light
