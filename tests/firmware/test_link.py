"""The line link: framing, credit, a silent host, a full queue, and whatever bytes may come."""

from __future__ import annotations

from binascii import crc32
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Serial

from imilt.link import body_of

link, limits = load("link"), load("limits")
LONGEST = limits.LINE_MAX_BYTES


def joined(port: Serial, data: bytes) -> list[list[Any]]:
    """The commands that come of `data`."""
    device = link.Link(port)
    port.rx += data
    commands = []
    for _ in range(2 + len(data)):
        commands += device.poll()
    return commands


text = st.text(st.characters(codec="ascii", exclude_characters=",\n"), max_size=20)


@given(text.filter(bool), st.integers(0, (1 << 30) - 1), st.lists(text, max_size=4))
def test_what_is_framed_is_parsed_again(kind: str, sequence: int, fields: list[str]) -> None:
    line = link.frame(",".join([kind, str(sequence), *fields]))
    assert line.endswith(b"\n")
    assert link.parse(bytearray(line[:-1])) == [kind, sequence, *fields]
    assert body_of(line[:-1]) is not None


@given(st.text(st.characters(codec="ascii", exclude_characters="\n"), max_size=60), st.data())
def test_any_changed_byte_is_found(body: str, data: st.DataObject) -> None:
    line = bytearray(link.frame("x,1," + body)[:-1])
    i = data.draw(st.integers(0, len(line) - 1))
    line[i] ^= data.draw(st.integers(1, 255))
    if bytes(line[-8:]).lower() != link.frame("x,1," + body)[-9:-1]:  # the same number in capitals is no error
        assert link.parse(line) is None


@given(st.lists(st.binary(max_size=40) | st.binary(max_size=60).map(lambda body: body + b"*00000000"), max_size=8))
def test_random_bytes_never_raise_and_give_no_command_without_its_crc(pieces: list[bytes]) -> None:
    data = b"\n".join(pieces) + b"\n"
    good = sum(body_of(line) is not None for line in data.split(b"\n"))
    assert len(joined(Serial(), data)) <= good


@pytest.mark.parametrize(
    "body", [b"", b"x", b"x,", b"x,y", b"\xff\xfe,1", "µ,1".encode(), b"x,1.5", b"x,0x10", b"x,-1", b"x,1073741824"]
)
def test_a_fitting_crc_does_not_make_a_command(body: bytes) -> None:
    line = b"%s*%08x\n" % (body, crc32(body))
    assert joined(Serial(), line) == []


def test_a_line_of_the_longest_length_is_taken_and_a_longer_one_is_not() -> None:
    fits = link.frame("x,1," + "a" * (LONGEST - 14))
    assert len(fits) == LONGEST
    too_long = link.frame("x,2," + "a" * (LONGEST - 12))
    port = Serial()
    commands = joined(port, fits + too_long * 3 + b"z" * 2000 + b"\n" + link.frame("x,3"))
    assert [fields[1] for fields in commands] == [1, 3]


def test_bad_lines_are_counted() -> None:
    port = Serial()
    device = link.Link(port)
    port.rx += b"garbage\n" + b"z" * 700 + b"\n" + link.frame("x,1")[:-2] + b"\n"
    for _ in range(10):
        assert device.poll() == []
    assert device.bad_lines == 3


def test_a_cycle_takes_at_most_four_lines_and_one_line_length() -> None:
    port = Serial()
    device = link.Link(port)
    port.rx += b"".join(link.frame(f"x,{i}") for i in range(9))
    assert [len(device.poll()) for _ in range(4)] == [4, 4, 1, 0]
    port.rx += b"z" * 10000
    device.poll()
    assert len(port.rx) >= 10000 - LONGEST


def test_sequence_numbers_have_no_gaps_and_drops_are_counted() -> None:
    port = Serial()
    device = link.Link(port)
    for _ in range(100):
        device.send("T", "x" * 60)
    dropped = device.dropped
    assert 0 < dropped < 100
    for _ in range(200):
        device.flush()
        device.acknowledge(["k", port.tx.count(b"\n"), "0"])
    lines = bytes(port.tx).splitlines()
    assert [line.split(b",")[1] for line in lines] == [b"%d" % n for n in range(1, 101 - dropped)]


