"""The pages of faults and states are those that the firmware gives, and say what it does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from support.firmware import load

TOP = Path(__file__).parents[2]
TOOL = runpy.run_path(str(TOP / "tools" / "fault_table.py"))
faults, treatment = load("faults"), load("treatment")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows(page: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with `first`."""
    lines = page.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    table = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        table.append(cells(line))
    return table


@pytest.mark.parametrize("name", TOOL["PAGES"])
def test_the_page_is_up_to_date(name: str) -> None:
    assert (TOP / "docs" / name).read_text() == TOOL["PAGES"][name](), "run `make docs`"


def test_every_fault_stands_on_the_page_with_seven_cells() -> None:
    table = rows(TOOL["faults_page"](), "number")
    assert [int(row[0]) for row in table] == list(faults.CATALOGUE)
    for row in table:
        assert len(row) == 7
        assert all(row)


def test_no_limit_is_left_a_mere_name() -> None:
    for row in rows(TOOL["faults_page"](), "number"):
        for name in re.findall(r"[A-Z]+_[A-Z_]+", row[5]):
            assert re.search(rf"\d[^()]*\(`{name}`\)", row[5]), row


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (11, "the plan's, at most 65 °C (`PROBE_LIMIT_MAX_MC`)"),
        (13, "the plan's, at most 50 °C (`PROBE_LIMIT_MAX_MC`)"),
        (27, "10 °C control, 45 °C tip, 10 °C guard, 10 °C spare (`RATE_MAX_MC`)"),
        (28, "40 samples, 8 s (`FROZEN_SAMPLES`)"),
        (30, "4 cycles, 0.4 s (`SAMPLE_MAX_AGE`)"),
        (40, "150 % (`OVER_POWER_PERCENT`) and 0.2 W (`OVER_POWER_MARGIN_MW`)"),
        (41, "the plan's, at most 27 kJ (`ENERGY_MAX_MJ`)"),
        (42, "the plan's, at most 90 min (`EMISSION_MAX_MS`)"),
        (46, "50 ms (`LATE_MAX_MS`)"),
        (47, "4.4 V (`SUPPLY_MIN_MV`)"),
    ],
)
def test_limits_have_figures_and_units(number: int, limit: str) -> None:
    [row] = [row for row in rows(TOOL["faults_page"](), "number") if row[0] == str(number)]
    assert row[5] == limit


def test_class_budget_and_priority_are_the_catalogues() -> None:
    names = {"warning": faults.WARNING, "bars": faults.BARS, "resumable": faults.RESUMABLE, "hard": faults.HARD}
    priorities = {"-": 0, "low": faults.LOW, "medium": faults.MEDIUM, "high": faults.HIGH}
    for row in rows(TOOL["faults_page"](), "number"):
        _, kind, priority, budget_ms, *_ = faults.CATALOGUE[int(row[0])]
        assert (names[row[2]], priorities[row[4]]) == (kind, priority)
        assert budget_ms == (0 if row[3] in ("none", "-") else round(1000 * float(row[3].removesuffix(" s"))))


def test_a_limit_that_is_not_in_limits_is_refused() -> None:
    with pytest.raises(AttributeError):
        TOOL["figures"]("NO_SUCH_MC", 20)


def test_a_limit_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="PAUSES_MAX"):
        TOOL["figures"]("PAUSES_MAX", 20)


def test_the_page_of_states_is_the_table() -> None:
    """Every event but "nothing" in every state."""
    page = TOOL["states_page"]()
    table = rows(page, "event")
    assert cells(next(line for line in page.split("\n") if line.startswith("| event |")))[1:] == list(treatment.STATES)
    assert [row[0] for row in table] == [f"**{event}**" for event in treatment.EVENTS[1:]]
    for event, row in enumerate(table, 1):
        for state, cell in enumerate(row[1:]):
            after = treatment.TABLE[state][event]
            assert (cell == "·") == (after == state)
            assert cell in ("·", treatment.STATES[after])


def test_what_holds_in_a_state_is_the_firmwares_word() -> None:
    for state, row in enumerate(rows(TOOL["states_page"](), "state")):
        now = treatment.Treatment(state)
        assert row[0] == treatment.STATES[state]
        assert [cell == "yes" for cell in row[1:]] == [now.emitting(), now.armed(), now.lit()]
