"""The mesh fills the cylinder, meets the fibre's edges and keeps its promises for every plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imilt.plan import Fibre, Plan, Tumour
from imilt_sim.tissue.mesh import (
    FINE_MARGIN_MM,
    FINE_MM,
    OUTER_HALF_LENGTH_MM,
    OUTER_RADIUS_MM,
    WIDEST_INSIDE_MM,
    fibre_cells,
    plan_mesh,
    tumour_fraction,
)

FIBRES = st.builds(
    Fibre,
    kind=st.sampled_from(["bare", "diffuser"]),
    radius_mm=st.floats(0.1, 2.0),
    diffuser_length_mm=st.floats(5.0, 40.0),
)


@given(FIBRES)
def test_the_mesh_fills_the_cylinder_and_meets_the_fibre(fibre: Fibre) -> None:
    mesh = plan_mesh(fibre)
    assert np.all(np.diff(mesh.r_faces) > 0)
    assert np.all(np.diff(mesh.z_faces) > 0)
    assert mesh.volume_mm3.sum() == pytest.approx(np.pi * OUTER_RADIUS_MM**2 * 2 * OUTER_HALF_LENGTH_MM)
    assert np.abs(mesh.r_faces - fibre.radius_mm).min() < 1e-9
    for end in (-fibre.end_mm, fibre.end_mm):
        assert np.abs(mesh.z_faces - end).min() < 1e-9


@given(FIBRES)
def test_cells_are_fine_near_the_fibre_and_grow_gently(fibre: Fibre) -> None:
    mesh = plan_mesh(fibre)
    dr, dz = np.diff(mesh.r_faces), np.diff(mesh.z_faces)
    assert dr[(mesh.r < fibre.radius_mm + FINE_MARGIN_MM)].max() < 1.5 * FINE_MM
    assert dz[np.abs(np.abs(mesh.z) - fibre.end_mm) < FINE_MARGIN_MM - FINE_MM].max() < 1.5 * FINE_MM
    assert dz[np.abs(mesh.z) < fibre.end_mm].max(initial=0.0) <= 1.3 * WIDEST_INSIDE_MM
    outside, ahead = dr[mesh.r > fibre.radius_mm], dz[mesh.z > fibre.end_mm]
    assert max((outside[1:] / outside[:-1]).max(), (ahead[1:] / ahead[:-1]).max()) < 1.25


def test_the_fibre_comes_from_behind_and_ends_with_its_diffuser() -> None:
    fibre = Fibre.model_validate({"diffuser_length_mm": 15.0, "radius_mm": 0.75})
    mesh = plan_mesh(fibre)
    volume = mesh.volume_mm3[fibre_cells(mesh, fibre)].sum()
    assert volume == pytest.approx(np.pi * 0.75**2 * (OUTER_HALF_LENGTH_MM + 7.5))


@pytest.mark.parametrize(("radial_mm", "axial_mm"), [(9.0, 11.0), (5.0, 20.0), (20.0, 5.0)])
def test_the_tumour_has_the_volume_of_its_ellipsoid(radial_mm: float, axial_mm: float) -> None:
    mesh = plan_mesh(Fibre.model_validate({}))
    volume = (mesh.volume_mm3 * tumour_fraction(mesh, Tumour(radial_mm=radial_mm, axial_mm=axial_mm))).sum()
    assert volume == pytest.approx(4 / 3 * np.pi * radial_mm**2 * axial_mm, rel=5e-3)


def test_the_default_mesh_is_small_enough_for_the_loop(diffuser_plan: Plan) -> None:
    assert 2000 <= np.prod(plan_mesh(diffuser_plan.fibre).shape) <= 3000
