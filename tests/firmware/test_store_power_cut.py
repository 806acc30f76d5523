"""Power that goes in the middle of a save: the firmware's store on littlefs in MicroPython's VM, on flash in memory.

At every erased sector and every programmed page of a save, done to every part in turn: afterwards the file system
mounts, and the store holds the old or the new content, whole.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import flash
from support.firmware import FOLDER
from support.sim import require_vm

from imilt_sim.levels.micropython import vm_path

SUPPORT = Path(flash.__file__).parent
EVERY_PART = list(range(flash.PARTS))
SOME_PARTS = [0, 4, 10, 12]

CUTS: dict[str, dict[str, Any]] = {
    "first saves": {"entries": 10, "count": 5, "parts": EVERY_PART},
    "until the log is compacted": {"entries": 10, "saves": 5, "count": 15, "parts": [4, 10]},
    "empty journal": {"entries": 0, "count": 4, "parts": EVERY_PART},
    "full journal": {"entries": 100, "count": 3, "parts": EVERY_PART},
    "small pages": {"entries": 10, "count": 4, "progsize": 32, "parts": EVERY_PART},
    "blocks that move": {"entries": 10, "saves": 105, "count": 5, "parts": [4, 10]},
    "the root that moves": {"entries": 10, "saves": 1596, "count": 2, "parts": SOME_PARTS},
}


def tried(scenario: dict[str, Any], first: Path | None = None) -> dict[str, Any]:
    """The result of a scenario, see support/flash_vm.py; a store.py in the folder `first` is taken instead."""
    require_vm()
    folders = [str(folder) for folder in (first, FOLDER, SUPPORT) if folder]
    scenario = {"saves": 0, "progsize": 256, "blocks": 24, "mode": "cut"} | scenario
    command = [vm_path(), "-X", "heapsize=16m", str(SUPPORT / "flash_vm.py"), json.dumps(scenario)]
    environment = {"MICROPYPATH": ":".join(folders)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.micropython
@pytest.mark.parametrize("name", CUTS)
def test_a_cut_at_any_step_leaves_the_old_or_the_new_content(name: str) -> None:
    scenario = CUTS[name]
    result = tried(scenario)
    steps = sum(len(each) for each in result["steps"])
    print(f"{name}: {steps} steps x {len(scenario['parts'])} parts, {result['cut twice']} cut twice: {result['steps']}")
    assert result["failures"] == []
    assert result["overwrites"] == 0
    assert result["trials"] == steps * len(scenario["parts"]) + result["cut twice"]
    assert result["old"] + result["new"] == steps * len(scenario["parts"])
    assert min(result["old"], result["new"], result["cut twice"]) > 0
    assert len(result["steps"]) == scenario["count"]


@pytest.mark.micropython
def test_the_scenarios_reach_what_their_names_say() -> None:
    """By what is erased after the data: the directory's log, then blocks that are worn out, then the root's."""
    compacted = tried({"entries": 10, "saves": 5, "count": 15, "parts": []})["steps"]
    assert any("e" in steps[1:] for steps in compacted)
    moved = tried({"entries": 10, "saves": 105, "count": 5, "parts": []})["steps"]
    assert any(steps[1:].count("e") == 2 for steps in moved)
    sizes = [len(tried({"entries": entries, "count": 1, "parts": []})["steps"][0]) for entries in (0, 40, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.micropython
@pytest.mark.parametrize("mode", ["fail once", "fail on"])
@pytest.mark.parametrize("entries", [10, 100])
def test_an_error_at_any_step_loses_nothing(mode: str, entries: int) -> None:
    result = tried({"mode": mode, "entries": entries, "count": 6})
    assert result["failures"] == []
    assert result["trials"] == result["old"] + result["new"] == sum(len(each) for each in result["steps"])
    # An error that stays keeps the old content, one that passes only makes the save be tried again.
    assert result["old" if mode == "fail on" else "new"] == result["trials"]


@pytest.mark.micropython
@pytest.mark.parametrize("entries", [10, 100])
def test_a_full_flash_loses_nothing(entries: int) -> None:
    result = tried({"mode": "full", "entries": entries, "count": 6})
    assert result["failures"] == []
    assert result["old"] == result["trials"] == 6


UNSAFE = {
    "writes a bank in two goes": (
        "file.write(line)\n",
        'file.write(line)\n        with open(self._paths[bank], "ab") as file:\n',
    ),
    "removes a bank first": (
        'with open(self._paths[bank], "wb")',
        'self._generation > 1 and os.remove(self._paths[bank])\n        with open(self._paths[bank], "wb")',
    ),
    "writes over the newest": ("self._write(1 - self._bank)", "self._write(self._bank)"),
    "takes a cut first save for damage": ("found[0] not in (_MISSING, _EMPTY)", "found[0] != _MISSING"),
    "believes an empty bank": ("if not data:\n        return _EMPTY", "if not data:\n        return 1 << 20"),
    "forgets what was not saved": ("if not problem:\n            self._bank", "if True:\n            self._bank"),
}


@pytest.mark.micropython
@pytest.mark.parametrize("name", UNSAFE)
def test_a_store_that_is_not_safe_is_found(name: str, tmp_path: Path) -> None:
    old, new = UNSAFE[name]
    text = (FOLDER / "store.py").read_text()
    assert text.count(old) == 1
    (tmp_path / "store.py").write_text(text.replace(old, new))
    found = tried({"entries": 10, "count": 4, "parts": [0, 4]}, tmp_path)["failures"]
    found += tried({"entries": 10, "count": 4, "mode": "fail once"}, tmp_path)["failures"]
    assert found


def differing(a: bytes, b: bytes) -> int:
    return sum((x ^ y).bit_count() for x, y in zip(a, b, strict=True))


@given(st.binary(min_size=1, max_size=300), st.sampled_from(EVERY_PART), st.data())
def test_a_torn_page_lies_between_before_and_after(before: bytes, part: int, data: st.DataObject) -> None:
    """Every bit is as it was or as it was to be; and programming only cleared some."""
    wanted = flash.both(before, data.draw(st.binary(min_size=len(before), max_size=len(before))))
    left = flash.torn("p", before, wanted, part)
    assert all((x ^ y) & ~(x ^ z) & 255 == 0 for x, y, z in zip(before, left, wanted, strict=True))
    assert flash.both(before, left) == left
    if part in (0, 8):
        assert left == (before, wanted)[part // 8]


def test_erasing_sets_and_programming_clears() -> None:
    chip = flash.Flash(bytearray(2 * flash.SECTOR))
    assert chip.ioctl(4, 0) == 2
    assert chip.ioctl(5, 0) == flash.SECTOR
    assert chip.ioctl(6, 1) == 0
    assert chip.image == bytes(flash.SECTOR) + b"\xff" * flash.SECTOR
    assert chip.writeblocks(1, b"\x0f" * 300, 100) == 0
    assert chip.writeblocks(1, b"\xf0" * 100, 100) == 0
    read = bytearray(300)
    assert chip.readblocks(1, read, 100) == 0
    assert read == bytes(100) + b"\x0f" * 200
    assert "".join(chip.steps) == "eppp"
    assert chip.overwrites == 1


@pytest.mark.parametrize("part", EVERY_PART)
def test_after_a_cut_nothing_changes_and_nothing_answers(part: int) -> None:
    chip = flash.Flash(bytearray(b"\x55" * flash.SECTOR), cut=2, part=part)
    assert chip.ioctl(6, 0) == 0
    assert chip.writeblocks(0, bytes(512), 0) == -flash.EIO
    left = bytes(chip.image)
    assert 0 <= differing(left, b"\xff" * flash.SECTOR) <= 256 * 8
    assert left[256:] == b"\xff" * (flash.SECTOR - 256)
    assert chip.ioctl(6, 0) == chip.writeblocks(0, bytes(1), 0) == chip.readblocks(0, bytearray(1)) == -flash.EIO
    assert chip.image == left


@pytest.mark.parametrize(("fail_on", "answers"), [(False, [0, -5, 0]), (True, [0, -5, -5])])
def test_an_error_changes_nothing_and_reading_goes_on(fail_on: bool, answers: list[int]) -> None:
    chip = flash.Flash(bytearray(b"\xff" * flash.SECTOR), fail=2, fail_on=fail_on)
    assert [chip.writeblocks(0, bytes(16), 16 * i) for i in range(3)] == answers
    assert [chip.image[16 * i] == 0 for i in range(3)] == [answer == 0 for answer in answers]
    assert chip.readblocks(0, bytearray(16)) == 0
