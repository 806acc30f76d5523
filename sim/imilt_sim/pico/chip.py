"""The emulated RP2040: boots the image, runs for exactly so long in its own time, is reset, loses power, hangs.

Written against rp2040py 0.3.6. Its own loop yields by the wall clock; here an alarm in emulated time ends each run, so
that the same start gives the same instructions, whatever else the computer does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.device.load_flash import load_uf2
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.vreg_and_chip_reset import HAD_POR
from rp2040py.rp2040 import RP2040
from rp2040py.simulator import Simulator
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from imilt.errors import InputError
from imilt_sim.pico import filesystem
from imilt_sim.pico.speedup import speed_up

NS_PER_MS = 1_000_000
CYCLES_PER_MS = 125_000
_PERIPHERAL_HZ = 48_000_000  # what MicroPython sets it to; the emulator keeps the system's 125 MHz
_WATCHDOG_CONTROL = 0
# Beyond the Pico's 2 MiB: where a program that hangs goes. WFI, and back to it; interrupts come through.
_HANG_OFFSET = 0x200000
_HANG_CODE = bytes((0x30, 0xBF, 0xFD, 0xE7))
_FIND_IDLE_NS = 1000


class Chip:
    """One chip with the image at `image` and the file system `files` in its flash; time begins at power-up.

    `on_reset` functions are called after every reset, when all pins are inputs again. Raises InputError for an image
    that is none.
    """

    def __init__(self, image: Path, files: bytes) -> None:
        self._simulator = Simulator(rp2040=RP2040())
        self.mcu = self._simulator.rp2040
        self.mcu.load_bootrom(BOOTROM_B1)
        self.mcu.logger = ConsoleLogger(LogLevel.ERROR)
        try:
            load_uf2(image, self.mcu)
        except (OSError, ValueError) as error:
            raise InputError(f"{image}: is no UF2 image: {error}") from error
        self.mcu.flash[filesystem.OFFSET : filesystem.OFFSET + filesystem.SIZE] = files
        self.mcu.flash[_HANG_OFFSET : _HANG_OFFSET + len(_HANG_CODE)] = _HANG_CODE
        self.mcu.clk_peri = _PERIPHERAL_HZ
        self.mcu.watchdog.on_watchdog_trigger = self.reset
        self.mcu.on_run_pin_held = self._reset
        self.on_reset: list[Callable[[], None]] = []
        self._stop = self.alarm(self._stopped)
        self._dark_until_ns = 0.0
        self.without_edges()
        speed_up(self.mcu)
        self._pio, self.mcu.pio = self.mcu.pio, []
        self.mcu.leave_reset()

    @property
    def now_ns(self) -> float:
        return self._simulator.clock.nanos

    @property
    def busy_cycles(self) -> int:
        """Of 125 MHz, spent on instructions since the last reset."""
        return self.mcu.core.cycles

    @property
    def files(self) -> bytes:
        """The file system as it lies in flash."""
        return bytes(self.mcu.flash[filesystem.OFFSET : filesystem.OFFSET + filesystem.SIZE])

    @property
    def idle(self) -> bool:
        """The program sleeps, and no interrupt runs."""
        return bool(self.mcu.core.waiting and not self.mcu.core.ipsr)

    def alarm(self, action: Callable[[], None]) -> Any:
        """`schedule(ns)` lets `action` run so much later, `cancel()` not."""
        return self._simulator.clock.create_alarm(action)

    def without_edges(self, slices: range = range(8)) -> None:
        """Let these PWM slices count without showing at the pins: their registers tell the duty, at no cost."""
        for channel in (self.mcu.pwm.channels[i] for i in slices):
            for alarm in (channel.alarm_a, channel.alarm_b, channel.alarm_bottom):
                alarm.enable = False

    def run_to(self, time_ns: float) -> None:
        """Run up to this time, or the one that `stop_at` names meanwhile."""
        if self.mcu.run_pin_low:
            self._wait_dark(time_ns)
        if self.mcu.run_pin_low or time_ns <= self.now_ns:
            return
        self.stop_at(time_ns)
        self._simulator.stopped = False
        while not self._simulator.stopped:
            self._simulator._execute_batch()

    def stop_at(self, time_ns: float) -> None:
        """From inside a run: let it end at this time instead."""
        self._stop.schedule(time_ns - self.now_ns)

    def _stopped(self) -> None:
        self._simulator.stopped = True

    # What befalls a chip

    def reset(self) -> None:
        """By the watchdog, which carries out `machine.reset` too."""
        self._reset(from_watchdog=True)
        self.mcu.leave_reset()

    def cut_power(self, for_ms: float) -> None:
        """No power for so long: nothing runs, and RAM and scratch registers are lost."""
        self._dark_until_ns = self.now_ns + for_ms * NS_PER_MS
        self.mcu.set_run_pin(low=True)  # which calls `_reset`
        self.mcu.watchdog.write_uint32(_WATCHDOG_CONTROL, 0)
        self.mcu.watchdog.reset()
        self.mcu.vreg_and_chip_reset.record_reset_cause(HAD_POR)
        self.mcu.sram[:] = bytes(len(self.mcu.sram))

    def _wait_dark(self, time_ns: float) -> None:
        end_ns = min(time_ns, self._dark_until_ns)
        self._simulator.clock.tick(max(0.0, end_ns - self.now_ns))
        if self.now_ns >= self._dark_until_ns:
            self.mcu.set_run_pin(low=False)

    def hang(self) -> None:
        """The program goes no further; interrupts still come, and the watchdog."""
        core = self.mcu.core
        while core.ipsr:
            self.run_to(self.now_ns + _FIND_IDLE_NS)
        core.pc = FLASH_START_ADDRESS + _HANG_OFFSET

    def _reset(self, from_watchdog: bool = False) -> None:
        self.mcu.pio = self._pio
        self.mcu.enter_reset(from_watchdog=from_watchdog)
        self.mcu.pio = []
        for told in self.on_reset:
            told()
