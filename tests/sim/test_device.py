"""A virtual device and its flash: what is laid out there, what the firmware finds and keeps, on either level."""

from __future__ import annotations

import gc
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sim.simulations import BOTH_LEVELS, simulate
from support.device import Started
from support.firmware import FOLDER, copy, replace

from imilt.errors import InputError
from imilt.firmware import build, firmware_sha256, manifest
from imilt_sim import levels

DO = '''"""Test: does something once and writes what came of it."""
import binascii
import gc
import hashlib
import json
import os
import struct
import sys
import time

class App:
    def __init__(self, board, name, service):
        pass

    def run(self):
        told = {}
        try:
            self.do(told)
        except Exception as error:
            told["error"] = repr(error)
        with open("told.json", "w") as file:
            json.dump(told, file)
        while True:
            time.sleep_ms(1000)

    def do(self, told):
'''


def tell(folder: Path, level: str, do: str, flash: Path | None = None, mpy: bool = False) -> dict[str, Any]:
    """What a firmware that does this, told in lines that fill the dict `told`, has to say."""
    folder.mkdir(exist_ok=True)
    app = DO + "".join(f"        {line}\n" for line in do.splitlines())
    flash = flash or folder / "flash"
    flash.mkdir(exist_ok=True)
    source = copy(Path(tempfile.mkdtemp(dir=folder)) / "firmware", lambda n, text: app if n == "app.py" else text)
    power(level, source, flash, mpy)
    return json.loads((flash / "told.json").read_text())


def power(level: str, source: Path | None, flash: Path | None, mpy: bool = False) -> Any:
    def exchange(board: Any) -> None:
        board.now_ms = board.target_ms
        if board.now_ms > 1000:
            device.power_off()

    device: Any = levels.device(level, exchange, source, flash, mpy=mpy)
    device.run()
    return device


def blocks(folder: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())


# What the firmware sees


@BOTH_LEVELS
def test_the_firmware_keeps_files_in_its_flash(tmp_path: Path, level: str) -> None:
    told = tell(
        tmp_path,
        level,
        "os.mkdir('store')\n"
        "with open('store/one', 'wb') as file: file.write(b'12345')\n"
        "os.rename('store/one', 'store/two')\n"
        "with open('store/three', 'w') as file: file.write('x')\n"
        "os.sync()\n"
        "os.remove('store/three')\n"
        "told['size'] = os.stat('store/two')[6]\n"
        "told['folder'] = os.stat('store')[0] & 0x4000 != 0\n"
        "told['files'] = sorted(os.listdir('store'))\n"
        "told['root'] = sorted(os.listdir())\n"
        "told['blocks'] = os.statvfs('/')[2:4]\n"
        "told['text'] = open('store/two').read()\n",
    )
    assert told == {
        "size": 5,
        "folder": True,
        "files": ["two"],
        "root": ["a", "bank.txt", "board.py", "boot.py", "main.py", "store"],
        "blocks": [352, 352 - blocks(tmp_path / "flash") + 1],  # the answer itself came after
        "text": "12345",
    }
    assert (tmp_path / "flash" / "store" / "two").read_bytes() == b"12345"


@BOTH_LEVELS
def test_what_it_kept_is_there_at_the_next_power_on(tmp_path: Path, level: str) -> None:
    tell(tmp_path, level, "with open('kept', 'w') as file: file.write('kept')")
    assert tell(tmp_path, level, "told['kept'] = open('kept').read()") == {"kept": "kept"}


@BOTH_LEVELS
def test_the_bank_is_searched_first(tmp_path: Path, level: str) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    (flash / "limits.py").write_text("CYCLE_MS = 0\n")
    (flash / "extra.py").write_text("HERE = 'root'\n")
    do = (
        "import extra\n"
        "import limits\n"
        "told['extra'] = extra.HERE\n"
        "told['cycle'] = limits.CYCLE_MS\n"
        "told['path'] = sys.path[:3]\n"
    )
    told = tell(tmp_path, level, do, flash)
    assert (told["extra"], told["cycle"]) == ("root", 100)
    assert told["path"] == ["a", "", ".frozen"]


@BOTH_LEVELS
def test_the_library_is_the_interpreters(tmp_path: Path, level: str) -> None:
    told = tell(
        tmp_path,
        level,
        "told['sha'] = binascii.hexlify(hashlib.sha256(b'x').digest()).decode()\n"
        "told['packed'] = list(struct.pack('<HB', 513, 3))\n"
        "gc.collect()\n"
        "told['free'] = gc.mem_free() > 0 and gc.mem_alloc() > 0\n",
    )
    assert told["sha"].startswith("2d711642b726b044")
    assert (told["packed"], told["free"]) == ([1, 2, 3], True)


