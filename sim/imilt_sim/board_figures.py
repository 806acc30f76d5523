"""`make board-figures`: what the firmware costs on the emulated board, into docs/board-figures.md."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from imilt.firmware import SIZE_MAX_BYTES, firmware_size, manifest
from imilt_sim.levels.rp2040 import Device
from imilt_sim.on_board import OnBoard
from imilt_sim.pico import filesystem, image
from imilt_sim.pico.chip import CYCLES_PER_MS, NS_PER_MS, Chip
from imilt_sim.pico.usb import UsbHost

CYCLES = 600
CYCLE_MS = 100
_HEAP = """
import gc
import board
from app import App
app = App(board.Board(), board.NAME, False)
gc.collect()
print("free", gc.mem_free(), "used", gc.mem_alloc(), ".")
"""


class Cycles(NamedTuple):
    """Of so many cycles in a row: time spent on instructions, µs, and from one begin to the next, ms."""

    busy_us: list[float]
    period_ms: list[float]

    @property
    def late(self) -> int:
        """Cycles that began more than 5 ms off their time."""
        return sum(abs(period - CYCLE_MS) > 5.0 for period in self.period_ms)


def watched(board: OnBoard, cycles: int, reading: bool = True) -> Cycles:
    """The next cycles; without `reading`, the host leaves what the board sends where it is."""
    looks: list[tuple[float, int]] = []
    inputs = board.device._inputs
    look = inputs._on_look

    def noted() -> None:
        looks.append((board.chip.now_ns, board.chip.busy_cycles))
        look()

    inputs._on_look = noted
    board.device.usb.reading = reading
    while len(looks) <= cycles:
        board.device.step()
    inputs._on_look = look
    board.device.usb.reading = True
    pairs = list(itertools.pairwise(looks))
    return Cycles(
        [(after[1] - before[1]) / CYCLES_PER_MS * 1000 for before, after in pairs],
        [(after[0] - before[0]) / NS_PER_MS for before, after in pairs],
    )


def first_cycle_ms(device: Device) -> float:
    """From power-up to the first cycle."""
    return device._looked_ns / NS_PER_MS


def heap() -> tuple[int, int]:
    """Free and used bytes with everything loaded, after a collection."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        manifest(mpy=True).lay_out(root)
        (root / "main.py").write_text(_HEAP)
        chip = Chip(image.get(), filesystem.from_folder(root))
    heard = bytearray()
    usb = UsbHost(chip, heard.extend)
    assert usb.reading
    while b" ." not in heard:
        chip.run_to(chip.now_ns + 100 * NS_PER_MS)
        if chip.now_ns > 10_000 * NS_PER_MS:
            raise TimeoutError(f"the board did not tell its heap: {heard.decode(errors='replace')[-300:]}")
    words = heard.decode().split()
    return int(words[words.index("free") + 1]), int(words[words.index("used") + 1])


def measure() -> list[tuple[str, str, str]]:
    """Figure, value and goal."""
    with tempfile.TemporaryDirectory() as folder, OnBoard(Path(folder)) as board:
        board.reach("heating")
        boot_ms = first_cycle_ms(board.device)
        heating = watched(board, CYCLES)
        deaf = watched(board, 50, reading=False)
    free, used = heap()
    size = firmware_size()
    return [
        ("power-up to the first cycle", f"{boot_ms / 1000:.2f} s", "2 s"),
        *_of("busy in a cycle, while heating", heating.busy_us),
        ("cycles more than 5 ms off their time", f"{heating.late} of {len(heating.period_ms)}", "0"),
        ("the same with a host that takes nothing", f"{deaf.late} of {len(deaf.period_ms)}", "0"),
        ("heap free with everything loaded", f"{free / 1024:.0f} KiB", "100 KiB"),
        ("heap used", f"{used / 1024:.0f} KiB", ""),
        ("compiled firmware", f"{size / 1024:.1f} KiB", f"{SIZE_MAX_BYTES / 1024:g} KiB"),
    ]


def _of(name: str, values_us: list[float]) -> list[tuple[str, str, str]]:
    told = (min(values_us), statistics.median(values_us), max(values_us))
    return [(f"{name}: least, median, most", ", ".join(f"{value / 1000:.1f}" for value in told) + " ms", "4 ms")]
