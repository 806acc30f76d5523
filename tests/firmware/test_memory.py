"""The locked part allocates nothing: whole treatments in MicroPython's VM, and what happens when it does allocate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.firmware import copy, replace
from support.sim import require_vm, simulate

pytestmark = pytest.mark.micropython

FAULTS = {
    "none": ([], 1),
    "emergency stop": (["estop@30"], 50),
    "probe open": (["open@30:1"], 20),
    "tip too hot": (["offset@30:1,55"], 12),
    "over-power": (["over-power@30.3:2"], 40),
    "stale": (["stale@30:3"], 30),
    "pause": (["footswitch@30"], 1),
}
ALLOCATIONS = {
    "a list": "[phase] * 8",
    "a float": "phase * 0.5",
    "a text": "'%d' % phase",
    "a long integer": "1 << 80 + phase",
    "a bound method": "[self._sense]",
}


@pytest.fixture(autouse=True)
def _vm() -> None:
    require_vm()


@pytest.mark.parametrize("name", FAULTS)
def test_a_whole_treatment_runs_with_the_heap_locked(name: str, tmp_path: Path) -> None:
    """Were anything allocated, the device would restart and the host would say so."""
    faults, end_code = FAULTS[name]
    watched, run = simulate(tmp_path, faults, level="micropython")
    assert run.summary
    assert run.summary["end_code"] == end_code, run.summary["end_text"]
    assert watched.world.power_w == 0


@pytest.mark.parametrize("name", ALLOCATIONS)
def test_a_cycle_that_allocates_ends_dark_and_in_standby(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """While heating, after the light of this cycle was set."""
    spoil = f"laser.set_mw(allowed)\n        if self.count == 300:\n            self.kept = {ALLOCATIONS[name]}\n"
    firmware = copy(tmp_path / "firmware", replace("app.py", "laser.set_mw(allowed)\n", spoil))
    watched, run = simulate(tmp_path, level="micropython", firmware=firmware)
    assert "MemoryError" in capfd.readouterr().err
    assert run.summary
    assert "restarted" in run.summary["end_text"]
    assert watched.power_from(29.0) > 0.2
    assert watched.power_from(30.1) == 0
    assert [row["state"] for row in watched.rows() if row["cycle"] == 0] == [0, 0]


def test_the_same_allocation_outside_the_locked_part_is_allowed(tmp_path: Path) -> None:
    spoil = "self._report()\n        if self.count == 300:\n            self.kept = [self.count] * 8\n"
    firmware = copy(tmp_path / "firmware", replace("app.py", "self._report()\n", spoil))
    _, run = simulate(tmp_path, level="micropython", firmware=firmware)
    assert run.summary
    assert run.summary["end_reason"] == "complete", run.summary["end_text"]
