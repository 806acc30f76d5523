"""What every thermocouple converter tells alike: the status of a reading and the types of thermocouple."""

from micropython import const

OK = const(0)
NO_SAMPLE = const(1)  # none yet
OPEN = const(2)  # open circuit
SHORT = const(3)  # over- or under-voltage at an input: the side is not told
RANGE = const(4)  # hot junction outside what the chip can linearise for this type
NOT_READY = const(5)  # the conversion was not finished when it was read
NO_RESPONSE = const(6)  # not the chip as it was configured: reset, absent, or a stuck line
SHORT_GROUND = const(7)
SHORT_SUPPLY = const(8)
COLD_RANGE = const(9)  # cold junction outside its range: the hot one means nothing then
HIGH = const(10)  # hot junction above its threshold
LOW = const(11)  # hot junction below its threshold

TYPE_B = const(0)
TYPE_E = const(1)
TYPE_J = const(2)
TYPE_K = const(3)
TYPE_N = const(4)
TYPE_R = const(5)
TYPE_S = const(6)
TYPE_T = const(7)
TYPES = "BEJKNRST"  # the letters, in the order of the numbers


def signed(code, bits):
    """`code` of so many bits as two's complement; at most 30 bits, so that it never needs the board's heap."""
    return code - (1 << bits) if code >> (bits - 1) else code


def is_value(status):
    """True if the hot junction's value means something, be it beyond a threshold."""
    return status in (OK, HIGH, LOW)
