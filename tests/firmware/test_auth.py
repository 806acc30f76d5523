"""Signatures: the published vectors of HMAC-SHA256, the contract with the host's end, and the same in the VM."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import FOLDER, load
from support.sim import require_vm

from imilt import link as host_link
from imilt_sim.levels.micropython import vm_path

auth = load("auth")

LONG = b"\xaa" * 131
LONG_MESSAGE = (
    b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be"
    b" hashed before being used by the HMAC algorithm."
)
RFC_4231 = {  # key, message, HMAC-SHA256; case 5 is published with its first 128 bits only
    1: (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    2: (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    3: (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    4: (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    5: (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    6: (
        LONG,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    7: (
        LONG,
        LONG_MESSAGE,
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}
KEY = bytes(range(32))
UNIQUE_ID = "e660583883724a32"
BODY = b"plan,7,120,put,cap_mw=3000"


def signed(session: object, body: bytes = BODY, key: bytes = KEY) -> bytes:
    """The body with its tag, as the host makes it."""
    nonce = session.nonce  # type: ignore[attr-defined]
    return body + b"," + host_link.tag(key, nonce, body).encode()


@pytest.mark.parametrize("case", RFC_4231)
def test_published_vector(case: int) -> None:
    key, message, expected = RFC_4231[case]
    assert auth.hmac_sha256(auth.pads(key), message).hex()[: len(expected)] == expected
    assert auth.tag(auth.pads(key), message).decode() == expected[:16]


def test_the_same_in_the_vm() -> None:
    """Vectors, nonce and a signature, by MicroPython's own sha256 and bytes."""
    require_vm()
    session = auth.Session(KEY, UNIQUE_ID, 3)
    script = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
import auth
for key, message, expected in {list(RFC_4231.values())!r}:
    assert auth.binascii.hexlify(auth.hmac_sha256(auth.pads(key), message)).decode()[:len(expected)] == expected
session = auth.Session({KEY!r}, {UNIQUE_ID!r}, 3)
body = {signed(session)!r}
print(session.nonce, session.check(body), session.check(body[:-1] + b"!"))
print(auth.default_key({UNIQUE_ID!r}) == {auth.default_key(UNIQUE_ID)!r})
"""
    done = subprocess.run([vm_path(), "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [session.nonce, "True", "False", "True"], done.stderr


def test_both_ends_have_the_same_default_key_and_it_is_the_devices_own() -> None:
    assert auth.default_key(UNIQUE_ID) == host_link.default_key(UNIQUE_ID)
    assert len(auth.default_key(UNIQUE_ID)) == 32
    assert auth.default_key(UNIQUE_ID) != auth.default_key(UNIQUE_ID[:-1] + "3")


def test_the_nonce_differs_by_boot_key_and_device() -> None:
    sessions = [(KEY, UNIQUE_ID, boots) for boots in (1, 2, 11)] + [(KEY[::-1], UNIQUE_ID, 1), (KEY, "00", 1)]
    nonces = {auth.Session(*arguments).nonce for arguments in sessions}
    assert len(nonces) == len(sessions)
    assert all(len(nonce) == 16 and not set(nonce) - set("0123456789abcdef") for nonce in nonces)


@given(st.text(st.characters(codec="ascii")), st.integers(0, 1 << 29), st.binary(min_size=32, max_size=32))
def test_what_the_host_signs_is_good_for_this_boot_and_key_only(text: str, boots: int, key: bytes) -> None:
    session = auth.Session(key, UNIQUE_ID, boots)
    body = signed(session, f"x,1,2,{text}".encode(), key)
    assert session.check(body)
    assert not auth.Session(key, UNIQUE_ID, boots + 1).check(body)
    assert not auth.Session(key, "another", boots).check(body)
    assert not auth.Session(bytes([key[0] ^ 1]) + key[1:], UNIQUE_ID, boots).check(body)


@given(st.data())
def test_no_byte_of_a_signed_line_can_be_changed(data: st.DataObject) -> None:
    session = auth.Session(KEY, UNIQUE_ID, 1)
    body = bytearray(signed(session))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    assert not session.check(bytes(body))


@pytest.mark.parametrize("body", [b"", b",", b"x", b"," + b"0" * 16, b"0" * 17, b"x,1,2", b"x," + b"0" * 15])
def test_no_tag_is_no_signature(body: bytes) -> None:
    assert not auth.Session(KEY, UNIQUE_ID, 1).check(body)


@given(st.binary(max_size=250))
def test_no_bytes_raise(body: bytes) -> None:
    assert not auth.Session(KEY, UNIQUE_ID, 1).check(body)


def test_a_tag_in_capitals_or_cut_short_does_not_count() -> None:
    session = auth.Session(KEY, UNIQUE_ID, 1)
    body = signed(session)
    assert session.check(body)
    assert not session.check(body[:-16] + body[-16:].upper())
    assert not session.check(body[:-1])
    assert not session.check(body + b"0")
