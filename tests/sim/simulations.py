"""Simulations for tests: one call each, and firmware or stand-ins with one thing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from host.plans import SHORT, load
from support import firmware

from imilt.plan import LoadedPlan
from imilt.treat import Treatment
from imilt_sim.faults import parse_fault
from imilt_sim.levels import cpython, micropython
from imilt_sim.simulate import Setup, Simulation

LEVELS = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]
BOTH_LEVELS = pytest.mark.parametrize("level", LEVELS)


def setup(
    folder: Path,
    text: str = SHORT,
    level: str = "cpython",
    seed: int = 1,
    faults: Sequence[str] = (),
    firmware: Path | None = None,
    **device: Any,
) -> Setup:
    plan: LoadedPlan = load(folder, text)
    struck = [parse_fault(fault, len(plan.plan.probes)) for fault in faults]
    return Setup(plan, level, seed, struck, firmware, **device)


def simulate(
    folder: Path,
    name: str = "run",
    on_frame: Callable[[Treatment, bytes], None] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Run one and return its summary; the record is in `folder`/`name`."""
    return Simulation(setup(folder, **changes), folder / name, on_frame).run()


def changed_firmware(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the firmware in which one text, which stands there once, is another."""
    return firmware.copy(folder / "firmware", firmware.replace(file, old, new))


def change_stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, file: str, old: str, new: str) -> None:
    """Let every device from now on run on stand-ins in which one text, which stands there once, is another."""
    copy = folder / f"standins-{len(list(folder.iterdir()))}"
    shutil.copytree(cpython.STANDINS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / file).read_text()
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new))
    monkeypatch.setattr(cpython, "STANDINS", copy)
    monkeypatch.setattr(micropython, "STANDINS", copy)
