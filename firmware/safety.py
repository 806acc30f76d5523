"""Safety: sees the readings and the wanted power, and only ever lowers it. One hazard, one short function.

A hazard returns its fault number or 0. The first cause latches, with the channel, value and limit it was found at.
"""

import faults
import limits
from drivers import interlock, max31856


class Situation:
    """What the hazards look at; the cycle fills it in place."""

    def __init__(self, sensing, settings):
        self.sensing = sensing
        self.settings = settings
        self.inputs = 0
        self.delivered_mw = 0
        self.commanded_mw = 0  # in the cycle before, when the delivered power was due
        self.energy_mj = 0
        self.emission_ms = 0
        self.armed = False


class Safety:
    """`fault` is the latched fault number, 0 for none; `where` its channel or -1; `value` and `limit` its figures."""

    def __init__(self, situation):
        self.situation = situation
        self.fault = 0
        self.where = -1
        self.value = 0
        self.limit = 0

    def check(self):
        """Walk the hazards until one is found. Unarmed, only light where none is wanted is a fault."""
        if self.fault:
            return
        if not self.situation.armed:
            over_power(self)
            return
        for hazard in EVERY_CYCLE:
            if hazard(self):
                return
        if self.situation.sensing.fresh or _any_unanswered(self.situation.sensing):
            for hazard in EVERY_SAMPLE:
                if hazard(self):
                    return

    def found(self, fault, where, value, limit):
        """Latch the first cause; True, so that a hazard can return it."""
        self.fault = fault
        self.where = where
        self.value = value
        self.limit = limit
        return True

    def clear(self):
        self.fault = 0
        self.where = -1
        self.value = self.limit = 0

    def allow(self, wanted_mw):
        """The power that may be emitted: never more than wanted, nor than the cap, and none after a fault."""
        if self.fault or not self.situation.armed or wanted_mw < 0:
            return 0
        cap = self.situation.settings.cap_mw
        if cap > limits.CAP_MAX_MW:
            cap = limits.CAP_MAX_MW
        return wanted_mw if wanted_mw < cap else cap


def _any_unanswered(sensing):
    for i in range(4):
        if sensing.status[i] == max31856.NO_RESPONSE:
            return True
    return False


def _contact(s, bit, fault):
    """An open contact of the interlock chain, as `fault`."""
    return False if s.situation.inputs & bit else s.found(fault, -1, 0, 0)


def emergency_stop(s):
    return _contact(s, interlock.EMERGENCY_STOP, faults.EMERGENCY_STOP)


def key_off(s):
    return _contact(s, interlock.KEY, faults.KEY_OFF)


def remote_open(s):
    return _contact(s, interlock.REMOTE, faults.REMOTE_OPEN)


def fibre_open(s):
    return _contact(s, interlock.FIBRE, faults.FIBRE_OPEN)


def over_power(s):
    situation = s.situation
    allowed = situation.commanded_mw * limits.OVER_POWER_PERCENT // 100 + limits.OVER_POWER_MARGIN_MW
    if situation.delivered_mw <= allowed:
        return False
    return s.found(faults.OVER_POWER, -1, situation.delivered_mw, allowed)


def _spent(s, value, limit, fault):
    """What the plan allows of something is used up, as `fault`."""
    return s.found(fault, -1, value, limit) if value >= limit else False


def energy(s):
    return _spent(s, s.situation.energy_mj, s.situation.settings.energy_mj, faults.ENERGY)


def emission_time(s):
    return _spent(s, s.situation.emission_ms, s.situation.settings.emission_ms, faults.EMISSION_TIME)


def stale(s):
    sensing = s.situation.sensing
    for i in range(4):
        if sensing.roles[i] and sensing.age[i] > limits.SAMPLE_MAX_AGE:
            return s.found(faults.STALE, i, sensing.age[i], limits.SAMPLE_MAX_AGE)
    return False


def dark_stale(s):
    sensing = s.situation.sensing
    if sensing.dark_age[sensing.control] <= limits.DARK_MAX_AGE:
        return False
    return s.found(faults.DARK_STALE, sensing.control, sensing.dark_age[sensing.control], limits.DARK_MAX_AGE)


def _status(s, status, fault):
    """The first probe with `status`, as `fault`, telling the fault register."""
    sensing = s.situation.sensing
    for i in range(4):
        if sensing.roles[i] and sensing.status[i] == status:
            return s.found(fault, i, sensing.sr[i], 0)
    return False


def no_response(s):
    return _status(s, max31856.NO_RESPONSE, faults.NO_RESPONSE)


def probe_open(s):
    return _status(s, max31856.OPEN, faults.PROBE_OPEN)


def probe_short(s):
    return _status(s, max31856.SHORT, faults.PROBE_SHORT)


def probe_range(s):
    return _status(s, max31856.RANGE, faults.PROBE_RANGE)


def probe_below(s):
    """Leads that touch make a junction at the connector: it reads the room, and the loop would heat without end."""
    sensing, lowest = s.situation.sensing, s.situation.settings.lowest_mc
    for i in range(4):
        if sensing.roles[i] and sensing.tc_mc[i] < lowest:
            return s.found(faults.PROBE_BELOW, i, sensing.tc_mc[i], lowest)
    return False


def over_temperature(s):
    """By role, in the bright too: absorbed light only ever reads high."""
    sensing, limit_mc = s.situation.sensing, s.situation.settings.limit_mc
    for i in range(4):
        role = sensing.roles[i]
        if role and sensing.tc_mc[i] > limit_mc[i]:
            return s.found(faults.OVER_TEMPERATURE + role, i, sensing.tc_mc[i], limit_mc[i])
    return False


def above_set_point(s):
    """Only dark samples: in the bright, absorbed light alone reads degrees above the set-point."""
    sensing = s.situation.sensing
    if not sensing.fresh_dark:
        return False
    limit = s.situation.settings.set_point_mc + limits.CONTROL_ABOVE_SET_POINT_MC
    if sensing.dark_mc[sensing.control] <= limit:
        return False
    return s.found(faults.ABOVE_SET_POINT, sensing.control, sensing.dark_mc[sensing.control], limit)


EVERY_CYCLE = (
    emergency_stop,
    key_off,
    remote_open,
    fibre_open,
    over_power,
    energy,
    emission_time,
    stale,
    dark_stale,
)
EVERY_SAMPLE = (
    no_response,
    probe_open,
    probe_short,
    probe_range,
    over_temperature,
    probe_below,
    above_set_point,
)
