"""The feedback law: bounds, reasons, anti-windup, pauses and the tip's ceiling."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.firmware import load

control, limits = load("control"), load("limits")
COLD_TIP = -273150
TIP_LIMIT = 95000
SLEW = limits.SLEW_UP_MW_PER_S


def law_settings(**changes: int) -> Any:
    usual = {"set_point_mc": 46000, "cap_mw": 3000, "kp_mw_per_c": 350, "ti_ms": 110000, "feed_forward_mw": 1500}
    return SimpleNamespace(**(usual | changes))


any_settings = st.builds(
    law_settings,
    set_point_mc=st.integers(limits.SET_POINT_MIN_MC, limits.SET_POINT_MAX_MC),
    cap_mw=st.integers(100, max(limits.CAP_MAX_MW)),
    kp_mw_per_c=st.integers(1, limits.GAIN_MAX_MW_PER_C),
    ti_ms=st.integers(limits.INTEGRAL_TIME_MIN_MS, limits.INTEGRAL_TIME_MAX_MS),
    feed_forward_mw=st.integers(0, max(limits.CAP_MAX_MW)),
)
probe_mc = st.integers(30000, 60000) | st.integers(-273150, 2100000)
tip_limits = st.integers(limits.PROBE_LIMIT_MIN_MC, 95000)


def ceiling_of(settings: Any, tip_mc: int, tip_limit_mc: int) -> int:
    room = max(0, min(limits.TIP_MARGIN_MC, tip_limit_mc - tip_mc))
    return settings.cap_mw * room // limits.TIP_MARGIN_MC


def check_reason(law: Any, ceiling: int, cap: int, before: int) -> None:
    """The reason is the bound that the value stands on, or the set-point if it stands on none."""
    wanted = law.wanted_mw
    slewed = before + SLEW
    holds = {
        control.FEEDBACK: 0 < wanted <= min(ceiling, slewed),
        control.AT_CAP: wanted == ceiling == cap <= slewed,
        control.TIP_LIMITED: wanted == ceiling < cap,
        control.AT_ZERO: wanted == 0,
        control.SLEWING: wanted == slewed < ceiling,
    }
    assert holds[law.reason], control.REASONS[law.reason]


@given(any_settings, st.lists(st.tuples(probe_mc, probe_mc, tip_limits, st.booleans()), max_size=40))
def test_never_above_ceiling_cap_or_slew_and_never_negative(
    settings: Any, frames: list[tuple[int, int, int, bool]]
) -> None:
    law = control.Control()
    for control_mc, tip_mc, tip_limit_mc, pause in frames:
        if pause:
            law.hold_off()
            assert (law.wanted_mw, law.reason) == (0, control.OFF)
        before = law.wanted_mw
        law.step(settings, control_mc, tip_mc, tip_limit_mc)
        ceiling = ceiling_of(settings, tip_mc, tip_limit_mc)
        assert 0 <= law.wanted_mw <= min(ceiling, settings.cap_mw, before + SLEW)
        check_reason(law, ceiling, settings.cap_mw, before)


def run(law: Any, settings: Any, error_mc: int, frames: int) -> None:
    for _ in range(frames):
        law.step(settings, settings.set_point_mc - error_mc, COLD_TIP, TIP_LIMIT)


def proportional_mw(settings: Any, error_mc: int) -> int:
    return settings.kp_mw_per_c * error_mc // 1000


@given(any_settings, st.integers(1000, 10000), st.integers(1, 3000))
def test_falls_as_soon_as_the_set_point_is_passed(settings: Any, cold_mc: int, warm_mc: int) -> None:
    """However long it was saturated."""
    assume(proportional_mw(settings, cold_mc) >= 10 and settings.feed_forward_mw <= settings.cap_mw)
    law = control.Control()
    run(law, settings, cold_mc, 600)
    saturated = law.wanted_mw
    run(law, settings, -warm_mc, 1)
    assert law.wanted_mw < saturated


@given(any_settings, st.integers(1000, 10000))
def test_rises_as_soon_as_it_is_colder_than_the_set_point(settings: Any, error_mc: int) -> None:
    """However long it was dark for being too warm."""
    assume(proportional_mw(settings, error_mc) >= 10 and settings.feed_forward_mw <= settings.cap_mw)
    law = control.Control()
    run(law, settings, -error_mc, 600)
    before = law.wanted_mw
    run(law, settings, error_mc, 1)
    assert law.wanted_mw > before


def settled() -> tuple[Any, Any]:
    """At 2 W after some minutes near the set-point."""
    law, settings = control.Control(), law_settings()
    run(law, settings, 1000, 60)
    run(law, settings, 0, 60)
    assert 1600 < law.wanted_mw < 3000
    return law, settings


def test_a_pause_ends_without_a_bump() -> None:
    """Back at the same power as fast as the slew allows, and not above it."""
    law, settings = settled()
    before = law.wanted_mw
    for _ in range(100):
        law.hold_off()
    run(law, settings, 0, -(-before // SLEW))
    assert law.wanted_mw == before


def test_a_new_treatment_begins_from_nothing() -> None:
    law, settings = settled()
    law.reset()
    assert (law.wanted_mw, law.reason) == (0, control.OFF)
    run(law, settings, 0, 10)
    assert law.wanted_mw == settings.feed_forward_mw


def test_proportional_part_is_exact() -> None:
    law, settings = control.Control(), law_settings(ti_ms=1000000)
    run(law, settings, -2000, 1)
    assert law.wanted_mw == min(SLEW, 1500 - 700)
    run(law, settings, -2000, 1)
    assert law.wanted_mw == pytest.approx(800, abs=2)


def test_integral_part_is_exact() -> None:
    """In one integral time it adds what the proportional part gives."""
    law, settings = control.Control(), law_settings()
    run(law, settings, 0, 10)
    run(law, settings, 500, 110)
    assert law.wanted_mw == pytest.approx(1500 + 175 + 175, abs=4)


@pytest.mark.parametrize("ti_ms", [5000, 110000, 1000000])
@pytest.mark.parametrize(
    ("kp_mw_per_c", "error_mc"), [(10, 50), (10, 400), (100, 50), (350, 20), (350, 400), (3000, 50)]
)
def test_the_integral_follows_both_signs_alike(kp_mw_per_c: int, ti_ms: int, error_mc: int) -> None:
    """At every gain, else the loop settles beside its set-point."""
    settings = law_settings(kp_mw_per_c=kp_mw_per_c, ti_ms=ti_ms, feed_forward_mw=2500, cap_mw=5000)
    frames = min(1000, 1000 * ti_ms // (kp_mw_per_c * error_mc))
    exact = kp_mw_per_c * error_mc * frames / ti_ms
    for sign in (1, -1):
        law = control.Control()
        run(law, settings, 0, 10)
        run(law, settings, sign * error_mc, frames)
        run(law, settings, 0, 10)
        assert law.wanted_mw - 2500 == pytest.approx(sign * exact, abs=2)


def test_power_falls_as_the_tip_nears_its_limit() -> None:
    before, law = 3000, control.Control()
    for tip_mc in range(TIP_LIMIT - limits.TIP_MARGIN_MC, TIP_LIMIT + 2001, 250):
        law.reset()
        for _ in range(10):
            law.step(law_settings(), 37000, tip_mc, TIP_LIMIT)
        assert law.wanted_mw == ceiling_of(law_settings(), tip_mc, TIP_LIMIT) <= before
        before = law.wanted_mw
    assert (before, law.reason) == (0, control.TIP_LIMITED)


def test_a_tip_within_its_margin_takes_power_back_at_once() -> None:
    law, settings = control.Control(), law_settings()
    run(law, settings, 9000, 10)
    assert (law.wanted_mw, law.reason) == (3000, control.AT_CAP)
    law.step(settings, 37000, TIP_LIMIT - 2000, TIP_LIMIT)
    assert (law.wanted_mw, law.reason) == (750, control.TIP_LIMITED)
