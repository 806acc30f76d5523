"""Loads modules of the firmware for the tools that write pages from them."""

from __future__ import annotations

import builtins
import types
from pathlib import Path
from typing import Any

FIRMWARE = Path(__file__).parent.parent / "firmware"


class _Anything:
    """Stands for whatever a module takes from `machine` while it is loaded: tables are read, nothing is driven."""

    def __getattr__(self, name: str) -> Any:
        return _Anything()

    def __call__(self, *args: Any) -> Any:
        return _Anything()

    def __len__(self) -> int:
        return 0


def load(name: str) -> Any:
    """The module `name`, such as "limits" or "boards.esp32_s3", and a set of its own of all that it imports."""
    stand_ins = {"micropython": types.SimpleNamespace(const=lambda value: value), "machine": _Anything()}
    modules: dict[str, Any] = dict(stand_ins)

    def module(name: str, *rest: Any) -> Any:
        path = FIRMWARE / (name.replace(".", "/") + ".py")
        if name not in modules and not path.exists():
            return builtins.__import__(name, *rest)
        if name not in modules:
            made = modules[name] = types.ModuleType(name)
            made.__dict__["__builtins__"] = dict(vars(builtins), __import__=module)
            exec(compile(path.read_bytes(), str(path), "exec"), made.__dict__)
        return modules[name]

    return module(name)
