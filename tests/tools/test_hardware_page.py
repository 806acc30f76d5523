"""The page of the hardware is the one that the boards and the parts' values give, and its figures are right."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from support.firmware import FOLDER

TOP = Path(__file__).parents[2]
TOOL = runpy.run_path(str(TOP / "tools" / "hardware_page.py"))
PAGE = TOP / "docs" / "hardware.md"
SECONDS = 1e-6
"""Step of the simulated low-pass."""


def low_pass(duty: float, start_v: float, periods: int) -> list[float]:
    """The set-point's voltage over time, behind both stages as they are: two capacitors, two resistors."""
    r1, c1, r2, c2 = (TOOL[name] for name in ("R1_OHM", "C1_F", "R2_OHM", "C2_F"))
    steps = round(1 / TOOL["PWM_HZ"] / SECONDS)
    first = second = start_v
    trace = []
    for step in range(periods * steps):
        drive = TOOL["SUPPLY_V"] if step % steps < duty * steps else 0.0
        between = (first - second) / r2
        first += SECONDS * ((drive - first) / r1 - between) / c1
        second += SECONDS * between / c2
        trace.append(second)
    return trace


def test_page_and_drawing_are_up_to_date() -> None:
    for path, text in TOOL["outputs"]():
        assert path.read_text() == text, "run `make docs`"


def test_every_pin_of_every_board_stands_on_the_page_once() -> None:
    tables = TOOL["pin_tables"]().split("**")[1:]
    boards = dict(zip(tables[::2], tables[1::2], strict=True))
    assert len(boards) == 1 + len(list((FOLDER / "boards").glob("*.py")))
    for board in TOOL["BOARDS"]:
        rows = [line.split("|") for line in boards[board.NAME].split("\n") if re.match(r"\| \d", line)]
        shown = [int(row[1]) for row in rows]
        spi = [board.SPI_SCK, board.SPI_MOSI, board.SPI_MISO, *board.CHIP_SELECTS]
        named = [*board.OUTPUTS, *board.INPUTS, *spi, board.PHOTODIODE_ADC, board.SUPPLY_ADC]
        named += [board.DATA_READY] if hasattr(board, "DATA_READY") else []
        assert shown == sorted(named)
        assert {int(row[1]) for row in rows if row[3].strip() == "out"} >= set(board.OUTPUTS)
        assert {int(row[1]) for row in rows if row[3].strip() == "in, pull-up"} >= set(board.INPUTS)


def test_a_pin_without_a_description_is_refused() -> None:
    with pytest.raises(KeyError, match="NEW_LAMP"):
        TOOL["pins"](SimpleNamespace(NEW_LAMP=3))


def test_a_board_whose_wake_up_is_not_known_is_refused() -> None:
    with pytest.raises(KeyError, match="another"):
        TOOL["at_power_up"]("another", 1)


def test_no_output_of_a_board_is_driven_high_before_boot() -> None:
    for board in TOOL["BOARDS"]:
        for gpio in board.OUTPUTS:
            said = TOOL["at_power_up"](board.NAME, gpio)
            assert said in ("input, pull-down", "floating; 60 µs low", "floating"), (board.NAME, gpio)


def test_the_ripple_is_that_of_the_circuit() -> None:
    last = low_pass(0.5, TOOL["SUPPLY_V"] / 2, 400)[-200:]
    assert max(last) - min(last) == pytest.approx(TOOL["ripple_v"](), rel=0.1)


def test_the_light_is_off_when_the_page_says_so() -> None:
    trace = low_pass(0.0, TOOL["SUPPLY_V"], 200)
    end_v = TOOL["THRESHOLD"] * TOOL["SUPPLY_V"]
    dark_s = next(i for i, volts in enumerate(trace) if volts <= end_v) * SECONDS
    assert TOOL["fall_s"](TOOL["THRESHOLD"]) == pytest.approx(dark_s, abs=1e-4)
    assert dark_s < 0.02


def test_at_the_corner_the_gain_is_down_by_three_decibels() -> None:
    assert TOOL["gain"](TOOL["corner_hz"]()) == pytest.approx(0.5**0.5, abs=0.001)


def test_the_monostable_outlasts_a_late_cycle_and_ends_in_time() -> None:
    """100 ms and 50 ms late, and the 250 ms that the simulated laser has too; retriggered by each edge."""
    from imilt_sim.laser_driver import MONOSTABLE_MS

    pulses = [k * TOOL["MONOSTABLE_OHM"] * TOOL["MONOSTABLE_F"] for k in TOOL["MONOSTABLE_K"]]
    assert all(0.15 < pulse <= MONOSTABLE_MS / 1000 for pulse in pulses)
    assert TOOL["retrigger_s"]() < 0.05


@pytest.mark.parametrize(
    "mark", ["<!-- pins: written by `make docs` -->", "<!-- end of pins -->", "<!-- end of figures -->"]
)
def test_a_mark_that_is_missing_or_stands_twice_is_refused(mark: str) -> None:
    page = PAGE.read_text()
    for spoiled in (page.replace(mark, ""), page.replace(mark, f"{mark}\n{mark}\n")):
        with pytest.raises(ValueError, match="marks"):
            TOOL["filled"](spoiled)


def test_filling_in_changes_nothing_else() -> None:
    page = PAGE.read_text()
    emptied = re.sub(r"(make docs` -->\n).*?(<!-- end)", r"\1\2", page, flags=re.DOTALL)
    assert len(emptied) < len(page) - 1000
    assert TOOL["filled"](emptied) == page


def test_the_drawing_is_well_formed_and_within_its_frame() -> None:
    root = ElementTree.fromstring(TOOL["drawing"]())
    _, _, width, height = (int(number) for number in root.attrib["viewBox"].split())
    for shape in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = int(shape.get("x", 0)), int(shape.get("y", 0))
        assert x + int(shape.attrib["width"]) <= width
        assert y + int(shape.attrib["height"]) <= height
    pico = TOOL["BOARDS"][0]
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f"GPIO {pin}" for pin in (pico.LASER_PWM, pico.LASER_ENABLE, pico.PHOTODIODE_ADC)} <= texts


def test_the_page_is_short_and_its_links_lead_somewhere() -> None:
    text = PAGE.read_text()
    assert text.count("\n") <= 200
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).strip().replace(" ", "-")
        for line in text.split("\n")
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        else:
            assert (PAGE.parent / target).exists(), target
