"""The firmware's modules in this process, loaded as the simulator loads them: `load(name)` gives one of them."""

from __future__ import annotations

import shutil
import types
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from imilt.firmware import firmware_dir
from imilt_sim.levels.cpython import Device
from imilt_sim.world import BoardPort

FOLDER = firmware_dir()
SOURCES = sorted(FOLDER.glob("**/*.py"))


def _let_time_pass(board: BoardPort) -> None:
    board.now_ms = board.target_ms


class Firmware(Device):
    """One set of the firmware's modules, with stand-ins on a virtual board in which only time passes."""

    def __init__(self, folder: Path | None = None, modules: Mapping[str, Any] | None = None) -> None:
        super().__init__(_let_time_pass, folder)
        self._modules.update(modules or {})
        self._permanent = dict(self._modules)

    def load(self, name: str) -> Any:
        return self._import(name)

    def loaded(self, name: str) -> types.ModuleType:
        """A module as the running firmware has it."""
        return self._modules[name]


@cache
def shared() -> Firmware:
    """One set for all tests that change nothing in it."""
    return Firmware()


def load(name: str) -> Any:
    return shared().load(name)


def copy(folder: Path, edit: Callable[[str, str], str]) -> Path:
    """A copy of the firmware in `folder`, each file's text passed through `edit(path in the firmware, text)`."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for source in SOURCES:
        name = str(source.relative_to(FOLDER))
        (folder / name).write_text(edit(name, source.read_text()))
    return folder


def replace(file: str, old: str, new: str) -> Callable[[str, str], str]:
    """An edit for `copy`: `old` in `file`, which must be there exactly once, becomes `new`."""

    def edit(name: str, text: str) -> str:
        if name != file:
            return text
        assert text.count(old) == 1, f"{file}: '{old}' stands there {text.count(old)} times"
        return text.replace(old, new)

    return edit
