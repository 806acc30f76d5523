"""The host's end of the line link: framing, signing, checks and acknowledgement; bytes in, bytes out, no port."""

from __future__ import annotations

import hashlib
import hmac
from binascii import crc32
from collections import deque
from collections.abc import Callable

PROTOCOL = 2
LINE_MAX_BYTES = 250
SIGNED_MAX_CHARS = 200
"""A name and a text of so many characters together fit into a signed line, whatever its numbers."""
STALE = "signed too early or too late"
"""A refusal that begins so: sign the same command again, under the same number, with the newest cycle."""
PASSED = "number has passed"
"""A refusal that begins so: the command was not carried out, or more than 8 signed commands ago."""
UNKNOWN = "signature does not fit"
"""A refusal that begins so: the device has restarted, or has another key."""

_UNFINISHED_MAX_BYTES = 1000
_LOST_MAX = 16


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


def default_key(unique_id: str) -> bytes:
    """The key of a device that was given no other, 32 bytes."""
    return hashlib.sha256(b"imilt device key " + unique_id.encode()).digest()


def tag(key: bytes, nonce: str, body: bytes) -> str:
    """What a signed line ends with: the first 16 hexadecimal digits of HMAC-SHA256 (RFC 2104)."""
    return hmac.digest(key, nonce.encode() + b"," + body, "sha256").hex()[:16]


class Link:
    """Splits what the device sends into lines, checks them and acknowledges; numbers and signs commands.

    `on_row(payload)` gets each telemetry row; `on_line(kind, fields)` every other line, its fields as text without
    the sequence number. `key_of(unique_id)` gives a device's key when it says who it is. `lost` has the numbers of the
    newest lines that did not arrive; whoever asks for one again takes it out.
    """

    def __init__(
        self,
        on_row: Callable[[bytes], None],
        on_line: Callable[[str, list[str]], None],
        key_of: Callable[[str], bytes] = default_key,
    ) -> None:
        self.bad_lines = 0
        self.lost_lines = 0
        self.lost: deque[int] = deque(maxlen=_LOST_MAX)
        self._on_row = on_row
        self._on_line = on_line
        self._key_of = key_of
        self._key = b""
        self._nonce = ""
        self._rest = b""
        self._device_sequence = 0
        self._sequence = 0
        self._outbox: list[bytes] = []

    @property
    def can_sign(self) -> bool:
        """True once the device has said who it is; its nonce holds until it restarts."""
        return bool(self._nonce)

    def send(self, name: str, text: str = "") -> int:
        """Queue one unsigned command: hello, pause or stop. Returns its number, which the device's answer names."""
        self._sequence += 1
        self._queue(f"{name},{self._sequence},{text}" if text else f"{name},{self._sequence}")
        return self._sequence

    def send_signed(self, name: str, cycle: int, text: str = "", number: int = 0) -> int:
        """Queue one signed command and return its number. `cycle` is the newest that the device has told.

        With the `number` of an earlier one it is that command, said again: the device carries it out once. Raises
        ValueError before the handshake, and for a line that the device would not take.
        """
        if not self._nonce:
            raise ValueError(f"{name}: cannot be signed before the device has said who it is")
        if not number:
            self._sequence += 1
            number = self._sequence
        body = f"{name},{number},{cycle}" + (f",{text}" if text else "")
        self._queue(f"{body},{tag(self._key, self._nonce, body.encode())}")
        return number

    def receive(self, data: bytes) -> None:
        """Take bytes from the device."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _UNFINISHED_MAX_BYTES:
            self.bad_lines += 1
            self._rest = b""
        for line in lines:
            self._take(line)

    def to_send(self) -> bytes:
        """What to send to the device: the acknowledgement of all received so far, and queued commands."""
        acknowledgement = frame(f"k,{self._device_sequence},{len(self._rest)}")
        if not self._outbox:
            return acknowledgement
        commands, self._outbox = self._outbox, []
        return acknowledgement + b"".join(commands)

    def _queue(self, body: str) -> None:
        if not (body.isascii() and body.isprintable()):
            raise ValueError(f"the device takes printable ASCII only: {body!r}")
        self._outbox.append(frame(body))

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
                return
            fields = payload.decode().split(",")
            if kind == b"H":
                self._meet(fields)
            elif kind == b"A":
                self._catch_up(fields)
            self._on_line(kind.decode(), fields)
        except (ValueError, IndexError):  # a good CRC, but of another form than this protocol's
            self.bad_lines += 1

    def _count(self, sequence: int) -> None:
        """Note gaps; a number that goes back means that the device has restarted."""
        expected = self._device_sequence + 1
        if sequence > expected > 1:
            self.lost_lines += sequence - expected
            self.lost.extend(range(max(expected, sequence - _LOST_MAX), sequence))
        elif sequence < expected:
            self.lost.clear()
        self._device_sequence = sequence

    def _meet(self, fields: list[str]) -> None:
        """Take from the handshake what signing needs; a device of another protocol has other fields."""
        if fields[0] == str(PROTOCOL):
            unique_id, nonce, highest = fields[3], fields[5], int(fields[6])
            self._key, self._nonce = self._key_of(unique_id), nonce
            self._sequence = max(self._sequence, highest)

    def _catch_up(self, fields: list[str]) -> None:
        """Someone else has counted on since the handshake: the next number is above theirs."""
        if fields[-1].startswith(PASSED) and fields[-2:-1] == ["0"]:
            self._sequence = max(self._sequence, int(fields[-1].split()[-1]))
