"""Where a thermocouple feels: along its wire, outside the fibre, moved by hand and breath."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_banded

from imilt.plan import Breathing, Fibre, Probe, ProbeModel
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.wires import WIRE_LENGTHS, direction, way, wire

DIFFUSER = Fibre.model_validate({})
FAR = np.array([10.0, 2.0])


def probe(radial_mm: float = 6.0, **keys: float) -> Probe:
    return Probe.model_validate({"role": "spare", "radial_mm": radial_mm} | keys)


def model(**keys: Any) -> ProbeModel:
    return ProbeModel.model_validate(keys)


def breath(**keys: float) -> Breathing:
    return Breathing.model_validate(keys)


def fin_c(tissue_c: Floats, step: float) -> float:
    """Steady temperature at the bare end of a fin in tissue of `tissue_c`, every `step` lengths along it."""
    n, k = len(tissue_c), 1 / step**2
    bands = np.array([np.full(n, -k), np.full(n, 1 + 2 * k), np.full(n, -k)])
    bands[0, 1] = -2 * k  # nothing flows through the end
    bands[1, -1], bands[2, -2] = 1 + k, -k
    return float(solve_banded((1, 1), bands, tissue_c)[0])


@pytest.mark.parametrize("decay_mm", [1.0, 3.0, 10.0])
def test_a_wire_feels_what_a_fin_does(decay_mm: float) -> None:
    length_mm, step = 1.5, 0.01
    s_mm = np.arange(0.0, 12.0, step) * length_mm
    truth_c = fin_c(np.exp(-s_mm / decay_mm), step)
    felt = wire(FAR, 90.0, length_mm, DIFFUSER)
    found_c = felt.weights @ np.exp(-(felt.points_mm[:, 0] - 10.0) / decay_mm)
    assert found_c == pytest.approx(truth_c, abs=0.02)


@pytest.mark.parametrize("angle_deg", [0.0, 60.0, 180.0])
def test_a_wire_of_no_length_feels_its_junction_alone(angle_deg: float) -> None:
    felt = wire(FAR, angle_deg, 0.0, DIFFUSER)
    assert felt.weights.sum() == pytest.approx(1.0)
    assert np.all(felt.points_mm == FAR)


@pytest.mark.parametrize(
    ("angle_deg", "towards"), [(0.0, (0.0, -1.0)), (90.0, (1.0, 0.0)), (180.0, (0.0, 1.0)), (45.0, (0.7071, -0.7071))]
)
def test_the_angle_is_between_wire_and_fibre(angle_deg: float, towards: tuple[float, float]) -> None:
    assert direction(angle_deg) == pytest.approx(towards, abs=1e-4)
    felt = wire(FAR, angle_deg, 2.0, DIFFUSER)
    steps = (felt.points_mm - FAR) @ direction(angle_deg)
    assert np.all(steps > 0)
    assert np.all(steps < 2.0 * WIRE_LENGTHS)
    assert np.linalg.norm(felt.points_mm - FAR, axis=1) == pytest.approx(steps)


def test_a_wire_is_laid_along_the_fibre_not_through_it() -> None:
    felt = wire(np.array([0.0, 8.5]), 0.0, 3.0, DIFFUSER)
    beside = felt.points_mm[:, 1] < DIFFUSER.end_mm
    assert beside.any()
    assert not beside.all()
    assert np.all(felt.points_mm[beside, 0] == DIFFUSER.radius_mm)
    assert np.all(felt.points_mm[~beside, 0] == 0.0)


def test_beyond_the_axis_lies_the_other_side() -> None:
    felt = wire(np.array([-1.5, 12.0]), 180.0, 1.0, DIFFUSER)
    assert felt.points_mm[:, 0] == pytest.approx(np.full(len(felt.points_mm), 1.5))


def test_nothing_moves_by_itself() -> None:
    still = way(probe(), model(), breath(), DIFFUSER)
    assert (len(still.heat), len(still.light)) == (1, 1)


@pytest.mark.parametrize(("rate_hz", "instants"), [(0.25, 40), (0.1, 100), (0.5, 20)])
def test_breath_moves_the_probe_to_and_fro(rate_hz: float, instants: int) -> None:
    swaying = way(probe(), model(wire_mm=0.0), breath(probe_mm=1.0, rate_hz=rate_hz), DIFFUSER)
    radial_mm = np.array([felt.points_mm[0, 0] for felt in swaying.heat])
    assert len(radial_mm) == len(swaying.light) == instants
    assert (radial_mm.min(), radial_mm.max()) == pytest.approx((5.0, 7.0))
    assert radial_mm.mean() == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("probe_mm", "fibre_mm", "heat_mm", "light_mm"), [(1.0, 0.0, 1.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.7, 0.7, 0.7, 0.0)]
)
def test_light_moves_with_the_fibre_and_heat_with_the_tissue(
    probe_mm: float, fibre_mm: float, heat_mm: float, light_mm: float
) -> None:
    swaying = way(probe(), model(), breath(probe_mm=probe_mm, fibre_mm=fibre_mm), DIFFUSER)
    for felt, amplitude_mm in ((swaying.heat, heat_mm), (swaying.light, light_mm)):
        assert max(w.points_mm[0, 0] for w in felt) == pytest.approx(6.0 + amplitude_mm)


def test_an_error_of_place_and_a_pull_move_all_it_feels() -> None:
    planned = way(probe(), model(), breath(), DIFFUSER)
    true = way(probe(radial_error_mm=0.8, axial_error_mm=-1.2), model(), breath(), DIFFUSER, pulled_mm=3.0)
    for before, after in zip((*planned.heat, *planned.light), (*true.heat, *true.light), strict=True):
        assert after.points_mm - before.points_mm == pytest.approx(np.tile([0.8, -4.2], (len(after.points_mm), 1)))
