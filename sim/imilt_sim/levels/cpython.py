"""Level cpython: the firmware's modules in this process, each device with its own set and its own stand-ins."""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from imilt.firmware import Manifest, firmware_dir
from imilt_sim.levels.flash import Flash
from imilt_sim.world import BoardPort

STANDINS = Path(__file__).parent.parent / "standins"

_STAND_INS = {name: f"board_{name}" for name in ("gc", "machine", "micropython", "select", "sys", "time")}
_PATH = ("", ".frozen", "/lib")
"""The board's `sys.path` when it starts."""


class Device:
    """One virtual device: `run` powers it on and returns when the world ends it.

    It starts from what lies in `flash`; without one, from the flat source tree in `folder`, with an empty flash.
    `built` tells which files of the flash are the same as which source, for tracebacks, profiles and coverage.
    """

    def __init__(
        self,
        exchange: Callable[[BoardPort], None],
        folder: Path | None = None,
        *,
        flash: Path | None = None,
        built: Manifest | None = None,
    ) -> None:
        self._folder = flash or folder or firmware_dir()
        self._origins = {file.data: file.origin for file in built.files} if built else {}
        self._path: list[str] = list(_PATH)
        self.flash = Flash(flash, self._is_powered)
        self._modules: dict[str, types.ModuleType] = {"os": self.flash.module()}
        self._builtins = dict(vars(builtins), __import__=self._import, open=self.flash.open)
        self._vboard = self._load("vboard")
        self._exchange = exchange
        self._error: BaseException | None = None
        self.board = self._vboard.Board(self._guarded_exchange)
        setattr(self._vboard, "BOARD", self.board)  # noqa: B010 - the module is made at run time
        self._builtins["print"] = vars(self._load("prompt"))["port_print"]
        self._permanent = dict(self._modules)

    def run(self) -> None:
        self._vboard.power_on(self.board, self._load_afresh)
        if self._error:
            raise self._error

    def _guarded_exchange(self, board: BoardPort) -> None:
        """What fails outside the device ends the simulation; the firmware must not get to handle it."""
        try:
            self._exchange(board)
        except BaseException as error:
            self._error = error
            self.power_off()
        if self.board.off:
            raise self._vboard.PowerOff

    def power_off(self) -> None:
        """End the simulation at the end of this exchange."""
        self.board.off = True

    def _is_powered(self) -> bool:
        """What the firmware does while a reset or the end unwinds it, a real board no longer does."""
        return not (self.board.off or self.board.frozen)

    def _load_afresh(self, name: str) -> None:
        """Import as after a reset: nothing of the firmware is left from before."""
        if name == "boot":
            self._modules.clear()
            self._modules.update(self._permanent)
            self._path[:] = _PATH
            self.flash.restart()
        self._load(name)

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        """`import` for the firmware: its own files and the stand-ins first, then the real library."""
        if name in self._modules:
            module = self._modules[name]
        elif self._find(name) is None:
            return builtins.__import__(name, globals, locals, fromlist, level)
        else:
            module = self._load(name)
        for child in fromlist or ():
            if not hasattr(module, child) and self._find(f"{name}.{child}"):
                setattr(module, child, self._modules.get(f"{name}.{child}") or self._load(f"{name}.{child}"))
        return module

    def _find(self, name: str) -> Path | None:
        """The file or folder that `name` means to the firmware."""
        if name in _STAND_INS:
            return STANDINS / f"{_STAND_INS[name]}.py"
        relative = name.replace(".", "/")
        for folder in self._folders(relative.split("/")[0]):
            for path in (folder / f"{relative}.py", folder / relative):
                if path.exists():
                    return path
        return None

    def _folders(self, top: str) -> Iterator[Path]:
        """The folders to search, up to the first that has the module or package `top`."""
        for folder in (*(self._folder / entry.strip("/") for entry in self._path), STANDINS):
            if (folder / f"{top}.py").exists() or (folder / top).exists():
                yield folder
                return

    def _load(self, name: str) -> types.ModuleType:
        path = self._find(name)
        assert path is not None, name
        module = types.ModuleType(name)
        module.__dict__["__builtins__"] = self._builtins_of(path)
        self._modules[name] = module
        if path.is_file():
            data = path.read_bytes()
            origin = self._origins.get(data, path)
            module.__file__ = str(origin)
            exec(_compiled(data, str(origin)), module.__dict__)
        if name == "sys":
            setattr(module, "path", self._path)  # noqa: B010 - the module is made at run time
        return module

    def _builtins_of(self, path: Path) -> dict[str, Any]:
        """The stand-ins see the real `sys` and friends; the firmware sees the stand-ins."""
        if path.parent == STANDINS and path.name.startswith("board_"):
            return dict(self._builtins, __import__=self._import_for_stand_in)
        return self._builtins

    def _import_for_stand_in(self, name: str, *args: Any) -> Any:
        return builtins.__import__(name, *args) if name in _STAND_INS else self._import(name, *args)


@lru_cache(maxsize=512)
def _compiled(source: bytes, name: str) -> types.CodeType:
    return compile(source, name, "exec")
