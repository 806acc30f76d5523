"""What the firmware's sources may contain: its pins, its imports, and no float in the part that runs locked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.firmware import FOLDER, SOURCES, load
from support.ranges import LOCKED

from imilt_sim.standins import wiring

LIBRARY = {"machine", "time", "micropython", "select", "sys", "os", "binascii", "hashlib"}
NAMES = {str(path.relative_to(FOLDER)): path for path in SOURCES}
OWN = {name.removesuffix(".py").replace("/", ".") for name in NAMES} | {"drivers"}
PURE = ("control.py", "safety.py", "dose.py", "treatment.py", "faults.py", "limits.py", "settings.py", "sensing.py")
BOARD_INTEGER = 1 << 30


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 8))


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "MicroPython finds modules by their full names"
            names.add(node.module or "")
    return names


def in_functions(path: Path) -> Iterator[ast.AST]:
    """Every node inside a function: what runs in the cycle, not once at import."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            yield from ast.walk(node)


def test_the_pins_are_as_the_board_is_wired() -> None:
    pins = load("pins")
    for name in ("LASER_PWM", "LASER_ENABLE", "CHIP_SELECTS", "INPUTS", "PHOTODIODE_ADC"):
        assert getattr(pins, name) == getattr(wiring, name), name
    used = [pins.LASER_PWM, pins.LASER_ENABLE, pins.SPI_SCK, pins.SPI_MOSI, pins.SPI_MISO, pins.PHOTODIODE_ADC]
    used += [*pins.CHIP_SELECTS, *pins.INPUTS]
    assert len(set(used)) == len(used)
    assert all(0 <= number <= 28 and number not in (23, 24, 25) for number in used)


def test_the_contacts_are_the_bits_of_the_mask() -> None:
    pins, interlock = load("pins"), load("drivers.interlock")
    names = ("EMERGENCY_STOP", "KEY", "REMOTE", "FIBRE", "FOOTSWITCH", "READY_BUTTON")
    assert [getattr(interlock, name) for name in names] == [1 << i for i in range(6)]
    numbers = {name: getattr(pins, "REMOTE_INTERLOCK" if name == "REMOTE" else name) for name in names}
    assert [pins.INPUTS.index(number) for number in numbers.values()] == list(range(6))


@pytest.mark.parametrize("name", NAMES)
def test_imports_nothing_but_micropython_and_itself(name: str) -> None:
    assert imports(NAMES[name]) <= LIBRARY | OWN


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("drivers/")])
def test_drivers_know_nothing_of_treatments(name: str) -> None:
    assert imports(NAMES[name]) <= LIBRARY


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_have_no_machine_and_no_clock(name: str) -> None:
    assert not imports(NAMES[name]) & (LIBRARY - {"micropython"})


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(LOCKED)])
def test_no_float_and_no_division_in_the_locked_part(name: str) -> None:
    for node in in_functions(NAMES[name]):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), where
        assert not isinstance(node, ast.Div | ast.Pow), where
        assert not (isinstance(node, ast.Name) and node.id in ("float", "round", "complex")), where


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(LOCKED)])
def test_every_constant_of_the_locked_part_is_a_small_integer(name: str) -> None:
    for node in ast.walk(tree(NAMES[name])):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            assert abs(node.value) < BOARD_INTEGER, f"{name}:{node.lineno}"


def test_every_limit_is_a_small_integer() -> None:
    limits = {name: value for name, value in vars(load("limits")).items() if name.isupper()}
    assert len(limits) > 30
    for name, value in limits.items():
        for number in value if isinstance(value, tuple) else (value,):
            assert type(number) is int, name
            assert abs(number) < BOARD_INTEGER, name


@pytest.mark.parametrize("name", NAMES)
def test_the_first_line_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(tree(NAMES[name]))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_knows_that_it_is_simulated(name: str) -> None:
    text = NAMES[name].read_text().lower()
    assert "imilt_sim" not in text
    assert "simulat" not in text
