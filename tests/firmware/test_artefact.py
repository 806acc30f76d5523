"""Self-heating learnt and taken off: on tissue that drifts, breathes and jumps, with light in frames and windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.firmware import load

artefact, felt = load("artefact"), load("felt")
BEAD = (564, 160, 182, 52, 47, 12, 8, -1)
NEEDLE = (63, 39, 216, 265, 243, 149, 49, 0)


class Probe:
    """A probe with `true_mc_per_w` and a shape of its own, in tissue that a function of time tells, m°C."""

    def __init__(self, true_mc_per_w: int, shape: tuple[int, ...] = BEAD, believed: tuple[int, ...] = BEAD) -> None:
        self.light, self.truly = felt.Felt(), felt.Felt()
        self.light.configure(believed)
        self.truly.configure(shape)
        self.it: Any = artefact.Artefact()
        self.true_mc_per_w = true_mc_per_w
        self.slot = 0
        self.rng = np.random.default_rng(1)

    def frames(self, count: int, mw: int, tissue: Any = lambda _: 46000.0) -> list[float]:
        """So many frames of light; returns how far off the clean mean was at the end of each, m°C."""
        off = []
        for _ in range(count):
            for slot in range(5):
                power = mw if slot < 4 else 0
                self.light.slot(power)
                self.truly.slot(power)
                true_mc = tissue(0.2 * self.slot)
                mc = true_mc + self.true_mc_per_w * self.truly.now_q3 / 8000 + self.rng.normal(0.0, 30.0)
                self.it.sample(round(mc), self.light)
                self.slot += 1
            self.it.frame()
            off.append(self.it.mean_mc - tissue(0.2 * (self.slot - 10)))
        return off


@pytest.mark.parametrize("shape", [BEAD, NEEDLE], ids=["bead", "needle"])
@pytest.mark.parametrize("true_mc_per_w", [300, 2500, 7000])
def test_self_heating_is_learnt_and_taken_off(shape: tuple[int, ...], true_mc_per_w: int) -> None:
    probe = Probe(true_mc_per_w, shape, shape)
    off = probe.frames(120, 2000)
    assert probe.it.learnt
    assert probe.it.mc_per_w == pytest.approx(true_mc_per_w, rel=0.03, abs=30)
    assert abs(np.mean(off[-20:])) < 40 + 0.02 * true_mc_per_w * 1.6


@pytest.mark.parametrize("amplitude_c", [1.1, 2.2])
@pytest.mark.parametrize("rate_hz", [0.2, 0.25, 0.33])
def test_a_breath_is_not_learnt(amplitude_c: float, rate_hz: float) -> None:
    probe = Probe(2500)
    breath = lambda t: 46000 + 1000 * amplitude_c * math.sin(2 * math.pi * rate_hz * t)  # noqa: E731
    probe.frames(150, 2000, breath)
    assert probe.it.mc_per_w == pytest.approx(2500, rel=0.05)
    assert probe.it.sway_mc == pytest.approx(637 * amplitude_c, rel=0.35)


def test_tissue_that_warms_is_not_learnt() -> None:
    probe = Probe(2500)
    probe.frames(100, 2000, lambda t: 37000 + 90 * t)
    assert probe.it.mc_per_w == pytest.approx(2500, rel=0.03)


def test_a_window_mends_a_shape_that_the_bench_told_wrong() -> None:
    """A bead that holds its heat for longer than the bench said."""
    slower = (400, 240, 230, 80, 50, 16, 8, 0)
    probe = Probe(2500, slower, BEAD)
    before = probe.frames(100, 2000)[-1]
    for _ in range(6):
        probe.frames(4, 2000)
        probe.it.breath()
        probe.frames(4, 2000)
        probe.it.breath()
        probe.frames(4, 0)
        probe.it.window()
        probe.frames(20, 2000)
    after = probe.frames(8, 2000)[-1]
    assert probe.it.windows == 6
    assert abs(after) < 0.6 * abs(before)


def test_no_window_teaches_on_a_probe_that_feels_no_light() -> None:
    probe = Probe(20)
    probe.frames(60, 2000)
    probe.it.breath()
    probe.frames(4, 0)
    probe.it.window()
    assert (probe.it.windows, probe.it.shape_q10) == (0, 1024)


def test_a_loss_of_light_shows_within_seconds() -> None:
    probe = Probe(2500)
    probe.frames(100, 2000)
    probe.true_mc_per_w = 800
    probe.frames(15, 2000)
    assert probe.it.lately_mc_per_w < 1300 < probe.it.mc_per_w


def test_without_light_nothing_is_told_of_it() -> None:
    probe = Probe(2500)
    probe.frames(60, 0)
    assert (probe.it.learnt, probe.it.mc_per_w, probe.it.lately_mc_per_w) == (False, 0, -1)
    assert probe.it.mean_mc == pytest.approx(46000, abs=60)


@given(st.lists(st.tuples(st.integers(-2048000, 2048000), st.integers(0, 5000)), min_size=1, max_size=200))
@settings(max_examples=30)
def test_whatever_comes_its_figures_stay_within_bounds(samples: list[tuple[int, int]]) -> None:
    light = felt.Felt()
    light.configure(BEAD)
    it = artefact.Artefact()
    for n, (mc, mw) in enumerate(samples):
        light.slot(mw)
        it.sample(mc, light)
        if n % 5 == 4:
            it.frame()
        if n % 20 == 19:
            it.window() if n % 40 == 39 else it.breath()
    assert 0 <= it.mc_per_w <= 48000
    assert 683 <= it.shape_q10 <= 1536
    assert 0 <= it.sway_mc <= 8000
