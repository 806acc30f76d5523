"""Which bank is started: after three starts in vain the other, if neither starts the REPL, and always in the dark."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.device import Started, run
from support.firmware import copy

from imilt.firmware import build
from imilt_sim.levels.flash import PowerCut

LEVELS = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]
BOTH_LEVELS = pytest.mark.parametrize("level", LEVELS)
STARTS = 1  # the scratch slot
POWER_ON_MS = 30_000

# What stands in for app.py: each notes that it was started, and in which bank.
NOTE = '''"""Test."""
import machine
import time
import bank

def note(text):
    with open("notes.txt", "a") as file:
        file.write(bank.name() + text + " ")

class App:
    def __init__(self, board, name, service):
        self.board = board

    def run(self):
'''
WAIT = "        while True:\n            time.sleep_ms(1000)\n"
GOOD = NOTE + "        note('!' if bank.reached_standby() else '+')\n" + WAIT
RAISES = NOTE + "        note('')\n        raise RuntimeError('bad')\n"
RESETS = NOTE + "        note('')\n        machine.reset()\n"
HANGS = NOTE + "        note('')\n        self.board.watchdog(500)\n" + WAIT
EXITS = NOTE + "        note('')\n        raise SystemExit\n"
ENDS = NOTE + "        note('')\n"
LIGHTS = (
    NOTE
    + "        note('')\n        self.board.laser.calibrate(((0, 5243), (25000, 65535)))\n"
    + "        self.board.laser.set_mw(5000)\n        raise RuntimeError('bad')\n"
)
BAD = {"raises": RAISES, "resets": RESETS, "hangs": HANGS, "exits": EXITS, "ends": ENDS, "lights": LIGHTS}
BROKEN = {
    "no syntax": "def (\n",
    "no module": '"""Test."""\nimport nothing_of_this_name\n',
    "no App": '"""Test."""\n',
    "another App": '"""Test."""\nclass App:\n    pass\n',
}
WORKS_FOR_A_WHILE = NOTE + "        note('+')\n        bank.reached_standby()\n        raise RuntimeError('bad')\n"


def lay_out(folder: Path, a: str | None, b: str | None = None, start: str = "a") -> Path:
    """A flash whose banks have these as app.py; None: there is no such bank."""
    flash = folder / "flash"
    for name, app in (("a", a), ("b", b)):
        if app:
            text = app  # bound now, for the edit
            source = copy(folder / name, lambda file, old, text=text: text if file == "app.py" else old)
            build(flash, source=source, bank=name)
    (flash / "bank.txt").write_text(start)
    return flash


def notes(flash: Path) -> str:
    """Which banks were started, in order; a ! means that the firmware was told of the change."""
    path = flash / "notes.txt"
    return path.read_text().strip() if path.exists() else ""


def named(flash: Path) -> str:
    return (flash / "bank.txt").read_text().strip()


def scratch(device: Any) -> int:
    """What the scratch slot holds after all."""
    return device._import("board").scratch_read(STARTS)


@BOTH_LEVELS
@pytest.mark.parametrize("start", ["a", "b"])
def test_a_bank_that_starts_is_kept(tmp_path: Path, level: str, start: str) -> None:
    flash = lay_out(tmp_path, GOOD, GOOD, start)
    for _ in range(5):
        run(flash, 2000, level)
    assert notes(flash) == " ".join([f"{start}+"] * 5)
    assert named(flash) == start


@BOTH_LEVELS
@pytest.mark.parametrize("kind", BAD)
def test_after_three_starts_in_vain_the_other_bank_is_started(tmp_path: Path, level: str, kind: str) -> None:
    flash = lay_out(tmp_path, BAD[kind], GOOD)
    run(flash, POWER_ON_MS, level)
    assert notes(flash) == "a a a b!"
    assert named(flash) == "b"


@BOTH_LEVELS
@pytest.mark.parametrize("kind", BROKEN)
def test_a_bank_that_cannot_be_imported_is_left_too(tmp_path: Path, level: str, kind: str) -> None:
    flash = lay_out(tmp_path, GOOD, BROKEN[kind], start="b")
    run(flash, POWER_ON_MS, level)
    assert notes(flash) == "a!"
    assert named(flash) == "a"


@BOTH_LEVELS
def test_a_bank_that_is_named_and_not_there_is_left_too(tmp_path: Path, level: str) -> None:
    flash = lay_out(tmp_path, None, GOOD, start="a")
    run(flash, POWER_ON_MS, level)
    assert notes(flash) == "b!"


@BOTH_LEVELS
def test_the_change_lasts_and_is_told_once(tmp_path: Path, level: str) -> None:
    flash = lay_out(tmp_path, RAISES, GOOD)
    run(flash, POWER_ON_MS, level)
    run(flash, POWER_ON_MS, level)
    assert notes(flash) == "a a a b! b+"


@BOTH_LEVELS
@pytest.mark.parametrize("kind", ["raises", "hangs", "ends"])
def test_if_neither_starts_it_stays_at_the_repl(
    tmp_path: Path, level: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    flash = lay_out(tmp_path, BAD[kind], BAD[kind])
    device = run(flash, POWER_ON_MS, level)
    assert notes(flash) == "a a a b b b"
    assert "no bank starts: flash the device" in capfd.readouterr().err
    assert device.board.pwm_cc == 0


@BOTH_LEVELS
@pytest.mark.parametrize("without", ["the bank", "its manifest"])
def test_without_another_bank_it_stays_at_the_repl(
    tmp_path: Path, level: str, without: str, capfd: pytest.CaptureFixture[str]
) -> None:
    flash = lay_out(tmp_path, RAISES, None if without == "the bank" else GOOD)
    (flash / "b" / "manifest.txt").unlink(missing_ok=True)
    run(flash, POWER_ON_MS, level)
    assert notes(flash) == "a a a"
    assert named(flash) == "a"
    assert "no bank starts: flash the device" in capfd.readouterr().err


def test_after_the_repl_a_reset_by_hand_tries_both_again(tmp_path: Path) -> None:
    flash = lay_out(tmp_path, RAISES, RAISES)
    device = Started(flash)
    starts = [start(device) for _ in range(14)]
    assert starts == ["reset"] * 6 + ["no bank starts: flash the device"] + ["reset"] * 6 + [starts[6]]
    assert notes(flash) == "a a a b b b b b b a a a"


def test_flashed_anew_at_the_repl_it_starts(tmp_path: Path) -> None:
    flash = lay_out(tmp_path, RAISES, RAISES)
    device = Started(flash)
    while start(device) == "reset":
        pass
    (tmp_path / "new").mkdir()
    build(flash, source=copy(tmp_path / "new" / "firmware", lambda file, old: RESETS if file == "app.py" else old))
    assert start(device) == "reset"
    assert notes(flash) == "a a a b b b a"


def start(device: Started) -> str:
    """Boot and, if that goes well, run main; how it ended."""
    vboard: Any = device._modules["vboard"]
    device.board.thaw()
    try:
        device.boot()
    except RuntimeError as error:
        return str(error)
    with pytest.raises(vboard.Reset):
        device._load_afresh("main")
    return "reset"


# What counts as a start in vain


@BOTH_LEVELS
def test_a_firmware_that_fails_after_it_reached_standby_is_kept(tmp_path: Path, level: str) -> None:
    flash = lay_out(tmp_path, WORKS_FOR_A_WHILE, GOOD)
    run(flash, 5000, level)
    assert set(notes(flash).split()) == {"a+"}
    assert len(notes(flash).split()) > 10


def test_two_starts_in_vain_are_forgotten_when_it_runs(tmp_path: Path) -> None:
    flash = lay_out(tmp_path, RESETS, GOOD)
    device = Started(flash)
    for _ in range(10):
        assert [start(device), start(device)] == ["reset"] * 2
        assert scratch(device) == 2
        device.board.thaw()
        assert not device.load("bank").reached_standby()
        assert scratch(device) == 0
    assert set(notes(flash).split()) == {"a"}


def test_a_power_cut_forgets_the_starts_in_vain(tmp_path: Path) -> None:
    flash = lay_out(tmp_path, RESETS, GOOD)
    for _ in range(5):
        device = Started(flash)
        assert [start(device), start(device)] == ["reset"] * 2
    assert set(notes(flash).split()) == {"a"}


@pytest.mark.parametrize("starts", [0, 1, 2, 4, 5, 6])
def test_boot_alone_counts_nothing(tmp_path: Path, starts: int) -> None:
    """A tool at the raw REPL restarts the interpreter, which runs boot.py and not main.py."""
    device = Started(lay_out(tmp_path, GOOD, GOOD))
    device.load("board").scratch_write(STARTS, starts)
    for _ in range(10):
        device.boot()
        assert device.path[0] == "a"
        assert scratch(device) == starts


@pytest.mark.parametrize("value", [7, 8, 100, (1 << 30) - 1])
def test_a_scratch_slot_that_makes_no_sense_ends_at_the_repl_once(tmp_path: Path, value: int) -> None:
    device = Started(lay_out(tmp_path, GOOD, GOOD))
    device.load("board").scratch_write(STARTS, value)
    with pytest.raises(RuntimeError, match="flash the device"):
        device.boot()
    device.boot()
    assert (device.path[0], scratch(device)) == ("a", 0)


# bank.txt


@pytest.mark.parametrize(
    ("text", "bank"),
    [
        (b"a", "a"),
        (b"b", "b"),
        (b"b\n", "b"),
        (b"a\r\n", "a"),
        (b"", "a"),
        (b"c", "a"),
        (b"B", "a"),
        (b"ab", "a"),
        (b"bb", "a"),
        (b"\xff\xfe\x00", "a"),
        (b"b" * 100_000, "a"),
        (b"\x00" * 4096, "a"),
        (None, "a"),
    ],
)
def test_a_garbled_bank_txt_names_the_first_bank(tmp_path: Path, text: bytes | None, bank: str) -> None:
    flash = lay_out(tmp_path, GOOD, GOOD)
    (flash / "bank.txt").unlink()
    if text is not None:
        (flash / "bank.txt").write_bytes(text)
    device = Started(flash)
    device.boot()
    assert device.path[0] == bank


@BOTH_LEVELS
@pytest.mark.parametrize("spoil", ["missing", "empty", "garbled", "a folder"])
def test_the_device_starts_with_a_bank_txt_that_cannot_be_read(tmp_path: Path, level: str, spoil: str) -> None:
    flash = lay_out(tmp_path, GOOD, GOOD)
    path = flash / "bank.txt"
    path.unlink()
    if spoil == "a folder":
        path.mkdir()
    elif spoil != "missing":
        path.write_bytes(b"" if spoil == "empty" else b"\xff\x00\xfe")
    run(flash, 2000, level)
    assert notes(flash) == "a+"


@pytest.mark.parametrize("powered_for", range(4))
@pytest.mark.parametrize("before", ["a", "b"])
def test_the_power_may_go_at_any_moment_of_the_change(tmp_path: Path, before: str, powered_for: int) -> None:
    """After it, bank.txt names the old bank or the new one, and the device comes to start from the good one."""
    after = "b" if before == "a" else "a"
    apps = {before: RAISES, after: GOOD}
    flash = lay_out(tmp_path, apps["a"], apps["b"], before)
    device = Started(flash)
    for _ in range(3):
        assert start(device) == "reset"
    device.board.thaw()
    device.flash.changes_left = powered_for
    if powered_for < 3:
        with pytest.raises(PowerCut):
            device.boot()
    else:
        device.boot()
    assert named(flash) == (before if powered_for < 3 else after)
    run(flash, POWER_ON_MS)
    again = f"{before} {before} {before} {after}!" if powered_for < 3 else f"{after}+"
    assert notes(flash) == f"{before} {before} {before} {again}"
    assert named(flash) == after


def test_a_flash_that_takes_no_change_ends_at_the_repl(tmp_path: Path) -> None:
    flash = lay_out(tmp_path, RAISES, GOOD)
    device = Started(flash)
    for _ in range(3):
        start(device)

    def full(old: str, new: str) -> None:
        raise OSError(28)

    device.load("os").rename = full
    device.board.thaw()
    device.board.pwm_cc, device.board.enable_level = 3000, 1
    with pytest.raises(OSError, match="28"):
        device.boot()
    assert (device.board.pwm_cc, device.board.enable_level) == (0, 0)
    assert scratch(device) == 0


# Dark first


class Recorder:
    """Notes in which order boot.py does what; `fails` is what raises."""

    def __init__(self, fails: str, error: BaseException) -> None:
        self.did: list[str] = []
        self._fails = fails
        self._error = error

    def act(self, name: str, result: Any = None) -> Any:
        self.did.append(name)
        if name == self._fails:
            raise self._error
        return result

    def modules(self) -> dict[str, Any]:
        board = SimpleNamespace(
            dark=lambda: self.act("dark"),
            scratch_read=lambda slot: self.act("scratch_read", 3),
            scratch_write=lambda slot, value: self.act("scratch_write"),
        )
        calls: dict[str, Callable[..., Any]] = {
            "stat": lambda path: self.act("stat"),
            "rename": lambda old, new: self.act("rename"),
        }
        return {"board": board, "os": SimpleNamespace(**calls)}


@pytest.mark.parametrize("error", [RuntimeError("x"), MemoryError(), OSError(5), KeyboardInterrupt()])
@pytest.mark.parametrize("fails", ["nothing", "scratch_read", "open", "scratch_write", "stat", "rename"])
def test_whatever_fails_in_boot_it_was_dark_before(tmp_path: Path, fails: str, error: BaseException) -> None:
    flash = lay_out(tmp_path, GOOD, GOOD)
    recorder = Recorder(fails, error)
    device = Started(flash, recorder.modules())
    opened = device.flash.open
    device._builtins["open"] = lambda name, mode: (recorder.act("open"), opened(name, mode))[1]
    with contextlib.suppress(RuntimeError, MemoryError, OSError, KeyboardInterrupt):
        device.boot()
    assert recorder.did[0] == "dark"
    assert fails in (*recorder.did, "nothing")
