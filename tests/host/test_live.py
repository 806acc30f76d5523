"""The live view: a plain line where there is no terminal, a picture that fits 80 columns where there is one."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from host.fake_device import CATALOGUE, COLUMNS, PROBE_COLUMNS, REASONS, STATES
from host.plans import short
from rich.console import Console

from imilt.live import LiveView, clock, picture, plain_line
from imilt.plan import Plan
from imilt.telemetry import Alarm
from imilt.treat import Treatment

ROLES = ("control", "tip", "guard", "spare")


def four_probes() -> Plan:
    return short(probes=[{"role": role, "radial_mm": 5.0 + 2 * i} for i, role in enumerate(ROLES)])


def treatment(state: str = "holding", **changes: Any) -> Treatment:
    names = {"columns": COLUMNS, "probe_columns": PROBE_COLUMNS, "states": STATES, "reasons": REASONS}
    told = {
        "names": {k: list(v) for k, v in names.items()},
        "time_s": 125.0,
        "state": state,
        "alarms": [],
        "sound_paused": False,
        "paused_for": "",
        "waiting_for": "",
    }
    return cast(Treatment, SimpleNamespace(**(told | changes)))


def alarms(*numbers: int) -> list[Alarm]:
    """Alarms of the catalogue that are on."""
    return [Alarm(number, CATALOGUE[number][2], CATALOGUE[number][0], 100) for number in numbers]


def row(state: str = "holding", reason: int = 1, probes: bool = True, **changes: int) -> bytes:
    told: dict[str, Any] = dict.fromkeys(COLUMNS, 0) | {
        "state": STATES.index(state),
        "reason": reason,
        "control_mc": 46010,
        "allowed_mw": 2345,
        "hold_ms": 20000,
        "cem43_control_umin": 1_250_000,
    }
    values = list((told | changes).values())
    if probes:
        values += [15, 46020, 47000, 37900, 41500, *[24000] * 4, *[0] * 4]
    return ",".join(map(str, values)).encode()


def drawn(plan: Plan, line: bytes, width: int, **changes: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(picture(plan, treatment(**changes), line))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_plain_line_holds_every_figure() -> None:
    assert plain_line(four_probes(), treatment(), row()) == (
        "  2:05  holding    control 46.0 °C  tip 47.0 °C  guard 37.9 °C  spare 41.5 °C  2.35 W"
        " (following the set-point)  1.2 CEM43  0:10 left"
    )


def test_the_plain_line_ends_with_what_is_wrong_and_waited_for() -> None:
    told = treatment(
        "paused",
        alarms=alarms(20, 71),
        sound_paused=True,
        paused_for="probe open",
        waiting_for="this to end: probe open (probe 1)",
    )
    assert plain_line(four_probes(), told, row("paused")).endswith(
        " 0:10 left  alarms: probe open (medium), saturated at the cap (low)  sound paused  paused: probe open"
        "  waiting for this to end: probe open (probe 1)"
    )


@pytest.mark.parametrize(("fresh", "status"), [(13, 0), (15, 2)])
def test_a_probe_that_tells_nothing_has_a_dash(fresh: int, status: int) -> None:
    line = row(status1=status).replace(b",15,46020,", b",%d,46020," % fresh)
    assert "control 46.0 °C  tip –  guard 37.9 °C" in plain_line(four_probes(), treatment(), line)
    assert "–" in next(text for text in drawn(four_probes(), line, 80) if text.startswith("tip"))


def test_the_picture_tells_alarms_the_first_on_top_and_what_is_left_out() -> None:
    lines = drawn(four_probes(), row(), 80, alarms=alarms(50, 20, 70, 73, 71, 72), sound_paused=True)
    assert [line.split()[0] for line in lines[1:5]] == ["HIGH", "MEDIUM", "MEDIUM", "MEDIUM"]
    assert lines[1].split(maxsplit=1)[1].strip() == "emergency stop pressed"
    assert lines[5].strip() == "and 2 more alarms, sound paused"
    assert max(map(len, lines)) <= 80


def test_the_picture_says_why_it_is_paused_and_what_is_waited_for() -> None:
    waiting = "somebody to press and hold the footswitch"
    lines = drawn(four_probes(), row("paused"), 80, paused_for="probe open", waiting_for=waiting)
    assert [line.strip() for line in lines[1:3]] == ["paused: probe open", f"waiting for {waiting}"]


@pytest.mark.parametrize("number", [number for number, row in CATALOGUE.items() if row[2]])
def test_every_alarm_fits_its_line(number: int) -> None:
    lines = drawn(four_probes(), row(), 80, alarms=alarms(number), paused_for=CATALOGUE[number][0])
    assert len(lines) == 9, "\n".join(lines)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3723, "62:03")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize("reason", range(len(REASONS)))
def test_the_picture_fits_a_terminal_of_80_columns(reason: int) -> None:
    lines = drawn(four_probes(), row(reason=reason), 80)
    assert max(map(len, lines)) <= 80
    assert len(lines) == 7, "\n".join(lines)  # state, four probes, power, dose: nothing is broken over two lines
    text = "\n".join(lines)
    for part in ("HOLDING", REASONS[reason], "46.02 °C", "limit 95 °C", "2.35 W", "cap 3.0 W", "0:10 left"):
        assert part in text
    assert "…" not in text


@pytest.mark.parametrize("state", STATES)
def test_the_picture_says_first_what_state_it_is(state: str) -> None:
    assert drawn(four_probes(), row(state), 80)[0].split()[0] == state.upper()


def test_the_picture_survives_a_row_without_samples() -> None:
    assert any("HEATING" in line for line in drawn(four_probes(), row("heating", probes=False), 80))


def test_without_a_terminal_each_change_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[dict[str, Any]] = [
        {"state": "heating"},
        {"state": "heating"},
        {"state": "holding"},
        {"state": "holding"},
        {"state": "holding", "alarms": alarms(73)},
        {"state": "holding", "alarms": alarms(73)},
        {"state": "paused", "waiting_for": "this to end"},
        {"state": "paused", "waiting_for": "somebody"},
    ]
    with LiveView(short()) as view:
        for changes in told:
            view.frame(treatment(**changes), row(changes["state"]))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split()[1] for line in shown.err.splitlines()] == ["heating", "holding", "holding", "paused", "paused"]
