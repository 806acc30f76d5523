"""The line link: ASCII lines `kind,sequence,fields*CRC-32`, readable in any terminal, never blocking.

The device sends against credit: at most 256 bytes that the host has not acknowledged, which is what the port's
transmit buffer takes at once. Lines wait in a bounded queue; what does not fit is dropped and counted.

Anyone may say hello, pause and stop. Every other command counts only when it is signed for this boot and for one of the
last cycles, and is carried out once. Whatever comes, a cycle does a bounded amount of work for it and raises nothing.
"""

import binascii

from micropython import const

import limits

# Room in the queue, by what a line is worth: what the device says by itself and answers to those who may command come
# before answers to anyone, and those before rows.
_QUEUE = const(64)
_ANSWERS = const(56)
_ROWS = const(48)  # a host that pauses for 4 s loses none

# Work in a cycle: a flood of whatever kind is read on at this pace, so that a stop behind it gets its turn.
_BYTES_PER_CYCLE = const(512)
_LINES_PER_CYCLE = const(64)
_COMMANDS_PER_CYCLE = const(4)

_FRESH_CYCLES = const(50)
_REMEMBERED = const(8)  # answers, and lines that can be sent again
_PROBLEM_MAX = const(190)  # what fits into an answer
_WINDOW = const(16)
_NUMBER_MAX = const(0x3FFFFFFF)
# Rows, and what comes anew when the host repeats what it asked; answers have a memory of their own.
_NOT_KEPT = ("T", "E", "H", "N", "J")
_ROW_KINDS = ("T", "E")


def frame(body):
    """The body with its CRC-32 and newline, as bytes."""
    data = body.encode()
    return b"%s*%08x\n" % (data, binascii.crc32(data))


def body_of(line):
    """The body of one received line without its newline, as bytes, or None if the CRC does not fit."""
    if len(line) < 10 or line[-9] != 42:
        return None
    body = bytes(line[:-9])
    return body if line[-8:] == b"%08x" % binascii.crc32(body) else None


def number(text):
    """A number of the protocol from text or bytes, or -1."""
    if len(text) > 10 or not text.isdigit():
        return -1
    value = int(text)
    return value if value <= _NUMBER_MAX else -1


