"""The figures of a run: those of its summary, or what the record alone still tells."""

from __future__ import annotations

from typing import Any

from imilt import summary
from imilt.run import Run


def figures(run: Run) -> dict[str, Any]:
    """The summary's figures, or those that the record still tells if there is no summary."""
    if run.summary is not None:
        return run.summary
    if run.plan is None:
        return {}
    hottest = {"tissue_max_c": float(run.truth["tissue_max_c"].max())} if run.truth is not None else {}
    return summary.figures(run) | hottest


def number(values: dict[str, Any], name: str) -> float | None:
    """A figure, None if it is absent or no number."""
    value = values.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def light_step_c(run: Run) -> float | None:
    """How much higher the control probe reads in the light than in the dark, mean over the hold, °C."""
    if run.plan is None:
        return None
    means = []
    for dark in (False, True):
        rows, readings = run.cycles.fresh(run.plan.control_channel, dark)
        means.append(readings[run.in_state("holding")[rows]])
    return float(means[0].mean() - means[1].mean()) if len(means[0]) and len(means[1]) else None
