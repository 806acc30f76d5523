"""What the device remembers, section by section: the defaults, and what each may hold. Integers and plain text only.

Every check takes whatever JSON may bring and returns what is wrong with it - what, where, and what is allowed - or
nothing.
"""

from micropython import const

import limits

CHANNELS = const(4)
_REFERENCE_MC = const(45000)  # a calibration turns about this temperature: the middle of where tissue is treated
_SPAN_MC = const(100000)  # and holds so far from it; further away it stays what it is there
_POINTS_MAX = const(12)
JOURNAL_MAX = const(100)
COUNT_MAX = const(0x3FFFFFFF)
CODE_MAX = const(9999)  # faults, and where they were: four digits keep the journal's size bounded

_CALIBRATION = {"offset_mc": 5000, "slope_ppm": 20000, "quadratic_ppm_per_100c": 10000}
_COUNTERS = ("boots", "treatments", "emission_s", "energy_j")
_CODES = {"number": (0, CODE_MAX), "where": (-CODE_MAX, CODE_MAX)}
_FULL_SCALE_MIN_MW = const(20000)
_FULL_SCALE_MAX_MW = const(45000)


def defaults():
    """Every section of a device that was never set up; a new dict at each call."""
    channel = {"offset_mc": 0, "slope_ppm": 0, "quadratic_ppm_per_100c": 0, "serial": "", "date": ""}
    return {
        "device": {"name": "", "key": ""},
        "calibration": [dict(channel) for _ in range(CHANNELS)],
        "laser": {"points": [[0, 5243], [limits.LASER_MAX_MW, 65535]], "full_scale_mw": 30000},
        "counters": dict.fromkeys(_COUNTERS, 0),
        "latch": {"number": 0, "where": 0, "value": 0, "limit": 0},
        "journal": [],
    }


