"""The hazards: one short function each, that looks at the situation and returns the number of the fault it sees, 0 for
none, or UNTOLD when there is nothing to see it by. `safety` weighs what they say.
"""

from micropython import const

import faults
import limits
import treatment
from drivers import interlock, reading
from sensing import CHANNELS, GUARD

UNTOLD = const(-1)


class Situation:
    """What the hazards look at; the cycle fills it in place."""

    def __init__(self, sensing, settings, trends, treatment, after_heat, diagnosis):
        self.sensing = sensing
        self.settings = settings
        self.trends = trends
        self.treatment = treatment
        self.after_heat = after_heat  # by channel
        self.diagnosis = diagnosis
        self.artefact_mc = [0] * CHANNELS  # what of each reading is known to be self-heating
        self.control_mc = 0  # what is believed of the control probe's tissue
        self.inputs = 0
        self.delivered_mw = 0
        self.commanded_mw = 0  # in the cycle before, when the delivered power was due
        self.supply_mv = 0
        self.late_ms = 0
        self.energy_mj = 0
        self.emission_ms = 0
        self.lease_ms = 0  # since the host's last word
        self.unconfirmed_ms = 0  # since the last sign of a person at the footswitch
        self.self_test = 0  # the fault that it found, and by how much
        self.self_test_mw = 0


# Every cycle


def _contact(s, bit, fault):
    """An open contact of the interlock chain, as `fault`."""
    return 0 if s.situation.inputs & bit else s.found(fault, -1, 0, 0)


def emergency_stop(s):
    return _contact(s, interlock.EMERGENCY_STOP, faults.EMERGENCY_STOP)


def key_off(s):
    return _contact(s, interlock.KEY, faults.KEY_OFF)


def remote_open(s):
    return _contact(s, interlock.REMOTE, faults.REMOTE_OPEN)


def fibre_open(s):
    return _contact(s, interlock.FIBRE, faults.FIBRE_OPEN)


def cover_open(s):
    return _contact(s, interlock.COVER, faults.COVER_OPEN)


def footswitch(s):
    """Hold-to-run while heating; later presence is confirmed now and then."""
    if s.situation.treatment.state != treatment.HEATING or s.situation.inputs & interlock.FOOTSWITCH:
        return 0
    return s.found(faults.FOOTSWITCH, -1, 0, 0)


def not_confirmed(s):
    situation = s.situation
    if situation.treatment.state != treatment.HOLDING or situation.unconfirmed_ms <= situation.settings.confirm_ms:
        return 0
    return s.found(faults.NOT_CONFIRMED, -1, situation.unconfirmed_ms, situation.settings.confirm_ms)


def lease(s):
    situation = s.situation
    if situation.lease_ms <= situation.settings.lease_ms:
        return 0
    return s.found(faults.LEASE, -1, situation.lease_ms, situation.settings.lease_ms)


def over_power(s):
    situation = s.situation
    if situation.treatment.state == treatment.SELF_TEST:
        return UNTOLD  # which looks more closely
    allowed = situation.commanded_mw * limits.OVER_POWER_PERCENT // 100 + limits.OVER_POWER_MARGIN_MW
    if situation.delivered_mw > allowed:
        return s.found(faults.OVER_POWER, -1, situation.delivered_mw, allowed)
    # Two cycles that gave too much are no less so for the dark one between them.
    return 0 if situation.commanded_mw else UNTOLD


def under_power(s):
    situation = s.situation
    if situation.commanded_mw < limits.DELIVERED_FROM_MW:
        return UNTOLD
    wanted = situation.commanded_mw * limits.UNDER_POWER_PERCENT // 100
    return s.found(faults.UNDER_POWER, -1, situation.delivered_mw, wanted) if situation.delivered_mw < wanted else 0


def self_test(s):
    failed = s.situation.self_test
    return s.found(failed, -1, s.situation.self_test_mw, limits.TEST_DARK_MW) if failed else 0


def _spent(s, value, limit, fault):
    """What the plan allows of something is used up, as `fault`."""
    return s.found(fault, -1, value, limit) if value >= limit else 0


