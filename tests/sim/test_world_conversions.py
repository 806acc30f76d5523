"""Conversions in the world: when they end, over what they average, and what a bad lead or chip makes of them."""

from __future__ import annotations

import pytest
from host.plans import short
from sim.boards import CONVERSION_MS, Bench

from imilt_sim.world import OPEN

C_TO_Q12 = 4096


def converted(bench: Bench, chips: int = 0b0011, ms: int = 195) -> list[float]:
    """Convert once and return what the chips got, °C."""
    bench.convert(chips)
    bench.pass_all_ms(ms)
    return [value / C_TO_Q12 for value in bench.port.hot_q12]


@pytest.mark.parametrize(
    ("conversion_ms", "reached_ms"), [(CONVERSION_MS, 175), (143, 155), (155, 155), (156, 175), (209, 215)]
)
def test_a_conversion_is_done_at_the_first_grid_point_after_its_time(conversion_ms: int, reached_ms: int) -> None:
    bench = Bench()
    bench.port.conversion_ms = [conversion_ms] * 4
    bench.begin()
    bench.pass_ms(reached_ms - 1)
    assert bench.port.done == 0
    bench.pass_ms(1)
    assert bench.port.done == 0b0011


def test_a_conversion_gives_the_mean_over_its_window(bench: Bench) -> None:
    bench.plant.junction_c_at = lambda grid: 30.0 + grid
    bench.pass_all_ms(195)
    # From grid point 1 to 9, in eight steps that end at 2 to 9.
    assert bench.port.hot_q12[:2] == [round((30.0 + 5.5) * C_TO_Q12)] * 2
    assert bench.port.cold_q12[0] == 24 * C_TO_Q12


def test_only_the_chips_that_were_started_convert(bench: Bench) -> None:
    bench.pass_all_ms(195)
    bench.port.done = 0
    bench.convert(0b0010)
    bench.pass_all_ms(200)
    assert bench.port.done == 0b0010


def test_a_channel_without_a_probe_reads_an_open_circuit_at_room_temperature(bench: Bench) -> None:
    bench.pass_all_ms(195)
    bench.port.done = 0
    readings = converted(bench, 0b1100)
    assert bench.port.done == 0b1100
    assert bench.port.input_faults == [0, 0, OPEN, OPEN]
    assert readings[2:] == [24.0, 24.0]


def test_a_conversion_that_is_started_anew_ends_once(bench: Bench) -> None:
    """A chip that is configured in the middle of a conversion gives that one up."""
    bench.pass_all_ms(100)
    bench.convert()
    bench.pass_all_ms(100)
    assert bench.port.done == 0
    bench.pass_all_ms(75)
    assert bench.port.done == 0b0011


def test_an_offset_and_a_short_at_the_connector(bench: Bench) -> None:
    bench.world.leads[0].offset_c = 4.5
    bench.world.leads[1].shorted = True
    assert converted(bench)[:2] == [41.5, 24.0]


def test_a_drift_grows_with_time_and_keeps_what_it_has_come_to() -> None:
    bench = Bench(short(probe_model={"noise_c": 0.0, "drift_c_per_h": 3.6}))
    bench.begin()
    bench.pass_all_ms(100_000)
    first_c = converted(bench)[0]
    assert first_c == pytest.approx(37.1, abs=0.001)
    bench.world.leads[0].drift(-36.0, bench.world.time_s)
    bench.pass_all_ms(20_000)
    assert converted(bench)[0] == pytest.approx(first_c - 0.2, abs=0.005)
    assert converted(bench)[1] > first_c


def test_a_flipped_bit(bench: Bench) -> None:
    bench.world.leads[0].flipped_bits = 1 << 12
    assert converted(bench)[0] == 36.0


def test_input_faults_go_with_the_conversion(bench: Bench) -> None:
    bench.world.leads[1].input_faults = 1
    converted(bench)
    assert bench.port.input_faults[:2] == [0, 1]


def test_a_stalled_converter_never_finishes(bench: Bench) -> None:
    bench.world.leads[0].stalled = True
    bench.pass_all_ms(400)
    assert bench.port.done == 0b0010


def test_a_stuck_converter_finishes_with_its_last_code_and_status() -> None:
    bench = Bench(short())
    bench.begin()
    bench.pass_all_ms(195)
    before = (bench.port.hot_q12[0], bench.port.cold_q12[0], bench.port.input_faults[0])
    bench.world.leads[0].stuck = True
    bench.world.leads[0].input_faults = OPEN
    bench.world.ambient_c = 30.0
    others = set()
    for _ in range(3):
        bench.port.done = 0
        converted(bench)
        assert bench.port.done == 0b0011
        assert (bench.port.hot_q12[0], bench.port.cold_q12[0], bench.port.input_faults[0]) == before
        others.add(bench.port.hot_q12[1])
    assert len(others) == 3
    assert bench.port.cold_q12[1] == 30 * C_TO_Q12


def test_a_glitch_is_open_for_so_many_conversions(bench: Bench) -> None:
    bench.world.leads[1].glitches = 2
    seen = []
    for _ in range(4):
        converted(bench, ms=200)
        seen.append(bench.port.input_faults[:2])
    assert seen == [[0, OPEN], [0, OPEN], [0, 0], [0, 0]]


def test_the_connectors_temperature_is_the_cold_junctions_and_that_of_touching_leads(bench: Bench) -> None:
    bench.world.ambient_c = 41.5
    bench.world.leads[1].shorted = True
    bench.pass_all_ms(195)
    bench.port.done = 0
    assert converted(bench, 0b0111) == [37.0, 41.5, 41.5, 0.0]
    assert bench.port.cold_q12 == [41.5 * C_TO_Q12] * 3 + [0]


def test_an_absent_converter_is_told_to_the_board(bench: Bench) -> None:
    bench.world.absent = 0b0001
    bench.pass_ms(20)
    assert bench.port.absent == 0b0001


def test_noise_is_by_probe_and_conversion_and_seed() -> None:
    def readings(seed: int) -> list[int]:
        bench = Bench(short(), seed)
        bench.begin()
        found: list[int] = []
        for _ in range(5):
            converted(bench, ms=200)
            found += bench.port.hot_q12[:2]
        return found

    one = readings(1)
    assert one == readings(1)
    assert one != readings(2)
    assert len(set(one)) > 5
