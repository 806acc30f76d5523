"""The MAX31855 model: its frame, its endless conversions, and its straight line through NIST's curves."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sim.boards import StandIns
from support.firmware import load
from thermocouple_its90 import get

from imilt_sim.levels.cpython import STANDINS
from imilt_sim.levels.micropython import vm_path

C = 4096  # the world's temperatures are in 1/4096 °C
LETTERS = "EJKNRST"
OPEN, SHORT_TO_GROUND, SHORT_TO_SUPPLY = 1, 2, 4


class Chip:
    """A chip on a bus of its own, read once so that it converts."""

    def __init__(self, letter: str = "K") -> None:
        self.board = SimpleNamespace(started=0, conversion_ms=[0] * 4, selected=-1)
        self.model: Any = StandIns().module("max31855_chip").Chip(self.board, 2, letter)

    def read(self, count: int = 4) -> bytes:
        answer = bytearray(count)
        self.model.transfer(bytes(count), answer)
        return bytes(answer)

    def convert(self, hot_c: float = 37.0, cold_c: float = 24.0, faults: int = 0) -> int:
        """The frame after the conversion that runs."""
        if not self.model.converting:
            self.read()
        self.board.started = 0
        self.model.finish(round(hot_c * C), round(cold_c * C), faults)
        return int.from_bytes(self.read())


@pytest.fixture
def chip() -> Chip:
    return Chip()


def hot_c(word: int) -> float:
    return ((word >> 18 ^ 0x2000) - 0x2000) / 4


def cold_c(word: int) -> float:
    return ((word >> 4 & 0xFFF ^ 0x800) - 0x800) / 16


def test_nothing_is_shown_before_the_first_conversion_ended(chip: Chip) -> None:
    assert chip.read() == bytes(4)
    chip.model.transfer(b"\x80\x51", None)  # nothing can be written
    assert chip.read() == bytes(4)


def test_conversions_begin_with_the_first_exchange_and_never_end(chip: Chip) -> None:
    chip.model.finish(37 * C, 24 * C, 0)
    assert chip.board.started == 0
    chip.read()
    for _ in range(3):
        assert chip.board.started == 0b0100
        assert chip.board.conversion_ms[2] == chip.model.conversion_ms() == 70
        chip.board.started = 0
        assert chip.read() == chip.read()
        assert chip.board.started == 0, "a read starts nothing anew"
        chip.model.finish(37 * C, 24 * C, 0)


def test_a_frame_does_not_change_while_the_chip_is_selected(chip: Chip) -> None:
    before = chip.convert(37.0)
    chip.board.selected = 2
    assert chip.convert(80.0) == before
    assert chip.board.started == 0b0100
    chip.board.selected = 1
    assert chip.convert(80.0) != before


def test_after_its_32_bits_the_frame_is_over(chip: Chip) -> None:
    chip.convert()
    assert chip.read(6) == chip.read(4) + bytes(2)
    assert chip.read(2) == chip.read(4)[:2]


@pytest.mark.parametrize("cold", [0.0, 24.0, 24.0625, -20.0, 60.0])
def test_the_cold_junction_in_steps_of_a_16th_degree(chip: Chip, cold: float) -> None:
    assert cold_c(chip.convert(cold, cold)) == cold
    assert cold_c(chip.convert(cold, cold + 0.06)) == cold  # rounds down


@pytest.mark.parametrize("celsius", [-10.0, 0.0, 24.0, 46.25])
@pytest.mark.parametrize("letter", LETTERS)
def test_both_junctions_alike_read_alike(letter: str, celsius: float) -> None:
    word = Chip(letter).convert(celsius, celsius)
    assert (hot_c(word), cold_c(word)) == (celsius, celsius)
    assert word & 0x2000F == 0


def test_the_extremes_of_both_codes(chip: Chip) -> None:
    word = chip.convert(8000.0, 200.0)
    assert (hot_c(word), cold_c(word)) == (2047.75, 127.9375)
    word = chip.convert(-8000.0, -200.0)
    assert (hot_c(word), cold_c(word)) == (-2048.0, -128.0)


@pytest.mark.parametrize("faults", range(1, 8))
def test_a_fault_shows_with_its_cause_and_keeps_the_hot_junction(chip: Chip, faults: int) -> None:
    before = chip.convert(37.0)
    word = chip.convert(80.0, 25.0, faults)
    assert word & 0x1000F == 0x10000 | faults
    assert hot_c(word) == hot_c(before)
    assert cold_c(word) == 25.0
    assert hot_c(chip.convert(80.0)) > 70


def test_other_bits_of_the_inputs_are_none_of_its_faults(chip: Chip) -> None:
    assert chip.convert(faults=8) == chip.convert()


@pytest.mark.parametrize("letter", LETTERS)
def test_the_voltage_is_nists(letter: str) -> None:
    """Between the points of the table too: to 0.02 °C where tissue is, to 0.05 °C over the table."""
    model, curve = Chip(letter).model, get(letter)
    for quarter in range(-200, 1601):
        celsius = quarter / 4
        error_mv = model.emf_nv(round(celsius * C)) / 1e6 - curve.emf(celsius)
        assert abs(error_mv / curve.seebeck(celsius)) < (0.02 if 0 <= celsius <= 100 else 0.05)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_reading_is_the_data_sheets_straight_line(letter: str) -> None:
    """Rounded down, from NIST's voltage and the mean slope up to 1000 °C, for type T up to 400 °C."""
    chip, curve = Chip(letter), get(letter)
    span_c = 400 if letter == "T" else 1000
    gain = round(curve.emf(span_c), 3) / span_c
    for hot in range(-40, 391, 10):
        for cold in (0, 24, 60):
            line = cold + (curve.emf(hot) - curve.emf(cold)) / gain
            assert -0.26 <= hot_c(chip.convert(hot, cold)) - line <= 0.01


