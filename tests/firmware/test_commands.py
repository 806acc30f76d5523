"""What the host may ask for, in every state: no command lights the laser, raises a limit or clears a fault."""

from __future__ import annotations

import pytest
from support.bench import PLAN, Bench, in_state
from support.firmware import load

treatment, version, limits, faults, settings = map(load, ("treatment", "version", "limits", "faults", "settings"))
reading = load("drivers.reading")
STATES = treatment.STATES
UNARMED = ("standby", "complete")
EMITTING = ("heating", "holding")
COMMANDS = {
    "hello": "2",
    "plan": "begin",
    "arm": "",
    "start": "",
    "pause": "",
    "stop": "",
    "why": "",
    "silence": "",
    "status": "",
    "journal": "0",
    "service": "enter",
    "beat": "",
}
ACCEPTED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(COMMANDS, tuple(STATES)),
    "plan": UNARMED,
    "arm": ("standby",),
    "start": ("ready", "paused"),
    "service": (),
}
LEADS_TO = {
    ("pause", "self-test"): "standby",
    ("pause", "heating"): "paused",
    ("pause", "holding"): "paused",
    ("stop", "self-test"): "standby",
    ("stop", "ready"): "standby",
    ("stop", "heating"): "cooling",
    ("stop", "holding"): "cooling",
    ("stop", "paused"): "cooling",
}


def warm(state: str) -> Bench:
    """In this state, its tissue too warm to be done with cooling at once."""
    bench = in_state(state)
    if state in ("heating", "paused"):
        bench.temperatures(44, 40, 40, 40)
        bench.cycle(25)
    return bench


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "beat"])
def test_command_in_state(name: str, state: str) -> None:
    bench = warm(state)
    accepted, problem = bench.command(name, COMMANDS[name])
    assert accepted == (state in ACCEPTED[name])
    if name == "service":
        outside = state in ("standby", "fault")
        assert problem == ("hold the service input while asking" if outside else "not while " + state)
    else:
        assert problem == ("" if accepted else "not while " + state)
    assert bench.state == LEADS_TO.get((name, state), state)
    if bench.state not in EMITTING:
        assert bench.board.light.mw == 0


@pytest.mark.parametrize("state", [state for state in STATES if state not in (*EMITTING, "self-test")])
def test_no_command_lights_the_laser_without_hands(state: str) -> None:
    bench = in_state(state)
    bench.board.open("footswitch", "ready")
    bench.cycle(2)
    edges, duties = bench.board.enable.edges, len(bench.board.pwm.duties)
    for name, text in [*COMMANDS.items(), *COMMANDS.items(), ("arm", ""), ("start", "")]:
        if name != "beat":
            bench.command(name, text)
        bench.cycle(3)
    assert bench.state not in EMITTING
    assert bench.board.enable.edges == edges
    assert set(bench.board.pwm.duties[duties:]) <= {0}


def test_no_command_clears_a_fault() -> None:
    bench = in_state("fault")
    for name, text in COMMANDS.items():
        if name != "beat":
            bench.command(name, text)
    bench.cycle(20)
    assert bench.state == "fault"
    assert bench.fault()["fault"] == 50


# A plan


@pytest.mark.parametrize("name", settings.RANGES)
def test_no_command_goes_beyond_a_limit(name: str) -> None:
    bench = in_state("standby")
    low, high = settings.RANGES[name]
    for value, fits in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        accepted, problem = bench.command("plan", f"put,{name}={value}")
        assert accepted == fits
        assert problem == ("" if fits else f"{name} = {value}: allowed are {low} to {high}")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fibre": 0, "cap_mw": 3001}, "cap_mw = 3001: this kind of fibre allows 3000"),
        ({"probe2_limit_mc": 50001}, "probe2_limit_mc = 50001: its role allows 50000"),
        ({"probe0_limit_mc": 65001}, "probe0_limit_mc = 65001: its role allows 65000"),
        ({"feed_forward_mw": 3001}, "feed_forward_mw = 3001: the cap is 3000"),
        ({"probe1_role": 1}, "exactly one control probe is needed"),
        ({"probe0_role": 4}, "exactly one control probe is needed"),
    ],
)
def test_a_plan_that_goes_beyond_is_not_taken_and_the_one_before_stays(changes: dict[str, int], problem: str) -> None:
    bench = in_state("standby")
    bench.command("plan", "begin")
    for name, value in (PLAN | changes).items():
        assert bench.command("plan", f"put,{name}={value}") == (True, "")
    assert bench.command("plan", "commit") == (False, problem)
    assert bench.app.settings.cap_mw == PLAN["cap_mw"]
    assert bench.app.settings.limit_mc[2] == PLAN["probe2_limit_mc"]
    assert bench.command("arm") == (True, "")


@pytest.mark.parametrize("name", [name for name in PLAN if not name.startswith("probe")] + ["probe0_limit_mc"])
def test_a_plan_wants_everything(name: str) -> None:
    bench = Bench()
    bench.command("plan", "begin")
    for other, value in PLAN.items():
        if other != name:
            bench.command("plan", f"put,{other}={value}")
    assert bench.command("plan", "commit") == (False, name + " is missing")


