"""Writes the thermocouples' ITS-90 curves for firmware and simulator from NIST's coefficients; `make its90`.

The coefficients are those of `thermocouple-its90`, read by machine from the NIST ITS-90 Thermocouple Database (SRD 60).
"""

import itertools
import math
import runpy
import sys
import textwrap
import types
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from thermocouple_its90 import Thermocouple, get

TOP = Path(__file__).parent.parent
FIRMWARE = TOP / "firmware" / "drivers" / "its90.py"
SIMULATOR = TOP / "sim" / "imilt_sim" / "standins" / "its90_emf.py"

LETTERS = "BEJKNRST"
"""In the order of the types' numbers; the MAX31855 is made for all but B."""
NEAR_C = (0, 100)
"""Where the tissue and the connectors are: the curve is followed closely here."""
NEAR_TOLERANCE_C, FAR_TOLERANCE_C = 0.01, 0.1
LOWEST_C = -250
"""Colder, the curves run flat: a step of the reading, 0.25 °C to the chip, is 2 °C or more there."""
EMF_PER_MV = 16000  # the firmware's unit is 1/16 µV
COLD_C16 = range(0, 961, 96)
"""Cold junctions at which the error is measured: 0 to 60 °C in steps of 6 °C, in 1/16 °C."""
SIMULATED_C = range(-50, 401, 5)

FIRMWARE_HEAD = '''"""The thermocouples' ITS-90 curves, from NIST's coefficients. Written by `make its90`.

Largest errors of the driver's arithmetic against the exact curve, °C, over every reading of the MAX31855 and cold
junctions from 0 to 60 °C:

| type | range, °C | hot junction 0 to 100 °C | whole range |
|---|---|---|---|
{errors}

One entry for each type of "BEJKNRST". Big-endian: °C in 2 and 1/16 µV in 3 bytes, both signed, then for every knot
the steps to it, °C in 1 byte and 1/16 µV in 2.
"""
'''
SIMULATOR_HEAD = '''"""Thermocouple voltages by ITS-90, nV at a cold junction of 0 °C. Written by `make its90`.

By type, from {start} to {end} °C in steps of {step} °C.
"""

START_C, STEP_C = {start}, {step}
'''


def emf(curve: Thermocouple, celsius: float) -> int:
    """In the firmware's unit, rounded."""
    return round(curve.emf(celsius) * EMF_PER_MV)


def limits_c(curve: Thermocouple) -> tuple[int, int]:
    """Lowest and highest whole °C of the tables."""
    lowest, highest = curve.range
    return max(math.ceil(lowest), LOWEST_C), math.floor(highest)


def chord_error_c(curve: Thermocouple, start: int, end: int) -> float:
    """How far the straight line between two knots is off, °C."""
    low, high = emf(curve, start), emf(curve, end)
    points = (start + i / 2 for i in range(2 * (end - start)))
    return max(abs(start + (curve.emf(c) * EMF_PER_MV - low) * (end - start) / (high - low) - c) for c in points)


def knots(curve: Thermocouple) -> list[int]:
    """The fewest whole °C, each step as long as the tolerance and the packed form allow."""
    lowest, highest = limits_c(curve)
    found = [lowest]
    while found[-1] < highest:
        start = found[-1]
        end = start + 1
        while end < highest and step_fits(curve, start, end + 1):
            end += 1
        found.append(end)
    return found


def step_fits(curve: Thermocouple, start: int, end: int) -> bool:
    if end - start > 0xFF or emf(curve, end) - emf(curve, start) > 0xFFFF:
        return False
    near = start < NEAR_C[1] and end > NEAR_C[0]
    return chord_error_c(curve, start, end) <= (NEAR_TOLERANCE_C if near else FAR_TOLERANCE_C)


def packed(letter: str) -> bytes:
    """One entry of the firmware's table."""
    if letter == "B":
        return b""
    curve = get(letter)
    celsius = knots(curve)
    emfs = [emf(curve, c) for c in celsius]
    data = celsius[0].to_bytes(2, "big", signed=True) + emfs[0].to_bytes(3, "big", signed=True)
    for (c0, c1), (e0, e1) in zip(itertools.pairwise(celsius), itertools.pairwise(emfs), strict=True):
        data += bytes((c1 - c0,)) + (e1 - e0).to_bytes(2, "big")
    return data