@pytest.mark.parametrize("letter", LETTERS)
def test_the_driver_gives_back_what_went_in(letter: str) -> None:
    """Within one step of the reading, 0.25 °C to the chip, which is more where the curve is flatter than its gain."""
    driver, reading = load("drivers.max31855"), load("drivers.reading")
    chip, curve = Chip(letter), get(letter)
    bus = SimpleNamespace(init=lambda phase: None, write_readinto=chip.model.transfer)
    number = reading.TYPES.index(letter)
    device = driver.MAX31855(bus, lambda level: None, number)
    for hot in range(1, 101, 3):
        for cold in (5.0, 24.0, 43.1875):
            chip.convert(hot, cold)
            assert device.read() == reading.OK
            step_c = 0.25 * driver.SENSITIVITY_NV[number] / 1e6 / curve.seebeck(hot)
            assert -step_c - 0.03 <= device.tc_mc / 1000 - hot <= 0.03
            assert device.cj_mc == int(cold * 1000)


LOCKED_RUN = """
import micropython
from max31855_chip import Chip

class Board:
    def __init__(self):
        self.started = 0
        self.selected = -1
        self.conversion_ms = [0]

answer = bytearray(4)
out = bytes(4)
chip = Chip(Board(), 0, "T")

def run():
    checksum = 0
    for i in range(2000):
        chip.transfer(out, answer)
        chip.finish(i * 800 - 200000, 98304 + i * 3, 1 if i % 10 == 0 else 0)
        for j in range(4):
            checksum = (checksum * 31 + answer[j]) & 0xFFFFFF
    return checksum

micropython.heap_lock()
try:
    checksum = run()
finally:
    micropython.heap_unlock()
print(checksum)
"""


@pytest.mark.micropython
def test_the_model_is_the_same_in_the_vm_and_allocates_nothing(tmp_path: Path) -> None:
    script = tmp_path / "locked.py"
    script.write_text(LOCKED_RUN)
    run = subprocess.run(
        [vm_path(), str(script)], env={"MICROPYPATH": str(STANDINS)}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    source = LOCKED_RUN[LOCKED_RUN.index("class Board") : LOCKED_RUN.index("micropython.heap_lock")]
    space: dict[str, Any] = {"Chip": StandIns().module("max31855_chip").Chip}
    exec(source, space)
    assert run.stdout.split() == [str(space["run"]())]
