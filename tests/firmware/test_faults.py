"""The fault catalogue: whole, consistent with the limits and the rhythms, and short enough for its lines."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.bench import Bench
from support.firmware import load
from support.situations import EDGES, EVERY_MS, RHYTHM

from imilt.link import body_of

faults, limits, notices, safety, settings = map(load, ("faults", "limits", "notices", "safety", "settings"))
NUMBERS = sorted(faults.CATALOGUE)
CLASSES = ("WARNING", "BARS", "RESUMABLE", "HARD")
PRIORITIES = ("LOW", "MEDIUM", "HIGH")
NAMES = {
    name: value
    for name, value in vars(faults).items()
    if type(value) is int and name not in (*CLASSES, *PRIORITIES, "OVER_TEMPERATURE")
}
UNITS = {"", "mC", "mW", "mJ", "ms", "mV", "s", "samples", "cycles", "%"}
SELF_TEST = {faults.LEAK, faults.ENABLE_FAILS, faults.POWER_FAILS}
# Seen by no hazard: the store, the firmware and the last boot are judged before the first cycle.
BEFORE = {faults.STORE_CORRUPT, faults.FIRMWARE_DIFFERS, faults.RESTARTED}


def of_class(kind: int) -> set[int]:
    return {number for number, row in faults.CATALOGUE.items() if row[1] == kind}


def test_every_number_has_its_row_and_every_row_its_number() -> None:
    over_temperature = {faults.OVER_TEMPERATURE + role for role in range(1, len(limits.PROBE_LIMIT_MAX_MC))}
    assert len(set(NAMES.values())) == len(NAMES)
    assert not set(NAMES.values()) & over_temperature
    assert set(NAMES.values()) | over_temperature == set(faults.CATALOGUE)
    assert faults.OVER_TEMPERATURE not in faults.CATALOGUE  # no probe without a role is judged


def test_numbers_fit_where_they_are_kept() -> None:
    """Below 10 are the ends that are no faults; safety's tables end at 80."""
    assert min(NUMBERS) >= 10
    assert max(NUMBERS) < safety._NUMBERS == 80
    assert max(NUMBERS) <= load("sections").CODE_MAX


@pytest.mark.parametrize("number", NUMBERS)
def test_a_row_is_complete(number: int) -> None:
    name, kind, priority, budget_ms, unit, limit, remedy = faults.CATALOGUE[number]
    assert kind in (faults.WARNING, faults.BARS, faults.RESUMABLE, faults.HARD)
    assert type(budget_ms) is int
    assert 0 <= budget_ms <= 5000
    assert unit in UNITS
    assert (limit == "-") == (unit == "") or number == faults.COLD_RANGE
    for text in (name, limit, remedy):
        assert text
        assert text == text.strip()
        assert re.fullmatch(r"[ -~°]+", text)
    assert type(priority) is int


def test_no_two_faults_have_one_name() -> None:
    assert len({row[0] for row in faults.CATALOGUE.values()}) == len(NUMBERS)


def test_whatever_is_told_has_a_priority() -> None:
    for number, (_, kind, priority, *_) in faults.CATALOGUE.items():
        expected = {
            faults.HARD: (faults.HIGH,),
            faults.RESUMABLE: (faults.LOW, faults.MEDIUM),
            faults.WARNING: (faults.LOW, faults.MEDIUM),
            faults.BARS: (0,),
        }
        assert priority in expected[kind], number


def test_priorities_are_those_of_the_alarms() -> None:
    alarms = load("alarms")
    assert [getattr(faults, name) for name in PRIORITIES] == [getattr(alarms, name) for name in PRIORITIES]


def test_every_limit_that_is_named_is_a_hard_limit() -> None:
    named = {word for row in faults.CATALOGUE.values() for word in re.findall(r"[A-Z][A-Z_]{3,}", row[5])}
    assert len(named) > 15
    for name in named:
        assert hasattr(limits, name), name


