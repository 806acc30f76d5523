"""The line link: framing, credit, a silent host, a full queue, and which commands count."""

from __future__ import annotations

from binascii import crc32
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Serial

from imilt import link as host_link
from imilt.link import body_of

link, limits, auth = load("link"), load("limits"), load("auth")
LONGEST = limits.LINE_MAX_BYTES
KEY = auth.default_key("stub")
NOW = 1000
"""The cycle in which everything here arrives, unless told."""


def line(body: str | bytes) -> bytes:
    """A line with the right CRC, whatever its body."""
    data = body if isinstance(body, bytes) else body.encode()
    return b"%s*%08x\n" % (data, crc32(data))


class Device:
    """The device's end on a stub port. `take` gives it bytes for a cycle and returns the commands."""

    def __init__(self, boots: int = 1) -> None:
        self.port = Serial()
        self.session = auth.Session(KEY, "stub", boots)
        self.link = link.Link(self.port, self.session)
        self.rest = b""

    def signed(self, name: str, number: int, *args: object, cycle: int = NOW) -> bytes:
        body = ",".join(map(str, (name, number, cycle, *args)))
        return line(f"{body},{host_link.tag(KEY, self.session.nonce, body.encode())}")

    def take(self, *lines: bytes, cycle: int = NOW) -> list[list[Any]]:
        self.port.rx += b"".join(lines)
        return self.link.poll(cycle)

    def drain(self, data: bytes) -> list[list[Any]]:
        """The commands that come of `data`, in as many cycles as it takes."""
        commands = self.take(data)
        while self.port.rx:
            commands += self.take()
        return commands

    def carry_out(self, commands: list[list[Any]]) -> None:
        """As the application: the handshake is many lines, and everything is answered."""
        for name, number, *_ in commands:
            if name == "hello":
                for kind in "HNNNNNNNN":
                    self.link.send(kind, "x" * 150)
            self.link.answer(number, "")

    def said(self) -> list[list[str]]:
        """What came out since the last call, acknowledged all the while: kind and fields of each line."""
        data = self.rest
        while self.link._queue:
            self.link.flush()
            data += self.port.take()
            self.link.acknowledge(self.link._last_sent, 0)
        lines = data.split(b"\n")
        self.rest = lines.pop()
        texts = [(body_of(line) or b"").decode().split(",", 2) for line in lines]
        return [[kind, *text.split(",")] for kind, _, text in texts]

    def answers(self) -> list[tuple[int, bool, str]]:
        return [(int(line[1]), line[2] == "1", line[3]) for line in self.said() if line[0] == "A"]


# Framing

text = st.text(st.characters(codec="ascii", exclude_characters=",\n", exclude_categories=["Cc"]), max_size=20)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_what_is_framed_is_read_again(body: str) -> None:
    data = link.frame(body)
    assert data.endswith(b"\n")
    assert link.body_of(bytearray(data[:-1])) == (body.encode() or None)
    assert body_of(data[:-1]) == body.encode()


@given(st.text(st.characters(codec="ascii", exclude_characters="\n"), max_size=60), st.data())
def test_any_changed_byte_is_found(body: str, data: st.DataObject) -> None:
    changed = bytearray(link.frame("x,1," + body)[:-1])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    assert link.body_of(changed) is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"0", 0),
        (b"12", 12),
        (b"1073741823", (1 << 30) - 1),
        (b"1073741824", -1),
        (b"9" * 200, -1),
        (b"", -1),
        (b"-1", -1),
        (b"+1", -1),
        (b" 1", -1),
        (b"1_0", -1),
        (b"1.5", -1),
        (b"0x10", -1),
    ],
)
def test_number(data: bytes, value: int) -> None:
    assert link.number(data) == link.number(data.decode()) == value


# Lines in


def test_a_line_of_the_longest_length_is_taken_and_a_longer_one_is_not() -> None:
    fits = line("stop,1," + "a" * (LONGEST - 17))
    assert len(fits) == LONGEST
    device = Device()
    commands = device.drain(fits + line("stop,2," + "a" * (LONGEST - 16)) * 3 + b"z" * 2000 + b"\n" + line("stop,3"))
    assert [fields[1] for fields in commands] == [1, 3]
    assert device.link.bad_lines == 4


