"""Who may command: every signed line ends with a truncated HMAC-SHA256 (RFC 2104) over it and this boot's nonce.

It keeps other programs, recorded lines and accidents off the line. Someone with the default key, which follows from the
unique id, is not kept off: for that, set another key in service.
"""

import binascii
import hashlib

from micropython import const

_BLOCK = const(64)
_TAG = const(16)  # hexadecimal digits


def default_key(unique_id):
    """The key of a device that was given no other, 32 bytes."""
    return hashlib.sha256(b"imilt device key " + unique_id.encode()).digest()


def pads(key):
    """What HMAC puts before the message and before the inner hash; made once, as it takes the longest."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key + bytes(_BLOCK - len(key))
    return bytes([byte ^ 0x36 for byte in key]), bytes([byte ^ 0x5C for byte in key])


def hmac_sha256(pads, message):
    """HMAC-SHA256 of bytes, 32 bytes; MicroPython's `hmac` is not in the board's image."""
    return hashlib.sha256(pads[1] + hashlib.sha256(pads[0] + message).digest()).digest()


def tag(pads, message):
    """The first 16 hexadecimal digits of the HMAC, as bytes."""
    return binascii.hexlify(hmac_sha256(pads, message)[: _TAG // 2])


class Session:
    """What is signed counts for one boot only: `boots` must never come again with the same key, not even after a power
    failure, or lines that were recorded then would fit again. `nonce` is told in the handshake."""

    def __init__(self, key, unique_id, boots):
        self._pads = pads(key)
        self.nonce = tag(self._pads, ("boot,%d,%s" % (boots, unique_id)).encode()).decode()
        self._prefix = self.nonce.encode() + b","

    def check(self, body):
        """True if the body of a line, `...,tag`, was signed for this boot; every wrong tag takes as long."""
        end = len(body) - _TAG - 1
        if end < 1 or body[end] != 44:
            return False
        expected = tag(self._pads, self._prefix + body[:end])
        difference = 0
        for i in range(_TAG):
            difference |= expected[i] ^ body[end + 1 + i]
        return difference == 0
