"""How absorbed light's heat leaves a bead or needle, against other ways to the same solution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfc

from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.self_heating import NEEDLE_LIT_MM, TIME_CONSTANTS_S, left_after_dark, pulse_answer, shares

PANCREAS = Medium(1087e-9 * 3164, 0.51e-3)
TUMOUR_LOSS_PER_S = 0.0033 * 1050 * 3617 / (1087 * 3164)
DARK_S = np.array([0.3, 1.0, 3.0, 10.0])


@pytest.mark.parametrize("radius_mm", [0.05, 0.1, 0.5])
def test_a_bead_without_blood_follows_the_closed_form_of_a_spherical_source(radius_mm: float) -> None:
    t_s = np.geomspace(0.01, 1000.0, 40)
    fourier = PANCREAS.diffusivity_mm2_s * t_s / radius_mm**2
    warmed = np.sqrt(fourier / np.pi) * -np.expm1(-1 / fourier) + erfc(1 / np.sqrt(fourier))
    assert left_after_dark("bead", radius_mm, PANCREAS, 0.0, t_s) == pytest.approx(1 - warmed, abs=1e-4)


def test_a_pulse_on_a_needle_spreads_as_its_points_do() -> None:
    """Heat on each point of the lit surface spreads as a Gaussian: summed over the surface, at one point of it."""
    radius_mm, t_s = 0.25, np.array([0.05, 0.4, 5.0, 60.0])
    turn = np.linspace(0.0, 2 * np.pi, 400, endpoint=False)[:, None]
    along_mm = np.linspace(-30.0, 30.0, 3001)
    lit = np.exp(-(along_mm**2) / (2 * NEEDLE_LIT_MM**2))
    expected = []
    for spread in 4 * PANCREAS.diffusivity_mm2_s * t_s:
        apart_mm2 = 2 * radius_mm**2 * (1 - np.cos(turn)) + along_mm**2
        expected.append(np.sum(lit * np.exp(-apart_mm2 / spread)) / spread**1.5)
    answer = pulse_answer("needle", radius_mm, PANCREAS, 0.0, t_s)
    assert answer / answer[0] == pytest.approx(np.array(expected) / expected[0], rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "radius_mm", "left", "within"),
    [
        ("bead", 0.10, [0.25, 0.13, 0.07, 0.04], 0.01),
        ("bead", 0.15, [0.36, 0.20, 0.11, 0.05], 0.01),
        ("needle", 0.25, [0.79, 0.62, 0.42, 0.22], 0.03),
    ],
)
def test_what_is_left_in_a_tumour(kind: str, radius_mm: float, left: list[float], within: float) -> None:
    found = left_after_dark(kind, radius_mm, PANCREAS, TUMOUR_LOSS_PER_S, DARK_S)
    assert found == pytest.approx(left, abs=within)


@pytest.mark.parametrize(("kind", "radius_mm"), [("bead", 0.05), ("bead", 0.1), ("needle", 0.25), ("needle", 0.5)])
@pytest.mark.parametrize("loss_per_s", [0.0, TUMOUR_LOSS_PER_S, 0.055])
def test_the_exponentials_follow_it(kind: str, radius_mm: float, loss_per_s: float) -> None:
    share = shares(kind, radius_mm, PANCREAS, loss_per_s)
    assert share.min() >= 0.0
    assert share.sum() == pytest.approx(1.0)
    t_s = np.geomspace(0.06, 1800.0, 300)
    truth = left_after_dark(kind, radius_mm, PANCREAS, loss_per_s, t_s)
    assert np.exp(-t_s[:, None] / TIME_CONSTANTS_S) @ share == pytest.approx(truth, abs=0.01)


def test_the_default_bead_is_followed_to_half_a_percent() -> None:
    t_s = np.geomspace(0.02, 1800.0, 300)
    truth = left_after_dark("bead", 0.1, PANCREAS, TUMOUR_LOSS_PER_S, t_s)
    share = shares("bead", 0.1, PANCREAS, TUMOUR_LOSS_PER_S)
    error = np.abs(np.exp(-t_s[:, None] / TIME_CONSTANTS_S) @ share - truth)
    assert error.max() < 0.0075
    assert error[t_s > 0.1].max() < 0.005


def test_blood_takes_the_slow_part_away() -> None:
    dry, perfused = (left_after_dark("needle", 0.25, PANCREAS, loss, DARK_S) for loss in (0.0, 0.05))
    assert np.all(perfused < dry)
    assert perfused[-1] < 0.5 * dry[-1]
