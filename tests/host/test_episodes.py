"""Pauses, self-tests and alarms, read from a record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from host.fake_device import COLUMNS
from host.report.synthetic import FAULT, SELF_TEST, Script, alarm, fault, write_run

from imilt import episodes
from imilt.run import Run

PAUSED = Script(pauses=((10.0, 5.0, 20), (30.0, 2.5, 4)), told=(fault(10.0, 20, "probe open"),))


def run(folder: Path, script: Script) -> Run:
    return Run.load(write_run(folder / "run", script))


def set_column(folder: Path, name: str, first: int, after: int, value: int) -> None:
    """Set a column of the recorded rows from `first` up to `after`."""
    file = folder / "cycles.csv"
    lines = file.read_text().splitlines()
    for i in range(first + 1, after + 1):
        cells = lines[i].split(",")
        cells[COLUMNS.index(name)] = str(value)
        lines[i] = ",".join(cells)
    file.write_text("\n".join(lines) + "\n")


def test_a_pause_has_its_time_its_reason_and_how_it_went_on(tmp_path: Path) -> None:
    first, second = episodes.pauses(run(tmp_path, PAUSED))
    assert (first.start_s, first.length_s) == (pytest.approx(10.0), pytest.approx(5.0))
    assert (first.number, first.text, first.ended) == (20, "probe open", "resumed")
    assert (second.number, second.text) == (4, "asked for by the host")
    assert (second.start_s, second.end_s) == (pytest.approx(30.0), pytest.approx(32.5))


def test_a_pause_whose_words_were_lost_has_its_number(tmp_path: Path) -> None:
    other = replace(PAUSED, told=(fault(9.0, 22, "probe below"),))
    assert episodes.pauses(run(tmp_path, other))[0].text == "fault 20"


@pytest.mark.parametrize(
    ("start_s", "length_s", "last_state", "ended"),
    [(50.0, 4.0, 5, "stopped"), (55.0, 3.0, FAULT, "ended by a fault"), (55.0, 5.0, 5, "the record ends")],
)
def test_a_pause_that_is_not_resumed(
    tmp_path: Path, start_s: float, length_s: float, last_state: int, ended: str
) -> None:
    script = Script(pauses=((start_s, length_s, 45),), last_state=last_state)
    (pause,) = episodes.pauses(run(tmp_path, script))
    assert pause.ended == ended
    assert pause.end_s == pytest.approx(start_s + length_s)


def test_a_killed_run_has_its_pauses(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", replace(PAUSED, summary=None))
    (folder / "events.jsonl").write_bytes(b"")
    assert [pause.text for pause in episodes.pauses(Run.load(folder))] == ["fault 20", "asked for by the host"]


def test_a_run_without_any_has_none(tmp_path: Path) -> None:
    sound = run(tmp_path, Script())
    assert episodes.pauses(sound) == episodes.self_tests(sound) == []
    assert episodes.alarms(sound) == episodes.sound_pauses(sound) == []


def test_a_self_test_that_was_passed(tmp_path: Path) -> None:
    (test,) = episodes.self_tests(run(tmp_path, Script(self_test_s=1.4)))
    assert (test.start_s, test.end_s, test.ended) == (0.0, pytest.approx(1.4), episodes.PASSED)


@pytest.mark.parametrize(
    ("after", "told", "ended"),
    [
        (FAULT, fault(1.4, 58, "light without the enable"), "fault 58: light without the enable; check it"),
        (0, fault(1.5, 20, "probe open"), "fault 20: probe open; check it"),
        (0, {"time_s": 14.4, "kind": "note", "text": "asked"}, "stopped"),
        (SELF_TEST, {"time_s": 14.4, "kind": "note", "text": "asked"}, "the record ends"),
    ],
)
def test_a_self_test_that_was_not(tmp_path: Path, after: int, told: dict[str, Any], ended: str) -> None:
    folder = write_run(tmp_path / "run", Script(self_test_s=1.4, told=(told,)))
    set_column(folder, "state", 14, 600, after)
    (test,) = episodes.self_tests(Run.load(folder))
    assert test.ended == ended


def test_alarms_have_their_times_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    told = (
        alarm(5.0, 71, True, "saturated at the cap", 1),
        alarm(10.0, 20, True, "probe open"),
        alarm(12.0, 71, False, "saturated at the cap", 1),
        alarm(15.0, 20, False, "probe open"),
        alarm(20.0, 71, True, "saturated at the cap", 1),
    )
    found = episodes.alarms(run(tmp_path, Script(told=told)))
    assert [(one.number, one.text, one.urgency) for one in found] == [
        (71, "saturated at the cap", "low"),
        (20, "probe open", "medium"),
        (71, "saturated at the cap", "low"),
    ]
    assert [one.start_s for one in found] == pytest.approx([5.0, 10.0, 20.0])
    assert [one.length_s for one in found] == pytest.approx([7.0, 5.0, 40.0])  # the last one to the record's end


def test_a_line_that_came_late_counts_when_it_was_meant_to(tmp_path: Path) -> None:
    late = alarm(10.0, 20, True, "probe open") | {"time_s": 28.5}
    (found,) = episodes.alarms(run(tmp_path, Script(told=(alarm(15.0, 20, False, "probe open"), late))))
    assert (found.start_s, found.end_s) == (pytest.approx(10.0), pytest.approx(15.0))


def test_an_alarm_from_before_the_first_row_begins_with_it(tmp_path: Path) -> None:
    told = (alarm(-5.0, 77, True, "store recovered", 1), alarm(3.0, 77, False, "store recovered", 1))
    (found,) = episodes.alarms(run(tmp_path, Script(told=told)))
    assert (found.start_s, found.end_s) == (0.0, pytest.approx(3.0))


def test_an_alarm_that_only_the_rows_tell_has_its_number(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(told=(alarm(5.0, 20, True, "probe open"), alarm(8.0, 20, False))))
    set_column(folder, "alarm", 0, 50, 76)
    set_column(folder, "alarm", 50, 80, 20)
    found = episodes.alarms(Run.load(folder))
    assert [(one.number, one.text, one.urgency) for one in found] == [
        (76, "alarm 76", ""),
        (20, "probe open", "medium"),
    ]
    assert (found[0].start_s, found[0].end_s) == (0.0, pytest.approx(5.0))


def test_the_pauses_of_the_sound_are_no_alarms(tmp_path: Path) -> None:
    told = (
        alarm(10.0, 20, True, "probe open"),
        alarm(11.0, 0, True, "audio paused"),
        alarm(13.0, 0, False, "audio paused"),
    )
    loaded = run(tmp_path, Script(told=told))
    assert [one.number for one in episodes.alarms(loaded)] == [20]
    (quiet,) = episodes.sound_pauses(loaded)
    assert (quiet.start_s, quiet.length_s) == (pytest.approx(11.0), pytest.approx(2.0))


@pytest.mark.parametrize("damage", [{"cycle": "x"}, {"alarm": None}, {"on": 1.5}, {"priority": "high"}])
def test_an_event_that_was_altered_is_left_out(tmp_path: Path, damage: dict[str, Any]) -> None:
    told = (alarm(5.0, 20, True, "probe open") | damage, alarm(6.0, 21, True, "probe over or under voltage", 9))
    (found,) = episodes.alarms(run(tmp_path, Script(told=told)))
    assert (found.number, found.urgency) == (21, "")
