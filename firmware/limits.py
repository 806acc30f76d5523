"""The hard limits: one place, compiled in, not writable over the link or from a file."""

from micropython import const

CYCLE_MS = const(100)
SLOT_CYCLES = const(2)  # a one-shot conversion at 50 Hz takes up to 185 ms: two cycles
FRAME_CYCLES = const(10)  # five slots, the last one dark
DARK_PHASE = const(8)  # the frame's first dark cycle
WATCHDOG_MS = const(500)
SAVING_MS = const(8000)  # while the store is written: one sector takes up to 400 ms to erase, and there are some
LATE_MAX_MS = const(50)  # a cycle that starts later counts as missed

# Power and exposure
LASER_MAX_MW = const(25000)  # what the driver gives at full duty
CAP_MAX_MW = (3000, 5000, 3000)  # by fibre: bare, diffuser, radial; the plan's own default is 2, 3 and 2 W
SLEW_UP_MW_PER_S = const(500)
OVER_POWER_PERCENT = const(150)
OVER_POWER_MARGIN_MW = const(200)
UNDER_POWER_PERCENT = const(50)
DELIVERED_WITHIN_PERCENT = const(20)
DELIVERED_MARGIN_MW = const(50)
DELIVERED_FROM_MW = const(300)  # below, the photodiode's noise decides
ENERGY_MAX_MJ = const(27000000)
EMISSION_MAX_MS = const(5400000)
HOLD_MAX_MS = const(3600000)
INDICATOR_CYCLES = const(20)  # the emission indicator is on for 2 s before any light

# Self-test of both ways to dark
TEST_POWER_MW = const(500)
TEST_DARK_MW = const(100)

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
HOT_MC = const(41000)  # a probe above it: nothing is written to flash

# Plausibility
RATE_MAX_MC = (20000, 10000, 45000, 10000, 10000)  # by role, between dark samples; light off makes 33000 at a tip
COLD_SPREAD_MC = const(5000)  # converters on one board
REST_SPREAD_MC = const(3000)  # probes in a body before any light
FROZEN_SAMPLES = const(40)  # 8 s of one code, while the light goes on and off
ARTEFACT_MAX_MC = (0, 20000, 45000, 8000, 20000)  # by role: of a reading, so much may be taken for self-heating
VESSEL_LIGHT_MC_PER_W = const(800)
BLOOD_PERCENT = const(25)
RESPONSE_FRAMES = const(120)  # of light, in which the control probe has to show something of it
RESPONSE_MC = const(1000)
RUNAWAY_AFTER_CYCLES = const(30)  # without light
RUNAWAY_MC = const(2000)
SUPPLY_MIN_MV = const(4400)  # a Pico's supply behind USB: 4.75 V less a diode

# Ages, in cycles
SAMPLE_MAX_AGE = const(4)  # samples come every second cycle: one lost is told, two are a fault
DARK_MAX_AGE = const(25)  # dark samples come every tenth cycle
REQUEST_MAX_AGE = const(300)  # an arm or start request waits 30 s for hands at the device
READY_MAX_CYCLES = const(3000)  # armed and left alone
PAUSED_MAX_CYCLES = const(6000)
PAUSES_MAX = const(5)  # by faults; the next one ends the treatment
KEY_OFF_CYCLES = const(4)  # a contact that bounces reads open for two, one that bounces twice for three
CONFIRM_WARNING_CYCLES = const(300)  # the person at the device is asked 30 s before the time is up

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
LEASE_MIN_MS = const(1000)
LEASE_MAX_MS = const(10000)
CONFIRM_MIN_MS = const(60000)
CONFIRM_MAX_MS = const(600000)
