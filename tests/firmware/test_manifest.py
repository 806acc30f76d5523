"""The check of the files at the start: it passes what was built, and names whatever differs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.device import Started
from support.firmware import load
from support.sim import simulate

from imilt.firmware import Manifest, build, manifest

BUILT = manifest()
PATHS = [file.path("a") for file in BUILT.files]
FIRST, LAST = PATHS[0], PATHS[-1]


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "one bit": (flip, "{path} was changed"),
    "cut": (lambda data: data[:-1], "{path} has {less} bytes instead of {size}"),
    "grown": (lambda data: data + b"#", "{path} has {more} bytes instead of {size}"),
    "empty": (lambda data: b"", "{path} has 0 bytes instead of {size}"),
}


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    build(tmp_path)
    return tmp_path


def check(flash: Path) -> tuple[str, str]:
    """As the application asks it, after boot.py has chosen the bank."""
    device = Started(flash)
    device.boot()
    return device.load("manifest").check()


@pytest.mark.parametrize("bank", ["a", "b"])
def test_what_was_built_has_no_problem_and_the_manifests_hash(tmp_path: Path, bank: str) -> None:
    built = build(tmp_path, bank=bank)
    text = (tmp_path / bank / "manifest.txt").read_bytes()
    assert check(tmp_path) == (built.sha256, "")
    assert built.sha256 == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("boot.py", "a/manifest.py", "a/bank.py")])
def test_a_damaged_file_is_named(flash: Path, path: str, kind: str) -> None:
    """Whichever it is; what boot.py and the check itself need is checked with the modules loaded before."""
    damage, text = DAMAGE[kind]
    device = Started(flash)
    device.boot()
    module = device.load("manifest")
    data = (flash / path).read_bytes()
    (flash / path).write_bytes(damage(data))
    size = len(data)
    assert module.check() == (BUILT.sha256, text.format(path=path, size=size, less=size - 1, more=size + 1))


@pytest.mark.parametrize("path", ["boot.py", "a/manifest.py", "a/bank.py"])
def test_the_check_checks_itself(flash: Path, path: str) -> None:
    (flash / path).write_bytes((flash / path).read_bytes() + b"#")
    assert path in check(flash)[1]


@pytest.mark.parametrize("path", PATHS)
def test_a_missing_file_is_named(flash: Path, path: str) -> None:
    device = Started(flash)
    device.boot()
    module = device.load("manifest")
    (flash / path).unlink()
    assert module.check() == (BUILT.sha256, f"{path} is missing")


def test_a_folder_in_a_files_place_is_a_missing_file(flash: Path) -> None:
    (flash / "a" / "limits.py").unlink()
    (flash / "a" / "limits.py").mkdir()
    assert check(flash)[1] == "a/limits.py is missing"


def test_of_several_the_first_is_named(flash: Path) -> None:
    for path in (LAST, "a/limits.py", "a/settings.py"):
        (flash / path).write_bytes(b"#")
    (flash / "a" / "added.py").write_bytes(b"")
    assert check(flash)[1].startswith("a/limits.py ")


@pytest.mark.parametrize(
    "path", ["a/added.py", "a/app.mpy", "a/notes.txt", "a/drivers/added.py", "a/new/added", "a/drivers/manifest.txt"]
)
def test_a_file_too_many_in_the_bank_is_named(flash: Path, path: str) -> None:
    (flash / path).parent.mkdir(exist_ok=True)
    (flash / path).write_bytes(b"")
    assert check(flash) == (BUILT.sha256, f"{path} does not belong there")


@pytest.mark.parametrize("path", ["app.py", "time.mpy", "limits.py"])
def test_a_module_in_the_root_is_named(flash: Path, path: str) -> None:
    """It could stand before one of the interpreter's own."""
    (flash / path).write_bytes(b"")
    assert check(flash) == (BUILT.sha256, f"{path} does not belong there")


def test_a_package_in_the_root_is_named(flash: Path) -> None:
    (flash / "lib").mkdir()
    assert check(flash) == (BUILT.sha256, "lib does not belong there")


