"""A treatment through a real pseudo-terminal, with a simulated device at its other end or a script in its place."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import serial
from host.command import TIMEOUT_S, run, start
from host.plans import changed, load, write

from imilt.device import open_port, run_on
from imilt.link import body_of
from imilt.live import LiveView
from imilt.plan import LoadedPlan, Plan
from imilt.run import Run
from imilt.treat import PROMPTS, Treatment
from imilt_sim.faults import parse_fault
from imilt_sim.serve import Served

SPEED = 10.0
"""A row every 10 ms: a host that is kept waiting for half a second loses none, nor its lease of a second."""
# Nearly there at the start, and cool soon after: 90 s in all.
QUICK = changed(("hold_min = 0.5", "hold_min = 0.5\nset_point_c = 42.5")) + "\n[supervision]\nlease_s = 10.0\n"


class Watched(Served):
    """A served device that keeps what its firmware wrote, with the simulated time of each write."""

    def __init__(self, *arguments: Any) -> None:
        self.written: list[tuple[float, bytes]] = []
        super().__init__(*arguments)

    def _console(self, data: bytes, time_s: float) -> bytes:
        self.written.append((time_s, data))
        return super()._console(data, time_s)

    def rows(self) -> list[bytes]:
        """The payloads of all whole rows so far."""
        bodies = map(body_of, b"".join(data for _, data in self.written).split(b"\n"))
        return [body.split(b",", 2)[2] for body in bodies if body and body.startswith(b"T,")]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < give_up
            time.sleep(0.002)


Serve = Callable[..., Watched]


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedPlan:
    return load(tmp_path, QUICK)


@pytest.fixture
def serve(loaded: LoadedPlan) -> Iterator[Serve]:
    """Serve a device in a thread; it is stopped after the test."""
    running: list[tuple[Watched, threading.Thread]] = []

    def begin(speed: float = SPEED, *faults: str, plan: Plan | None = None) -> Watched:
        served = Watched(plan or loaded.plan, 1, [parse_fault(text, 2) for text in faults], speed)
        thread = threading.Thread(target=served.run)
        thread.start()
        running.append((served, thread))
        return served

    yield begin
    for served, thread in running:
        served.stop()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


class View(LiveView):
    """Shows nothing, and does something once, at the first frame in a state."""

    def __init__(self, loaded: LoadedPlan, state: str = "", action: Callable[[], None] = lambda: None) -> None:
        super().__init__(loaded.plan, quiet=True)
        self._at = state
        self._action = action

    def frame(self, treatment: Treatment, row: bytes) -> None:
        if treatment.state == self._at:
            self._at = ""
            self._action()


def test_a_treatment_completes_and_no_row_is_missing(tmp_path: Path, loaded: LoadedPlan, serve: Serve) -> None:
    served = serve()
    with open_port(served.path) as port:
        summary = run_on(port, loaded, tmp_path / "run", View(loaded))
    assert (summary["end_reason"], summary["level"]) == ("complete", "device")
    assert (summary["missing_rows"], summary["dropped_rows"], served.dropped_bytes) == (0, 0, 0)
    assert summary["hold_s"] == 30.0
    read = Run.load(tmp_path / "run")
    assert read.chain_ok
    assert read.cycles.missing == 0
    first = int(read.cycles["cycle"][0])
    recorded = (tmp_path / "run" / "cycles.csv").read_bytes().splitlines()[1:]
    assert [row.rstrip(b",") for row in recorded] == served.rows()[first : first + len(recorded)]


def test_the_whole_as_users_run_it(tmp_path: Path) -> None:
    plan = write(tmp_path, QUICK)
    with start("serve", plan, "--speed", str(SPEED), cwd=tmp_path) as server:
        try:
            assert server.stdout
            path = server.stdout.readline().strip()
            done = run("treat", plan, "--port", path, "--out", "run", "--json", cwd=tmp_path)
        finally:
            server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["end_reason"] == "complete"
    for prompt in ("turn the key off and on", "press the ready button", "press and hold the footswitch"):
        assert f"→ {prompt}" in done.stderr
    assert (tmp_path / "run" / "report.html").exists()
    assert (server.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_a_device_that_disappears_leaves_its_record(tmp_path: Path, loaded: LoadedPlan, serve: Serve) -> None:
    served = serve()
    with open_port(served.path) as port:
        summary = run_on(port, loaded, tmp_path / "run", View(loaded, "heating", served.stop))
    assert summary["end_reason"] == "host"
    assert re.match(r"the device (disappeared|fell silent) after \d+\.\d s", summary["end_text"])
    read = Run.load(tmp_path / "run")
    assert read.chain_ok
    assert "heating" in [event.get("state") for event in read.events]
    assert len(read.cycles) >= 40


def test_ctrl_c_stops_the_device_and_waits_until_it_is_cool(tmp_path: Path, loaded: LoadedPlan, serve: Serve) -> None:
    served = serve()
    before = signal.getsignal(signal.SIGINT)
    interrupt = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    with open_port(served.path) as port:
        summary = run_on(port, loaded, tmp_path / "run", View(loaded, "heating", interrupt))
    assert (summary["end_reason"], summary["end_code"]) == ("stopped", 2)
    states = [event["state"] for event in Run.load(tmp_path / "run").events if event["kind"] == "state"]
    assert states[-2:] == ["cooling", "complete"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_pause_and_presence_need_the_hands_that_they_get(tmp_path: Path, serve: Serve) -> None:
    watchful = changed(
        ("lease_s = 10.0", "lease_s = 10.0\nconfirm_min = 1.0"), ("hold_min = 0.5", "hold_min = 0.8"), text=QUICK
    )
    loaded = load(tmp_path, watchful)
    served = serve(SPEED, plan=loaded.plan)
    break_lead = lambda: setattr(served.world.leads[0], "glitches", 30)  # noqa: E731
    with open_port(served.path) as port:
        summary = run_on(port, loaded, tmp_path / "run", View(loaded, "heating", break_lead))
    assert (summary["end_reason"], summary["missing_rows"]) == ("complete", 0)
    assert [(pause["code"], pause["reason"], pause["ended"]) for pause in summary["pauses"]] == [
        (20, "probe open", "resumed")
    ]
    told = [event["text"] for event in Run.load(tmp_path / "run").events if event["text"].startswith("asked: ")]
    whats = [what for text in told for what, words in PROMPTS.items() if text == f"asked: {words}"]
    assert whats == ["key", "ready", "footswitch", "footswitch", "release", "confirm"]


def test_one_treatment_follows_the_other(tmp_path: Path, loaded: LoadedPlan, serve: Serve) -> None:
    served = serve()
    interrupt = lambda: signal.raise_signal(signal.SIGINT)  # noqa: E731
    ends = []
    for name in ("first", "second"):
        with open_port(served.path) as port:
            summary = run_on(port, loaded, tmp_path / name, View(loaded, "heating", interrupt))
        states = [event.get("state") for event in Run.load(tmp_path / name).events]
        ends.append((summary["end_reason"], "heating" in states))
    assert ends == [("stopped", True)] * 2


def test_a_host_with_another_key_is_told_so(tmp_path: Path, loaded: LoadedPlan, serve: Serve) -> None:
    served = serve()
    with open_port(served.path) as port:
        summary = run_on(port, loaded, tmp_path / "run", View(loaded), lambda unique_id: b"x" * 32)
    assert summary["end_reason"] == "host"
    assert "has another key than this host" in summary["end_text"]


# A device with nobody, or somebody else, at the other end


def test_a_host_that_never_reads_costs_the_device_no_cycle(serve: Serve) -> None:
    served = serve(1000.0)
    served.wait_for(lambda: served.dropped_bytes > 20_000)
    time_s, cycle = served.written[-1][0], int(served.rows()[-1].split(b",")[0])
    assert cycle == pytest.approx(time_s * 10, abs=40)  # what waits in the queue is no older than that


def test_a_terminal_sees_readable_lines(serve: Serve) -> None:
    served = serve(200.0)
    seen = b""
    with serial.Serial(served.path, timeout=1.0) as port:
        while seen.count(b"\n") < 100:
            seen += port.read(256)
    lines = seen.split(b"\n")[1:-1]
    assert all(re.fullmatch(rb"T,\d+,[-0-9,]+\*[0-9a-f]{8}", line) and body_of(line) for line in lines)


@pytest.mark.parametrize(
    "garbage",
    [b"\x00\xff\xfe\r\n" * 30, b"\x03\x04", b"stop,1*00000000\n", b"x" * 5000 + b"\n", b"k,99,0\n>>> import os\r\n"],
    ids=["binary", "control characters", "bad crc", "endless line", "text"],
)
def test_garbage_changes_nothing(serve: Serve, garbage: bytes) -> None:
    """A port scanner, a modem manager or a cat on the keyboard."""
    untouched, disturbed = serve(1000.0), serve(1000.0)
    with serial.Serial(disturbed.path, write_timeout=1.0) as port:
        while len(disturbed.rows()) < 200:
            port.write(garbage)
            time.sleep(0.01)
    untouched.wait_for(lambda: len(untouched.rows()) >= 200)
    assert disturbed.rows()[:200] == untouched.rows()[:200]


def test_a_port_that_somebody_has_is_refused(serve: Serve) -> None:
    served = serve()
    with open_port(served.path), pytest.raises(Exception, match="cannot be opened"):
        open_port(served.path)


def test_a_device_that_says_nothing_ends_it(
    tmp_path: Path, loaded: LoadedPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imilt.device._SILENCE_S", 0.2)
    monkeypatch.setattr("imilt.device._GREETING_S", 0.2)
    master, slave = os.openpty()
    try:
        with open_port(os.ttyname(slave)) as port:
            summary = run_on(cast(serial.Serial, port), loaded, tmp_path / "run", View(loaded))
    finally:
        os.close(master)
        os.close(slave)
    assert (summary["end_reason"], summary["end_text"]) == ("host", "the device fell silent after 0.0 s")
