"""The laws: each meets its measured figures, and heat and temperature are each other's inverse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imilt.plan import Tissue
from imilt_sim.tissue.laws import BOIL_C, TABLE_C, Laws

LAWS = Laws.of(Tissue())
NONE, ALL = np.array(0.0), np.array(1.0)


@given(st.floats(0.0, 94.0) | st.floats(106.0, 2500.0))
def test_temperature_follows_from_heat(celsius: float) -> None:
    heat = LAWS.heat_since_0_c_j_mm3(np.array(celsius))
    assert LAWS.temperature_c(heat) == pytest.approx(celsius, abs=0.01)


def test_heat_always_rises_with_temperature() -> None:
    assert np.all(np.diff(LAWS.heat_since_0_c_j_mm3(TABLE_C)) > 0)
    assert np.all(np.diff(LAWS.temperatures_c) > 0)


def test_heat_is_counted_from_body_temperature() -> None:
    low, body, high = LAWS.enthalpy_j_mm3(np.array([36.0, 37.0, 38.0]))
    assert body == 0.0
    assert -low == pytest.approx(high) == pytest.approx(1087e-9 * 3164)


def test_boiling_takes_the_latent_heat_of_the_water() -> None:
    before, after = LAWS.enthalpy_j_mm3(np.array(BOIL_C))
    latent = 1087e-9 * 0.71 * 2.257e6
    assert LAWS.latent_j_mm3 == pytest.approx(latent)
    assert latent < after - before < 1.02 * latent


@pytest.mark.parametrize(("celsius", "dried"), [(37.0, 0.0), (95.0, 0.0), (100.0, 0.5), (105.0, 1.0), (400.0, 1.0)])
def test_water_leaves_about_100_degrees(celsius: float, dried: float) -> None:
    assert Laws.dried(np.array(celsius)) == pytest.approx(dried)


def test_conductivity_meets_what_was_measured() -> None:
    cold, warm, hot, boiling = LAWS.conductivity_w_mm_k(np.array([20.0, 70.0, 94.0, 100.0]), NONE)
    assert cold == warm == pytest.approx(0.51e-3)
    assert hot == pytest.approx(1.5 * cold)
    assert boiling == pytest.approx(2.0 * cold)
    assert LAWS.conductivity_w_mm_k(np.array([50.0, 300.0]), ALL) == pytest.approx([0.2e-3, 0.2e-3])


def test_capacity_falls_when_tissue_is_denatured_and_when_it_dries() -> None:
    cold, warm, hot = LAWS.capacity_j_mm3_k(np.array([20.0, 55.0, 94.0]), NONE)
    assert cold == warm == pytest.approx(1087e-9 * 3164)
    assert hot == pytest.approx(0.8 * cold)
    assert LAWS.capacity_j_mm3_k(np.array(200.0), ALL) == pytest.approx(1087e-9 * 0.29 * 1550)


def test_perfusion_rises_with_warmth_between_40_and_44_degrees() -> None:
    factors = LAWS.perfusion_factor(np.array([20.0, 40.0, 41.0, 42.0, 44.0, 80.0]))
    assert factors == pytest.approx([1.0, 1.0, 1.375, 1.75, 2.5, 2.5])


@pytest.mark.parametrize(("cooked", "dried", "expected"), [(0, 0, 1.0), (1, 0, 2.0), (0, 1, 5.0), (1, 1, 5.0)])
def test_optics_are_those_of_the_pure_states_at_the_ends(cooked: float, dried: float, expected: float) -> None:
    assert Laws.mixed(np.array([1.0, 2.0, 5.0]), np.array(cooked), np.array(dried)) == expected


def test_optics_of_pure_states() -> None:
    assert LAWS.absorption_per_cm == pytest.approx([0.17, 0.17 * 1.2, 0.17 * 2.46])
    assert LAWS.reduced_scattering_per_cm == pytest.approx([12.0, 54.0, 21.6])


def test_char_keeps_light_by_beers_law() -> None:
    assert LAWS.char_fraction(0.0) == 0.0
    assert LAWS.char_fraction(8.0) == pytest.approx(1 - math.exp(-0.576))
