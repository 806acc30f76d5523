"""The default tier where it bends: boiling, drying, char, optics that change, and its promises to its callers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imilt.plan import Fibre, Plan, Tissue, Tumour
from imilt_sim.tissue import kernel
from imilt_sim.tissue.axisymmetric import OPTICS_TOLERANCE, Axisymmetric, tip_cells
from imilt_sim.tissue.interface import TissueError

BARE = Fibre.model_validate({"kind": "bare", "radius_mm": 0.15})
BESIDE = np.array([[4.0, 0.0, 0.0], [6.0, 0.0, 0.0]])


def ex_vivo(**keys: Any) -> Axisymmetric:
    """A bare fibre in tissue at 20 °C without blood."""
    without = {"body_c": 20.0, "tumour_perfusion_per_s": 0.0, "normal_perfusion_per_s": 0.0}
    return Axisymmetric(Tissue.model_validate(without | keys), BARE)


@pytest.fixture(scope="module")
def boiled() -> Axisymmetric:
    """After 40 s of 8 W and 200 s of dark, without condensing steam."""
    rings = ex_vivo(condensing_fraction=0.0)
    rings.advance(400, 8.0)
    rings.advance(2000, 0.0)
    return rings


@pytest.mark.parametrize("condensing", [0.0, 1.0])
def test_energy_is_accounted_for_while_tissue_boils(condensing: float) -> None:
    rings = ex_vivo(condensing_fraction=condensing)
    for _ in range(4):
        rings.advance(75, 8.0)
        energy = rings.energy_j()
        assert abs(energy.error) < 1e-4
        assert min(energy) >= 0.0
    assert rings.energy_j().given == pytest.approx(240.0)
    assert rings.volumes_mm3()["dried"] > 1.0


def test_steam_took_the_latent_heat_of_the_dried_tissue(boiled: Axisymmetric) -> None:
    water = float(np.sum(boiled.mesh.volume_mm3 * boiled.field()["dried"])) * boiled.laws.latent_j_mm3
    assert water > 30.0
    assert water < boiled.energy_j().steam < 1.15 * water
    assert abs(boiled.energy_j().error) < 1e-6


def test_what_has_dried_stays_dry_when_it_cools(boiled: Axisymmetric) -> None:
    dried = boiled.field()["dried"]
    assert dried.max() == 1.0
    assert boiled.celsius[dried > 0.9].max() < 60.0
    assert boiled.celsius.min() >= 20.0 - 1e-9
    assert dried == pytest.approx(boiled.laws.dried(boiled.peak_c) * ~boiled.inside_fibre, abs=1e-5)


def test_condensing_steam_warms_the_tissue_around() -> None:
    rises = []
    for condensing in (0.0, 1.0):
        rings = ex_vivo(condensing_fraction=condensing)
        rings.advance(900, 4.0)
        rises.append(rings.sites(BESIDE).temperature_c() - 20.0)
    assert np.all(rises[1] > 1.05 * rises[0])


def test_char_dims_the_light_and_makes_the_tip_hot() -> None:
    rings = ex_vivo()
    before = rings.sites(BESIDE).fluence_w_cm2()
    assert rings.char_fraction == 0.0
    rings.advance(600, 5.0)
    assert rings.char_um == 8.0
    assert rings.char_fraction == pytest.approx(0.44, abs=0.01)
    assert rings.tip_max_c > 150.0
    assert np.all(rings.sites(BESIDE).fluence_w_cm2() < 0.6 * before)
    assert rings.volumes_mm3()["charred"] > 0.0


def test_coagulation_dims_the_light_at_a_distance() -> None:
    fibre = Fibre.model_validate({})
    rings = Axisymmetric(Tissue(), fibre, Tumour())
    before = rings.sites(BESIDE).fluence_w_cm2()
    rings.advance(4000, 2.2)
    assert rings.volumes_mm3()["ablated"] > 100.0
    assert rings.char_um == 0.0
    after = rings.sites(BESIDE).fluence_w_cm2()
    assert after[1] < 0.6 * before[1]  # nearer, coagulated tissue sends light back
    assert rings.light.absorbed_w.sum() + rings.light.escaped_w == pytest.approx(1.0)


def test_light_is_solved_often_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    rises = []
    for tolerance in (OPTICS_TOLERANCE, OPTICS_TOLERANCE / 5):
        monkeypatch.setattr("imilt_sim.tissue.axisymmetric.OPTICS_TOLERANCE", tolerance)
        rings = ex_vivo()
        rings.advance(600, 3.0)
        rises.append(rings.sites(BESIDE).temperature_c() - 20.0)
    assert rises[0] == pytest.approx(rises[1], rel=0.01)


def test_without_a_tumour_all_tissue_is_normal() -> None:
    all_normal, small = Axisymmetric(Tissue(), BARE), Axisymmetric(Tissue(), BARE, Tumour())
    assert not all_normal.tumour_fraction.any()
    assert all_normal.loss_per_s.sum() > small.loss_per_s.sum()
    all_normal.advance(10, 1.0)
    assert all_normal.volumes_mm3()["ablated_tumour_fraction"] == 0.0


def test_splitting_a_call_changes_no_bit() -> None:
    whole, split = ex_vivo(), ex_vivo()
    whole.advance(257, 6.0)
    for _ in range(257):
        split.advance(1, 6.0)
    np.testing.assert_array_equal(whole.state.cells, split.state.cells)
    assert whole.energy_j() == pytest.approx(split.energy_j(), rel=1e-12)


def test_a_field_out_of_bounds_stops_the_run() -> None:
    rings = ex_vivo()
    rings.state.inner(kernel.TAKEN)[5, 30] = np.nan
    with pytest.raises(TissueError, match=r"tissue nan °C at r .* mm, z .* mm after 1 s: outside 0 to 3000 °C"):
        rings.advance(10, 1.0)


@pytest.mark.parametrize("point", [(31.0, 0.0, 0.0), (22.0, 22.0, 0.0), (1.0, 0.0, 36.0), (float("nan"), 0.0, 0.0)])
def test_a_point_outside_the_tissue_is_refused(point: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="lies outside the tissue"):
        ex_vivo().sites(np.array([point]))


@pytest.mark.parametrize(("steps", "power_w"), [(-1, 1.0), (1, -0.1), (1, float("nan")), (1, float("inf"))])
def test_senseless_calls_are_refused(steps: int, power_w: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        ex_vivo().advance(steps, power_w)


@pytest.mark.parametrize(("kind", "cells"), [("bare", 2), ("diffuser", 33), ("radial", 1)])
def test_the_tip_touches_the_emitting_surface(kind: str, cells: int) -> None:
    fibre = Fibre.model_validate({"kind": kind, "radius_mm": 0.25})
    rings = Axisymmetric(Tissue(), fibre)
    tip = tip_cells(rings.mesh, fibre)
    assert tip.sum() >= cells
    assert (tip & ~rings.inside_fibre).any()


def test_the_plans_tissue_is_the_same(diffuser_plan: Plan) -> None:
    rings = Axisymmetric.of(diffuser_plan)
    rings.advance(100, 2.0)
    again = Axisymmetric(diffuser_plan.tissue, diffuser_plan.fibre, diffuser_plan.tumour)
    again.advance(100, 2.0)
    np.testing.assert_array_equal(rings.rise, again.rise)
