"""The line link: ASCII lines `kind,sequence,fields*CRC-32`, readable in any terminal, never blocking.

The device sends against credit: at most 256 bytes that the host has not acknowledged, which is what the port's
transmit buffer takes at once. Lines wait in a bounded queue; what does not fit is dropped and counted.
"""

import binascii

from micropython import const

import limits

_QUEUE = const(64)
_ROWS = const(48)  # a host that pauses for 4 s loses none
_LINES_PER_CYCLE = const(4)
_WINDOW = const(16)
_SEQUENCE_MAX = const(0x3FFFFFFF)


def frame(body):
    """The body with its CRC-32 and newline, as bytes."""
    data = body.encode()
    return b"%s*%08x\n" % (data, binascii.crc32(data))


def parse(line):
    """The fields of one received line, or None if its CRC or form is wrong; never raises."""
    if len(line) < 12 or line[-9] != 42:
        return None
    body = bytes(line[:-9])
    try:
        if int(bytes(line[-8:]), 16) != binascii.crc32(body):
            return None
        text = body.decode()
        name, sequence, *rest = text.split(",")
        number = int(sequence)
    except ValueError:
        return None
    if not 0 <= number <= _SEQUENCE_MAX:
        return None
    # Letters of more than one byte are not of this protocol, and would make an answer outgrow its line.
    return [name, number] + rest if len(text) == len(body) else None


class Link:
    """`send` queues a line, `flush` writes what credit allows, `poll` returns the received commands."""

    def __init__(self, port):
        self._port = port
        self._queue = []
        self._line = bytearray()
        self._overlong = False
        self._sent = 0  # bytes since boot
        self._sent_at = [0] * _WINDOW  # by line sequence: bytes sent when that line was out
        self._acknowledged = 0
        self._silent_cycles = 0
        self._offset = 0  # bytes of the first queued line that are out
        self._sequence = 0
        self._last_sent = 0  # the newest line that is out whole
        self.dropped = 0
        self.bad_lines = 0

    def send(self, kind, text):
        """Queue one line, dropped and counted when there is no room; rows leave room for what matters more."""
        if len(self._queue) >= (_ROWS if kind == "T" else _QUEUE):
            self.dropped += 1
            return
        self._sequence += 1
        self._queue.append((self._sequence, frame("%s,%d,%s" % (kind, self._sequence, text))))

    def flush(self):
        """Write queued bytes while credit lasts; one by one for a host that has stopped acknowledging."""
        self._silent_cycles += 1
        silent = self._silent_cycles > limits.SILENT_HOST_CYCLES
        room = limits.CREDIT_BYTES - (self._sent - self._acknowledged)
        while self._queue:
            sequence, data = self._queue[0]
            count = len(data) - self._offset
            if silent:
                count = self._port.trickle(memoryview(data)[self._offset :])
            elif count > room:
                count = room
                if count <= 0:
                    return
                self._port.write(memoryview(data)[self._offset : self._offset + count])
            else:
                self._port.write(memoryview(data)[self._offset :] if self._offset else data)
            room -= count
            self._sent += count
            self._offset += count
            if self._offset < len(data):
                return
            self._offset = 0
            self._sent_at[sequence % _WINDOW] = self._sent
            self._last_sent = sequence
            self._queue.pop(0)
            if silent:
                return  # one line a cycle: each byte costs time

    def acknowledge(self, fields):
        """`k,sequence,bytes`: the host has that line, all before it and so many bytes of the next."""
        sequence = fields[1]
        try:
            extra = int(fields[2])
        except (IndexError, ValueError):
            return
        # Older than the window: where that line ended is no longer known, and a guess would be credit without ground.
        if self._last_sent - _WINDOW < sequence <= self._last_sent and 0 <= extra <= limits.LINE_MAX_BYTES:
            self._acknowledged = min(self._sent_at[sequence % _WINDOW] + extra, self._sent)
            self._silent_cycles = 0

    def poll(self):
        """The commands that arrived whole, at most four lines a cycle; acknowledgements are taken here."""
        commands = []
        for _ in range(_LINES_PER_CYCLE):
            if not self._read_line():
                break
            fields = parse(self._line)
            self._line = bytearray()
            if fields is None:
                self.bad_lines += 1
            elif fields[0] == "k":
                self.acknowledge(fields)
            else:
                commands.append(fields)
        return commands

    def _read_line(self):
        """True when `_line` holds a whole line; a line longer than the limit is thrown away up to its end."""
        room = limits.LINE_MAX_BYTES - len(self._line)
        done = self._port.read_line(self._line, room)
        if done and self._overlong:
            self._overlong = False
            self._line = bytearray()
            self.bad_lines += 1
            return False
        if not done and len(self._line) >= limits.LINE_MAX_BYTES:
            self._overlong = True
            self._line = bytearray()
        return done
