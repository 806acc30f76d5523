"""A run's folder, read back: plan, cycles, events with their hash chain, and what a simulation knows besides.

A run that was killed reads up to its last whole line; what is missing or damaged is told in `problems`, not raised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imilt.errors import InputError
from imilt.plan import Plan, load_plan
from imilt.rows import Table, new_table, read_events, read_numbers

CYCLE_S = 0.1
FRAME_CYCLES = 10
STATES = (
    "standby",
    "ready",
    "heating",
    "holding",
    "cooling",
    "complete",
    "paused",
    "fault",
    "self-test",
    "service",
)
REASONS = (
    "off",
    "following the set-point",
    "saturated at the cap",
    "held back by the tip",
    "warmer than wanted",
    "rising at the slew limit",
    "learning from the ramp",
    "dark to look at the probes",
    "kept as before the loss",
)
"""The firmware's names, for a run that has no summary to tell them."""
_OK = 0  # the status of a sample that may be believed
_NEVER = 9999  # the age of a control reading that has not come yet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
T = TypeVar("T")


def segments(values: NDArray[Any]) -> Iterator[tuple[int, int, int]]:
    """(first row, row after the last, value) of every run of one value."""
    if not len(values):
        return
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
        yield int(start), int(end), int(values[start])


class Cycles:
    """cycles.csv, one row per cycle; `[name]` is a column as written. `samples` has a row per sample only."""

    def __init__(self, table: Table, samples: Table, sample_rows: Ints) -> None:
        self._table, self.samples = table, samples
        self.sample_rows = sample_rows
        """The row of each sample."""

    def __getitem__(self, name: str) -> Ints:
        return self._table[name]

    def __len__(self) -> int:
        return self._table.rows

    @cached_property
    def _steps(self) -> Ints:
        """Cycles from each row to the next; a device that was reset counts from 0 again and is taken to go on."""
        steps = np.diff(self["cycle"])
        return np.where(steps > 0, steps, 1)

    @cached_property
    def time_s(self) -> Floats:
        """Time of each row since the first, s."""
        return CYCLE_S * np.concatenate((np.zeros(min(len(self), 1)), np.cumsum(self._steps)), dtype=np.float64)

    @property
    def missing(self) -> int:
        """Rows that the cycle numbers say are missing."""
        return int((self._steps - 1).sum())

    @property
    def duration_s(self) -> float:
        return float(self.time_s[-1]) + CYCLE_S if len(self) else 0.0

    @property
    def phase(self) -> Ints:
        """Place of each cycle in its frame."""
        return self["cycle"] % FRAME_CYCLES

    @cached_property
    def control_c(self) -> Floats:
        """What the firmware believes of the control probe, °C: its last dark sample; NaN before the first."""
        return np.where(self["control_age_cycles"] < _NEVER, self["control_mc"] / 1000, np.nan)

    def fresh(self, channel: int, dark: bool | None = None) -> tuple[Ints, Floats]:
        """Rows and readings, °C, of a channel's good samples: all, those taken in the dark, or those in the light."""
        taken = (self.samples["fresh"] >> channel & 1 == 1) & (self[f"status{channel}"][self.sample_rows] == _OK)
        if dark is not None:
            # What is read in a frame's first cycle was converted in the dark slot before it.
            taken &= (self.phase[self.sample_rows] == 0) == dark
        return self.sample_rows[taken], self.samples[f"probe{channel}_mc"][taken] / 1000

    def filled(self, channel: int, dark: bool | None = None) -> Floats:
        """A channel's last good reading at every row, °C; NaN before the first."""
        rows, readings = self.fresh(channel, dark)
        counts = np.zeros(len(self), np.int64)
        counts[rows] = 1
        return np.concatenate(([np.nan], readings))[np.cumsum(counts)]


