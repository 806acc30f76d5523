"""The host's end of the line link: framing, chunks, damage, gaps, acknowledgement and signatures."""

from __future__ import annotations

import re
from binascii import crc32
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Serial

from imilt.link import LINE_MAX_BYTES, PASSED, PROTOCOL, SIGNED_MAX_CHARS, Link, body_of, default_key, frame, tag

UNIQUE_ID = "e660583883724a32"
NONCE = "0123456789abcdef"

FIELDS = st.text(st.characters(codec="ascii", exclude_characters="\n\r*,"), max_size=20)
BODIES = st.builds(
    lambda kind, fields: (kind, ",".join(fields)), st.sampled_from("TAHSFN"), st.lists(FIELDS, min_size=1, max_size=5)
)


class Heard:
    """A link and everything that it handed over."""

    def __init__(self, key_of: Callable[[str], bytes] = default_key) -> None:
        self.lines: list[tuple[str, str]] = []
        self.link = Link(
            lambda payload: self.lines.append(("T", payload.decode())),
            lambda kind, fields: self.lines.append((kind, ",".join(fields))),
            key_of,
        )

    @property
    def acknowledged(self) -> str:
        return self.link.to_send().splitlines()[0][:-9].decode()

    def met(self, highest: int = 0, nonce: str = NONCE, number: int = 1) -> Heard:
        """After the handshake's first line."""
        self.link.receive(frame(f"H,{number},{PROTOCOL},0.1.0,bench,{UNIQUE_ID},{'ab' * 32},{nonce},{highest}"))
        return self

    def sent(self) -> list[bytes]:
        """The bodies of the commands."""
        return [line[:-9] for line in self.link.to_send().splitlines()[1:]]


def lines_of(bodies: list[tuple[str, str]], first: int = 1) -> list[bytes]:
    return [frame(f"{kind},{number},{text}") for number, (kind, text) in enumerate(bodies, first)]


@given(st.text(st.characters(codec="ascii", exclude_characters="\n"), max_size=200))
def test_a_frame_gives_its_body_back(body: str) -> None:
    line = frame(body)
    assert re.fullmatch(rb"[^\n]*\*[0-9a-f]{8}\n", line, re.DOTALL)
    assert body_of(line[:-1]) == body.encode()


@given(st.text(st.characters(codec="ascii", exclude_characters="\n*"), max_size=200))
def test_the_firmware_frames_and_reads_alike(body: str) -> None:
    assert load("link").frame(body) == frame(body)


def test_a_line_above_the_limit_is_refused_with_its_size() -> None:
    fits = "x" * (LINE_MAX_BYTES - 10)
    assert len(frame(fits)) == LINE_MAX_BYTES
    with pytest.raises(ValueError, match=r"251 bytes, 250 allowed"):
        frame(fits + "x")


@given(st.lists(BODIES, min_size=1, max_size=8), st.lists(st.integers(0, 40), max_size=40))
def test_the_lines_are_the_same_however_the_bytes_are_cut(bodies: list[tuple[str, str]], cuts: list[int]) -> None:
    whole, cut = Heard(), Heard()
    data = b"".join(lines_of(bodies))
    whole.link.receive(data)
    for size in cuts:
        cut.link.receive(data[:size])
        data = data[size:]
    cut.link.receive(data)
    assert whole.lines == cut.lines == bodies
    assert cut.link.bad_lines == cut.link.lost_lines == 0


@given(st.data())
def test_a_damaged_byte_costs_its_line_and_no_other(data: st.DataObject) -> None:
    heard = Heard()
    line = frame("S,2,17,3,0")
    at = data.draw(st.integers(0, len(line) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte not in (line[at], 10)))
    damaged = line[:at] + bytes((byte,)) + line[at + 1 :]
    # A hexadecimal digit in another case is the same digit.
    same = damaged.lower() == line and at >= len(line) - 9
    heard.link.receive(frame("S,1,16,2,0") + damaged + frame("S,3,18,4,1"))
    assert heard.link.bad_lines == (0 if same else 1)
    assert heard.link.lost_lines == heard.link.bad_lines
    assert [text for _, text in heard.lines if text != "17,3,0"] == ["16,2,0", "18,4,1"]


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_noise_is_never_raised(chunks: list[bytes]) -> None:
    heard = Heard()
    for chunk in chunks:
        heard.link.receive(chunk)
    heard.link.receive(b"\n" + frame("S,1,16,2,0"))
    assert heard.lines == [("S", "16,2,0")]