def test_bad_lines_cost_nothing_but_a_counter() -> None:
    device = Device()
    bad = [b"garbage\n", b"\n", b"z" * 700 + b"\n", line("stop,1")[:-2] + b"\n", line("x"), line("x,y"), line("x,-1")]
    bad += [line("µ,1"), line("x\x03,1"), line(b"\xff\xfe,1"), line(b"x,1,\x80"), line("hello,1,\t"), line("")]
    assert device.drain(b"".join(bad)) == []
    assert device.link.bad_lines == len(bad)
    assert device.said() == []


@given(st.lists(st.binary(max_size=40) | st.binary(max_size=60).map(lambda body: body + b"*00000000"), max_size=8))
def test_random_bytes_never_raise_and_give_no_command_without_its_crc(pieces: list[bytes]) -> None:
    data = b"\n".join(pieces) + b"\n"
    good = sum(body_of(line) is not None for line in data.split(b"\n"))
    assert len(Device().drain(data)) <= good


@given(st.lists(st.integers(0, 40), max_size=40))
def test_lines_are_the_same_however_the_bytes_arrive(cuts: list[int]) -> None:
    device = Device()
    data = line("stop,1") + line("hello,2,2") + b"x\n" + device.signed("arm", 3) + line("pause,4")
    commands = []
    for size in cuts:
        commands += device.take(data[:size])
        data = data[size:]
    commands += device.drain(data)
    assert commands == [["stop", 1], ["hello", 2, "2"], ["arm", 3], ["pause", 4]]


FLOODS = {
    "newlines": b"\n" * 20000,
    "one endless line": b"z" * 20000,
    "overlong lines": (b"z" * 400 + b"\n") * 50,
    "short garbage": b"ab\n" * 7000,
    "bad CRC": (line("stop,1")[:-3] + b"!!\n") * 1300,
    "unsigned": line("arm,5,1000") * 900,
    "unsigned, with something like a tag": line("arm,5,1000," + "0" * 16) * 500,
    "acknowledgements": line("k,0,0") * 1300,
    "hello": line("hello,1,2") * 1200,
    "pause": line("pause,1") * 1300,
}
FLOOD_PACE = {"newlines": 64, "short garbage": 3 * 64, "pause": 4 * 17}
"""Bytes read in a cycle where the number of lines or commands is what bounds it; 512 elsewhere."""


@pytest.mark.parametrize("kind", FLOODS)
def test_a_stop_behind_a_flood_is_reached_at_the_pace_of_a_cycle(kind: str) -> None:
    device = Device()
    flood = FLOODS[kind]
    device.port.rx += flood + b"\n" + line("stop,9")
    most_cycles = len(flood) // FLOOD_PACE.get(kind, 512) + 2
    for cycle in range(most_cycles):
        before = len(device.port.rx)
        commands = device.link.poll(NOW + cycle)
        device.carry_out(commands)
        device.link.flush()
        assert len(commands) <= 4
        assert before - len(device.port.rx) <= 512
        assert len(device.link._queue) <= 64
        assert len(device.link._line) <= LONGEST
        if ["stop", 9] in commands:
            return
    raise AssertionError(f"no stop in {most_cycles} cycles, {len(device.port.rx)} of {len(flood)} bytes are left")


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_leaves_room_for_rows_and_for_what_matters_more(kind: str) -> None:
    """The host acknowledges through it: no row and no fault is dropped."""
    device = Device()
    device.port.rx += FLOODS[kind]
    lines = b""
    for cycle in range(100):
        device.carry_out(device.link.poll(NOW + cycle))
        if cycle < 60:
            device.link.send("T", "x" * 100)
            if cycle % 20 == 10:
                device.link.send("F", "x" * 200)
        device.link.flush()
        lines += device.port.take()
        device.link.acknowledge(device.link._last_sent, device.link._offset)
    assert device.link.dropped == 0
    kinds = [line[:1] for line in lines.splitlines()]
    assert (kinds.count(b"T"), kinds.count(b"F")) == (60, 3)


