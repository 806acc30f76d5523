"""Light: energy, exact solutions, optics that differ and change, and what the fibre's kind changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import k0, k1

from imilt.plan import Fibre, Plan, Tissue
from imilt_sim.tissue import verify
from imilt_sim.tissue.light import Diffusion, FibreLight, axis_source, diffuser_source, plan_light
from imilt_sim.tissue.mesh import Floats, Mesh, fibre_cells, plan_mesh, uniform_mesh

KINDS = ["bare", "diffuser", "radial"]
FIBRES = {"bare": Fibre(kind="bare", radius_mm=0.2), "diffuser": Fibre(), "radial": Fibre(kind="radial", radius_mm=0.3)}


def coagulated(mesh: Mesh, to_mm: float) -> tuple[Floats, Floats]:
    """µa and µs' (1/cm) of tissue that has turned white up to some distance from the fibre's tip."""
    white = 1 / (1 + np.exp((np.hypot(mesh.r[:, None], mesh.z) - to_mm) / 0.3))
    return 0.17 + 0.05 * white, 12.0 * (1 + 2 * white)


@settings(deadline=None, max_examples=25)
@given(
    fibre=st.builds(
        Fibre,
        kind=st.sampled_from(KINDS),
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


@pytest.mark.parametrize("kind", KINDS)
def test_the_iteration_itself_conserves_energy(kind: str) -> None:
    """Before the last bit is made up for by a scale."""
    fibre = FIBRES[kind]
    mesh = plan_mesh(fibre)
    absorption, scattering = np.full(mesh.shape, 0.017), np.full(mesh.shape, 1.2)
    source, straight = FibreLight(mesh, fibre).source(absorption, scattering)
    assert source.sum() + np.sum(straight * absorption * mesh.volume_mm3) == pytest.approx(1.0, abs=1e-9)
    lit = Diffusion(mesh, fibre_cells(mesh, fibre)).solve(absorption, scattering, source, straight)
    assert lit.absorbed_w.sum() + lit.escaped_w == pytest.approx(1.0, abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_absorbed_density_is_absorption_times_fluence(kind: str) -> None:
    mesh = plan_mesh(FIBRES[kind])
    absorption, scattering = coagulated(mesh, 3.0)
    lit = FibreLight(mesh, FIBRES[kind]).solve(absorption, scattering)
    per_cm3 = lit.absorbed_w / (mesh.volume_mm3 * 1e-3)
    assert per_cm3 == pytest.approx(absorption * lit.fluence_w_cm2)


def test_a_diffuser_emits_one_watt_where_it_should(diffuser_plan: Plan) -> None:
    mesh = plan_mesh(diffuser_plan.fibre)
    even = diffuser_source(mesh, diffuser_plan.fibre)
    assert even.sum() == pytest.approx(1.0)
    assert not even[fibre_cells(mesh, diffuser_plan.fibre)].any()


@pytest.mark.parametrize(("kind", "r_mm", "z_mm"), [("bare", 0.0, 10 / 12.17), ("radial", 0.3 + 10 / 12.17, -0.45)])
def test_a_beam_scatters_first_after_one_mean_free_path(kind: str, r_mm: float, z_mm: float) -> None:
    fibre = FIBRES[kind]
    mesh = plan_mesh(fibre, fine_mm=0.05)
    source, straight = FibreLight(mesh, fibre).source(np.full(mesh.shape, 0.017), np.full(mesh.shape, 1.2))
    assert not (source + straight)[fibre_cells(mesh, fibre)].any()
    assert (source.sum(axis=0) @ mesh.z) / source.sum() == pytest.approx(z_mm, abs=0.01)
    if kind == "radial":
        assert (source.sum(axis=1) @ mesh.r) / source.sum() == pytest.approx(r_mm, abs=0.01)


def test_a_point_on_the_axis_keeps_its_place() -> None:
    mesh = plan_mesh(Fibre.model_validate({"kind": "bare"}))
    for z_mm in (-7.3, 0.0, 1.234, 20.0):
        assert (axis_source(mesh, z_mm) * mesh.z).sum() == pytest.approx(z_mm, abs=1e-12)


def test_point_source_matches_diffusion_theory() -> None:
    assert verify.point_fluence_error() < 0.02
    assert verify.lit_rise_error() < 0.01


def test_line_source_matches_diffusion_theory() -> None:
    assert verify.line_source_error() < 0.005


def test_long_diffuser_matches_the_endless_cylinder() -> None:
    assert verify.cylinder_error() < 0.01


def two_layers(r: Floats, inside: tuple[float, float], outside: tuple[float, float], border: float) -> Floats:
    """Fluence rate per W/mm of a line source in a cylinder of other optics (µa, µs' in 1/mm), W/mm²; r > 0."""
    (d1, m1), (d2, m2) = ((1 / (3 * sum(o)), np.sqrt(3 * o[0] * sum(o))) for o in (inside, outside))
    # φ = a·K0(m1 r) + b·I0(m1 r) inside and c·K0(m2 r) outside, φ and its flux the same on both sides.
    from scipy.special import i0, i1

    a = 1 / (2 * np.pi * d1)
    matrix = [[i0(m1 * border), -k0(m2 * border)], [d1 * m1 * i1(m1 * border), d2 * m2 * k1(m2 * border)]]
    b, c = np.linalg.solve(matrix, [-a * k0(m1 * border), a * d1 * m1 * k1(m1 * border)])
    return np.where(r < border, a * k0(m1 * r) + b * i0(m1 * np.minimum(r, border)), c * k0(m2 * r))


def test_two_layers_match_the_exact_solution() -> None:
    inside, outside, border = (0.02, 6.0), (0.017, 1.2), 4.0
    errors = []
    for cell in (0.5, 0.25):
        mesh = uniform_mesh(25.0, 1.0, cell)
        # Long columns of closed ends: the flow along z vanishes when every plane has the same source.
        long = Mesh(mesh.r_faces, np.linspace(-40.0, 40.0, 41))
        within = (long.r < border)[:, None] * np.ones(long.shape)
        absorption, scattering = (outside[n] + (inside[n] - outside[n]) * within for n in (0, 1))
        source = np.zeros(long.shape)
        source[0] = np.diff(long.z_faces)
        lit = Diffusion(long, np.zeros(long.shape, bool)).solve(absorption, scattering, source, np.zeros(long.shape))
        ring = (long.r > 2.0) & (long.r < 12.0)
        truth = two_layers(long.r[ring], inside, outside, border)
        errors.append(np.abs(lit.fluence_w_cm2[ring, 20] / 100 / truth - 1).max())
    assert errors[1] < 0.01
    assert errors[1] < errors[0] / 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_solution_does_not_depend_on_the_one_before(kind: str) -> None:
    fibre = FIBRES[kind]
    mesh = plan_mesh(fibre)
    light = FibreLight(mesh, fibre)
    for to_mm in (0.5, 1.0, 1.5, 4.0):
        lit = light.solve(*coagulated(mesh, to_mm))
    fresh = FibreLight(mesh, fibre).solve(*coagulated(mesh, 4.0))
    near = np.hypot(mesh.r[:, None], mesh.z) < 15.0
    lit_near = near & ~fibre_cells(mesh, fibre)
    assert lit.fluence_w_cm2[lit_near] == pytest.approx(fresh.fluence_w_cm2[lit_near], rel=3e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_white_tissue_keeps_the_light_near_the_fibre(kind: str) -> None:
    fibre = FIBRES[kind]
    mesh = plan_mesh(fibre)
    light = FibreLight(mesh, fibre)
    shares = []
    for to_mm in (-9.0, 4.0):
        absorbed_w = light.solve(*coagulated(mesh, to_mm)).absorbed_w
        shares.append(absorbed_w[np.hypot(mesh.r[:, None], mesh.z) < 3.0].sum())
    assert shares[1] > 1.3 * shares[0]


def test_a_bare_fibre_concentrates_its_light(diffuser_plan: Plan, bare_plan: Plan) -> None:
    peaks = []
    for plan in (diffuser_plan, bare_plan):
        peaks.append(plan_light(plan_mesh(plan.fibre), plan.fibre, plan.tissue).fluence_w_cm2.max())
    assert peaks[1] > 3 * peaks[0]


@pytest.mark.parametrize("absorption", [np.nan, np.inf, -1.0])
def test_optics_without_a_solution_are_told(absorption: float) -> None:
    mesh = plan_mesh(FIBRES["diffuser"])
    with pytest.raises(RuntimeError, match="absorption and scattering must be finite"):
        FibreLight(mesh, FIBRES["diffuser"]).solve(np.full(mesh.shape, absorption), np.full(mesh.shape, 12.0))
