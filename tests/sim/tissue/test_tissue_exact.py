"""Exact solutions: they solve their equations, and the numerical ones come closer to them cell by cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from imilt_sim.tissue import exact, verify, verify_laws
from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.verify import MEDIUM, NORMAL_LOSS_PER_S, TUMOUR_LOSS_PER_S

R = np.linspace(2.0, 14.0, 13)


def missing_c_per_s(rise: Callable[[np.ndarray, float], np.ndarray], loss_per_s: float, t_s: float) -> np.ndarray:
    """∂T/∂t − α∇²T + w'T by small differences: what a source would have to give at the distances R."""
    h, dt = 0.02, 0.05
    laplace = (
        (R + h / 2) ** 2 * (rise(R + h, t_s) - rise(R, t_s)) - (R - h / 2) ** 2 * (rise(R, t_s) - rise(R - h, t_s))
    ) / (h * R) ** 2
    change = (rise(R, t_s + dt) - rise(R, t_s - dt)) / (2 * dt)
    return change - MEDIUM.diffusivity_mm2_s * laplace + loss_per_s * rise(R, t_s)


def test_a_sudden_point_source_heats_only_itself() -> None:
    def rise(r: np.ndarray, t_s: float) -> np.ndarray:
        return exact.sudden_point_rise(r, t_s, MEDIUM, TUMOUR_LOSS_PER_S)

    assert missing_c_per_s(rise, TUMOUR_LOSS_PER_S, 60.0) == pytest.approx(0.0, abs=2e-4)
    assert rise(R, 1e5) == pytest.approx(steady_point(R), rel=1e-9)


def steady_point(r: np.ndarray) -> np.ndarray:
    beta = np.sqrt(TUMOUR_LOSS_PER_S / MEDIUM.diffusivity_mm2_s)
    return np.exp(-beta * r) / (4 * np.pi * MEDIUM.conductivity_w_mm_k * r)


def test_a_narrow_gaussian_is_a_point() -> None:
    narrow = exact.gaussian_rise(R, 60.0, 0.05, MEDIUM, TUMOUR_LOSS_PER_S)
    assert narrow == pytest.approx(exact.sudden_point_rise(R, 60.0, MEDIUM, TUMOUR_LOSS_PER_S), rel=2e-3)


def test_the_sphere_has_one_value_and_slope_at_its_surface_and_the_right_source() -> None:
    def rise(r: np.ndarray, _t_s: float = 0.0) -> np.ndarray:
        return exact.sphere_rise(r, 8.0, MEDIUM, TUMOUR_LOSS_PER_S, NORMAL_LOSS_PER_S)

    near = rise(np.array([7.98, 7.99, 8.0, 8.01, 8.02]))
    assert np.diff(near) == pytest.approx(np.diff(near).mean(), rel=1e-2)
    given = 3 / (4 * np.pi * 8.0**3) / MEDIUM.capacity_j_mm3_k
    loss = np.where(R < 8.0, TUMOUR_LOSS_PER_S, NORMAL_LOSS_PER_S)
    missing = missing_c_per_s(rise, 0.0, 1.0) + loss * rise(R)
    assert missing[R < 7.9] == pytest.approx(given, rel=1e-3)
    assert missing[R > 8.1] == pytest.approx(0.0, abs=1e-6)


def test_a_wide_sphere_warms_like_a_medium_without_end() -> None:
    rise = exact.sphere_rise(np.array([0.5]), 200.0, MEDIUM, TUMOUR_LOSS_PER_S, NORMAL_LOSS_PER_S)
    even = 3 / (4 * np.pi * 200.0**3) / MEDIUM.capacity_j_mm3_k / TUMOUR_LOSS_PER_S
    assert rise == pytest.approx(even, rel=1e-6)


def test_the_series_start_like_an_even_source_and_vanish_at_the_walls() -> None:
    r, z = np.array([0.0, 8.0, 16.0]), np.array([0.0, 16.0])
    rise = exact.cylinder_rise(r, z, 16.0, 16.0, 1.0, MEDIUM, 0.0)
    assert rise[0, 0] == pytest.approx(1 / (2 * np.pi * 16.0**3 * MEDIUM.capacity_j_mm3_k), rel=1e-3)
    assert np.abs([*rise[2], rise[0, 1]]).max() < 1e-3 * rise[0, 0]
    axes = [np.array([0.0, 10.0]), np.array([0.0]), np.array([0.0])]
    box = exact.box_rise(axes, np.array([10.0, 12.0, 14.0]), 1.0, MEDIUM, 0.0)
    assert box[0, 0, 0] == pytest.approx(1 / (8 * 10 * 12 * 14 * MEDIUM.capacity_j_mm3_k), rel=2e-3)
    assert abs(box[1, 0, 0]) < 1e-3 * box[0, 0, 0]


def test_a_long_thin_cylinder_and_a_flat_box_settle_like_one_dimension() -> None:
    medium = Medium(1e-3, 1e-3)
    long = exact.cylinder_rise(np.array([0.0, 1.0]), np.array([0.0]), 2.0, 40.0, 1e4, medium, 0.0)[:, 0]
    density = 1 / (2 * np.pi * 2.0**2 * 40.0)
    assert long == pytest.approx(density / (4 * 1e-3) * (4.0 - np.array([0.0, 1.0])), rel=2e-3)
    flat = exact.box_rise(
        [np.array([0.0]), np.array([0.0]), np.array([1.0])], np.array([40.0, 40.0, 2.0]), 1e4, medium, 0
    )
    density = 1 / (8 * 40.0 * 40.0 * 2.0)
    assert flat.item() == pytest.approx(density / (2 * 1e-3) * (4.0 - 1.0), rel=2e-3)


@pytest.mark.parametrize("name", verify.PROBLEMS)
def test_errors_fall_with_the_square_of_the_cell(name: str) -> None:
    check = verify.check(name, (1.0, 0.5) if "sphere" in name else (1.0, 0.5, 0.25))
    assert check.peak_c[1] < 0.15
    assert 1.95 < check.orders[-1] < 2.1


def test_the_gaussian_on_the_plans_own_mesh() -> None:
    check = verify.graded()
    assert check.peak_c[1] < 0.15
    assert check.orders[-1] > 1.9


def test_a_made_up_solution_of_all_laws_is_met_with_order_two() -> None:
    made_up = verify_laws.made_up((1.0, 0.5))
    assert 1.95 < made_up.orders[0] < 2.05
    assert made_up.peak_c[1] < 0.15


def test_the_boiling_front_is_where_similarity_puts_it() -> None:
    coarse, fine = verify_laws.front_errors(1.0), verify_laws.front_errors(0.25)
    assert fine[0] < coarse[0] / 4
    assert abs(fine[2]) < 0.05


def test_the_front_moves_with_the_root_of_time() -> None:
    depths = np.array([1.0, 2.0, 3.0])
    assert verify_laws.front(depths, 15.0) == pytest.approx(verify_laws.front(2 * depths, 60.0), rel=1e-9)
