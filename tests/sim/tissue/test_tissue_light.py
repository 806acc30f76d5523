"""Light: energy, exact solutions, and what the fibre's kind changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imilt.plan import Fibre, Plan, Tissue
from imilt_sim.tissue import verify
from imilt_sim.tissue.light import Optics, axis_source, bare_source, diffuser_source, plan_light
from imilt_sim.tissue.mesh import fibre_cells, plan_mesh


@settings(deadline=None, max_examples=25)
@given(
    fibre=st.builds(
        Fibre,
        kind=st.sampled_from(["bare", "diffuser"]),
        radius_mm=st.floats(0.1, 2.0),
        diffuser_length_mm=st.floats(5.0, 40.0),
    ),
    absorption=st.floats(0.01, 2.0),
    scattering=st.floats(1.0, 40.0),
)
def test_every_watt_is_absorbed_or_escapes(fibre: Fibre, absorption: float, scattering: float) -> None:
    mesh = plan_mesh(fibre)
    tissue = Tissue(absorption_per_cm=absorption, reduced_scattering_per_cm=scattering)
    lit = plan_light(mesh, fibre, tissue)
    assert lit.absorbed_w.sum() + lit.escaped_w == pytest.approx(1.0, abs=1e-9)
    assert lit.fluence_w_cm2.min() >= 0.0
    assert np.all(lit.absorbed_w[fibre_cells(mesh, fibre)] == 0.0)


def test_absorbed_density_is_absorption_times_fluence(diffuser_plan: Plan) -> None:
    mesh = plan_mesh(diffuser_plan.fibre)
    lit = plan_light(mesh, diffuser_plan.fibre, diffuser_plan.tissue)
    per_cm3 = lit.absorbed_w / (mesh.volume_mm3 * 1e-3)
    assert per_cm3 == pytest.approx(diffuser_plan.tissue.absorption_per_cm * lit.fluence_w_cm2)


def test_sources_emit_one_watt_where_they_should(diffuser_plan: Plan) -> None:
    mesh = plan_mesh(diffuser_plan.fibre)
    even = diffuser_source(mesh, diffuser_plan.fibre)
    assert even.sum() == pytest.approx(1.0)
    assert not even[fibre_cells(mesh, diffuser_plan.fibre)].any()
    bare = Fibre.model_validate({"kind": "bare", "radius_mm": 0.2})
    mesh = plan_mesh(bare)
    ahead = bare_source(mesh, bare, Optics(0.17, 12.0))
    assert ahead.sum() == pytest.approx(1.0)
    assert (ahead * mesh.z).sum() == pytest.approx(10 / 12.17)


def test_a_point_on_the_axis_keeps_its_place() -> None:
    mesh = plan_mesh(Fibre.model_validate({"kind": "bare"}))
    for z_mm in (-7.3, 0.0, 1.234, 20.0):
        assert (axis_source(mesh, z_mm) * mesh.z).sum() == pytest.approx(z_mm, abs=1e-12)


def test_point_source_matches_diffusion_theory() -> None:
    fluence, rise = verify.point_source_errors()
    assert fluence < 0.02
    assert rise < 0.01


def test_line_source_matches_diffusion_theory() -> None:
    assert verify.line_source_error() < 0.005


def test_long_diffuser_matches_the_endless_cylinder() -> None:
    assert verify.cylinder_error() < 0.01


def test_a_bare_fibre_concentrates_its_light(diffuser_plan: Plan, bare_plan: Plan) -> None:
    peaks = []
    for plan in (diffuser_plan, bare_plan):
        peaks.append(plan_light(plan_mesh(plan.fibre), plan.fibre, plan.tissue).fluence_w_cm2.max())
    assert peaks[1] > 3 * peaks[0]
