"""The fault vocabulary: every kind is parsed, acts on the world, and ends in its own fault."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path

import pytest
from host.plans import changed
from sim.boards import Bench
from sim.simulations import simulate

from imilt.errors import InputError
from imilt_sim.faults import _RANGES, KINDS, parse_fault
from imilt_sim.world import CHAIN, COVER, EMERGENCY_STOP, FIBRE, FOOTSWITCH, KEY, REMOTE, World

PROBES = ("probe", "other")


def struck(text: str) -> World:
    world = Bench().world
    world.close(FOOTSWITCH)
    parse_fault(text, 2).apply(world)
    return world


@pytest.mark.parametrize(
    ("text", "contact"),
    [
        ("estop@1", EMERGENCY_STOP),
        ("key@1", KEY),
        ("interlock@1", REMOTE),
        ("fibre@1", FIBRE),
        ("cover@1", COVER),
        ("footswitch@1", FOOTSWITCH),
    ],
)
def test_a_contact_opens(text: str, contact: int) -> None:
    assert struck(text).contacts == (CHAIN | FOOTSWITCH) & ~contact


@pytest.mark.parametrize(
    ("text", "lead", "name", "value"),
    [
        ("open@1:0", 0, "input_faults", 1),
        ("short@1:1", 1, "input_faults", 2),
        ("shorted-leads@1:0", 0, "shorted", True),
        ("offset@1:1,-4.5", 1, "offset_c", -4.5),
        ("stale@1:0", 0, "stalled", True),
        ("stuck@1:1", 1, "stuck", True),
        ("glitch@1:1,3", 1, "glitches", 3),
        ("flip@1:0,0", 0, "flipped_bits", 1 << 5),
        ("flip@1:1,18", 1, "flipped_bits", 1 << 23),
    ],
)
def test_a_lead_or_a_chip_goes_wrong(text: str, lead: int, name: str, value: float) -> None:
    world = struck(text)
    assert getattr(world.leads[lead], name) == value
    assert getattr(world.leads[1 - lead], name) != value


def test_a_chip_is_gone() -> None:
    assert struck("absent@1:1").absent == 0b10


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [("over-power@1:2.5", "gain", 2.5), ("under-power@1:0.4", "gain", 0.4), ("pwm-stuck@1:0.2", "stuck_duty", 0.2)],
)
def test_the_laser_goes_wrong(text: str, name: str, value: float) -> None:
    assert getattr(struck(text).diode, name) == value
    assert getattr(Bench().world.diode, name) != value


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("enable-stuck@1", "enable_stuck", True),
        ("photodiode@1:0", "photodiode_gain", 0.0),
        ("brown-out@1:4200", "supply_mv", 4200),
        ("cold-junction@1:-5", "ambient_c", -5.0),
    ],
)
def test_something_around_the_board_goes_wrong(text: str, name: str, value: float) -> None:
    assert getattr(struck(text), name) == value
    assert getattr(Bench().world, name) != value


@pytest.mark.parametrize(("text", "told"), [("power-cut@1:2.5", (2500, 0)), ("hang@1", (0, 1))])
def test_the_board_is_told_of_what_befalls_it(text: str, told: tuple[int, int]) -> None:
    bench = Bench()
    bench.begin()
    parse_fault(text, 2).apply(bench.world)
    bench.pass_ms(100)
    assert (bench.port.cut_ms, bench.port.hang) == told


def test_a_probe_drifts_from_then_on() -> None:
    bench = Bench()
    bench.begin()
    bench.pass_all_ms(10_000)
    parse_fault("drift@1:1,-7.2", 2).apply(bench.world)
    lead, now_s = bench.world.leads[1], bench.world.time_s
    assert lead.drifted_c(now_s) == 0.0
    assert lead.drifted_c(now_s + 1000) == pytest.approx(-2.0)
    assert bench.world.leads[0].drifted_c(now_s + 1000) == 0.0


@pytest.mark.parametrize(
    ("text", "pulled", "breath_mm"), [("pulled-out@1:1,4.5", [(1, 4.5)], 0.0), ("breathing@1:0.7", [], 0.7)]
)
def test_a_probe_moves(text: str, pulled: list[tuple[int, float]], breath_mm: float) -> None:
    bench = Bench()
    parse_fault(text, 2).apply(bench.world)
    assert (bench.plant.pulled, bench.plant.breath_mm) == (pulled, breath_mm)


def test_the_host_falls_silent() -> None:
    bench = Bench()
    bench.begin()
    parse_fault("host-silent@1:0.5", 2).apply(bench.world)
    bench.answer = b"k,1,0\n"
    bench.pass_all_ms(495)
    assert not bench.port.rx
    bench.pass_all_ms(20)
    bench.pass_all_ms(20)
    assert bytes(bench.port.rx) == b"k,1,0\n"


def test_every_kind_says_what_it_does_and_takes_arguments_of_known_ranges() -> None:
    for name, kind in KINDS.items():
        assert kind.help
        low = ",".join("0" if argument in PROBES else f"{_RANGES[argument][0]}" for argument in kind.arguments)
        high = ",".join("1" if argument in PROBES else f"{_RANGES[argument][1]}" for argument in kind.arguments)
        for text in (low, high):
            fault = parse_fault(f"{name}@1:{text}" if text else f"{name}@1", 2)
            fault.apply(Bench().world)


@pytest.mark.parametrize(("text", "time_s"), [("estop@0", 0.0), ("estop@600", 600.0), ("open@12.34:0", 12.34)])
def test_the_time_is_in_seconds(text: str, time_s: float) -> None:
    assert parse_fault(text, 2).time_s == time_s
    assert parse_fault(text, 2).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "estop",
        "@5",
        "estop@",
        "estop@x",
        "estop@-1",
        "estop@1e3",
        "estop@nan",
        "estop@inf",
        "estop@" + "9" * 400,
        "ESTOP@5",
        "meteor@5",
        "estop@5:1",
        "open@5",
        "open@5:",
        "open@5:-1",
        "open@5:2",
        "open@5:1.5",
        "open@5:0,1",
        "offset@5:0",
        "offset@5:0,x",
        "offset@5:0,nan",
        "offset@5:0,201",
        "flip@5:0,-1",
        "flip@5:0,0.5",
        "over-power@5:-1",
        "over-power@5:1e400",
        "under-power@5:1.1",
        "pwm-stuck@5:-0.1",
        "pwm-stuck@5",
        "enable-stuck@5:1",
        "photodiode@5:11",
        "brown-out@5:1799",
        "brown-out@5:5501",
        "power-cut@5:0",
        "power-cut@5:601",
        "power-cut@5",
        "hang@5:1",
        "host-silent@5:nan",
        "glitch@5:0",
        "glitch@5:0,0",
        "glitch@5:0,1.5",
        "glitch@5:2,1",
        "stuck@5:2",
        "cold-junction@5:201",
        "drift@5:0",
        "drift@5:0,101",
        "drift@5:2,1",
        "pulled-out@5:0,-1",
        "pulled-out@5:0,41",
        "pulled-out@5:2,1",
        "breathing@5",
        "breathing@5:-0.1",
        "breathing@5:2.1",
    ],
)
def test_what_is_no_fault_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_fault(text, 2)
    assert str(caught.value).startswith(f"--fault {text}: ")
    assert "\n" not in str(caught.value)


# In a treatment


ENDS = {
    "estop": ("estop@20", 50),
    "key": ("key@20", 51),
    "interlock": ("interlock@20", 52),
    "fibre": ("fibre@20", 53),
    "open": ("open@20:0", 20),
    "short": ("short@20:1", 21),
    "shorted-leads": ("shorted-leads@20:0", 22),
    "offset": ("offset@20:0,30", 11),
    "stale": ("stale@20:1", 30),
    "absent": ("absent@20:0", 31),
    "over-power": ("over-power@20:5", 40),
}
RESUMABLE = (20, 21, 22, 30, 31)


@pytest.mark.parametrize("kind", ENDS)
def test_each_ends_the_treatment_with_its_own_fault(tmp_path: Path, kind: str) -> None:
    text, number = ENDS[kind]
    summary = simulate(tmp_path, faults=[text])
    assert (summary["end_reason"], summary["end_code"]) == ("fault", number)
    assert summary["end_text"].startswith(f"fault {number}: ")
    assert summary["faults"] == [text]
    # Struck at 20 s; watched for 10 s more, or given five minutes to go away while it is paused.
    resumable = number in RESUMABLE
    assert summary["duration_s"] == pytest.approx(325 if resumable else 30.5, abs=5 if resumable else 0.6)
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    told = [event["text"] for event in map(json.loads, lines) if event["kind"] == "operator"]
    assert told == [f"fault injected: {text}"]


@pytest.mark.parametrize("time_s", [x / 10 for x in range(0, 50, 3)])
def test_an_emergency_stop_is_told_at_whatever_moment_it_comes(tmp_path: Path, time_s: float) -> None:
    """Before the treatment it stands against arming; from then on it is the fault that ends it."""
    summary = simulate(tmp_path, faults=[f"estop@{time_s}"])
    assert summary["end_reason"] in ("fault", "host")
    assert "emergency stop pressed" in summary["end_text"]


def test_a_released_footswitch_pauses_and_hands_resume(tmp_path: Path) -> None:
    summary = simulate(tmp_path, faults=["footswitch@20"])
    assert summary["end_reason"] == "complete"
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    states = [event["state"] for event in map(json.loads, lines) if event["kind"] == "state"]
    assert states == ["self-test", "ready", "heating", "paused", "heating", "holding", "cooling", "complete"]


def test_a_fault_that_never_came_about_is_not_told_as_if_it_had(tmp_path: Path) -> None:
    summary = simulate(tmp_path, faults=["estop@5000"])
    assert summary["end_reason"] == "complete"
    assert "fault injected" not in (tmp_path / "run" / "events.jsonl").read_text()


def truth(folder: Path) -> list[dict[str, float]]:
    """What was true, a row a second."""
    with (folder / "run" / "truth.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


SHORTEST = changed(("hold_min = 0.5", "hold_min = 0.5\nmax_emission_min = 1.5"))


def test_a_probe_that_is_pulled_out_cools_while_its_tissue_does_not(tmp_path: Path) -> None:
    simulate(tmp_path, text=SHORTEST, faults=["pulled-out@30:0,25"])
    last = truth(tmp_path)[80]
    assert last["junction0_c"] < 39.0
    assert last["site0_c"] > 43.0


def test_breath_sways_what_is_read_and_not_what_is_true(tmp_path: Path) -> None:
    simulate(tmp_path, faults=["breathing@40:1"])
    rows = truth(tmp_path)[44:64]
    sway_c = [row["junction0_c"] - row["site0_c"] for row in rows]
    steps_c = [abs(b["site0_c"] - a["site0_c"]) for a, b in pairwise(rows)]
    assert max(sway_c) - min(sway_c) > 1.5
    assert max(steps_c) < 0.5
