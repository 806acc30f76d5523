"""The small commands that print the figures of docs/physics.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt_sim.tissue import speed, survey

PLAN = """
schema = 1
name = "Small"
[[probes]]
role = "control"
radial_mm = 6.0
"""


@pytest.fixture
def plan_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.toml"
    path.write_text(PLAN)
    monkeypatch.setattr("sys.argv", ["command", str(path)])


@pytest.mark.usefixtures("plan_file")
def test_survey_prints_the_power_that_holds(capsys: pytest.CaptureFixture[str]) -> None:
    survey.main()
    assert "W on average (cap 3.0 W) for 46.0 °C" in capsys.readouterr().out


@pytest.mark.usefixtures("plan_file")
def test_speed_prints_the_cost_of_a_cycle(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "CYCLES", 2)
    monkeypatch.setattr(speed, "REPEATS", 2)
    monkeypatch.setattr(speed, "SPAN_S", 3.0)
    speed.main()
    assert "a cycle of 100 ms costs" in capsys.readouterr().out
