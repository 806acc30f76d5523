"""Level micropython: the firmware in the MicroPython VM, in lock-step with the world over two pipes."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from imilt.errors import InputError, RunError
from imilt_sim.levels.cpython import STANDINS
from imilt_sim.levels.port import Port
from imilt_sim.world import BoardPort

_CHIPS = 4
# Both formats stand in standins/vm_main.py too, which runs on the other side of the pipe.
REQUEST = struct.Struct("<IIiHHBB4HH")
REPLY = struct.Struct("<IHHHBBIBH4i4i4B")
_HEAP = "1m"


def vm_path() -> str:
    """The VM: from the wheel in this environment, else `micropython` from PATH. Raises InputError without one."""
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if not found:
        raise InputError(
            "level micropython: no MicroPython VM found; there is no wheel for this platform, so install the unix"
            " port as `micropython` on PATH, or use --level cpython"
        )
    return found


class Device:
    """One VM, with what lies in `flash`: there it starts, and there it keeps its files.

    `run` returns when the world ends it; `power_off` is called from inside `exchange` to end it.
    """

    def __init__(self, exchange: Callable[[BoardPort], None], flash: Path) -> None:
        self._exchange = exchange
        self._flash = flash
        self.board = Port()
        self._off = False

    def power_off(self) -> None:
        self._off = True

    def run(self) -> None:
        command = [vm_path(), "-X", f"heapsize={_HEAP}", str(STANDINS / "vm_main.py")]
        # In a session of its own: Ctrl-C in a terminal is for the host, which then ends the VM.
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self._flash,
            bufsize=0,
            start_new_session=True,
        ) as process:
            try:
                self._serve(process)
            finally:
                process.kill()

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        read, write, board = process.stdout.fileno(), process.stdin.fileno(), self.board
        while not self._off:
            self._request(read, process)
            board.rx = bytearray()
            board.rx_at = 0
            self._exchange(board)
            if not self._off:
                os.write(write, self._reply())

    def _request(self, read: int, process: subprocess.Popen[bytes]) -> None:
        data = _read(read, REQUEST.size, process)
        board = self.board
        board.now_ms, board.target_ms, board.edge_ms, *rest = REQUEST.unpack_from(data)
        board.pwm_cc, board.pwm_top, board.started, board.outputs, *rest = rest
        board.conversion_ms[:] = rest[:_CHIPS]
        board.tx = bytearray(_read(read, REQUEST.size + rest[_CHIPS], process, data)[REQUEST.size :])

    def _reply(self) -> bytes:
        board = self.board
        seen = (board.now_ms, board.inputs, board.adc_u16, board.supply_u16, board.done, board.absent)
        head = (*seen, board.cut_ms, board.hang, len(board.rx))
        board.done = board.cut_ms = board.hang = 0
        return REPLY.pack(*head, *board.hot_q12, *board.cold_q12, *board.input_faults) + board.rx


def _read(fd: int, size: int, process: subprocess.Popen[bytes], data: bytes = b"") -> bytes:
    """Read until `data` has `size` bytes. Raises RunError if the VM ends before."""
    while len(data) < size:
        more = os.read(fd, 4096)
        if not more:
            raise RunError(f"the MicroPython VM ended with code {process.wait()}; its message stands above")
        data += more
    return data
