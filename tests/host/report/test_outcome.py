"""What is said of a run: the first line for every end, and the warnings."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from host.report.synthetic import Script, event_lines, write_run

from imilt.report import outcome
from imilt.report.look import amount, clock, role_colours, span, tie
from imilt.run import Run


def run(folder: Path, script: Script | None = None) -> Run:
    return Run.load(write_run(folder / "run", script))


def told(folder: Path, **summary: Any) -> outcome.Outcome:
    return outcome.outcome(run(folder, Script(summary=summary)))


def test_complete_and_true(tmp_path: Path) -> None:
    shown = told(tmp_path, true_control_mean_c=45.9)
    assert shown.tone == "complete"
    assert amount(45.9, "°C") in shown.line


def test_complete_but_not_true(tmp_path: Path) -> None:
    assert told(tmp_path).tone == "differs"


def test_complete_without_figures(tmp_path: Path) -> None:
    assert told(tmp_path, control_mean_c=None).line == "Complete: the hold was completed"


@pytest.mark.parametrize(
    ("code", "reason", "text", "line"),
    [
        (2, "stopped", "stopped by the operator", "Stopped: stopped by the operator"),
        (2, "stopped", None, "Stopped, in state complete, after 0.5 of 0.5 min of hold"),
        (3, "host", "the device restarted after 12.0 s", "Given up by the host: the device restarted after 12.0 s"),
    ],
)
def test_other_ends(tmp_path: Path, code: int, reason: str, text: str | None, line: str) -> None:
    shown = told(tmp_path, end_code=code, end_reason=reason, end_text=text)
    assert shown == outcome.Outcome("stopped", line)


def test_fault_without_its_text_takes_the_events(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(summary={"end_code": 50, "end_reason": "fault", "end_text": ""}))
    lines = event_lines([{"kind": "fault", "text": "fault 50: emergency stop pressed; release it"}])
    (folder / "events.jsonl").write_bytes(lines[0] + b"\n")
    assert outcome.outcome(Run.load(folder)).line == "FAULT 50: emergency stop pressed; release it"


@pytest.mark.parametrize(
    ("bias_c", "step_c", "start"),
    [
        (2.0, 1.0, "The control probe read 2.0 °C too high because it absorbs light; the tissue there was at 44.0 °C"),
        (2.0, 0.0, "The control probe read 2.0 °C too high; the tissue there was at 44.0 °C"),
        (-1.0, 0.0, "The control probe read 1.0 °C too low; the tissue there was at 47.0 °C"),
        (0.2, 0.0, "The control probe told the truth to within 0.2 °C: the tissue there was at 45.8 °C"),
    ],
)
def test_reading_in_words(tmp_path: Path, bias_c: float, step_c: float, start: str) -> None:
    sentence = outcome.in_words(run(tmp_path, Script(bias_c=bias_c, light_step_c=step_c)))[0]
    assert sentence.replace("\u00a0", " ").startswith(start)


def test_dose_in_words(tmp_path: Path) -> None:
    sentence = outcome.in_words(run(tmp_path))[0].replace("\u00a0", " ")
    assert sentence.endswith("and received 1.0 min instead of 4.0 min CEM43.")


def test_what_held_the_power_back(tmp_path: Path) -> None:
    sentences = outcome.in_words(run(tmp_path, Script(heating_s=30.0)))
    assert sentences[-1] == "For 50 % of the time with light the power was saturated at the cap."


def test_reasons_share_the_time(tmp_path: Path) -> None:
    loaded = run(tmp_path)
    assert outcome.reason_shares(loaded, "holding") == [("following the set-point", 1.0)]
    assert sum(share for _, share in outcome.reason_shares(loaded, "heating", "holding")) == pytest.approx(1.0)


def test_never_reached(tmp_path: Path) -> None:
    values = {"heating_s": None, "control_mean_c": None, "true_control_mean_c": None}
    sentences = outcome.in_words(run(tmp_path, Script(summary=values)))
    assert sentences[0].replace("\u00a0", " ") == "The set-point's band was never reached in 50.0 s of light."


def test_sound_run_needs_no_caution(tmp_path: Path) -> None:
    assert outcome.cautions(run(tmp_path)) == []


@pytest.mark.parametrize(
    ("summary", "caution"),
    [
        ({"tissue_max_c": 113.0}, "from about 100 °C steam forms"),
        ({"missing_rows": 1}, "1 row of cycles.csv is missing"),
        ({"missing_rows": 5}, "5 rows of cycles.csv are missing"),
        ({"dropped_rows": 3}, "dropped 3 lines"),
        ({"plan_sha256": "0" * 64}, "plan.toml is not the plan that was run"),
    ],
)
def test_cautions_of_the_summary(tmp_path: Path, summary: dict[str, Any], caution: str) -> None:
    found = outcome.cautions(run(tmp_path, Script(summary=summary)))
    assert len(found) == 1
    assert caution in found[0]


def test_cautions_of_the_record(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(summary=None))
    events = folder / "events.jsonl"
    events.write_bytes(events.read_bytes().replace(b'"text": "heating"', b'"text": "healing"'))
    shutil.copy(folder / "plan.toml", folder / "tissue.npz")
    found = outcome.cautions(Run.load(folder))
    for part in ("without a summary", "broken at line 4", "tissue.npz cannot be read"):
        assert any(part in caution for caution in found)


def test_guard_that_was_not_spared(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    truth = folder / "truth.csv"
    truth.write_text(truth.read_text().replace(",0.1\n", ",31.0\n"))
    assert "guard probe 1 received" in outcome.cautions(Run.load(folder))[0]


def test_numbers_as_written() -> None:
    assert amount(-1.25, "°C", 2, sign=True) == "−1.25\u00a0°C"
    assert amount(None, "°C") == amount(float("nan")) == "–"
    assert amount(12345.0, digits=0) == "12\u202f345"
    assert [clock(s) for s in (0, 59.9, 61, 3661, None)] == ["0:00", "0:59", "1:01", "1:01:01", "–"]
    assert [span(s) for s in (None, 90.0, 150.0)] == ["–", "90.0\u00a0s", "2.5\u00a0min"]
    assert tie("95.3 °C, limit 3 s or 3 samples") == "95.3\u00a0°C, limit 3\u00a0s or 3 samples"


def test_every_probe_has_its_own_colour() -> None:
    assert len(set(role_colours(["control", "tip", "tip", "tip"]))) == 4
    assert role_colours(["tip", "control"]) == role_colours(["control", "tip"])[::-1]
