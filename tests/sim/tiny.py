"""Small firmwares on a level, without a world: time passes, and a test's script changes inputs at its milliseconds."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.boards import StandIns

from imilt_sim.levels import device

_VBOARD = StandIns().module("vboard")
BOOT_MS, SOFT_BOOT_MS, NEVER = _VBOARD.BOOT_MS, _VBOARD.SOFT_BOOT_MS, _VBOARD.NEVER

DARK_BOOT = """
from machine import Pin
for number in (2, 3, 4, 5, 13, 14, 15):
    Pin(number, Pin.OUT, value=0)
"""
SAY = """
import machine, micropython, sys, time
from machine import PWM, Pin, WDT

def say(text):
    sys.stdout.buffer.write(text.encode() + b"\\n")
"""


class Tiny:
    """A boot.py and a main.py. Times are milliseconds since main.py first began; `outputs` and `compare` tell every
    change of the output mask and of the laser PWM's compare value, `edges` those of the enable line."""

    def __init__(self, folder: Path, level: str, main: str, boot: str = DARK_BOOT) -> None:
        files = folder / "tiny"
        files.mkdir()
        (files / "boot.py").write_text(boot)
        (files / "main.py").write_text(SAY + main)
        self.sent = bytearray()
        self.outputs: list[tuple[int, int]] = []
        self.compare: list[tuple[int, int]] = []
        self.edges: list[int] = []
        self._events: list[tuple[int, int, Callable[[Any], None]]] = []
        self._order = itertools.count()
        self._device = device(level, self._exchange, None, files)

    def at(self, ms: int, action: Callable[[Any], None]) -> None:
        heapq.heappush(self._events, (ms + BOOT_MS, next(self._order), action))

    def send(self, ms: int, data: bytes) -> None:
        def give(board: Any) -> None:
            board.rx = board.rx[board.rx_at :] + data
            board.rx_at = 0

        self.at(ms, give)

    def set(self, ms: int, **inputs: int) -> None:
        """Set what the board sees of the world."""

        def give(board: Any) -> None:
            for name, value in inputs.items():
                assert hasattr(board, name)
                setattr(board, name, value)

        self.at(ms, give)

    def run(self, until_ms: int) -> list[str]:
        """Returns the lines that were sent."""
        self.at(until_ms, lambda board: self._device.power_off())
        self._device.run()
        return self.lines

    @property
    def lines(self) -> list[str]:
        return self.sent.decode().replace("\r", "").split("\n")[:-1]

    def _exchange(self, board: Any) -> None:
        self.sent += board.tx
        board.tx = bytearray()
        now_ms = board.now_ms - BOOT_MS
        _keep(self.outputs, now_ms, board.outputs)
        _keep(self.compare, now_ms, board.pwm_cc)
        if board.edge_ms > -NEVER and board.edge_ms - BOOT_MS not in self.edges:
            self.edges.append(board.edge_ms - BOOT_MS)
        due_ms = self._events[0][0]
        board.now_ms = max(board.now_ms, min(board.target_ms, due_ms))
        while self._events and board.now_ms >= self._events[0][0]:
            heapq.heappop(self._events)[2](board)


def _keep(log: list[tuple[int, int]], now_ms: int, value: int) -> None:
    if not log or log[-1][1] != value:
        log.append((now_ms, value))
