"""Level rp2040: its image, its file system, and that the emulator still does what the level relies on."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt.errors import InputError
from imilt_sim.conformance import first_difference
from imilt_sim.pico import filesystem, image
from imilt_sim.pico.chip import CYCLES_PER_MS, NS_PER_MS, Chip
from imilt_sim.pico.usb import UsbHost


@pytest.mark.rp2040
@pytest.mark.skipif(not image.find(), reason=image.missing())
def test_a_board_that_sleeps_is_idle_and_its_usb_is_quiet(tmp_path: Path) -> None:
    """The stock emulator answers for an empty host every 10 µs; then the CPU never sleeps."""
    (tmp_path / "main.py").write_text("import time\ntime.sleep_ms(500)\nprint('here')\ntime.sleep_ms(60000)\n")
    heard = bytearray()
    chip = Chip(image.get(), filesystem.from_folder(tmp_path))
    usb = UsbHost(chip, heard.extend)
    while b"here" not in heard:
        chip.run_to(chip.now_ns + 20 * NS_PER_MS)
        assert chip.now_ns < 2000 * NS_PER_MS
    chip.run_to(chip.now_ns + 20 * NS_PER_MS)
    before = chip.busy_cycles
    chip.run_to(chip.now_ns + 1000 * NS_PER_MS)
    assert usb.connected
    assert chip.busy_cycles - before < 50 * CYCLES_PER_MS


def test_files_go_into_the_flash_and_come_back(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    (one / "a" / "b").mkdir(parents=True)
    (one / "a" / "b" / "c.mpy").write_bytes(bytes(range(256)) * 40)
    (one / "boot.py").write_text("pass\n")
    (other / "stale").mkdir(parents=True)
    (other / "stale" / "file").write_text("x")
    filesystem.into_folder(filesystem.from_folder(one), other)
    names = sorted(path.relative_to(other).as_posix() for path in other.rglob("*"))
    assert names == ["a", "a/b", "a/b/c.mpy", "boot.py"]
    assert (other / "a" / "b" / "c.mpy").read_bytes() == bytes(range(256)) * 40


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(filesystem.SIZE))
    with pytest.raises(InputError, match="does not fit into the board's 1408 KiB"):
        filesystem.from_folder(tmp_path)


def test_an_image_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(image.VARIABLE, str(tmp_path / "none.uf2"))
    with pytest.raises(InputError, match="there is no such file"):
        image.get()


def test_a_cached_image_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(image.VARIABLE, raising=False)
    monkeypatch.setattr(image, "cached", lambda: tmp_path / image.NAME)
    assert image.find() is None
    (tmp_path / image.NAME).write_bytes(b"other")
    with pytest.raises(InputError, match="is not the official release"):
        image.find()


def test_the_first_difference_is_told_by_cycle_and_column(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("cycle,state,fault\n0,1,2\n1,1,2\n")
    other.write_text("cycle,state,fault\n0,1,2\n1,1,3\n")
    assert first_difference(one, one) == ""
    assert first_difference(one, other) == "cycle 1, column fault: 2 and 3"