def energy(s):
    return _spent(s, s.situation.energy_mj, s.situation.settings.energy_mj, faults.ENERGY)


def emission_time(s):
    return _spent(s, s.situation.emission_ms, s.situation.settings.emission_ms, faults.EMISSION_TIME)


def missed_cycle(s):
    late_ms = s.situation.late_ms
    return s.found(faults.MISSED_CYCLE, -1, late_ms, limits.LATE_MAX_MS) if late_ms > limits.LATE_MAX_MS else 0


def brown_out(s):
    supply_mv = s.situation.supply_mv
    return s.found(faults.BROWN_OUT, -1, supply_mv, limits.SUPPLY_MIN_MV) if supply_mv < limits.SUPPLY_MIN_MV else 0


def stale(s):
    """A converter that does not respond at all is told so."""
    sensing = s.situation.sensing
    most = limits.SAMPLE_MAX_AGE
    for i in range(CHANNELS):
        if sensing.age[i] > most and sensing.roles[i] and sensing.told[i] != reading.NO_RESPONSE:
            return s.found(faults.STALE, i, sensing.age[i], most)
    return 0


def dark_stale(s):
    sensing = s.situation.sensing
    if sensing.dark_age[sensing.control] <= limits.DARK_MAX_AGE:
        return 0
    return s.found(faults.DARK_STALE, sensing.control, sensing.dark_age[sensing.control], limits.DARK_MAX_AGE)


# Every sample

# By status of a reading; 0 where it is no fault by itself.
_BY_STATUS = (
    0,
    0,
    faults.PROBE_OPEN,
    faults.PROBE_VOLTAGE,
    faults.PROBE_RANGE,
    0,
    faults.NO_RESPONSE,
    faults.SHORT_GROUND,
    faults.SHORT_SUPPLY,
    faults.COLD_RANGE,
    faults.PROBE_RANGE,
    faults.PROBE_RANGE,
)


def probe_status(s):
    """What the converters tell of themselves and their leads, with the fault register as value."""
    sensing = s.situation.sensing
    for i in range(CHANNELS):
        fault = _BY_STATUS[sensing.told[i]]
        if sensing.roles[i] and fault:
            return s.found(fault, i, sensing.sr[i], 0)
    return 0


def probe_below(s):
    """Leads that touch make a junction at the connector: it reads the room, and the loop would heat without end."""
    sensing, lowest = s.situation.sensing, s.situation.settings.lowest_mc
    for i in range(CHANNELS):
        if sensing.tc_mc[i] < lowest and sensing.roles[i] and reading.is_value(sensing.told[i]):
            return s.found(faults.PROBE_BELOW, i, sensing.tc_mc[i], lowest)
    return 0


def over_temperature(s):
    """By role, in the bright too, less what is known to be self-heating; how much may be taken off is bounded."""
    sensing, limit_mc = s.situation.sensing, s.situation.settings.limit_mc
    for i in range(CHANNELS):
        role, mc = sensing.roles[i], sensing.tc_mc[i]
        if mc > limit_mc[i] and role and reading.is_value(sensing.told[i]):
            light_mc, most_mc = s.situation.artefact_mc[i], limits.ARTEFACT_MAX_MC[role]
            mc -= light_mc if light_mc < most_mc else most_mc
            if mc > limit_mc[i]:
                return s.found(faults.OVER_TEMPERATURE + role, i, mc, limit_mc[i])
    return 0


def frozen(s):
    sensing = s.situation.sensing
    for i in range(CHANNELS):
        if sensing.roles[i] and sensing.same[i] >= limits.FROZEN_SAMPLES:
            return s.found(faults.FROZEN, i, sensing.same[i], limits.FROZEN_SAMPLES)
    return 0


def disagree(s):
    """Cold junctions share a board, and probes a body at rest until there is light."""
    situation = s.situation
    sensing = situation.sensing
    if _spread(s, sensing, sensing.cj_mc, limits.COLD_SPREAD_MC):
        return faults.DISAGREE
    at_rest = not situation.energy_mj and situation.treatment.state != treatment.COOLING
    return _spread(s, sensing, sensing.tc_mc, limits.REST_SPREAD_MC) if at_rest else 0


