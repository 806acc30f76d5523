"""Figures of the trials beside the measured ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from imilt.errors import InputError
from imilt_sim.physics.setup import Point, Setup
from imilt_sim.physics.trial import Trial


class Result(NamedTuple):
    """One point: `meets` is None where no goal is set."""

    point: Point
    simulated: float
    meets: bool | None

    def as_json(self) -> dict[str, Any]:
        """For machines: figures that do not exist are null."""
        point, goal = self.point, self.point.goal()
        return {
            "name": point.name,
            "measured": list(point.measured) if isinstance(point.measured, tuple) else point.measured,
            "simulated": finite(self.simulated),
            "unit": point.unit,
            "goal": [finite(bound) for bound in goal] if goal else None,
            "meets": self.meets,
        }


def finite(value: float) -> float | None:
    """The value, or None for one that JSON cannot hold."""
    return value if math.isfinite(value) else None


def results(setup: Setup, trials: dict[str, Trial]) -> list[Result]:
    """Every point of the set-up. Raises InputError for one that asks for what is not there."""
    return [_result(i, point, trials) for i, point in enumerate(setup.points)]


def _result(i: int, point: Point, trials: dict[str, Trial]) -> Result:
    simulated = _read(f"points[{i}]", point, point.run or next(iter(trials)), trials)
    if point.over:
        base = _read(f"points[{i}]", point, point.over, trials)
        simulated = simulated / base if base else math.nan
    if point.less:
        simulated -= _read(f"points[{i}]", point, point.less, trials)
    goal = point.goal()
    return Result(point, simulated, goal[0] <= simulated <= goal[1] if goal else None)


def _read(where: str, point: Point, run: str, trials: dict[str, Trial]) -> float:
    if run not in trials:
        raise InputError(f"{where}: run {run!r}: no such run; one of {', '.join(map(repr, trials))}")
    trial = trials[run]
    if point.probe and point.probe not in trial.probes:
        raise InputError(f"{where}.probe = {point.probe!r}: no such probe; one of {', '.join(trial.probes) or 'none'}")
    figures = trial.probes[point.probe] if point.probe else trial.figures
    if point.quantity not in figures:
        raise InputError(f"{where}.quantity = {point.quantity!r}: unknown; one of {', '.join(figures)}")
    return figures[point.quantity]
