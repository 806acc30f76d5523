"""Stand-in for `sys` with the USB serial port as standard input and output."""

import sys as _real

import vboard

_BOARD = vboard.BOARD


class _Stream:
    """`buffer` of standard input or output, on the virtual board's serial port."""

    def readinto(self, buffer):
        board = _BOARD
        at = board.rx_at
        count = len(buffer)
        if count == 1:  # the firmware's way: a byte at a time
            buffer[0] = board.rx[at]
            board.rx_at = at + 1
            return 1
        buffer[:] = board.rx[at : at + count]
        board.rx_at = at + count
        return count

    def write(self, data):
        _BOARD.tx += data
        return len(data)


class _Console:
    def __init__(self):
        self.buffer = _Stream()

    def write(self, text):
        self.buffer.write(text.encode().replace(b"\n", b"\r\n"))
        return len(text)


stdin = _Console()
stdout = _Console()
implementation = _real.implementation
modules = _real.modules
path = _real.path  # on CPython, the device puts its own in this place


def exit(code=None):
    raise SystemExit(code)


def print_exception(error, file=None):
    """To the simulation's standard error: a firmware that fails must be seen. After a reset there is none to fail."""
    if _BOARD.frozen:
        return
    if hasattr(_real, "print_exception"):
        _real.print_exception(error, file or _real.stderr)
    elif file:
        file.write(_traceback(error))
    else:
        _real.excepthook(type(error), error, error.__traceback__)


def _traceback(error):
    """On CPython, with MicroPython's words for what tools look for: the name of an OSError's number."""
    import errno
    import traceback

    lines = traceback.format_exception(error)
    if isinstance(error, OSError):
        lines[-1] = f"OSError: [Errno {error.errno}] {errno.errorcode.get(error.errno)}\n"
    return "".join(lines)
