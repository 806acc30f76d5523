"""The host's end of the line link: framing, checks and acknowledgement; bytes in, bytes out, no port of its own."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable

PROTOCOL = 1
LINE_MAX_BYTES = 250


def frame(body: str) -> bytes:
    """A line's body with its CRC-32 and newline. Raises ValueError above 250 bytes: the device would drop it."""
    data = body.encode()
    line = b"%s*%08x\n" % (data, crc32(data))
    if len(line) > LINE_MAX_BYTES:
        raise ValueError(f"line of {len(line)} bytes, {LINE_MAX_BYTES} allowed: {body[:40]}…")
    return line


def body_of(line: bytes) -> bytes | None:
    """The body of one received line without its newline, or None if the CRC does not fit."""
    if line[-9:-8] != b"*":
        return None
    body = line[:-9]
    try:
        return body if int(line[-8:], 16) == crc32(body) else None
    except ValueError:
        return None


class Link:
    """Splits what the device sends into lines, checks them and acknowledges.

    `on_row(payload)` gets each telemetry row; `on_line(kind, fields)` every other line, its fields as text without
    the sequence number.
    """

    def __init__(self, on_row: Callable[[bytes], None], on_line: Callable[[str, list[str]], None]) -> None:
        self.bad_lines = 0
        self.lost_lines = 0
        self._on_row = on_row
        self._on_line = on_line
        self._rest = b""
        self._device_sequence = 0
        self._sequence = 0
        self._outbox: list[bytes] = []

    def send(self, name: str, text: str = "") -> int:
        """Queue one command; returns its sequence number, which the device's answer names."""
        self._sequence += 1
        self._outbox.append(frame(f"{name},{self._sequence},{text}" if text else f"{name},{self._sequence}"))
        return self._sequence

    def receive(self, data: bytes) -> None:
        """Take bytes from the device."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._take(line)

    def to_send(self) -> bytes:
        """What to send to the device: the acknowledgement of all received so far, and queued commands."""
        acknowledgement = frame(f"k,{self._device_sequence},{len(self._rest)}")
        if not self._outbox:
            return acknowledgement
        commands, self._outbox = self._outbox, []
        return acknowledgement + b"".join(commands)

    def _take(self, line: bytes) -> None:
        body = body_of(line)
        if body is None:
            self.bad_lines += 1
            return
        try:
            kind, sequence, payload = body.split(b",", 2)
            self._count(int(sequence))
            if kind == b"T":
                self._on_row(payload)
            else:
                self._on_line(kind.decode(), payload.decode().split(","))
        except (ValueError, IndexError):  # a good CRC, but of another form than this protocol's
            self.bad_lines += 1

    def _count(self, sequence: int) -> None:
        """Note gaps; a number that goes back means that the device has restarted."""
        if sequence > self._device_sequence + 1 and self._device_sequence:
            self.lost_lines += sequence - self._device_sequence - 1
        self._device_sequence = sequence
