"""The serial port: nothing is read or trickled that the port has not offered, one byte at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.firmware import Firmware

POLLIN, POLLOUT = 1, 4


class Port:
    """Both directions; each poll that says yes allows one byte, and any other access fails."""

    def __init__(self, waiting: bytes = b"", room: int = 1 << 30) -> None:
        self.waiting, self.room = bytearray(waiting), room
        self.written = bytearray()
        self.allowed = 0
        self.blocking_writes: list[int] = []
        self.buffer = self

    def poll(self, mask: int, timeout: int) -> bool:
        assert timeout == 0, "waits"
        self.allowed = mask if (self.waiting if mask == POLLIN else self.room) else 0
        return bool(self.allowed)

    def readinto(self, buffer: bytearray) -> int:
        assert self.allowed == POLLIN, "read without poll"
        assert len(buffer) == 1
        self.allowed = 0
        buffer[0] = self.waiting.pop(0)
        return 1

    def write(self, data: bytes) -> int:
        if self.allowed != POLLOUT:
            self.blocking_writes.append(len(data))
        else:
            assert len(data) == 1, "more than one byte on one poll"
            self.room -= 1
        self.allowed = 0
        self.written += data
        return len(data)


class Poll:
    def __init__(self) -> None:
        self.stream: Any = None
        self.mask = 0

    def register(self, stream: Any, mask: int) -> None:
        self.stream, self.mask = stream, mask

    def poll(self, timeout: int) -> bool:
        return self.stream.poll(self.mask, timeout)


def serial_on(port: Port) -> Any:
    modules = {
        "select": SimpleNamespace(poll=Poll, POLLIN=POLLIN, POLLOUT=POLLOUT),
        "sys": SimpleNamespace(stdin=port, stdout=port),
    }
    return Firmware(modules=modules).load("drivers.usb_serial").USBSerial()


def test_a_line_is_read_up_to_its_newline() -> None:
    port = Port(b"hello\nworld")
    serial, line = serial_on(port), bytearray()
    assert serial.read_line(line, 100)
    assert (line, port.waiting) == (b"hello", b"world")
    rest = bytearray()
    assert not serial.read_line(rest, 100)
    assert rest == b"world"


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_no_more_is_read_than_the_limit(limit: int) -> None:
    port = Port(b"abcdef\n")
    line = bytearray()
    assert not serial_on(port).read_line(line, limit)
    assert line == b"abcdef"[:limit]


def test_nothing_waiting_reads_nothing() -> None:
    line = bytearray()
    assert not serial_on(Port()).read_line(line, 100)
    assert not line


@pytest.mark.parametrize(("room", "taken"), [(0, 0), (3, 3), (6, 6), (100, 6)])
def test_trickle_stops_where_the_port_does(room: int, taken: int) -> None:
    port = Port(room=room)
    assert serial_on(port).trickle(memoryview(b"abcdef")) == taken
    assert port.written == b"abcdef"[:taken]
    assert not port.blocking_writes


def test_write_gives_the_port_everything_in_one_piece() -> None:
    port = Port()
    serial_on(port).write(b"x" * 256)
    assert port.blocking_writes == [256]
