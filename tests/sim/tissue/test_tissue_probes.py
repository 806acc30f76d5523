"""Thermocouples in the tissue: place, lag, integral, the light they absorb, and what moves them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imilt.plan import Fibre, Plan
from imilt_sim.tissue import kernel, self_heating
from imilt_sim.tissue.mesh import plan_mesh
from imilt_sim.tissue.plant import Plant
from imilt_sim.tissue.probes import place

MESH = plan_mesh(Fibre.model_validate({}))


def changed(plan: Plan, **sections: Any) -> Plan:
    """The plan with keys of its sections, or all its probes, replaced."""
    data = plan.model_dump(by_alias=True)
    for name, keys in sections.items():
        data[name] = data[name] | keys if isinstance(keys, dict) else keys
    return Plan.model_validate(data)


def one(plan: Plan, radial_mm: float, axial_mm: float = 0.0, model: dict[str, Any] | None = None, **keys: Any) -> Plan:
    """The plan with a single probe."""
    probes = [{"role": "control", "radial_mm": radial_mm, "axial_mm": axial_mm} | keys]
    return changed(plan, probes=probes, probe_model=model or {})


def at(field: np.ndarray, r: float, z: float) -> tuple[float, np.ndarray]:
    """The field (nr, nz) at a point, and the weights taken."""
    corners, weights = place(MESH, np.array([r, z]))
    return float(weights @ np.pad(field, 1).ravel()[corners]), weights


@given(st.floats(0.6, 28.0), st.floats(-32.0, 32.0))
def test_interpolation_is_exact_for_a_bilinear_field(r: float, z: float) -> None:
    found, weights = at(np.add.outer(2 * MESH.r, 3 * MESH.z) + np.outer(MESH.r, MESH.z), r, z)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0.0
    assert found == pytest.approx(2 * r + 3 * z + r * z, abs=1e-9)


@pytest.mark.parametrize(("r", "z"), [(0.0, 10.0), (0.1, 20.0)])
def test_on_the_axis_the_first_ring_counts(r: float, z: float) -> None:
    assert at(np.tile(MESH.z, (len(MESH.r), 1)), r, z)[0] == pytest.approx(z)


@pytest.mark.parametrize(("r", "z"), [(35.0, 0.0), (5.0, 38.0), (40.0, -40.0)])
def test_beyond_the_mesh_it_is_dark_and_at_body_temperature(r: float, z: float) -> None:
    assert at(np.ones(MESH.shape), r, z)[0] == 0.0


def test_points_are_placed_together_as_one_by_one() -> None:
    points = np.array([[[1.0, 2.0], [3.0, -4.0]], [[0.0, 9.0], [50.0, 0.0]]])
    corners, weights = place(MESH, points)
    assert corners.shape == weights.shape == (2, 2, 4)
    for index in np.ndindex(2, 2):
        alone = place(MESH, points[index])
        assert np.all(corners[index] == alone[0])
        assert np.all(weights[index] == alone[1])


@pytest.mark.parametrize("kind", ["bead", "needle"])
def test_light_warms_the_junction_as_its_exponentials_say(diffuser_plan: Plan, kind: str) -> None:
    plan = changed(diffuser_plan, probe_model={"kind": kind})
    plant, integral = Plant(plan), 0.0
    tails = plant._probes.tails[kernel.TAIL_SHARE]  # of each probe: they differ by the blood around it
    for point in range(1, 5):  # the tissue has not moved before the fifth
        plant_before = plant.junction_c.copy()
        plant.advance(1, 2.0)
        come = tails.T @ (1 - np.exp(-0.02 * point / self_heating.TIME_CONSTANTS_S))
        rise = 2.0 * plant.self_heating_c_per_w * come
        integral += 0.01 * (plant_before + 37.0 + rise)
        assert plant.junction_c == pytest.approx(37.0 + rise, rel=1e-12)
        assert plant.junction_integral_c_s == pytest.approx(integral, rel=1e-12)


def test_a_beads_light_is_gone_soon_and_a_needles_is_not(diffuser_plan: Plan) -> None:
    left = {}
    for kind in ("bead", "needle"):
        plant = Plant(changed(diffuser_plan, probe_model={"kind": kind, "wire_mm": 0.0}))
        plant.advance(15_000, 0.5)
        bright = (plant.junction_c - plant.site_c)[0]
        left[kind] = []
        for points in (15, 135, 350):  # to 0.3, 3 and 10 s
            plant.advance(points, 0.0)
            left[kind].append((plant.junction_c - plant.site_c)[0] / bright)
    assert left["bead"] == pytest.approx([0.25, 0.07, 0.035], abs=0.02)
    assert left["needle"] == pytest.approx([0.79, 0.43, 0.24], abs=0.03)


def test_the_junction_settles_on_what_its_wire_feels_and_its_self_heating(diffuser_plan: Plan) -> None:
    plant = Plant(changed(diffuser_plan, probe_model={"wire_mm": 0.0}))
    plant.advance(60_000, 0.5)
    assert plant.junction_c == pytest.approx(plant.site_c + 0.5 * plant.self_heating_c_per_w, abs=0.03)


@pytest.mark.parametrize("lag_s", [0.05, 1.0])
def test_the_junction_follows_warming_tissue_by_its_lag(diffuser_plan: Plan, lag_s: float) -> None:
    model = {"lag_s": lag_s, "wire_mm": 0.0, "self_heating_c_cm2_per_w": 0.0}
    plant = Plant(one(diffuser_plan, 6.0, model=model))
    plant.advance(500, 1.5)
    before = float(plant.site_c[0])
    plant.advance(50, 1.5)
    slope = float(plant.site_c[0]) - before
    assert float((plant.site_c - plant.junction_c)[0]) == pytest.approx(slope * lag_s, abs=0.1 * slope)


def test_self_heating_is_the_coefficient_times_the_fluence_rate(diffuser_plan: Plan) -> None:
    model = {"lit_mm": 0.0, "self_heating_c_cm2_per_w": 2.0}
    plant = Plant(one(diffuser_plan, 6.0, model=model))
    i, k = int(np.searchsorted(plant.mesh.r, 6.0)), len(plant.mesh.z) // 2
    around = 2.0 * plant.light.fluence_w_cm2[i - 1 : i + 1, k - 3 : k + 3]
    assert around.min() < plant.self_heating_c_per_w[0] < around.max()


def test_a_wire_along_the_fibre_gathers_more_light_than_one_away_from_it(diffuser_plan: Plan) -> None:
    along, across, none = (
        Plant(one(diffuser_plan, 3.0, model=model)).self_heating_c_per_w[0]
        for model in ({"wire_angle_deg": 0.0}, {"wire_angle_deg": 90.0}, {"lit_mm": 0.0})
    )
    assert across < along < none


def test_self_heating_falls_with_distance_as_measured(bare_plan: Plan) -> None:
    """Two of the measured points, 14.0 °C at 3 mm and 4.0 °C at 7 mm, within 20 % in fresh tissue ex vivo."""
    probes = [{"role": role, "radial_mm": r} for role, r in (("control", 3.0), ("spare", 7.0))]
    plan = changed(bare_plan, probes=probes, fibre={"radius_mm": 0.15})
    assert 2.0 * Plant(plan).self_heating_c_per_w == pytest.approx([14.0, 4.0], rel=0.2)


def test_a_wire_feels_the_tissue_along_it(diffuser_plan: Plan) -> None:
    """Ahead of the diffuser, a wire that comes from there is warmer than its junction's site."""
    felt = []
    for wire_mm in (0.0, 2.0):
        model = {"wire_mm": wire_mm, "self_heating_c_cm2_per_w": 0.0}
        plant = Plant(one(diffuser_plan, 4.0, 11.0, model))
        plant.advance(6000, 1.5)
        felt.append(float(plant.junction_c[0]))
    assert felt[1] > felt[0] + 0.5


