"""From the bench's shape of a probe's self-heating to the shares of exponentials that the firmware reckons with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIMES_S: Floats = 0.04 * 4.0 ** np.arange(8, dtype=np.float64)
"""Time constants in firmware/felt.py; a test compares them."""
SLOT_S, CONVERSION_S = 0.2, 0.16
_SMOOTHING = 0.02
_FIRST_S = 0.005


def left_at(times_s: Sequence[float], left: Sequence[float], t_s: Floats) -> Floats:
    """The fraction left at any time: through the given points, in the logarithm of time and of the fraction.

    Before the first point it comes from 1 at 5 ms; after the last it goes on as it went between the last two.
    """
    known_s = np.log([_FIRST_S, *times_s])
    known = np.log(np.maximum([1.0, *left], 1e-6))
    at = np.log(np.maximum(t_s, _FIRST_S))
    slope = (known[-1] - known[-2]) / (known_s[-1] - known_s[-2])
    beyond = known[-1] + slope * (at - known_s[-1])
    return np.exp(np.where(at > known_s[-1], beyond, _smooth(known_s, known, at)))


def _smooth(x: Floats, y: Floats, at: Floats) -> Floats:
    """Monotone cubic interpolation."""
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(x, y, extrapolate=True)(at)


def shares_q10(times_s: Sequence[float], left: Sequence[float]) -> list[int]:
    """Shares of the exponentials, times 1024, of sum 1024: those whose means over conversions come nearest."""
    slots = np.unique(np.round(np.geomspace(1, 3000, 120)).astype(int)) - 1
    within = (np.arange(16) + 0.5) / 16 * CONVERSION_S
    t_s = slots[:, None] * SLOT_S + within
    wanted = left_at(times_s, left, t_s.ravel()).reshape(t_s.shape).mean(axis=1)
    means = TIMES_S / CONVERSION_S * -np.expm1(-CONVERSION_S / TIMES_S)
    basis = np.exp(-slots[:, None] * SLOT_S / TIMES_S) * means
    weight = np.where(slots < 5, 3.0, 1.0)
    rows = np.vstack([basis * weight[:, None], np.full((1, 8), 50.0), _SMOOTHING * np.eye(8)])
    found = np.linalg.lstsq(rows, np.concatenate([wanted * weight, [50.0], np.zeros(8)]), rcond=None)[0]
    shares = np.round(np.clip(found, -0.5, 1.0) * 1024).astype(int)
    shares[np.argmax(shares)] += 1024 - shares.sum()
    return [int(share) for share in shares]
