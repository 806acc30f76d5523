"""The cycles made small enough to draw: one row per frame, curves thinned to their extremes, runs of one value."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imilt.report.look import clock
from imilt.run import FRAME_CYCLES, Floats, Run

MAX_ROWS = 2500
"""Rows of the table behind the curves: one per second up to 41 min, then one per two seconds, and so on."""
MAX_BUCKETS = 1200
"""A curve keeps at most four points of each: about one bucket per pixel."""
_DARK_PHASE = 8


def thin(x: Floats, y: Floats, buckets: int = MAX_BUCKETS) -> tuple[Floats, Floats]:
    """The curve with at most four points per bucket: first, lowest, highest, last. NaN is left out."""
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) <= 4 * buckets:
        return x, y
    edges = np.linspace(0, len(x), buckets + 1).astype(int)
    kept = {i for start, end in pairwise(edges) for i in _extremes(y, start, end)}
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


def _extremes(y: Floats, start: int, end: int) -> tuple[int, ...]:
    part = y[start:end]
    return start, start + int(part.argmin()), start + int(part.argmax()), end - 1


def minutes(seconds: Floats) -> NDArray[np.float32]:
    """A time axis, halved in size: single precision is 0.01 s at 60 min."""
    return (seconds / 60).astype(np.float32)


def frame_table(run: Run) -> dict[str, Any]:
    """One row per frame (or group of frames): what the hover tells and what the slow curves need."""
    starts = _starts(run)
    last = np.append(starts[1:], len(run.cycles)) - 1
    time_s = run.cycles.time_s[last]
    table: dict[str, Any] = {
        "min": minutes(time_s),
        "clock": [clock(t) for t in time_s],
        "state": _named(run.states, run.cycles["state"][last]),
        "reason": _named(run.reasons, run.cycles["reason"][last]),
        "dose": (run.cycles["cem43_control_umin"][last] / 1e6).astype(np.float32),
    }
    for i in range(len(run.plan.probes) if run.plan else 0):
        table[f"dark{i}"] = run.cycles.filled(i, dark=True)[last].astype(np.float32)
        table[f"cool{i}"], table[f"warm{i}"] = _bright_extremes(run, i, starts)
    return table | _power(run, starts) | _truth(run, time_s)


def _starts(run: Run) -> NDArray[np.int64]:
    """First row of every frame, or of every group of frames if there are too many."""
    frame = run.cycles["cycle"] // FRAME_CYCLES
    group = (frame - frame[0]) // (1 + (frame[-1] - frame[0]) // MAX_ROWS)
    return np.concatenate(([0], np.flatnonzero(np.diff(group)) + 1))


def _bright_extremes(run: Run, channel: int, starts: NDArray[np.int64]) -> tuple[Any, Any]:
    """Lowest and highest bright sample of a channel in each frame, °C; NaN where there is none."""
    rows, readings = run.cycles.fresh(channel, dark=False)
    low, high = (np.full(len(run.cycles), bound) for bound in (np.inf, -np.inf))
    low[rows] = high[rows] = readings
    low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    low[~np.isfinite(low)] = high[~np.isfinite(high)] = np.nan
    return low.astype(np.float32), high.astype(np.float32)


def _power(run: Run, starts: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Power in W: wanted, allowed in the bright slots, and the delivered power's mean there and extremes."""
    phase, delivered = run.cycles.phase, run.cycles["delivered_mw"] / 1000
    # The light seen in a cycle is that of the cycle before; the first of the bright ones is still rising.
    bright = (phase >= 2) & (phase <= _DARK_PHASE)
    total, number = (np.add.reduceat(part, starts) for part in (delivered * bright, bright * 1.0))
    found = {
        "wanted": np.maximum.reduceat(run.cycles["wanted_mw"], starts) / 1000,
        "allowed": np.maximum.reduceat(run.cycles["allowed_mw"], starts) / 1000,
        "delivered": total / np.maximum(number, 1),
        "lowest": np.minimum.reduceat(np.where(bright, delivered, np.inf), starts),
        "highest": np.maximum.reduceat(delivered, starts),
    }
    found["lowest"] = np.where(np.isfinite(found["lowest"]), found["lowest"], found["delivered"])
    return {name: values.astype(np.float32) for name, values in found.items()}


def _truth(run: Run, time_s: Floats) -> dict[str, NDArray[np.float32]]:
    if run.truth is None or run.plan is None:
        return {}
    named = {f"true{i}": f"site{i}_c" for i in range(len(run.plan.probes))}
    named["true_dose"] = f"cem43_site{run.plan.control_channel}_min"
    return {
        name: np.interp(time_s, run.truth["time_s"], run.truth[column]).astype(np.float32)
        for name, column in named.items()
    }


def _named(names: Any, codes: NDArray[Any]) -> list[str]:
    return [names[code] if 0 <= code < len(names) else f"number {code}" for code in codes]
