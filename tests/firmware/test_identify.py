"""The tissue's answer: its own shapes are found again, scaled, in noise and breath."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from support.firmware import load

felt, identify, models = load("felt"), load("identify"), load("models")
TIMES_S = np.array(felt.TIMES_MS[4:]) / 1000


def heard(shape: int, mc_per_w: float, frames: int = 120, sway_mc: float = 0.0) -> Any:
    """An answer that has looked at tissue of this shape and scale, at 2 W in frames."""
    light, expected, answer = felt.Felt(), identify.Expected(), identify.Answer()
    light.configure((1024, 0, 0, 0, 0, 0, 0, 0))
    for _ in range(8):
        answer.rest(37000)
    rng, lag = np.random.default_rng(2), np.zeros(4)
    for n in range(frames):
        for slot in range(5):
            mw = 2000 if slot < 4 else 0
            light.slot(mw)
            lag = mw + (lag - mw) * np.exp(-0.2 / TIMES_S)
        rise = mc_per_w / 1000 * float(np.array(models.WEIGHTS_Q10[shape]) / 1024 @ lag)
        breath = sway_mc * math.sin(2 * math.pi * 0.25 * n + 1)
        expected.step(light)
        if n > 12:
            answer.look(round(37000 + rise + breath + rng.normal(0, 30)), expected)
    answer.settle()
    return answer


def comes_to(shape: int, mc_per_w: float, after_s: float) -> float:
    return mc_per_w * float(np.array(models.WEIGHTS_Q10[shape]) / 1024 @ -np.expm1(-after_s / TIMES_S))


@pytest.mark.parametrize("shape", range(len(models.WEIGHTS_Q10)))
@pytest.mark.parametrize("mc_per_w", [800.0, 4000.0])
@pytest.mark.parametrize("sway_mc", [0.0, 1000.0])
def test_the_first_half_minute_is_known_after_two(shape: int, mc_per_w: float, sway_mc: float) -> None:
    answer = heard(shape, mc_per_w, sway_mc=sway_mc)
    assert answer.after_30_s() == pytest.approx(comes_to(shape, mc_per_w, 30), rel=0.15)


@pytest.mark.parametrize("shape", range(len(models.WEIGHTS_Q10)))
def test_the_end_is_told_from_two_minutes_within_a_third(shape: int) -> None:
    assert heard(shape, 3000.0).in_the_end() == pytest.approx(comes_to(shape, 3000.0, 1800), rel=0.34)


def test_tissue_that_does_not_answer_has_no_scale() -> None:
    assert heard(0, 0.0).mc_per_w < 20


def test_an_hour_of_light_does_not_fill_the_sums() -> None:
    assert heard(11, 20000.0, frames=3600).frames == 1000


def test_reset_forgets() -> None:
    answer = heard(3, 2000.0)
    answer.reset()
    assert (answer.mc_per_w, answer.frames, answer.rested) == (0, 0, False)
