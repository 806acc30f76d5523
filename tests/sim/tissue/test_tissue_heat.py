"""Heat: order of convergence, energy, symmetry, stability, and blood that stops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imilt.plan import Plan
from imilt_sim.tissue import damage, kernel, verify
from imilt_sim.tissue.heat import blood_w_mm3_k, conduction_rates, fastest_rate, new_cells, steps_needed
from imilt_sim.tissue.mesh import uniform_mesh
from imilt_sim.tissue.plant import Plant


def test_gaussian_source_converges_with_the_square_of_the_cell() -> None:
    errors = verify.uniform_errors()
    assert errors[2] < 6e-4
    for order in verify.orders(errors[1:]):
        assert 1.95 < order < 2.05


def test_gaussian_source_on_the_plans_own_mesh() -> None:
    errors = verify.graded_errors()
    assert errors[1] < 7e-4
    assert 1.9 < verify.orders(errors)[-1] < 2.05


def test_the_tissue_step_adds_less_than_the_mesh() -> None:
    whole, half, _ = verify.step_errors()
    assert whole < 5e-4
    assert whole - half < half


@pytest.mark.parametrize(("power_w", "t_s"), [(0.5, 60.0), (2.0, 600.0), (4.0, 300.0)])
def test_no_heat_is_lost(diffuser_plan: Plan, power_w: float, t_s: float) -> None:
    assert abs(verify.energy_error(diffuser_plan, power_w, t_s)) < 1e-9


def test_no_heat_is_lost_with_a_bare_fibre(bare_plan: Plan) -> None:
    assert abs(verify.energy_error(bare_plan, 1.5, 300.0)) < 1e-9


def test_the_field_is_symmetric_when_the_source_is() -> None:
    mesh = uniform_mesh(10.0, 10.0, 0.5)
    source = np.zeros(mesh.shape)
    source[0, 18:22] = 0.25
    rise = verify.run(mesh, source, verify.TUMOUR_LOSS_PER_S, 60.0, 0.1)
    assert rise == pytest.approx(rise[:, ::-1], rel=1e-12)


def test_the_probes_mesh_error_is_small(diffuser_plan: Plan) -> None:
    errors = verify.mesh_error(diffuser_plan)
    assert abs(errors[0]) < 0.004
    assert np.abs(errors).max() < 0.01


def test_an_unstable_step_is_refused() -> None:
    mesh, none = uniform_mesh(5.0, 5.0, 0.25), np.zeros((20, 40))
    rates = conduction_rates(mesh, verify.MEDIUM)
    limit_s = 1 / fastest_rate(rates, none)
    new_cells(mesh, rates, none, none, verify.MEDIUM, 0.999 * limit_s)
    with pytest.raises(ValueError, match="unstable"):
        new_cells(mesh, rates, none, none, verify.MEDIUM, 1.001 * limit_s)
    assert steps_needed(rates, none, 3.5 * limit_s) == 4


def test_a_thin_fibre_in_tissue_that_conducts_well_takes_more_steps_and_stays_smooth(bare_plan: Plan) -> None:
    fibre, tissue = {"kind": "bare", "radius_mm": 0.1}, {"conductivity_w_m_k": 1.0, "specific_heat_j_kg_k": 2000.0}
    plan = Plan.model_validate(bare_plan.model_dump(by_alias=True) | {"fibre": fibre, "tissue": tissue})
    plant = Plant(plan)
    assert plant.step_s < 0.05
    plant.advance(3000, 1.0)
    rise = plant.rise
    assert rise.min() >= 0.0
    assert rise.max() < 40.0
    assert np.all(np.diff(rise[:, -1]) <= 0.0)


def test_blood_carries_away_what_pennes_says() -> None:
    assert blood_w_mm3_k(np.array(0.016)) == pytest.approx(0.016 * 1050 * 3617 * 1e-9)


def test_perfusion_stops_with_coagulation(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    before = plant.loss_per_s.copy()
    plant.advance(30_000, 2.5)
    omega = plant.field()["omega_skin"]
    assert plant.loss_per_s == pytest.approx(before * np.exp(-omega), rel=1e-9)
    assert np.count_nonzero((omega > 5.0) & (before > 0.0)) > 20
    assert plant.loss_per_s[(omega > 5.0)].max() < 0.01 * before.max()


def test_stopped_perfusion_heats_the_site_further(diffuser_plan: Plan) -> None:
    plant, cool = Plant(diffuser_plan), Plant(diffuser_plan)
    plant.advance(60_000, 2.5)
    cool.advance(60_000, 0.1)
    assert (plant.site_c[0] - 37.0) / 2.5 > 1.05 * (cool.site_c[0] - 37.0) / 0.1


def test_nothing_happens_without_power(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(5000, 0.0)
    assert plant.tissue_max_c == 37.0
    assert np.all(plant.site_c == 37.0)
    assert np.all(plant.junction_c == 37.0)
    assert plant.volumes_mm3()["ablated"] == 0.0
    assert not plant.cem43_site_min.any()
    assert plant.field()["omega_bhk"].max() == pytest.approx(100 * damage.BHK.rate_per_s(37.0), rel=1e-6)


def test_exp2_is_exp2() -> None:
    for x in np.linspace(-999.0, 999.0, 4001):
        assert kernel.exp2(x) == pytest.approx(2.0**x, rel=2e-11)
    assert kernel.exp2(-1e9) == pytest.approx(2.0**-1000)
    assert math.isfinite(kernel.exp2(1e9))