@dataclass(frozen=True)
class Run:
    """Everything a run left. `summary`, `plan`, `truth` and `tissue` are None where the run has none."""

    path: Path
    summary: dict[str, Any] | None
    plan: Plan | None
    plan_sha256: str | None
    """Of the file as it is now; the summary tells that of the plan as it was run."""
    cycles: Cycles
    events: list[dict[str, Any]]
    broken_line: int | None
    """The first line of events.jsonl, from 1, that does not follow from the one before it."""
    truth: Table | None
    tissue: dict[str, Floats] | None
    problems: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Run:
        """Read a run's folder. Raises InputError if it is none."""
        _require(path)
        problems: list[str] = []
        cycles = _read_cycles(path / "cycles.csv", problems)
        events, broken_line = read_events(path / "events.jsonl")
        return cls(
            path,
            _read_if_there(path / "summary.json", _read_summary, problems),
            _read_if_there(path / "plan.toml", lambda file: load_plan(file).plan, problems),
            _read_if_there(path / "plan.toml", lambda file: hashlib.sha256(file.read_bytes()).hexdigest(), problems),
            cycles,
            events,
            broken_line,
            _read_if_there(path / "truth.csv", _read_truth, problems),
            _read_if_there(path / "tissue.npz", _read_tissue, problems),
            tuple(problems),
        )

    @property
    def complete(self) -> bool:
        """True if the record was finished: it has its summary."""
        return self.summary is not None

    @property
    def chain_ok(self) -> bool:
        return self.broken_line is None

    def _names(self, kind: str, fallback: Sequence[str]) -> Sequence[str]:
        return ((self.summary or {}).get("names") or {}).get(kind) or fallback

    @property
    def states(self) -> Sequence[str]:
        return self._names("states", STATES)

    @property
    def reasons(self) -> Sequence[str]:
        return self._names("reasons", REASONS)

    @cached_property
    def _first_s(self) -> float:
        """The events' clock at the first row: a device that was on before counts from then."""
        first = self.cycles["cycle"][0] if len(self.cycles) else 0
        told = (event for event in self.events if event.get("kind") == "state" and {"time_s", "cycle"} <= event.keys())
        return next((event["time_s"] - (event["cycle"] - first) * CYCLE_S for event in told), 0.0)

    def event_time_s(self, event: dict[str, Any]) -> float | None:
        """When an event happened, on the clock of the rows; None if it does not say."""
        time_s = event.get("time_s")
        return time_s - self._first_s if isinstance(time_s, (int, float)) else None

    def cycle_time_s(self, cycle: int) -> float:
        """When the device counted so many cycles, on the clock of the rows; 0 for what came before the first."""
        first = self.cycles["cycle"][0] if len(self.cycles) else 0
        return max(float(cycle - first) * CYCLE_S, 0.0)

    def in_state(self, *names: str) -> NDArray[np.bool_]:
        """The rows in any of the named states."""
        return np.isin(self.cycles["state"], [i for i, name in enumerate(self.states) if name in names])


def _require(path: Path) -> None:
    missing = [name for name in ("cycles.csv", "events.jsonl") if not (path / name).is_file()]
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder; name the folder of a run, e.g. runs/treat")
    if missing:
        raise InputError(f"{path}: is not the folder of a run: it has no {' and no '.join(missing)}")


def _read_if_there(file: Path, read: Callable[[Path], T], problems: list[str]) -> T | None:
    try:
        return read(file) if file.is_file() else None
    except Exception as error:  # whatever it is: the rest of the record can still be read
        problems.append(f"{file.name} cannot be read and is left out: {error}")
        return None


def _read_cycles(file: Path, problems: list[str]) -> Cycles:
    header, rows, damaged = read_numbers(file, int)
    if damaged:
        problems.append(f"{file.name}: {damaged} damaged rows were left out")
    split = header.index("fresh") if "fresh" in header else len(header)
    sampled = [i for i, row in enumerate(rows) if len(row) > split]
    table = new_table(file, header[:split], [row[:split] for row in rows], np.int64)
    samples = new_table(file, header[split:], [rows[i][split:] for i in sampled], np.int64)
    return Cycles(table, samples, np.array(sampled, np.int64))


def _read_truth(file: Path) -> Table | None:
    header, rows, _ = read_numbers(file, float)
    return new_table(file, header, rows, np.float64) if rows else None


def _read_summary(file: Path) -> dict[str, Any]:
    summary = json.loads(file.read_bytes())
    if not isinstance(summary, dict):
        raise ValueError("it is not a JSON object")
    return summary


def _read_tissue(file: Path) -> dict[str, Floats]:
    # Opened here, as numpy leaves a damaged file open.
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as fields:
        return {name: fields[name] for name in fields.files}