def test_the_store_the_other_bank_and_notes_may_be_there(flash: Path) -> None:
    build(flash, bank="b", mpy=True)
    (flash / "b" / "added.py").write_bytes(b"")
    (flash / "bank.txt").write_text("a")
    (flash / "bank.new").write_text("")
    (flash / "notes.txt").write_text("mine")
    (flash / "store").mkdir()
    (flash / "store" / "journal.py").write_bytes(b"")
    assert check(flash) == (BUILT.sha256, "")


# The manifest itself


def with_manifest(flash: Path, text: bytes) -> tuple[str, str]:
    (flash / "a" / "manifest.txt").write_bytes(text)
    sha256, problem = check(flash)
    assert sha256 == hashlib.sha256(text).hexdigest()
    return sha256, problem


@pytest.mark.parametrize("cut", [1, 2, 30, 64, 65, 100, 500, len(BUILT.text) - 1, len(BUILT.text)])
def test_a_cut_manifest_passes_nothing(flash: Path, cut: int) -> None:
    assert with_manifest(flash, BUILT.text[:-cut])[1]


@pytest.mark.parametrize("at", range(0, len(BUILT.text), 7))
def test_a_flipped_bit_in_the_manifest_passes_nothing(flash: Path, at: int) -> None:
    text = bytearray(BUILT.text)
    text[at] ^= 1
    sha256, problem = with_manifest(flash, bytes(text))
    assert problem
    assert sha256 != BUILT.sha256


@pytest.mark.parametrize(
    "line", [b"\n", b"one two\n", b"a b c d\n", b"ab many /boot.py\n", b"\xff \xff \xff\n", b"x" * 9999]
)
def test_a_line_that_says_nothing_is_garbled(flash: Path, line: bytes) -> None:
    assert with_manifest(flash, line + BUILT.text)[1] == "manifest.txt is garbled"
    assert with_manifest(flash, BUILT.text + line)[1] == "manifest.txt is garbled"


def test_a_line_without_its_end_is_garbled(flash: Path) -> None:
    assert with_manifest(flash, BUILT.text[:-1])[1] == "manifest.txt is garbled"


def test_an_empty_manifest_passes_no_file(flash: Path) -> None:
    assert with_manifest(flash, b"")[1].endswith(" does not belong there")


def test_without_a_manifest_there_is_no_hash(flash: Path) -> None:
    (flash / "a" / "manifest.txt").unlink()
    assert check(flash) == ("", "no manifest")


def test_the_flat_source_has_no_manifest() -> None:
    assert load("manifest").check() == ("", "no manifest")


# The flash


def test_a_flash_that_fails_is_a_problem_and_no_exception(flash: Path) -> None:
    device = Started(flash)
    device.boot()
    module = device.load("manifest")

    def fail(path: str = "") -> list[str]:
        raise OSError(5)

    device.load("os").listdir = fail
    assert module.check() == (BUILT.sha256, "the flash cannot be read")


def test_no_file_is_read_whole(flash: Path) -> None:
    sizes = []

    class Watched(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            sizes.append(len(buffer))
            return super().readinto(buffer)

        def read(self, size: int | None = None) -> bytes:
            raise AssertionError

        def readline(self, size: int | None = None) -> bytes:
            assert size
            sizes.append(size)
            return super().readline(size)

    device = Started(flash)
    device.boot()
    module = device.load("manifest")
    module.open = lambda name, mode: Watched(device.flash.path(name).read_bytes())
    assert module.check() == (BUILT.sha256, "")
    assert max(sizes) == 512


@pytest.mark.parametrize("level", ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)])
def test_a_device_with_a_damaged_file_does_not_arm(tmp_path: Path, level: str) -> None:
    """The whole way: the file is damaged after it was laid out, the plan is taken, and arming is refused."""
    flash = tmp_path / "flash"
    build(flash)
    (flash / "a" / "faults.py").write_bytes((flash / "a" / "faults.py").read_bytes() + b"# changed\n")
    _, run = simulate(tmp_path, level=level, flash=flash)
    assert run.summary
    assert run.summary["end_reason"] != "complete"
    assert "a/faults.py has" in run.summary["end_text"]


def test_a_manifest_names_every_file_once() -> None:
    assert isinstance(BUILT, Manifest)
    assert len(set(PATHS)) == len(PATHS) > 15