@pytest.mark.parametrize("kind", FLOODS)
def test_behind_a_host_that_reads_nothing_a_flood_leaves_room_for_a_fault(kind: str) -> None:
    device = Device()
    device.port.ready = False
    for cycle in range(100):
        device.port.rx += FLOODS[kind][:512]
        device.carry_out(device.link.poll(NOW + cycle))
        device.link.send("T", "x" * 100)
        device.link.flush()
    dropped = device.link.dropped
    for number in range(8):
        device.link.send("F", str(number))
    assert device.link.dropped == dropped


# Out


def test_sequence_numbers_have_no_gaps_and_drops_are_counted() -> None:
    device = Device()
    for _ in range(100):
        device.link.send("T", "x" * 60)
    dropped = device.link.dropped
    assert 0 < dropped < 100
    for _ in range(200):
        device.link.flush()
        device.link.acknowledge(device.port.tx.count(b"\n"), 0)
    lines = bytes(device.port.tx).splitlines()
    assert [line.split(b",")[1] for line in lines] == [b"%d" % n for n in range(1, 101 - dropped)]


class Host:
    """Reads the port's buffer piece by piece and acknowledges only what it has read, early or late."""

    def __init__(self) -> None:
        device = Device()
        self.port, self.device = device.port, device.link
        self.port.write = self._write  # type: ignore[method-assign]
        self.stream = bytearray()
        self.read = 0
        self.notes: list[tuple[int, int]] = []

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
        self.notes.append((read.count(b"\n"), len(read) - read.rfind(b"\n") - 1))

    def deliver(self, _: int) -> None:
        if self.notes:
            self.device.acknowledge(*self.notes.pop(0))


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


@pytest.mark.parametrize("body", ["k,1,0", "k,1,7", "k,1,0,more"])
def test_an_acknowledgement_gives_credit_for_what_it_names(body: str) -> None:
    device = Device()
    for _ in range(4):
        device.link.send("T", "x" * 100)
    device.link.flush()
    first = bytes(device.port.tx).index(b"\n") + 1
    assert device.take(line(body)) == []
    device.link.flush()
    assert len(device.port.tx) == limits.CREDIT_BYTES + first + int(body.split(",")[2])


NONSENSE = ["k", "k,1", "k,1,x", "k,99,0", "k,-99,0", "k,-1,9", "k,x,9", "k,1,-1", "k,1,251", "k,,0", "kk,1,0"]


@pytest.mark.parametrize("body", NONSENSE)
def test_nonsense_acknowledges_nothing(body: str) -> None:
    device = Device()
    for _ in range(4):
        device.link.send("T", "x" * 100)
    device.link.flush()
    assert device.take(line(body)) == []
    device.link.flush()
    assert len(device.port.tx) == limits.CREDIT_BYTES


def test_an_old_acknowledgement_takes_no_credit_back_and_does_not_break_a_silence() -> None:
    device = Device()
    for _ in range(30):
        device.link.send("T", "x" * 100)
    device.link.flush()
    device.link.acknowledge(2, 0)
    for _ in range(limits.SILENT_HOST_CYCLES + 1):
        device.take(line("k,0,0"), line("k,1,0"), line("k,2,0"))
        device.link.flush()
    out = device.port.take()
    assert len(out) > limits.CREDIT_BYTES + out.index(b"T,3,")
    device.link.flush()
    assert device.port.take().count(b"\n") == 1


def test_a_silent_host_gets_one_line_a_cycle_as_far_as_the_port_takes_it() -> None:
    device = Device()
    for _ in range(10):
        device.link.send("T", "x" * 100)
    for _ in range(limits.SILENT_HOST_CYCLES):
        device.link.flush()
    assert len(device.port.take()) == limits.CREDIT_BYTES
    device.link.flush()
    rest_of_third = device.port.take()
    assert rest_of_third.endswith(b"\n")
    device.link.flush()
    assert device.port.take().count(b"\n") == 1
    device.port.ready = False
    device.link.flush()
    assert device.port.take() == b""


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


