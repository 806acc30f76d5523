"""What the firmware's sources may contain: its pins, its imports, and nothing that allocates in the part that runs
locked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.firmware import FOLDER, SOURCES, load
from support.ranges import LOCKED, ONLY

from imilt_sim.standins import wiring

LIBRARY = {"machine", "time", "micropython", "select", "sys", "os", "binascii", "hashlib", "json", "gc"}
NAMES = {str(path.relative_to(FOLDER)): path for path in SOURCES}
OWN = {name.removesuffix(".py").replace("/", "."): name for name in NAMES}
LOCKED_NAMES = [name for name in NAMES if name.startswith(LOCKED)]
PURE = (
    "after_heat.py",
    "alarms.py",
    "artefact.py",
    "control.py",
    "diagnosis.py",
    "dose.py",
    "drivers/interlock.py",
    "drivers/its90.py",
    "drivers/laser.py",
    "drivers/reading.py",
    "estimate.py",
    "faults.py",
    "felt.py",
    "hands.py",
    "hazards.py",
    "identify.py",
    "limits.py",
    "models.py",
    "notices.py",
    "safety.py",
    "sections.py",
    "self_test.py",
    "sensing.py",
    "settings.py",
    "treatment.py",
    "trends.py",
    "windows.py",
)
# On the device these lie outside the banks: they must start with whatever is left of the rest.
ROOT = ("boot.py", "main.py", "board.py")
BOARD_INTEGER = 1 << 30


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 8))


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """The modules that these nodes import, by their full names."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "MicroPython finds modules by their full names"
            if node.module == "drivers":
                names |= {f"drivers.{alias.name}" for alias in node.names}
            else:
                names.add(node.module or "")
    return names


def imports(path: Path) -> set[str]:
    return imported(ast.walk(tree(path)))


def in_functions(path: Path) -> Iterator[ast.AST]:
    """Every node inside a function: what runs in the cycle, not once at import."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            yield from ast.walk(node)


# Pins


def test_the_pins_are_as_the_board_is_wired() -> None:
    board = load("board")
    for name in ("LASER_PWM", "LASER_ENABLE", "BUZZER", "CHIP_SELECTS", "INPUTS", "PHOTODIODE_ADC", "SUPPLY_ADC"):
        assert getattr(board, name) == getattr(wiring, name), name
    lamps = (board.AIMING_BEAM, board.EMISSION_INDICATOR, board.ALARM_RED, board.ALARM_YELLOW, board.BUZZER)
    assert lamps == wiring.OUTPUTS


def test_no_pin_has_two_uses_and_every_one_is_there() -> None:
    """23, 24 and 25 are the Pico's own."""
    board = load("board")
    used = [*board.OUTPUTS, *board.INPUTS, *board.CHIP_SELECTS, board.SPI_SCK, board.SPI_MOSI, board.SPI_MISO]
    used += [board.PHOTODIODE_ADC, board.SUPPLY_ADC]
    assert len(set(used)) == len(used)
    assert all(0 <= number <= 29 and number not in (23, 24, 25) for number in used)
    assert 26 <= board.PHOTODIODE_ADC <= 29
    assert board.SUPPLY_ADC == 29
    # Of eight PWM slices, two pins each, the laser and the buzzer need their own, and the laser one that a reset halts.
    assert board.LASER_PWM >> 1 & 7 != board.BUZZER >> 1 & 7
    assert board.LASER_PWM >> 1 & 7 < 4


def test_dark_reaches_everything_that_emits_or_tells() -> None:
    board = load("board")
    lamps = {board.AIMING_BEAM, board.EMISSION_INDICATOR, board.ALARM_RED, board.ALARM_YELLOW, board.BUZZER}
    assert set(board.OUTPUTS) == lamps | {board.LASER_PWM, board.LASER_ENABLE}
    assert board.OUTPUTS[:2] == (board.LASER_PWM, board.LASER_ENABLE)  # the first to be dark


