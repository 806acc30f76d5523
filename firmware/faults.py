"""The fault catalogue: number, name, unit of value and limit, remedy. The host prints what the device tells."""

from micropython import const

OVER_TEMPERATURE = const(10)  # plus the probe's role
ABOVE_SET_POINT = const(15)
PROBE_OPEN = const(20)
PROBE_SHORT = const(21)
PROBE_BELOW = const(22)
PROBE_RANGE = const(23)
STALE = const(30)
NO_RESPONSE = const(31)
DARK_STALE = const(32)
OVER_POWER = const(40)
ENERGY = const(41)
EMISSION_TIME = const(42)
EMERGENCY_STOP = const(50)
KEY_OFF = const(51)
REMOTE_OPEN = const(52)
FIBRE_OPEN = const(53)

CATALOGUE = {
    11: ("over-temperature at the control probe", "mC", "let it cool; check the probe's place and the light on it"),
    12: ("over-temperature at the tip probe", "mC", "let it cool; look for char on the tip; lower the cap"),
    13: ("over-temperature at a guard probe", "mC", "healthy tissue is too warm: do not go on; check the placement"),
    14: ("over-temperature at a spare probe", "mC", "let it cool; check the probe's place"),
    15: ("control probe too far above its set-point", "mC", "let it cool; lower the gain or the feed-forward"),
    20: ("probe open", "", "check the connector and the probe's resistance; replace the probe"),
    21: ("probe shorted to ground or supply", "", "check the connector and the sheath; replace the probe"),
    22: ("probe below its lowest plausible reading", "mC", "leads touch or the probe is out of the tissue: check both"),
    23: ("junction outside the converter's range", "", "check the thermocouple type and the ambient temperature"),
    30: ("sample stale", "cycles", "the converter no longer finishes: check its supply, then reset"),
    31: ("converter does not respond", "", "check the SPI wiring and the converter's supply"),
    32: ("no dark sample of the control probe", "cycles", "check the control probe"),
    40: ("more light delivered than wanted", "mW", "laser driver or PWM at fault: do not use it; service"),
    41: ("energy limit reached", "mJ", "the plan does not reach its goal with this energy: plan again"),
    42: ("emission time limit reached", "ms", "the plan does not reach its goal in this time: plan again"),
    50: ("emergency stop pressed", "", "make the patient safe, release the stop, turn the key off and on"),
    51: ("key turned off", "", "turn the key on"),
    52: ("remote interlock open", "", "close the door or the interlock, turn the key off and on"),
    53: ("fibre not connected", "", "connect the fibre, turn the key off and on"),
}