# Unsigned commands


@pytest.mark.parametrize("name", ["stop", "pause"])
@pytest.mark.parametrize(
    ("rest", "number"),
    [
        (b"", 0),
        (b",", 0),
        (b",7", 7),
        (b",x", 0),
        (b",-1", 0),
        (b",9999999999999", 0),
        (b",7,8,9", 7),
        (b",\xff\x00\x03,,", 0),
        (b",7," + b"\xff" * 200, 7),
    ],
)
def test_stop_and_pause_count_whatever_follows_the_name(name: str, rest: bytes, number: int) -> None:
    assert Device().take(line(name.encode() + rest)) == [[name, number]]


@pytest.mark.parametrize("body", ["stopp,1", "sto,1", " stop,1", "STOP,1", "stop 1", "pauses"])
def test_what_only_looks_like_a_stop_is_none(body: str) -> None:
    assert Device().take(line(body)) == []


def test_a_stop_with_a_wrong_crc_is_none() -> None:
    assert Device().take(b"stop,1*00000000\n") == []


def test_hello_has_its_arguments_and_needs_a_number() -> None:
    assert Device().take(line("hello,3,2,x")) == [["hello", 3, "2", "x"]]
    assert Device().take(line("hello")) == []


def test_a_second_hello_is_accepted_but_not_carried_out_while_the_first_is_on_its_way() -> None:
    device = Device()
    assert device.take(line("hello,1,2")) == [["hello", 1, "2"]]
    for i in range(8):
        device.link.send("N", f"{i}" * 60)
    device.link.answer(1, "")
    assert device.take(line("hello,2,2"), line("hello,3,2")) == []
    assert device.answers() == [(1, True, ""), (2, True, "")]
    assert device.take(line("hello,4,2")) == [["hello", 4, "2"]]


# Signed commands


def test_a_signed_command_comes_without_its_cycle_and_tag() -> None:
    device = Device()
    assert device.take(device.signed("plan", 1, "put", "a=1", "b=2")) == [["plan", 1, "put", "a=1", "b=2"]]
    assert device.take(device.signed("arm", 2)) == [["arm", 2]]
    assert device.take(device.signed("beat", 3)) == [["beat", 3]]
    assert device.link.highest == 3


@given(text.filter(lambda name: name not in ("k", "stop", "pause", "hello", "resend")), st.lists(text, max_size=4))
def test_any_name_and_arguments_are_handed_on(name: str, args: list[str]) -> None:
    device = Device()
    assert device.take(device.signed(name, 1, *args)) == [[name, 1, *args]]


def test_the_answer_names_the_command_and_what_was_wrong() -> None:
    device = Device()
    device.take(device.signed("arm", 1), device.signed("start", 2))
    device.link.answer(1, "")
    device.link.answer(2, "no, not now")
    assert device.answers() == [(1, True, ""), (2, False, "no; not now")]


def test_the_longest_answer_fits_a_line() -> None:
    device = Device()
    device.link._sequence = device.link.highest = (1 << 30) - 2
    device.take(device.signed("arm", (1 << 30) - 1))
    device.link.answer((1 << 30) - 1, "x" * 1000)
    device.link.flush()
    assert len(device.port.tx) <= LONGEST
    assert device.port.tx.endswith(b"\n")


UNSIGNED = {
    "no tag": lambda device: line("arm,1,1000"),
    "no cycle": lambda device: line("arm,1"),
    "another tag": lambda device: line("arm,1,1000," + "0" * 16),
    "an earlier boot": lambda device: Device(boots=2).signed("arm", 1),
    "another number": lambda device: line(device.signed("arm", 2)[:-10].replace(b",2,", b",1,")),
    "another name": lambda device: line(device.signed("arm", 1)[:-10].replace(b"arm", b"start")),
}


