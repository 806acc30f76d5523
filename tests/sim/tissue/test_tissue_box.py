"""The 3-D tier: against exact solutions, against rings, and what only it can compute."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from pydantic import ValidationError

from imilt.errors import InputError
from imilt.plan import Plan
from imilt_sim.physics.lesion import box_extent
from imilt_sim.tissue import verify3d
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.cartesian import Cartesian, Placed
from imilt_sim.tissue.interface import TissueError
from imilt_sim.tissue.plant import Plant, patient

VEIN = {"name": "vein", "start_mm": [9.0, -40.0, 0.0], "end_mm": [9.0, 40.0, 0.0], "radius_mm": 2.0}


def changed(plan: Plan, **keys: Any) -> Plan:
    """The plan in the 3-D tier with other keys, validated anew."""
    return Plan.model_validate(plan.model_dump(by_alias=True) | {"model": {"tier": "3d"}} | keys)


@pytest.mark.parametrize("name", verify3d.PROBLEMS)
def test_errors_fall_with_the_square_of_the_cell(name: str) -> None:
    check = verify3d.check(name)
    assert check.peak_c[-1] < 0.25
    assert 1.9 < check.orders[-1] < 2.2


@pytest.mark.parametrize("exchange_w_m2_k", [0.0, 150.0, None, 1e5])
def test_a_vessel_cools_as_its_wall_does(exchange_w_m2_k: float | None) -> None:
    assert verify3d.vessel_error(exchange_w_m2_k) < 0.03
    _, _, truth = verify3d.beside_a_vessel(3.0, exchange_w_m2_k)
    assert (truth.min() < 0.9 * truth.max()) == (exchange_w_m2_k != 0.0)


def test_an_unstable_step_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a step of 10\.0 s is unstable"):
        verify3d.LinearCubes(np.full((3, 3, 3), 0.01), np.zeros((3, 3, 3)), 0.15, 10.0)


@pytest.mark.parametrize(("power_w", "within_c"), [(0.5, 0.05), (1.5, 0.4), (3.0, 1.1)])
def test_cubes_follow_rings_around_a_diffuser(diffuser_plan: Plan, power_w: float, within_c: float) -> None:
    assert np.abs(verify3d.against_rings(diffuser_plan, power_w)).max() < within_c
    rings, box = Axisymmetric.of(diffuser_plan), Box(changed(diffuser_plan))
    for tissue in (rings, box):
        tissue.advance(6000, power_w)
    assert abs(box.energy_j().error) < 1e-4
    ours, theirs = box.volumes_mm3(), rings.volumes_mm3()
    assert ours.keys() == theirs.keys()
    for name in ("ablated", "cem43_240"):
        assert ours[name] == pytest.approx(theirs[name], rel=0.06, abs=20.0), name


def test_two_fibres_share_the_power_and_see_each_other(diffuser_plan: Plan) -> None:
    even = {"tumour_perfusion_per_s": 0.01, "normal_perfusion_per_s": 0.01, "warm_perfusion_factor": 1.0}
    box = Box(changed(diffuser_plan, tissue=even, further_fibres=[{"x_mm": 12.0}]))
    box.advance(600, 2.0)
    left, middle, right = box.sites(np.array([[-4.0, 0.0, 0.0], [6.0, 0.0, 0.0], [16.0, 0.0, 0.0]])).temperature_c()
    assert left == pytest.approx(right, abs=0.05)
    alone = Box(changed(diffuser_plan, tissue=even))
    alone.advance(600, 1.0)
    (one,) = alone.sites(np.array([[6.0, 0.0, 0.0]])).temperature_c()
    assert middle - 37.0 == pytest.approx(2 * (one - 37.0), rel=0.05)
    assert box.energy_j().given == pytest.approx(120.0)


def test_a_vein_shields_what_lies_behind_it_and_its_wall_is_watched(diffuser_plan: Plan) -> None:
    plan = changed(diffuser_plan, structures=[VEIN])
    plant, free = Plant(plan), Plant(changed(diffuser_plan))
    points = np.array([[13.0, 0.0, 0.0], [-13.0, 0.0, 0.0]])
    for each in (plant, free):
        each.advance(60_000, 1.5)
    behind, opposite = plant.tissue.sites(points).temperature_c()
    undisturbed = free.tissue.sites(points).temperature_c()
    assert behind < undisturbed[0] - 0.3
    assert opposite == pytest.approx(undisturbed[1], abs=0.05)
    wall = plant.walls()["vein"]
    assert 37.0 < wall["max_c"] < free.site_c[0]
    assert 0.0 <= wall["cem43_min"] < 10.0
    assert free.walls() == {}


def test_probes_at_other_angles_read_their_own_side(diffuser_plan: Plan) -> None:
    probes = [{"role": "control", "radial_mm": 6.0, "angle_deg": 180.0}, {"role": "guard", "radial_mm": 6.0}]
    plant = Plant(changed(diffuser_plan, probes=probes, structures=[VEIN]))
    plant.advance(30_000, 1.5)
    assert plant.site_c[0] > plant.site_c[1] + 0.5
    assert plant.junction_c[0] > plant.site_c[0]


def test_a_plant_of_cubes_is_pulled_and_breathes(diffuser_plan: Plan) -> None:
    plant, still = Plant(changed(diffuser_plan)), Plant(changed(diffuser_plan))
    still.advance(3000, 1.5)
    plant.breathe(1.0)
    plant.advance(3000, 1.5)
    assert plant.junction_c[0] != pytest.approx(still.junction_c[0], abs=0.01)
    plant.pull_out(0, 200.0)  # farther than the tissue reaches: clipped to its wall
    plant.advance(1000, 1.5)
    assert plant.junction_c[0] == pytest.approx(37.0, abs=0.2)


def test_one_thread_or_two_and_splitting_change_no_bit(bare_plan: Plan) -> None:
    found = []
    before = numba.get_num_threads()
    for threads, calls in ((1, [3000]), (before, [1, 1499, 1500])):
        numba.set_num_threads(threads)
        box = Box(changed(bare_plan))
        for steps in calls:
            box.advance(steps, 2.0)
        found.append(box.fields()["temperature_c"])
    numba.set_num_threads(before)
    assert np.array_equal(*found)
    assert found[0].max() > 100.0


def test_the_plane_in_records_is_that_of_the_probes(diffuser_plan: Plan) -> None:
    plant = Plant(changed(diffuser_plan, structures=[VEIN]))
    plant.advance(15_000, 1.5)
    field = plant.field()
    assert field["r_mm"][0] < 0 < field["r_mm"][-1]
    across = field["temperature_c"][:, len(field["z_mm"]) // 2]
    control = np.interp(6.0, field["r_mm"], across)
    assert control == pytest.approx(plant.site_c[0], abs=0.1)
    assert np.interp(-9.0, field["r_mm"], across) > np.interp(9.0, field["r_mm"], across) + 1.0


def test_the_extent_of_a_slanted_ellipsoid() -> None:
    x = y = z = np.arange(-15.0, 15.5, 0.5)
    damage = np.exp(1.0 - (x[:, None, None] / 4) ** 2 - (y[None, :, None] / 6) ** 2 - (z / 10) ** 2)
    size = box_extent((x, y, z), damage, 1.0)
    assert size == pytest.approx((12.0, 20.0, np.pi * 24, np.pi * 40), rel=0.02)
    assert box_extent((x, y, z), damage, 10.0) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"model": {"tier": "lti"}, "structures": [VEIN]}, "structures: tier 'lti' has none; set model.tier = '3d'"),
        ({"model": {"tier": "axisymmetric"}, "further_fibres": [{"x_mm": 9.0}]}, "further_fibres: tier 'axisymmetric'"),
        ({"further_fibres": [{"x_mm": 1.0}]}, r"further_fibres\[0\]: 1.00 mm from another fibre's axis"),
        ({"further_fibres": [{"x_mm": 6.0}]}, r"probes\[0\]: inside further_fibres\[0\]"),
        ({"structures": [VEIN | {"end_mm": VEIN["start_mm"]}]}, "start_mm and end_mm are one point"),
        ({"structures": [VEIN, VEIN]}, "two have one name"),
        ({"structures": [VEIN | {"radius_mm": 9.0}]}, "its axis is 9.00 mm from a fibre, at least 9.75 mm needed"),
        ({"structures": [VEIN | {"radius_mm": float("nan")}]}, "finite"),
    ],
)
def test_surroundings_that_cannot_be_are_refused(diffuser_plan: Plan, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        changed(diffuser_plan, **keys)


def test_what_lies_outside_the_tissue_is_refused(diffuser_plan: Plan) -> None:
    away = VEIN | {"start_mm": [50.0, 0.0, 0.0], "end_mm": [50.0, 0.0, 9.0]}
    with pytest.raises(InputError, match="vessel 'vein' lies outside the tissue; move it inside"):
        patient(changed(diffuser_plan, structures=[away]))
    far = [{"role": "control", "radial_mm": 38.0}]
    with pytest.raises(InputError, match=r"the point \[38.0, 0.0, 0.0\] mm lies outside the tissue"):
        patient(changed(diffuser_plan, probes=far))
    with pytest.raises(InputError, match="38 mm from the axis at 0 mm lies outside the tissue"):
        patient(changed(diffuser_plan, probes=far, model={"tier": "axisymmetric"}))


def test_fibres_need_a_direction_and_powers_of_their_own(bare_plan: Plan) -> None:
    with pytest.raises(ValueError, match=r"cannot point to \[0.0, 0.0, 0.0\]"):
        Cartesian(bare_plan.tissue, [Placed(bare_plan.fibre, towards=(0.0, 0.0, 0.0))])
    with pytest.raises(ValueError, match="at least one fibre"):
        Cartesian(bare_plan.tissue, [])
    cells = Cartesian(bare_plan.tissue, [Placed(bare_plan.fibre), Placed(bare_plan.fibre, (8.0, 0.0, 0.0), (1, 0, 1))])
    with pytest.raises(ValueError, match="2 fibres take as many powers"):
        cells.advance(5, np.array([1.0]))
    with pytest.raises(ValueError, match="must be 0 or more, and finite"):
        cells.advance(5, np.array([1.0, np.nan]))
    cells.advance(100, np.array([0.0, 1.0]))
    lit, dark = cells.sites(np.array([[11.0, 0.0, 3.0], [0.0, 0.0, 4.0]])).temperature_c()
    assert lit > dark + 1.0


def test_a_temperature_beyond_reason_stops_the_run(bare_plan: Plan) -> None:
    with pytest.raises(TissueError, match="the computation has failed; take less power"):
        Box(changed(bare_plan)).advance(600, 2000.0)
