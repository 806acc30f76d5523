"""The pump between a port and a treatment, with a script in the port's place: no device is left without a word."""

from __future__ import annotations

import pytest
from host.fake_device import FakeDevice

from imilt.device import Session
from imilt.errors import RunError
from imilt.record import Recorder
from imilt.treat import Treatment

MOST_READS = 5000


class Port:
    """A serial port with a fake device behind it: each read is a cycle. `noise` talks in its place."""

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self.in_waiting = 0
        self.noise = b""
        self.silent_from = MOST_READS
        self.fails_from = MOST_READS
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        assert self.reads < MOST_READS, "the host reads for ever"
        if self.reads > self.fails_from:
            raise OSError(5, "Input/output error")
        if self.reads > self.silent_from:
            return b""
        return self.noise or self.device.cycled()

    def write(self, data: bytes) -> None:
        if self.reads > self.fails_from:
            raise OSError(5, "Input/output error")
        self.device.take(data)


@pytest.fixture
def port(device: FakeDevice) -> Port:
    return Port(device)


@pytest.fixture
def session(port: Port, treatment: Treatment) -> Session:
    return Session(port, treatment)  # type: ignore[arg-type]


def test_a_treatment_runs_through(session: Session, treatment: Treatment, device: FakeDevice) -> None:
    session.run()
    assert (treatment.state, treatment.problem) == ("complete", "")
    assert device.acknowledged


def interrupt_when(
    monkeypatch: pytest.MonkeyPatch, device: FakeDevice, session: Session, state: str, times: int = 1
) -> None:
    """Ctrl-C once `state` is entered."""
    enter = device.enter

    def entering(entered: str, end: int | None = None) -> None:
        enter(entered, end)
        for _ in range(times if entered == state else 0):
            session.interrupt()

    monkeypatch.setattr(device, "enter", entering)


def test_the_first_interrupt_stops_the_device_and_waits(
    session: Session, treatment: Treatment, device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_when(monkeypatch, device, session, "heating")
    session.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 2, "")
    assert device.names()[-1] == "stop"


def test_the_second_interrupt_leaves_at_once_but_not_without_a_stop(
    session: Session, treatment: Treatment, device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_when(monkeypatch, device, session, "heating", times=2)
    session.run()
    assert treatment.problem == "left by the user before the device had stopped"
    assert device.names()[-1] == "stop"


@pytest.mark.parametrize("waiting_for", ["ready", "footswitch"])
def test_an_interrupt_while_hands_are_waited_for_ends_it_soon(
    session: Session, treatment: Treatment, device: FakeDevice, port: Port, waiting_for: str
) -> None:
    device.hands.discard(waiting_for)
    prompt = device.prompt

    def prompted(what: str) -> None:
        prompt(what)
        if what == waiting_for:
            session.interrupt()
            port.reads = MOST_READS - 50

    treatment._on_prompt = prompted
    session.run()
    assert device.names()[-1] == "stop"


def test_a_host_that_gives_up_stops_the_device(session: Session, treatment: Treatment, device: FakeDevice) -> None:
    device.hands.discard("footswitch")
    session.run()
    assert treatment.problem == "nobody did: press and hold the footswitch"
    assert device.names()[-1] == "stop"


def test_a_silent_device_is_told_to_stop_all_the_same(
    session: Session, treatment: Treatment, device: FakeDevice, port: Port
) -> None:
    port.silent_from = 12
    session.run()
    assert treatment.problem.startswith("the device fell silent after 1.")
    assert device.names()[-1] == "stop"


def test_a_device_that_is_gone_ends_it(session: Session, treatment: Treatment, port: Port) -> None:
    port.fails_from = 12
    session.run()
    assert treatment.problem == "the device disappeared after 1.2 s: [Errno 5] Input/output error"


def test_a_record_that_cannot_be_kept_stops_the_device(
    session: Session, device: FakeDevice, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(payload: bytes) -> None:
        if device.state == "heating":
            raise RunError("the record cannot be written any more")

    monkeypatch.setattr(recorder, "row", full)
    with pytest.raises(RunError, match="cannot be written"):
        session.run()
    assert device.names()[-1] == "stop"


@pytest.mark.parametrize("noise", [b"$GPGGA,123519,4807.038,N*47\r\n", b"\xff" * 64, b">>> \r\n"])
def test_a_port_on_which_something_else_talks_is_given_up(
    session: Session, treatment: Treatment, port: Port, noise: bytes
) -> None:
    port.noise = noise
    session.run()
    assert treatment.problem
