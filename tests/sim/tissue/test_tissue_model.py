"""The survey of a plan: what is obtained, not what one would like."""

from __future__ import annotations

import pytest

from imilt.plan import Plan
from imilt_sim.tissue import survey


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
