"""The model beside measurements, and the survey of a plan: what is obtained, not what one would like."""

from __future__ import annotations

import pytest

from imilt.plan import Plan
from imilt_sim.tissue import survey, validate


def test_one_coefficient_cannot_meet_both_measured_artefacts() -> None:
    shams = validate.shams()
    assert shams[3.0] == pytest.approx(18.8, abs=0.2)  # measured 14.0
    assert shams[7.0] == pytest.approx(3.0, abs=0.1)  # measured 4.0
    assert validate.sham_effective_per_cm() == pytest.approx(1.01, abs=0.01)


def test_the_plant_heats_its_probes_as_the_formula_does() -> None:
    plant = validate.bare_plant((3.0, 7.0), validate.EX_VIVO)
    assert 2.0 * plant.self_heating_c_per_w == pytest.approx(list(validate.shams().values()), rel=0.03)


def test_fresh_tissue_optics_alone_do_not_explain_the_ex_vivo_rises() -> None:
    rises = validate.ex_vivo_rises()
    assert rises == pytest.approx([27.9, 17.1], abs=0.2)  # measured 45 and 25


def test_lesions_grow_with_power_and_energy() -> None:
    volumes = {case: validate.lesion(*case)["ablated"] for case in validate.LESIONS}
    assert volumes[2.0, 500.0] < volumes[2.0, 1000.0] < volumes[3.0, 1000.0]
    assert min(volumes.values()) > 50.0
    assert max(volumes.values()) < 1000.0


def test_the_default_geometry_can_hold_46_degrees(diffuser_plan: Plan) -> None:
    found = survey.survey(diffuser_plan)
    assert found.site_c[0] == pytest.approx(46.0, abs=0.01)
    assert found.power_w < 2.4
    assert found.tissue_max_hold_c < 95.0
    assert found.rise_63_s[0] == pytest.approx(91, abs=5)
    assert found.rise_30_c_per_w[0] == pytest.approx(1.14, abs=0.05)


def test_an_impossible_plan_is_named(diffuser_plan: Plan) -> None:
    probes = [{"role": "control", "radial_mm": 29.0}]
    with pytest.raises(ValueError, match="nearer the fibre"):
        survey.holding_power_w(Plan.model_validate(diffuser_plan.model_dump(by_alias=True) | {"probes": probes}))
