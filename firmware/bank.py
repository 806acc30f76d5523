"""The bank of files that this firmware was started from, and word to boot.py that it does start."""

import sys

import board

_STARTS = 1  # scratch slot and its values: as in boot.py
_CHANGE = 4


def name():
    """ "a" or "b", as boot.py chose; "" where there are no banks."""
    return sys.path[0] if sys.path[0] in ("a", "b") else ""


def reached_standby():
    """Tell boot.py that the firmware runs. True if it was started because the other bank failed three times."""
    starts = board.scratch_read(_STARTS)
    board.scratch_write(_STARTS, 0)
    return starts > _CHANGE