class Link:
    """`send` queues a line, `flush` writes what credit allows, `poll` returns the commands that count.

    `session` checks signatures. Counters: `dropped` lines for which there was no room, `bad_lines` received without
    sense, `refused` commands that were well formed and did not count. `highest` is the highest number used by a signed
    command.
    """

    def __init__(self, port, session):
        self.session = session
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
        self._kept = []  # (sequence, kind, text)
        self._answers = []  # [sequence, text or None while it is not answered]
        self._greeting = 0  # the handshake's first line
        self._told = False  # a refusal or a repeated answer went out in this cycle
        self.highest = 0
        self.dropped = 0
        self.bad_lines = 0
        self.refused = 0

    # Out

    def send(self, kind, text):
        """Queue one line, dropped and counted when there is no room; rows leave room for what matters more."""
        if self._put(kind, text, _ROWS if kind in _ROW_KINDS else _QUEUE) and kind not in _NOT_KEPT:
            self._kept.append((self._sequence, kind, text))
            if len(self._kept) > _REMEMBERED:
                self._kept.pop(0)

    def answer(self, sequence, problem):
        """Answer a command that `poll` returned: accepted if `problem` is empty. Signed ones are remembered."""
        text = "%d,%d,%s" % (sequence, 0 if problem else 1, problem[:_PROBLEM_MAX].replace(",", ";"))
        room = _ANSWERS
        entry = self._remembered(sequence)
        if entry and entry[1] is None:
            entry[1] = text
            room = _QUEUE
        self._put("A", text, room)

    def _put(self, kind, text, room):
        if len(self._queue) >= room:
            self.dropped += 1
            return False
        self._sequence += 1
        self._queue.append((self._sequence, frame("%s,%d,%s" % (kind, self._sequence, text))))
        return True

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

    # In

    def poll(self, count):
        """The commands of this cycle, number `count`, each `[name, sequence, argument...]`, at most four.

        The caller carries them out and answers each one.
        """
        commands = []
        self._told = False
        budget = _BYTES_PER_CYCLE
        for _ in range(_LINES_PER_CYCLE):
            line = self._line
            before = len(line)
            room = limits.LINE_MAX_BYTES - before
            whole = self._port.read_line(line, room if room < budget else budget)
            budget -= len(line) - before + (1 if whole else 0)
            if whole:
                self._line = bytearray()
                if self._overlong:
                    self._overlong = False
                    self.bad_lines += 1
                else:
                    self._take(line, count, commands)
            elif len(line) >= limits.LINE_MAX_BYTES:
                self._overlong = True  # thrown away up to its end
                self._line = bytearray()
            else:
                break
            if budget <= 0 or len(commands) >= _COMMANDS_PER_CYCLE:
                break
        return commands

    def _take(self, line, count, commands):
        body = body_of(line)
        if body is None:
            self.bad_lines += 1
            return
        fields = body.split(b",")
        sequence = number(fields[1]) if len(fields) > 1 else -1
        name = fields[0]
        if name == b"k":
            self.acknowledge(sequence, number(fields[2]) if len(fields) > 2 else -1)
        elif name == b"stop" or name == b"pause":
            # Whatever follows the name: who wants the light off is not asked for the form.
            commands.append([name.decode(), self._unsigned(sequence)])
        elif sequence < 0 or min(body) < 32 or max(body) > 126:
            self.bad_lines += 1
        elif name == b"hello":
            self._greet(sequence, body, commands)
        else:
            self._signed(sequence, body, count, commands)

    def acknowledge(self, sequence, extra):
        """The host has that line, all before it and so many bytes of the next."""
        # Older than the window: where that line ended is no longer known, and a guess would be credit without ground.
        if 0 <= sequence <= self._last_sent < sequence + _WINDOW and 0 <= extra <= limits.LINE_MAX_BYTES:
            acknowledged = min(self._sent_at[sequence % _WINDOW] + extra, self._sent)
            # One that tells nothing new comes late or from elsewhere: it takes no credit back and breaks no silence.
            if acknowledged > self._acknowledged:
                self._acknowledged = acknowledged
                self._silent_cycles = 0

    def _unsigned(self, sequence):
        """The number to answer an unsigned command by: none that a signed command is waiting under."""
        entry = self._remembered(sequence)
        return 0 if sequence < 0 or (entry and entry[1] is None) else sequence

    def _greet(self, sequence, body, commands):
        """A handshake is many lines: the next one waits for the first to be on its way."""
        sequence = self._unsigned(sequence)
        if self._last_sent >= self._greeting:
            self._greeting = self._sequence + 1
            commands.append(["hello", sequence] + body.decode().split(",")[2:])
        else:
            self._tell("%d,1," % sequence)

    def _signed(self, sequence, body, count, commands):
        """Take a command that is signed, new and fresh; answer any other one as it deserves."""
        entry = self._remembered(sequence)
        if not self.session.check(body):
            self._refuse(sequence, "signature does not fit: say hello and sign with this device's key")
        elif entry:
            if entry[1] is not None:
                self._tell(entry[1])
        elif sequence <= self.highest:
            self._refuse(sequence, "number has passed: count on from %d" % self.highest)
        else:
            name, _, cycle, *rest = body.decode().split(",")
            cycle = number(cycle)
            if cycle < 0 or not 0 <= count - cycle <= _FRESH_CYCLES:
                self._refuse(sequence, "signed too early or too late: it is cycle %d" % count)
            else:
                self._accept(name, sequence, rest[:-1], commands)

    def _accept(self, name, sequence, args, commands):
        self.highest = sequence
        for command in commands:
            if command[1] == sequence:
                command[1] = 0
        if name != "beat":  # one beat is like another, and nobody misses its answer
            self._answers.append([sequence, None])
            if len(self._answers) > _REMEMBERED:
                self._answers.pop(0)
        if name == "resend":
            self._resend(sequence, number(args[0]) if args else -1)
        else:
            commands.append([name, sequence] + args)

    def _resend(self, sequence, wanted):
        """Send a line's text again, under a new number, so that acknowledgements stay in order."""
        problem = "line is not kept"
        for kept, kind, text in self._kept:
            if kept == wanted:
                self._put(kind, text, _QUEUE)
                problem = ""
        self.answer(sequence, problem)

    def _remembered(self, sequence):
        for entry in self._answers:
            if entry[0] == sequence:
                return entry
        return None

    def _refuse(self, sequence, problem):
        self.refused += 1
        self._tell("%d,0,%s" % (sequence, problem))

    def _tell(self, text):
        """Answer what was not carried out, at most once a cycle: a flood of it must leave credit for the rows."""
        if not self._told:
            self._told = True
            self._put("A", text, _ANSWERS)