@pytest.mark.parametrize("body", [b"", b"S", b"S,5", b"S,x,1", b"T,,1", b"S,1,\xff\xfe", b"\xff,1,2"])
def test_a_line_with_a_good_crc_but_no_meaning_counts_as_bad(body: bytes) -> None:
    heard = Heard()
    heard.link.receive(b"%s*%08x\n" % (body, crc32(body)))
    assert heard.link.bad_lines == 1
    assert heard.lines == []


@pytest.mark.parametrize(("numbers", "lost"), [((1, 2, 3), 0), ((1, 2, 5), 2), ((7, 8), 0), ((3, 9, 10, 12), 6)])
def test_gaps_in_the_sequence_are_counted_from_the_first_line_on(numbers: tuple[int, ...], lost: int) -> None:
    heard = Heard()
    for number in numbers:
        heard.link.receive(frame(f"T,{number},0"))
    assert heard.link.lost_lines == lost


def test_the_newest_lost_lines_can_be_asked_for() -> None:
    heard = Heard()
    for number in (40, 42, 45, 46):
        heard.link.receive(frame(f"T,{number},0"))
    assert list(heard.link.lost) == [41, 43, 44]
    heard.link.receive(frame("T,1000046,0"))
    assert heard.link.lost_lines == 3 + 999999
    assert list(heard.link.lost) == list(range(1000030, 1000046))
    heard.link.receive(frame("T,1,0"))  # it has restarted
    assert not heard.link.lost


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    heard = Heard()
    for _ in range(1000):
        heard.link.receive(b"z" * 100)
        assert len(heard.link._rest) <= 1000
    heard.link.receive(b"\n" + frame("S,1,16,2,0"))
    assert heard.lines == [("S", "16,2,0")]
    assert heard.link.bad_lines > 0


def test_a_restarted_device_is_no_loss() -> None:
    heard = Heard()
    for number in (40, 41, 1, 2):
        heard.link.receive(frame(f"T,{number},0"))
    assert heard.link.lost_lines == 0
    assert heard.acknowledged == "k,2,0"


def test_the_acknowledgement_tells_the_last_line_and_the_bytes_of_the_next() -> None:
    heard = Heard()
    assert heard.acknowledged == "k,0,0"
    heard.link.receive(frame("T,1,0") + frame("T,2,0")[:5])
    assert heard.acknowledged == "k,1,5"
    heard.link.receive(frame("T,2,0")[5:])
    assert heard.acknowledged == "k,2,0"


def test_commands_are_numbered_and_sent_once_after_the_acknowledgement() -> None:
    heard = Heard()
    assert [heard.link.send("hello", "1"), heard.link.send("arm")] == [1, 2]
    assert [line[:-9] for line in heard.link.to_send().splitlines()] == [b"k,0,0", b"hello,1,1", b"arm,2"]
    assert heard.link.to_send().count(b"\n") == 1


# Signatures


def test_a_signed_command_carries_number_cycle_and_tag() -> None:
    heard = Heard().met()
    assert heard.link.send_signed("plan", 17, "put,a=1") == 1
    assert heard.link.send_signed("arm", 18) == 2
    assert heard.sent() == [
        f"{body},{tag(default_key(UNIQUE_ID), NONCE, body.encode())}".encode()
        for body in ("plan,1,17,put,a=1", "arm,2,18")
    ]


def test_numbers_go_on_from_the_highest_that_the_device_has_seen() -> None:
    heard = Heard()
    assert heard.link.send("hello", "2") == 1
    heard.met(highest=70)
    assert heard.link.send_signed("arm", 1) == 71
    assert heard.link.send("stop") == 72
    heard.met(highest=3, number=2)
    assert heard.link.send_signed("arm", 1) == 73