def corrected_mc(reading_mc, offset_mc, slope_ppm, quadratic_ppm_per_100c):
    """m°C after calibration: the reading plus the offset, plus slope and quadratic times the way from _REFERENCE_MC.

    Integers below 2^30 and no allocation; within 2 m°C of the exact value.
    """
    away = reading_mc - _REFERENCE_MC
    if away > _SPAN_MC:
        away = _SPAN_MC
    elif away < -_SPAN_MC:
        away = -_SPAN_MC
    slope = slope_ppm + (away // 10) * quadratic_ppm_per_100c // 10000
    # A millionth in two steps, 8 * 125000, so that the product stays small.
    return reading_mc + offset_mc + (away // 8) * slope // 125000


def clamp(value, low, high):
    """The nearest allowed integer; 0 for what is none."""
    if type(value) is not int:
        return 0
    return low if value < low else high if value > high else value


def _integer(what, value, low, high):
    if type(value) is not int:
        return what + " is no integer"
    if not low <= value <= high:
        return "%s = %d: allowed are %d to %d" % (what, value, low, high)
    return ""


def _text(what, value, longest):
    """Plain ASCII that needs no escape in JSON and splits no line of the link."""
    if type(value) is not str:
        return what + " is no text"
    if len(value) > longest:
        return "%s has %d letters: allowed are %d" % (what, len(value), longest)
    for letter in value:
        if not " " <= letter <= "~" or letter in '",\\':
            return what + " may only have plain letters, and no quotes, commas or backslashes"
    return ""


def _fields(what, value, names):
    if type(value) is not dict:
        return what + " is no set of fields"
    for name in names:
        if name not in value:
            return "%s: %s is missing" % (what, name)
    return "" if len(value) == len(names) else what + " has unknown fields"


def _list(what, value, least, most):
    if type(value) is not list:
        return what + " is no list"
    if not least <= len(value) <= most:
        return "%s has %d: allowed are %d to %d" % (what, len(value), least, most)
    return ""


def _device(value):
    problem = _fields("device", value, ("name", "key")) or _text("device name", value["name"], 32)
    return problem or _key(value["key"])


def _key(key):
    """Never quotes the key: problems are told over the link."""
    good = type(key) is str and len(key) in (0, 64) and not key.strip("0123456789abcdef")
    return "" if good else "device key: allowed are 64 hexadecimal digits in small letters, or none"


def _calibration(value):
    problem = _list("calibration", value, CHANNELS, CHANNELS)
    for i in range(CHANNELS):
        problem = problem or _channel("calibration of channel %d" % i, value[i])
    return problem


def _channel(what, value):
    problem = _fields(what, value, ("offset_mc", "slope_ppm", "quadratic_ppm_per_100c", "serial", "date"))
    for name in _CALIBRATION:
        problem = problem or _integer("%s: %s" % (what, name), value[name], -_CALIBRATION[name], _CALIBRATION[name])
    return problem or _text(what + ": serial", value["serial"], 16) or _date(what + ": date", value["date"])


def _date(what, value):
    problem = _text(what, value, 10)
    if problem or value == "":
        return problem
    digits = value[:4] + value[5:7] + value[8:]
    form = len(value) == 10 and value[4] == value[7] == "-" and not digits.strip("0123456789")
    if form and "01" <= value[5:7] <= "12" and "01" <= value[8:] <= "31":
        return ""
    return what + " is no date: YYYY-MM-DD, or nothing"


def _laser(value):
    problem = _fields("laser", value, ("points", "full_scale_mw"))
    problem = problem or _list("laser points", value["points"], 2, _POINTS_MAX)
    if problem:
        return problem
    before = [-1, -1]
    for i, point in enumerate(value["points"]):
        problem = _point("laser point %d" % i, point, before)
        if problem:
            return problem
        before = point
    if value["points"][0][0] != 0:
        return "laser point 0 is %d mW: the table begins at 0 mW" % value["points"][0][0]
    return _integer("photodiode full scale mW", value["full_scale_mw"], _FULL_SCALE_MIN_MW, _FULL_SCALE_MAX_MW)


def _point(what, point, before):
    problem = _list(what, point, 2, 2) or _integer(what + ": mW", point[0], 0, limits.LASER_MAX_MW)
    problem = problem or _integer(what + ": duty", point[1], 0, 65535)
    if not problem and (point[0] <= before[0] or point[1] <= before[1]):
        return "%s = %d mW at duty %d: not above the point before" % (what, point[0], point[1])
    return problem


def _counters(value):
    problem = _fields("counters", value, _COUNTERS)
    for name in _COUNTERS:
        problem = problem or _integer("counters: " + name, value[name], 0, COUNT_MAX)
    return problem


def _latch(value):
    problem = _fields("latch", value, ("number", "where", "value", "limit"))
    for name in _CODES:
        problem = problem or _integer("latch: " + name, value[name], _CODES[name][0], _CODES[name][1])
    for name in ("value", "limit"):
        problem = problem or _integer("latch: " + name, value[name], -COUNT_MAX, COUNT_MAX)
    return problem


def entry(boot, cycle, kind, number, where, value, limit):
    """One entry of the journal, with everything brought within its bounds."""
    if type(kind) is not str or len(kind) != 1 or not "A" <= kind <= "Z":
        kind = "?"
    boot = clamp(boot, 0, COUNT_MAX)
    cycle = clamp(cycle, 0, COUNT_MAX)
    number = clamp(number, -CODE_MAX, CODE_MAX)
    where = clamp(where, -CODE_MAX, CODE_MAX)
    return [boot, cycle, kind, number, where, clamp(value, -COUNT_MAX, COUNT_MAX), clamp(limit, -COUNT_MAX, COUNT_MAX)]


def _journal(value):
    problem = _list("journal", value, 0, JOURNAL_MAX)
    if not problem:
        for i, found in enumerate(value):
            if type(found) is not list or len(found) != 7 or entry(*found) != found:
                return "journal entry %d is none" % i
    return problem


# In the order in which they are written.
CHECKS = (
    ("device", _device),
    ("calibration", _calibration),
    ("laser", _laser),
    ("counters", _counters),
    ("latch", _latch),
    ("journal", _journal),
)


def check(name, value):
    """What is wrong with one section, or nothing."""
    for known, function in CHECKS:
        if name == known:
            return function(value)
    return "unknown section " + name


def check_all(data):
    """What is wrong with a whole set of sections, or nothing."""
    problem = _fields("store", data, [name for name, _ in CHECKS])
    for name, function in CHECKS:
        problem = problem or function(data[name])
    return problem
