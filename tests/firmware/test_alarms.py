"""Alarm signals against the bounds of IEC 60601-1-8, the silence button, and the record of what came and went."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.firmware import FOLDER, Firmware, copy, load
from support.ranges import CHECKER, rewrite
from support.sim import require_vm

from imilt_sim.levels.micropython import vm_path

module = load("alarms")
NONE, LOW, MEDIUM, HIGH = module.NONE, module.LOW, module.MEDIUM, module.HIGH
CYCLE_MS = load("limits").CYCLE_MS
TABLE = ((11, HIGH), (12, HIGH), (21, MEDIUM), (22, MEDIUM), (31, LOW), (32, LOW))
NUMBER = {LOW: 31, MEDIUM: 21, HIGH: 11}
PRIORITY = dict(TABLE)
PAUSE = 1200
SHORTEST = {LOW: 10, MEDIUM: 20, HIGH: 15}

# IEC 60601-1-8, tables 2 and 3, in ms and Hz.
FLASHES = {MEDIUM: (0.4, 0.8), HIGH: (1.4, 2.8)}
PULSES = {LOW: (125, 250), MEDIUM: (125, 250), HIGH: (75, 200)}
X, Y, HALVES = (50, 125), (125, 250), (350, 1300)
QUIET = {MEDIUM: (2500, 30000), HIGH: (2500, 15000)}


class Bench:
    """Alarms that are stepped; what they showed is kept as one text of 0 and 1 per signal."""

    def __init__(self, *on: int, table: tuple[tuple[int, int], ...] = TABLE, firmware: Firmware | None = None) -> None:
        self.it: Any = (firmware.load("alarms") if firmware else module).Alarms(table)
        self.count = 0
        self.pressed = False
        self.shown: dict[str, str] = {"red": "", "yellow": "", "buzzer": "", "silenced": ""}
        self.step()
        self.set(*on)

    def set(self, *numbers: int) -> None:
        for number in numbers:
            self.it.set(number, True)

    def clear(self, *numbers: int) -> None:
        for number in numbers:
            self.it.set(number, False)

    def step(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            self.it.step(self.count, self.pressed)
            self.count += 1
            for name in self.shown:
                self.shown[name] += str(getattr(self.it, name))

    def press(self) -> None:
        """Press for one cycle, release for the next."""
        self.pressed = True
        self.step()
        self.pressed = False
        self.step()

    def run(self, cycles: int) -> dict[str, str]:
        """What the next cycles show."""
        start = len(self.shown["red"])
        self.step(cycles)
        return {name: text[start:] for name, text in self.shown.items()}

    def take(self) -> list[tuple[int, int, int, int, int]]:
        taken = []
        while self.it.take():
            it = self.it
            taken.append((it.change_cycle, it.change_number, it.change_priority, it.change_on, it.change_silenced))
        return taken


def paused_bench(*on: int) -> Bench:
    """These alarms on, and silenced in their second cycle; 4 cycles are over."""
    bench = Bench(*on)
    bench.step()
    bench.press()
    assert bench.it.silenced == 1
    return bench


def spans(text: str) -> list[tuple[str, int]]:
    """Runs of equal signs: the sign, and for how many ms."""
    return [(sign, CYCLE_MS * len(list(group))) for sign, group in itertools.groupby(text)]


def bursts(buzzer: str) -> list[list[tuple[str, int]]]:
    """Split where it is quiet for over 2 s; what is left of a burst begins and ends with a pulse."""
    parts: list[list[tuple[str, int]]] = [[]]
    for sign, ms in spans(buzzer.strip("0")):
        if sign == "0" and ms > 2000:
            parts.append([])
        else:
            parts[-1].append((sign, ms))
    return parts


def within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]


# Lamps


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize(("priority", "lamp"), [(HIGH, "red"), (MEDIUM, "yellow")])
def test_a_lamp_flashes_as_the_standard_asks(priority: int, lamp: str, paused: bool) -> None:
    bench = paused_bench(NUMBER[priority]) if paused else Bench(NUMBER[priority])
    if paused:
        bench.step(17)
    text = bench.run(1000)[lamp]
    whole = spans(text)[:-1]
    assert len(whole) > 90
    assert whole[0][0] == "1"
    for (_, on_ms), (_, off_ms) in zip(whole[::2], whole[1::2], strict=False):
        assert within(1000 / (on_ms + off_ms), FLASHES[priority])
        assert 0.2 <= on_ms / (on_ms + off_ms) <= 0.6


def test_each_priority_lights_its_own_lamp_from_the_first_cycle_on() -> None:
    for priority, red, yellow in (
        (HIGH, "1100011000", "0" * 10),
        (MEDIUM, "0" * 10, "1" * 10),
        (LOW, "0" * 10, "1" * 10),
    ):
        shown = Bench(NUMBER[priority]).run(10)
        assert (shown["red"], shown["yellow"]) == (red, yellow)


def test_a_low_alarm_is_yellow_without_flashing() -> None:
    assert Bench(NUMBER[LOW]).run(3000)["yellow"] == "1" * 3000


def test_without_an_alarm_there_is_nothing() -> None:
    bench = Bench()
    bench.press()
    assert set("".join(bench.run(100).values())) == {"0"}
    assert (bench.it.priority, bench.it.top, bench.it.changed) == (NONE, 0, 0)


def test_the_lamps_speak_for_the_highest_priority_only() -> None:
    bench = Bench(NUMBER[LOW])
    bench.step(20)
    bench.set(NUMBER[MEDIUM])
    assert bench.run(40)["yellow"] == ("1" * 10 + "0" * 10) * 2
    bench.set(NUMBER[HIGH])
    shown = bench.run(40)
    assert (shown["red"], shown["yellow"]) == ("11000" * 8, "0" * 40)
    bench.clear(NUMBER[HIGH])
    shown = bench.run(20)
    assert (shown["red"], shown["yellow"]) == ("0" * 20, "1" * 10 + "0" * 10)
    bench.clear(NUMBER[MEDIUM])
    assert bench.run(20)["yellow"] == "1" * 20


def test_top_is_the_first_of_the_highest() -> None:
    bench = Bench()
    for number, top in ((32, 32), (31, 32), (22, 22), (21, 22), (12, 12), (11, 12)):
        bench.set(number)
        bench.step()
        assert (bench.it.top, bench.it.priority) == (top, PRIORITY[top])
    for number, top in ((12, 11), (11, 22), (21, 22), (22, 32)):
        bench.clear(number)
        bench.step()
        assert (bench.it.top, bench.it.priority) == (top, PRIORITY[top])
    bench.set(12)
    bench.set(11)
    bench.clear(12)
    bench.set(12)
    bench.step()
    assert bench.it.top == 11


# Sound


def test_a_high_burst_is_ten_pulses_in_the_pattern_of_the_standard() -> None:
    for burst in bursts(Bench(NUMBER[HIGH]).run(600)["buzzer"])[:-1]:
        pulses = [ms for sign, ms in burst if sign == "1"]
        gaps = [ms for sign, ms in burst if sign == "0"]
        assert len(pulses) == 10
        assert all(within(ms, PULSES[HIGH]) for ms in pulses)
        assert len(set(pulses)) == 1
        x, long = gaps[0], 2 * gaps[0] + pulses[0]
        assert within(x, X)
        assert gaps[:4] == gaps[5:] == [x, x, long, x]
        assert within(gaps[4], HALVES)
        assert gaps[4] > long


@pytest.mark.parametrize(("priority", "count"), [(MEDIUM, 3), (LOW, 2)])
def test_a_lower_burst_is_a_few_longer_pulses(priority: int, count: int) -> None:
    burst = bursts(Bench(NUMBER[priority]).run(50)["buzzer"])[0]
    assert [sign for sign, _ in burst] == ["1", "0"] * (count - 1) + ["1"]
    assert all(within(ms, PULSES[priority]) for sign, ms in burst if sign == "1")
    assert all(within(ms, Y) for sign, ms in burst if sign == "0")


@pytest.mark.parametrize("priority", [MEDIUM, HIGH])
def test_bursts_go_on_at_the_standards_interval(priority: int) -> None:
    buzzer = Bench(NUMBER[priority]).run(20000)["buzzer"]
    assert buzzer[0] == "1"
    between = [ms for sign, ms in spans(buzzer.rstrip("0")) if sign == "0" and ms > 2000]
    assert len(between) > 150
    assert set(between) == {{HIGH: 3400, MEDIUM: 9000}[priority]}
    assert within(between[0], QUIET[priority])
    assert len({tuple(burst) for burst in bursts(buzzer)[:-1]}) == 1


def test_a_medium_alarm_sounds_no_more_often_than_a_high_one() -> None:
    sounds = [len(bursts(Bench(NUMBER[priority]).run(3000)["buzzer"])) for priority in (HIGH, MEDIUM, LOW)]
    assert sounds == sorted(sounds, reverse=True)


def test_a_low_alarm_sounds_once() -> None:
    assert Bench(NUMBER[LOW]).run(40000)["buzzer"] == "110011" + "0" * 39994


def test_a_higher_alarm_sounds_at_once_and_the_lower_one_after_it() -> None:
    bench = Bench(NUMBER[MEDIUM])
    bench.step(3)
    high = Bench(NUMBER[HIGH]).run(30)["buzzer"]
    bench.set(NUMBER[HIGH])
    assert bench.run(30)["buzzer"] == high
    bench.clear(NUMBER[HIGH])
    assert bench.run(12)["buzzer"] == "110011001100"


@pytest.mark.parametrize(("first", "second", "earliest"), [(11, 12, 26 + 25), (21, 22, 10 + 25), (31, 32, 6 + 151)])
@pytest.mark.parametrize("after", [1, 5, 25, 40, 55, 90, 200])
def test_another_alarm_of_the_same_priority_sounds_as_soon_as_bursts_may(
    first: int, second: int, earliest: int, after: int
) -> None:
    """Not within 2.5 s of quiet after a burst, a low one not within 15 s; after those at once."""
    alone = Bench(first).run(400)["buzzer"]
    period = 400 if first == 31 else alone[30:].index("1") + 30
    bench = Bench(first)
    bench.step(after)
    bench.set(second)
    bench.step(150)
    turn = after // period * period  # when the burst before it began, or a burst that comes just with it
    begins = turn + min(max(after - turn, earliest), period) if after > turn else turn
    expected = (alone * 2)[:begins] + alone
    assert bench.shown["buzzer"][1:] == expected[: after + 150]


def test_a_lower_alarm_does_not_change_the_sound_of_a_higher_one() -> None:
    alone = Bench(NUMBER[HIGH]).run(200)["buzzer"]
    bench = Bench(NUMBER[HIGH])
    for lower in (31, 21, 32, 22):
        bench.step(35)
        bench.set(lower)
    bench.step(60)
    assert bench.shown["buzzer"][1:] == alone


@pytest.mark.parametrize("priority", [LOW, MEDIUM, HIGH])
def test_an_alarm_that_comes_and_goes_all_the_time_still_sounds_as_itself(priority: int) -> None:
    bench = Bench()
    for i in range(400):
        bench.it.set(NUMBER[priority], i % 2 == 0)
        bench.step()
    buzzer = bench.shown["buzzer"]
    assert set(map(tuple, bursts(buzzer)[:-1])) == {tuple(bursts(Bench(NUMBER[priority]).run(50)["buzzer"])[0])}
    assert len(bursts(buzzer)) == {LOW: 3, MEDIUM: 12, HIGH: 8}[priority]


# Brief alarms


@pytest.mark.parametrize("priority", [LOW, MEDIUM, HIGH])
@pytest.mark.parametrize("cycles", [0, 1, 7])
def test_a_brief_alarm_shows_and_sounds_long_enough(priority: int, cycles: int) -> None:
    """A whole burst, or half a high one, and over a second of light; even if it went before the next step."""
    bench = Bench(NUMBER[priority])
    bench.step(cycles)
    bench.clear(NUMBER[priority])
    bench.step(60)
    whole = Bench(NUMBER[priority]).run(60)
    least = SHORTEST[priority]
    for name in ("red", "yellow", "buzzer"):
        assert bench.shown[name][1:61] == whole[name][:least] + "0" * (60 - least), name
    pulses = whole["buzzer"][:least].strip("0").replace("0", " ").split()
    assert len(pulses) == {LOW: 2, MEDIUM: 3, HIGH: 5}[priority]
    lamp = whole["red" if priority == HIGH else "yellow"][:least]
    assert lamp.count("1") * CYCLE_MS >= 600
    assert least * CYCLE_MS >= 1000


@pytest.mark.parametrize("priority", [LOW, MEDIUM, HIGH])
def test_a_longer_alarm_ends_with_its_cause(priority: int) -> None:
    bench = Bench(NUMBER[priority])
    bench.step(30)
    bench.clear(NUMBER[priority])
    assert set("".join(bench.run(30).values())) == {"0"}


def test_the_rest_of_a_brief_alarm_can_be_silenced_and_its_lamp_stays() -> None:
    bench = Bench(NUMBER[HIGH])
    bench.step()
    bench.clear(NUMBER[HIGH])
    bench.press()
    bench.step(30)
    assert bench.shown["buzzer"] == "01" + "0" * 32
    assert bench.shown["red"] == "0" + "11000" * 3 + "0" * 18
    assert bench.shown["silenced"] == "00" + "1" * 14 + "0" * 18


# Silence


@pytest.mark.parametrize("priority", [MEDIUM, HIGH])
def test_the_button_silences_for_two_minutes_and_the_lamp_goes_on(priority: int) -> None:
    bench = Bench(NUMBER[priority])
    bench.step(37)
    before = Bench(NUMBER[priority]).run(1300)
    bench.press()
    assert (bench.it.silenced, bench.it.silence_left) == (1, PAUSE - 1)
    bench.step(PAUSE - 2)
    assert (bench.it.silenced, bench.it.silence_left) == (1, 1)
    assert "1" not in bench.shown["buzzer"][38:]
    if priority == HIGH:
        assert bench.shown["red"][1:] == before["red"][: bench.count - 1]
    bench.step()
    assert (bench.it.silenced, bench.it.silence_left, bench.it.buzzer) == (0, 0, 1)
    assert PAUSE * CYCLE_MS == 120000
    assert bench.run(60)["buzzer"] == (before["buzzer"] * 2)[1:61]


def test_a_pause_shows_beside_the_red_lamp_as_steady_yellow() -> None:
    bench = paused_bench(NUMBER[HIGH], NUMBER[LOW])
    assert bench.run(1000)["yellow"] == "1" * 1000
    bench.press()
    assert bench.run(1000)["yellow"] == "0" * 1000


def test_a_pause_shows_in_the_yellow_lamp_as_shorter_flashes() -> None:
    bench = paused_bench(NUMBER[MEDIUM])
    bench.step(17)
    assert bench.run(100)["yellow"] == ("1" * 5 + "0" * 15) * 5
    bench.press()
    bench.step(18)
    assert bench.run(100)["yellow"] == ("1" * 10 + "0" * 10) * 5


@pytest.mark.parametrize("priority", [MEDIUM, HIGH])
def test_a_second_press_sounds_again_at_once(priority: int) -> None:
    bench = paused_bench(NUMBER[priority])
    bench.step(100)
    bench.press()
    assert bench.it.silenced == 0
    bench.step(24)
    assert bench.shown["buzzer"][104:] == Bench(NUMBER[priority]).run(26)["buzzer"]


def test_the_press_counts_once_however_long_it_lasts() -> None:
    bench = Bench(NUMBER[HIGH])
    bench.step()
    bench.pressed = True
    bench.step(PAUSE + 100)
    assert bench.shown["silenced"] == "00" + "1" * PAUSE + "0" * 100


def test_a_button_that_sticks_from_the_start_is_not_pressed() -> None:
    it = module.Alarms(TABLE)
    it.set(11, True)
    for count in range(100):
        it.step(count, True)
        assert it.silenced == 0
    it.step(100, False)
    it.step(101, True)
    assert it.silenced == 1


def test_a_press_at_the_end_of_a_pause_is_not_a_second_pause() -> None:
    bench = paused_bench(NUMBER[HIGH])
    bench.step(PAUSE - 2)
    bench.press()
    assert bench.shown["buzzer"][-2:] == "10"
    assert bench.shown["silenced"].count("1") == PAUSE


@pytest.mark.parametrize("old", [11, 21])
@pytest.mark.parametrize("new", [12, 22])
def test_a_new_alarm_ends_the_pause(old: int, new: int) -> None:
    """Whatever its priority: what was silenced sounds again too, if it is the higher one."""
    bench = paused_bench(old)
    bench.step(30)
    bench.set(new)
    burst = Bench(min(old, new)).run(26)["buzzer"]
    shown = bench.run(26)
    assert (shown["silenced"], shown["buzzer"]) == ("0" * 26, burst)


def test_a_new_alarm_ends_the_pause_whatever_comes_with_it() -> None:
    for others in itertools.permutations([12, 22, 32]):
        bench = paused_bench(11)
        bench.set(*others)
        bench.step()
        assert (bench.it.silenced, bench.it.buzzer) == (0, 1)


@pytest.mark.parametrize("priority", [MEDIUM, HIGH])
def test_an_alarm_that_comes_back_is_a_new_one(priority: int) -> None:
    bench = paused_bench(11, 21)
    bench.step(30)
    bench.clear(NUMBER[priority])
    bench.step(30)
    assert bench.it.silenced == 1
    bench.set(NUMBER[priority])
    bench.step()
    assert (bench.it.silenced, bench.it.buzzer) == (0, 1)


def test_a_low_alarm_neither_ends_a_pause_nor_sounds_in_it() -> None:
    bench = paused_bench(NUMBER[MEDIUM])
    bench.set(NUMBER[LOW])
    shown = bench.run(100)
    assert (shown["silenced"], shown["buzzer"]) == ("1" * 100, "0" * 100)


def test_a_low_alarm_alone_cannot_be_paused() -> None:
    bench = Bench(NUMBER[LOW])
    bench.step()
    bench.press()
    shown = bench.run(10)
    assert (shown["silenced"], shown["yellow"], shown["buzzer"]) == ("0" * 10, "1" * 10, "0110000000")


def test_a_press_with_nothing_to_silence_does_not_silence_the_next_alarm() -> None:
    bench = Bench()
    bench.press()
    bench.set(11)
    bench.step()
    assert (bench.it.silenced, bench.it.buzzer) == (0, 1)


def test_a_press_in_the_cycle_of_a_new_alarm_is_void() -> None:
    bench = Bench(21)
    bench.step(5)
    bench.set(11)
    bench.press()
    assert bench.shown["buzzer"][-2:] == "10"
    assert bench.shown["silenced"] == "0" * bench.count
    bench.press()
    assert bench.it.silenced == 1


def test_a_pause_ends_with_the_last_alarm_it_was_for() -> None:
    bench = paused_bench(11, 21, 31)
    bench.step(30)
    bench.clear(11)
    shown = bench.run(40)
    assert shown["silenced"] == "1" * 40
    assert shown["yellow"] == ("1" * 5 + "0" * 15) * 2
    bench.clear(21)
    shown = bench.run(30)
    assert (shown["silenced"], shown["yellow"]) == ("0" * 30, "1" * 30)
    assert bench.it.silence_left == 0


# Self-test


def test_the_self_test_lights_both_lamps_for_a_second_with_one_chirp() -> None:
    bench = Bench()
    bench.it.test()
    shown = bench.run(20)
    assert shown["red"] == shown["yellow"] == "1" * 10 + "0" * 10
    assert shown["buzzer"] == "11" + "0" * 18
    assert bench.take() == []


@pytest.mark.parametrize("priority", [LOW, MEDIUM, HIGH])
@pytest.mark.parametrize("cycles", [0, 3, 200])
def test_alarms_begin_anew_after_the_self_test(priority: int, cycles: int) -> None:
    """Also those that were brief, and came and went during the test."""
    bench = Bench()
    bench.it.test()
    bench.step(4)
    bench.set(NUMBER[priority])
    bench.step(2)
    if cycles == 0:
        bench.clear(NUMBER[priority])
    bench.step(4)
    assert bench.shown["red"] == bench.shown["yellow"] == "0" + "1" * 10
    whole = Bench(NUMBER[priority]).run(40)
    length = SHORTEST[priority] if cycles == 0 else 40
    shown = bench.run(length)
    assert all(shown[name] == whole[name][:length] for name in shown)


def test_a_pause_outlasts_the_self_test_unless_an_alarm_comes_in_it() -> None:
    for new, silenced in ((32, 1), (22, 0), (12, 0)):
        bench = paused_bench(11)
        bench.it.test()
        bench.step(3)
        bench.set(new)
        bench.step(7)
        assert bench.shown["buzzer"][-10:] == "1100000000"
        bench.step()
        assert (bench.it.silenced, bench.it.yellow, bench.it.buzzer) == (silenced, silenced, 1 - silenced)


# Record


def test_every_change_is_kept_with_its_cycle() -> None:
    bench = Bench(21)
    assert bench.it.changed == 0
    bench.step()
    assert bench.it.changed == 1
    bench.press()
    bench.set(31, 11)
    bench.clear(21)
    bench.set(11, 31)
    bench.step()
    assert bench.take() == [
        (1, 21, MEDIUM, 1, 0),
        (2, 0, MEDIUM, 1, 1),
        (4, 31, LOW, 1, 0),
        (4, 11, HIGH, 1, 0),
        (4, 21, MEDIUM, 0, 0),
        (4, 0, HIGH, 0, 0),
    ]
    assert (bench.it.changed, bench.it.lost) == (0, 0)
    assert bench.take() == []


def test_on_and_off_within_one_cycle_are_both_kept() -> None:
    bench = Bench()
    for _ in range(3):
        bench.set(11)
        bench.clear(11)
    bench.step()
    assert [(number, on) for _, number, _, on, _ in bench.take()] == [(11, 1), (11, 0)] * 3


def test_the_record_tells_whether_the_audio_was_paused() -> None:
    bench = paused_bench(11, 21)
    bench.take()
    bench.clear(11)
    bench.set(31)
    bench.step()
    assert [(number, silenced) for _, number, _, _, silenced in bench.take()] == [(11, 1), (31, 1)]


def test_a_full_record_keeps_the_first_causes_and_counts_the_rest() -> None:
    bench = Bench()
    for i in range(50):
        bench.it.set(11, i % 2 == 0)
        bench.it.set(22, i % 2 == 0)
        bench.step()
    assert (bench.it.changed, bench.it.lost) == (64, 36)
    taken = bench.take()
    assert [change[:2] for change in taken[::2]] == [(1 + i, 11) for i in range(32)]
    bench.set(12)
    bench.step()
    assert bench.take() == [(51, 12, HIGH, 1, 0)]
    assert bench.it.lost == 36


def test_the_count_of_the_lost_ends_at_9999() -> None:
    it = module.Alarms(TABLE)
    for i in range(12000):
        it.set(11, i % 2 == 0)
    assert it.lost == 9999
    assert not it.is_on(11)


def test_setting_what_is_so_already_is_no_change() -> None:
    bench = Bench(11)
    bench.step()
    bench.set(11, 11)
    bench.clear(12)
    bench.step()
    assert bench.take() == [(1, 11, HIGH, 1, 0)]
    assert [bench.it.is_on(number) for number, _ in TABLE] == [True, False, False, False, False, False]


def test_forty_alarms_at_once() -> None:
    table = tuple((10 + i, 1 + i % 3) for i in range(40))
    bench = Bench(*(number for number, _ in table), table=table)
    bench.step()
    assert [(number, priority) for _, number, priority, _, _ in bench.take()] == list(table)
    assert bench.it.top == 12
    bench.clear(*(number for number, _ in reversed(table)))
    bench.step()
    assert [number for _, number, _, _, _ in bench.take()] == [number for number, _ in reversed(table)]
    assert (bench.it.priority, bench.it.lost) == (NONE, 0)


# Tables


@pytest.mark.parametrize(
    "table",
    [((0, HIGH),), ((255, HIGH),), ((-1, LOW),), ((11, NONE),), ((11, 4),), ((11, HIGH), (12, LOW), (11, HIGH))],
)
def test_a_table_that_is_none_is_refused(table: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"alarm -?\d+, priority \d"):
        module.Alarms(table)


@pytest.mark.parametrize("number", [0, 10, 13, 254, 255, 256])
def test_an_unknown_number_is_refused(number: int) -> None:
    it = module.Alarms(TABLE)
    with pytest.raises(IndexError):
        it.set(number, True)
    with pytest.raises(IndexError):
        it.set(number, False)
    with pytest.raises(IndexError):
        it.is_on(number)


# Anything that may happen


class Model:
    """What has to hold after every step, told from the inputs alone."""

    def __init__(self) -> None:
        self.on: list[int] = []
        self.last = {LOW: -1000, MEDIUM: -1000, HIGH: -1000}
        self.cycle = 0
        self.expected: list[tuple[int, int, int]] = []
        self.fresh: list[int] = []
        self.red: list[int] = []
        self.was_shown = NONE
        self.was_silenced = 0
        self.silent = 0
        self.quiet = 0

    def set(self, number: int, active: bool) -> None:
        if active and number not in self.on:
            self.on.append(number)
            self.fresh.append(PRIORITY[number])
            self.last[PRIORITY[number]] = self.cycle
        elif not active and number in self.on:
            self.on.remove(number)
        else:
            return
        self.expected.append((self.cycle, number, int(active)))

    def check(self, it: Any) -> None:
        active = max(map(PRIORITY.__getitem__, self.on), default=NONE)
        assert it.priority == active
        assert it.top == next((number for number in self.on if PRIORITY[number] == active), 0)
        brief = [priority for priority, cycle in self.last.items() if self.cycle < cycle + SHORTEST[priority]]
        shown = max([active, *brief])
        self.check_lamps(it, shown)
        self.check_sound(it, shown)
        self.was_shown, self.was_silenced = shown, it.silenced
        self.fresh.clear()
        self.cycle += 1

    def check_lamps(self, it: Any, shown: int) -> None:
        """Red flashes if a high alarm is shown, and only then; the silence button changes nothing in that."""
        self.red = [*self.red, it.red][-5:] if shown == HIGH else []
        assert not it.red or shown == HIGH
        assert len(self.red) < 5 or sum(self.red) == 2
        assert not it.yellow or shown != NONE
        if shown == HIGH:
            assert it.yellow == it.silenced
        if shown == LOW:
            assert it.yellow == 1
        if shown > self.was_shown:
            assert (it.red if shown == HIGH else it.yellow) == 1

    def check_sound(self, it: Any, shown: int) -> None:
        assert not it.silenced or shown >= MEDIUM
        assert not (it.silenced and it.buzzer)
        assert not it.buzzer or shown != NONE
        assert it.silenced == (it.silence_left > 0)
        self.silent = self.silent + 1 if it.silenced else 0
        assert self.silent <= PAUSE
        self.quiet = 0 if it.buzzer or shown < MEDIUM else self.quiet + 1
        assert self.quiet <= PAUSE + 90
        if max(self.fresh, default=NONE) >= MEDIUM:
            assert not it.silenced
            assert it.buzzer or not (self.was_silenced or shown > self.was_shown)


number = st.sampled_from(list(PRIORITY))
wait = st.integers(1, 40)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("on"), number, st.integers(0, 40)),
        st.tuples(st.just("on"), number, st.integers(0, 2)),
        st.tuples(st.just("off"), number, st.integers(0, 40)),
        st.tuples(st.just("press"), st.integers(1, 3), wait),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 2, 100, PAUSE - 1, PAUSE, PAUSE + 90])),
    ),
    max_size=25,
)
seen = {"steps": 0, "silenced": 0, "sounding": 0}


def play(it: Any, steps: list[tuple[str, int, int]], take_every: int) -> None:
    model = Model()
    taken: list[tuple[int, int, int]] = []

    def turn(pressed: bool, cycles: int) -> None:
        for _ in range(cycles):
            it.step(model.cycle, pressed)
            model.check(it)
            seen["steps"] += 1
            seen["silenced"] += it.silenced
            seen["sounding"] += it.buzzer
            if model.cycle % take_every == 0:
                take()

    def take() -> None:
        while it.take():
            if it.change_number:
                assert it.change_priority == PRIORITY[it.change_number]
                taken.append((it.change_cycle, it.change_number, it.change_on))

    turn(False, 1)
    for name, what, cycles in steps:
        if name in ("on", "off"):
            model.set(what, name == "on")
            it.set(what, name == "on")
            turn(False, cycles)
        elif name == "press":
            turn(True, what)
            turn(False, cycles)
        else:
            turn(False, cycles)
    turn(False, 1)
    take()
    assert (taken, it.lost) == (model.expected, 0)


def test_whatever_happens() -> None:
    """Lamps, sound, pause and record hold for any order of alarms, presses and waits; silence is common enough."""
    seen.update(steps=0, silenced=0, sounding=0)

    @settings(max_examples=400)
    @given(actions, st.sampled_from([1, 7]))
    def check(steps: list[tuple[str, int, int]], take_every: int) -> None:
        play(module.Alarms(TABLE), steps, take_every)

    check()
    print(seen)
    assert seen["steps"] >= 100000
    assert seen["silenced"] >= 10000
    assert seen["sounding"] >= 5000


@given(st.lists(st.tuples(number, st.booleans(), st.booleans(), st.booleans()), max_size=200))
def test_changes_are_taken_once_and_in_order_or_counted(moves: list[tuple[int, bool, bool, bool]]) -> None:
    it = module.Alarms(TABLE)
    made: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    room = 64
    lost = count = 0
    for what, active, step, take in moves:
        if it.is_on(what) != active:
            if room:
                made.append((what, int(active)))
                room -= 1
            else:
                lost += 1
        it.set(what, active)
        if step:
            it.step(count, False)
            count += 1
        while take and it.take():
            taken.append((it.change_number, it.change_on))
            room += 1
    it.step(count, False)
    while it.take():
        taken.append((it.change_number, it.change_on))
    assert (taken, it.lost) == (made, lost)


# The board


def test_no_integer_is_too_large_for_the_board(tmp_path: Path) -> None:
    """Also at the last cycle that can be counted, and after three years of one low alarm."""
    folder = copy(
        tmp_path / "checked",
        # Under a name by which it is checked as a part of the locked cycle.
        lambda name, text: rewrite(f"drivers/{name}", text) if name == "alarms.py" else text,
    )
    (folder / "checked.py").write_text(CHECKER)
    firmware = Firmware(folder)
    for start in (1, (1 << 30) - 600):
        bench = Bench(*PRIORITY, firmware=firmware)
        bench.count = start
        bench.step(100)
        bench.press()
        bench.clear(*PRIORITY)
        bench.step(300)
        assert max(cycle for cycle, *_ in bench.take()) > start
        bench.set(NUMBER[LOW])
        bench.step()
        bench.it._burst = (1 << 30) - 50
        assert "1" in bench.run(100)["buzzer"]
    assert max(high for _, high in firmware.load("checked").seen.values()) == (1 << 30) - 1


LOCKED_RUN = """
import micropython
from alarms import Alarms
from drivers.indicators import Indicators

