"""Heat: order of convergence, energy, symmetry, stability, and blood that stops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imilt.plan import Plan
from imilt_sim.tissue import damage, kernel, verify
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.heat import blood_w_mm3_k
from imilt_sim.tissue.mesh import uniform_mesh
from imilt_sim.tissue.plant import Plant


def test_the_tissue_step_adds_less_than_the_mesh() -> None:
    whole, half, quarter = verify.step_errors()
    assert max(whole, half, quarter) < 0.02
    assert abs(whole - half) < half


@pytest.mark.parametrize(("power_w", "t_s"), [(0.5, 60.0), (2.0, 600.0), (4.0, 300.0)])
def test_no_heat_is_lost(diffuser_plan: Plan, power_w: float, t_s: float) -> None:
    assert abs(verify.energy_error(diffuser_plan, power_w, t_s)) < 1e-6


def test_no_heat_is_lost_with_a_bare_fibre(bare_plan: Plan) -> None:
    assert abs(verify.energy_error(bare_plan, 1.5, 300.0)) < 1e-6


def test_the_field_is_symmetric_when_the_source_is() -> None:
    mesh = uniform_mesh(10.0, 10.0, 0.5)
    source = np.zeros(mesh.shape)
    source[0, 18:22] = 0.25
    rise = verify.run(mesh, source, np.full(mesh.shape, verify.TUMOUR_LOSS_PER_S), 1.0, 60.0, 0.1)
    assert rise == pytest.approx(rise[:, ::-1], rel=1e-12)


def test_the_probes_mesh_error_is_small(diffuser_plan: Plan) -> None:
    errors = verify.mesh_error(diffuser_plan)
    assert abs(errors[0]) < 0.008
    assert np.abs(errors[[1, 3, 4]]).max() < 0.01
    assert abs(errors[2]) < 0.04  # of a degree at 13 mm, where cells are a millimetre wide


def test_an_unstable_step_is_refused() -> None:
    mesh, none = uniform_mesh(5.0, 5.0, 0.25), np.zeros((20, 40))
    limit_s = 1 / (8 * verify.MEDIUM.diffusivity_mm2_s / 0.25**2)  # the cell on the axis has the largest share of faces
    verify.run(mesh, none, none, 1.0, 1.0, limit_s)
    with pytest.raises(ValueError, match="unstable"):
        verify.run(mesh, none, none, 1.0, 1.0, 3 * limit_s)


def test_a_thin_fibre_in_tissue_that_conducts_well_stays_smooth(bare_plan: Plan) -> None:
    fibre, tissue = {"kind": "bare", "radius_mm": 0.1}, {"conductivity_w_m_k": 1.0, "specific_heat_j_kg_k": 2000.0}
    plan = Plan.model_validate(bare_plan.model_dump(by_alias=True) | {"fibre": fibre, "tissue": tissue})
    rings = Axisymmetric.of(plan)
    rings.advance(600, 1.0)
    assert rings.rise.min() >= 0.0
    assert rings.rise.max() < 40.0
    assert np.all(np.diff(rings.rise[:, -1]) <= 0.0)


def test_blood_carries_away_what_pennes_says() -> None:
    assert blood_w_mm3_k(np.array(0.016)) == pytest.approx(0.016 * 1050 * 3617 * 1e-9)


def test_perfusion_stops_with_coagulation_and_rises_with_warmth_outside_the_tumour(diffuser_plan: Plan) -> None:
    rings = Axisymmetric.of(diffuser_plan)
    before = rings.loss_per_s.copy()
    rings.advance(6000, 2.5)
    omega, tumour = rings.field()["omega_skin"], rings.tumour_fraction
    all_tumour, all_normal = tumour == 1.0, (tumour == 0.0) & ~rings.inside_fibre
    assert rings.loss_per_s[all_tumour] == pytest.approx((before * np.exp(-omega))[all_tumour], rel=1e-9)
    factor = rings.laws.perfusion_factor(rings.celsius)
    assert rings.loss_per_s[all_normal] == pytest.approx((before * factor * np.exp(-omega))[all_normal], rel=1e-6)
    assert factor[all_normal].max() > 1.5
    assert np.count_nonzero((omega > 5.0) & (before > 0.0)) > 20
    assert rings.loss_per_s[(omega > 5.0)].max() < 0.01 * before.max()


def test_stopped_perfusion_heats_the_site_further(diffuser_plan: Plan) -> None:
    tissue = {"coagulated_absorption_factor": 1.0, "coagulated_scattering_factor": 1.0, "warm_perfusion_factor": 1.0}
    plan = Plan.model_validate(diffuser_plan.model_dump(by_alias=True) | {"tissue": tissue})
    plant, cool = Plant(plan), Plant(plan)
    plant.advance(60_000, 2.5)
    cool.advance(60_000, 0.1)
    assert (plant.site_c[0] - 37.0) / 2.5 > 1.05 * (cool.site_c[0] - 37.0) / 0.1


def test_nothing_happens_without_power(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(5000, 0.0)
    assert plant.tissue_max_c == pytest.approx(37.0, abs=1e-9)
    assert plant.site_c == pytest.approx(np.full(4, 37.0), abs=1e-9)
    assert plant.junction_c == pytest.approx(np.full(4, 37.0), abs=1e-9)
    assert plant.volumes_mm3()["ablated"] == 0.0
    assert not plant.cem43_site_min.any()
    assert plant.field()["omega_bhk"].max() == pytest.approx(100 * damage.BHK.rate_per_s(37.0), rel=1e-6)


def test_exp2_is_exp2() -> None:
    for x in np.linspace(-999.0, 999.0, 4001):
        assert kernel.exp2(x) == pytest.approx(2.0**x, rel=2e-11)
    assert kernel.exp2(-1e9) == pytest.approx(2.0**-1000)
    assert math.isfinite(kernel.exp2(1e9))