def _spread(s, sensing, values_mc, limit):
    lowest = highest = -1
    for i in range(CHANNELS):
        if sensing.roles[i] and sensing.told[i] == reading.OK:
            if lowest < 0 or values_mc[i] < values_mc[lowest]:
                lowest = i
            if highest < 0 or values_mc[i] > values_mc[highest]:
                highest = i
    if lowest < 0 or values_mc[highest] - values_mc[lowest] <= limit:
        return 0
    return s.found(faults.DISAGREE, highest, values_mc[highest] - values_mc[lowest], limit)


# Every frame, on the dark samples


def rate(s):
    sensing = s.situation.sensing
    for i in range(CHANNELS):
        if sensing.roles[i] and sensing.rejected[i]:
            return s.found(faults.RATE, i, sensing.step_mc[i], limits.RATE_MAX_MC[sensing.roles[i]])
    return 0


def jump(s):
    sensing = s.situation.sensing
    lowest = s.situation.settings.lowest_mc
    for i in range(CHANNELS):
        # One that fell too low is told so, which says more.
        if sensing.roles[i] and sensing.jumped[i] and sensing.dark_mc[i] >= lowest:
            return s.found(faults.JUMP, i, sensing.step_mc[i], limits.RATE_MAX_MC[sensing.roles[i]])
    return 0


def above_set_point(s):
    """What is believed: absorbed light alone reads degrees above the set-point, in the bright and after it."""
    sensing, mc = s.situation.sensing, s.situation.control_mc
    limit = s.situation.settings.set_point_mc + limits.CONTROL_ABOVE_SET_POINT_MC
    return s.found(faults.ABOVE_SET_POINT, sensing.control, mc, limit) if mc > limit else 0


def guard_ahead(s):
    """Heat goes on spreading after the light is off: a guard probe's limit holds for the peak that is still to come."""
    situation = s.situation
    sensing, limit_mc = situation.sensing, situation.settings.limit_mc
    for i in range(CHANNELS):
        if sensing.roles[i] == GUARD:
            peak_mc = sensing.dark_mc[i] + situation.after_heat[i].rise_mc
            if peak_mc > limit_mc[i]:
                return s.found(faults.GUARD_AHEAD, i, peak_mc, limit_mc[i])
    return 0


def not_responding(s):
    trends = s.situation.trends
    if not trends.unresponsive:
        return 0
    return s.found(faults.NOT_RESPONDING, s.situation.sensing.control, trends.rise_mc, limits.RESPONSE_MC)


def runaway(s):
    trends = s.situation.trends
    return s.found(faults.RUNAWAY, trends.runaway, trends.runaway_mc, limits.RUNAWAY_MC) if trends.runaway >= 0 else 0


def source(s):
    """Char, or a broken fibre."""
    diagnosis = s.situation.diagnosis
    return s.found(diagnosis.source, -1, diagnosis.left_percent, 0) if diagnosis.source else 0


def moved(s):
    diagnosis = s.situation.diagnosis
    return s.found(faults.MOVED, diagnosis.moved, diagnosis.moved_mc, 0) if diagnosis.moved >= 0 else 0


def swapped(s):
    diagnosis = s.situation.diagnosis
    return s.found(faults.SWAPPED, diagnosis.swapped, 0, 0) if diagnosis.swapped >= 0 else 0


CONTACTS = const(5)  # so many of the first look at contacts
EVERY_CYCLE = (
    emergency_stop,
    key_off,
    remote_open,
    fibre_open,
    cover_open,
    over_power,
    self_test,
    energy,
    emission_time,
    footswitch,
    not_confirmed,
    lease,
    under_power,
    missed_cycle,
    brown_out,
    stale,
    dark_stale,
)
EVERY_SAMPLE = (
    over_temperature,
    probe_status,
    probe_below,
    frozen,
    disagree,
)
EVERY_FRAME = (
    runaway,
    above_set_point,
    guard_ahead,
    jump,
    rate,
    not_responding,
    source,
    moved,
    swapped,
)
