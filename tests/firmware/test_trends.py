"""What readings and light say over time: a probe that shows nothing of the light, and tissue that warms without it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bench import in_state
from support.firmware import load

limits, sensing = load("limits"), load("sensing")
SET_POINT_MC = 46000
FRAMES = limits.RESPONSE_FRAMES
AFTER = limits.RUNAWAY_AFTER_CYCLES // limits.FRAME_CYCLES
"""So many dark frames after the last light, heat may still spread as it likes."""


class Body:
    """Trends over four probes at 37 °C. `frame` is one second with so much light, or none."""

    def __init__(self, control: int = 0) -> None:
        roles = [sensing.SPARE] * 4
        roles[control] = sensing.CONTROL
        self.probes = SimpleNamespace(roles=roles, dark_mc=[37000] * 4, dark_age=[0] * 4, control=control)
        self.it: Any = load("trends").Trends(self.probes)

    def frame(self, mw: int = 0, count: int = 1) -> None:
        for _ in range(count):
            for phase in range(limits.FRAME_CYCLES):
                self.it.light(mw if phase < limits.DARK_PHASE else 0)
            self.it.frame(mw * 8 // 10, SET_POINT_MC)

    def set(self, mc: int, channel: int = 0) -> None:
        self.probes.dark_mc[channel] = mc

    def lit_and_off(self, mw: int = 2000) -> None:
        """Some light, and then the dark for as long as is forgiven."""
        self.frame(mw, 3)
        self.frame(0, AFTER)


@pytest.fixture
def body() -> Body:
    return Body()


# Response


def test_a_probe_that_shows_nothing_in_two_minutes_of_light_does_not_respond(body: Body) -> None:
    body.frame(2000, FRAMES)
    assert not body.it.unresponsive
    body.frame(2000)
    assert body.it.unresponsive
    assert body.it.rise_mc == 0
    body.frame(2000, 100)
    assert body.it.unresponsive


@pytest.mark.parametrize(("rise_mc", "unresponsive"), [(-5000, True), (999, True), (1000, False), (5000, False)])
def test_a_degree_is_a_response(body: Body, rise_mc: int, unresponsive: bool) -> None:
    body.frame(2000, 60)
    body.set(37000 + rise_mc)
    body.frame(2000, FRAMES)
    assert body.it.unresponsive == unresponsive
    assert body.it.rise_mc == rise_mc


@given(st.integers(2, FRAMES + 1))
def test_a_response_in_any_frame_counts_for_the_whole_treatment(when: int) -> None:
    body = Body()
    body.frame(2000, when - 1)
    body.set(38000)
    body.frame(2000)
    body.set(37000)
    body.frame(2000, 3 * FRAMES)
    assert not body.it.unresponsive


def test_only_light_is_waited_on(body: Body) -> None:
    for _ in range(FRAMES):
        body.frame(2000)
        body.frame(0, 7)
    assert not body.it.unresponsive
    body.frame(0, 10 * FRAMES)
    assert not body.it.unresponsive
    body.frame(2000)
    assert body.it.unresponsive


def test_the_rise_is_counted_from_the_first_light(body: Body) -> None:
    """What the probe did before, when it was placed, is no response."""
    body.set(22000)
    body.frame(0, 30)
    body.set(37000)
    body.frame(2000, FRAMES + 1)
    assert body.it.unresponsive


@pytest.mark.parametrize(("mc", "unresponsive"), [(44999, True), (45000, False), (46000, False), (47000, False)])
def test_near_the_set_point_nothing_has_to_rise(body: Body, mc: int, unresponsive: bool) -> None:
    body.set(mc)
    body.frame(2000, FRAMES + 1)
    assert body.it.unresponsive == unresponsive


@pytest.mark.parametrize("control", range(4))
def test_only_the_control_probe_has_to_respond(control: int) -> None:
    body = Body(control)
    for i in range(4):
        body.set(37000 if i == control else 44000, i)
    body.frame(2000, FRAMES + 1)
    assert body.it.unresponsive


def test_a_person_resumes_and_the_response_is_awaited_anew(body: Body) -> None:
    body.frame(2000, FRAMES + 1)
    body.it.resume()
    assert not body.it.unresponsive
    body.set(37500)
    body.frame(2000, FRAMES)
    assert not body.it.unresponsive
    body.frame(2000)
    assert body.it.unresponsive
    assert body.it.rise_mc == 0


def test_resuming_from_something_else_starts_nothing_anew(body: Body) -> None:
    body.frame(2000, FRAMES - 10)
    body.it.resume()
    body.frame(2000, 10)
    assert not body.it.unresponsive
    body.frame(2000)
    assert body.it.unresponsive


def test_a_new_treatment_knows_nothing_of_the_last(body: Body) -> None:
    body.frame(2000, FRAMES + 1)
    body.it.reset()
    assert (body.it.unresponsive, body.it.rise_mc, body.it.runaway, body.it.runaway_mc) == (False, 0, -1, 0)
    body.frame(2000, FRAMES)
    assert not body.it.unresponsive
    body.frame(2000)
    assert body.it.unresponsive


# Runaway


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize(
    ("rise_mc", "runs_away"), [(0, False), (1999, False), (2000, False), (2001, True), (20000, True)]
)
def test_what_warms_on_without_light(channel: int, rise_mc: int, runs_away: bool) -> None:
    body = Body()
    body.lit_and_off()
    body.set(37000 + rise_mc, channel)
    body.frame()
    assert body.it.runaway == (channel if runs_away else -1)
    assert not runs_away or body.it.runaway_mc == rise_mc


def test_creeping_counts_as_a_leap_does(body: Body) -> None:
    body.lit_and_off()
    for mc in range(37000, 39001, 100):
        body.set(mc, 3)
        body.frame()
        assert body.it.runaway == -1
    body.set(39001, 3)
    body.frame()
    assert body.it.runaway == 3


def test_heat_still_spreads_for_three_seconds(body: Body) -> None:
    """The rise counts from the highest reading within them; the frame before the dark ends with its own dark slot."""
    body.frame(2000, 5)
    for mc in (40000, 41000, 43000):
        body.set(mc)
        body.frame()
        assert body.it.runaway == -1
    body.set(43001)
    body.frame()
    assert (body.it.runaway, body.it.runaway_mc) == (0, 2001)


def test_only_from_three_seconds_on(body: Body) -> None:
    body.frame(2000)
    for _ in range(limits.RUNAWAY_AFTER_CYCLES - 2):  # after the last one's dark slot
        body.it.light(0)
    body.it.frame(0, SET_POINT_MC)
    body.set(39001)
    body.it.frame(0, SET_POINT_MC)
    assert body.it.runaway == -1
    body.it.light(0)
    body.set(41001)
    body.it.frame(0, SET_POINT_MC)
    assert body.it.runaway == -1
    body.set(41002)
    body.it.frame(0, SET_POINT_MC)
    assert body.it.runaway == 0


@pytest.mark.parametrize("step_mc", [500, 3000, 9000, 30000])
def test_a_stuck_laser_is_seen_however_fast_it_heats(body: Body, step_mc: int) -> None:
    """That its light is not seen elsewhere is why this is looked at."""
    body.lit_and_off()
    for mc in range(37000, 70000, step_mc):
        body.set(mc, 1)
        body.frame()
    assert body.it.runaway == 1


def test_who_has_cooled_may_be_as_warm_again_as_with_light(body: Body) -> None:
    body.set(45000)
    body.lit_and_off()
    body.set(38000)
    body.frame(0, 60)
    body.set(47000)
    body.frame()
    assert body.it.runaway == -1
    body.set(47001)
    body.frame()
    assert body.it.runaway == 0


def test_in_light_nothing_runs_away(body: Body) -> None:
    body.lit_and_off()
    for mc in range(37000, 60000, 1000):
        body.set(mc)
        body.frame(100)
        assert body.it.runaway == -1


@pytest.mark.parametrize(("mc", "mw"), [(41000, 2000), (39000, 0)])
def test_light_ends_it_and_so_does_cooling(body: Body, mc: int, mw: int) -> None:
    body.lit_and_off()
    body.set(41000)
    body.frame()
    assert body.it.runaway == 0
    body.set(mc)
    body.frame(mw)
    assert body.it.runaway == -1


def test_channels_without_a_role_or_a_new_dark_sample_are_not_judged(body: Body) -> None:
    body.lit_and_off()
    for channel, (role, age) in enumerate([(sensing.NONE, 0), (sensing.SPARE, 1), (sensing.SPARE, 10)], start=1):
        body.probes.roles[channel], body.probes.dark_age[channel] = role, age
        body.set(50000, channel)
    body.frame()
    assert body.it.runaway == -1


def test_a_reading_that_comes_back_is_compared_with_what_it_was(body: Body) -> None:
    body.lit_and_off()
    body.probes.dark_age[1] = 10
    body.set(50000, 1)
    body.frame(0, 20)
    assert body.it.runaway == -1
    body.probes.dark_age[1] = 0
    body.frame()
    assert body.it.runaway == 1


def test_a_probe_that_is_first_seen_in_the_dark_begins_there(body: Body) -> None:
    body.probes.dark_age[1] = 1000000
    body.lit_and_off()
    body.frame(0, 10)
    body.probes.dark_age[1] = 0
    body.set(45000, 1)
    body.frame(0, 3)
    assert body.it.runaway == -1
    body.set(47001, 1)
    body.frame()
    assert body.it.runaway == 1


@pytest.mark.parametrize("seconds", [0, 3, 4, 60, 3600])
def test_a_probe_that_is_placed_before_any_light_is_no_runaway(seconds: int) -> None:
    """From the room into the body, whenever after power-up; else nothing could be armed any more."""
    body = Body()
    for i in range(4):
        body.set(22000, i)
    body.frame(0, seconds)
    for i in range(4):
        body.set(37000, i)
    body.frame(0, 5)
    assert body.it.runaway == -1


def test_a_probe_that_is_connected_late_is_no_runaway(body: Body) -> None:
    """It had no reading at all until then."""
    body.probes.dark_age[2] = 1000000
    body.set(0, 2)
    body.frame(0, 10)
    body.probes.dark_age[2] = 0
    body.set(37000, 2)
    body.frame(0, 2)
    assert body.it.runaway == -1


def test_probes_are_placed_anew_for_the_next_treatment(body: Body) -> None:
    """Out of one patient, into the next."""
    body.lit_and_off()
    body.set(22000, 1)
    body.frame(0, 20)
    body.it.reset()
    body.set(39500, 1)
    body.frame(0, 10)
    assert body.it.runaway == -1


def test_after_a_treatment_warmer_tissue_does_not_bar_the_next() -> None:
    """The application begins anew when the key ends a treatment, not only once the next is armed."""
    bench = in_state("complete")
    bench.board.open("footswitch")
    bench.turn_key()
    bench.temperatures(40, 40, 40, 40)
    bench.cycle(40)
    assert bench.state == "standby"
    assert bench.command("arm") == (True, "")
