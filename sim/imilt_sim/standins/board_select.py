"""Stand-in for `select`: polling of the virtual board's serial port."""

import vboard

_BOARD = vboard.BOARD
POLLIN = 1
POLLOUT = 4


class poll:  # noqa: N801 - MicroPython's name
    """Of one stream: the port can always be written to, and read while something waits."""

    def __init__(self):
        self._reads = False
        self._ready = ()

    def register(self, stream, mask=POLLIN | POLLOUT):
        self._reads = mask & POLLIN
        self._ready = ((stream, mask),)

    def poll(self, timeout=-1):
        board = _BOARD
        return self._ready if board.rx_at < len(board.rx) or not self._reads else ()
