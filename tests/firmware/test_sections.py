"""What the store's sections may hold: every bound at both ends, every refusal in its words, calibration to the m°C."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import COUNT_MAX, NAMES, content, loaded, sections, store


def changed(name: str, path: tuple[Any, ...], value: Any) -> Any:
    """The section's default with one value put in place."""
    section = found = sections.defaults()[name]
    for step in path[:-1]:
        found = found[step]
    found[path[-1]] = value
    return section


BOUNDS = [
    ("counters", ("boots",), 0, COUNT_MAX),
    ("counters", ("energy_j",), 0, COUNT_MAX),
    ("calibration", (0, "offset_mc"), -5000, 5000),
    ("calibration", (3, "slope_ppm"), -20000, 20000),
    ("calibration", (1, "quadratic_ppm_per_100c"), -10000, 10000),
    ("laser", ("points", 0, 1), 0, 65534),
    ("laser", ("points", 1, 0), 1, 25000),
    ("laser", ("points", 1, 1), 5244, 65535),
    ("laser", ("full_scale_mw",), 20000, 45000),
    ("latch", ("number",), 0, 9999),
    ("latch", ("where",), -9999, 9999),
    ("latch", ("value",), -COUNT_MAX, COUNT_MAX),
    ("latch", ("limit",), -COUNT_MAX, COUNT_MAX),
]


@pytest.mark.parametrize(("name", "path", "low", "high"), BOUNDS)
def test_both_bounds_are_inside_and_one_beyond_is_not(name: str, path: tuple[Any, ...], low: int, high: int) -> None:
    for value in (low, high):
        assert sections.check(name, changed(name, path, value)) == ""
    for value in (low - 1, high + 1, 1 << 40, -(1 << 40), float(low), True, None, str(low), [low]):
        assert sections.check(name, changed(name, path, value)) != ""


REFUSED: dict[str, tuple[str, Any, str]] = {
    "name too long": ("device", {"name": "x" * 33, "key": ""}, "device name has 33 letters: allowed are 32"),
    "name with a comma": ("device", {"name": "a,b", "key": ""}, "device name may only have plain letters"),
    "name with a quote": ("device", {"name": 'a"b', "key": ""}, "device name may only have plain letters"),
    "name with a line end": ("device", {"name": "a\nb", "key": ""}, "device name may only have plain letters"),
    "name with an umlaut": ("device", {"name": "Gerät", "key": ""}, "device name may only have plain letters"),
    "name no text": ("device", {"name": 1, "key": ""}, "device name is no text"),
    "short key": ("device", {"name": "", "key": "0" * 63}, "device key: allowed are 64"),
    "key in capitals": ("device", {"name": "", "key": "A" * 64}, "device key: allowed are 64"),
    "key with a letter inside": (
        "device",
        {"name": "", "key": "0" * 32 + "g" + "0" * 31},
        "device key: allowed are 64",
    ),
    "key no text": ("device", {"name": "", "key": 5}, "device key: allowed are 64"),
    "key missing": ("device", {"name": ""}, "device: key is missing"),
    "one field too many": ("device", {"name": "", "key": "", "more": 1}, "device has unknown fields"),
    "no set of fields": ("device", [], "device is no set of fields"),
    "three channels": ("calibration", sections.defaults()["calibration"][:3], "calibration has 3: allowed are 4 to 4"),
    "channel 2 no fields": ("calibration", changed("calibration", (2,), 0), "calibration of channel 2 is no set"),
    "offset too large": (
        "calibration",
        changed("calibration", (1, "offset_mc"), 5001),
        "calibration of channel 1: offset_mc = 5001: allowed are -5000 to 5000",
    ),
    "serial too long": (
        "calibration",
        changed("calibration", (3, "serial"), "x" * 17),
        "calibration of channel 3: serial",
    ),
    "month 13": (
        "calibration",
        changed("calibration", (0, "date"), "2026-13-01"),
        "calibration of channel 0: date is no",
    ),
    "day 0": ("calibration", changed("calibration", (0, "date"), "2026-01-00"), "calibration of channel 0: date is no"),
    "no date": (
        "calibration",
        changed("calibration", (0, "date"), "yesterday"),
        "calibration of channel 0: date is no",
    ),
    "a date with spaces": (
        "calibration",
        changed("calibration", (0, "date"), "2026- 1- 1"),
        "calibration of channel 0: d",
    ),
    "one point": ("laser", changed("laser", ("points",), [[0, 0]]), "laser points has 1: allowed are 2 to 12"),
    "13 points": ("laser", changed("laser", ("points",), [[i, i] for i in range(13)]), "laser points has 13"),
    "more than the maximum": (
        "laser",
        changed("laser", ("points", 1, 0), 25001),
        "laser point 1: mW = 25001: allowed are 0 to 25000",
    ),
    "the same power twice": (
        "laser",
        changed("laser", ("points",), [[0, 1], [5, 2], [5, 3]]),
        "laser point 2 = 5 mW at duty 3: not above the point before",
    ),
    "the same duty twice": (
        "laser",
        changed("laser", ("points",), [[0, 1], [5, 1]]),
        "laser point 1 = 5 mW at duty 1: not",
    ),
    "falling duty": (
        "laser",
        changed("laser", ("points",), [[0, 9], [5, 8]]),
        "laser point 1 = 5 mW at duty 8: not above",
    ),
    "falling power": (
        "laser",
        changed("laser", ("points",), [[0, 1], [9, 2], [8, 3]]),
        "laser point 2 = 8 mW at duty 3",
    ),
    "no point at 0 mW": ("laser", changed("laser", ("points",), [[1, 1], [2, 2]]), "laser point 0 is 1 mW: the table"),
    "a point of three": (
        "laser",
        changed("laser", ("points", 1), [1, 2, 3]),
        "laser point 1 has 3: allowed are 2 to 2",
    ),
    "a point of none": ("laser", changed("laser", ("points", 1), None), "laser point 1 is no list"),
    "an unknown section": ("plan", {}, "unknown section plan"),
    "the journal": ("journal", [], "the journal is only added to"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_and_changes_nothing(case: str, tmp_path: Path) -> None:
    name, value, problem = REFUSED[case]
    memory = loaded(tmp_path / "store")
    assert memory.put(name, value).startswith(problem)
    assert not memory.dirty
    assert content(memory) == sections.defaults()


def test_a_problem_never_quotes_the_key() -> None:
    for key in ("e" * 63, "E" * 64, "e" * 65):
        assert "eee" not in sections.check("device", {"name": "", "key": key}).lower()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.dictionaries(st.sampled_from(["name", "key", "points", "boots", "number"]), inner, max_size=5)
    ),
)


