"""CEM43 and Ω at constant temperature against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imilt.plan import Plan
from imilt_sim.tissue import damage, kernel
from imilt_sim.tissue.plant import Plant


def held(celsius: float, seconds: int) -> np.ndarray:
    """(CEM43, Ω skin, Ω BHK, perfusion left) of one cell held at a temperature."""
    cells = np.zeros((kernel.N_CELLS, 3, 3))
    cells[kernel.LOSS_START] = 1.0
    numbers = np.zeros(kernel.N_NUMBERS)
    numbers[kernel.BODY] = 37.0
    numbers[kernel.SKIN_A : kernel.BHK_E + 1] = *damage.SKIN.log2_form, *damage.BHK.log2_form
    rise = np.full((3, 3), celsius - 37.0)
    for _ in range(seconds):
        kernel.harm(cells, rise, numbers, 1.0)
    return cells[[kernel.CEM43, kernel.OMEGA_SKIN, kernel.OMEGA_BHK, kernel.LOSS], 1, 1]


@pytest.mark.parametrize(
    ("celsius", "minutes"),
    [(46.0, 240.0), (45.0, 120.0), (47.0, 480.0), (43.0, 30.0), (42.0, 7.5), (39.0, 30 / 256), (38.9, 0.0)],
)
def test_half_an_hour_in_cem43(celsius: float, minutes: float) -> None:
    assert held(celsius, 1800)[0] == pytest.approx(minutes, rel=1e-9)


def test_half_an_hour_at_46_degrees_in_omega() -> None:
    _, skin, bhk, left = held(46.0, 1800)
    assert skin == pytest.approx(0.092, abs=0.001)
    assert bhk == pytest.approx(7.1, abs=0.05)
    assert left == pytest.approx(math.exp(-skin), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(30.0, 90.0), st.integers(1, 100))
def test_omega_matches_its_closed_form(celsius: float, seconds: int) -> None:
    _, skin, bhk, _ = held(celsius, seconds)
    assert skin == pytest.approx(seconds * damage.SKIN.rate_per_s(celsius), rel=1e-8)
    assert bhk == pytest.approx(seconds * damage.BHK.rate_per_s(celsius), rel=1e-8)


@pytest.mark.parametrize(("setting", "celsius"), [(damage.SKIN, 49.3), (damage.BHK, 42.8)])
def test_where_half_an_hour_gives_omega_one(setting: damage.Arrhenius, celsius: float) -> None:
    assert 1800 * setting.rate_per_s(celsius) == pytest.approx(1.0, rel=0.1)


def test_absurd_temperatures_stay_finite() -> None:
    assert np.all(np.isfinite(held(900.0, 3)))


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
    plant.advance(60_000, 2.0)
    field, volumes = plant.field(), plant.volumes_mm3()
    ablated = (field["omega_skin"] >= 1.0) & ~plant.inside_fibre
    assert volumes["ablated"] == pytest.approx(field["volume_mm3"][ablated].sum())
    assert 0.0 < volumes["ablated_tumour_fraction"] < volumes["cem43_240_tumour_fraction"] < 1.0
    assert field["volume_mm3"][field["cem43_min"] >= 240.0].sum() > volumes["cem43_240"] > volumes["ablated"]
