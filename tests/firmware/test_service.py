"""Service: what can be set there, what it refuses, and that nothing there can be armed or lit."""

from __future__ import annotations

import json

import pytest
from support.bench import Bench, in_state
from support.firmware import load
from support.stubs import Board

limits, faults, sections = load("limits"), load("faults"), load("sections")
NAME = "name,left bench"
CALIBRATION = "calibration,2,-250,1500,-300,TC 0815,2026-11-23"
LASER = "laser,31000,0:6000,10000:30000,25000:65000"
KEY = "key," + "0123456789abcdef" * 4
ONLY_IN_SERVICE = "only in service: hold the service input and ask for service;enter in standby"


def in_service() -> Bench:
    bench = in_state("service")
    bench.cycle(3)
    return bench


def shown(bench: Bench, section: str) -> object:
    """The section as the device shows it, put together from its lines."""
    bench.shown.clear()
    assert bench.command("service", "show," + section) == (True, "")
    bench.cycle(10)
    text = ""
    for fields in bench.shown:
        assert fields[:2] == [section, str(len(text))]
        text += fields[3]
    assert {int(fields[2]) for fields in bench.shown} == {len(text)}
    return json.loads(text.replace(";", ","))


@pytest.mark.parametrize("state", ["standby", "fault"])
def test_entering_takes_a_hand_at_the_service_input_and_is_a_reset(state: str) -> None:
    bench = in_state(state)
    bench.cycle(2)
    assert bench.command("service", "enter") == (False, "hold the service input while asking")
    assert bench.board.resets == 0
    bench.board.close("service")
    bench.cycle(2)
    bench.host.send_signed("service", bench.app.count, "enter")
    while not bench.board.resets:
        bench.cycle()
    assert bench.board.scratch[2] == 1
    assert bench.state == state


@pytest.mark.parametrize("state", ["self-test", "ready", "heating", "holding", "paused", "cooling", "complete"])
def test_nothing_that_is_under_way_is_left_for_service(state: str) -> None:
    bench = in_state(state)
    bench.board.close("service")
    bench.cycle(2)
    assert bench.command("service", "enter") == (False, "not while " + state)
    assert (bench.board.resets, bench.board.scratch[2]) == (0, 0)


@pytest.mark.parametrize("state", ["standby", "ready", "heating", "paused", "fault", "complete"])
@pytest.mark.parametrize("text", [NAME, CALIBRATION, LASER, KEY, "save", "show,device", "start-over", "leave"])
def test_elsewhere_nothing_is_set_or_shown(state: str, text: str) -> None:
    bench = in_state(state)
    before = json.dumps(bench.store.real._data["calibration"])
    assert bench.command("service", text) == (False, ONLY_IN_SERVICE)
    assert json.dumps(bench.store.real._data["calibration"]) == before
    assert bench.shown == []
    assert bench.board.resets == 0


def test_in_service_nothing_can_be_armed_or_lit() -> None:
    bench = in_service()
    bench.turn_key()
    for name, text in (("plan", "begin"), ("arm", ""), ("start", "")):
        assert bench.command(name, text) == (False, "not while service")
        bench.board.close("ready", "footswitch")
        bench.cycle(5)
        bench.board.open("ready", "footswitch")
        bench.cycle(2)
    bench.board.light.leak_mw = 400
    bench.cycle(10)
    assert bench.state == "service"
    assert bench.board.enable.edges == 0
    assert set(bench.board.pwm.duties) == {0}
    assert bench.board.emission_pin.level == 0


def test_what_is_set_is_shown_saved_and_used_after_the_next_reset() -> None:
    bench = in_service()
    for text in (NAME, CALIBRATION, LASER):
        assert bench.command("service", text) == (True, "")
    channel = {
        "offset_mc": -250,
        "slope_ppm": 1500,
        "quadratic_ppm_per_100c": -300,
        "serial": "TC 0815",
        "date": "2026-11-23",
    }
    calibration = shown(bench, "calibration")
    assert isinstance(calibration, list)
    assert calibration[2] == channel
    assert shown(bench, "laser") == {"full_scale_mw": 31000, "points": [[0, 6000], [10000, 30000], [25000, 65000]]}
    assert shown(bench, "device") == {"name": "left bench", "own_key": False}
    assert bench.command("service", "save") == (True, "")
    assert not bench.store.dirty
    bench = bench.restart()
    bench.temperatures(45, 45, 45, 45)
    bench.cycle(4)
    assert bench.app.sensing.tc_mc == [45000, 45000, 44750, 45000]
    assert bench.board.power_meter.full_scale_mw == 31000
    bench.board.laser.set_mw(10000)
    assert bench.duty == 30000
    bench.board.laser.dark()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name," + "x" * 33, "device name has 33 letters: allowed are 32"),
        ("name", "service;name: a value is missing; or is no number"),
        ("calibration,4,0,0,0,a,", "channel 4: there are 0 to 3"),
        ("calibration,-1,0,0,0,a,", "channel -1: there are 0 to 3"),
        ("calibration,0,x,0,0,a,", "service;calibration: a value is missing; or is no number"),
        ("calibration,0,0", "service;calibration: a value is missing; or is no number"),
        ("calibration,0,5001,0,0,a,", "calibration of channel 0: offset_mc = 5001: allowed are -5000 to 5000"),
        ("calibration,0,0,20001,0,a,", "calibration of channel 0: slope_ppm = 20001: allowed are -20000 to 20000"),
        (
            "calibration,0,0,0,0,a,2026-13-01",
            "calibration of channel 0: date is no date: YYYY-MM-DD; or nothing",
        ),
        ("laser", "service;laser: a value is missing; or is no number"),
        ("laser,30000,0", "laser points has 1: allowed are 2 to 12"),
        ("laser,30000,0:5000,25000:4000", "laser point 1 = 25000 mW at duty 4000: not above the point before"),
        ("laser,30000,100:5000,25000:60000", "laser point 0 is 100 mW: the table begins at 0 mW"),
        ("laser,30000,0:5000,25001:60000", "laser point 1: mW = 25001: allowed are 0 to 25000"),
        ("laser,19999,0:5000,25000:60000", "photodiode full scale mW = 19999: allowed are 20000 to 45000"),
        ("laser,30000,0:5000:1,25000:60000", "laser point 0 has 3: allowed are 2 to 2"),
        ("key,123", "device key: allowed are 64 hexadecimal digits in small letters; or none"),
        ("key," + "G" * 64, "device key: allowed are 64 hexadecimal digits in small letters; or none"),
        ("show,journal", "no such section"),
        ("show,x", "no such section"),
        ("show", "service;show: a value is missing; or is no number"),
        ("start-over", "the store is good"),
        ("enter", "not while service"),
        ("fire", "service: one of calibration enter key laser leave name save show start-over"),
    ],
)
def test_what_is_out_of_bounds_is_refused_and_changes_nothing(text: str, problem: str) -> None:
    bench = in_service()
    before = json.dumps({name: bench.store.section(name) for name in ("device", "calibration", "laser")})
    accepted, told = bench.command("service", text)
    assert not accepted
    assert told.startswith(problem)
    assert json.dumps({name: bench.store.section(name) for name in ("device", "calibration", "laser")}) == before
    assert bench.board.resets == 0


