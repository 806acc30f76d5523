"""The board's file system: a folder as a littlefs image of the Pico's flash, and back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from littlefs import LittleFS, UserContext
from littlefs.errors import LittleFSError

from imilt.errors import InputError

# Of the rp2 port (ports/rp2/boards/RPI_PICO): the last 1408 KiB of 2 MiB.
OFFSET = 0xA0000
BLOCK_BYTES = 4096
BLOCKS = 352
SIZE = BLOCK_BYTES * BLOCKS
_PAGE_BYTES = 256
_DISK_VERSION = 0x00020000  # 2.0, which every MicroPython reads; it may write a newer one


def from_folder(folder: Path) -> bytes:
    """An image with everything in `folder`. Raises InputError if it does not fit."""
    context = UserContext(buffsize=SIZE)
    try:
        with _mounted(context, new=True) as fs:
            for path in sorted(folder.rglob("*")):
                name = path.relative_to(folder).as_posix()
                if path.is_dir():
                    fs.mkdir(name)
                else:
                    _write(fs, name, path.read_bytes())
    except LittleFSError as error:
        raise InputError(f"{folder}: does not fit into the board's {SIZE // 1024} KiB of flash") from error
    return bytes(context.buffer)


def into_folder(image: bytes, folder: Path) -> None:
    """Make `folder` what the file system in `image` holds; what is not in there goes."""
    context = UserContext(buffsize=SIZE)
    context.buffer = bytearray(image)
    with _mounted(context, new=False) as fs:
        names = set(_names(fs))
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.relative_to(folder).as_posix() not in names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in sorted(names):
            if fs.stat(name).type == _FOLDER:
                (folder / name).mkdir(exist_ok=True)
            else:
                (folder / name).write_bytes(_read(fs, name))


_FOLDER = 2  # of littlefs' types


@contextmanager
def _mounted(context: UserContext, new: bool) -> Iterator[LittleFS]:
    fs = LittleFS(
        context=context,
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=BLOCKS,
        prog_size=_PAGE_BYTES,
        disk_version=_DISK_VERSION if new else 0,
    )
    if new:
        fs.format()
    fs.mount()
    try:
        yield fs
    finally:
        fs.unmount()


def _names(fs: LittleFS) -> Iterator[str]:
    for top, folders, files in fs.walk("/"):
        for name in (*folders, *files):
            yield f"{top}/{name}".lstrip("/")


def _write(fs: LittleFS, name: str, data: bytes) -> None:
    with fs.open(name, "wb") as file:
        file.write(data)


def _read(fs: LittleFS, name: str) -> bytes:
    with fs.open(name, "rb") as file:
        return file.read()