def test_a_number_that_has_passed_is_jumped_over() -> None:
    """As the firmware refuses it; other refusals say nothing about numbers."""
    auth, link = load("auth"), load("link")
    port: Any = Serial()
    device = link.Link(port, auth.Session(auth.default_key(UNIQUE_ID), UNIQUE_ID, 4))
    heard = Heard().met(nonce=device.session.nonce)
    device.highest = 70
    assert heard.link.send_signed("arm", 0) == 1
    port.rx += heard.link.to_send()
    assert device.poll(0) == []
    device.flush()
    heard.link.receive(port.take())
    assert heard.link.send_signed("arm", 0) == 71
    for fields in ("71,0,fault 500", f"71,1,{PASSED}: 600", f"71,0,{PASSED}: count on from 5"):
        heard.link.receive(frame(f"A,2,{fields}"))
    assert heard.link.send_signed("arm", 0) == 72


def test_a_command_said_again_keeps_its_number() -> None:
    heard = Heard().met()
    number = heard.link.send_signed("arm", 10)
    assert heard.link.send_signed("arm", 60, number=number) == number
    assert [body[:8] for body in heard.sent()] == [b"arm,1,10", b"arm,1,60"]
    assert heard.link.send_signed("arm", 61) == number + 1


def test_before_the_handshake_nothing_can_be_signed() -> None:
    heard = Heard()
    assert not heard.link.can_sign
    with pytest.raises(ValueError, match="before the device has said who it is"):
        heard.link.send_signed("arm", 1)
    assert heard.sent() == []
    assert heard.met().link.can_sign


def test_each_device_has_its_key_and_each_boot_its_nonce() -> None:
    asked = []
    heard = Heard(lambda unique_id: asked.append(unique_id) or b"k" * 32)
    heard.met()
    heard.link.send_signed("arm", 1)
    heard.met(nonce="f" * 16, number=2)
    heard.link.send_signed("arm", 1)
    assert asked == [UNIQUE_ID] * 2
    assert heard.sent() == [
        f"arm,1,1,{tag(b'k' * 32, NONCE, b'arm,1,1')}".encode(),
        f"arm,2,1,{tag(b'k' * 32, 'f' * 16, b'arm,2,1')}".encode(),
    ]


@pytest.mark.parametrize("fields", ["1,0.1.0,bench,00,ab", "3,0.1.0,bench,00,ab,0123456789abcdef,0"])
def test_another_protocols_handshake_is_handed_on_and_signs_nothing(fields: str) -> None:
    heard = Heard()
    heard.link.receive(frame("H,1," + fields))
    assert heard.lines == [("H", fields)]
    assert not heard.link.can_sign


@pytest.mark.parametrize("fields", ["2,0.1.0,bench,00,ab", "2,0.1.0,bench,00,ab,0123456789abcdef,x"])
def test_a_handshake_of_another_form_counts_as_bad(fields: str) -> None:
    heard = Heard()
    heard.link.receive(frame("H,1," + fields))
    assert (heard.lines, heard.link.bad_lines, heard.link.can_sign) == ([], 1, False)


@given(st.integers(1, 20))
def test_what_is_said_to_fit_a_signed_line_fits(length: int) -> None:
    most = (1 << 30) - 1
    heard = Heard().met(highest=most - 1)
    assert heard.link.send_signed("n" * length, most, "x" * (SIGNED_MAX_CHARS - length)) == most
    with pytest.raises(ValueError, match="251 bytes, 250 allowed"):
        heard.link.send_signed("n" * length, most, "x" * (SIGNED_MAX_CHARS + 1 - length), number=most)


@pytest.mark.parametrize("text", ["µ", "a\nb", "\x03", "\x00"])
def test_what_the_device_would_not_take_is_refused_here(text: str) -> None:
    heard = Heard().met()
    with pytest.raises(ValueError, match="printable ASCII"):
        heard.link.send("stop", text)
    with pytest.raises(ValueError, match="printable ASCII"):
        heard.link.send_signed("plan", 1, text)
    assert heard.sent() == []


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=100), st.integers(0, 1 << 29))
def test_the_firmware_takes_what_is_signed_here(text: str, cycle: int) -> None:
    auth, link = load("auth"), load("link")
    session = auth.Session(auth.default_key(UNIQUE_ID), UNIQUE_ID, 4)
    port: Any = Serial()
    device = link.Link(port, session)
    heard = Heard().met(nonce=session.nonce)
    number = heard.link.send_signed("plan", cycle, text)
    port.rx += heard.link.to_send()
    assert device.poll(cycle + 1) == [["plan", number, *(text.split(",") if text else [])]]
    assert device.bad_lines == device.refused == 0
