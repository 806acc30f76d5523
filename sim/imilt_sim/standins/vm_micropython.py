"""The VM's own `micropython`, completed by what the rp2 port has and the unix port has not, or has for its terminal."""

import vboard
from micropython import *  # noqa: F403

_BOARD = vboard.BOARD


def kbd_intr(char):
    """Which byte from the host interrupts the program; -1: none."""
    _BOARD.interrupt_char = char


def alloc_emergency_exception_buf(size):
    pass
