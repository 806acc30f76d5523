"""The levels: the same firmware files, run by CPython in this process or by the MicroPython VM in its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from imilt.errors import InputError
from imilt_sim.levels import cpython, micropython
from imilt_sim.world import BoardPort

LEVELS = ("cpython", "micropython")


class Device(Protocol):
    def run(self) -> None: ...
    def power_off(self) -> None: ...


def check_level(level: str) -> None:
    """Raises InputError for a level that does not exist or cannot run here."""
    if level not in LEVELS:
        raise InputError(f"--level {level}: unknown; levels are {', '.join(LEVELS)}")
    if level == "micropython":
        micropython.vm_path()


def device(level: str, exchange: Callable[[BoardPort], None], folder: Path) -> Device:
    """A virtual device on `level` with the firmware in `folder`; time passes through `exchange`."""
    kinds = {"cpython": cpython.Device, "micropython": micropython.Device}
    return kinds[level](exchange, folder)
