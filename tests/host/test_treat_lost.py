"""A treatment over a bad line: what gets lost is asked for again or counted, what has no meaning is left out."""

from __future__ import annotations

import pytest
from host.fake_device import COLUMNS, WHOLE, FakeDevice, events

from imilt.record import Recorder
from imilt.treat import Treatment


def lose(device: FakeDevice, kind: str, start: str = "", times: int = 1) -> None:
    """Let the first so many lines of a kind get lost, if their text starts so."""
    left = [times]

    def lost(line_kind: str, text: str) -> bool:
        hit = bool(left[0] and line_kind == kind and text.startswith(start))
        left[0] -= hit
        return hit

    device.lose = lost


@pytest.mark.parametrize("number", range(8))
def test_a_lost_answer_is_asked_for_again(device: FakeDevice, treatment: Treatment, number: int) -> None:
    """Unless hands at the device have already done what was asked for."""
    left = [number]

    def lost(kind: str, text: str) -> bool:
        left[0] -= kind == "A"
        return kind == "A" and left[0] == -1

    device.lose = lost
    device.run()
    assert treatment.state == "complete"
    assert treatment.problem == ""
    assert len(device.commands) == 9 + (number < 7)  # the plan takes three lines
    assert device.names() == WHOLE
    # Under the same number, so that it is not carried out again; only a hello has no memory.
    again = [name for name, text in device.commands if text == "again"]
    assert again == [device.commands[number][0]] * (0 < number < 7)


def test_a_device_that_never_answers_ends_it(device: FakeDevice, treatment: Treatment) -> None:
    device.lose = lambda kind, text: kind == "A"
    device.run()
    assert treatment.problem == "the device did not answer hello in 5 tries"
    assert device.commands == [("hello", "2")] * 5


def test_a_stop_whose_answer_is_lost_is_said_again(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    lose(device, "A")
    treatment.stop("enough")
    device.run()
    assert (treatment.state, treatment.end_code) == ("complete", 2)
    assert device.commands[-2:] == [("stop", "")] * 2


@pytest.mark.parametrize("lost", ["H", "N"])
def test_a_lost_line_of_the_handshake_is_asked_for_again(device: FakeDevice, treatment: Treatment, lost: str) -> None:
    lose(device, lost)
    device.run()
    assert treatment.state == "complete"
    assert treatment.names["columns"] == list(COLUMNS)


@pytest.mark.parametrize("state", range(1, 6))
def test_a_lost_state_line_does_not_hold_it_up_as_rows_tell_the_state_too(
    device: FakeDevice, treatment: Treatment, state: int
) -> None:
    device.lose = lambda kind, text: kind == "S" and text.split(",")[1] == str(state)
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 1, "")


def test_a_lost_line_is_asked_for_and_comes(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.run_to("heating")
    lose(device, "F")
    device.trip()
    device.run()
    assert len(device.resends) == 1
    (event,) = events(recorder, "fault")
    assert event["fault"] == 50
    assert treatment.fault_known


def test_a_late_state_does_not_take_it_back(device: FakeDevice, treatment: Treatment) -> None:
    device.cycles_per_state = 0
    device.run_to("ready")
    lose(device, "S")  # heating
    device.run()
    assert (treatment.state, treatment.problem) == ("complete", "")
    assert len(device.resends) == 1
    told = [event["text"] for event in events(treatment.recorder, "state")]
    assert told == ["self-test", "ready", "heating", "holding", "cooling", "complete"]


def test_a_late_alarm_does_not_come_back(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    device.alarm(70)
    lose(device, "L")
    device.alarm(20)
    device.cycle += 1
    device.alarm(20, on=False)
    device.turn(3)
    assert len(device.resends) == 1
    assert [alarm.number for alarm in treatment.alarms] == [70]


def test_what_is_not_kept_is_not_a_refusal_on_record(
    device: FakeDevice, treatment: Treatment, recorder: Recorder
) -> None:
    device.lose = lambda kind, text: kind == "T" and text.split(",")[0] in ("37", "38")
    device.run()
    assert len(device.resends) == 2
    assert events(recorder, "answer") == []


def test_lost_rows_are_counted_and_told(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.lose = lambda kind, text: kind == "T" and text.split(",")[0] in ("7", "8", "12")
    device.run()
    assert treatment.missing_rows == 3
    assert [event["text"] for event in events(recorder, "warning")] == [
        "2 rows lost before cycle 9",
        "1 rows lost before cycle 13",
    ]


def test_a_row_that_comes_twice_is_no_row_more(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    device.send("T", device.rows[-1].decode())
    device.run()
    assert treatment.missing_rows == 0


@pytest.mark.parametrize(
    "line",
    [
        "A,x,1,",
        "A,1",
        "S,1,2",
        "S,1,99,0",
        "F,1,2",
        "H,1",
        "N,columns",
        "T,x,1",
        "L,1,2",
        "L,1,20,9,1,0,x",
        "W,0",
        "Z,1,2",
    ],
)
def test_lines_of_another_form_are_not_taken(device: FakeDevice, treatment: Treatment, line: str) -> None:
    device.run_to("heating")
    kind, _, text = line.partition(",")
    device.send(kind, text)
    device.run()
    assert treatment.state == "complete"


@pytest.mark.parametrize("noise", [b"\x00\xff\xfe", b"MicroPython v1.28\r\n>>> ", b"T,5,1,2*00000000\n", b"\n\n"])
def test_noise_on_the_line_is_survived(device: FakeDevice, treatment: Treatment, noise: bytes) -> None:
    device.raw(noise)
    device.run_to("heating")
    device.raw(noise + b"\n")
    device.run()
    assert treatment.state == "complete"
