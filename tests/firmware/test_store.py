"""The device's memory: what is saved comes back, in turn from two banks, on CPython and in MicroPython."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.firmware import FOLDER
from support.sim import require_vm
from support.stores import COUNT_MAX, SETTABLE, content, files, loaded, saved, sections, store

from imilt_sim.levels.micropython import vm_path


def test_before_loading_nothing_is_saved(tmp_path: Path) -> None:
    memory = store.Store(str(tmp_path / "store"))
    memory.count("boots", 1)
    assert memory.problem
    assert memory.save() == memory.problem
    assert not (tmp_path / "store").exists()


def test_a_fresh_store_has_the_defaults(tmp_path: Path) -> None:
    memory = loaded(tmp_path / "store")
    assert (memory.state, memory.problem, memory.dirty) == ("fresh", "", False)
    assert content(memory) == sections.defaults()
    assert sections.check_all(sections.defaults()) == ""
    assert memory.section("laser") == {"points": [[0, 5243], [25000, 65535]], "full_scale_mw": 30000}
    assert memory.section("counters") == {"boots": 0, "treatments": 0, "emission_s": 0, "energy_j": 0}
    assert memory.section("latch")["number"] == memory.journal_count() == 0
    assert [sections.corrected_mc(mc, 0, 0, 0) for mc in (-40000, 0, 46000)] == [-40000, 0, 46000]


def test_the_defaults_are_nobodys_to_change() -> None:
    first = sections.defaults()
    first["calibration"][0]["offset_mc"] = first["laser"]["points"][0][1] = 1
    assert first["calibration"][1]["offset_mc"] == sections.defaults()["calibration"][0]["offset_mc"] == 0
    assert sections.defaults()["laser"]["points"][0][1] == 5243


def test_the_banks_are_written_in_turn(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    memory = loaded(folder)
    before: dict[str, bytes] = {}
    for i in range(6):
        memory.note("F", i, 1, 2, 3, 4)
        assert memory.save() == ""
        now = files(folder)
        assert sorted(name for name in now if now[name] != before.get(name)) == ["ab"[i % 2]]
        assert now["ab"[i % 2]].startswith(b"imilt-store 1 %d " % (i + 1))
        again = loaded(folder)
        assert (again.state, again.problem, again.dirty) == ("good", "", False)
        assert content(again) == content(memory)
        before = now


def test_a_loaded_store_goes_on_where_it_was(tmp_path: Path) -> None:
    for i in range(12):
        memory = loaded(tmp_path / "store")
        assert memory.section("counters")["boots"] == i
        memory.count("boots", 1)
        assert memory.save() == ""
    assert files(tmp_path / "store")["b"].startswith(b"imilt-store 1 12 ")


def test_saving_without_a_change_writes_nothing(tmp_path: Path) -> None:
    memory = saved(tmp_path / "store", 3)
    before = files(tmp_path / "store")
    assert not memory.dirty
    assert memory.save() == ""
    assert memory.put("device", dict(memory.section("device"))) == ""
    assert not memory.dirty
    assert loaded(tmp_path / "store").save() == ""
    assert files(tmp_path / "store") == before


def test_a_section_changed_in_place_and_put_back_is_saved(tmp_path: Path) -> None:
    memory = saved(tmp_path / "store", 1)
    live = memory.section("calibration")
    live[2]["offset_mc"] = -150
    assert memory.put("calibration", live) == ""
    assert memory.dirty
    assert memory.save() == ""
    assert loaded(tmp_path / "store").section("calibration")[2]["offset_mc"] == -150


plain = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='",\\')
integer_30 = st.integers(-COUNT_MAX, COUNT_MAX)
channel = st.fixed_dictionaries(
    {
        "offset_mc": st.integers(-5000, 5000),
        "slope_ppm": st.integers(-20000, 20000),
        "quadratic_ppm_per_100c": st.integers(-10000, 10000),
        "serial": st.text(plain, max_size=16),
        "date": st.sampled_from(["", "2026-01-31", "1999-12-01"]),
    }
)


@st.composite
def laser(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(2, 12))
    mw = sorted(draw(st.sets(st.integers(1, 25000), min_size=size - 1, max_size=size - 1)))
    duty = sorted(draw(st.sets(st.integers(0, 65535), min_size=size, max_size=size)))
    points = [list(point) for point in zip([0, *mw], duty, strict=True)]
    return {"points": points, "full_scale_mw": draw(st.integers(20000, 45000))}


contents = st.fixed_dictionaries(
    {
        "device": st.fixed_dictionaries(
            {
                "name": st.text(plain, max_size=32),
                "key": st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64),
            }
        ),
        "calibration": st.lists(channel, min_size=4, max_size=4),
        "laser": laser(),
        "counters": st.fixed_dictionaries(dict.fromkeys(sections.defaults()["counters"], st.integers(0, COUNT_MAX))),
        "latch": st.fixed_dictionaries(
            {
                "number": st.integers(0, 9999),
                "where": st.integers(-9999, 9999),
                "value": integer_30,
                "limit": integer_30,
            }
        ),
    }
)


@given(contents, st.lists(st.tuples(st.sampled_from("ABFXZ"), *[integer_30] * 5), max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_taken_comes_back(tmp_path: Path, wanted: dict[str, Any], notes: list[tuple[Any, ...]]) -> None:
    memory = loaded(tmp_path / "store")
    for name, value in wanted.items():
        assert memory.put(name, value) == ""
    for note in notes:
        memory.note(*note)
    memory.dirty = True
    assert memory.save() == ""
    again = loaded(tmp_path / "store")
    assert again.state == "good"
    assert content(again) == content(memory)
    assert {name: again.section(name) for name in wanted} == wanted


def test_the_fullest_store_fits_into_8_kb(tmp_path: Path) -> None:
    full: dict[str, Any] = {
        "device": {"name": "x" * 32, "key": "f" * 64},
        "calibration": [
            {
                "offset_mc": -5000,
                "slope_ppm": -20000,
                "quadratic_ppm_per_100c": -10000,
                "serial": "x" * 16,
                "date": "2026-12-31",
            }
        ]
        * 4,
        "laser": {"points": [[0, 10000]] + [[10000 + i, 20000 + i] for i in range(11)], "full_scale_mw": 30000},
        "counters": dict.fromkeys(sections.defaults()["counters"], COUNT_MAX),
        "latch": {"number": 9999, "where": -9999, "value": -COUNT_MAX, "limit": -COUNT_MAX},
    }
    memory = loaded(tmp_path / "store")
    for name, value in full.items():
        assert memory.put(name, value) == ""
    for _ in range(100):
        memory.note("F", COUNT_MAX, -9999, -9999, -COUNT_MAX, -COUNT_MAX)
    assert memory.save() == ""
    assert 7000 < len(files(tmp_path / "store")["a"]) <= 8192
    assert content(loaded(tmp_path / "store")) == content(memory)


@pytest.mark.parametrize("name", SETTABLE)
def test_a_section_spoiled_in_place_is_not_saved(name: str, tmp_path: Path) -> None:
    memory = saved(tmp_path / "store", 2)
    before = files(tmp_path / "store")
    live = memory.section(name)
    if name == "calibration":
        live[0]["offset_mc"] = "warm"
    else:
        live.popitem()
    memory.dirty = True
    assert name in memory.save()
    assert memory.dirty
    assert files(tmp_path / "store") == before


# Journal, counters, latched fault


def test_the_journal_keeps_the_newest_hundred(tmp_path: Path) -> None:
    memory = loaded(tmp_path / "store")
    memory.count("boots", 7)
    for i in range(250):
        memory.note("F", i, 23, 1, -5, i)
        assert memory.journal_count() == min(i + 1, 100)
    assert memory.save() == ""
    for kept in (memory, loaded(tmp_path / "store")):
        assert [kept.journal(i) for i in range(100)] == [[7, 249 - i, "F", 23, 1, -5, 249 - i] for i in range(100)]
        assert kept.journal(-1) is kept.journal(100) is None


def test_counters_only_grow_and_end_where_they_end() -> None:
    memory = store.Store("none")
    memory.count("energy_j", 27000)
    memory.count("energy_j", 0)
    memory.count("energy_j", -5)
    assert memory.section("counters") == {"boots": 0, "treatments": 0, "emission_s": 0, "energy_j": 27000}
    memory.count("energy_j", COUNT_MAX)
    memory.count("energy_j", 1)
    assert memory.section("counters")["energy_j"] == COUNT_MAX


def test_the_first_latched_fault_stays_until_it_is_taken_back(tmp_path: Path) -> None:
    memory = loaded(tmp_path / "store")
    memory.latch(0, 1, 2, 3)
    assert not memory.dirty
    memory.latch(40, 1, 3100, 3000)
    memory.latch(12, 2, 1, 0)
    assert memory.save() == ""
    memory = loaded(tmp_path / "store")
    assert memory.section("latch") == {"number": 40, "where": 1, "value": 3100, "limit": 3000}
    memory.unlatch()
    assert memory.dirty
    assert memory.save() == ""
    memory = loaded(tmp_path / "store")
    assert memory.section("latch") == sections.defaults()["latch"]
    memory.unlatch()
    assert not memory.dirty
    memory.latch(99999, -99999, 1 << 30, -(1 << 30))
    assert memory.save() == ""
    assert memory.section("latch") == {"number": 9999, "where": -9999, "value": COUNT_MAX, "limit": -COUNT_MAX}


# MicroPython

IN_THE_VM = """
import json, micropython, sections, store, sys
memory = store.Store(sys.argv[1])
memory.load()
def corrected(mc):
    micropython.heap_lock()
    mc = sections.corrected_mc(mc, 1, 20000, 10000)
    micropython.heap_unlock()
    return mc
