"""Level cpython: the firmware's modules in this process, each device with its own set and its own stand-ins."""

from __future__ import annotations

import builtins
import io
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imilt.firmware import firmware_dir
from imilt_sim.world import BoardPort

STANDINS = Path(__file__).parent.parent / "standins"

_STAND_INS = {name: f"board_{name}" for name in ("machine", "micropython", "select", "sys", "time")}


class Device:
    """One virtual device: `run` powers it on and returns when the world ends it."""

    def __init__(self, exchange: Callable[[BoardPort], None], folder: Path | None = None) -> None:
        self._folder = folder or firmware_dir()
        self._modules: dict[str, types.ModuleType] = {"os": self._os()}
        self._builtins = dict(vars(builtins), __import__=self._import, open=self._open)
        self._vboard = self._load("vboard")
        self._exchange = exchange
        self._error: BaseException | None = None
        self.board = self._vboard.Board(self._guarded_exchange)
        setattr(self._vboard, "BOARD", self.board)  # noqa: B010 - the module is made at run time
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

    def _load_afresh(self, name: str) -> None:
        """Import as after a reset: nothing of the firmware is left from before."""
        if name == "boot":
            self._modules.clear()
            self._modules.update(self._permanent)
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
        for folder in (self._folder, STANDINS):
            for path in (folder / f"{relative}.py", folder / relative):
                if path.exists():
                    return path
        return None

    def _load(self, name: str) -> types.ModuleType:
        path = self._find(name)
        assert path is not None, name
        module = types.ModuleType(name)
        module.__dict__["__builtins__"] = self._builtins_of(path)
        self._modules[name] = module
        if path.is_file():
            module.__file__ = str(path)
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
        return module

    def _builtins_of(self, path: Path) -> dict[str, Any]:
        """The stand-ins see the real `sys` and friends; the firmware sees the stand-ins."""
        if path.parent == STANDINS and path.name.startswith("board_"):
            return dict(self._builtins, __import__=self._import_for_stand_in)
        return self._builtins

    def _import_for_stand_in(self, name: str, *args: Any) -> Any:
        return builtins.__import__(name, *args) if name in _STAND_INS else self._import(name, *args)

    def _os(self) -> types.ModuleType:
        """`os` with the device's file system: the firmware's folder."""
        module = types.ModuleType("os")
        module.__dict__["listdir"] = lambda path=".": os.listdir(self._folder / path)
        return module

    def _open(self, path: str, mode: str = "r") -> io.IOBase:
        return open(self._folder / path, mode)  # type: ignore[return-value]  - the firmware closes it
