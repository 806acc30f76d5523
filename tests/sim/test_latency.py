"""The world with exact times: actions, contacts and light to the millisecond, on a grid that stays what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sim.boards import Bench
from sim.simulations import BOTH_LEVELS, setup

from imilt_sim.laser_driver import MONOSTABLE_MS, PHOTODIODE_FULL_SCALE_W
from imilt_sim.latency import LatencyWorld
from imilt_sim.simulate import Simulation
from imilt_sim.world import CHAIN, FOOTSWITCH, KEY

START_MS = 5  # since the origin, when the bench has begun
LIT_W = pytest.approx(2.0, abs=0.01)


class LatencyBench(Bench):
    def __init__(self) -> None:
        super().__init__(world_type=LatencyWorld)
        self.begin()

    @property
    def log(self) -> LatencyWorld:
        assert isinstance(self.world, LatencyWorld)
        return self.world


@pytest.fixture
def latency() -> LatencyBench:
    return LatencyBench()


def now_ms(bench: Bench) -> int:
    return bench.port.now_ms - 300 + START_MS


@pytest.mark.parametrize("time_ms", [6, 19, 20, 21, 103, 120])
def test_an_action_comes_at_its_millisecond_and_ends_the_exchange(latency: LatencyBench, time_ms: int) -> None:
    latency.log.at_ms(time_ms, lambda: latency.world.open(KEY))
    latency.pass_ms(300)
    assert now_ms(latency) == time_ms
    assert latency.port.inputs == CHAIN & ~KEY
    latency.pass_ms(300)
    assert now_ms(latency) == time_ms + 300


def test_an_action_that_concerns_no_contact_does_not_end_it(latency: LatencyBench) -> None:
    ran: list[int] = []
    latency.log.at_ms(33, lambda: ran.append(latency.log.now_ms))
    latency.world.at(0.047, lambda: latency.world.after(0.004, lambda: ran.append(latency.log.now_ms)))
    latency.log.at_ms(1, lambda: ran.append(latency.log.now_ms))  # long past
    latency.pass_ms(300)
    assert now_ms(latency) == START_MS + 300
    assert ran == [START_MS + 1, 33, 51]


def test_actions_of_one_millisecond_come_in_their_order(latency: LatencyBench) -> None:
    ran: list[str] = []
    for name in "abc":
        latency.log.at_ms(33, lambda name=name: ran.append(name))
    latency.pass_ms(300)
    assert ran == ["a", "b", "c"]


def test_light_is_told_from_the_write_to_the_opening_of_a_contact(latency: LatencyBench) -> None:
    latency.log.at_ms(87, lambda: latency.world.open(KEY))
    latency.pass_ms(18)
    latency.light(2.0)
    latency.pass_all_ms(300)
    assert latency.log.light_log == [(0, 0.0), (23, LIT_W), (87, 0.0)]


def test_light_ends_with_the_monostable_however_time_passes() -> None:
    for step_ms in (1, 7, 1000):
        bench = LatencyBench()
        bench.pass_ms(8)
        bench.light(2.0)
        for _ in range(1000 // step_ms):
            bench.pass_all_ms(step_ms)
        assert bench.log.light_log == [(0, 0.0), (13, LIT_W), (13 + MONOSTABLE_MS, 0.0)]


def test_an_edge_brings_the_light_back(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.pass_ms(400)
    latency.edge()
    latency.pass_ms(100)
    latency.port.pwm_cc = 0
    latency.pass_ms(1)
    times = [time_ms for time_ms, _ in latency.log.light_log]
    assert times == [0, 5, 255, 405, 505]


def test_of_what_is_written_within_a_millisecond_the_last_counts(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.pass_ms(0)
    latency.port.pwm_cc = 0
    latency.pass_ms(100)
    assert latency.log.light_log == [(0, 0.0)]


def test_a_laser_at_fault_shows_from_that_millisecond_on(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.log.at_ms(111, lambda: setattr(latency.world.diode, "gain", 2.0))
    latency.pass_all_ms(150)
    assert latency.log.light_log == [(0, 0.0), (5, LIT_W), (111, pytest.approx(4.0, abs=0.02))]


def test_the_photodiode_sees_the_light_of_the_millisecond(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.pass_ms(3)  # before the next grid point
    assert latency.port.adc_u16 / 65535 * PHOTODIODE_FULL_SCALE_W == pytest.approx(2.0, abs=0.1)


def test_the_tissue_stays_on_its_grid(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.log.at_ms(91, lambda: latency.world.open(KEY))
    latency.pass_all_ms(195)
    assert latency.lit_points() == [2, 3, 4, 5]
    assert latency.world.grid == 10


def test_the_outputs_are_told_from_each_change_on(latency: LatencyBench) -> None:
    for ms, outputs in ((10, 0b00100), (20, 0b00100), (30, 0b10110)):
        latency.port.outputs = outputs
        latency.pass_all_ms(ms)
    assert latency.log.output_log == [(0, 0), (5, 0b00100), (35, 0b10110)]


def test_a_power_cut_comes_at_its_millisecond(latency: LatencyBench) -> None:
    latency.light(2.0)
    latency.port.outputs = 1
    latency.log.at_ms(57, lambda: latency.world.cut_power(1.0))
    latency.pass_ms(300)
    assert (now_ms(latency), latency.port.cut_ms) == (57, 1000)
    assert latency.log.light_log[-1] == (57, 0.0)
    assert latency.log.output_log[-1] == (57, 0)


def test_a_contact_bounces_in_milliseconds(latency: LatencyBench) -> None:
    latency.log.at_ms(50, lambda: latency.world.bounce(FOOTSWITCH, 0.001, 0.003))
    seen = []
    while now_ms(latency) < 100:
        latency.pass_ms(100 - now_ms(latency))
        seen.append((now_ms(latency), latency.port.inputs))
    closed = CHAIN | FOOTSWITCH
    assert seen == [(50, closed), (51, CHAIN), (54, closed), (100, closed)]


class Latency(Simulation):
    world_type = LatencyWorld


@BOTH_LEVELS
@pytest.mark.parametrize("time_ms", [20_500, 20_517])
def test_the_real_firmware_is_dark_at_the_millisecond_of_the_emergency_stop(
    tmp_path: Path, level: str, time_ms: int
) -> None:
    simulation = Latency(setup(tmp_path, level=level, faults=[f"estop@{time_ms / 1000}"]), tmp_path / "run")
    summary = simulation.run()
    assert summary["end_code"] == 50
    world: Any = simulation.world
    assert world.light_log[-2][1] > 0.2
    assert world.light_log[-1] == (time_ms, 0.0)


@BOTH_LEVELS
def test_a_stuck_enable_is_darkened_by_the_interrupt_within_the_millisecond(tmp_path: Path, level: str) -> None:
    faults = ["enable-stuck@15", "estop@20.337"]
    simulation = Latency(setup(tmp_path, level=level, faults=faults), tmp_path / "run")
    simulation.run()
    world: Any = simulation.world
    assert world.light_log[-2][1] > 0.2
    assert world.light_log[-1] == (20_337, 0.0)


@BOTH_LEVELS
@pytest.mark.parametrize(("fault", "dark_within_ms"), [("power-cut@20.503:2", 0), ("hang@20.503", MONOSTABLE_MS)])
def test_a_board_that_loses_power_or_hangs_is_dark_and_starts_anew(
    tmp_path: Path, level: str, fault: str, dark_within_ms: int
) -> None:
    """At once without power, and by the monostable when it hangs; then the host hears it start anew."""
    simulation = Latency(setup(tmp_path, level=level, faults=[fault]), tmp_path / "run")
    summary = simulation.run()
    assert summary["end_text"].startswith("the device restarted after 20.")
    world: Any = simulation.world
    (_, lit_w), (dark_ms, dark_w) = world.light_log[-2:]
    assert (lit_w > 0.2, dark_w) == (True, 0.0)
    assert 20_503 + (dark_within_ms > 0) <= dark_ms <= 20_503 + dark_within_ms
