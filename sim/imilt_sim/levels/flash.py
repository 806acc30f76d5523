"""The virtual board's flash on level cpython: a folder that behaves as littlefs does when the power goes.

What is written to a file is there when the file is closed or flushed, all of it or none; until then the file is as it
was, or empty if it is new. Renaming replaces the target at once.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
import shutil
import tempfile
import types
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Any

_FUNCTIONS = (
    "getcwd",
    "listdir",
    "ilistdir",
    "mkdir",
    "remove",
    "rename",
    "rmdir",
    "stat",
    "statvfs",
    "sync",
    "unlink",
)
_FOLDER, _FILE = 0x4000, 0x8000
_BLOCK_BYTES = 4096
_BLOCKS = 352


class PowerCut(BaseException):
    """The power went before a change reached the flash; nothing is changed after it."""


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="imilt-flash-"))


def remove_with(owner: object, folder: Path) -> None:
    """Remove `folder` when `owner` is gone, or when Python ends."""
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)


class Flash:
    """`os` and `open` for the firmware, inside `root`; without one, in a folder that lives as long as this.

    `changes_left`, if set, counts the changes down; the power is cut before the one that finds 0.
    """

    def __init__(self, root: Path | None, powered: Callable[[], bool] = lambda: True) -> None:
        self._root = root
        self._powered = powered
        self.changes_left: int | None = None
        self.starts = 0

    @cached_property
    def root(self) -> Path:
        if self._root:
            return self._root
        folder = new_folder()
        remove_with(self, folder)
        return folder

    def restart(self) -> None:
        """The device starts anew: files still open from before are lost."""
        self.starts += 1

    def path(self, name: str) -> Path:
        """Where `name` lies; nothing leads out of the root."""
        return self.root / posixpath.normpath("/" + name.lstrip("/"))[1:]

    def module(self) -> types.ModuleType:
        """`os` as MicroPython has it, as far as files go."""
        module = types.ModuleType("os")
        for name in _FUNCTIONS:
            setattr(module, name, getattr(self, name))
        return module

    def change(self) -> bool:
        """Called before each change: False if there is no power any more. Raises PowerCut when it goes."""
        if not self._powered() or self.changes_left == -1:
            return False
        if self.changes_left is not None:
            self.changes_left -= 1
            if self.changes_left < 0:
                raise PowerCut
        return True

    def getcwd(self) -> str:
        return "/"

    def listdir(self, path: str = "") -> list[str]:
        return sorted(os.listdir(self.path(path)))

    def ilistdir(self, path: str = "") -> Iterator[tuple[str, int, int, int]]:
        for name in self.listdir(path):
            entry = self.path(f"{path}/{name}")
            yield (name, _FOLDER, 0, 0) if entry.is_dir() else (name, _FILE, 0, entry.stat().st_size)

    def mkdir(self, path: str) -> None:
        if self.change():
            self.path(path).mkdir()

    def rmdir(self, path: str) -> None:
        if self.change():
            self.path(path).rmdir()

    def remove(self, path: str) -> None:
        if self.change():
            self.path(path).unlink()

    unlink = remove

    def rename(self, old: str, new: str) -> None:
        if self.change():
            self.path(old).replace(self.path(new))

    def stat(self, path: str) -> os.stat_result:
        return os.stat(self.path(path))

    def statvfs(self, path: str) -> tuple[int, ...]:
        """The Pico's 1408 KiB, of which every file takes whole blocks."""
        files = [entry.stat().st_size for entry in self.root.rglob("*") if entry.is_file()]
        free = max(0, _BLOCKS - sum(-(-size // _BLOCK_BYTES) for size in files))
        return (_BLOCK_BYTES, _BLOCK_BYTES, _BLOCKS, free, free, 0, 0, 0, 0, 255)

    def sync(self) -> None:
        pass

    def open(self, name: str, mode: str = "r") -> IO[Any]:
        kind = mode.replace("b", "").replace("t", "")
        path = self.path(name)
        new = kind[0] in "wax" and not path.is_file()
        if kind[0] == "x" and not new:
            raise FileExistsError(errno.EEXIST, name)
        data = b"" if new or kind[0] == "w" else path.read_bytes()
        if new and self.change():
            path.write_bytes(b"")
        file = io.BytesIO(data) if kind == "r" else _Written(self, path, data, dirty=kind[0] == "w" and not new)
        if kind[0] == "a":
            file.seek(0, io.SEEK_END)
        return file if "b" in mode else io.TextIOWrapper(file, "utf-8", newline="")


class _Written(io.BytesIO):
    """A file open for writing: its content reaches the flash when it is flushed or closed."""

    def __init__(self, flash: Flash, path: Path, data: bytes, dirty: bool) -> None:
        super().__init__(data)
        self._flash = flash
        self._path = path
        self._start = flash.starts
        self._dirty = dirty

    def write(self, data: Any) -> int:
        self._dirty = True
        return super().write(data)

    def flush(self) -> None:
        if self._dirty and self._start == self._flash.starts and self._flash.change():
            self._path.write_bytes(self.getvalue())
        self._dirty = False

    def close(self) -> None:
        if not self.closed:
            self.flush()
        super().close()
