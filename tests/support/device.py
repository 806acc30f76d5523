"""A device with a flash, started and asked without a world around it: only time passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imilt_sim import levels
from imilt_sim.levels.cpython import Device
from imilt_sim.world import BoardPort


def _let_time_pass(board: BoardPort) -> None:
    board.now_ms = board.target_ms


class Started(Device):
    """The modules of a device that starts from what lies in `flash`; `boot` runs boot.py."""

    def __init__(self, flash: Path, modules: Mapping[str, Any] | None = None) -> None:
        super().__init__(_let_time_pass, flash=flash)
        self._modules.update(modules or {})
        self._permanent = dict(self._modules)

    def boot(self) -> None:
        """As after a soft reset: what the scratch registers hold stays."""
        self._load_afresh("boot")

    def load(self, name: str) -> Any:
        return self._import(name)

    @property
    def path(self) -> list[str]:
        """`sys.path` of the device."""
        return self._path


def run(
    flash: Path, ms: int, level: str = "cpython", at: Mapping[int, Callable[[BoardPort], None]] | None = None
) -> Any:
    """Power a device with this flash on for so many milliseconds, do what is to be done `at` some, and return it.

    `sent` is what it wrote.
    """
    due = sorted((at or {}).items())
    sent = bytearray()

    def exchange(board: BoardPort) -> None:
        sent.extend(board.tx)
        board.tx = bytearray()
        board.now_ms = max(board.now_ms, min([board.target_ms, *(when for when, _ in due[:1])]))
        while due and board.now_ms >= due[0][0]:
            due.pop(0)[1](board)
        if board.now_ms >= ms:
            device.power_off()

    device: Any = levels.device(level, exchange, None, flash)
    device.run()
    device.sent = bytes(sent)
    return device
