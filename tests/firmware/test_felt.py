"""Power as probes still feel it: against the exponentials that it stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load

from imilt import decay

felt = load("felt")
BEAD = (564, 160, 182, 52, 47, 12, 8, -1)
SLOT_S, CONVERSION_S = 0.2, 0.16


def of(shares: tuple[int, ...]) -> Any:
    it = felt.Felt()
    it.configure(shares)
    return it


def exact(shares: tuple[int, ...], powers_mw: list[int]) -> list[float]:
    """What is felt on the mean over each slot's conversion: the sum of lags, each followed exactly."""
    times_s = np.array(felt.TIMES_MS) / 1000
    lag, out = np.zeros(8), []
    for mw in powers_mw:
        mean = times_s / CONVERSION_S * -np.expm1(-CONVERSION_S / times_s)
        out.append(float(np.array(shares) / 1024 @ (mw + (lag - mw) * mean)))
        lag = mw + (lag - mw) * np.exp(-SLOT_S / times_s)
    return out


def test_the_hosts_time_constants_are_the_firmwares() -> None:
    assert pytest.approx(felt.TIMES_MS) == decay.TIMES_S * 1000


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=400))
def test_any_course_of_power_is_followed(powers_mw: list[int]) -> None:
    it, worst = of(BEAD), 0.0
    for mw, wanted in zip(powers_mw, exact(BEAD, powers_mw), strict=True):
        it.slot(mw)
        worst = max(worst, abs(it.now_q3 / 8 - wanted))
    assert worst < 25  # mW: of 5000, in integers


def test_after_half_an_hour_of_frames_all_of_the_power_is_felt() -> None:
    it = of(BEAD)
    for slot in range(5 * 1800):
        it.slot(2000 if slot % 5 < 4 else 0)
    seen = []
    for slot in range(5):
        it.slot(2000 if slot % 5 < 4 else 0)
        seen.append(it.now_q3 / 8)
    assert np.mean(seen) == pytest.approx(1600, abs=20)


def test_contrast_is_the_middle_slot_less_the_mean_of_five() -> None:
    it = of((1024, 0, 0, 0, 0, 0, 0, 0))
    powers_mw = [1000, 1000, 0, 1000, 1000]
    for mw in powers_mw:
        it.slot(mw)
    felt_mw = exact((1024, 0, 0, 0, 0, 0, 0, 0), powers_mw)
    assert it.contrast_mw == pytest.approx(felt_mw[2] - np.mean(felt_mw), abs=5)
    for _ in range(5 * 200):
        it.slot(1000)
    assert abs(it.contrast_mw) <= 2  # steady light


def test_power_beyond_any_cap_is_bounded_and_a_new_shape_forgets() -> None:
    it = of(BEAD)
    for _ in range(50):
        it.slot(1 << 29)
    assert it.now_q3 <= 8 * felt.MOST_MW
    it.configure(BEAD)
    assert (it.now_q3, it.lag_q6) == (0, [0] * 8)
