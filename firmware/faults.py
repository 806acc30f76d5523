"""The fault catalogue: what can be wrong, what it costs, and what to do. The host prints what the device tells.

A `HARD` fault ends the treatment and latches, over resets too, until a person turns the key off and on and its cause
is gone. A `RESUMABLE` one pauses; a person resumes it when its cause is gone. Either way the light is off from the
first evidence on; only evidence that outlasts the budget costs more than that. What `BARS` only stands against arming.
A `WARNING` is told.
"""

from micropython import const

WARNING = const(0)
BARS = const(1)
RESUMABLE = const(2)
HARD = const(3)

LOW = const(1)
MEDIUM = const(2)
HIGH = const(3)

OVER_TEMPERATURE = const(10)  # plus the probe's role
ABOVE_SET_POINT = const(15)
GUARD_AHEAD = const(16)
JUMP = const(19)
PROBE_OPEN = const(20)
PROBE_VOLTAGE = const(21)
PROBE_BELOW = const(22)
PROBE_RANGE = const(23)
SHORT_GROUND = const(24)
SHORT_SUPPLY = const(25)
COLD_RANGE = const(26)
RATE = const(27)
FROZEN = const(28)
DISAGREE = const(29)
STALE = const(30)
NO_RESPONSE = const(31)
DARK_STALE = const(32)
NOT_RESPONDING = const(33)
RUNAWAY = const(34)
CHAR = const(35)
FIBRE_BROKEN = const(36)
MOVED = const(37)
SWAPPED = const(38)
OVER_POWER = const(40)
ENERGY = const(41)
EMISSION_TIME = const(42)
UNDER_POWER = const(43)
LEAK = const(44)
LEASE = const(45)
MISSED_CYCLE = const(46)
BROWN_OUT = const(47)
NOT_CONFIRMED = const(48)
FOOTSWITCH = const(49)
EMERGENCY_STOP = const(50)
KEY_OFF = const(51)
REMOTE_OPEN = const(52)
FIBRE_OPEN = const(53)
COVER_OPEN = const(54)
KEY_NOT_TURNED = const(55)
NO_PLAN = const(56)
BUTTON_STUCK = const(57)
ENABLE_FAILS = const(58)
POWER_FAILS = const(59)
STORE_CORRUPT = const(60)
FIRMWARE_DIFFERS = const(61)
RESTARTED = const(62)
OUT_OF_REACH = const(65)
VESSEL = const(66)
BLOOD = const(67)
DELIVERED_OFF = const(70)
SATURATED = const(71)
TIP_LIMITS = const(72)
CONFIRM = const(73)
ROWS_LOST = const(74)
STORE_FAILS = const(75)
PREVIOUS_FIRMWARE = const(76)
STORE_RECOVERED = const(77)

# Found anew at each start, for as long as they are there: no key clears them, and nothing has to be latched.
NEEDS_SERVICE = (STORE_CORRUPT, FIRMWARE_DIFFERS)

