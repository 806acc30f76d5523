"""The world on its grid of 20 ms: when light and contacts take effect, whatever the board's clock says."""

from __future__ import annotations

from typing import cast

import pytest
from sim.boards import Bench

from imilt_sim.laser_driver import MONOSTABLE_MS, PHOTODIODE_FULL_SCALE_W
from imilt_sim.tissue.plant import Plant
from imilt_sim.world import (
    CHAIN,
    COVER,
    EMERGENCY_STOP,
    FIBRE,
    FOOTSWITCH,
    KEY,
    READY_BUTTON,
    REMOTE,
    SERVICE,
    SILENCE,
    World,
)

# The grid


def test_before_the_first_conversion_time_passes_without_a_grid() -> None:
    bench = Bench()
    assert bench.pass_ms(300) == 300
    assert bench.world.grid == 0
    assert bench.port.inputs == CHAIN
    assert not bench.plant.powers


@pytest.mark.parametrize("boot_ms", [0, 137, 300, 4711])
def test_the_origin_lies_5_ms_before_the_first_conversion(boot_ms: int) -> None:
    bench = Bench()
    bench.pass_ms(boot_ms)
    bench.begin()
    reached = [bench.pass_ms(1) and bench.world.grid for _ in range(60)]
    assert [i for i in range(1, 60) if reached[i] > reached[i - 1]] == [14, 34, 54]  # after 15, 35 and 55 ms


def test_outputs_are_sampled_at_grid_points_and_held(bench: Bench) -> None:
    bench.pass_ms(5)  # 10 ms after the origin
    bench.light(2.0)
    bench.pass_ms(9)  # just before the grid point
    assert bench.world.power_w == 0.0
    bench.pass_ms(1)
    assert bench.world.power_w == pytest.approx(2.0, abs=0.01)
    bench.port.pwm_cc = 0
    bench.pass_ms(19)
    assert bench.world.power_w == pytest.approx(2.0, abs=0.01)
    bench.pass_ms(1)
    assert bench.world.power_w == 0.0


def test_the_plant_gets_the_power_that_was_held_up_to_each_point(bench: Bench) -> None:
    bench.light(2.0)  # 5 ms after the origin
    bench.pass_ms(100)
    assert bench.lit_points() == [2, 3, 4, 5]


