"""A treatment over the link, against a device made of a script: what is sent, what is waited for, how it ends."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from host.conftest import Connect
from host.fake_device import COLUMNS, PROBE_COLUMNS, WHOLE, FakeDevice, events
from host.plans import short

from imilt.link import LINE_MAX_BYTES, frame
from imilt.plan import Plan
from imilt.record import Recorder
from imilt.telemetry import fault_text
from imilt.treat import Treatment


def rows(recorder: Recorder) -> list[str]:
    recorder.flush()
    return (recorder.folder / "cycles.csv").read_text().splitlines()


def test_a_sound_treatment_goes_from_handshake_to_complete(device: FakeDevice, treatment: Treatment) -> None:
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("complete", 1, "")
    assert device.names() == WHOLE
    assert device.prompts == ["ready", "footswitch", "release"]


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
    device.refusals["arm"] = ["emergency stop pressed"] * 1000
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


def test_another_firmware_is_refused_with_a_remedy(device: FakeDevice, connect: Connect) -> None:
    treatment = connect(device, manifest="cd" * 32)
    device.run()
    assert treatment.problem == (
        "device runs firmware abababababab, this tool carries cdcdcdcdcdcd:"
        " flash the device or install the matching tool"
    )
    assert device.names() == ["hello"]


def test_another_protocol_is_refused_with_the_devices_words(device: FakeDevice, treatment: Treatment) -> None:
    device.refusals["hello"] = ["protocol 2 is spoken here: install the matching host tool or firmware"]
    device.run()
    assert treatment.problem.startswith("the device refused hello: protocol 2 is spoken here")


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
    assert event["text"] == "fault 50: emergency stop pressed; release it"
    assert (event["fault"], event["where"], event["value"]) == (50, -1, 0)


@pytest.mark.parametrize("state", ["ready", "heating", "holding", "cooling"])
def test_a_fault_is_the_end_reason_in_whatever_moment_it_comes(
    device: FakeDevice, treatment: Treatment, state: str
) -> None:
    device.run_to(state)
    device.trip()
    device.run()
    assert (treatment.state, treatment.end_code, treatment.problem) == ("fault", 50, "")


def test_a_pause_asks_for_hands_again(device: FakeDevice, treatment: Treatment) -> None:
    device.run_to("heating")
    device.turn(2)
    device.enter("paused")
    device.run()
    assert treatment.state == "complete"
    assert device.prompts == ["ready", "footswitch", "footswitch", "release"]
    assert device.names() == WHOLE  # start was sent twice in a row


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
    sent = [",".join(filter(None, (name, str(i), text))) for i, (name, text) in enumerate(device.commands, 1)]
    assert lines == sent


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
        (("30", "2", "5", "4", "cycles", "stale", "x"), "fault 30: stale (channel 2): 5 cycles, limit 4 cycles; x"),
    ],
)
def test_a_fault_in_one_sentence(fields: tuple[str, ...], text: str) -> None:
    keys = ("fault", "where", "value", "limit", "unit", "name", "remedy")
    assert fault_text(dict(zip(keys, fields, strict=True))) == text


def test_the_short_plan_is_a_plan() -> None:
    assert isinstance(short(), Plan)
