"""Keyed noise: the same value for the same key, in whatever order it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imilt_sim.noise import KeyedNoise


def values(seed: int, stream: int, sigma: float = 100.0, count: int = 3000) -> list[int]:
    noise = KeyedNoise(seed, stream, sigma)
    return [noise[i] for i in range(count)]


IN_ORDER = values(1, 0)


@given(st.lists(st.integers(0, 2999), max_size=50))
def test_the_order_of_asking_changes_nothing(indices: list[int]) -> None:
    noise = KeyedNoise(1, 0, 100.0)
    assert [noise[i] for i in indices] == [IN_ORDER[i] for i in indices]


@pytest.mark.parametrize(("seed", "stream"), [(2, 0), (1, 1), (0, 1), (2**63 - 1, 0), (1, 100)])
def test_seeds_and_streams_differ(seed: int, stream: int) -> None:
    other = np.array(values(seed, stream))
    assert abs(np.corrcoef(other, IN_ORDER)[0, 1]) < 0.1
    assert np.mean(other == IN_ORDER) < 0.05


def test_blocks_differ() -> None:
    assert IN_ORDER[:1000] != IN_ORDER[1024:2024]


@pytest.mark.parametrize("sigma", [1.5, 122.88])
def test_it_has_the_standard_deviation_asked_for_and_no_offset(sigma: float) -> None:
    drawn = np.array(values(7, 3, sigma, 20_000))
    assert drawn.std() == pytest.approx(sigma, rel=0.03)
    assert drawn.mean() == pytest.approx(0, abs=0.03 * sigma)
    assert all(type(value) is int for value in values(7, 3, sigma, 10))


def test_no_sigma_is_no_noise() -> None:
    assert set(values(1, 0, 0.0, 100)) == {0}
