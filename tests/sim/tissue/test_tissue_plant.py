"""The plant as the rest of the simulator sees it."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imilt.plan import Plan
from imilt_sim.tissue.plant import GRID_MS, Plant

PIECES = st.lists(st.tuples(st.integers(0, 23), st.sampled_from([0.0, 0.7, 1.9, 3.0])), min_size=1, max_size=20)


def owned(plant: Plant) -> list[np.ndarray]:
    """The arrays that the contract says are updated in place."""
    return [plant.junction_c, plant.junction_integral_c_s, plant.site_c, plant.cem43_site_min]


def digest(plant: Plant) -> str:
    """Every bit that can be seen from outside."""
    state = [*owned(plant), *plant.field().values()]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in state)).hexdigest()


@settings(deadline=None, max_examples=30)
@given(PIECES)
def test_splitting_a_call_changes_no_bit(diffuser_plan: Plan, pieces: list[tuple[int, float]]) -> None:
    whole, split = Plant(diffuser_plan), Plant(diffuser_plan)
    for points, power_w in pieces:
        whole.advance(points, power_w)
        for _ in range(points):
            split.advance(1, power_w)
    assert whole.grid_points == split.grid_points == sum(points for points, _ in pieces)
    assert digest(whole) == digest(split)


def test_the_tissue_sees_the_mean_power_of_five_grid_points(diffuser_plan: Plan) -> None:
    steady, pulsed = Plant(diffuser_plan), Plant(diffuser_plan)
    for _ in range(100):
        steady.advance(5, 1.5)
        pulsed.advance(3, 2.5)
        pulsed.advance(2, 0.0)
    assert pulsed.site_c == pytest.approx(steady.site_c, rel=1e-12)
    assert pulsed.junction_c[0] < steady.junction_c[0]


def test_the_tissue_moves_at_every_fifth_grid_point(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(4, 3.0)
    assert np.all(plant.site_c == 37.0)
    plant.advance(1, 3.0)
    assert np.all(plant.site_c[:2] > 37.0)


def test_arrays_are_updated_in_place(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    arrays = owned(plant)
    assert all(a.shape == (4,) for a in arrays)
    plant.advance(30_000, 2.5)
    assert all(now is then for now, then in zip(owned(plant), arrays, strict=True))
    junction_c, integral_c_s, site_c, cem43_min = (float(a[0]) for a in arrays)
    assert junction_c > site_c > 45.0
    assert integral_c_s > 600 * 37.0
    assert cem43_min > 0.0


def test_fields_have_one_shape_and_are_copies(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(3000, 2.0)
    field = plant.field()
    shape = (len(field["r_mm"]), len(field["z_mm"]))
    assert {name for name, a in field.items() if a.shape == shape} == set(field) - {"r_mm", "z_mm"}
    assert np.all(field["peak_c"] >= field["temperature_c"])
    field["temperature_c"][:] = 0.0
    assert plant.field()["temperature_c"].min() >= 37.0


def test_the_peak_outlives_the_light(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(15_000, 2.0)
    hottest_c = plant.tissue_max_c
    assert hottest_c == pytest.approx(plant.field()["temperature_c"].max())
    plant.advance(15_000, 0.0)
    assert plant.tissue_max_c == hottest_c > plant.field()["temperature_c"].max() + 5.0


def test_heat_goes_on_spreading_after_the_light_is_off(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(12_000, 3.0)
    before = plant.volumes_mm3()["cem43_240"]
    plant.advance(3000, 0.0)
    assert plant.volumes_mm3()["cem43_240"] > before > 0.0


@pytest.mark.parametrize(("points", "power_w"), [(-1, 1.0), (5, -0.1), (5, float("nan")), (5, float("inf"))])
def test_senseless_calls_are_refused(diffuser_plan: Plan, points: int, power_w: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        Plant(diffuser_plan).advance(points, power_w)


def test_integers_are_powers_too(diffuser_plan: Plan) -> None:
    a, b = Plant(diffuser_plan), Plant(diffuser_plan)
    a.advance(10, 2)
    b.advance(10, 2.0)
    assert digest(a) == digest(b)


def test_another_process_gets_the_same_bits(bare_plan: Plan) -> None:
    plant = Plant(bare_plan)
    plant.advance(3001, 1.3)
    script = (
        "import sys; from imilt.plan import Plan; from test_tissue_plant import Plant, digest\n"
        "plant = Plant(Plan.model_validate_json(sys.stdin.read())); plant.advance(3001, 1.3); print(digest(plant))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script],
        input=bare_plan.model_dump_json(by_alias=True),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(p for p in [str(__file__).rsplit("/", 1)[0], *sys.path] if p)},
    )
    assert out.stdout.strip() == digest(plant)


def test_the_grid_is_20_ms() -> None:
    assert GRID_MS == 20


def test_a_copy_goes_on_alike_and_alone(diffuser_plan: Plan) -> None:
    plant = Plant(diffuser_plan)
    plant.advance(4003, 2.5)
    before = digest(plant)
    other = plant.copy()
    other.advance(998, 1.0)
    assert digest(plant) == before
    plant.advance(998, 1.0)
    assert digest(plant) == digest(other)
    assert other.site_c[0] > 38.0
