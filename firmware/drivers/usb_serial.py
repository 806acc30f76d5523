"""The USB serial port without ever blocking: bytes in one by one, whole lines out against credit."""

import select
import sys


class USBSerial:
    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._readable = select.poll()
        self._readable.register(self._in, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(self._out, select.POLLOUT)
        self._one = bytearray(1)

    def read_line(self, line, limit):
        """Append waiting bytes to `line` up to a newline, or `limit` bytes; returns True at a newline."""
        poll, read, one = self._readable.poll, self._in.readinto, self._one
        append = line.append
        for _ in range(limit):
            if not poll(0):
                return False
            read(one)
            byte = one[0]
            if byte == 10:
                return True
            append(byte)
        return False

    def write(self, data):
        """Write all; the caller knows from the host's credit that the transmit buffer takes it."""
        self._out.write(data)

    def trickle(self, data):
        """Write byte by byte while the port takes them; returns how many. For a host that gives no credit."""
        poll, one = self._writable.poll, self._one
        for i in range(len(data)):
            if not poll(0):
                return i
            one[0] = data[i]
            self._out.write(one)
        return len(data)
