"""The live view: a plain line where there is no terminal, a picture that fits 80 columns where there is one."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from host.fake_device import COLUMNS, PROBE_COLUMNS, REASONS, STATES
from host.plans import short
from rich.console import Console

from imilt.live import LiveView, clock, picture, plain_line
from imilt.plan import Plan
from imilt.treat import Treatment

ROLES = ("control", "tip", "guard", "spare")


def four_probes() -> Plan:
    return short(probes=[{"role": role, "radial_mm": 5.0 + 2 * i} for i, role in enumerate(ROLES)])


def treatment(state: str = "holding") -> Treatment:
    names = {"columns": COLUMNS, "probe_columns": PROBE_COLUMNS, "states": STATES, "reasons": REASONS}
    return cast(Treatment, SimpleNamespace(names={k: list(v) for k, v in names.items()}, time_s=125.0, state=state))


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


def drawn(plan: Plan, line: bytes, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(picture(plan, treatment(), line))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_plain_line_holds_every_figure() -> None:
    assert plain_line(four_probes(), treatment(), row()) == (
        "  2:05  holding   control 46.0 °C  tip 47.0 °C  guard 37.9 °C  spare 41.5 °C  2.35 W (following the set-point)"
        "  1.2 CEM43  0:10 left"
    )


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


def test_without_a_terminal_each_state_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    with LiveView(short()) as view:
        for state in ("heating", "heating", "holding", "holding"):
            view.frame(treatment(state), row(state))
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split()[1] for line in told.err.splitlines()] == ["heating", "holding"]