# number: (name, class, alarm priority, budget in ms, unit of value and limit, limit, remedy). A limit in capitals
# stands in limits.py.
CATALOGUE = {
    11: ("over-temperature at the control probe", HARD, HIGH, 400, "mC", "the plan's, at most PROBE_LIMIT_MAX_MC",
         "let it cool; check the probe's place and the light on it"),
    12: ("over-temperature at the tip probe", HARD, HIGH, 400, "mC", "the plan's, at most PROBE_LIMIT_MAX_MC",
         "let it cool; look for char on the tip; lower the cap"),
    13: ("over-temperature at a guard probe", HARD, HIGH, 400, "mC", "the plan's, at most PROBE_LIMIT_MAX_MC",
         "healthy tissue is too warm: do not go on; check the placement"),
    14: ("over-temperature at a spare probe", HARD, HIGH, 400, "mC", "the plan's, at most PROBE_LIMIT_MAX_MC",
         "let it cool; check the probe's place"),
    15: ("control probe too far above its set-point", HARD, HIGH, 5000, "mC",
         "the set-point and CONTROL_ABOVE_SET_POINT_MC", "let it cool; lower the gain or the feed-forward"),
    16: ("guard probe about to pass its limit", RESUMABLE, MEDIUM, 5000, "mC", "the plan's, by the predicted peak",
         "let it cool; check the placement; lower the set-point or the cap"),
    19: ("reading jumped and stayed there", RESUMABLE, MEDIUM, 0, "mC", "RATE_MAX_MC",
         "the probe moved or a contact is loose: check both"),
    20: ("probe open", RESUMABLE, MEDIUM, 2000, "", "-",
         "check the connector and the probe's resistance; replace the probe"),
    21: ("probe over or under voltage", RESUMABLE, MEDIUM, 2000, "", "-",
         "a lead touches ground or supply: check the connector and the sheath"),
    22: ("probe below its lowest plausible reading", RESUMABLE, MEDIUM, 2000, "mC", "the plan's",
         "leads touch or the probe is out of the tissue: check both"),
    23: ("junction outside the converter's range", RESUMABLE, MEDIUM, 2000, "", "-",
         "check the thermocouple type and the polarity"),
    24: ("probe shorted to ground", RESUMABLE, MEDIUM, 2000, "", "-",
         "check the connector and the sheath; replace the probe"),
    25: ("probe shorted to supply", RESUMABLE, MEDIUM, 2000, "", "-",
         "check the connector and the wiring; replace the probe"),
    26: ("cold junction out of range", RESUMABLE, MEDIUM, 2000, "", "0 to 60 °C",
         "check the ambient temperature and the converter"),
    27: ("reading changes faster than tissue can", RESUMABLE, MEDIUM, 2000, "mC", "RATE_MAX_MC",
         "a contact is loose or something disturbs it: check the connector and the cable"),
    28: ("probe frozen", RESUMABLE, MEDIUM, 0, "samples", "FROZEN_SAMPLES",
         "the converter repeats itself: check its supply; replace it"),
    29: ("probes disagree at rest, or cold junctions", RESUMABLE, MEDIUM, 2000, "mC",
         "REST_SPREAD_MC or COLD_SPREAD_MC", "wait until all is at rest; look for a probe that is out of place"),
    30: ("sample stale", RESUMABLE, MEDIUM, 1000, "cycles", "SAMPLE_MAX_AGE",
         "the converter no longer finishes: check its supply; reset"),
    31: ("converter does not respond", RESUMABLE, MEDIUM, 2000, "", "-",
         "check the SPI wiring and the converter's supply"),
    32: ("no dark sample of the control probe", RESUMABLE, MEDIUM, 1000, "cycles", "DARK_MAX_AGE",
         "check the control probe"),
    33: ("control probe does not respond to the light", RESUMABLE, MEDIUM, 0, "mC", "RESPONSE_MC",
         "check the fibre and the probe's place: is it this tissue that is heated?"),
    34: ("tissue warms on without light", HARD, HIGH, 1000, "mC", "RUNAWAY_MC",
         "take the fibre out of the laser: it may still emit; service"),
    35: ("light has fallen at every probe: char", RESUMABLE, MEDIUM, 0, "%", "55 % of the light of 40 s before",
         "take the fibre out and look at its tip; go on with a new one and less power"),
    36: ("light has gone at every probe: fibre broken", RESUMABLE, MEDIUM, 0, "%", "30 % of the light of 40 s before",
         "shine the aiming beam through it; replace the fibre"),
    37: ("probe moved", RESUMABLE, MEDIUM, 0, "mC", "1.5 °C and what breath does",
         "look where the probe is; fix it; if it has left its place, end here"),
    38: ("control and guard probe seem to be swapped", RESUMABLE, MEDIUM, 0, "", "-",
         "compare the connectors with the plan"),
    40: ("more light delivered than wanted", HARD, HIGH, 100, "mW", "OVER_POWER_PERCENT and OVER_POWER_MARGIN_MW",
         "laser driver or PWM at fault: do not use it; service"),
    41: ("energy limit reached", HARD, HIGH, 0, "mJ", "the plan's, at most ENERGY_MAX_MJ",
         "the plan does not reach its goal with this energy: plan again"),
    42: ("emission time limit reached", HARD, HIGH, 0, "ms", "the plan's, at most EMISSION_MAX_MS",
         "the plan does not reach its goal in this time: plan again"),
    43: ("less light delivered than wanted", RESUMABLE, MEDIUM, 1000, "mW", "UNDER_POWER_PERCENT",
         "check the fibre and its coupling, then the laser's supply"),
    44: ("self-test: light with nothing driven", HARD, HIGH, 0, "mW", "TEST_DARK_MW",
         "laser driver or photodiode at fault: do not use it; service"),
    45: ("host lost", RESUMABLE, MEDIUM, 0, "ms", "the plan's", "check the cable and the host; start again from there"),
    46: ("cycle missed", RESUMABLE, MEDIUM, 500, "ms", "LATE_MAX_MS", "reset; if it comes back, tell the maintainers"),
    47: ("supply too low", RESUMABLE, MEDIUM, 500, "mV", "SUPPLY_MIN_MV", "check the supply and the USB cable"),
    48: ("nobody confirmed presence", RESUMABLE, MEDIUM, 0, "ms", "the plan's",
         "press the footswitch when asked; start again"),
    49: ("footswitch released", RESUMABLE, LOW, 0, "", "-", "hold it down until the hold begins; start again"),
    50: ("emergency stop pressed", HARD, HIGH, 0, "", "-",
         "make the patient safe, release the stop, turn the key off and on"),
    51: ("key turned off", HARD, HIGH, 0, "", "-", "turn the key on"),
    52: ("remote interlock open", HARD, HIGH, 0, "", "-", "close the door or the interlock, turn the key off and on"),
    53: ("fibre not connected", HARD, HIGH, 0, "", "-", "connect the fibre, turn the key off and on"),
    54: ("cover open", HARD, HIGH, 0, "", "-", "close the cover, turn the key off and on"),
    55: ("key not turned since power-up", BARS, 0, 0, "", "-", "turn the key off and on"),
    56: ("no plan", BARS, 0, 0, "", "-", "upload a plan"),
    57: ("footswitch or ready button stuck", BARS, 0, 0, "", "-", "release it; check its wiring"),
    58: ("self-test: light without the enable", HARD, HIGH, 0, "mW", "TEST_DARK_MW",
         "a way to dark has failed, enable or monostable: do not use it; service"),
    59: ("self-test: light without power wanted", HARD, HIGH, 0, "mW", "TEST_DARK_MW",
         "a way to dark has failed, PWM or set-point: do not use it; service"),
    60: ("store corrupt", HARD, HIGH, 0, "", "-", "in service, write calibration and settings anew"),
    61: ("firmware differs from its manifest", HARD, HIGH, 0, "", "-", "flash the firmware again"),
    62: ("restarted while armed", HARD, HIGH, 0, "", "-", "look after the patient; turn the key off and on"),
    65: ("set-point out of reach at the cap", WARNING, MEDIUM, 0, "mC", "the plan's set-point",
         "it ends below it: a probe nearer to the fibre, a longer diffuser, or a higher cap"),
    66: ("control probe sees light and stays cool", WARNING, LOW, 0, "", "-",
         "a vessel may lie beside it: look at its place"),
    67: ("power of the hold has changed", WARNING, LOW, 0, "%", "a quarter in ten minutes",
         "blood flow has changed, or the fibre: watch the guards"),
    70: ("delivered power off by more than a fifth", WARNING, MEDIUM, 300, "mW", "DELIVERED_WITHIN_PERCENT",
         "calibrate the laser; check the fibre's coupling"),
    71: ("saturated at the cap", WARNING, LOW, 0, "mW", "the plan's cap", "the set-point may be out of reach"),
    72: ("held back by the tip", WARNING, LOW, 0, "mC", "TIP_MARGIN_MC", "look for char on the tip"),
    73: ("presence to be confirmed", WARNING, MEDIUM, 0, "s", "CONFIRM_WARNING_CYCLES", "press the footswitch"),
    74: ("rows lost", WARNING, LOW, 0, "", "-", "the host reads too slowly: close other programs"),
    75: ("store cannot be written", WARNING, MEDIUM, 0, "", "-", "flash is full or worn: service"),
    76: ("running on the previous firmware", WARNING, LOW, 0, "", "-", "the last one did not start: flash again"),
    77: ("store recovered from its older copy", WARNING, LOW, 0, "", "-", "check calibration and settings"),
}  # fmt: skip


def latches(number):
    """True for a fault that outlives a reset."""
    return number in CATALOGUE and CATALOGUE[number][1] == HARD and number not in NEEDS_SERVICE
