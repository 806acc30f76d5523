"""Stand-in for `micropython` on CPython, where nothing can be locked; the VM has the real one."""

import vboard

_BOARD = vboard.BOARD


def const(value):
    return value


def heap_lock():
    pass


def heap_unlock():
    pass


def kbd_intr(char):
    """Which byte from the host interrupts the program; -1: none."""
    _BOARD.interrupt_char = char


def alloc_emergency_exception_buf(size):
    pass
