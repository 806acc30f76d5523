"""Thermocouples: the place, the lag, the integral and the light they absorb."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imilt.plan import Fibre, Plan, Probe
from imilt_sim.tissue import kernel
from imilt_sim.tissue.mesh import plan_mesh
from imilt_sim.tissue.plant import Plant
from imilt_sim.tissue.probes import place

MESH = plan_mesh(Fibre.model_validate({}))


def at(r: float, z: float) -> Probe:
    return Probe.model_validate({"role": "spare", "radial_mm": r, "axial_mm": z})


@given(st.floats(0.6, 28.0), st.floats(-32.0, 32.0))
def test_interpolation_is_exact_for_a_bilinear_field(r: float, z: float) -> None:
    corners, weights = place(MESH, at(r, z))
    field = np.pad(np.add.outer(2 * MESH.r, 3 * MESH.z) + np.outer(MESH.r, MESH.z), 1)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.min() >= 0.0
    assert weights @ field.ravel()[corners] == pytest.approx(2 * r + 3 * z + r * z, abs=1e-9)


@pytest.mark.parametrize(("r", "z"), [(0.0, 10.0), (0.1, 20.0)])
def test_on_the_axis_the_first_ring_counts(r: float, z: float) -> None:
    corners, weights = place(MESH, at(r, z))
    field = np.pad(np.tile(MESH.z, (len(MESH.r), 1)), 1)
    assert weights @ field.ravel()[corners] == pytest.approx(z)


@pytest.mark.parametrize(("r", "z"), [(35.0, 0.0), (5.0, 38.0), (40.0, -40.0)])
def test_beyond_the_mesh_it_is_dark_and_at_body_temperature(r: float, z: float) -> None:
    corners, weights = place(MESH, at(r, z))
    assert weights @ np.pad(np.ones(MESH.shape), 1).ravel()[corners] == 0.0


@pytest.mark.parametrize("lag_s", [0.01, 0.2, 5.0])
def test_step_response_of_the_junction_is_exact(diffuser_plan: Plan, lag_s: float) -> None:
    model = diffuser_plan.probe_model.model_copy(update={"lag_s": lag_s})
    plan = diffuser_plan.model_copy(update={"probe_model": model})
    plant, integral = Plant(plan), 0.0
    for point in range(1, 5):  # the tissue has not moved before the fifth
        plant.advance(1, 2.0)
        rise = 2.0 * plant.self_heating_c_per_w * (1 - math.exp(-0.02 * point / lag_s))
        integral += 0.02 * (37.0 + rise)
        assert plant.junction_c == pytest.approx(37.0 + rise, rel=1e-12)
        assert plant.junction_integral_c_s == pytest.approx(integral, rel=1e-12)


def test_the_junction_settles_on_site_plus_self_heating(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(60_000, 1.0)
    assert plant.junction_c == pytest.approx(plant.site_c + plant.self_heating_c_per_w, abs=2e-3)


def test_a_quarter_of_the_self_heating_is_left_after_300_ms_of_dark(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(3000, 1.5)
    bright = plant.junction_c - plant.site_c
    plant.advance(15, 0.0)
    assert (plant.junction_c - plant.site_c)[0] / bright[0] == pytest.approx(math.exp(-1.5), abs=0.03)


def test_self_heating_is_the_coefficient_times_the_fluence_rate(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    i, k = int(np.searchsorted(plant.mesh.r, 6.0)), len(plant.mesh.z) // 2
    around = 2.06 * plant.light.fluence_w_cm2[i - 1 : i + 1, k - 30 : k + 30]
    assert around.min() < plant.self_heating_c_per_w[0] < around.max()


def test_a_probe_just_ahead_of_the_fibre_sees_its_light(diffuser_plan: Plan) -> None:
    probes = [{"role": role, "radial_mm": 0.0, "axial_mm": z} for role, z in (("control", 7.75), ("tip", 8.3))]
    plan = Plan.model_validate(diffuser_plan.model_dump(by_alias=True) | {"probes": probes})
    near, far = Plant(plan).self_heating_c_per_w
    assert near > far > 1.0


def test_grid_constants_agree() -> None:
    assert pytest.approx(1.0) == kernel.POINTS_PER_SECOND * kernel.GRID_S
    assert kernel.POINTS_PER_SECOND % kernel.POINTS_PER_STEP == 0
