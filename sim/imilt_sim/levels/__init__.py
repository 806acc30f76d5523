"""The levels: the same firmware files, run by CPython in this process or by the MicroPython VM in its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from imilt.errors import InputError
from imilt.firmware import is_installed, manifest
from imilt_sim.levels import cpython, micropython
from imilt_sim.levels.flash import new_folder, remove_with
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


def device(
    level: str,
    exchange: Callable[[BoardPort], None],
    folder: Path | None,
    flash: Path | None = None,
    *,
    mpy: bool = False,
) -> Device:
    """A virtual device on `level`; time passes through `exchange`.

    The firmware in `folder` is laid out in `flash`, unless it lies there already, and files that the firmware keeps
    there stay; without `flash`, in a folder that lives as long as the device. Without `folder`, `flash` is started as
    it is. `mpy`: compiled, for the VM. Raises InputError for firmware that cannot be laid out.
    """
    if mpy and level == "cpython":
        raise InputError("--level cpython runs no .mpy files; take --level micropython")
    built = manifest(folder, mpy=mpy) if folder else None
    root = flash or new_folder()
    if built and not is_installed(root, built):
        built.lay_out(root)
    made = (
        cpython.Device(exchange, flash=root, built=built) if level == "cpython" else micropython.Device(exchange, root)
    )
    if not flash:
        remove_with(made, root)
    return made
