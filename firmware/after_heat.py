"""How far a probe still rises once the light goes off: heat on its way from the fibre is not stopped by a cut.

A reading rises for two reasons. What light does at the probe itself, to the thermocouple at once and to the tissue
around it by the second, ends with the light. What comes by conduction goes on. So the first minute of light, when
little has come by conduction yet, teaches what a watt does here; from then on that part is taken off, and the slope
that is left tells what is still to come. Fitted and tried by tools/after_heat.py.

All in integers: m°C, mW, s. A frame lasts 1 s, power is the mean over it.
"""

from micropython import const

RISE_MAX_MC = const(1500)
# Frames of light to learn from: 16 early ones and 16 late ones, averaged.
_EARLY = const(12)
_LATE = const(40)
_AVERAGED = const(16)
_LEAST = const(1000)  # determinant below which the light was too weak to learn from: about 0.4 W
_SMOOTHING = const(12)  # time constant of either of the two filters behind the slope, s
# The rise after a cut: so many seconds of the slope by conduction, less the light's own part of the reading.
_SECONDS = const(63)
_SECONDS_UNTAUGHT = const(5)
_ARTEFACT_Q3 = const(7)
# Bounds of what is taken in, so that nothing overflows and no single reading counts for much.
_HIGHEST_MC = const(100000)
_STRONGEST_MW = const(8000)
_EXCESS_MC = const(8000)
_CHANGE_Q8 = const(128000)
_LEARNT_MAX = const(4095)  # 4 °C/W at once, and 0.06 °C/s per W


class AfterHeat:
    """`rise_mc` is how much higher than now the probe would still read if the light went off: 0 to RISE_MAX_MC.

    `taught` tells whether the light's part is known; until then `rise_mc` is a guess from the whole slope. Behind it
    stand `slope_q8`, the rise by conduction in m°C/s times 256, and `artefact_mc`, the thermocouple's own by light.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget the past. Some frames without light should follow: their mean is where the probe starts from."""
        self.rise_mc = 0
        self.taught = False
        self.slope_q8 = 0
        self.artefact_mc = 0
        self._first = True
        self._rest_q4 = 0
        self._last_mc = 0
        self._fast_q8 = 0
        self._warming_q8 = 0  # tissue at the probe, by light: m°C per 256 mJ
        self._artefact_q6 = 0  # thermocouple, by light: m°C per 16 mW
        self._lit = 0  # frames with light so far
        self._energy = 0  # 256 mJ
        self._early_mw = self._early_energy = self._early_mc = 0
        self._late_mw = self._late_energy = self._late_mc = 0

    def step(self, dark_mc, power_mw):
        """One frame: the probe's reading in its dark slot, or again the last one, and the frame's mean power."""
        if dark_mc < 0:
            dark_mc = 0
        elif dark_mc > _HIGHEST_MC:
            dark_mc = _HIGHEST_MC
        if power_mw < 0:
            power_mw = 0
        elif power_mw > _STRONGEST_MW:
            power_mw = _STRONGEST_MW
        if self._first:
            self._first = False
            self._last_mc = dark_mc
            self._rest_q4 = dark_mc << 4
        artefact_mc = self._artefact_q6 * power_mw >> 10
        change_q8 = dark_mc - self._last_mc - artefact_mc + self.artefact_mc
        change_q8 = (change_q8 << 8) - (self._warming_q8 * power_mw >> 8)
        if change_q8 > _CHANGE_Q8:
            change_q8 = _CHANGE_Q8
        elif change_q8 < -_CHANGE_Q8:
            change_q8 = -_CHANGE_Q8
        self._last_mc = dark_mc
        self.artefact_mc = artefact_mc
        self._fast_q8 += (change_q8 - self._fast_q8) // _SMOOTHING
        self.slope_q8 += (self._fast_q8 - self.slope_q8) // _SMOOTHING
        if self._lit < _LATE + _AVERAGED:
            self._learn(dark_mc, power_mw)
        seconds = _SECONDS if self.taught else _SECONDS_UNTAUGHT
        rise_mc = (seconds * self.slope_q8 >> 8) - (_ARTEFACT_Q3 * self.artefact_mc >> 3)
        if rise_mc < 0:
            rise_mc = 0
        elif rise_mc > RISE_MAX_MC:
            rise_mc = RISE_MAX_MC
        self.rise_mc = rise_mc

    def _learn(self, dark_mc, power_mw):
        """Average the first minute of light in two parts; at its end, solve for what light does here."""
        if not power_mw:
            if not self._lit:
                self._rest_q4 += (dark_mc << 4) - self._rest_q4 >> 3
            return
        self._energy += power_mw
        excess_mc = dark_mc - (self._rest_q4 >> 4)
        if excess_mc < 0:
            excess_mc = 0
        elif excess_mc > _EXCESS_MC:
            excess_mc = _EXCESS_MC
        if self._lit >= _LATE:
            self._late_mw += power_mw
            self._late_energy += self._energy >> 8
            self._late_mc += excess_mc
        elif _EARLY <= self._lit < _EARLY + _AVERAGED:
            self._early_mw += power_mw
            self._early_energy += self._energy >> 8
            self._early_mc += excess_mc
        self._lit += 1
        if self._lit == _LATE + _AVERAGED:
            self._solve(power_mw)

    def _solve(self, power_mw):
        """Two readings, each artefact times power and warming times energy: two equations for the two."""
        early_mw = self._early_mw >> 8  # of 16 frames, in 16 mW
        late_mw = self._late_mw >> 8
        early_energy = self._early_energy >> 4
        late_energy = self._late_energy >> 4
        early_mc = self._early_mc >> 4
        late_mc = self._late_mc >> 4
        determinant = early_mw * late_energy - late_mw * early_energy
        if determinant < _LEAST:
            return
        self.taught = True
        self._artefact_q6 = _within((early_mc * late_energy - late_mc * early_energy) * 64 // determinant)
        self._warming_q8 = _within((early_mw * late_mc - late_mw * early_mc) * 256 // determinant)
        # The slope so far was that of the light: hardly anything has come by conduction yet.
        self._fast_q8 = self.slope_q8 = 0
        self.artefact_mc = self._artefact_q6 * power_mw >> 10


def _within(learnt):
    if learnt < 0:
        return 0
    return learnt if learnt < _LEARNT_MAX else _LEARNT_MAX
