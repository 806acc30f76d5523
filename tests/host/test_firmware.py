"""The firmware as it lies on a device: which file goes where, what names it, and how big it is."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from support.firmware import FOLDER, SOURCES, copy, replace

from imilt.errors import InputError
from imilt.firmware import SIZE_MAX_BYTES, build, builds_for, firmware_sha256, firmware_size, is_installed, manifest

ROOT = {"boot.py", "main.py", "board.py"}
IN_BANK = sorted(
    name
    for name in (path.relative_to(FOLDER).as_posix() for path in SOURCES)
    if name not in ROOT and not name.startswith("boards/")
)
FORMS = pytest.mark.parametrize("mpy", [False, True])


def laid_out(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def as_built(name: str, mpy: bool) -> str:
    return name.removesuffix(".py") + ".mpy" if mpy else name


@FORMS
@pytest.mark.parametrize("bank", ["a", "b"])
def test_every_file_has_its_place(tmp_path: Path, bank: str, mpy: bool) -> None:
    build(tmp_path, mpy=mpy, bank=bank)
    in_bank = {f"{bank}/{as_built(name, mpy)}" for name in IN_BANK}
    assert laid_out(tmp_path).keys() == {*ROOT, "bank.txt", f"{bank}/manifest.txt", *in_bank}
    assert (tmp_path / "bank.txt").read_text().strip() == bank


def test_source_is_copied_byte_for_byte(tmp_path: Path) -> None:
    build(tmp_path)
    files = laid_out(tmp_path)
    for name in ROOT:
        assert files[name] == (FOLDER / name).read_bytes()
    for name in IN_BANK:
        assert files[f"a/{name}"] == (FOLDER / name).read_bytes()


@FORMS
def test_the_manifest_tells_hash_size_and_name_of_every_file_in_order(tmp_path: Path, mpy: bool) -> None:
    built = build(tmp_path, mpy=mpy)
    text = (tmp_path / "a" / "manifest.txt").read_bytes()
    lines = [re.fullmatch(r"([0-9a-f]{64})  (\d+)  (\S+)", line) for line in text.decode().splitlines()]
    told = {}
    for line in lines:
        assert line
        data = (tmp_path / (line[3][1:] if line[3][0] == "/" else f"a/{line[3]}")).read_bytes()
        assert (line[1], int(line[2])) == (hashlib.sha256(data).hexdigest(), len(data)), line[3]
        told[line[3]] = data
    assert list(told) == sorted([f"/{name}" for name in ROOT] + [as_built(name, mpy) for name in IN_BANK])
    assert built.text == text
    assert built.sha256 == hashlib.sha256(text).hexdigest() == firmware_sha256(mpy=mpy)


@FORMS
def test_the_manifest_is_the_same_in_either_bank_and_every_time(tmp_path: Path, mpy: bool) -> None:
    texts = {build(tmp_path / bank, mpy=mpy, bank=bank).text for bank in ("a", "b")}
    moved = copy(tmp_path / "elsewhere", lambda name, text: text)
    assert texts == {manifest(moved, mpy=mpy).text}


@FORMS
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("limits.py", "SLEW_UP_MW_PER_S = const(500)", "SLEW_UP_MW_PER_S = const(499)"),
        ("drivers/laser.py", "PWM_HZ = const(20000)", "PWM_HZ = const(20001)"),
        ("boot.py", "_CHANGE = 4", "_CHANGE = 5"),
        ("main.py", "_SERVICE = 2", "_SERVICE = 3"),
    ],
)
def test_any_changed_file_is_another_firmware(tmp_path: Path, mpy: bool, file: str, old: str, new: str) -> None:
    changed = copy(tmp_path / "firmware", replace(file, old, new))
    assert firmware_sha256(changed, mpy=mpy) != firmware_sha256(mpy=mpy)


def test_source_and_compiled_are_told_apart() -> None:
    assert firmware_sha256(mpy=False) != firmware_sha256(mpy=True)


# Compiled


def test_compiled_files_are_of_the_version_that_micropython_1_26_takes(tmp_path: Path) -> None:
    build(tmp_path, mpy=True)
    compiled = [path.read_bytes() for path in (tmp_path / "a").rglob("*.mpy")]
    assert len(compiled) == len(IN_BANK)
    # "M", version 6, no machine code, which alone would have a sub-version, and integers of 31 bits.
    assert {data[:4] for data in compiled} == {b"M\x06\x00\x1f"}


def test_asserts_are_left_out_and_line_numbers_are_kept(tmp_path: Path) -> None:
    sources = (
        "x = 1\n",
        "x = 1\nassert x, 'never seen'\n",
        "\n\nx = 1\nraise ValueError\n",
        "x = 1\nraise ValueError\n",
    )
    plain, asserted, below, above = (
        compiled_limits(tmp_path / str(i), f'"""Test."""\n{text}') for i, text in enumerate(sources)
    )
    assert b"never seen" not in asserted
    assert abs(len(asserted) - len(plain)) < 4
    assert below != above


def compiled_limits(folder: Path, text: str) -> bytes:
    source = copy(folder, lambda name, old: text if name == "limits.py" else old)
    [file] = [file for file in manifest(source, mpy=True).files if file.name == "limits.mpy"]
    return file.data


def test_source_that_does_not_compile_is_told_by_its_name(tmp_path: Path) -> None:
    broken = copy(tmp_path / "firmware", replace("limits.py", "CYCLE_MS = const(100)", "CYCLE_MS = const(100"))
    with pytest.raises(InputError, match=r"(?s)limits\.py does not compile:.*SyntaxError"):
        build(tmp_path / "flash", source=broken, mpy=True)
    assert not (tmp_path / "flash").exists()


def test_the_compiled_firmware_is_within_its_budget() -> None:
    assert 10_000 < firmware_size() <= SIZE_MAX_BYTES == 80 * 1024


def test_the_size_is_that_of_all_compiled_files(tmp_path: Path) -> None:
    build(tmp_path, mpy=True)
    assert firmware_size() == sum(path.stat().st_size for path in tmp_path.rglob("*.mpy"))


# Boards


def with_another_board(folder: Path) -> Path:
    source = copy(folder, lambda name, text: text)
    (source / "boards").mkdir(exist_ok=True)
    (source / "boards" / "another.py").write_text('"""Another board."""\n')
    return source


def test_another_board_is_another_file_in_the_same_place(tmp_path: Path) -> None:
    source = with_another_board(tmp_path / "firmware")
    built = build(tmp_path / "flash", source=source, board="another")
    assert (tmp_path / "flash" / "board.py").read_text() == '"""Another board."""\n'
    assert {file.name for file in built.files} == {file.name for file in manifest(source).files}
    assert built.sha256 != firmware_sha256(source)
    assert firmware_sha256(source) == firmware_sha256(), "a board that is not taken does not count"


def test_an_unknown_board_is_refused_with_those_that_are(tmp_path: Path) -> None:
    source = with_another_board(tmp_path / "firmware")
    with pytest.raises(InputError, match=r"board toaster: unknown; boards are rpi_pico, .*another"):
        build(tmp_path / "flash", source=source, board="toaster")


@pytest.mark.parametrize("bank", ["c", "", "..", "store"])
def test_an_unknown_bank_is_refused(tmp_path: Path, bank: str) -> None:
    with pytest.raises(InputError, match=r"unknown; banks are a, b"):
        build(tmp_path, bank=bank)
    assert not list(tmp_path.iterdir())


# Laid out again


def test_the_other_bank_and_the_store_stay_and_stale_files_go(tmp_path: Path) -> None:
    build(tmp_path, bank="a")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "record").write_text("kept")
    build(tmp_path, bank="b", mpy=True)
    before = {name: data for name, data in laid_out(tmp_path).items() if name.startswith(("a/", "store/"))}
    build(tmp_path, bank="b")
    files = laid_out(tmp_path)
    assert not [name for name in files if name.endswith(".mpy")]
    assert {name: files[name] for name in before} == before


@pytest.mark.parametrize(("told", "board"), [("rpi-pico", "rpi_pico"), ("esp32-s3", "esp32_s3")])
def test_a_board_may_run_the_sources_or_what_was_compiled_from_them(told: str, board: str) -> None:
    assert set(builds_for(told)) == {firmware_sha256(board=board), firmware_sha256(board=board, mpy=True)}


@pytest.mark.parametrize("told", ["another", "", "../main"])
def test_there_is_no_build_for_a_board_that_nobody_knows(told: str) -> None:
    assert builds_for(told) == ()


def test_what_is_installed_is_what_it_starts_from(tmp_path: Path) -> None:
    built, other = manifest(), manifest(mpy=True)
    assert not is_installed(tmp_path, built)
    built.lay_out(tmp_path, "b")
    assert is_installed(tmp_path, built)
    assert not is_installed(tmp_path, other)
    other.lay_out(tmp_path, "a")
    assert is_installed(tmp_path, other)
    assert not is_installed(tmp_path, built), "it lies in the bank that is not started"


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"c", b"../x"])
def test_nothing_is_installed_where_no_bank_is_named(tmp_path: Path, text: bytes) -> None:
    built = build(tmp_path)
    (tmp_path / "bank.txt").write_bytes(text)
    assert not is_installed(tmp_path, built)


def test_the_folder_of_compiled_python_is_not_firmware(tmp_path: Path) -> None:
    source = copy(tmp_path / "firmware", lambda name, text: text)
    shutil.copytree(FOLDER, source / "__pycache__", ignore=shutil.ignore_patterns("*.py"))
    (source / "__pycache__" / "app.cpython-311.pyc").write_bytes(b"x")
    assert firmware_sha256(source) == firmware_sha256()
