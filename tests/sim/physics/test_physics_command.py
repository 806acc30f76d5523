"""`imilt physics` as users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imilt.cli import main

MINE = """
schema = 1
name = "Mine"
[tissue]
preset = "pancreas-ex-vivo"
[fibre]
kind = "bare"
radius_mm = 0.2
[[power]]
power_w = 4.0
duration_s = 100.0
[[power]]
power_w = 0.0
duration_s = 20.5
[[probes]]
name = "near"
kind = "thermocouple"
radial_mm = 4.0
[[probes]]
name = "far"
radial_mm = 8.0
[[points]]
name = "far rise"
quantity = "rise_c"
probe = "far"
unit = "°C"
measured = 10.0
factor = 2.0
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error; nothing on standard output, exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(["physics", *arguments])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_case_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["physics", "--case", "V1", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [point["measured"] for point in told["points"]] == [45.0, 25.0]
    for point in told["points"]:
        assert set(point) == {"name", "measured", "simulated", "unit", "goal", "meets"}
        assert point["meets"] == (point["goal"][0] <= point["simulated"] <= point["goal"][1])
    assert told["points"][0]["simulated"] > told["points"][1]["simulated"] > 5.0


def test_a_case_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    main(["physics", "--case", "V2"])
    out = capsys.readouterr().out
    assert "artefact at 3 mm" in out
    assert "14" in out


def test_a_set_up_of_ones_own(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    main(["physics", str(mine), "--json"])
    told = json.loads(capsys.readouterr().out)
    run = told["runs"][0]
    assert run["energy_j"] == pytest.approx(400.0)
    assert run["ablated_mm3"] > 100.0
    assert run["ablated_across_mm"] ** 2 * run["ablated_along_mm"] * 0.52 == pytest.approx(run["ablated_mm3"], rel=0.2)
    near, far = run["probes"]
    assert near["name"] == "near"
    assert near["peak_artefact_c"] > 3.0 > abs(near["artefact_c"])
    assert far["peak_artefact_c"] == 0.0
    assert near["peak_c"] > far["peak_c"] > 20.0
    traces = run["traces"]
    assert traces["t_s"][-1] == pytest.approx(120.5)
    assert len(traces["t_s"]) == len(traces["temperature_c"]["near"]) == len(traces["reading_c"]["far"])
    assert max(traces["temperature_c"]["near"]) == pytest.approx(near["peak_c"])


def test_a_set_up_for_people(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    main(["physics", str(mine)])
    out = capsys.readouterr().out
    for part in ("Mine", "far rise", "ablated_across_mm", "peak_artefact_c", "near"):
        assert part in out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('quantity = "rise_c"', 'quantity = "colour"', ("points[0].quantity = 'colour'", "rise_c")),
        ('probe = "far"', 'probe = "left"', ("points[0].probe = 'left'", "near, far")),
        ('probe = "far"', 'probe = "far"\nrun = "2"', ("points[0]", "'2'", "no such run")),
        ("radial_mm = 8.0", "radial_mm = 80.0", ("probes[1].radial_mm = 80.0", "30 mm")),
    ],
)
def test_bad_input_is_one_message(
    capsys: pytest.CaptureFixture[str], mine: Path, old: str, new: str, told: tuple[str, ...]
) -> None:
    mine.write_text(MINE.replace(old, new, 1))
    message = refusal(capsys, str(mine))
    for part in (str(mine), *told):
        assert part in message


def test_one_of_case_and_set_up_is_wanted(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    assert "V10" in refusal(capsys)
    assert "not both" in refusal(capsys, str(mine), "--case", "V1")
    assert "no such case" in refusal(capsys, "--case", "V99")
