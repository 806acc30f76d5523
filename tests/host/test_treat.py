"""A treatment over the link, against a device made of a script: what is sent, what is waited for, how it ends."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from host.conftest import Connect
from host.fake_device import COLUMNS, PROBE_COLUMNS, SELF_TEST_CYCLES, UNIQUE_ID, WHOLE, FakeDevice, events
from host.plans import short

from imilt.link import LINE_MAX_BYTES, default_key, frame
from imilt.plan import Plan
from imilt.record import Recorder
from imilt.telemetry import fault_text
from imilt.treat import PROMPTS, Treatment


def rows(recorder: Recorder) -> list[str]:
    recorder.flush()
    return (recorder.folder / "cycles.csv").read_text().splitlines()


def test_a_sound_treatment_goes_from_handshake_to_complete(device: FakeDevice, treatment: Treatment) -> None:
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 1, "")
    assert device.names() == WHOLE
    assert device.prompts == ["ready", "footswitch", "release"]


def test_each_prompt_stands_in_the_record_when_it_was_made(
    device: FakeDevice, treatment: Treatment, recorder: Recorder
) -> None:
    device.key_turned = False
    device.run_to("holding")
    device.alarm(73)
    device.run()
    assert device.prompts == ["key", "ready", "footswitch", "release", "confirm"]
    notes = [event["text"] for event in events(recorder, "note") if event["text"].startswith("asked: ")]
    assert notes == [f"asked: {PROMPTS[what]}" for what in device.prompts]


def test_the_self_test_is_waited_for_before_the_footswitch(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("self-test")
    device.turn(SELF_TEST_CYCLES - 1)
    assert device.prompts == ["ready"]
    assert treatment.waiting_for == "the self-test"
    device.run()
    assert device.prompts == ["ready", "footswitch", "release"]


def test_the_lease_is_renewed_once_a_second_to_the_end(device: FakeDevice, treatment: Treatment) -> None:
    device.cycles_per_state = 60
    device.run()
    gaps = [after - before for before, after in pairwise(device.beats)]
    assert len(gaps) > 15
    assert set(gaps) == {10}
    assert device.cycle - device.beats[-1] <= 10


def test_what_is_waited_for_is_told(device: FakeDevice, treatment: Treatment) -> None:
    device.hands.clear()
    device.key_turned = False
    told = []
    for hands in ("key", "ready", "footswitch"):
        for _ in range(40):
            device.turn()
            if treatment.waiting_for and treatment.waiting_for not in told:
                told.append(treatment.waiting_for)
        device.hands.add(hands)
    device.run()
    assert told == [
        "the key to be turned off and on",
        "somebody to press the ready button",
        "the self-test",
        "somebody to press and hold the footswitch",
    ]
    assert treatment.waiting_for == ""


def test_the_plan_arrives_whole_in_lines_that_fit(device: FakeDevice, connect: Connect) -> None:
    probes = [{"role": role, "radial_mm": 5.0 + i} for i, role in enumerate(("control", "tip", "guard", "spare"))]
    plan = short(probes=probes, treatment={"max_energy_kj": 27.0})
    connect(device, plan)
    device.run()
    puts = [text for name, text in device.commands if name == "plan" and text.startswith("put,")]
    pairs = [pair.split("=") for text in puts for pair in text.removeprefix("put,").split(",")]
    assert {name: int(value) for name, value in pairs} == plan.device_fields()
    assert all(len(frame(f"plan,99,{text}")) <= LINE_MAX_BYTES for text in puts)


def test_every_row_is_recorded_and_hashed_also_those_before_the_handshake(
    device: FakeDevice, treatment: Treatment, recorder: Recorder
) -> None:
    device.run()
    header, *recorded = rows(recorder)
    assert header == ",".join(COLUMNS + PROBE_COLUMNS)
    assert [row.rstrip(",").encode() for row in recorded] == device.rows
    assert treatment.rows == len(device.rows)
    assert treatment.trace_sha256 == hashlib.sha256(b"\n".join(device.rows) + b"\n").hexdigest()


def test_all_that_came_is_acknowledged(device: FakeDevice, treatment: Treatment) -> None:
    device.turn(3)
    device.turn()
    assert device.acknowledged[-1][0] >= len(device.rows)
    assert device.acknowledged == sorted(device.acknowledged)


def test_a_frame_is_shown_once_a_second(device: FakeDevice, recorder: Recorder) -> None:
    shown: list[int] = []
    device.cycles_per_state = 40
    device.host = Treatment(
        short(), recorder, device.prompt, lambda treatment, row: shown.append(int(row.split(b",")[0]))
    )
    device.run()
    assert shown == list(range(shown[0], device.cycle, 10))
    assert shown[0] % 10 == 0


# Refused


def test_a_refused_plan_ends_it_with_the_devices_words(device: FakeDevice, treatment: Treatment) -> None:
    device.refusals["plan"] = ["", "set_point_mc = 51000: allowed are 42000 to 50000"]
    device.run()
    assert treatment.problem == "the device refused plan: set_point_mc = 51000: allowed are 42000 to 50000"
    assert "arm" not in device.names()


def test_arming_is_asked_for_again_until_it_is_granted(device: FakeDevice, treatment: Treatment) -> None:
    device.refusals["arm"] = ["probe 0 has no valid reading"] * 3
    device.run()
    assert treatment.state == "complete"
    assert [name for name, _ in device.commands].count("arm") == 4


def test_arming_that_stays_refused_ends_it(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.evidence = [50]
    device.run()
    assert treatment.problem == "the device cannot be armed: emergency stop pressed"
    assert treatment.time_s == pytest.approx(15, abs=2)
    assert device.prompts == []
    assert events(recorder, "answer")[0]["text"] == "refused: emergency stop pressed"


@pytest.mark.parametrize(
    ("nobody", "told"), [("ready", "press the ready button"), ("footswitch", "press and hold the footswitch")]
)
def test_nobody_at_the_device_ends_it_after_half_a_minute(
    device: FakeDevice, treatment: Treatment, nobody: str, told: str
) -> None:
    device.hands.remove(nobody)
    device.run()
    assert treatment.problem == f"nobody did: {told}"
    assert treatment.time_s == pytest.approx(30, abs=3)


def test_what_stood_against_it_meanwhile_is_told(device: FakeDevice, treatment: Treatment) -> None:
    device.hands.discard("ready")
    while "ready" not in device.prompts:
        device.turn()
    device.evidence = [20, 54]
    device.run()
    assert treatment.problem == "nobody did: press the ready button; the device says: probe open, cover open"


def test_another_firmware_is_refused_with_a_remedy(device: FakeDevice, connect: Connect) -> None:
    treatment = connect(device, manifest="cd" * 32)
    device.run()
    assert treatment.problem == (
        "device runs firmware abababababab, this tool carries cdcdcdcdcdcd for board rpi-pico:"
        " flash the device or install the matching tool"
    )
    assert device.names() == ["hello"]


def test_another_protocol_is_refused_with_the_devices_words(device: FakeDevice, treatment: Treatment) -> None:
    device.refusals["hello"] = ["protocol 3 is spoken here: install the matching host tool or firmware"]
    device.run()
    assert treatment.problem.startswith("the device refused hello: protocol 3 is spoken here")


def test_a_device_with_another_key_is_told_with_a_remedy(device: FakeDevice, treatment: Treatment) -> None:
    device.key = b"\x01" * 32
    device.run()
    assert treatment.problem.startswith(f"the device {UNIQUE_ID} has another key than this host: ")
    assert "~/.config/imilt/keys.toml" in treatment.problem


def test_a_device_with_a_key_of_its_own_is_treated_with(device: FakeDevice, connect: Connect) -> None:
    device.key = b"\x01" * 32
    treatment = connect(device, key_of=lambda uid: device.key if uid == UNIQUE_ID else default_key(uid))
    device.run()
    assert (treatment.state, treatment.problem) == ("complete", "")


@pytest.mark.parametrize("name", ["plan", "arm", "start"])
def test_a_command_that_came_too_late_is_signed_anew(device: FakeDevice, treatment: Treatment, name: str) -> None:
    device.late.add(name)
    device.run()
    assert not device.late
    assert (treatment.state, treatment.problem) == ("complete", "")


def test_a_command_whose_number_has_passed_goes_under_a_new_one(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("self-test")
    device._highest = 5000  # by another host, which has gone
    device.run()
    assert (treatment.state, treatment.problem) == ("complete", "")


# Before the treatment


@pytest.mark.parametrize("state", ["fault", "complete"])
def test_what_ended_before_is_cleared_with_the_key(
    device: FakeDevice, treatment: Treatment, recorder: Recorder, state: str
) -> None:
    device.state, device.end = state, 50 if state == "fault" else 1
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 1, "")
    assert device.prompts[0] == "key"
    assert [event["fault"] for event in events(recorder, "fault")] == [50] * (state == "fault")


def test_a_fault_that_the_key_does_not_clear_ends_it_with_its_words(device: FakeDevice, treatment: Treatment) -> None:
    device.state, device.end, device.evidence = "fault", 50, [50]
    device.run()
    assert treatment.problem.startswith("the device is not ready for a treatment: fault 50: emergency stop pressed; ")
    assert "arm" not in device.names()


def test_a_device_in_service_is_not_treated_with(device: FakeDevice, treatment: Treatment) -> None:
    device.state = "service"
    device.run()
    assert treatment.problem == "the device is not ready for a treatment: it is in service"


def test_how_the_last_treatment_ended_is_not_how_this_one_does(device: FakeDevice, treatment: Treatment) -> None:
    device.state, device.end = "fault", 50
    device.hands.discard("ready")
    while "ready" not in device.prompts:
        device.turn()
    treatment.stop("enough")
    device.run()
    assert (treatment.state, treatment.end_code) == ("standby", 0)


def test_nobody_at_the_key_ends_it(device: FakeDevice, treatment: Treatment) -> None:
    device.key_turned = False
    device.hands.discard("key")
    device.run()
    assert treatment.problem == "the device cannot be armed: key not turned since power-up"
    assert treatment.time_s == pytest.approx(30, abs=3)


# What happens on the way


def test_a_restart_ends_it(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.run_to("heating")
    device.turn(3)
    device.restart()
    device.run()
    assert treatment.problem.startswith("the device restarted after ")
    assert events(recorder, "warning")[-1]["text"] == treatment.problem


def test_a_fault_ends_it_with_its_figures(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.run_to("heating")
    device.turn(2)
    device.trip()
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("fault", 50, "")
    (event,) = events(recorder, "fault")
    assert event["text"].startswith("fault 50: emergency stop pressed; make the patient safe; release the stop")
    assert (event["fault"], event["where"], event["value"]) == (50, -1, 0)


@pytest.mark.parametrize("state", ["self-test", "ready", "heating", "holding", "cooling"])
def test_a_fault_is_the_end_reason_in_whatever_moment_it_comes(
    device: FakeDevice, treatment: Treatment, state: str
) -> None:
    device.run_to(state)
    device.trip()
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("fault", 50, "")


# Faults that can be resumed from


def paused(device: FakeDevice, number: int = 20) -> None:
    device.run_to("heating")
    device.turn(2)
    device.hinder(number)
    device.turn(2)


def test_a_pause_waits_for_its_cause_and_then_for_hands(
    device: FakeDevice, treatment: Treatment, recorder: Recorder
) -> None:
    paused(device)
    assert treatment.paused_for == "probe open"
    device.turn(40)
    assert treatment.waiting_for == "this to end: probe open"
    assert device.prompts == ["ready", "footswitch"]
    device.hands.discard("footswitch")
    device.evidence.clear()
    device.turn(5)
    assert treatment.waiting_for == "somebody to press and hold the footswitch"
    assert device.prompts == ["ready", "footswitch", "footswitch"]
    device.hands.add("footswitch")
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 1, "")
    assert treatment.paused_for == ""
    assert device.prompts == ["ready", "footswitch", "footswitch", "release"]
    assert [event["fault"] for event in events(recorder, "fault")] == [20]


def test_a_cause_that_stays_is_not_asked_for_all_the_time(device: FakeDevice, treatment: Treatment) -> None:
    paused(device)
    device.turn(600)
    assert [name for name, _ in device.commands].count("start") <= 8


def test_another_cause_is_told_within_seconds(device: FakeDevice, treatment: Treatment) -> None:
    paused(device)
    device.turn(20)
    device.evidence[:] = [22]
    device.turn(5)
    assert treatment.waiting_for == "this to end: probe below its lowest plausible reading"


def test_a_cause_that_was_gone_with_the_refusal_does_not_hold_it_up(device: FakeDevice, treatment: Treatment) -> None:
    device.refusals["start"] = ["", "footswitch released"]
    paused(device, 49)
    device.evidence.clear()
    began = device.cycle
    device.run_to("heating")
    assert device.cycle - began < 20


def test_a_cause_that_stays_for_five_minutes_ends_it_with_that_fault(device: FakeDevice, treatment: Treatment) -> None:
    paused(device)
    began = treatment.time_s
    device.run(4000)
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 20, "")
    assert treatment.fault["name"] == "probe open"
    assert treatment.time_s - began == pytest.approx(300, abs=15)
    assert device.names()[-1] == "stop"


def test_hands_are_asked_for_again_while_it_is_paused(device: FakeDevice, treatment: Treatment) -> None:
    """The device lets a request lapse after 30 s, and whoever is there may have the hands full."""
    paused(device)
    device.hands.discard("footswitch")
    device.evidence.clear()
    device.turn(1000)
    assert device.prompts.count("footswitch") == 1 + 4
    device.hands.add("footswitch")
    device.run()
    assert (treatment.state, treatment.problem) == ("complete", "")


def test_a_pause_without_anybody_ends_after_five_minutes_with_its_fault(
    device: FakeDevice, treatment: Treatment
) -> None:
    paused(device)
    device.hands.discard("footswitch")
    device.evidence.clear()
    device.run(4000)
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 20, "")


def test_a_pause_by_another_hosts_word_is_resumed_as_well(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("holding")
    device.enter("paused", 4)
    device.turn()
    assert treatment.paused_for == "the host asked for it"
    device.run()
    assert (treatment.state, treatment.problem) == ("complete", "")


def test_a_hard_fault_in_a_pause_ends_it(device: FakeDevice, treatment: Treatment) -> None:
    paused(device)
    device.turn(30)
    device.trip()
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("fault", 50, "")


@pytest.mark.parametrize("state", ["self-test", "ready"])
def test_a_fault_before_the_light_ends_it_in_standby_with_that_fault(
    device: FakeDevice, treatment: Treatment, state: str
) -> None:
    device.hands.discard("footswitch")
    device.run_to(state)
    device.hinder(20)
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("standby", 20, "")
    assert treatment.fault_known


def test_armed_and_not_started_is_how_it_ends(device: FakeDevice, treatment: Treatment) -> None:
    device.hands.discard("footswitch")
    device.run_to("ready")
    device.enter("standby", 5)
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("standby", 5, "")


def test_the_fault_that_is_told_is_the_one_that_ended_it(device: FakeDevice, treatment: Treatment) -> None:
    """The words to another, resumed before, are not those of this one."""
    paused(device)
    device.evidence.clear()
    device.run_to("holding")
    device.lose = lambda kind, text: kind == "F"
    device.trip(51)
    device.run()
    assert treatment.end_code == 51
    assert not treatment.fault_known


def test_a_self_test_that_never_ends_ends_it(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("self-test")
    device._in_state = -1000
    device.run()
    assert treatment.problem == "the self-test did not end within 5 s"
    assert device.names()[-1] == "stop"


# Alarms


def test_alarms_are_told_the_most_urgent_first(device: FakeDevice, treatment: Treatment, recorder: Recorder) -> None:
    device.run_to("heating")
    for number in (71, 20, 50, 70):
        device.alarm(number)
        device.turn()
    assert [(alarm.number, alarm.urgency) for alarm in treatment.alarms] == [
        (50, "high"),
        (20, "medium"),
        (70, "medium"),
        (71, "low"),
    ]
    device.alarm(50, on=False)
    device.alarm(0)
    device.turn()
    assert [alarm.number for alarm in treatment.alarms] == [20, 70, 71]
    assert treatment.sound_paused
    told = events(recorder, "alarm")
    assert [event["text"] for event in told[-2:]] == ["emergency stop pressed (high) off", "audio paused on"]
    assert (told[1]["alarm"], told[1]["priority"], told[1]["on"], told[1]["name"]) == (20, 2, 1, "probe open")


def test_a_row_without_an_alarm_ends_those_whose_end_was_lost(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    device.alarm(20)
    device.alarm(0)
    device.turn()
    device.lose = lambda kind, text: kind == "L"
    device.alarm(20, on=False)
    device.turn()
    assert treatment.alarms == []
    assert not treatment.sound_paused


def test_an_alarm_that_was_on_before_is_known_by_its_number(device: FakeDevice, treatment: Treatment) -> None:
    device.alarms[76] = 1
    device.run_to("ready")
    device.turn()
    (alarm,) = treatment.alarms
    assert (alarm.number, alarm.name) == (76, "alarm 76, which docs/faults.md names")


def test_presence_is_asked_for_once_each_time(device: FakeDevice, treatment: Treatment) -> None:
    device.cycles_per_state = 60
    device.run_to("holding")
    for _ in range(2):
        device.alarm(73)
        device.turn(10)
        device.alarm(73, on=False)
        device.turn(10)
    assert device.prompts.count("confirm") == 2


# Stops


def test_stop_in_the_light_waits_for_the_device_to_cool(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    treatment.stop("enough")
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 2, "")
    assert device.commands[-1] == ("stop", "")


@pytest.mark.parametrize("waiting_for", ["ready", "footswitch"])
def test_stop_while_hands_are_waited_for_ends_it_there(
    device: FakeDevice, treatment: Treatment, waiting_for: str
) -> None:
    device.hands.discard(waiting_for)
    while waiting_for not in device.prompts:
        device.turn()
    treatment.stop("enough")
    device.turn(10)
    device.hands.add(waiting_for)
    device.turn(20)
    assert treatment.done
    assert device.prompts[-1] == waiting_for
    assert device.names()[-1] == "stop"


def test_a_host_that_gives_up_tells_the_device_to_stop(device: FakeDevice, treatment: Treatment) -> None:
    """A device that is armed or paused must not stay so when nobody listens any more."""
    device.hands.remove("footswitch")
    device.run()
    assert treatment.problem
    assert device.names()[-1] == "stop"


def test_abandon_says_why_and_tells_the_device_to_stop(
    device: FakeDevice, treatment: Treatment, recorder: Recorder
) -> None:
    device.run_to("heating")
    treatment.abandon("left")
    assert treatment.done
    assert treatment.problem == "left"
    assert events(recorder, "note")[-1]["text"] == "left"
    assert b"stop," in treatment.receive(b"")


def test_commands_are_kept_as_sent(
    device: FakeDevice, treatment: Treatment, recorder: Recorder, tmp_path: Path
) -> None:
    device.run()
    lines = [event["line"] for event in events(recorder, "command")]
    sent = [(name, text) for name, _, text in ((f"{line},".split(",", 2)) for line in lines)]
    assert [(name, text.rstrip(",")) for name, text in sent] == device.commands
    numbers = [int(line.split(",")[1]) for line in lines]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            ("50", "-1", "0", "0", "", "emergency stop pressed", "release it"),
            "fault 50: emergency stop pressed; release it",
        ),
        (
            ("11", "0", "60500", "60000", "mC", "over-temperature", "let it cool"),
            "fault 11: over-temperature (channel 0): 60.5 °C, limit 60.0 °C; let it cool",
        ),
        (("40", "-1", "4200", "3200", "mW", "more light", "stop"), "fault 40: more light: 4.20 W, limit 3.20 W; stop"),
        (("41", "-1", "12000100", "12000000", "mJ", "energy", "x"), "fault 41: energy: 12.000 kJ, limit 12.000 kJ; x"),
        (("42", "-1", "90000", "60000", "ms", "time", "x"), "fault 42: time: 1.5 min, limit 1.0 min; x"),
        (("45", "-1", "3100", "3000", "ms", "host lost", "x"), "fault 45: host lost: 3.1 s, limit 3.0 s; x"),
        (("46", "-1", "72", "50", "ms", "cycle missed", "x"), "fault 46: cycle missed: 72 ms, limit 50 ms; x"),
        (("47", "-1", "4100", "4400", "mV", "supply", "x"), "fault 47: supply: 4.10 V, limit 4.40 V; x"),
        (("30", "2", "5", "4", "cycles", "stale", "x"), "fault 30: stale (channel 2): 5 cycles, limit 4 cycles; x"),
    ],
)
def test_a_fault_in_one_sentence(fields: tuple[str, ...], text: str) -> None:
    keys = ("fault", "where", "value", "limit", "unit", "name", "remedy")
    assert fault_text(dict(zip(keys, fields, strict=True))) == text


def test_the_short_plan_is_a_plan() -> None:
    assert isinstance(short(), Plan)