def test_a_converter_that_cannot_do_its_type_is_no_plan() -> None:
    bench = in_state("standby")
    bench.board.chips[3].types = [7]
    bench.command("plan", "begin")
    assert bench.command("plan", "commit")[0] is False
    with pytest.raises(AssertionError):
        bench.upload()
    assert bench.command("plan", "commit") == (False, "probe3_type = 3: its converter cannot do this type")
    bench.cycle(20)
    assert bench.command("arm") == (False, "no plan")


@pytest.mark.parametrize("state", UNARMED)
def test_a_new_plan_voids_what_was_asked_and_read_before(state: str) -> None:
    bench = in_state(state)
    bench.board.open("footswitch")
    bench.cycle(2)
    bench.command("arm")
    bench.upload()
    assert bench.app.sensing.dark_age[0] > limits.DARK_MAX_AGE
    bench.cycle(20)
    bench.press("ready")
    assert bench.state == state


# Hands


def test_pressing_before_asking_is_no_answer() -> None:
    """A button that sticks does not arm, and a footswitch that sticks does not start: it must be pressed anew."""
    bench = in_state("standby")
    bench.board.close("ready")
    bench.cycle(5)
    assert bench.command("arm") == (False, "footswitch or ready button stuck")
    bench.board.open("ready")
    bench.cycle(2)
    assert bench.command("arm") == (True, "")
    bench.board.close("ready")
    bench.cycle(16)
    assert bench.state == "ready"
    bench.board.close("footswitch")
    bench.cycle(5)
    bench.command("start")
    bench.cycle(5)
    assert bench.state == "ready"
    bench.board.open("footswitch")
    bench.cycle()
    bench.board.close("footswitch")
    bench.cycle(2)
    assert bench.state == "heating"


@pytest.mark.parametrize(
    ("state", "command", "contact", "after"),
    [
        ("standby", "arm", "ready", "self-test"),
        ("ready", "start", "footswitch", "heating"),
        ("paused", "start", "footswitch", "heating"),
    ],
)
@pytest.mark.parametrize(("waited", "in_time"), [(297, True), (301, False)])
def test_a_request_waits_thirty_seconds_for_hands(
    state: str, command: str, contact: str, after: str, waited: int, in_time: bool
) -> None:
    bench = in_state(state)
    bench.cycle()
    assert bench.command(command) == (True, "")
    bench.cycle(waited - 1)
    bench.board.close(contact)
    bench.cycle(2)
    assert bench.state == (after if in_time else state)


def test_asking_twice_is_asking_once() -> None:
    bench = in_state("standby")
    bench.command("arm")
    bench.command("arm")
    bench.press("ready")
    bench.command("stop")
    bench.cycle(2)
    bench.press("ready")
    assert bench.state == "standby"


@pytest.mark.parametrize("name", ["stop", "pause"])
@pytest.mark.parametrize(
    ("state", "command", "contact"),
    [("standby", "arm", "ready"), ("ready", "start", "footswitch"), ("paused", "start", "footswitch")],
)
def test_stop_and_pause_take_back_what_was_asked_before(name: str, state: str, command: str, contact: str) -> None:
    bench = in_state(state)
    bench.cycle()
    assert bench.command(command) == (True, "")
    bench.command(name)
    bench.board.close(contact)
    bench.cycle(3)
    assert bench.state not in (*EMITTING, "self-test")


def test_a_fault_takes_back_what_was_asked_before() -> None:
    bench = in_state("ready")
    bench.command("start")
    bench.board.open("emergency stop")
    bench.cycle()
    bench.board.close("emergency stop")
    bench.cycle(2)
    bench.turn_key()
    assert bench.state == "standby"
    bench.command("arm")
    bench.press("ready")
    bench.cycle(14)
    bench.board.close("footswitch")
    bench.cycle(3)
    assert bench.state == "ready"


# Why not


def numbers(bench: Bench) -> list[int]:
    """The reasons against arming, as `why` tells them."""
    bench.reasons.clear()
    assert bench.command("why") == (True, "")
    bench.cycle(12)
    told = bench.reasons
    assert [int(fields[0]) for fields in told] == list(range(len(told)))
    assert {int(fields[1]) for fields in told} <= {len(told)}
    return [int(fields[2]) for fields in told]