class Host:
    """Reads the port's buffer piece by piece and acknowledges only what it has read, early or late."""

    def __init__(self) -> None:
        self.port = Serial()
        self.port.write = self._write  # type: ignore[method-assign]
        self.device = link.Link(self.port)
        self.stream = bytearray()
        self.read = 0
        self.notes: list[list[Any]] = []

    def _write(self, data: bytes) -> None:
        """Written against credit: the transmit buffer must take it at once."""
        self.port.tx += data
        waiting = len(self.stream) + len(self.port.tx) - self.read
        assert waiting <= limits.CREDIT_BYTES, f"{waiting} bytes wait in the port"

    def flush(self, number: int) -> None:
        for _ in range(1 + number // 40):
            self.device.flush()
            self.stream += self.port.take()

    def send(self, length: int) -> None:
        for _ in range(1 + length // 30):
            self.device.send("T", "x" * length)

    def stream_on(self, number: int) -> None:
        """A line a cycle, for some seconds, with nobody acknowledging."""
        for _ in range(number // 5):
            self.send(29)
            self.flush(1)

    def consume(self, length: int) -> None:
        self.read = min(self.read + length, len(self.stream))

    def note(self, _: int) -> None:
        """Write an acknowledgement of what was read so far; it arrives later."""
        read = self.stream[: self.read]
        self.notes.append(["k", read.count(b"\n"), str(len(read) - read.rfind(b"\n") - 1)])

    def deliver(self, _: int) -> None:
        if self.notes:
            self.device.acknowledge(self.notes.pop(0))


actions = st.tuples(st.sampled_from(["send", "stream_on", "flush", "consume", "note", "deliver"]), st.integers(0, 220))


@given(st.lists(actions, max_size=150))
def test_written_against_credit_are_never_more_than_256_unread_bytes(script: list[tuple[str, int]]) -> None:
    host = Host()
    for what, number in script:
        getattr(host, what)(number)


def test_after_a_silence_an_old_acknowledgement_gives_no_credit_for_newer_lines() -> None:
    """In the silence more than a window of lines trickled out; the host had read only the first one."""
    host = Host()
    host.stream_on(34 * 5)
    host.consume(host.stream.index(b"\n") + 1)
    host.note(0)
    host.deliver(0)
    host.flush(1)


@pytest.mark.parametrize(
    "fields", [["k", 1], ["k", 1, "x"], ["k", 99, "0"], ["k", -99, "0"], ["k", 1, "-1"], ["k", 1, "999"]]
)
def test_nonsense_acknowledges_nothing(fields: list[Any]) -> None:
    port = Serial()
    device = link.Link(port)
    for _ in range(4):
        device.send("T", "x" * 100)
    device.flush()
    device.acknowledge(fields)
    device.flush()
    assert len(port.tx) == limits.CREDIT_BYTES


def test_a_silent_host_gets_one_line_a_cycle_as_far_as_the_port_takes_it() -> None:
    port = Serial()
    device = link.Link(port)
    for _ in range(10):
        device.send("T", "x" * 100)
    for _ in range(limits.SILENT_HOST_CYCLES):
        device.flush()
    assert len(port.take()) == limits.CREDIT_BYTES
    device.flush()
    rest_of_third = port.take()
    assert rest_of_third.endswith(b"\n")
    device.flush()
    assert port.take().count(b"\n") == 1
    port.ready = False
    device.flush()
    assert port.take() == b""


def test_a_host_that_comes_back_gets_credit_again() -> None:
    host = Host()
    for _ in range(40):
        host.send(100)
        host.flush(1)
    host.consume(1 << 30)
    host.note(0)
    host.deliver(0)
    host.send(20)
    host.flush(1)
    assert host.port.writes == []
    assert len(host.stream) > host.read
