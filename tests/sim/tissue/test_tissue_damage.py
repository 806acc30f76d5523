"""CEM43 and Ω at constant temperature against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imilt.plan import Plan, Tissue
from imilt_sim.tissue import damage, kernel
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.heat import new_state, set_blood
from imilt_sim.tissue.laws import Laws
from imilt_sim.tissue.mesh import uniform_mesh
from imilt_sim.tissue.plant import Plant


def held(celsius: float, seconds: int) -> dict[str, float]:
    """The measures of harm of one cell held at a temperature."""
    state = new_state(uniform_mesh(1.0, 1.0, 1.0), Laws.of(Tissue()))
    set_blood(state, np.ones((1, 2)), np.zeros((1, 2)))
    perfused = state.inner(kernel.LOSS)[0, 0]
    state.inner(kernel.RISE)[:] = celsius - 37.0
    for _ in range(seconds):
        kernel.harm(state.cells, state.by_rise, state.numbers, 1.0)
    rows = {"cem43": kernel.CEM43, "skin": kernel.OMEGA_SKIN, "bhk": kernel.OMEGA_BHK}
    rows |= {"delayed": kernel.OMEGA_DELAYED, "shell_s": kernel.SHELL}
    found = {name: float(state.inner(row)[0, 0]) for name, row in rows.items()}
    return found | {"left": float(state.inner(kernel.LOSS)[0, 0] / perfused)}


@pytest.mark.parametrize(
    ("celsius", "minutes"),
    [(46.0, 240.0), (45.0, 120.0), (47.0, 480.0), (43.0, 30.0), (42.0, 7.5), (39.0, 30 / 256), (38.9, 0.0)],
)
def test_half_an_hour_in_cem43(celsius: float, minutes: float) -> None:
    assert held(celsius, 1800)["cem43"] == pytest.approx(minutes, rel=1e-9)


def test_half_an_hour_at_46_degrees_in_omega() -> None:
    harm = held(46.0, 1800)
    assert harm["skin"] == pytest.approx(0.092, abs=0.001)
    assert harm["bhk"] == pytest.approx(7.1, abs=0.05)
    assert harm["left"] == pytest.approx(math.exp(-harm["skin"]), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(30.0, 90.0), st.integers(1, 100))
def test_omega_matches_its_closed_form(celsius: float, seconds: int) -> None:
    harm = held(celsius, seconds)
    assert harm["skin"] == pytest.approx(seconds * damage.SKIN.rate_per_s(celsius), rel=1e-8)
    assert harm["bhk"] == pytest.approx(seconds * damage.BHK.rate_per_s(celsius), rel=1e-8)


@pytest.mark.parametrize(("celsius", "delay_s"), [(43.0, 900.0), (44.0, 450.0), (46.0, 112.5)])
def test_cells_begin_to_die_after_the_delay(celsius: float, delay_s: float) -> None:
    assert held(celsius, round(0.9 * delay_s))["delayed"] == 0.0
    dying = held(celsius, 1800)["delayed"]
    assert dying == pytest.approx((1800 - delay_s) * damage.DELAYED.rate_per_s(celsius), rel=0.04)


@pytest.mark.parametrize(("celsius", "counted"), [(45.9, False), (46.0, True), (50.0, True), (50.1, False)])
def test_the_shell_counts_time_from_46_to_50_degrees(celsius: float, counted: bool) -> None:
    assert held(celsius, 100)["shell_s"] == (100.0 if counted else 0.0)


@pytest.mark.parametrize(("setting", "celsius"), [(damage.SKIN, 49.3), (damage.BHK, 42.8)])
def test_where_half_an_hour_gives_omega_one(setting: damage.Arrhenius, celsius: float) -> None:
    assert 1800 * setting.rate_per_s(celsius) == pytest.approx(1.0, rel=0.1)


def test_absurd_temperatures_stay_finite() -> None:
    assert np.all(np.isfinite(list(held(900.0, 3).values())))


def test_cem43_at_the_sites_follows_their_temperature(diffuser_plan: Plan) -> None:
    plant, expected = Plant(diffuser_plan), np.zeros(4)
    for _ in range(2000):
        plant.advance(5, 2.5)
        above = plant.site_c - 43.0
        expected += np.where(plant.site_c >= 39.0, 2.0 ** np.where(above >= 0, above, 2 * above), 0.0) * 0.1 / 60
    assert expected[0] > 0.01
    assert plant.cem43_site_min == pytest.approx(expected, rel=1e-9)


def test_volumes_count_tissue_only_and_agree_with_the_fields(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(120_000, 1.6)
    field, volumes = plant.field(), plant.volumes_mm3()
    tissue = ~Axisymmetric.of(diffuser_plan).inside_fibre
    shell = (field["shell_s"] >= 1800.0) & tissue
    assert volumes["sparing_shell"] > 50.0
    assert volumes["sparing_shell"] == pytest.approx(field["volume_mm3"][shell].sum())
    ablated = (field["omega_skin"] >= 1.0) & tissue
    assert volumes["ablated"] == pytest.approx(field["volume_mm3"][ablated].sum())
    assert 0.0 < volumes["ablated_tumour_fraction"] < volumes["cem43_240_tumour_fraction"] < 1.0
    assert field["volume_mm3"][field["cem43_min"] >= 240.0].sum() > volumes["cem43_240"] > volumes["ablated"]
