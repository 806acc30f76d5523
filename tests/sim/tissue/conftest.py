"""The plans that the tissue's tests share, written out so that edits of plans/ do not move them."""

from __future__ import annotations

import pytest

from imilt.plan import Plan


@pytest.fixture(scope="session")
def diffuser_plan() -> Plan:
    probes = [
        {"role": "control", "radial_mm": 6.0},
        {"role": "tip", "radial_mm": 1.5, "axial_mm": 9.0},
        {"role": "guard", "radial_mm": 13.0},
        {"role": "spare", "radial_mm": 8.0, "axial_mm": -4.0},
    ]
    return Plan.model_validate({"schema": 1, "name": "diffuser", "probes": probes})


@pytest.fixture(scope="session")
def bare_plan() -> Plan:
    probes = [{"role": "control", "radial_mm": 5.0}, {"role": "tip", "radial_mm": 1.5, "axial_mm": -3.0}]
    fibre = {"kind": "bare", "radius_mm": 0.2}
    return Plan.model_validate({"schema": 1, "name": "bare", "fibre": fibre, "probes": probes})