print(memory.state, corrected(61234), json.dumps([memory.section("device"), memory.journal(0), memory.journal_count()]))
memory.note("B", 1, 2, 3, 4, 5)
assert memory.put("device", {"name": "from the VM", "key": ""}) == ""
laser = {"points": [[0, 1.5], [1, 2]], "full_scale_mw": 30000}
assert memory.put("laser", laser) == "laser point 0: duty is no integer"
print(repr(memory.save()), memory.dirty)
"""


@pytest.mark.micropython
def test_micropython_and_cpython_read_each_others_store(tmp_path: Path) -> None:
    require_vm()
    memory = saved(tmp_path / "store", 3)
    memory.put("device", {"name": "from CPython", "key": "0f" * 32})
    assert memory.save() == ""
    command = [vm_path(), "-c", IN_THE_VM, str(tmp_path / "store")]
    environment = {"MICROPYPATH": str(FOLDER)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    state, corrected, told = first.split(" ", 2)
    assert (state, int(corrected)) == ("good", sections.corrected_mc(61234, 1, 20000, 10000))
    assert json.loads(told) == [{"name": "from CPython", "key": "0f" * 32}, [3, 2, "F", 23, 2, -2, 7], 3]
    assert second == "'' False"
    again = loaded(tmp_path / "store")
    assert (again.state, again.section("device")["name"]) == ("good", "from the VM")
    assert again.journal(0) == [3, 1, "B", 2, 3, 4, 5]