@pytest.mark.parametrize("kind", UNSIGNED)
def test_what_is_not_signed_for_this_boot_is_refused_with_a_remedy(kind: str) -> None:
    device = Device()
    assert device.take(UNSIGNED[kind](device)) == []
    [(number, accepted, problem)] = device.answers()
    assert (number, accepted) == (1, False)
    assert problem.startswith(host_link.UNKNOWN)
    assert "say hello" in problem
    assert (device.link.refused, device.link.highest) == (1, 0)
    assert device.take(device.signed("arm", 1)) == [["arm", 1]]


def test_signed_but_without_a_cycle_is_refused() -> None:
    device = Device()
    tag = host_link.tag(KEY, device.session.nonce, b"arm,1")
    assert device.take(line(f"arm,1,{tag}")) == []
    assert device.answers()[0][2].startswith(host_link.STALE)


@pytest.mark.parametrize(
    ("signed_for", "counts"), [(NOW, True), (NOW - 50, True), (NOW - 51, False), (NOW + 1, False), (0, False)]
)
def test_a_command_counts_for_fifty_cycles(signed_for: int, counts: bool) -> None:
    device = Device()
    commands = device.take(device.signed("arm", 1, cycle=signed_for))
    assert commands == ([["arm", 1]] if counts else [])
    if not counts:
        assert device.answers() == [(1, False, f"{host_link.STALE}: it is cycle {NOW}")]
        # Signed anew, the same number counts.
        assert device.take(device.signed("arm", 1)) == [["arm", 1]]


@pytest.mark.parametrize("cycle", ["", "x", "-1", "1.0", "9" * 30])
def test_a_cycle_that_is_no_number_does_not_count(cycle: str) -> None:
    device = Device()
    body = f"arm,1,{cycle}"
    assert device.take(line(f"{body},{host_link.tag(KEY, device.session.nonce, body.encode())}"), cycle=3) == []
    assert device.answers() == [(1, False, f"{host_link.STALE}: it is cycle 3")]


def test_in_the_first_cycles_too() -> None:
    device = Device()
    assert device.take(device.signed("arm", 1, cycle=0), cycle=0) == [["arm", 1]]


def test_numbers_increase_and_gaps_do_not_matter() -> None:
    device = Device()
    assert device.take(device.signed("arm", 5)) == [["arm", 5]]
    assert device.take(device.signed("arm", 4)) == []
    assert device.answers() == [(4, False, f"{host_link.PASSED}: count on from 5")]
    assert device.take(device.signed("arm", 9)) == [["arm", 9]]
    assert device.take(device.signed("arm", 0)) == []
    assert device.link.highest == 9


def test_a_repeated_command_is_answered_again_and_not_carried_out() -> None:
    device = Device()
    device.take(device.signed("arm", 1))
    device.link.answer(1, "no plan")
    assert device.answers() == [(1, False, "no plan")]
    # The same bytes, much later and again and again, or signed anew.
    for again, cycle in ((NOW, NOW + 900), (NOW, NOW + 901), (NOW + 900, NOW + 902)):
        assert device.take(device.signed("arm", 1, cycle=again), cycle=cycle) == []
        assert device.answers() == [(1, False, "no plan")]


def test_a_command_repeated_before_its_answer_is_not_carried_out_twice() -> None:
    device = Device()
    assert device.take(device.signed("arm", 1), device.signed("arm", 1)) == [["arm", 1]]
    device.link.answer(1, "")
    assert device.answers() == [(1, True, "")]


def test_the_last_eight_answers_are_remembered() -> None:
    device = Device()
    for number in range(1, 11):
        device.take(device.signed("arm", number))
        device.link.answer(number, f"problem {number}")
    device.said()
    for number in range(1, 11):
        assert device.take(device.signed("arm", number)) == []
        [(_, _, problem)] = device.answers()
        assert problem == (f"problem {number}" if number > 2 else f"{host_link.PASSED}: count on from 10")


def test_beats_push_no_answer_out_of_the_memory() -> None:
    device = Device()
    device.take(device.signed("arm", 1))
    device.link.answer(1, "")
    for number in range(2, 30):
        assert device.take(device.signed("beat", number)) == [["beat", number]]
        device.link.answer(number, "")
    device.said()
    assert device.take(device.signed("arm", 1)) == []
    assert device.answers() == [(1, True, "")]
    assert device.take(device.signed("beat", 29)) == []