def test_light_is_the_same_whether_time_passes_at_once_or_in_bits() -> None:
    whole, bits = Bench(), Bench()
    for bench, step_ms in ((whole, 400), (bits, 1)):
        bench.begin()
        bench.light(1.5)
        for _ in range(400 // step_ms):
            bench.pass_ms(step_ms)
    assert whole.plant.powers == bits.plant.powers
    assert whole.port == bits.port


def test_whole_seconds_are_told_with_their_mean_power(bench: Bench) -> None:
    bench.light(2.0)
    for _ in range(25):
        bench.pass_ms(100)
        bench.edge()
    assert bench.seconds == [1.0, 2.0]
    energy = bench.world.mean_power_w()
    assert energy == pytest.approx(sum(bench.plant.powers) * 0.02)
    assert bench.world.mean_power_w() == 0.0


# Two ways to dark


@pytest.mark.parametrize("offset_ms", [0, 4, 10, 15])
def test_without_edges_the_monostable_closes_after_250_ms(bench: Bench, offset_ms: int) -> None:
    bench.pass_ms(offset_ms)
    bench.light(2.0)
    bench.pass_ms(1000)
    edge_ms = 5 + offset_ms  # since the origin
    # Lit at every grid point after the edge and less than 250 ms after it; a step keeps its first point's power.
    points = [i for i in range(60) if edge_ms < 20 * i < edge_ms + 250]
    assert bench.lit_points() == [i + 1 for i in points]


def test_edges_keep_it_open(bench: Bench) -> None:
    bench.light(2.0)
    for _ in range(20):
        bench.pass_ms(100)
        bench.edge()
    assert bench.lit_points() == list(range(2, 101))


def test_duty_without_an_edge_is_dark(bench: Bench) -> None:
    bench.port.pwm_cc = 3000
    bench.pass_ms(500)
    assert not bench.lit_points()


@pytest.mark.parametrize("contact", [EMERGENCY_STOP, KEY, REMOTE, FIBRE, COVER])
def test_a_chain_contact_that_opens_is_dark_at_that_grid_point(bench: Bench, contact: int) -> None:
    bench.world.at(0.1, lambda: bench.world.open(contact))
    bench.light(2.0)
    bench.pass_all_ms(195)
    assert bench.lit_points() == [2, 3, 4, 5]
    assert bench.world.power_w == 0.0
    bench.world.close(contact)
    bench.pass_all_ms(20)
    assert bench.world.power_w > 0.0


@pytest.mark.parametrize("contact", [FOOTSWITCH, READY_BUTTON, SILENCE, SERVICE])
def test_the_other_contacts_do_not_touch_the_light(bench: Bench, contact: int) -> None:
    bench.world.at(0.1, lambda: bench.world.open(contact))
    bench.light(2.0)
    bench.pass_all_ms(195)
    assert bench.lit_points() == list(range(2, 11))


def test_a_change_of_contacts_ends_the_exchange_at_its_grid_point(bench: Bench) -> None:
    bench.world.at(0.1, lambda: bench.world.open(KEY))
    assert bench.pass_ms(200) == 95
    assert bench.port.inputs == CHAIN & ~KEY
    assert bench.pass_ms(105) == 105
    assert bench.port.inputs == CHAIN & ~KEY


def test_the_photodiode_sees_the_light_of_the_last_grid_point(bench: Bench) -> None:
    bench.light(3.0)
    bench.pass_ms(55)
    seen_w = bench.port.adc_u16 / 65535 * PHOTODIODE_FULL_SCALE_W
    assert seen_w == pytest.approx(3.0, abs=0.1)
    bench.world.open(KEY)
    bench.pass_all_ms(40)
    assert bench.port.adc_u16 / 65535 * PHOTODIODE_FULL_SCALE_W < 0.1


def test_a_driver_that_gives_more_shows_at_the_photodiode(bench: Bench) -> None:
    bench.world.diode.gain = 3.0
    bench.light(2.0)
    bench.pass_ms(55)
    assert bench.port.adc_u16 / 65535 * PHOTODIODE_FULL_SCALE_W == pytest.approx(6.0, abs=0.1)


def test_a_treatment_begins_with_the_key_off_and_every_other_contact_of_the_chain_closed() -> None:
    bench = Bench()
    world = World(bench.plan, cast(Plant, bench.plant), 1, lambda data, time_s: b"", lambda world: None)
    assert world.contacts == CHAIN & ~KEY


def test_a_driver_whose_enable_is_stuck_is_dark_by_its_duty_only(bench: Bench) -> None:
    bench.world.enable_stuck = True
    bench.light(2.0)
    bench.world.at(0.6, lambda: bench.world.open(EMERGENCY_STOP))
    bench.pass_all_ms(1000)
    assert bench.world.power_w == pytest.approx(2.0, abs=0.01)
    bench.port.pwm_cc = 0
    bench.pass_all_ms(20)
    assert bench.world.power_w == 0.0


def test_a_driver_whose_set_point_is_stuck_is_dark_by_its_enable_only(bench: Bench) -> None:
    bench.world.diode.stuck_duty = 0.15
    bench.light(2.0)
    bench.port.pwm_cc = 0
    bench.pass_all_ms(100)
    assert bench.world.power_w == pytest.approx(25 * 0.07 / 0.92, abs=0.01)
    bench.pass_all_ms(MONOSTABLE_MS)
    assert bench.world.power_w == 0.0


@pytest.mark.parametrize(("gain", "seen_w"), [(0.0, 0.0), (0.5, 1.5), (2.0, 6.0)])
def test_a_photodiode_that_shows_another_light_than_there_is(bench: Bench, gain: float, seen_w: float) -> None:
    bench.world.photodiode_gain = gain
    bench.light(3.0)
    bench.pass_ms(55)
    assert bench.port.adc_u16 / 65535 * PHOTODIODE_FULL_SCALE_W == pytest.approx(seen_w, abs=0.1)
    assert bench.world.power_w == pytest.approx(3.0, abs=0.01)


# Supply and outputs


def test_the_board_sees_a_third_of_its_supply_before_and_after_the_grid_begins() -> None:
    bench = Bench()
    bench.pass_ms(100)
    assert bench.port.supply_u16 / 65535 * 3 * 3300 == pytest.approx(5000, abs=3)
    bench.begin()
    bench.world.at(0.1, lambda: setattr(bench.world, "supply_mv", 4321))
    bench.pass_all_ms(200)
    assert bench.port.supply_u16 / 65535 * 3 * 3300 == pytest.approx(4321, abs=3)


def test_the_boards_outputs_are_seen(bench: Bench) -> None:
    bench.port.outputs = 0b10101
    bench.pass_ms(1)
    assert bench.world.outputs == 0b10101


# Power cuts and hangs


def test_a_power_cut_is_dark_at_its_grid_point_and_the_board_is_told(bench: Bench) -> None:
    bench.light(2.0)
    bench.port.outputs = 0b11111
    bench.world.at(0.1, lambda: bench.world.cut_power(1.5))
    assert bench.pass_ms(200) == 95
    assert (bench.port.cut_ms, bench.port.pwm_cc, bench.world.outputs) == (1500, 0, 0)
    assert bench.world.power_w == 0.0
    assert bench.lit_points() == [2, 3, 4, 5]
    bench.port.cut_ms = 0
    bench.pass_ms(100)
    assert bench.port.cut_ms == 0  # told once


def test_a_laser_whose_set_point_is_stuck_outlives_the_boards_power_by_the_monostable(bench: Bench) -> None:
    bench.world.diode.stuck_duty = 0.15
    bench.light(2.0)  # 5 ms after the origin
    bench.world.at(0.1, lambda: bench.world.cut_power(1.5))
    bench.pass_all_ms(500)
    assert max(bench.lit_points()) == 13  # the last grid point before 255 ms is the twelfth, and is held


def test_a_hang_is_told_once(bench: Bench) -> None:
    bench.world.at(0.1, bench.world.hang)
    assert bench.pass_ms(200) == 95
    assert (bench.port.hang, bench.port.cut_ms) == (1, 0)
    bench.port.hang = 0
    bench.pass_ms(100)
    assert bench.port.hang == 0


# Actions


def test_actions_run_at_their_grid_point_in_the_order_they_were_asked_for(bench: Bench) -> None:
    ran: list[tuple[str, int]] = []

    def note(name: str) -> None:
        ran.append((name, bench.world.grid))

    bench.world.at(0.2, lambda: note("late"))
    bench.world.at(0.1, lambda: note("first"))
    bench.world.at(0.09, lambda: note("second, at the same point"))
    bench.world.at(0.0, lambda: note("at once"))
    bench.pass_all_ms(300)
    assert ran == [("at once", 1), ("first", 5), ("second, at the same point", 5), ("late", 10)]


def test_an_action_may_ask_for_another(bench: Bench) -> None:
    ran: list[int] = []
    bench.world.at(0.1, lambda: bench.world.after(0.06, lambda: ran.append(bench.world.grid)))
    bench.pass_all_ms(300)
    assert ran == [8]


@pytest.mark.parametrize("point", [1, 7, 14, 28, 55, 109, 218, 90_001])
def test_the_time_of_a_grid_point_means_that_point(point: int) -> None:
    """In binary, 0.14 s times 50 is a little more than 7."""
    bench = Bench()
    ran: list[int] = []
    bench.world.at(point * 20 / 1000, lambda: ran.append(bench.world.grid))
    bench.begin()
    bench.pass_all_ms(point * 20 + 40)
    assert ran == [point]


def changes(bench: Bench, ms: int) -> list[tuple[int, int]]:
    """(time since the origin, contacts) of every change that the board sees."""
    end_ms, seen = bench.port.now_ms + ms, []
    while bench.port.now_ms < end_ms:
        before = bench.port.inputs
        bench.pass_ms(end_ms - bench.port.now_ms)
        if bench.port.inputs != before:
            seen.append((bench.port.now_ms - 295, bench.port.inputs))
    return seen


def test_a_press_lasts_as_long_as_it_is_asked_to(bench: Bench) -> None:
    bench.world.at(0.1, lambda: bench.world.press(SILENCE, 0.3))
    assert changes(bench, 600) == [(100, CHAIN | SILENCE), (400, CHAIN)]


def test_a_contact_that_bounces(bench: Bench) -> None:
    bench.world.at(0.1, lambda: bench.world.bounce(KEY, 0.02, 0.04))
    bench.world.at(0.3, lambda: bench.world.bounce(FOOTSWITCH, 0.1))
    shut, off = CHAIN, CHAIN & ~KEY
    expected = [(100, off), (120, shut), (160, off), (300, off | FOOTSWITCH), (400, off)]
    assert changes(bench, 600) == expected


# The serial line


def test_lines_reach_the_host_with_their_time_and_answers_come_back(bench: Bench) -> None:
    bench.pass_ms(95)
    bench.port.tx += b"T,1,0*00000000\n"
    bench.answer = b"k,1,0\n"
    bench.pass_ms(100)
    assert bench.heard[-1] == (0.1, b"T,1,0*00000000\n")
    assert bench.port.tx == b""
    assert bytes(bench.port.rx) == b"k,1,0\n"


def test_what_the_board_has_read_is_dropped_and_the_rest_kept(bench: Bench) -> None:
    bench.answer = b"k,1,0\nk,2"
    bench.pass_ms(20)
    bench.port.rx_at = 6
    bench.answer = b",0\n"
    bench.pass_ms(20)
    assert (bytes(bench.port.rx), bench.port.rx_at) == (b"k,2,0\n", 0)


def test_a_silent_host_is_heard_later_all_at_once(bench: Bench) -> None:
    bench.world.at(0.1, lambda: bench.world.silence_host(0.3))
    received: list[bytes] = []
    for i in range(6):
        bench.answer = b"%d\n" % i  # at 5 ms, 105 ms, ...
        bench.pass_all_ms(100)
        received.append(bytes(bench.port.rx))
        bench.port.rx = bytearray()
    assert received == [b"0\n", b"", b"", b"", b"1\n2\n3\n4\n", b"5\n"]


def test_a_host_silenced_again_stays_silent(bench: Bench) -> None:
    bench.world.silence_host(0.2)
    bench.world.at(0.1, lambda: bench.world.silence_host(0.2))
    bench.answer = b"1\n"
    bench.pass_all_ms(290)
    assert not bench.port.rx
    bench.pass_all_ms(20)
    bench.pass_all_ms(20)
    assert bytes(bench.port.rx) == b"1\n"
