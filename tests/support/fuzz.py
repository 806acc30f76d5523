"""Hostile bytes for the whole application, cycle by cycle, while no hand acts: `fuzz` feeds them and checks each cycle.

Everything follows from the seed. `make fuzz` runs ten million bytes, the tests a slice.
"""

from __future__ import annotations

import gc
import tracemalloc
from binascii import crc32
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from imilt import link
from support.bench import PLAN, Bench

RX_MAX_BYTES = 4096
"""What waits in the port at most: USB holds a host back, it does not lose bytes."""
GROWTH_MAX_BYTES = 4096
"""Between a tenth of the way and the end: what is remembered is sometimes longer and sometimes shorter."""
_REPLAYS = 64
_ALIVE_CYCLES = 300
_RECORDS = ("duties", "writes", "log")
"""Lists in which the stubs keep all that was done to them."""


class Finding(AssertionError):
    """What went wrong, with what repeats it."""


@dataclass
class Fuzzed:
    """What a run came to."""

    seed: int
    bytes: int = 0
    cycles: int = 0
    commands: int = 0  # counted and were carried out
    refused: int = 0
    bad_lines: int = 0
    armed_cycles: int = 0
    rows: int = 0  # that got through to the host
    growth_bytes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.bytes} bytes in {self.cycles} cycles, {self.armed_cycles} armed (seed {self.seed});"
            f" {self.commands} commands carried out, {self.refused} refused, {self.bad_lines} bad lines;"
            f" {self.rows} rows got through; memory grew by {self.growth_bytes} bytes"
        )


