"""What tests of host and simulator share: a plan that is over in 80 simulated seconds, and ways to change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imilt.errors import InputError
from imilt.plan import LoadedPlan, Plan, load_plan
from imilt_sim.levels.micropython import vm_path

PLANS = Path(__file__).parents[2] / "plans"
DEFAULT = PLANS / "pancreas-imilt.toml"
BARE = PLANS / "pancreas-bare-fibre.toml"
SHORT = """\
schema = 1
name = "Short"

[treatment]
hold_min = 0.5

[[probes]]
role = "control"
radial_mm = 5.0

[[probes]]
role = "guard"
radial_mm = 13.0
"""


def changed(*pairs: tuple[str, str], text: str = SHORT) -> str:
    """`text` with each old part, which must be there once, replaced by its new one."""
    for old, new in pairs:
        assert text.count(old) == 1, f"'{old}' stands there {text.count(old)} times"
        text = text.replace(old, new)
    return text


def write(folder: Path, text: str = SHORT, name: str = "short.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def load(folder: Path, text: str = SHORT) -> LoadedPlan:
    return load_plan(write(folder, text))


def short(**sections: Any) -> Plan:
    """The short plan as an object, with these sections in place of its own."""
    probes = [{"role": "control", "radial_mm": 5.0}, {"role": "guard", "radial_mm": 13.0}]
    return Plan.model_validate(
        {"schema": 1, "name": "Short", "treatment": {"hold_min": 0.5}, "probes": probes} | sections
    )


def skip_without_vm(request: pytest.FixtureRequest) -> None:
    """Skip a test that is marked `micropython` where there is no such VM."""
    if request.node.get_closest_marker("micropython"):
        try:
            vm_path()
        except InputError as error:
            pytest.skip(str(error))
