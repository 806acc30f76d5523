"""Boards for tests: a port that a test plays by hand, a plant that does as it is told, and stand-ins to call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from host.plans import short

from imilt.plan import Plan
from imilt_sim.laser_driver import Diode
from imilt_sim.levels.cpython import Device
from imilt_sim.tissue.plant import Plant
from imilt_sim.world import KEY, World

CONVERSION_MS = 169
TOP = 6249  # of 20 kHz


@dataclass
class Port:
    """A board as the world sees it. Time begins where the board's clock happens to be."""

    now_ms: int = 300
    target_ms: int = 300
    started: int = 0
    conversion_ms: list[int] = field(default_factory=lambda: [CONVERSION_MS] * 4)
    tx: bytearray = field(default_factory=bytearray)
    inputs: int = 0
    adc_u16: int = 0
    supply_u16: int = 0
    done: int = 0
    absent: int = 0
    hot_q12: list[int] = field(default_factory=lambda: [0] * 4)
    cold_q12: list[int] = field(default_factory=lambda: [0] * 4)
    input_faults: list[int] = field(default_factory=lambda: [0] * 4)
    rx: bytearray = field(default_factory=bytearray)
    rx_at: int = 0
    pwm_cc: int = 0
    pwm_top: int = TOP
    edge_ms: int = -0x7FFFFFFF
    outputs: int = 0
    cut_ms: int = 0
    hang: int = 0


class FakePlant:
    """Probes whose temperature is a function of the grid point; keeps the power of every grid point."""

    def __init__(self, probes: int = 2) -> None:
        self.junction_c_at: Callable[[int], float] = lambda grid: 37.0
        self.junction_integral_c_s = np.zeros(probes)
        self.powers: list[float] = []
        self.pulled: list[tuple[int, float]] = []
        self.breath_mm = 0.0

    def pull_out(self, probe: int, by_mm: float) -> None:
        self.pulled.append((probe, by_mm))

    def breathe(self, amplitude_mm: float) -> None:
        self.breath_mm = amplitude_mm

    def advance(self, points: int, power_w: float) -> None:
        for _ in range(points):
            self.powers.append(power_w)
            self.junction_integral_c_s += self.junction_c_at(len(self.powers)) * 0.02


class Bench:
    """A world with a fake plant and a port: `begin` starts the grid, `pass_ms` lets time pass as the firmware would.

    The key is on, unlike at a treatment's beginning.
    """

    def __init__(self, plan: Plan | None = None, seed: int = 1, world_type: type[World] = World) -> None:
        self.plan = plan or short(probe_model={"noise_c": 0.0})
        self.plant = FakePlant(len(self.plan.probes))
        self.heard: list[tuple[float, bytes]] = []
        self.answer = b""
        self.seconds: list[float] = []
        self.world = world_type(
            self.plan, cast(Plant, self.plant), seed, self._console, lambda world: self.seconds.append(world.time_s)
        )
        self.world.contacts |= KEY
        self.port = Port()

    def _console(self, data: bytes, time_s: float) -> bytes:
        self.heard.append((time_s, data))
        answer, self.answer = self.answer, b""
        return answer

    def begin(self, chips: int = 0b0011) -> None:
        """The first conversion command: the grid's origin lies 5 ms before now."""
        self.convert(chips)
        self.pass_ms(0)

    def convert(self, chips: int = 0b0011) -> None:
        self.port.started = chips

    def light(self, power_w: float) -> None:
        """The duty for that power, and an edge on the enable line now."""
        diode = Diode()
        duty = diode.threshold_duty + power_w / diode.maximum_w * (1 - diode.threshold_duty)
        self.port.pwm_cc = round(duty * (TOP + 1))
        self.edge()

    def edge(self) -> None:
        self.port.edge_ms = self.port.now_ms

    def pass_ms(self, ms: int) -> int:
        """One `exchange`; returns how much time it let pass, as it may end early."""
        before = self.port.now_ms
        self.port.target_ms = before + ms
        self.world.exchange(self.port)
        self.port.started = 0
        return self.port.now_ms - before

    def pass_all_ms(self, ms: int) -> None:
        """However often it ends early."""
        end = self.port.now_ms + ms
        while self.port.now_ms < end:
            self.pass_ms(end - self.port.now_ms)

    def lit_points(self) -> list[int]:
        """The grid points, from 1, that ended a step with light."""
        return [i for i, power in enumerate(self.plant.powers, 1) if power > 0]


class StandIns:
    """The stand-ins of level cpython on a board in which only time passes; `module(name)` is what firmware imports."""

    def __init__(self) -> None:
        self.exchanges = 0
        self.on_exchange: Callable[[Any], None] = lambda board: None
        self._device = Device(self._exchange)
        self.board: Any = self._device.board

    def _exchange(self, board: Any) -> None:
        self.exchanges += 1
        board.now_ms = board.target_ms
        self.on_exchange(board)

    def module(self, name: str) -> Any:
        return self._device._import(name)

    @property
    def machine(self) -> Any:
        return self.module("machine")

    @property
    def time(self) -> Any:
        return self.module("time")
