"""The MAX31856 model at its registers, after its data sheet."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from sim.boards import Bench, StandIns

from imilt_sim.levels.cpython import Device

POWER_UP = (0x00, 0x03, 0xFF, 0x7F, 0xC0, 0x7F, 0xFF, 0x80, 0x00, 0x00, 0, 0, 0, 0, 0, 0)
C = 4096  # the world's temperatures are in 1/4096 °C
TC_HIGH, TC_LOW, CJ_HIGH, CJ_LOW, TC_RANGE, CJ_RANGE = 0x08, 0x04, 0x20, 0x10, 0x40, 0x80
OPEN, OVUV = 0x01, 0x02
AUTO, ONE_SHOT, OPEN_DETECTION, INTERRUPT_MODE, FAULT_CLEAR, FIFTY_HZ = 0x80, 0x40, 0x10, 0x04, 0x02, 0x01
# What can be linearised and compensated, °C: hot junction and cold junction.
RANGES = {
    0: (250, 1820, 0, 125),
    1: (-200, 1000, -55, 125),
    2: (-210, 1200, -55, 125),
    3: (-200, 1372, -55, 125),
    4: (-200, 1300, -55, 125),
    5: (-50, 1768, -50, 125),
    6: (-50, 1768, -50, 125),
    7: (-200, 400, -55, 125),
}


class Chip:
    """A chip on a bus of its own."""

    def __init__(self) -> None:
        self.board = SimpleNamespace(started=0, conversion_ms=[0] * 4)
        self.model: Any = StandIns().module("max31856_chip").Chip(self.board, 2)

    def read(self, register: int, count: int = 1) -> bytes:
        answer = bytearray(1 + count)
        self.model.transfer(bytes((register,)) + bytes(count), answer)
        return bytes(answer[1:])

    def write(self, register: int, *values: int) -> None:
        self.model.transfer(bytes((0x80 | register, *values)), None)

    def convert(self, cr0: int = OPEN_DETECTION) -> None:
        self.write(0, cr0 | ONE_SHOT)
        self.board.started = 0

    def finish(self, hot_c: float = 37.0, cold_c: float = 24.0, faults: int = 0) -> None:
        self.model.finish(round(hot_c * C), round(cold_c * C), faults)

    @property
    def status(self) -> int:
        return self.read(15)[0]

    @property
    def hot_c(self) -> float:
        code = int.from_bytes(self.read(0x0C, 3), "big", signed=True)
        assert code & 0x1F == 0  # 19 bits, left-aligned
        return code / C

    @property
    def cold_c(self) -> float:
        code = int.from_bytes(self.read(0x0A, 2), "big", signed=True)
        assert code & 0x3 == 0  # 14 bits
        return code / 256


@pytest.fixture
def chip() -> Chip:
    return Chip()


def test_power_up_values(chip: Chip) -> None:
    assert chip.read(0, 16) == bytes(POWER_UP)


def test_registers_are_read_and_written_one_after_the_other(chip: Chip) -> None:
    chip.write(1, 0x37, 0x00, 60, 5)
    assert chip.read(1, 4) == bytes((0x37, 0x00, 60, 5))
    assert chip.read(3) == b"\x3c"


def test_beyond_the_registers_every_address_reads_ff_and_keeps_nothing(chip: Chip) -> None:
    assert chip.read(15, 3) == bytes((POWER_UP[15], 0xFF, 0xFF))
    chip.write(0x10, 1, 2, 3)
    assert chip.read(0x10, 3) == b"\xff\xff\xff"
    assert chip.read(0, 16) == bytes(POWER_UP)


def test_seven_bits_of_address_run_over_the_end_to_the_beginning(chip: Chip) -> None:
    assert chip.read(0x7F, 3) == bytes((0xFF, POWER_UP[0], POWER_UP[1]))


def test_results_and_status_cannot_be_written(chip: Chip) -> None:
    chip.write(0x0A, 1, 2, 3, 4, 5, 6)
    assert chip.read(0x0A, 6) == bytes(6)


@pytest.mark.parametrize(
    ("cr0", "cr1", "expected_ms"),
    [
        (0, 0x07, 143),
        (FIFTY_HZ, 0x07, 169),
        (0, 0x17, 143 + 33),
        (FIFTY_HZ, 0x17, 169 + 40),
        (FIFTY_HZ, 0x27, 169 + 3 * 40),
        (FIFTY_HZ, 0x37, 169 + 7 * 40),
        (0, 0x47, 143 + 500),
        (0, 0x77, 143 + 500),  # above 4 is 16 samples too
    ],
)
@pytest.mark.parametrize("mode", [ONE_SHOT, AUTO])
def test_conversion_time_follows_the_mains_filter_and_averaging(
    chip: Chip, cr0: int, cr1: int, expected_ms: int, mode: int
) -> None:
    chip.write(1, cr1)
    chip.write(0, cr0 | mode)
    assert chip.board.started == 0b0100
    assert chip.board.conversion_ms[2] == expected_ms


@pytest.mark.parametrize(
    ("cr0", "cr1", "expected_ms"),
    [
        (0, 0x07, 82),
        (FIFTY_HZ, 0x07, 98),
        (0, 0x17, 82 + 16),
        (FIFTY_HZ, 0x27, 98 + 3 * 20),
        (0, 0x47, 82 + 250),
        (FIFTY_HZ, 0x47, 98 + 15 * 20),
    ],
)
def test_in_continuous_mode_each_conversion_begins_where_the_last_one_ended(
    chip: Chip, cr0: int, cr1: int, expected_ms: int
) -> None:
    chip.write(1, cr1)
    chip.write(0, cr0 | AUTO)
    for hot_c in (36.0, 37.0, 38.0):
        chip.board.started = 0
        chip.finish(hot_c)
        assert chip.hot_c == hot_c
        assert chip.board.started == 0b0100
        assert chip.board.conversion_ms[2] == expected_ms
        assert chip.read(0)[0] == cr0 | AUTO


def test_continuous_mode_goes_on_until_it_is_turned_off(chip: Chip) -> None:
    chip.write(0, AUTO)
    chip.board.started = 0
    chip.write(0, AUTO)
    chip.write(3, 60)
    assert chip.board.started == 0  # what runs is not started again
    chip.write(0, 0)
    chip.finish(80.0)
    assert chip.hot_c == 0.0
    assert chip.board.started == 0


def test_a_conversion_starts_at_the_end_of_the_transaction(chip: Chip) -> None:
    """With what the registers after CR0 say by then."""
    chip.write(0, ONE_SHOT | FIFTY_HZ, 0x47)
    assert chip.board.conversion_ms[2] == 169 + 15 * 40


def test_the_ready_pin_is_low_from_a_conversions_end_until_a_result_is_read(chip: Chip) -> None:
    assert chip.model.drdy == 1
    for register in (0x0A, 0x0B, 0x0C, 0x0D, 0x0E):
        chip.convert()
        assert chip.model.drdy == 1
        chip.finish()
        assert chip.model.drdy == 0
        chip.read(0, 10)
        chip.read(15)
        assert chip.model.drdy == 0  # the other registers do not count
        chip.read(register)
        assert chip.model.drdy == 1


def test_the_ready_pin_stays_low_over_the_next_conversion(chip: Chip) -> None:
    chip.convert()
    chip.finish()
    chip.convert()
    assert chip.model.drdy == 0


def test_the_one_shot_bit_clears_when_the_conversion_ends(chip: Chip) -> None:
    chip.convert()
    assert chip.read(0)[0] == OPEN_DETECTION | ONE_SHOT
    chip.finish()
    assert chip.read(0)[0] == OPEN_DETECTION


def test_a_running_conversion_is_not_started_again(chip: Chip) -> None:
    chip.convert()
    chip.write(0, OPEN_DETECTION | ONE_SHOT)
    assert chip.board.started == 0


def test_a_conversion_that_is_given_up_leaves_no_result(chip: Chip) -> None:
    chip.convert()
    chip.write(0, 0)
    chip.finish(80.0)
    assert chip.hot_c == 0.0
    chip.convert()
    assert chip.read(0)[0] & ONE_SHOT


def test_without_a_conversion_nothing_finishes(chip: Chip) -> None:
    chip.finish(80.0)
    assert chip.read(0x0A, 6) == bytes(6)


@pytest.mark.parametrize("hot_c", [0.0, 37.0, 46.0078125, -12.5, 399.9921875])
def test_the_hot_junction_in_steps_of_a_128th_degree(chip: Chip, hot_c: float) -> None:
    chip.convert()
    chip.finish(hot_c)
    assert chip.hot_c == hot_c
    chip.convert()
    chip.finish(hot_c + 0.007)
    assert chip.hot_c == hot_c  # rounds down


@pytest.mark.parametrize("cold_c", [0.0, 24.0, 24.015625, -20.25])
def test_the_cold_junction_in_steps_of_a_64th_degree(chip: Chip, cold_c: float) -> None:
    chip.convert()
    chip.finish(cold_c=cold_c)
    assert chip.cold_c == cold_c


@pytest.mark.parametrize(("register", "offset_c"), [(0x10, 1.0), (0x01, 0.0625), (0xFF, -0.0625), (0x80, -8.0)])
def test_the_cold_junctions_offset(chip: Chip, register: int, offset_c: float) -> None:
    chip.write(9, register)
    chip.convert()
    chip.finish(cold_c=24.0)
    assert chip.cold_c == 24.0 + offset_c


def test_the_cold_junction_ends_at_64_below_and_128_above(chip: Chip) -> None:
    chip.convert()
    chip.finish(cold_c=-70.0)
    assert chip.cold_c == -64.0
    chip.write(9, 0x7F)
    chip.convert()
    chip.finish(cold_c=125.0)
    assert chip.cold_c == 128 - 1 / 64


def test_the_hot_junction_ends_at_2048(chip: Chip) -> None:
    for hot_c, end_c in ((2100.0, 2048 - 1 / 128), (-2100.0, -2048.0)):
        chip.convert()
        chip.finish(hot_c)
        assert chip.hot_c == end_c


@pytest.mark.parametrize("cr0", [0x10, 0x20, 0x30])
def test_an_open_circuit_is_seen_and_keeps_the_last_reading(chip: Chip, cr0: int) -> None:
    chip.convert(cr0)
    chip.finish(37.0)
    chip.convert(cr0)
    chip.finish(80.0, faults=OPEN)
    assert chip.status & OPEN
    assert chip.hot_c == 37.0


def test_with_detection_off_an_open_circuit_goes_unseen(chip: Chip) -> None:
    chip.convert(0)
    chip.finish(80.0, faults=OPEN)
    assert chip.status == 0
    assert chip.hot_c == 80.0


def test_a_voltage_fault_is_seen_with_detection_off_too(chip: Chip) -> None:
    chip.convert(0)
    chip.finish(80.0, faults=OVUV)
    assert chip.status == OVUV


@pytest.mark.parametrize(
    ("hot_c", "cold_c", "status"),
    [
        (46.0, 24.0, 0),
        (110.0, 24.0, 0),
        (110.1, 24.0, TC_HIGH),
        (0.0, 24.0, 0),
        (-0.1, 24.0, TC_LOW),
        (46.0, 60.5, 0),  # compared in whole degrees
        (46.0, 61.0, CJ_HIGH),
        (46.0, 4.9, CJ_LOW),
        (46.0, 126.0, CJ_HIGH | CJ_RANGE),
        (46.0, -56.0, CJ_LOW | CJ_RANGE),
        (401.0, 24.0, TC_HIGH | TC_RANGE),
        (-201.0, 24.0, TC_LOW | TC_RANGE),
    ],
)
def test_thresholds_and_ranges_show_in_the_status(chip: Chip, hot_c: float, cold_c: float, status: int) -> None:
    chip.write(1, 0x07, 0xFF, 60, 5, 110 << 4 >> 8, (110 << 4) & 0xFF, 0, 0)
    chip.convert()
    chip.finish(hot_c, cold_c)
    assert chip.status == status


@pytest.mark.parametrize("kind", RANGES)
def test_what_each_type_can_be_linearised_for(chip: Chip, kind: int) -> None:
    chip.write(1, kind)
    lowest, highest, coldest, hottest = RANGES[kind]
    for hot_c, status in ((lowest - 1, TC_RANGE), (lowest, 0), (highest, 0), (highest + 1, TC_RANGE)):
        chip.convert()
        chip.finish(hot_c)
        assert chip.status == status
    for cold_c, status in ((coldest - 1, CJ_RANGE), (coldest, 0), (hottest, 0), (hottest + 1, CJ_RANGE)):
        chip.convert()
        chip.finish(highest, cold_c)
        assert chip.status == status


@pytest.mark.parametrize(
    ("beyond", "still", "inside", "bit"),
    [
        ((110.1, 24), (108.1, 24), (108, 24), TC_HIGH),
        ((-0.1, 24), (1.9, 24), (2, 24), TC_LOW),
        ((46, 61), (46, 59), (46, 58), CJ_HIGH),
        ((46, 4), (46, 6), (46, 7), CJ_LOW),
    ],
)
def test_a_threshold_fault_ends_two_degrees_inside(
    chip: Chip, beyond: tuple[float, float], still: tuple[float, float], inside: tuple[float, float], bit: int
) -> None:
    chip.write(1, 0x07, 0x00, 60, 5, 110 << 4 >> 8, (110 << 4) & 0xFF, 0, 0)
    for reading, status in ((still, 0), (beyond, bit), (still, bit), (inside, 0), (still, 0)):
        chip.convert()
        chip.finish(*reading)
        assert chip.status == status


def test_a_voltage_beyond_the_supply_suspends_everything_else(chip: Chip) -> None:
    """No new result, no other fault found, and none cleared."""
    chip.convert()
    chip.finish(37.0, 24.0)
    assert (chip.hot_c, chip.cold_c) == (37.0, 24.0)
    chip.convert()
    chip.finish(80.0, 126.0, OVUV | OPEN)
    assert chip.status == OVUV
    assert chip.model.drdy == 1
    assert (chip.hot_c, chip.cold_c) == (37.0, 24.0)
    chip.convert()
    chip.finish(faults=OPEN)
    chip.convert()
    chip.finish(faults=OVUV)
    assert chip.status == OVUV | OPEN
    chip.convert()
    chip.finish()
    assert chip.status == 0


def test_an_open_circuit_leaves_the_last_reading_against_the_limits(chip: Chip) -> None:
    chip.convert()
    chip.finish(46.0)
    chip.convert()
    chip.finish(401.0, 126.0, OPEN)
    assert chip.status == OPEN | CJ_RANGE


def test_the_status_is_of_the_last_conversion(chip: Chip) -> None:
    chip.convert()
    chip.finish(faults=OVUV)
    chip.write(0, OPEN_DETECTION | FAULT_CLEAR)
    assert chip.status == OVUV  # no effect in comparator mode
    assert chip.read(0)[0] == OPEN_DETECTION  # the bit does not stay
    chip.convert()
    chip.finish()
    assert chip.status == 0


def test_in_interrupt_mode_faults_stay_until_they_are_cleared(chip: Chip) -> None:
    for faults, status in ((OPEN, OPEN), (0, OPEN), (OVUV, OPEN | OVUV), (0, OPEN | OVUV)):
        chip.convert(OPEN_DETECTION | INTERRUPT_MODE)
        chip.finish(faults=faults)
        assert chip.status == status
    chip.write(0, OPEN_DETECTION | INTERRUPT_MODE | FAULT_CLEAR)
    assert chip.status == 0
    assert chip.read(0)[0] == OPEN_DETECTION | INTERRUPT_MODE


def test_the_world_drives_continuous_mode() -> None:
    """A conversion that ends while the board sleeps is followed by the next when the board wakes."""
    bench = Bench()
    bench.plant.junction_c_at = lambda grid: 37.0
    board: Any = Device(bench.world.exchange).board
    chip = board.chips[0]
    answer = bytearray(4)
    chip.transfer(bytes((0x80, AUTO | FIFTY_HZ, 0x07)), None)
    results = []
    for _ in range(50):
        board.sleep_to(board.now_ms + 20)
        results.append(chip.drdy == 0)
        chip.transfer(bytes((0x0C, 0, 0, 0)), answer)
    ended = [i for i, result in enumerate(results) if result]
    assert ended[0] == 8  # 169 ms after the command, on the world's grid of 20 ms
    assert {after - before for before, after in itertools.pairwise(ended)} == {6}
    assert int.from_bytes(answer[1:], "big") == 37 << 12