class Hostile:
    """Makes pieces of hostile input; signs as a host does that has the key, and keeps what it signed for replays.

    Without `stops` none of it is meant to be a stop, so that an armed device stays armed.
    """

    def __init__(self, seed: int, app: Any, stops: bool = True) -> None:
        self._random = Random(seed)
        self._app = app
        self._key = link.default_key(app.unique_id)
        self._unsigned_names = ("hello", "pause", "hell", "sto", "", *(("stop", "stop") if stops else ()))
        self._replays: deque[bytes] = deque([self._line("x,1")], maxlen=_REPLAYS)
        self._kinds = (
            (self._noise, 3),
            (self._control_bytes, 2),
            (self._unsigned, 3),
            (self._acknowledgement, 2),
            (self._signed, 4),
            (self._oddly_signed, 2),
            (self._replay, 3),
            (self._wrong_crc, 3),
            (self._mutated, 6),
            (self._truncated, 2),
            (self._overlong, 1),
            (self._flood, 1),
        )

    def piece(self) -> bytes:
        kinds, weights = zip(*self._kinds, strict=True)
        return self._random.choices(kinds, weights)[0]()

    @staticmethod
    def _line(body: str | bytes) -> bytes:
        data = body.encode() if isinstance(body, str) else body
        return b"%s*%08x\n" % (data, crc32(data))

    def _number(self) -> str:
        random = self._random
        odd = ("", "-1", "0", "x", "1.5", "0x1", " 1", "1073741823", "1073741824", "9" * 60)
        return random.choice(odd) if random.random() < 0.3 else str(random.randrange(1 << random.randrange(1, 31)))

    def _text(self) -> bytes:
        """Fields in letters of any kind."""
        random = self._random
        alphabet = random.choice((b"0123456789", b"abcxyz=,", bytes(range(32, 127)), bytes(range(256)), "µ°–".encode()))
        return bytes(random.choices(alphabet, k=random.randrange(60))).replace(b"\n", b"")

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(200))

    def _control_bytes(self) -> bytes:
        """NUL, Ctrl-A to Ctrl-D, tabs, newlines, and what is no UTF-8."""
        alphabet = b"\x00\x01\x02\x03\x04\t\r\n\n\x1b\x7f\xc3\xff"
        return bytes(self._random.choices(alphabet, k=self._random.randrange(80)))

    def _unsigned(self) -> bytes:
        name = self._random.choice(self._unsigned_names)
        return self._line(f"{name},{self._number()},".encode() + self._random.choice((b"2", b"1", b"", self._text())))

    def _acknowledgement(self) -> bytes:
        sent = self._app.link._last_sent
        line = self._random.choice((self._number(), str(sent), str(max(0, sent - self._random.randrange(20)))))
        return self._line(f"k,{line},{self._random.choice(('0', '250', self._number()))}")

    def _sign(self, name: str, arguments: bytes) -> bytes:
        """A line for about now, its number mostly the next one."""
        random, app = self._random, self._app
        number = app.link.highest + random.choice((1, 1, 1, 1, 2, 9, 0, -1))
        cycle = app.count - random.choice((0, 1, 1, 5, 40, 49, 60, -2))
        body = f"{name},{number},{cycle}".encode() + (b"," + arguments if arguments else b"")
        tag = link.tag(self._key, app.link.session.nonce, body)
        return self._line(body + b"," + tag.encode())

    def _signed(self) -> bytes:
        """What a host would say."""
        random = self._random
        name, value = random.choice(list(PLAN.items()))
        arguments = {
            "plan": random.choice((b"begin", b"commit", f"put,{name}={value}".encode())),
            "journal": b"0",
            "resend": str(max(0, self._app.link._last_sent - random.randrange(12))).encode(),
        }
        commands = ("plan", "plan", "arm", "start", "beat", "why", "silence", "journal", "resend", "status")
        command = random.choice(commands)
        line = self._sign(command, arguments.get(command, b""))
        self._replays.append(line)
        return line

    def _oddly_signed(self) -> bytes:
        """By someone who has the key and means no good."""
        name = self._random.choice(("plan", "arm", "start", "beat", "journal", "resend", "service", "fire", "", "k"))
        head = self._random.choice((b"", b"put,", b"begin,", b"help,"))
        return self._sign(name, head + self._text())

    def _replay(self) -> bytes:
        return self._random.choice(self._replays)

    def _valid(self) -> bytes:
        return self._random.choice((self._unsigned, self._acknowledgement, self._signed, self._replay))()

    def _wrong_crc(self) -> bytes:
        line = bytearray(self._valid())
        line[self._random.randrange(len(line))] ^= 1 << self._random.randrange(8)
        return bytes(line)

    def _mutated(self) -> bytes:
        """Changed inside, with the right CRC again."""
        random = self._random
        body = bytearray(self._valid()[:-10])
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(body) + 1)
            body[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        return self._line(bytes(body))

    def _truncated(self) -> bytes:
        line = self._valid()
        return line[: self._random.randrange(len(line))] + self._random.choice((b"", b"\n"))

    def _overlong(self) -> bytes:
        return self._line(self._valid()[:-10] + b"," + self._text() * self._random.randrange(1, 20))

    def _flood(self) -> bytes:
        piece = self._random.choice((b"\n", b"\x00", self._valid(), self._mutated(), self._unsigned()))
        return piece * (self._random.randrange(RX_MAX_BYTES) // len(piece))


class Listener:
    """A host that comes and goes. What it hears must be whole lines, in order, each of a line's length at most."""

    def __init__(self, device: Any) -> None:
        """Takes over in the middle of the line that is on its way."""
        self.link = link.Link(self._row, self._line)
        self.rows = 0
        self.accepted: deque[int] = deque(maxlen=16)
        self._rest = device._queue[0][1][: device._offset] if device._queue else b""
        self._sequence = device._last_sent
        self.link.receive(self._rest)

    def hear(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            body = link.body_of(line)
            assert body is not None, f"the device sent {line!r}"
            assert len(line) < link.LINE_MAX_BYTES, f"{len(line) + 1} bytes"
            assert min(body) >= 32, f"the device sent {line!r}"
            assert int(body.split(b",")[1]) == self._sequence + 1, f"line {self._sequence} is followed by {line!r}"
            self._sequence += 1
        self.link.receive(data)

    def _row(self, payload: bytes) -> None:
        self.rows += 1

    def _line(self, kind: str, fields: list[str]) -> None:
        if kind == "A" and fields[1] == "1":
            self.accepted.append(int(fields[0]))


class _Run:
    """One application under fire."""

    def __init__(self, bench: Bench, seed: int, stops: bool) -> None:
        self.bench = bench
        self.report = Fuzzed(seed)
        self._listener = Listener(bench.app.link)
        self._hostile = Hostile(seed, bench.app, stops)
        self._random = Random(f"run {seed}")
        self._listens = True
        self._leased = not stops
        bench.host_listens = False
        self._edges = bench.board.enable.edges
        self._poll = bench.app.link.poll
        bench.app.link.poll = self._count_commands

    def feed(self, size: int, on_progress: Callable[[int], None]) -> None:
        """Turn cycles until the application was given `size` more bytes."""
        until = self.report.bytes + size
        rx = self.bench.board.serial.rx
        while self.report.bytes < until:
            if len(rx) < RX_MAX_BYTES:
                for _ in range(self._random.randrange(6)):
                    piece = self._hostile.piece()[:RX_MAX_BYTES]
                    rx += piece
                    self.report.bytes += len(piece)
            if self._random.random() < 0.02:
                self._listens = self._random.random() < 0.7
                self.bench.board.serial.ready = self._listens or self._random.random() < 0.5
            self.cycle()
            if self.report.cycles % 200 == 0:
                on_progress(self.report.bytes)

    def settled_bytes(self) -> int:
        """Nothing more comes, the host listens, everything drains: the memory then held by what the firmware made."""
        self._listens = self.bench.board.serial.ready = True
        waiting = self.bench.board.serial.rx
        waiting += b"\n"
        for _ in range(len(waiting) + _ALIVE_CYCLES):
            self.cycle()
            if not waiting and len(self.bench.app.link._queue) <= 1:
                break
        gc.collect()
        folder = Path(self.bench.firmware.loaded("app").__file__ or "").parent
        firmware = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, f"{folder}/*")])
        return sum(trace.size for trace in firmware.traces)

    def ask(self) -> None:
        """A host that says hello and then what it wants is understood."""
        heard, device = self._listener.link, self.bench.app.link
        self._listener.accepted.clear()
        number = heard.send("hello", str(link.PROTOCOL))
        self._wait(lambda: number in self._listener.accepted, "hello")
        beat = heard.send_signed("beat", self.bench.app.count)
        self._wait(lambda: device.highest == beat, "what is signed")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(_ALIVE_CYCLES):
            self.cycle()
            if condition():
                return
        raise AssertionError(f"{what} is not understood any more")

    def cycle(self) -> None:
        bench = self.bench
        if self._listens:
            bench.board.serial.rx += self._listener.link.to_send()
        if self._leased:
            # Else what is armed would not be for long.
            bench.app.situation.lease_ms = 0
        bench.cycle()
        self.report.cycles += 1
        self.report.armed_cycles += bench.app.treatment.armed()
        self._check()
        # In the port's own buffer, whoever listens: it comes out when somebody does.
        self._listener.hear(bench.board.serial.take())
        _forget(bench.board)

    def _check(self) -> None:
        board, device = self.bench.board, self.bench.app.link
        assert self.bench.duty == 0, "there is light"
        assert board.enable.edges == self._edges, "the enable line had an edge"
        assert len(device._queue) <= 64, "the queue"
        assert len(device._line) <= link.LINE_MAX_BYTES, "the line being read"
        assert len(device._kept) <= 8, "the lines kept"
        assert len(device._answers) <= 8, "the answers remembered"

    def _count_commands(self, count: int) -> list[list[Any]]:
        commands = self._poll(count)
        self.report.commands += len(commands)
        return commands