class Port:
    def __call__(self, level):
        self.level = level
    def duty_u16(self, duty):
        self.level = duty

TABLE = tuple((10 + i, 1 + i % 3) for i in range(40))
alarms = Alarms(TABLE)
ports = [Port() for _ in range(5)]
indicators = Indicators(ports[0], ports[1], ports[2], ports[3], ports[4])

def run(steps, pressing):
    random = 1
    taken = 0
    heard = 0
    paused = 0
    for count in range(steps):
        random = (random * 1103 + 12345) & 0xFFFF
        if count % 5 == 0:
            alarms.set(10 + random % 40, random & 0x4000)
        if count == 20:
            alarms.test()
        alarms.step(count, count % 53 < pressing)
        indicators.show(alarms.red, alarms.yellow, alarms.buzzer)
        indicators.emission(count & 1)
        indicators.aiming(count & 2)
        heard += alarms.buzzer
        paused += alarms.silenced
        while count % 3 == 0 and alarms.take():
            taken += 1
    indicators.off()
    return taken * 1000000 + (1 if heard else 0) + (10 if paused else 0)

result = caught = 0
micropython.heap_lock()
try:
    result = run(6000, 2)
    try:
        [result, caught]
    except MemoryError:
        caught = 1
finally:
    micropython.heap_unlock()
print(result // 1000000, result % 100, caught, alarms.lost)
"""


@pytest.mark.micropython
def test_nothing_is_allocated() -> None:
    """Thousands of cycles with the heap locked, in which alarms come and go, sound and are silenced."""
    require_vm()
    ran = subprocess.run(
        [vm_path(), "-c", LOCKED_RUN],
        env={"MICROPYPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    taken, signals, caught, lost = map(int, ran.stdout.split())
    assert taken >= 500
    assert (signals, caught, lost) == (11, 1, 0)
