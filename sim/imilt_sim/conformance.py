"""`make conformance`: one treatment of about 150 s on every level, twice each, gives one trace; the second boots late.

The default plan, its control probe 5 mm from the fibre: heating, holding, and the emergency stop in the hold. Exact:
every cell of every cycle. A mismatch prints the first cycle and column that differ. Exit code 2 without the board's
image: a level that was not run has not passed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from imilt.errors import InputError, RunError
from imilt.firmware import firmware_dir
from imilt.plan import find_plan
from imilt_sim.bench import plan_path
from imilt_sim.faults import parse_fault
from imilt_sim.levels import LEVELS, check_level
from imilt_sim.simulate import Setup, Simulation

FAULT = "estop@140"
DELAYS_MS = (0, 137)
SEED = 1


def plan_text() -> str:
    """The default plan with a nearer probe and a hold of two minutes."""
    text = find_plan(plan_path()).source.decode()
    for old, new in (("hold_min = 30.0", "hold_min = 2.0"), ("radial_mm = 6.0", "radial_mm = 5.0")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def run(level: str, delay_ms: int, folder: Path, text: str | None = None, fault: str = FAULT) -> dict[str, Any]:
    """One treatment in `folder`, on a firmware that boots so much later; returns its summary."""
    folder.mkdir(parents=True)
    plan = folder / "plan.toml"
    plan.write_text(text or plan_text())
    loaded = find_plan(plan)
    faults = [parse_fault(fault, len(loaded.plan.probes))]
    setup = Setup(loaded, level, SEED, faults, _delayed(folder / "firmware", delay_ms))
    return Simulation(setup, folder / "run").run()


def _delayed(folder: Path, delay_ms: int) -> Path:
    shutil.copytree(firmware_dir(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    if delay_ms:
        boot = folder / "boot.py"
        boot.write_text(f"{boot.read_text()}\nimport time\n\ntime.sleep_ms({delay_ms})\n")
    return folder


def first_difference(one: Path, other: Path) -> str:
    """Where two `cycles.csv` part; empty if they do not."""
    rows, others = (path.read_text().splitlines() for path in (one, other))
    names = rows[0].split(",")
    for row, another in zip(rows, others, strict=False):
        for name, cell, answer in zip(names, row.split(","), another.split(","), strict=False):
            if cell != answer:
                return f"cycle {row.split(',')[0]}, column {name}: {cell} and {answer}"
    return "" if len(rows) == len(others) else f"{len(rows) - 1} and {len(others) - 1} cycles"


def main() -> int:
    try:
        for level in LEVELS:
            check_level(level)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        root = Path(folder)
        jobs = [(level, delay_ms) for level in LEVELS for delay_ms in DELAYS_MS]
        waiting = [pool.submit(run, level, delay, root / f"{level}-{delay}") for level, delay in jobs]
        differences = 0
        reference = root / f"{LEVELS[0]}-{DELAYS_MS[0]}" / "run" / "cycles.csv"
        for (level, delay_ms), job in zip(jobs, waiting, strict=True):
            try:
                told = job.result()
            except RunError as error:
                print(f"{level}, booting {delay_ms} ms later: {error}")
                differences += 1
                continue
            print(
                f"{level}, booting {delay_ms} ms later: trace {told['trace_sha256']}, {told['duration_s']:.1f} s,"
                f" {told['end_text']}, {told['realtime_factor']:.1f}x real time",
                flush=True,
            )
            difference = first_difference(reference, root / f"{level}-{delay_ms}" / "run" / "cycles.csv")
            if difference:
                print(f"  differs from {LEVELS[0]}: {difference}")
                differences += 1
    print("the levels agree" if not differences else f"{differences} runs differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