def test_the_contacts_are_the_bits_of_the_mask() -> None:
    board, interlock = load("board"), load("drivers.interlock")
    names = (
        "EMERGENCY_STOP",
        "KEY",
        "REMOTE",
        "FIBRE",
        "COVER",
        "FOOTSWITCH",
        "READY_BUTTON",
        "SILENCE",
        "SERVICE",
    )
    assert len(board.INPUTS) == len(names)
    for i, name in enumerate(names):
        assert getattr(interlock, name) == 1 << i
        assert board.INPUTS[i] == getattr(board, name)


def test_the_lamps_are_the_bits_of_their_mask() -> None:
    board, indicators = load("board"), load("drivers.indicators")
    pairs = {"AIMING": "AIMING_BEAM", "EMISSION": "EMISSION_INDICATOR", "RED": "ALARM_RED", "YELLOW": "ALARM_YELLOW"}
    for bit, pin in (pairs | {"BUZZER": "BUZZER"}).items():
        assert getattr(indicators, bit) == 1 << wiring.OUTPUTS.index(getattr(board, pin))


# Imports


@pytest.mark.parametrize("name", NAMES)
def test_imports_nothing_but_micropython_and_itself(name: str) -> None:
    assert imports(NAMES[name]) <= LIBRARY | set(OWN)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("drivers/")])
def test_drivers_know_nothing_of_treatments(name: str) -> None:
    assert imports(NAMES[name]) <= LIBRARY | {module for module in OWN if module.startswith("drivers.")}


def closure(name: str) -> set[str]:
    """All that comes in with one file, the firmware's own by their files."""
    found, open_ = set(), [name]
    while open_:
        for module in imports(NAMES[open_.pop()]):
            file = OWN.get(module, module)
            if file not in found:
                found.add(file)
                if file in NAMES:
                    open_.append(file)
    return found


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_have_no_machine_and_no_clock_nor_has_what_they_import(name: str) -> None:
    assert closure(name) <= set(PURE) | {"micropython"}


@pytest.mark.parametrize("name", ROOT)
def test_what_starts_first_needs_nothing_of_a_bank(name: str) -> None:
    assert imported(iter(tree(NAMES[name]).body)) <= LIBRARY | {"board"}


# Numbers


@pytest.mark.parametrize("name", LOCKED_NAMES)
def test_no_float_and_no_division_in_the_locked_part(name: str) -> None:
    for node in in_functions(NAMES[name]):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)), where
        assert not isinstance(node, ast.Div | ast.Pow), where
        assert not (isinstance(node, ast.Name) and node.id in ("float", "round", "complex")), where


@pytest.mark.parametrize("name", LOCKED_NAMES)
def test_every_constant_of_the_locked_part_is_a_small_integer(name: str) -> None:
    for node in ast.walk(tree(NAMES[name])):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            assert abs(node.value) < BOARD_INTEGER, f"{name}:{node.lineno}"


def test_every_limit_is_a_small_integer() -> None:
    limits = {name: value for name, value in vars(load("limits")).items() if name.isupper()}
    assert len(limits) > 50
    for name, value in limits.items():
        for number in value if isinstance(value, tuple) else (value,):
            assert type(number) is int, name
            assert abs(number) < BOARD_INTEGER, name


def test_every_limit_is_used() -> None:
    texts = "\n".join(path.read_text() for name, path in NAMES.items() if name != "limits.py")
    said = {"SLOT_CYCLES"}  # why a frame has the length that it has
    for name in vars(load("limits")):
        assert not name.isupper() or f"limits.{name}" in texts or name in said, name


# Memory

# What runs once, at the start or for a command, or is only said about a locked part.
NOT_LOCKED = {
    "after_heat.py": ("__init__",),
    "alarms.py": ("__init__",),
    "artefact.py": ("__init__",),
    "control.py": ("__init__",),
    "diagnosis.py": ("__init__",),
    "dose.py": ("__init__",),
    "estimate.py": ("__init__", "configure"),
    "felt.py": ("__init__", "configure"),
    "hands.py": ("__init__",),
    "hazards.py": ("__init__",),
    "identify.py": ("__init__",),
    "notices.py": ("__init__",),
    "safety.py": ("__init__",),
    "self_test.py": ("__init__",),
    "sensing.py": ("__init__", "configure"),
    "treatment.py": ("__init__",),
    "trends.py": ("__init__",),
    "windows.py": ("__init__",),
    "drivers/indicators.py": ("__init__",),
    "drivers/interlock.py": ("__init__",),
    "drivers/laser.py": ("__init__", "calibrate"),
    "drivers/power_meter.py": ("__init__",),
    "drivers/supply.py": ("__init__",),
    "sections.py": (),
}
ALLOCATES = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.Lambda,
    ast.Slice,
    ast.Starred,
    ast.keyword,
    ast.Yield,
    ast.YieldFrom,
    ast.With,
    ast.Try,
)


