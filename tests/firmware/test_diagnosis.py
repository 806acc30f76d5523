"""What light and readings together say, in simulated treatments with breath, and not in a good one."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from host.plans import changed
from sim.simulations import simulate

BREATHING = changed(("hold_min = 0.5", "hold_min = 5.0")) + "\n[breathing]\nprobe_mm = 0.5\n"
"""A hold of five minutes with the breath of a patient who is asleep."""
STRUCK_S = 200.0


def treated(tmp_path: Path, *faults: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The summary, and the pauses by a fault of the diagnosis."""
    summary = simulate(tmp_path, text=BREATHING, faults=faults)
    found = [pause for pause in summary["pauses"] if 35 <= pause["code"] <= 38]
    return summary, found


def test_nothing_is_said_of_a_healthy_patient_who_breathes(tmp_path: Path) -> None:
    summary, found = treated(tmp_path)
    assert summary["end_reason"] == "complete"
    assert (found, summary["pauses"]) == ([], [])


@pytest.mark.parametrize(("fault", "code"), [("light-loss@200:0.7", 35), ("fibre-break@200", 36)])
def test_light_that_falls_at_every_probe_is_the_source(tmp_path: Path, fault: str, code: int) -> None:
    _, found = treated(tmp_path, fault)
    assert found[0]["code"] == code
    assert STRUCK_S < found[0]["time_s"] < STRUCK_S + 30


def test_a_probe_that_is_pulled_out_of_its_place_is_told_within_seconds(tmp_path: Path) -> None:
    _, found = treated(tmp_path, "pulled-out@200:0,8")
    assert found
    assert STRUCK_S < found[0]["time_s"] < STRUCK_S + 10


def test_power_is_never_raised_after_a_loss_of_light(tmp_path: Path) -> None:
    """From the moment that it is told on there is none."""
    _, found = treated(tmp_path, "light-loss@200:0.7")
    with (tmp_path / "run" / "cycles.csv").open() as file:
        rows = list(csv.DictReader(file))
    at = round(found[0]["time_s"] * 10)
    before = max(int(row["allowed_mw"]) for row in rows[1900:2000])
    assert max(int(row["allowed_mw"]) for row in rows[2000:at]) <= before + 1500
    assert max(int(row["allowed_mw"]) for row in rows[at + 5 : at + 20]) == 0
