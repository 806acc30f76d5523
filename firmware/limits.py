"""The hard limits: one place, compiled in, not writable over the link or from a file."""

from micropython import const

CYCLE_MS = const(100)
SLOT_CYCLES = const(2)  # a one-shot conversion at 50 Hz takes up to 185 ms: two cycles
FRAME_CYCLES = const(10)  # five slots, the last one dark
DARK_PHASE = const(8)  # the frame's first dark cycle
WATCHDOG_MS = const(500)

# Power and exposure
LASER_MAX_MW = const(25000)  # what the driver gives at full duty
CAP_MAX_MW = const(5000)
SLEW_UP_MW_PER_S = const(500)
OVER_POWER_PERCENT = const(150)
OVER_POWER_MARGIN_MW = const(200)
ENERGY_MAX_MJ = const(27000000)
EMISSION_MAX_MS = const(5400000)
HOLD_MAX_MS = const(3600000)

# Temperatures
SET_POINT_MIN_MC = const(42000)
SET_POINT_MAX_MC = const(50000)
TOLERANCE_MAX_MC = const(1000)
LOWEST_MIN_MC = const(5000)  # below: the probe is out of the tissue, or its leads touch
PROBE_LIMIT_MIN_MC = const(41000)
# By role: none, control, tip, guard, spare. The plan may only ask for less.
PROBE_LIMIT_MAX_MC = (95000, 65000, 95000, 50000, 95000)
CONTROL_ABOVE_SET_POINT_MC = const(3000)  # on dark samples, which tell heat from light
COOLED_BELOW_SET_POINT_MC = const(3000)
COOLING_MAX_CYCLES = const(1800)

# Ages, in cycles
SAMPLE_MAX_AGE = const(4)  # samples come every second cycle: one lost is told, two are a fault
DARK_MAX_AGE = const(25)  # dark samples come every tenth cycle
REQUEST_MAX_AGE = const(300)  # an arm or start request waits 30 s for hands at the device

# Control
GAIN_MAX_MW_PER_C = const(3000)
INTEGRAL_TIME_MIN_MS = const(5000)
INTEGRAL_TIME_MAX_MS = const(1000000)
ERROR_MAX_MC = const(10000)
TIP_MARGIN_MC = const(8000)  # the tip takes power back over this span below its limit

# Link
LINE_MAX_BYTES = const(250)
CREDIT_BYTES = const(256)
SILENT_HOST_CYCLES = const(20)