def test_why_names_everything() -> None:
    bench = Bench()
    bench.cycle(3)
    assert numbers(bench) == [faults.NO_PLAN, faults.KEY_NOT_TURNED]
    bench.board.open("emergency stop", "key", "remote", "fibre", "cover")
    bench.board.close("ready")
    bench.cycle(2)
    open_ = [faults.EMERGENCY_STOP, faults.KEY_OFF, faults.REMOTE_OPEN, faults.FIBRE_OPEN, faults.COVER_OPEN]
    expected = [*open_, faults.NO_PLAN, faults.KEY_NOT_TURNED, faults.BUTTON_STUCK]
    assert numbers(bench) == expected
    names = [faults.CATALOGUE[number][0] for number in expected]
    assert [fields[3] for fields in bench.reasons] == names
    assert bench.command("arm") == (False, "; ".join(names))
    bench.board.close("emergency stop", "key", "remote", "fibre", "cover")
    bench.board.open("ready")
    bench.upload()
    bench.cycle(20)
    assert numbers(bench) == []
    bench.board.chips[2].status = reading.OPEN
    bench.board.supply_mv(4300)
    bench.cycle(2)
    assert numbers(bench) == [faults.BROWN_OUT, faults.PROBE_OPEN]
    assert bench.command("arm") == (False, "supply too low; probe open (probe 2)")


def test_what_stood_against_it_and_is_gone_stands_no_more() -> None:
    bench = in_state("standby")
    bench.board.chips[2].status = reading.SHORT_GROUND
    bench.cycle(100)
    assert bench.command("arm")[0] is False
    bench.board.chips[2].status = reading.OK
    bench.cycle(12)
    assert bench.command("arm") == (True, "")


def test_a_hazard_that_comes_after_asking_does_not_arm() -> None:
    bench = in_state("standby")
    assert bench.command("arm") == (True, "")
    bench.board.chips[2].status = reading.OPEN
    bench.cycle(2)
    bench.press("ready")
    bench.cycle(2)
    assert bench.state == "standby"


def test_a_channel_without_a_role_does_not_stand_against_arming() -> None:
    bench = Bench()
    bench.board.chips[3].status = reading.NO_RESPONSE
    bench.to_standby_with_plan(probe3_role=0)
    assert bench.command("arm") == (True, "")


# What is told


def test_handshake_names_every_column_state_and_reason() -> None:
    bench = Bench()
    bench.cycle(40)
    bench.lines.clear()
    assert bench.command("hello", "2") == (True, "")
    words: dict[str, list[str]] = {}
    for kind, fields in bench.lines:
        if kind == "N":
            assert int(fields[2]) == len(words.setdefault(fields[0], []))
            words[fields[0]] += fields[3:]
            assert int(fields[1]) >= len(words[fields[0]])
    identity = [fields for kind, fields in bench.lines if kind == "H"][-1]
    nonce = bench.app.link.session.nonce
    highest = bench.app.link.highest
    assert identity[:6] == [str(version.PROTOCOL), version.VERSION, "bench", "stub", bench.app.manifest, nonce]
    assert 0 <= int(identity[6]) <= highest
    report = load("report")
    assert words["columns"] == list(report.COLUMNS)
    assert words["probe_columns"] == list(report.PROBE_COLUMNS)
    assert words["states"] == list(STATES)
    assert words["reasons"] == list(load("control").REASONS)


@pytest.mark.parametrize("text", ["", "1", "3", "x"])
def test_another_protocol_is_refused_with_a_remedy(text: str) -> None:
    bench = Bench()
    bench.cycle(10)
    accepted, problem = bench.command("hello", text)
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
        ("service", "", "service: one of calibration enter key laser leave name save show start-over"),
        ("service", "fire", "service: one of calibration enter key laser leave name save show start-over"),
    ],
)
def test_refusals(name: str, text: str, problem: str) -> None:
    assert Bench().command(name, text) == (False, problem)


def test_silence_is_the_silence_button() -> None:
    """It pauses the sound, and ends the pause; a new alarm sounds all the same."""
    for by_host in (True, False):
        bench = in_state("fault")
        bench.cycle(20)
        for silenced in (1, 0):
            if by_host:
                assert bench.command("silence") == (True, "")
            else:
                bench.press("silence")
            bench.cycle(2)
            assert bench.app.alarms.silenced == silenced
            assert bench.alarms[-1][1] == "0"
            assert bench.alarms[-1][3] == str(silenced)


@pytest.mark.parametrize("command", ["x" * 150, "plan,put," + "x" * 150, "journal," + "9" * 150, "x," + "," * 150])
def test_no_answer_is_longer_than_a_line(command: str) -> None:
    bench = Bench()
    found = bench.line_lengths()
    name, _, text = command.partition(",")
    accepted, _ = bench.command(name, text)
    assert not accepted
    assert max(found) <= limits.LINE_MAX_BYTES


def test_even_the_longest_refusal_to_arm_fits_a_line() -> None:
    bench = Bench()
    found = bench.line_lengths()
    bench.upload()
    for chip in bench.board.chips:
        chip.status = reading.NO_RESPONSE
    bench.board.open("emergency stop", "key", "remote", "fibre", "cover")
    bench.board.close("ready", "footswitch")
    bench.board.supply_mv(3000)
    bench.cycle(10)
    accepted, problem = bench.command("arm")
    assert not accepted
    assert problem.startswith("emergency stop pressed; ")
    assert len(numbers(bench)) >= 8
    assert max(found) <= limits.LINE_MAX_BYTES
