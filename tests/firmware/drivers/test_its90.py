"""The ITS-90 curves: generated as they stand, on NIST's published tables, and within their stated errors."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.firmware import load
from thermocouple_its90 import get

TOP = Path(__file__).parents[3]
its90, reading, driver = load("drivers.its90"), load("drivers.reading"), load("drivers.max31855")
LETTERS = "EJKNRST"
PUBLISHED_MV = {
    "E": {-200: -8.825, -100: -5.237, 0: 0.0, 100: 6.319, 400: 28.946, 1000: 76.373},
    "J": {-210: -8.095, -100: -4.633, 0: 0.0, 100: 5.269, 400: 21.848, 1200: 69.553},
    "K": {-250: -6.404, -200: -5.891, 0: 0.0, 25: 1.000, 46: 1.858, 100: 4.096, 400: 16.397, 1000: 41.276},
    "N": {-200: -3.990, -100: -2.407, 0: 0.0, 100: 2.774, 400: 12.974, 1300: 47.513},
    "R": {-50: -0.226, 0: 0.0, 100: 0.647, 400: 3.408, 1000: 10.506, 1700: 20.222},
    "S": {-50: -0.236, 0: 0.0, 100: 0.646, 400: 3.259, 1000: 9.587, 1700: 17.947},
    "T": {-250: -6.180, -200: -5.603, -100: -3.379, 0: 0.0, 25: 0.992, 46: 1.865, 100: 4.279, 400: 20.872},
}
"""From the NIST ITS-90 Thermocouple Database (SRD 60)."""


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return runpy.run_path(str(TOP / "tools" / "its90_tables.py"))


def knots(letter: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return driver.knots(reading.TYPES.index(letter))


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("firmware/drivers/its90.py", "firmware_module"),
        ("sim/imilt_sim/standins/its90_emf.py", "simulator_module"),
    ],
)
def test_the_tables_are_up_to_date(tables: dict[str, Any], path: str, function: str) -> None:
    assert (TOP / path).read_text() == tables[function](), "run `make its90`"


@pytest.mark.parametrize(
    ("letter", "celsius", "mv"),
    [(letter, celsius, mv) for letter, points in PUBLISHED_MV.items() for celsius, mv in points.items()],
)
def test_the_curves_run_through_the_published_tables(letter: str, celsius: int, mv: float) -> None:
    """To the last digit that is published and the error that the tables have."""
    error_mv = 0.0005 + abs(get(letter).seebeck(celsius)) * 0.1
    assert float(np.interp(celsius, *knots(letter))) / 16000 == pytest.approx(mv, abs=error_mv)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_gain_is_the_mean_slope_from_0_to_1000_degrees(letter: str) -> None:
    """What the data sheet states for each type is NIST's voltage at 1000 °C, for type T at its end, 400 °C."""
    span_c = 400 if letter == "T" else 1000
    gain_nv = driver.SENSITIVITY_NV[reading.TYPES.index(letter)]
    assert gain_nv * span_c / 1e6 == pytest.approx(get(letter).emf(span_c), abs=0.0005)


@pytest.mark.parametrize("letter", LETTERS)
def test_knots_ascend_and_fit_the_boards_integers(letter: str) -> None:
    celsius, emf = knots(letter)
    for (c0, c1), (e0, e1) in zip(itertools.pairwise(celsius), itertools.pairwise(emf), strict=True):
        assert 0 < c1 - c0 <= 255
        assert 0 < e1 - e0 <= 0xFFFF
        assert (c1 - c0) * (e1 - e0) < 1 << 30
        assert (e1 - e0) * 1000 < 1 << 30
        assert 61 * 16 * (e1 - e0) < 1 << 30


def test_all_types_together_stay_small() -> None:
    assert sum(map(len, its90.KNOTS)) < 2000
    assert its90.KNOTS[reading.TYPE_B] == b""


@pytest.mark.parametrize("letter", LETTERS)
def test_every_reading_is_within_the_stated_error(letter: str) -> None:
    """Whole frames through the driver, against the exact curve; cold junctions between the knots too."""
    near_error_c, error_c = stated_errors(letter)
    assert near_error_c <= 0.05
    assert error_c <= 0.3
    curve = get(letter)
    number = reading.TYPES.index(letter)
    bus = Frames()
    chip = driver.MAX31855(bus, lambda level: None, number)
    emfs_mv, read_c = [], []
    for cold_c16 in (0, 187, 384, 555, 813, 960):
        cold_mv = curve.emf(cold_c16 / 16)
        for code in range(-0x2000, 0x2000):
            bus.frame = ((code & 0x3FFF) << 18 | cold_c16 << 4).to_bytes(4, "big")
            if chip.read() in (reading.OK, reading.HIGH, reading.LOW):
                emfs_mv.append((code / 4 - cold_c16 / 16) * driver.SENSITIVITY_NV[number] / 1e6 + cold_mv)
                read_c.append(chip.tc_mc / 1000)
    lowest, highest = knots(letter)[0][0], knots(letter)[0][-1]
    grid_c = np.linspace(lowest, highest, 40001)
    true_c = np.interp(emfs_mv, [curve.emf(c) for c in grid_c.tolist()], grid_c)
    off_c = np.abs(np.array(read_c) - true_c)
    near = (true_c >= 0) & (true_c <= 100)
    assert near.sum() > 1000
    assert true_c.min() < lowest + 30
    assert true_c.max() > highest - 1
    assert off_c[near].max() <= near_error_c + 0.002
    assert off_c.max() <= error_c + 0.002


def stated_errors(letter: str) -> tuple[float, float]:
    """Near body temperature and over the whole range, °C, as the table's docstring has them."""
    row = next(line for line in its90.__doc__.splitlines() if line.startswith(f"| {letter} |"))
    near, whole = row.split("|")[3:5]
    return float(near), float(whole)


class Frames:
    """A bus that gives the frame that was put there."""

    def __init__(self) -> None:
        self.frame = bytes(4)

    def init(self, *, phase: int) -> None: ...

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        answer[:] = self.frame