def as_source(data: bytes) -> str:
    """A bytes literal as the formatter leaves it: all escapes, in lines of 28 bytes."""
    text = "".join(f"\\x{byte:02x}" for byte in data)
    lines = [text[i : i + 4 * 28] for i in range(0, len(text), 4 * 28)]
    return "\n".join(f'    b"{line}"' for line in lines)


def firmware_module() -> str:
    """The text of the firmware's table."""
    entries = [as_source(packed(letter)) for letter in LETTERS]
    body = "".join(
        f"    (\n{entry.replace('    b', '        b')}\n    ),\n" if entry else '    b"",\n' for entry in entries
    )
    table = f"KNOTS = (\n{body})\n"
    rows = [f"| {letter} | {row} |" for letter, row in errors(table).items()]
    return FIRMWARE_HEAD.format(errors="\n".join(rows)) + "\n" + table


def errors(table: str) -> dict[str, str]:
    """Range and largest errors of every type, as the driver's own arithmetic has them with this table."""
    driver = load_driver(table)
    found = {}
    for number, letter in enumerate(LETTERS):
        if letter == "B":
            continue
        chip = driver["MAX31855"](None, lambda level: None, number)
        true_c, error_c = readings(chip, letter, driver["SENSITIVITY_NV"][number])
        near = (true_c >= NEAR_C[0]) & (true_c <= NEAR_C[1])
        lowest, highest = limits_c(get(letter))
        found[letter] = f"{lowest} to {highest} | {error_c[near].max():.3f} | {error_c.max():.3f}"
    return found


def readings(chip: Any, letter: str, nv_per_c: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exact temperature and the driver's error for every reading within the type's range, °C."""
    curve = get(letter)
    emfs, read_c = [], []
    for cold in COLD_C16:
        cold_emf = curve.emf(cold / 16) * EMF_PER_MV
        for code in range(-0x2000, 0x2000):
            difference = (code << 2) - cold
            if chip._linearise(difference, cold):
                emfs.append(difference * nv_per_c / 1000 + cold_emf)
                read_c.append(chip.tc_mc / 1000)
    true_c = exact_c(letter, np.array(emfs))
    return true_c, np.abs(np.array(read_c) - true_c)


def load_driver(table: str) -> dict[str, Any]:
    """The names of the driver's module, with this table in it."""
    drivers, its90 = types.ModuleType("drivers"), types.ModuleType("drivers.its90")
    exec(table, its90.__dict__)
    stubs = {"micropython": types.SimpleNamespace(const=lambda value: value), "drivers": drivers}
    with patch.dict(sys.modules, stubs):  # type: ignore[arg-type]
        reading = types.SimpleNamespace(**runpy.run_path(str(FIRMWARE.with_name("reading.py"))))
        vars(drivers).update(its90=its90, reading=reading)
        return runpy.run_path(str(FIRMWARE.with_name("max31855.py")))


def simulator_module() -> str:
    """The text of the simulator's table: the chip model must not take its curve from the firmware that it tests."""
    head = SIMULATOR_HEAD.format(start=SIMULATED_C.start, end=SIMULATED_C[-1], step=SIMULATED_C.step)
    lines = []
    for letter in LETTERS:
        if letter != "B":
            curve = get(letter)
            row = ", ".join(str(round(curve.emf(c) * 1e6)) for c in SIMULATED_C)
            text = textwrap.fill(row, 112, initial_indent="        ", subsequent_indent="        ")
            lines.append(f'    "{letter}": (\n{text},\n    ),\n')
    return head + "# fmt: off\nEMF_NV = {\n" + "".join(lines) + "}\n"


def exact_c(letter: str, emfs: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITS-90 temperatures of voltages in the firmware's unit; outside the range, its ends."""
    curve = get(letter)
    grid = np.linspace(*limits_c(curve), 20001)
    return np.interp(emfs, [curve.emf(c) * EMF_PER_MV for c in grid.tolist()], grid)


if __name__ == "__main__":
    FIRMWARE.write_text(firmware_module())
    SIMULATOR.write_text(simulator_module())