def test_every_fault_of_a_treatment_has_its_hazard() -> None:
    """Each number of these classes is one that a hazard returns, or is found before the first cycle."""
    by_status = set(load("hazards")._BY_STATUS) - {0}
    over_temperature = {faults.OVER_TEMPERATURE + role for role in range(1, 5)}
    seen = {edge.number for edge in EDGES.values()} | by_status | over_temperature | SELF_TEST
    assert not seen & BEFORE
    seen.add(faults.FIBRE_BROKEN)  # of the same hazard as char
    assert seen | BEFORE == of_class(faults.HARD) | of_class(faults.RESUMABLE)


@pytest.mark.parametrize("name", EDGES)
def test_budgets_are_multiples_of_the_rhythm(name: str) -> None:
    numbers = {EDGES[name].number}
    if name == "probe_status":
        numbers = set(load("hazards")._BY_STATUS) - {0}
    elif name == "over_temperature":
        numbers = {faults.OVER_TEMPERATURE + role for role in range(1, 5)}
    elif name == "self_test":
        numbers = SELF_TEST
    for number in numbers:
        assert faults.CATALOGUE[number][3] % EVERY_MS[RHYTHM[name]] == 0, number
    # One bucket for all its numbers: it must not matter which of them comes first.
    assert len({faults.CATALOGUE[number][3] for number in numbers}) == 1


def test_open_contacts_and_what_is_used_up_are_not_forgiven() -> None:
    at_once = [faults.EMERGENCY_STOP, faults.KEY_OFF, faults.REMOTE_OPEN, faults.FIBRE_OPEN, faults.COVER_OPEN]
    at_once += [faults.ENERGY, faults.EMISSION_TIME, faults.FOOTSWITCH, faults.NOT_CONFIRMED, *SELF_TEST]
    for number in at_once:
        assert faults.CATALOGUE[number][3] == 0
    hard = of_class(faults.HARD) - set(at_once)
    assert all(faults.CATALOGUE[number][3] <= 1000 for number in hard - {faults.ABOVE_SET_POINT})


def test_the_alarms_are_all_that_is_told() -> None:
    assert dict(notices.TABLE) == {n: row[2] for n, row in faults.CATALOGUE.items() if row[1] != faults.BARS}
    load("alarms").Alarms(notices.TABLE)


def lines_about(tell: Any, number: int) -> list[bytes]:
    """The bodies of the lines that the report sends of this fault, with figures as long as they can be."""
    bench = Bench()
    app = bench.app
    app.count = 0x3FFFFFFF
    app.safety.latch(number, 3, -0x3FFFFFFF, -0x3FFFFFFF)
    app.link._sequence = 0x3FFFFFF0
    app.link._queue.clear()
    tell(app)
    bodies = [body_of(line.rstrip(b"\n")) for _, line in app.link._queue]
    assert max(len(line) for _, line in app.link._queue) <= limits.LINE_MAX_BYTES
    assert None not in bodies
    return [body for body in bodies if body]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_fault_is_told_in_one_line_of_its_ten_fields(number: int) -> None:
    """Whatever commas its texts have."""
    (body,) = lines_about(lambda app: app.report.send_fault(), number)
    fields = body.decode().split(",")
    name, *_, unit, _, remedy = faults.CATALOGUE[number]
    assert len(fields) == 10
    assert (fields[0], fields[3], fields[7]) == ("F", str(number), unit)
    assert (fields[8], fields[9]) == (name.replace(",", ";"), remedy.replace(",", ";"))


@pytest.mark.parametrize("number", [number for number in NUMBERS if faults.CATALOGUE[number][2]])
def test_an_alarm_is_told_in_one_line_of_its_eight_fields(number: int) -> None:
    def tell(app: Any) -> None:
        app.alarms.set(number, True)
        app.alarms.step(0x3FFFFFFF, False)
        assert app.alarms.take()
        app.report.tell_alarm(app.alarms)

    (body,) = lines_about(tell, number)
    fields = body.decode().split(",")
    assert len(fields) == 8
    assert (fields[0], fields[3], fields[4]) == ("L", str(number), str(faults.CATALOGUE[number][2]))