def _forget(board: Any) -> None:
    """Drop the stubs' records of what was done to them, which would grow for ever."""
    for part in vars(board).values():
        for stub in part if isinstance(part, list) else [part]:
            for name in _RECORDS:
                record = getattr(stub, name, None)
                if isinstance(record, list):
                    del record[:-1]


def fuzz(
    make_bench: Callable[[], Bench],
    total_bytes: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda done: None,
    stops: bool = True,
) -> Fuzzed:
    """Feed `total_bytes` to the application of a bench on which nobody touches anything any more; `stops`: see Hostile.

    Raises Finding if a cycle raises, if there is light or an edge on the enable line, if a buffer or the memory in use
    grows, if the device's own lines are damaged, or if it no longer understands a host afterwards.
    """
    run = _Run(make_bench(), seed, stops)
    tracemalloc.start()
    try:
        run.feed(total_bytes // 10, on_progress)
        before = run.settled_bytes()
        run.feed(total_bytes - run.report.bytes, on_progress)
        growth = run.settled_bytes() - before
        run.report.growth_bytes = growth
        assert growth <= GROWTH_MAX_BYTES, f"memory grew by {growth} bytes"
        run.ask()
    except Exception as error:
        report = run.report
        place = f"seed {seed}, cycle {report.cycles}, after {report.bytes} of {total_bytes} bytes"
        raise Finding(f"{place}: {type(error).__name__}: {error}") from error
    finally:
        tracemalloc.stop()
    device = run.bench.app.link
    run.report.refused, run.report.bad_lines = device.refused, device.bad_lines
    run.report.rows = run._listener.rows
    return run.report
