"""The levels: the same firmware, run by CPython in this process, by the MicroPython VM, or by the emulated board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from imilt.errors import InputError
from imilt.firmware import Manifest, is_installed, manifest
from imilt_sim.levels import cpython, micropython
from imilt_sim.levels.flash import new_folder, remove_with
from imilt_sim.pico import image
from imilt_sim.world import BoardPort

LEVELS = ("cpython", "micropython", "rp2040")


class Device(Protocol):
    @property
    def board(self) -> BoardPort: ...
    def run(self) -> None: ...
    def power_off(self) -> None: ...


def check_level(level: str) -> None:
    """Raises InputError for a level that does not exist or cannot run here."""
    if level not in LEVELS:
        raise InputError(f"--level {level}: unknown; levels are {', '.join(LEVELS)}")
    if level == "micropython":
        micropython.vm_path()
    elif level == "rp2040":
        image.get()


def runs_mpy(level: str, mpy: bool) -> bool:
    """Whether the firmware is compiled for `level`: as asked, but always for the board, whose heap is small."""
    return mpy or level == "rp2040"


def device(
    level: str,
    exchange: Callable[[BoardPort], None],
    folder: Path | None,
    flash: Path | None = None,
    *,
    mpy: bool = False,
    live: bool = False,
) -> Device:
    """A virtual device on `level`; time passes through `exchange`.

    The firmware in `folder` is laid out in `flash`, unless it lies there already, and files that the firmware keeps
    there stay; without `flash`, in a folder that lives as long as the device. Without `folder`, `flash` is started as
    it is. `mpy`: compiled, for the VM. `live`: for people and tools that talk with it, not for traces. Raises
    InputError for firmware that cannot be laid out.
    """
    if mpy and level == "cpython":
        raise InputError("--level cpython runs no .mpy files; take --level micropython")
    built = manifest(folder, mpy=runs_mpy(level, mpy)) if folder else None
    root = flash or new_folder()
    if built and not is_installed(root, built):
        built.lay_out(root)
    made = _made(level, exchange, root, built, live)
    if not flash:
        remove_with(made, root)
    return made


def _made(level: str, exchange: Callable[[BoardPort], None], root: Path, built: Manifest | None, live: bool) -> Device:
    if level == "cpython":
        return cpython.Device(exchange, flash=root, built=built)
    if level == "micropython":
        return micropython.Device(exchange, root)
    from imilt_sim.levels import rp2040  # only here: the other levels need no emulator

    return rp2040.Device(exchange, root, live)