def test_a_probe_just_ahead_of_the_fibre_sees_its_light(diffuser_plan: Plan) -> None:
    near, far = (Plant(one(diffuser_plan, 0.0, z)).self_heating_c_per_w[0] for z in (7.75, 9.5))
    assert near > far > 1.0


def test_a_probe_elsewhere_than_planned_reads_what_is_there(diffuser_plan: Plan) -> None:
    planned, true = one(diffuser_plan, 6.0, radial_error_mm=-1.5, axial_error_mm=2.0), one(diffuser_plan, 4.5, 2.0)
    plants = Plant(planned), Plant(true)
    for plant in plants:
        plant.advance(3000, 1.5)
    assert np.all(plants[0].junction_c == plants[1].junction_c)
    assert np.all(plants[0].site_c == plants[1].site_c)


def test_a_probe_pulled_out_cools_while_its_site_does_not(diffuser_plan: Plan) -> None:
    plant, still = Plant(diffuser_plan), Plant(diffuser_plan)
    for p in (plant, still):
        p.advance(6000, 1.5)
    plant.pull_out(0, 25.0)
    for p in (plant, still):
        p.advance(3000, 1.5)
    assert plant.junction_c[0] < 39.0 < still.junction_c[0] - 5.0
    assert plant.junction_c[1:] == pytest.approx(still.junction_c[1:])
    assert np.all(plant.site_c == still.site_c)


def test_pulls_add_up(diffuser_plan: Plan) -> None:
    once, twice = Plant(diffuser_plan), Plant(diffuser_plan)
    once.pull_out(0, 5.0)
    twice.pull_out(0, 2.0)
    twice.pull_out(0, 3.0)
    assert twice.self_heating_c_per_w == pytest.approx(once.self_heating_c_per_w)


def test_breath_sways_the_reading_at_its_rate_and_leaves_the_site(diffuser_plan: Plan) -> None:
    breathing = Plant(one(changed(diffuser_plan, breathing={"probe_mm": 1.0}), 6.0))
    still = Plant(one(diffuser_plan, 6.0))
    for plant in (breathing, still):
        plant.advance(15_000, 1.5)
    sway = []
    for _ in range(80):  # two breaths of 4 s
        for plant in (breathing, still):
            plant.advance(5, 1.5)
        sway.append(float((breathing.junction_c - still.junction_c)[0]))
    assert max(sway) > 1.0
    assert min(sway) < -1.0
    assert np.abs(np.fft.rfft(np.array(sway) - np.mean(sway))).argmax() == 2
    assert np.all(breathing.site_c == still.site_c)


def test_breath_may_begin_and_end_at_any_time(diffuser_plan: Plan) -> None:
    plant, still = Plant(diffuser_plan), Plant(diffuser_plan)
    for p in (plant, still):
        p.advance(3003, 1.5)
    plant.breathe(0.8)
    for p in (plant, still):
        p.advance(150, 1.5)
    assert abs(plant.junction_c[0] - still.junction_c[0]) > 0.2
    plant.breathe(0.0)
    for p in (plant, still):
        p.advance(3000, 1.5)
    assert plant.junction_c == pytest.approx(still.junction_c, abs=0.05)


def test_without_probes_the_tissue_still_lives(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan.model_copy(update={"probes": ()}))
    plant.advance(500, 2.0)
    assert plant.site_c.shape == (0,)
    assert plant.tissue_max_c > 37.5


def test_grid_constants_agree() -> None:
    assert math.isclose(kernel.POINTS_PER_STEP * kernel.GRID_S, kernel.STEP_S)
