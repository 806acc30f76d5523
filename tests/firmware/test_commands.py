"""What the host may ask for, in every state: no command lights the laser, raises a limit or clears a fault."""

from __future__ import annotations

import pytest
from support.bench import PLAN, Bench, in_state
from support.firmware import load

treatment, version, limits = load("treatment"), load("version"), load("limits")
UNARMED = ("standby", "complete")
EMITTING = ("heating", "holding")
COMMANDS = {
    "hello": "1",
    "plan": "begin",
    "arm": "",
    "start": "",
    "pause": "",
    "stop": "",
}
ACCEPTED = {
    "hello": treatment.STATES,
    "plan": UNARMED,
    "arm": ("standby",),
    "start": ("ready", "paused"),
    "pause": treatment.STATES,
    "stop": treatment.STATES,
}
LEADS_TO = {
    ("pause", "heating"): "paused",
    ("pause", "holding"): "paused",
    ("stop", "ready"): "standby",
    ("stop", "heating"): "cooling",
    ("stop", "holding"): "cooling",
    ("stop", "paused"): "cooling",
}


@pytest.mark.parametrize("state", treatment.STATES)
@pytest.mark.parametrize("name", COMMANDS)
def test_command_in_state(name: str, state: str) -> None:
    bench = in_state(state)
    accepted, problem = bench.command(name, COMMANDS[name])
    assert accepted == (state in ACCEPTED[name])
    assert problem == ("" if accepted else "not while " + state)
    assert bench.state == LEADS_TO.get((name, state), state)
    if bench.state not in EMITTING:
        assert bench.duty == 0


@pytest.mark.parametrize("state", [state for state in treatment.STATES if state not in EMITTING])
def test_no_command_lights_the_laser_without_hands(state: str) -> None:
    bench = in_state(state)
    bench.board.open("footswitch", "ready")
    edges, duties = bench.board.enable.edges, len(bench.board.pwm.duties)
    for name, text in [*COMMANDS.items(), *COMMANDS.items(), ("arm", ""), ("start", "")]:
        bench.command(name, text)
        bench.cycle(3)
    assert bench.state not in EMITTING
    assert bench.board.enable.edges == edges
    assert set(bench.board.pwm.duties[duties:]) <= {0}


def test_no_command_clears_a_fault() -> None:
    bench = in_state("fault")
    for name, text in COMMANDS.items():
        bench.command(name, text)
    bench.cycle(20)
    assert bench.state == "fault"
    assert bench.fault()["fault"] == 50


@pytest.mark.parametrize(
    "command", ["plan,put,cap_mw=5001", "plan,put,set_point_mc=50001", "plan,put,probe0_limit_mc=95001"]
)
def test_no_command_raises_a_hard_limit(command: str) -> None:
    name, _, text = command.partition(",")
    accepted, problem = in_state("standby").command(name, text)
    assert not accepted
    assert "allowed are" in problem


def test_pressing_before_asking_is_no_answer() -> None:
    """A ready button that sticks does not arm, and a footswitch that sticks does not start: it must be pressed anew."""
    bench = in_state("standby")
    bench.board.close("ready")
    bench.cycle(5)
    bench.command("arm")
    bench.cycle(5)
    assert bench.state == "standby"
    bench.board.open("ready")
    bench.cycle()
    bench.press("ready")
    assert bench.state == "ready"
    bench.board.close("footswitch")
    bench.cycle(5)
    bench.command("start")
    bench.cycle(5)
    assert bench.state == "ready"
    bench.board.open("footswitch")
    bench.cycle()
    bench.board.close("footswitch")
    bench.cycle()
    assert bench.state == "heating"


@pytest.mark.parametrize(
    ("state", "command", "contact", "after"),
    [
        ("standby", "arm", "ready", "ready"),
        ("ready", "start", "footswitch", "heating"),
        ("paused", "start", "footswitch", "heating"),
    ],
)
@pytest.mark.parametrize(("waited", "in_time"), [(298, True), (301, False)])
def test_a_request_waits_thirty_seconds_for_hands(
    state: str, command: str, contact: str, after: str, waited: int, in_time: bool
) -> None:
    bench = in_state(state)
    assert bench.command(command) == (True, "")
    bench.cycle(waited - 1)
    bench.board.close(contact)
    bench.cycle()
    assert bench.state == (after if in_time else state)


def test_asking_twice_is_asking_once() -> None:
    bench = in_state("standby")
    bench.command("arm")
    bench.command("arm")
    bench.press("ready")
    bench.command("stop")
    bench.press("ready")
    assert bench.state == "standby"


def test_stop_takes_back_what_was_asked_before() -> None:
    """Ready, start asked, stopped, armed again: the footswitch alone starts nothing."""
    bench = in_state("ready")
    bench.command("start")
    bench.command("stop")
    bench.command("arm")
    bench.press("ready")
    bench.board.close("footswitch")
    bench.cycle(3)
    assert bench.state == "ready"


def test_stop_takes_back_a_request_to_arm() -> None:
    bench = in_state("standby")
    bench.command("arm")
    bench.command("stop")
    bench.press("ready")
    assert bench.state == "standby"


