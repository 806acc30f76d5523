"""The treatment's parameters as uploaded: integers with their range, all given, before anything can be armed."""

import limits
from drivers import reading
from felt import LAGS, SHARES

_PROBES = 4
# name: (lowest, highest)
RANGES = {
    "set_point_mc": (limits.SET_POINT_MIN_MC, limits.SET_POINT_MAX_MC),
    "tolerance_mc": (100, limits.TOLERANCE_MAX_MC),
    "lowest_mc": (limits.LOWEST_MIN_MC, 36000),
    "hold_ms": (1000, limits.HOLD_MAX_MS),
    "emission_ms": (1000, limits.EMISSION_MAX_MS),
    "energy_mj": (1000, limits.ENERGY_MAX_MJ),
    "fibre": (0, 2),  # bare, diffuser, radial
    "cap_mw": (100, max(limits.CAP_MAX_MW)),
    "kp_mw_per_c": (1, limits.GAIN_MAX_MW_PER_C),
    "ti_ms": (limits.INTEGRAL_TIME_MIN_MS, limits.INTEGRAL_TIME_MAX_MS),
    "feed_forward_mw": (0, max(limits.CAP_MAX_MW)),
    "lease_ms": (limits.LEASE_MIN_MS, limits.LEASE_MAX_MS),
    "lease_stops": (0, 1),  # a lost host pauses the treatment, or stops it
    "confirm_ms": (limits.CONFIRM_MIN_MS, limits.CONFIRM_MAX_MS),
    "corrected": (0, 1),  # act on readings without their self-heating, or on dark samples as they are
    "stem_permille": (0, 100),  # what the probe's stem takes off its tissue's rise
    "identified": (0, 1),  # gains from the tissue's answer, or the plan's
}
for _i in range(LAGS):
    RANGES["share%d_q10" % _i] = (-512, SHARES)  # the shape of the probes' self-heating
for _i in range(_PROBES):
    RANGES["probe%d_role" % _i] = (0, 4)
    RANGES["probe%d_type" % _i] = (0, len(reading.TYPES) - 1)
    RANGES["probe%d_limit_mc" % _i] = (limits.PROBE_LIMIT_MIN_MC, max(limits.PROBE_LIMIT_MAX_MC))


class Settings:
    """`complete` tells whether a plan was taken; its parameters are attributes, by probe in lists."""

    def __init__(self):
        self.complete = False
        self.roles = [0] * _PROBES
        self.types = [0] * _PROBES
        self.limit_mc = [limits.PROBE_LIMIT_MIN_MC] * _PROBES
        self.set_point_mc = limits.SET_POINT_MIN_MC
        self.tolerance_mc = 0
        self.lowest_mc = 0
        self.hold_ms = 0
        self.emission_ms = 0
        self.energy_mj = 0
        self.fibre = 0
        self.cap_mw = 0
        self.kp_mw_per_c = 0
        self.ti_ms = limits.INTEGRAL_TIME_MAX_MS
        self.feed_forward_mw = 0
        self.lease_ms = limits.LEASE_MIN_MS
        self.lease_stops = 0
        self.confirm_ms = limits.CONFIRM_MIN_MS
        self.corrected = 0
        self.identified = 0
        self.stem_permille = 0
        self.shares_q10 = [0] * LAGS
        self._upload = {}

    def put(self, name, value):
        """Take one parameter of an upload; returns what is wrong with it, or nothing."""
        if name not in RANGES:
            return "unknown parameter " + name
        low, high = RANGES[name]
        if not low <= value <= high:
            return "%s = %d: allowed are %d to %d" % (name, value, low, high)
        self._upload[name] = value
        return ""

    def begin(self):
        """Forget what was uploaded so far; a plan already taken stays until the next is whole."""
        self._upload = {}

    def commit(self):
        """Take the uploaded plan if it is whole and consistent; returns what is wrong with it, or nothing."""
        upload = dict(self._upload)
        for i in range(_PROBES):
            if not upload.get("probe%d_role" % i, 0):
                upload["probe%d_role" % i] = upload["probe%d_type" % i] = 0
                upload["probe%d_limit_mc" % i] = limits.PROBE_LIMIT_MIN_MC
        for name in RANGES:
            if name not in upload:
                return name + " is missing"
        roles = [upload["probe%d_role" % i] for i in range(_PROBES)]
        if sum(1 for role in roles if role == 1) != 1:
            return "exactly one control probe is needed"
        for i in range(_PROBES):
            high = limits.PROBE_LIMIT_MAX_MC[roles[i]]
            if upload["probe%d_limit_mc" % i] > high:
                return "probe%d_limit_mc = %d: its role allows %d" % (i, upload["probe%d_limit_mc" % i], high)
        most = limits.CAP_MAX_MW[upload["fibre"]]
        if upload["cap_mw"] > most:
            return "cap_mw = %d: this kind of fibre allows %d" % (upload["cap_mw"], most)
        if upload["feed_forward_mw"] > upload["cap_mw"]:
            return "feed_forward_mw = %d: the cap is %d" % (upload["feed_forward_mw"], upload["cap_mw"])
        shares = sum([upload["share%d_q10" % i] for i in range(LAGS)])
        if shares != SHARES:
            return "shares add up to %d: %d are all of the self-heating" % (shares, SHARES)
        self._take(upload, roles)
        return ""

    def _take(self, upload, roles):
        for i in range(_PROBES):
            self.roles[i] = roles[i]
            self.types[i] = upload["probe%d_type" % i]
            self.limit_mc[i] = upload["probe%d_limit_mc" % i]
        for i in range(LAGS):
            self.shares_q10[i] = upload["share%d_q10" % i]
        for name in upload:
            if not name.startswith(("probe", "share")):
                setattr(self, name, upload[name])
        self.complete = True
