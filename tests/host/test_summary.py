"""The figures of a run, from small made-up records whose figures are known by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from host.fake_device import COLUMNS, PROBE_COLUMNS, REASONS, STATES
from host.plans import SHORT

from imilt.record import Recorder
from imilt.run import Run
from imilt.summary import figures, write_summary
from imilt.treat import Treatment

Second = tuple[str, float]
"""A state, and the temperature believed of the control probe, °C: one frame of ten rows."""

TREATED: Sequence[Second] = [
    ("standby", 37.0),
    ("ready", 37.0),
    ("heating", 40.0),
    ("heating", 44.9),
    ("heating", 45.2),
    ("holding", 46.5),
    ("holding", 45.5),
    ("holding", 46.0),
    ("cooling", 48.0),
    ("complete", 42.0),
]


def record(recorder: Recorder, seconds: Sequence[Second], **last: int) -> None:
    """Write rows as the firmware does: a sample every second row, the dark one first in each frame."""
    recorder.columns([*COLUMNS, *PROBE_COLUMNS])
    for second, (state, celsius) in enumerate(seconds):
        for phase in range(10):
            row = dict.fromkeys(COLUMNS, 0) | {"cycle": second * 10 + phase, "state": STATES.index(state)}
            row |= {"control_mc": round(celsius * 1000)} | last
            values = list(row.values())
            if phase % 2 == 0:
                bright = 0 if phase == 0 else 2000
                values += [1, round(celsius * 1000) + bright, *[0] * 3, *[24000] * 4, *[0] * 4]
            recorder.row(",".join(map(str, values)).encode())
    recorder.flush()


def record_truth(recorder: Recorder, site_c: Sequence[float]) -> None:
    header = "time_s,power_w,tissue_max_c,site0_c,site1_c,junction0_c,junction1_c,cem43_site0_min,cem43_site1_min"
    rows = [f"{i + 1},1.5,50,{c},37,{c},37,{i * 0.5},0" for i, c in enumerate(site_c)]
    recorder.write_file("truth.csv", "\n".join([header, *rows, ""]).encode())


def figures_of(recorder: Recorder) -> dict[str, Any]:
    return figures(Run.load(recorder.folder))


def test_durations_and_sums_are_the_last_rows(recorder: Recorder) -> None:
    record(
        recorder,
        TREATED,
        hold_ms=3000,
        emission_ms=6000,
        energy_mj=12345,
        cem43_control_umin=2_500_000,
        dropped=4,
    )
    told = figures_of(recorder)
    assert told["duration_s"] == pytest.approx(10.0)
    assert told["heating_s"] == pytest.approx(3.0)
    assert (told["hold_s"], told["emission_s"], told["energy_j"]) == (3.0, 6.0, 12.345)
    assert (told["cem43_control_min"], told["dropped_rows"]) == (2.5, 4)


def test_mean_and_sd_are_of_what_is_believed_in_the_hold(recorder: Recorder) -> None:
    record(recorder, TREATED)
    told = figures_of(recorder)
    assert told["control_mean_c"] == pytest.approx(46.0)
    assert told["control_sd_c"] == pytest.approx(math.sqrt(0.5 / 3))


@pytest.mark.parametrize(
    ("heating", "holding", "overshoot"),
    [
        ([40.0, 45.2], [46.5, 46.0], 0.5),
        ([40.0, 47.5], [46.0, 46.0], 1.5),  # over before the hold began
        ([40.0, 44.0], [45.5, 45.8], 0.0),  # never above
        ([40.0, 44.0], [44.5, 44.9], None),  # never within a degree
    ],
)
def test_overshoot_counts_from_the_first_entry_into_the_band(
    recorder: Recorder, heating: list[float], holding: list[float], overshoot: float | None
) -> None:
    seconds = [("heating", c) for c in heating] + [("holding", c) for c in holding] + [("cooling", 60.0)]
    record(recorder, seconds)
    assert figures_of(recorder)["overshoot_c"] == (None if overshoot is None else pytest.approx(overshoot))


def test_the_probes_maxima_tell_dark_from_bright(recorder: Recorder) -> None:
    record(recorder, TREATED)
    control, guard = figures_of(recorder)["probes"]
    assert (control["role"], control["dark_max_c"], control["reading_max_c"]) == ("control", 48.0, 50.0)
    assert (guard["role"], guard["dark_max_c"], guard["reading_max_c"]) == ("guard", None, None)


def test_the_true_twins_are_the_tissues(recorder: Recorder) -> None:
    record(recorder, TREATED)
    # The first is told after a second, which is when the second frame begins.
    record_truth(recorder, [37.0, 39.0, 43.0, 44.0, 45.5, 44.5, 46.5, 47.0, 41.0, 40.0])
    told = figures_of(recorder)
    assert told["true_control_mean_c"] == pytest.approx(45.5)
    assert told["true_control_sd_c"] == pytest.approx(math.sqrt(2 / 3))
    assert told["true_hold_s"] == 2.0
    assert told["true_overshoot_c"] == pytest.approx(0.5)
    assert told["true_cem43_control_min"] == 4.5


def test_pauses_are_told_with_their_reasons(recorder: Recorder) -> None:
    recorder.event("fault", 3.0, "fault 20: probe open", fault=20, name="probe open")
    seconds = [*TREATED[:6], ("paused", 44.0), ("paused", 43.0), ("heating", 44.0), *TREATED[6:]]
    record(recorder, seconds, end=20)
    told = figures_of(recorder)
    assert told["paused_s"] == 2.0
    assert told["pauses"] == [{"time_s": 6.0, "length_s": 2.0, "code": 20, "reason": "probe open", "ended": "resumed"}]


def test_without_a_pause_there_is_none(recorder: Recorder) -> None:
    record(recorder, TREATED)
    told = figures_of(recorder)
    assert (told["paused_s"], told["pauses"]) == (0, [])


def test_without_a_truth_there_are_no_twins(recorder: Recorder) -> None:
    record(recorder, TREATED)
    assert not [name for name in figures_of(recorder) if name.startswith("true_")]


@pytest.mark.parametrize("reached", [1, 2, 4])
def test_what_was_not_reached_is_none(recorder: Recorder, reached: int) -> None:
    record(recorder, TREATED[:reached])
    record_truth(recorder, [37.0] * reached)
    told = figures_of(recorder)
    for name in ("heating_s", "control_mean_c", "control_sd_c", "overshoot_c"):
        assert told[name] is None
    for name in ("true_control_mean_c", "true_control_sd_c", "true_overshoot_c"):
        assert told[name] is None
    assert told["true_hold_s"] == 0.0


def test_a_run_without_rows_has_no_figures(recorder: Recorder) -> None:
    assert figures_of(recorder) == {}


# What the line lost


def test_what_the_line_lost_is_told(recorder: Recorder) -> None:
    record(recorder, TREATED)
    summary = write_summary(recorder, treatment(), {})
    assert (summary["lost_lines"], summary["bad_lines"]) == (2, 1)


# Why it ended


def treatment(**changes: Any) -> Treatment:
    facts = {
        "problem": "",
        "state": "complete",
        "end_code": 1,
        "fault": {},
        "fault_known": False,
        "identity": {"version": "0.1.0", "board": "rpi-pico"},
        "trace_sha256": "00",
        "missing_rows": 0,
        "link": SimpleNamespace(lost_lines=2, bad_lines=1),
        "names": {"states": list(STATES), "reasons": list(REASONS)},
    }
    return cast(Treatment, SimpleNamespace(**(facts | changes)))


FAULT = {
    "fault": "51",
    "where": "-1",
    "value": "0",
    "limit": "0",
    "unit": "",
    "name": "key off",
    "remedy": "turn it on",
}


@pytest.mark.parametrize(
    ("changes", "reason", "code", "text"),
    [
        ({}, "complete", 1, "the hold was completed"),
        ({"end_code": 2}, "stopped", 2, "stopped by the operator"),
        ({"state": "standby", "end_code": 0}, "stopped", 2, "stopped by the operator"),
        (
            {"state": "fault", "end_code": 51, "fault": FAULT, "fault_known": True},
            "fault",
            51,
            "fault 51: key off; turn it on",
        ),
        ({"end_code": 4}, "expired", 4, "paused by the host and not resumed"),
        ({"state": "standby", "end_code": 5}, "expired", 5, "armed and not started"),
        ({"problem": "nobody did: press"}, "host", 3, "nobody did: press"),
    ],
)
def test_the_end_is_told_as_word_number_and_sentence(
    recorder: Recorder, changes: dict[str, Any], reason: str, code: int, text: str
) -> None:
    record(recorder, TREATED)
    summary = write_summary(recorder, treatment(**changes), {})
    assert (summary["end_reason"], summary["end_code"], summary["end_text"]) == (reason, code, text)


@pytest.mark.parametrize("other", [{}, FAULT | {"fault": "20", "name": "probe open"}])
def test_a_fault_whose_line_was_lost_is_still_told_by_its_number(recorder: Recorder, other: dict[str, str]) -> None:
    record(recorder, TREATED)
    summary = write_summary(recorder, treatment(state="fault", end_code=51, fault=other), {})
    assert (summary["end_reason"], summary["end_code"]) == ("fault", 51)
    assert summary["end_text"].startswith("fault 51; its details were lost")


def test_the_file_is_what_is_returned(recorder: Recorder) -> None:
    record(recorder, TREATED)
    summary = write_summary(recorder, treatment(), {"seed": 7, "plan_name": "ä"})
    assert json.loads((recorder.folder / "summary.json").read_text()) == summary
    assert summary["schema"] == 1
    assert (summary["seed"], summary["plan_name"]) == (7, "ä")
    assert summary["names"]["states"] == list(STATES)


def test_a_run_without_a_single_row_still_says_why(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run", SHORT.encode()) as recorder:
        summary = write_summary(recorder, treatment(problem="the device fell silent", names={}, identity={}), {})
    assert (summary["end_reason"], summary["end_text"]) == ("host", "the device fell silent")
    assert summary["firmware_version"] is None