@given(st.sampled_from(NAMES), anything)
@settings(max_examples=300)
def test_a_check_never_raises(name: str, value: Any) -> None:
    assert isinstance(sections.check(name, value), str)
    assert sections.check_all({name: value}).startswith("store: ")
    assert isinstance(sections.check_all({**sections.defaults(), name: value}), str)


@given(st.lists(anything, min_size=6, max_size=6))
@settings(max_examples=200)
def test_a_note_never_raises_and_is_always_valid(note: list[Any]) -> None:
    memory = store.Store("none")
    memory.note(*note)
    assert sections.check("journal", memory.section("journal")) == ""


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        (("F", -1, 10000, -10000, 1 << 30, -(1 << 30)), [0, 0, "F", 9999, -9999, COUNT_MAX, -COUNT_MAX]),
        (("f", 1 << 31, 0, 0, 0, 0), [0, COUNT_MAX, "?", 0, 0, 0, 0]),
        (("", None, 1.5, "x", [], True), [0, 0, "?", 0, 0, 0, 0]),
    ],
)
def test_a_note_is_brought_within_its_bounds(given_: tuple[Any, ...], kept: list[Any]) -> None:
    memory = store.Store("none")
    memory.note(*given_)
    assert memory.journal(0) == kept
    assert memory.dirty


@pytest.mark.parametrize(
    "entries",
    [
        [[0, 0, "F", 0, 0, 0]],
        [(0, 0, "F", 0, 0, 0, 0)],
        [[0, 0, "FF", 0, 0, 0, 0]],
        [[-1, 0, "F", 0, 0, 0, 0]],
        [[0, 0, "F", 0, 0, 0, 1 << 30]],
        [[0, 0, "F", 0, 0, 0, 0]] * 101,
        {},
    ],
)
def test_no_other_journal_is_believed(entries: Any) -> None:
    assert sections.check("journal", [[0, 0, "?", 0, 0, 0, 0]] * 100) == ""
    assert sections.check("journal", entries).startswith("journal ")


# Calibration


class Small(int):
    """An integer that must stay within the board's 31 bits."""

    def _checked(self, value: int) -> Small:
        assert -(1 << 30) <= value < 1 << 30
        return Small(value)

    def __add__(self, other: int) -> Small:
        return self._checked(int(self) + other)

    def __sub__(self, other: int) -> Small:
        return self._checked(int(self) - other)

    def __mul__(self, other: int) -> Small:
        return self._checked(int(self) * int(other))

    def __floordiv__(self, other: int) -> Small:
        return self._checked(int(self) // other)

    __radd__ = __add__


calibrations = st.tuples(st.integers(-5000, 5000), st.integers(-20000, 20000), st.integers(-10000, 10000))


@given(st.integers(-300000, 2000000), calibrations)
@settings(max_examples=300)
def test_a_corrected_reading_is_exact_to_2_mc(reading: int, calibration: tuple[int, int, int]) -> None:
    offset, slope, quadratic = calibration
    away = max(-100000, min(100000, reading - 45000))
    exact = reading + offset + Fraction(away, 1000000) * (slope + Fraction(away, 100000) * quadratic)
    corrected = sections.corrected_mc(Small(reading), Small(offset), Small(slope), Small(quadratic))
    assert abs(corrected - exact) <= 2


@pytest.mark.parametrize("slope", [-20000, 20000])
@pytest.mark.parametrize("quadratic", [-10000, 10000])
def test_the_largest_correction_stays_within_the_boards_integers(slope: int, quadratic: int) -> None:
    for reading in (-(1 << 29), -300000, -55001, -55000, 0, 145000, 145001, 2000000, 1 << 29):
        sections.corrected_mc(Small(reading), Small(5000), Small(slope), Small(quadratic))


def test_at_the_reference_only_the_offset_counts() -> None:
    assert sections.corrected_mc(45000, -120, 20000, -10000) == 44880
    assert sections.corrected_mc(55000, 0, 10000, 0) == 55100
    assert sections.corrected_mc(145000, 0, 0, 10000) == 146000
    assert sections.corrected_mc(-55000, 0, 0, 10000) == -54000
