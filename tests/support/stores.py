"""The firmware's store on real files: stores after some saves, what they hold, and the files they left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from support.firmware import Firmware

firmware = Firmware(modules={"os": os})  # the real one: the tests give absolute paths
firmware._builtins["open"] = open
store, sections = firmware.load("store"), firmware.load("sections")
NAMES = [name for name, _ in sections.CHECKS]
SETTABLE = [name for name in NAMES if name != "journal"]
COUNT_MAX = (1 << 30) - 1


def loaded(folder: Path) -> Any:
    memory = store.Store(str(folder))
    memory.load()
    return memory


def content(memory: Any) -> dict[str, Any]:
    return json.loads(json.dumps({name: memory.section(name) for name in NAMES}))


def saved(folder: Path, saves: int) -> Any:
    """A store after so many saves, none of which is like another."""
    memory = loaded(folder)
    for i in range(saves):
        memory.count("boots", 1)
        memory.note("F", i, 23, i % 4, -i, 7)
        assert memory.save() == ""
    return memory


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