@pytest.mark.parametrize("name", ["/etc/hostname", "../../outside", "/../outside"])
def test_on_cpython_nothing_leads_out_of_the_flash(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_text("outside")
    told = tell(tmp_path / "inside", "cpython", f"told['text'] = open({name!r}).read()")
    assert "No such file" in told["error"]


def test_a_package_comes_from_one_folder_only(tmp_path: Path) -> None:
    """As on the board: a second `drivers` further down the path does not complete the first."""
    build(tmp_path)
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "only_here.py").write_text('"""Test."""\n')
    device = Started(tmp_path)
    device.boot()
    device.load("drivers.laser")
    with pytest.raises(ImportError):
        device.load("drivers.only_here")


def test_a_reset_forgets_what_was_put_on_the_path(tmp_path: Path) -> None:
    build(tmp_path)
    device = Started(tmp_path)
    for _ in range(3):
        device.boot()
        assert device.load("sys").path == ["a", "", ".frozen", "/lib"]


# What is laid out


def written(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@BOTH_LEVELS
def test_what_lies_there_already_is_not_written_again(tmp_path: Path, level: str) -> None:
    power(level, FOLDER, tmp_path)
    before = written(tmp_path)
    power(level, FOLDER, tmp_path)
    assert before.items() <= written(tmp_path).items()


@BOTH_LEVELS
def test_another_firmware_is_laid_out_and_the_store_stays(tmp_path: Path, level: str) -> None:
    flash = tmp_path / "flash"
    flash.mkdir()
    power(level, FOLDER, flash)
    (flash / "store").mkdir(exist_ok=True)
    (flash / "store" / "mine").write_text("kept")
    other = copy(tmp_path / "other", replace("limits.py", "# Control\n", "# Control, as ever\n"))
    power(level, other, flash)
    assert (flash / "a" / "manifest.txt").read_bytes() == manifest(other).text
    assert (flash / "store" / "mine").read_text() == "kept"


def test_without_a_folder_the_flash_is_started_as_it_is(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "a" / "limits.py").write_text("broken\n")
    before = written(tmp_path)
    power("cpython", None, tmp_path)
    assert before.items() <= written(tmp_path).items()


@pytest.fixture
def own_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@BOTH_LEVELS
def test_without_a_flash_nothing_is_left(own_tmp: Path, level: str) -> None:
    device = power(level, FOLDER, None)
    assert len(os.listdir(own_tmp)) == 1
    del device
    gc.collect()
    assert not os.listdir(own_tmp)


def test_firmware_that_cannot_be_laid_out_leaves_nothing(
    own_tmp: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = copy(tmp_path_factory.mktemp("broken") / "firmware", replace("dose.py", "class Dose", "class 1"))
    with pytest.raises(InputError, match=r"dose\.py does not compile"):
        levels.device("micropython", lambda board: None, broken, mpy=True)
    assert not os.listdir(own_tmp)


def test_the_source_tree_is_never_written_to(tmp_path: Path) -> None:
    source = copy(tmp_path / "firmware", lambda name, text: text)
    before = written(source)
    simulate(tmp_path, firmware=source)
    assert written(source) == before


def test_tracebacks_name_the_source(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    app = DO + "        pass\n    def run(self):\n        raise RuntimeError('seen')\n"
    source = copy(tmp_path / "firmware", lambda name, text: app if name == "app.py" else text)
    power("cpython", source, None)
    err = capfd.readouterr().err
    assert re.search(rf'File "{re.escape(str(source))}/app.py", line \d+, in run', err)


# Compiled


@pytest.mark.micropython
def test_a_whole_treatment_runs_compiled(tmp_path: Path) -> None:
    """The same trace as from source, and the device tells the manifest of the compiled files."""
    flash = tmp_path / "flash"
    flash.mkdir()
    compiled = simulate(tmp_path, "compiled", level="micropython", mpy=True, flash=flash)
    source = simulate(tmp_path, "source", level="micropython")
    assert (flash / "a" / "app.mpy").exists()
    assert not list((flash / "a").rglob("*.py"))
    assert compiled["end_reason"] == "complete"
    assert compiled["trace_sha256"] == source["trace_sha256"]
    assert compiled["firmware_sha256"] == firmware_sha256(mpy=True) != source["firmware_sha256"] == firmware_sha256()


@pytest.mark.micropython
def test_compiled_code_has_no_asserts_and_knows_its_lines(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    do = "assert False\ntry:\n    int('x')\nexcept ValueError as error:\n    sys.print_exception(error)"
    assert tell(tmp_path, "micropython", do, mpy=True) == {}
    assert re.search(r'File "app\.py", line \d+, in do', capfd.readouterr().err)


def test_cpython_runs_no_compiled_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"take --level micropython"):
        levels.device("cpython", lambda board: None, FOLDER, tmp_path, mpy=True)
    assert not list(tmp_path.iterdir())
