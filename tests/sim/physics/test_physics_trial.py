"""What a trial reads off the tissue, and the thermostat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imilt.errors import RunError
from imilt_sim.physics.lesion import extent
from imilt_sim.physics.points import results
from imilt_sim.physics.setup import Setup
from imilt_sim.physics.trial import Trial, perform


def setup_of(**sections: Any) -> Setup:
    probes = [{"name": "control", "radial_mm": 4.0}]
    fibre = {"kind": "bare", "radius_mm": 0.2}
    return Setup.model_validate({"schema": 1, "name": "x", "fibre": fibre, "probes": probes} | sections)


def done(**sections: Any) -> Trial:
    setup = setup_of(**sections)
    return perform(setup, setup.all_runs[0])


@pytest.mark.parametrize("radius_mm", [2.0, 5.3])
def test_a_ball_has_the_extent_of_a_ball(radius_mm: float) -> None:
    r, z = np.arange(0.125, 12.0, 0.25), np.arange(-12.0, 12.0, 0.25)
    damage = np.exp(2.0 * (radius_mm - np.hypot(r[:, None], z[None, :])))
    ball = extent(r, z, damage, 1.0)
    assert ball.across_mm == pytest.approx(2 * radius_mm, rel=0.01)
    assert ball.along_mm == pytest.approx(2 * radius_mm, rel=0.01)
    assert ball.across_mm2 == pytest.approx(np.pi * radius_mm**2, rel=0.02)
    assert ball.along_mm2 == pytest.approx(np.pi * radius_mm**2, rel=0.02)


def test_no_damage_has_no_extent() -> None:
    r, z = np.arange(0.125, 3.0, 0.25), np.arange(-3.0, 3.0, 0.25)
    assert extent(r, z, np.zeros((len(r), len(z))), 1.0) == (0.0, 0.0, 0.0, 0.0)


def test_cooling_is_part_of_a_run() -> None:
    trial = done(power=[{"power_w": 2.0, "duration_s": 30.0}, {"power_w": 0.0, "duration_s": 30.0}])
    assert trial.figures["energy_j"] == pytest.approx(60.0)
    control = trial.probes["control"]
    assert control["peak_c"] > control["temperature_c"] > 37.0
    assert control["rise_c"] == pytest.approx(control["temperature_c"] - 37.0)
    assert trial.traces.power_w[30] == 2.0
    assert trial.traces.power_w[31] == 0.0


def test_the_thermostat_holds_its_probe() -> None:
    loop = {"probe": "control", "set_point_c": 43.0, "settled_s": 250.0}
    trial = done(power=[{"power_w": 2.5, "duration_s": 400.0}], loop=loop)
    assert trial.figures["energy_j"] < 0.95 * 1000.0
    assert 5.0 < trial.figures["reached_s"] < 200.0
    assert 0.0 < trial.figures["overshoot_c"] < 1.5
    assert abs(trial.figures["mean_error_c"]) < 0.3
    assert trial.figures["sd_c"] < 0.6


def test_points_compare_runs() -> None:
    steps = [{"power_w": 2.0, "duration_s": 10.0}]
    runs = [{"name": "short", "power": steps}, {"name": "long", "power": steps * 3}]
    ask = {"name": "x", "quantity": "energy_j", "unit": "J", "run": "long"}
    setup = setup_of(runs=runs, points=[ask, ask | {"over": "short"}, ask | {"less": "short"}])
    found = results(setup, {run.name: perform(setup, run) for run in setup.all_runs})
    assert [result.simulated for result in found] == pytest.approx([60.0, 3.0, 40.0])


def test_no_heat_is_lost_while_tissue_boils_and_chars() -> None:
    trial = done(power=[{"power_w": 5.0, "duration_s": 100.0}, {"power_w": 0.0, "duration_s": 30.0}])
    assert trial.figures["dried_mm3"] > 10.0
    assert trial.energy.steam > 0.02 * trial.energy.given
    assert abs(trial.energy.error) < 1e-3


def test_tissue_that_cannot_be_ends_the_run() -> None:
    with pytest.raises(RunError, match=r"outside .* take less power"):
        done(power=[{"power_w": 50.0, "duration_s": 60.0}])


def test_a_thermostat_that_never_arrives_says_so() -> None:
    loop = {"probe": "control", "set_point_c": 80.0, "settled_s": 20.0}
    trial = done(power=[{"power_w": 0.5, "duration_s": 10.0}], loop=loop)
    assert np.isnan(trial.figures["reached_s"])
    assert np.isnan(trial.figures["sd_c"])
    assert trial.figures["overshoot_c"] < 0.0
    assert trial.figures["energy_j"] == pytest.approx(5.0)
