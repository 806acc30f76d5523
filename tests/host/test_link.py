"""The host's end of the line link: framing, chunks, damage, gaps and acknowledgement."""

from __future__ import annotations

import re
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

from imilt.link import LINE_MAX_BYTES, Link, body_of, frame

FIELDS = st.text(st.characters(codec="ascii", exclude_characters="\n\r*,"), max_size=20)
BODIES = st.builds(
    lambda kind, fields: (kind, ",".join(fields)), st.sampled_from("TAHSFN"), st.lists(FIELDS, min_size=1, max_size=5)
)


class Heard:
    """A link and everything that it handed over."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.link = Link(
            lambda payload: self.lines.append(("T", payload.decode())),
            lambda kind, fields: self.lines.append((kind, ",".join(fields))),
        )

    @property
    def acknowledged(self) -> str:
        return self.link.to_send().splitlines()[0][:-9].decode()


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
