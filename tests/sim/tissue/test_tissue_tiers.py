"""Each tier against the next: linear and spherical and many patients at once against the axisymmetric one."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from imilt.plan import Plan
from imilt_sim.tissue import cohort_kernel as ck
from imilt_sim.tissue import damage, exact, lti
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.cohort import RELIGHT_SHARE, Cohort
from imilt_sim.tissue.heat import plan_medium
from imilt_sim.tissue.interface import TissueError
from imilt_sim.tissue.light import Optics
from imilt_sim.tissue.lti import Linear
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.plant import Plant
from imilt_sim.tissue.spherical import Spherical, shell_faces

BESIDE = np.array([[3.0, 0.0, 0.8], [6.0, 0.0, 0.8], [0.0, 9.0, 0.8]])


def changed(plan: Plan, tier: str = "axisymmetric", **tissue: float) -> Plan:
    """The plan in another tier and with other tissue."""
    model = plan.model.model_copy(update={"tier": tier})
    return plan.model_copy(update={"model": model, "tissue": plan.tissue.model_copy(update=tissue)})


@pytest.fixture(scope="module")
def linear(bare_plan: Plan) -> Linear:
    return Linear(bare_plan)


def pulsed(seed: int, calls: int, most_w: float) -> list[tuple[int, float]]:
    """Random spans of constant power, (steps, W)."""
    rng = np.random.default_rng(seed)
    return [(int(steps), most_w * float(rng.random())) for steps in rng.integers(1, 120, calls)]


# Linear


def test_modes_of_a_sum_of_exponentials_are_exact() -> None:
    times_s = lti.sample_steps(600.0) * 0.1
    rises = lti.step_basis(times_s, np.array([2.0, 300.0])) @ np.array([[1.0, 3.0], [2.0, -1.0]])
    modes = lti.fit(times_s, rises)
    assert lti.step_basis(times_s, modes.constants_s) @ modes.gains_c_per_w == pytest.approx(rises, abs=2e-4)
    assert modes.bound_c_per_w.max() < 2e-3


def test_the_linear_tier_stays_within_its_bound(bare_plan: Plan) -> None:
    small, linear, rings = 0.02, Linear(bare_plan), Axisymmetric.of(bare_plan)
    ours, theirs = linear.sites(BESIDE), rings.sites(BESIDE)
    for steps, power_w in pulsed(1, 40, small):
        linear.advance(steps, power_w)
        rings.advance(steps, power_w)
        error = np.abs(ours.temperature_c() - theirs.temperature_c())
        # 1 % of the rise for perfusion, which is not quite the same in tissue that is a little warm
        assert np.all(error <= small * ours.bound_c_per_w + 0.01 * (theirs.temperature_c() - 37.0))
    assert np.all(ours.bound_c_per_w < 0.005)
    assert ours.fluence_w_cm2() == pytest.approx(theirs.fluence_w_cm2())
    assert linear.energy_j() == pytest.approx(rings.energy_j(), rel=2e-3)


def test_a_long_step_is_many_short_ones(linear: Linear) -> None:
    sites = linear.sites(BESIDE)
    linear.advance(200, 0.7)
    whole = sites.temperature_c()
    linear.advance(400_000, 0.0)
    for _ in range(200):
        linear.advance(1, 0.7)
    assert sites.temperature_c() == pytest.approx(whole, abs=1e-6)


def test_many_treatments_march_as_one_advances(bare_plan: Plan, linear: Linear) -> None:
    powers = np.random.default_rng(2).random((60, 3))
    sites = linear.sites(BESIDE)
    rises = np.zeros((6, 3, 3))
    lti.march(linear.modes.keep, sites.gains_c_per_w.T.copy(), np.zeros((lti.MODES, 3)), powers, 10, rises)
    linear.advance(400_000, 0.0)
    for power_w in powers[:, 1]:
        linear.advance(1, power_w)
    assert rises[-1, :, 1] + 37.0 == pytest.approx(sites.temperature_c(), abs=1e-6)


def test_harm_in_the_linear_tier_is_what_its_temperatures_do(bare_plan: Plan) -> None:
    plan = changed(bare_plan, tumour_perfusion_per_s=0.0, normal_perfusion_per_s=0.0)
    linear, rings = Linear(plan), Axisymmetric.of(plan)
    for tissue in (linear, rings):
        tissue.advance(6000, 0.3)
    ours, theirs = linear.field(), rings.field()
    harmed = theirs["cem43_min"] > 1.0
    assert harmed.sum() > 100
    for measure in ("cem43_min", "omega_skin", "omega_bhk", "peak_c"):
        assert ours[measure][harmed] == pytest.approx(theirs[measure][harmed], rel=0.05), measure
    assert linear.volumes_mm3().keys() == rings.volumes_mm3().keys()
    assert linear.tissue_max_c == pytest.approx(rings.tissue_max_c, abs=0.05)
    assert linear.field().keys() == rings.field().keys()


def test_rates_of_harm_in_arrays_are_those_of_the_sets() -> None:
    celsius = np.array([38.0, 42.0, 43.0, 46.0])
    assert damage.SKIN.rates_per_s(celsius) == pytest.approx([damage.SKIN.rate_per_s(t) for t in celsius])
    assert damage.cem43_rate(celsius).tolist() == [0.0, 0.25, 1.0, 8.0]


# Spherical


def test_shells_meet_the_exact_light_and_heat_of_a_point(bare_plan: Plan) -> None:
    plan = changed(bare_plan, tumour_perfusion_per_s=0.016, warm_perfusion_factor=1.0)
    shells, power_w = Spherical(plan), 0.01
    near = (shells.centres > 1.5) & (shells.centres < 15.0)
    optics, medium = (
        Optics(plan.tissue.absorption_per_cm, plan.tissue.reduced_scattering_per_cm),
        plan_medium(plan.tissue),
    )
    fluence = exact.point_fluence(shells.centres[near], optics)
    assert shells.shells(ck.FLUENCE)[near] == pytest.approx(fluence, rel=0.01)
    shells.advance(9000, power_w)
    loss_per_s = 0.016 * 1050 * 3617 * 1e-9 / medium.capacity_j_mm3_k
    rise = exact.point_rise(shells.centres[near], optics, medium, loss_per_s)
    assert shells.shell_rise[near] / power_w == pytest.approx(rise, rel=0.006)


def test_finer_shells_change_little(bare_plan: Plan) -> None:
    rises = []
    for fine_mm in (0.4, 0.2):
        shells = Spherical(bare_plan, shell_faces(fine_mm))
        sites = shells.sites(BESIDE)
        shells.advance(3000, 0.8)
        rises.append(sites.temperature_c())
    assert rises[0] == pytest.approx(rises[1], abs=0.15)


def test_shells_follow_rings_beside_a_bare_fibre(bare_plan: Plan) -> None:
    shells, rings = Spherical(bare_plan), Axisymmetric.of(bare_plan)
    ours, theirs = shells.sites(BESIDE), rings.sites(BESIDE)
    for tissue in (shells, rings):
        tissue.advance(3000, 1.0)
    assert ours.temperature_c() == pytest.approx(theirs.temperature_c(), abs=0.5)
    assert theirs.temperature_c()[0] > 45.0
    assert ours.fluence_w_cm2() == pytest.approx(theirs.fluence_w_cm2(), rel=0.15)


def test_energy_of_boiling_shells_balances(bare_plan: Plan) -> None:
    shells = Spherical(changed(bare_plan, condensing_fraction=0.5))
    for power_w in (4.0, 0.0):
        shells.advance(1203, power_w)
        assert abs(shells.energy_j().error) < 1e-3
    assert shells.energy_j().steam > 10.0
    assert shells.volumes_mm3()["dried"] > 5.0
    assert shells.tissue_max_c > 105.0 > shells.body_c + shells.shell_rise.max()


def test_a_plan_of_shells_wants_a_point(diffuser_plan: Plan) -> None:
    with pytest.raises(ValidationError, match="a diffuser is no point"):
        Plan.model_validate(diffuser_plan.model_dump(by_alias=True) | {"model": {"tier": "spherical"}})
    with pytest.raises(ValueError, match="a diffuser is no point"):
        Spherical(diffuser_plan)


# Cohorts


THREE_PATIENTS = (0.17, 0.016, 0.7), (0.2, 0.008, 0.9), (0.15, 0.024, 0.5)
"""Absorption, 1/cm; normal perfusion, 1/s; power, W."""


def cohort_of(plan: Plan, share: float) -> tuple[list[Plan], Cohort, Floats]:
    """Three patients and the temperatures 3 and 6 mm from the fibre after five minutes, (2, patients)."""
    plans = [changed(plan, absorption_per_cm=a, normal_perfusion_per_s=w) for a, w, _ in THREE_PATIENTS]
    cohort = Cohort(plans, relight_share=share)
    cohort.advance(round(300 / cohort.step_s), np.array([power for *_, power in THREE_PATIENTS]))
    return plans, cohort, cohort.sites(np.array([[3.0, 0.8], [6.0, 0.8]])).temperature_c()


def test_a_cohort_agrees_with_each_of_its_patients_alone(bare_plan: Plan) -> None:
    plans, cohort, seen_c = cohort_of(bare_plan, 5e-4)
    fluence = cohort.sites(np.array([[3.0, 0.8], [6.0, 0.8]])).fluence_w_cm2()
    volumes = cohort.volumes_mm3()
    for p, plan in enumerate(plans):
        alone = Axisymmetric.of(plan, cohort.mesh)
        sites = alone.sites(np.array([[3.0, 0.0, 0.8], [6.0, 0.0, 0.8]]))
        alone.advance(3000, THREE_PATIENTS[p][2])
        assert seen_c[:, p] == pytest.approx(sites.temperature_c(), abs=0.06)
        assert fluence[:, p] == pytest.approx(sites.fluence_w_cm2(), rel=0.01)
        assert volumes["ablated"][p] == pytest.approx(alone.volumes_mm3()["ablated"], rel=0.03, abs=1.0)
        assert cohort.tissue_max_c[p] == pytest.approx(alone.tissue_max_c, abs=1.0)
        assert tuple(cohort.energy_j()[p]) == pytest.approx(tuple(alone.energy_j()), rel=2e-3, abs=0.2)


def test_light_that_a_cohort_solves_less_often_costs_less_than_half_a_degree(bare_plan: Plan) -> None:
    fine_c, coarse_c = cohort_of(bare_plan, 5e-4)[2], cohort_of(bare_plan, RELIGHT_SHARE)[2]
    assert coarse_c == pytest.approx(fine_c, abs=0.4)
    assert np.abs(coarse_c - fine_c).max() > 0.0


def test_a_cohort_that_boils_and_chars_follows_the_axisymmetric_tier(bare_plan: Plan) -> None:
    cohort = Cohort([bare_plan])
    alone = Axisymmetric.of(bare_plan, cohort.mesh)
    cohort.advance(round(120 / cohort.step_s), 3.0)
    alone.advance(1200, 3.0)
    seen = alone.sites(BESIDE[:2]).temperature_c()
    ours = cohort.sites(BESIDE[:2, [0, 2]]).temperature_c()[:, 0]
    assert ours == pytest.approx(seen, abs=0.5)
    assert cohort.volumes_mm3()["ablated"][0] == pytest.approx(alone.volumes_mm3()["ablated"], rel=0.05)
    assert cohort.volumes_mm3()["dried"][0] == pytest.approx(alone.volumes_mm3()["dried"], rel=0.2)
    assert alone.char_um > 0.0
    assert abs(cohort.energy_j()[0].error) < 1e-3


def test_threads_and_splitting_change_no_bit(bare_plan: Plan) -> None:
    plans = [changed(bare_plan, absorption_per_cm=0.15 + 0.002 * n) for n in range(20)]
    one, two = Cohort(plans), Cohort(plans, threads=2)
    one.advance(120, 1.2)
    for steps in (1, 59, 60):
        two.advance(steps, 1.2)
    assert np.array_equal(one.rise, two.rise)


def test_a_cohort_shares_one_fibre(bare_plan: Plan, diffuser_plan: Plan) -> None:
    with pytest.raises(ValueError, match="patient 1: another fibre"):
        Cohort([bare_plan, diffuser_plan])
    with pytest.raises(ValueError, match="patient 1: another body temperature"):
        Cohort([bare_plan, changed(bare_plan, body_c=20.0)])
    with pytest.raises(ValueError, match="at least one"):
        Cohort([])


def test_a_temperature_beyond_reason_stops_the_run(bare_plan: Plan) -> None:
    with pytest.raises(TissueError, match="no tissue can be above 3000 °C"):
        Cohort([bare_plan]).advance(400, 1000.0)


# All


@pytest.mark.parametrize(("steps", "power_w"), [(-1, 1.0), (1, -0.1), (1, float("nan")), (1, float("inf"))])
def test_every_tier_refuses_what_cannot_be(bare_plan: Plan, linear: Linear, steps: int, power_w: float) -> None:
    for tissue in (linear, Spherical(bare_plan), Cohort([bare_plan])):
        with pytest.raises(ValueError, match="must be 0 or more, and finite"):
            tissue.advance(steps, power_w)


def test_every_tier_refuses_points_outside(bare_plan: Plan, linear: Linear) -> None:
    for tissue in (linear, Spherical(bare_plan)):
        with pytest.raises(ValueError, match=r"41 mm from the axis|from the source"):
            tissue.sites(np.array([[41.0, 0.0, 0.0]]))
    with pytest.raises(ValueError, match="point 0 of patient 0, 41 mm from the axis"):
        Cohort([bare_plan]).sites(np.array([[41.0, 0.0]]))


@pytest.mark.parametrize(("tier", "within_c"), [("lti", 0.02), ("spherical", 0.5)])
def test_a_plant_in_another_tier_reads_much_the_same(bare_plan: Plan, tier: str, within_c: float) -> None:
    plan = changed(bare_plan, tier, warm_perfusion_factor=1.0)
    other, plant = Plant(plan), Plant(changed(plan))
    for tissue in (other, plant):
        tissue.advance(2503, 0.5)
        tissue.advance(2497, 0.5)
    assert other.site_c[0] == pytest.approx(plant.site_c[0], abs=within_c)
    assert other.junction_c[0] == pytest.approx(plant.junction_c[0], abs=within_c + 0.2)
    assert plant.site_c[0] > 39.0
    assert other.volumes_mm3().keys() == plant.volumes_mm3().keys()
    assert other.field()["temperature_c"].shape == plant.field()["temperature_c"].shape
