"""The MAX31856 model at its registers, after its data sheet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sim.boards import StandIns

POWER_UP = (0x00, 0x03, 0xFF, 0x7F, 0xC0, 0x7F, 0xFF, 0x80, 0x00, 0x00, 0, 0, 0, 0, 0, 0)
C = 4096  # the world's temperatures are in 1/4096 °C
TC_HIGH, TC_LOW, CJ_HIGH, CJ_LOW, TC_RANGE, CJ_RANGE = 0x08, 0x04, 0x20, 0x10, 0x40, 0x80
OPEN, OVUV = 0x01, 0x02
ONE_SHOT, OPEN_DETECTION, FIFTY_HZ = 0x40, 0x10, 0x01


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


def test_an_address_runs_over_the_end_to_the_beginning(chip: Chip) -> None:
    assert chip.read(15, 3) == bytes((POWER_UP[15], POWER_UP[0], POWER_UP[1]))


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
        (0, 0x47, 143 + 15 * 33),
        (0, 0x77, 143 + 15 * 33),  # above 4 is 16 samples too
    ],
)
def test_conversion_time_follows_the_mains_filter_and_averaging(
    chip: Chip, cr0: int, cr1: int, expected_ms: int
) -> None:
    chip.write(1, cr1)
    chip.write(0, cr0 | ONE_SHOT)
    assert chip.board.started == 0b0100
    assert chip.board.conversion_ms[2] == expected_ms


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


def test_type_k_reaches_further_than_type_t(chip: Chip) -> None:
    chip.write(1, 0x03)
    chip.convert()
    chip.finish(401.0)
    assert chip.status == 0


def test_the_status_is_of_the_last_conversion_and_can_be_cleared(chip: Chip) -> None:
    chip.convert()
    chip.finish(faults=OVUV)
    chip.write(0, OPEN_DETECTION | 0x02)
    assert chip.status == 0
    assert chip.read(0)[0] == OPEN_DETECTION  # the bit does not stay
    chip.convert()
    chip.finish(faults=OVUV)
    chip.convert()
    chip.finish()
    assert chip.status == 0