def locked_functions(name: str) -> list[ast.FunctionDef]:
    functions = [node for node in ast.walk(tree(NAMES[name])) if isinstance(node, ast.FunctionDef)]
    kept = [node for node in functions if node.name not in NOT_LOCKED[name]]
    return [node for node in kept if name not in ONLY or node.name in ONLY[name]]


def constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


def may_stand(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    """False for what would need the heap, as far as a look can tell."""
    if isinstance(node, ast.Tuple):
        # The compiler folds constant ones, and does without one where up to three values are assigned to as many names.
        swap = isinstance(parents[id(node)], ast.Assign) and len(node.elts) <= 3
        return swap or all(constant(part) for part in node.elts)
    if isinstance(node, ast.Mod) and isinstance(parents[id(node)], ast.BinOp):
        parent = parents[id(node)]
        return not (isinstance(parent, ast.BinOp) and isinstance(parent.left, ast.Constant | ast.JoinedStr))
    if isinstance(node, ast.FunctionDef):
        return not isinstance(parents.get(id(node)), ast.FunctionDef)
    return not isinstance(node, ALLOCATES)


@pytest.mark.parametrize("name", NOT_LOCKED)
def test_nothing_that_plainly_allocates_in_what_runs_locked(name: str) -> None:
    """The rest of it is for the virtual machine, which runs the cycle with its heap locked."""
    functions = locked_functions(name)
    assert functions
    for function in functions:
        nodes = list(ast.walk(function))
        parents = {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}
        for node in nodes:
            assert may_stand(node, parents), f"{name}:{getattr(node, 'lineno', function.lineno)}"


@pytest.mark.parametrize(
    "body",
    [
        "return [x]",
        "return (x, 1)",
        "return {x: 1}",
        "return f'{x}'",
        "return '%d' % x",
        "return x[1:]",
        "return [i for i in x]",
        "return sum(i for i in x)",
        "return lambda: x",
        "def g():\n        return x\n    return g",
        "return f(x=1)",
        "return f(*x)",
        "a, b, c, d = x, x, x, x",
    ],
)
def test_the_look_finds_what_allocates(body: str) -> None:
    function = ast.parse(f"def f(x):\n    {body}\n").body[0]
    nodes = list(ast.walk(function))
    parents = {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}
    assert not all(may_stand(node, parents) for node in nodes)


@pytest.mark.parametrize("body", ["a, b = x, x", "return x in (A, B, 3)", "return x % 3", "a = b = x\n    return a"])
def test_the_look_lets_pass_what_does_not(body: str) -> None:
    function = ast.parse(f"def f(x):\n    {body}\n").body[0]
    nodes = list(ast.walk(function))
    parents = {id(child): node for node in nodes for child in ast.iter_child_nodes(node)}
    assert all(may_stand(node, parents) for node in nodes)


# Words


@pytest.mark.parametrize("name", NAMES)
def test_the_first_line_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(tree(NAMES[name]))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_knows_that_it_is_simulated(name: str) -> None:
    text = NAMES[name].read_text().lower()
    assert "imilt_sim" not in text
    assert "simulat" not in text


def test_every_function_is_used_somewhere() -> None:
    """By another line of the firmware; what only a test calls would never run on a device."""
    nodes = [(name, node) for name, path in NAMES.items() for node in ast.walk(tree(path))]
    names = {node.id for _, node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    attributes = {node.attr for _, node in nodes if isinstance(node, ast.Attribute)}
    methods = {id(part) for _, node in nodes if isinstance(node, ast.ClassDef) for part in node.body}
    for file, node in nodes:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            used = node.name in attributes or (id(node) not in methods and node.name in names)
            assert used, f"{file}: {node.name}"
