"""Stand-in for `select`: polling of the virtual board's serial port."""

POLLIN = 1
POLLOUT = 4


class poll:  # noqa: N801 - MicroPython's name
    def __init__(self):
        self._stream = None
        self._mask = 0

    def register(self, stream, mask=POLLIN | POLLOUT):
        self._stream = stream
        self._mask = mask

    def poll(self, timeout=-1):
        if self._mask & POLLIN and not self._stream.readable():
            return ()
        return ((self._stream, self._mask),)