@pytest.mark.parametrize("stop_first", [True, False])
def test_an_unsigned_stop_under_the_same_number_does_not_speak_for_a_signed_command(stop_first: bool) -> None:
    device = Device()
    lines = [line("stop,7"), device.signed("arm", 7)]
    commands = device.take(*(lines if stop_first else lines[::-1]))
    assert sorted(commands) == [["arm", 7], ["stop", 0]]
    for name, number in commands:
        device.link.answer(number, "" if name == "stop" else "no plan")
    device.said()
    assert device.take(device.signed("arm", 7)) == []
    assert device.answers() == [(7, False, "no plan")]


def test_a_later_stop_under_its_number_does_not_change_what_is_remembered() -> None:
    device = Device()
    device.take(device.signed("arm", 7))
    device.link.answer(7, "no plan")
    assert device.take(line("stop,7")) == [["stop", 7]]
    device.link.answer(7, "")
    device.said()
    device.take(device.signed("arm", 7))
    assert device.answers() == [(7, False, "no plan")]


def test_only_signed_commands_are_answered_when_the_queue_is_nearly_full() -> None:
    device = Device()
    commands = device.take(line("stop,1"), device.signed("arm", 2))
    for _ in range(60):
        device.link.send("F", "x")
    for _, number in commands:
        device.link.answer(number, "")
    assert device.answers() == [(2, True, "")]


def test_one_refusal_a_cycle() -> None:
    device = Device()
    device.take(*[line(f"arm,{number},1") for number in range(1, 6)])
    assert [number for number, _, _ in device.answers()] == [1]
    assert device.link.refused == 5


# Lines again


def test_a_lost_line_comes_again_under_a_new_number() -> None:
    device = Device()
    device.link.send("S", "1,2,3")
    device.link.send("T", "row")
    device.said()
    assert device.take(device.signed("resend", 1, 1)) == []
    assert device.said() == [["S", "1", "2", "3"], ["A", "1", "1", ""]]
    assert device.link._sequence == 4
    # And again, by its first number.
    device.take(device.signed("resend", 2, 1))
    assert device.said()[0] == ["S", "1", "2", "3"]


@pytest.mark.parametrize("kind", ["S", "F", "L", "W"])
def test_the_newest_eight_are_kept(kind: str) -> None:
    device = Device()
    for i in range(10):
        device.link.send("T", "row")
        device.link.send(kind, f"text {i}")
        device.link.send("N", "name")
        device.said()
    for i in range(10):
        device.take(device.signed("resend", i + 1, 3 * i + 2))
        answered = device.said()
        assert answered[-1][:3] == ["A", str(i + 1), "1" if i >= 2 else "0"]
        assert answered[:-1] == ([[kind, f"text {i}"]] if i >= 2 else [])


@pytest.mark.parametrize("wanted", [(), ("",), ("x",), ("-1",), (1,), (99,)])
def test_what_is_not_kept_is_refused(wanted: tuple[object, ...]) -> None:
    device = Device()
    device.link.send("T", "row")
    device.said()
    assert device.take(device.signed("resend", 1, *wanted)) == []
    assert device.said() == [["A", "1", "0", "line is not kept"]]


@pytest.mark.parametrize("kind", ["T", "H", "N", "J"])
def test_rows_and_what_comes_when_it_is_asked_again_are_not_kept(kind: str) -> None:
    device = Device()
    device.link.send(kind, "text")
    device.said()
    device.take(device.signed("resend", 1, 1))
    assert device.said() == [["A", "1", "0", "line is not kept"]]


def test_asking_for_lines_pushes_none_out() -> None:
    device = Device()
    for i in range(8):
        device.link.send("F", str(i))
    device.said()
    for number in range(1, 40):
        device.take(device.signed("resend", number, 1 + number % 8))
        assert device.said()[0] == ["F", str(number % 8)]
