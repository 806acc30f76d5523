"""The flash of level cpython: nothing leads out of it, and a power cut leaves each file as it was or as it is to be."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from imilt_sim.levels.flash import Flash, PowerCut

ESCAPES = [
    "/etc/passwd",
    "../outside",
    "/../outside",
    "a/../../outside",
    "./../outside",
    "//outside",
    "a/./../../outside",
]


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    (tmp_path / "flash").mkdir()
    (tmp_path / "outside").write_text("outside")
    return Flash(tmp_path / "flash")


def write(flash: Flash, name: str, text: str) -> None:
    with flash.open(name, "w") as file:
        file.write(text)


def read(flash: Flash, name: str) -> Any:
    with flash.open(name) as file:
        return file.read()


@pytest.mark.parametrize("name", ESCAPES)
def test_no_path_leads_out(flash: Flash, tmp_path: Path, name: str) -> None:
    assert flash.path(name).is_relative_to(flash.root)
    with pytest.raises(FileNotFoundError):
        flash.open(name)
    with pytest.raises(FileNotFoundError):
        flash.remove(name)
    write(flash, "inside", "inside")
    flash.mkdir("etc")
    flash.rename("inside", name)
    assert (tmp_path / "outside").read_text() == "outside"
    assert sorted(os.listdir(tmp_path)) == ["flash", "outside"]
    assert read(flash, name) == "inside"


def test_absolute_and_relative_names_mean_the_same(flash: Flash) -> None:
    flash.mkdir("store")
    write(flash, "/store/one", "1")
    assert read(flash, "store/one") == "1"
    assert flash.listdir() == flash.listdir("/") == flash.listdir(".") == ["store"]
    assert flash.listdir("/store") == ["one"]
    assert flash.getcwd() == "/"


def test_folders_and_sizes_are_told_as_micropython_does(flash: Flash) -> None:
    flash.mkdir("store")
    write(flash, "one", "12345")
    assert list(flash.ilistdir()) == [("one", 0x8000, 0, 5), ("store", 0x4000, 0, 0)]
    assert flash.stat("store")[0] & 0x4000
    assert not flash.stat("one")[0] & 0x4000
    assert flash.stat("one")[6] == 5


@pytest.mark.parametrize("call", ["stat", "listdir", "remove", "rmdir", "open"])
def test_what_is_not_there_is_an_oserror_with_its_number(flash: Flash, call: str) -> None:
    with pytest.raises(FileNotFoundError) as error:
        getattr(flash, call)("nothing")
    assert error.value.args[0] == 2


def test_files_take_whole_blocks_of_the_picos_flash(flash: Flash) -> None:
    block, _, blocks, free = flash.statvfs("/")[:4]
    assert block * blocks == 1408 * 1024
    assert free == blocks
    write(flash, "one", "1")
    write(flash, "two", "2" * 4097)
    assert flash.statvfs("/")[3] == blocks - 3
    flash.remove("one")
    assert flash.statvfs("/")[3] == blocks - 2


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [("w", "old", "new"), ("a", "old", "oldnew"), ("r+", "old", "newold"), ("x", None, "new")],
)
@pytest.mark.parametrize("binary", ["", "b"])
def test_every_mode_of_open(flash: Flash, mode: str, binary: str, before: str | None, after: str) -> None:
    if before:
        write(flash, "file", before * (2 if mode == "r+" else 1))
    new: Any = b"new" if binary else "new"
    with flash.open("file", mode + binary) as file:
        file.write(new)
    assert read(flash, "file") == after


def test_a_file_that_must_be_new_may_not_be_there(flash: Flash) -> None:
    write(flash, "file", "old")
    with pytest.raises(OSError, match="file") as error:
        flash.open("file", "x")
    assert error.value.args[0] == 17
    with pytest.raises(FileNotFoundError):
        flash.open("nothing", "r+")


def test_what_is_written_is_there_when_flushed_or_closed(flash: Flash) -> None:
    write(flash, "file", "old")
    file = flash.open("file", "wb")
    new = flash.open("new", "wb")
    file.write(b"first")
    new.write(b"first")
    assert (read(flash, "file"), read(flash, "new")) == ("old", "")
    file.flush()
    file.write(b", second")
    assert read(flash, "file") == "first"
    file.close()
    assert read(flash, "file") == "first, second"


def test_truncating_alone_is_a_change_too(flash: Flash) -> None:
    write(flash, "file", "old")
    flash.open("file", "wb").close()
    assert read(flash, "file") == ""


def test_a_file_left_open_by_a_start_is_lost(flash: Flash) -> None:
    write(flash, "file", "old")
    file = flash.open("file", "wb")
    file.write(b"new")
    flash.restart()
    file.close()
    assert read(flash, "file") == "old"


def changes(flash: Flash) -> None:
    """Seven changes."""
    write(flash, "file", "new")  # it is there: one
    write(flash, "temporary", "newer")  # created, written
    flash.rename("temporary", "file")
    flash.mkdir("folder")
    flash.rmdir("folder")
    flash.remove("file")


def contents(flash: Flash) -> dict[str, str | None]:
    return {path.name: None if path.is_dir() else path.read_text() for path in sorted(flash.root.iterdir())}


@pytest.mark.parametrize("powered_for", range(8))
def test_a_power_cut_lets_the_changes_before_it_stand_and_none_after(flash: Flash, powered_for: int) -> None:
    write(flash, "file", "old")
    expected: list[dict[str, str | None]] = [
        {"file": "old"},
        {"file": "new"},
        {"file": "new", "temporary": ""},
        {"file": "new", "temporary": "newer"},
        {"file": "newer"},
        {"file": "newer", "folder": None},
        {"file": "newer"},
        {},
    ]
    flash.changes_left = powered_for
    if powered_for < 7:
        with pytest.raises(PowerCut):
            changes(flash)
    else:
        changes(flash)
        with pytest.raises(PowerCut):
            write(flash, "one more", "")
    write(flash, "after", "after")
    flash.rename("file", "elsewhere")
    gc.collect()
    assert contents(flash) == expected[powered_for]


def test_without_power_nothing_changes(tmp_path: Path) -> None:
    powered = [True]
    flash = Flash(tmp_path, lambda: powered[0])
    write(flash, "file", "old")
    file = flash.open("file", "wb")
    file.write(b"new")
    powered[0] = False
    file.close()
    changes(flash)
    assert contents(flash) == {"file": "old"}


def test_without_a_root_the_folder_goes_with_the_flash() -> None:
    flash = Flash(None)
    write(flash, "file", "kept")
    root = flash.root
    assert (root / "file").read_text() == "kept"
    del flash
    gc.collect()
    assert not root.exists()
