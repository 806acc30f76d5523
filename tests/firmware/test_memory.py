"""The locked part allocates nothing: whole treatments in MicroPython's VM, and what happens when it does allocate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.firmware import copy, replace
from support.sim import require_vm, simulate

from imilt.link import body_of

pytestmark = pytest.mark.micropython

FAULTS = {
    "none": ([], 1),
    "emergency stop": (["estop@30"], 50),
    "probe open": (["open@30:1"], 20),
    "tip too hot": (["offset@30:1,60"], 12),
    "over-power": (["over-power@30.3:2"], 40),
    "under-power": (["under-power@30:0.2"], 43),
    "stale": (["stale@30:3"], 30),
    "frozen": (["stuck@30:0"], 28),
    "host lost": (["host-silent@30:6"], 1),
    "glitch": (["glitch@30:0,3"], 1),
    "pause": (["footswitch@30"], 1),
    "self-test": (["enable-stuck@1"], 58),
}
HOUR_CYCLES = 36000
TEN_MINUTES_CYCLES = 6000
MINUTE_CYCLES = 600
KEPT_LINES_BYTES = 256
NOISE_BYTES = 512
FULL_JOURNAL = "for _ in range(100):\n                    self.store.note('X', 0, 0, 0, 0, 0)\n"
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
    spoil = f"board.laser.set_mw(allowed)\n        if self.count == 300:\n            self.kept = {ALLOCATIONS[name]}\n"
    firmware = copy(tmp_path / "firmware", replace("app.py", "board.laser.set_mw(allowed)\n", spoil))
    watched, run = simulate(tmp_path, level="micropython", firmware=firmware)
    assert "MemoryError" in capfd.readouterr().err
    assert run.summary
    assert "restarted" in run.summary["end_text"]
    assert watched.power_from(29.0) > 0.2
    assert watched.power_from(30.1) == 0
    # Started anew as a device that went down while it was armed.
    assert [row["fault"] for row in watched.rows() if row["cycle"] == 0] == [0, 62]


def test_an_hour_of_treatment_leaves_the_memory_as_a_minute_does(tmp_path: Path) -> None:
    """36,000 cycles with their middle locked; the journal is full from the start, as it grows up to its bound."""
    measure = f"""            gc.collect()
            if self.count == 100:
                {FULL_JOURNAL}
            if self.count % {TEN_MINUTES_CYCLES} == 0 or self.count == {MINUTE_CYCLES}:
                self.link.send("M", "%d,%d" % (self.count, gc.mem_free()))
"""
    firmware = copy(tmp_path / "firmware", replace("app.py", "            gc.collect()\n", measure))
    edits = [("hold_min = 0.5", "hold_min = 60.0\nmax_emission_min = 90.0\nmax_energy_kj = 27.0")]
    watched, run = simulate(tmp_path, edits=edits, level="micropython", firmware=firmware)
    assert run.summary
    assert run.summary["end_reason"] == "complete", run.summary["end_text"]
    bodies = [body_of(line) for line in bytes(watched.sent).split(b"\n")]
    told = [list(map(int, body.split(b",")[2:])) for body in bodies if body and body.startswith(b"M,")]
    free: dict[int, int] = dict(told)  # type: ignore[arg-type]
    assert sorted(free) == [MINUTE_CYCLES, *range(TEN_MINUTES_CYCLES, HOUR_CYCLES + 1, TEN_MINUTES_CYCLES)]
    # The lines kept for sending again grow with the numbers in them, and the collector takes an integer on the stack
    # for a pointer now and then. A byte a cycle that leaks would be thirty thousand.
    settled = [free[cycle] for cycle in free if cycle > TEN_MINUTES_CYCLES]
    assert max(settled) - min(settled) <= NOISE_BYTES, free
    assert abs(free[MINUTE_CYCLES] - free[HOUR_CYCLES]) <= KEPT_LINES_BYTES + NOISE_BYTES, free


def test_the_same_allocation_outside_the_locked_part_is_allowed(tmp_path: Path) -> None:
    spoil = "self.report.step()\n        if self.count == 300:\n            self.kept = [self.count] * 8\n"
    firmware = copy(tmp_path / "firmware", replace("app.py", "self.report.step()\n", spoil))
    _, run = simulate(tmp_path, level="micropython", firmware=firmware)
    assert run.summary
    assert run.summary["end_reason"] == "complete", run.summary["end_text"]