def test_the_key_is_never_shown() -> None:
    bench = in_service()
    assert bench.command("service", KEY) == (True, "")
    assert shown(bench, "device") == {"name": "", "own_key": True}
    bench.cycle(10)
    assert not [fields for _, fields in bench.lines if any("0123456789abcdef" * 2 in text for text in fields)]


@pytest.mark.parametrize("section", ["device", "calibration", "laser", "counters", "latch"])
def test_every_section_fits_its_lines(section: str) -> None:
    bench = in_service()
    for i in range(4):
        bench.command("service", f"calibration,{i},-5000,-20000,-10000,{'S' * 16},2026-11-23")
    points = ",".join(f"{i * 2200}:{i * 5000 + 5000}" for i in range(12))
    assert bench.command("service", "laser,45000," + points) == (True, "")
    bench.command("service", "name," + "n" * 32)
    longest = bench.line_lengths()
    assert shown(bench, section)
    assert max(longest) <= limits.LINE_MAX_BYTES


def test_another_key_counts_from_the_next_boot_on() -> None:
    bench = in_service()
    assert bench.command("service", KEY) == (True, "")
    assert bench.command("service", "save") == (True, "")
    bench = bench.restart()
    bench.cycle(5)
    assert bench.command("why")[1].startswith("signature does not fit")
    key = bytes.fromhex(KEY.removeprefix("key,"))
    bench.host._key_of = lambda unique_id: key
    bench.host.send("hello", "2")
    bench.cycle(10)
    assert bench.command("why") == (True, "")


def test_a_save_that_fails_is_told() -> None:
    bench = in_service()
    bench.store.save_problem = "flash is full"
    assert bench.command("service", NAME) == (True, "")
    assert bench.command("service", "save") == (False, "flash is full")
    assert bench.app.alarms.is_on(faults.STORE_FAILS)
    bench.store.save_problem = ""
    assert bench.command("service", "save") == (True, "")
    assert not bench.app.alarms.is_on(faults.STORE_FAILS)


def test_leaving_is_a_reset_and_forgets_nothing_that_was_set() -> None:
    bench = in_service()
    bench.cycle(12)  # the handshake is out
    assert bench.command("service", NAME) == (True, "")
    assert bench.command("service", "leave") == (True, "")
    assert bench.board.resets == 1
    assert bench.board.scratch[2] == 0
    after = bench.restart()
    after.cycle(3)
    assert after.state == "standby"
    assert after.store.section("device")["name"] == "left bench"


def test_a_latched_fault_outlives_service() -> None:
    bench = in_state("fault")
    bench.cycle(3)
    bench = bench.restart(service=True)
    bench.cycle(3)
    assert bench.state == "service"
    bench.turn_key()
    bench.command("service", "leave")
    bench = bench.restart()
    bench.cycle(10)
    assert (bench.state, bench.fault()["fault"]) == ("fault", faults.EMERGENCY_STOP)


def test_a_restart_while_armed_is_not_forgotten_in_service() -> None:
    bench = in_state("heating").restart(service=True)
    bench.cycle(20)
    bench = bench.restart()
    bench.cycle(10)
    assert (bench.state, bench.fault()["fault"]) == ("fault", faults.RESTARTED)


def test_a_store_that_cannot_be_read_is_started_over_and_set_up_anew() -> None:
    bench = in_state("standby").restart(service=True)
    store = bench.store.real
    store.problem, store.state = "no bank of the store can be read: set the device up anew", "corrupt"
    bench.cycle(3)
    assert bench.command("service", NAME) == (True, "")
    assert bench.command("service", "save") == (False, store.problem)
    store._paths = []  # there are no files here
    assert bench.command("service", "start-over") == (True, "")
    assert bench.command("service", "save") == (True, "")
    bench = Bench(bench.firmware, Board(bench.firmware, bench.board), bench.store.loaded_again())
    bench.cycle(5)
    assert (bench.state, bench.store.section("device")["name"]) == ("standby", "left bench")