def test_a_fault_takes_back_what_was_asked_before() -> None:
    bench = in_state("ready")
    bench.command("start")
    bench.board.open("emergency stop")
    bench.cycle()
    bench.board.close("emergency stop")
    bench.turn_key()
    assert bench.state == "standby"
    bench.command("arm")
    bench.press("ready")
    bench.board.close("footswitch")
    bench.cycle(3)
    assert bench.state == "ready"


def test_why_not_arm_names_everything() -> None:
    bench = Bench()
    bench.cycle()
    assert bench.command("arm") == (False, "no plan")
    bench.board.open("emergency stop", "key", "remote", "fibre")
    bench.cycle()
    expected = "no plan; emergency stop pressed; key turned off; remote interlock open; fibre not connected"
    assert bench.command("arm") == (False, expected)
    bench.board.close("emergency stop", "key", "remote", "fibre")
    bench.upload()
    bench.to_phase(8)
    assert bench.command("arm") == (False, "no dark reading of the control probe yet")
    bench.to_phase(2)
    assert bench.command("arm") == (True, "")
    bench.board.chips[2].status = 2
    bench.cycle(2)
    assert bench.command("arm") == (False, "probe 2 has no valid reading")


def test_a_channel_without_a_role_does_not_stand_against_arming() -> None:
    bench = Bench()
    bench.board.chips[3].status = 6
    bench.to_standby_with_plan(probe3_role=0)
    assert bench.command("arm") == (True, "")


def test_handshake_names_every_column_state_and_reason() -> None:
    bench = Bench()
    words: dict[str, list[str]] = {}
    identity: list[str] = []
    on_line = bench.host._on_line

    def keep(kind: str, fields: list[str]) -> None:
        if kind == "N":
            assert int(fields[2]) == len(words.setdefault(fields[0], []))
            words[fields[0]] += fields[3:]
        elif kind == "H":
            identity[:] = fields
        on_line(kind, fields)

    bench.host._on_line = keep
    assert bench.command("hello", "1") == (True, "")
    assert identity == ["1", version.VERSION, "bench", "stub", bench.app.manifest]
    assert words["columns"] == list(bench.app.COLUMNS)
    assert words["probe_columns"] == list(bench.app.PROBE_COLUMNS)
    assert words["states"] == list(treatment.STATES)
    assert words["reasons"] == list(load("control").REASONS)


@pytest.mark.parametrize("text", ["", "2", "x"])
def test_another_protocol_is_refused_with_a_remedy(text: str) -> None:
    accepted, problem = Bench().command("hello", text)
    assert not accepted
    assert "install the matching host tool or firmware" in problem


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("fire", "", "unknown command fire"),
        ("plan", "", "plan: begin; put or commit"),
        ("plan", "now", "plan: begin; put or commit"),
        ("plan", "put,cap_mw", "cap_mw is no integer"),
        ("plan", "put,cap_mw=1.5", "cap_mw is no integer"),
        ("plan", "put,cap=1", "unknown parameter cap"),
    ],
)
def test_refusals(name: str, text: str, problem: str) -> None:
    assert Bench().command(name, text) == (False, problem)


@pytest.mark.parametrize("state", ["standby", "complete"])
def test_a_new_plan_voids_requests_and_readings(state: str) -> None:
    bench = in_state(state)
    bench.command("arm")
    bench.upload(**PLAN)
    bench.press("ready")
    assert bench.state == state
    assert bench.app.sensing.age[0] > limits.SAMPLE_MAX_AGE


def all_lines(bench: Bench) -> list[int]:
    """Lengths of all lines that the device sends from now on."""
    lengths: list[int] = []
    receive = bench.host.receive

    def measure(data: bytes) -> None:
        lengths.extend(len(line) + 1 for line in (bytes(bench.host._rest) + data).split(b"\n")[:-1])
        receive(data)

    bench.host.receive = measure  # type: ignore[method-assign]
    return lengths


@pytest.mark.parametrize("name", ["x" * 230, "plan,put," + "x" * 220, "x," + "9" * 225])
def test_no_answer_is_longer_than_a_line(name: str) -> None:
    bench = Bench()
    lengths = all_lines(bench)
    command, _, text = name.partition(",")
    if text[:1] == "9":
        bench.board.serial.rx += load("link").frame(name)
    else:
        bench.host.send(command, text)
    bench.cycle(60)
    assert max(lengths) <= limits.LINE_MAX_BYTES


def test_even_the_longest_refusal_to_arm_fits_a_line() -> None:
    bench = Bench()
    lengths = all_lines(bench)
    bench.upload()
    for chip in bench.board.chips:
        chip.status = 6
    bench.board.open("emergency stop", "key", "remote", "fibre")
    bench.cycle(10)
    bench.host.send("arm")
    bench.cycle(60)
    assert max(lengths) <= limits.LINE_MAX_BYTES


@pytest.mark.parametrize("fault", load("faults").CATALOGUE)
def test_every_fault_fits_a_line(fault: int) -> None:
    bench = Bench()
    lengths = all_lines(bench)
    bench.app.safety.found(fault, 3, -(1 << 29), 1 << 29)
    bench.cycle(30)
    assert bench.faults
    assert max(lengths) <= limits.LINE_MAX_BYTES
