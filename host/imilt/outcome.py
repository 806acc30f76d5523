"""The outcome of a run in a terminal: what happened first, then believed and true side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PAIRS = (
    ("control temperature during the hold", "control_mean_c", "°C", 2),
    ("its standard deviation", "control_sd_c", "°C", 2),
    ("overshoot", "overshoot_c", "°C", 2),
    ("time within tolerance", "hold_s", "s", 0),
    ("thermal dose at the control probe", "cem43_control_min", "CEM43", 1),
)
_SINGLE = (
    ("duration", "duration_s", "s", 0),
    ("heating to the hold", "heating_s", "s", 0),
    ("energy", "energy_j", "J", 0),
    ("hottest tissue", "tissue_max_c", "°C", 1),
    ("coagulated volume", "ablated_volume_mm3", "mm³", 0),
)


def show_outcome(summary: dict[str, Any], report: Path | None) -> None:
    """Print to standard output."""
    console = Console(highlight=False)
    good = summary["end_reason"] == "complete"
    headline = f"{summary['end_reason'].upper()}: {summary['end_text']}"
    console.print(Text(headline, style="bold green" if good else "bold red"), soft_wrap=True)
    console.print(_table(summary))
    for pause in summary.get("pauses") or ():
        told = f"paused at {pause['time_s']:.0f} s for {pause['length_s']:.0f} s: {pause['reason']}"
        console.print(told, soft_wrap=True, markup=False)
    factor, wall_s = summary.get("realtime_factor"), summary.get("wall_s")
    if factor and wall_s:
        console.print(f"simulated {factor:.0f} times faster than real time, {wall_s:.1f} s")
    console.print(f"trace {summary['trace_sha256']}", soft_wrap=True)
    if report:
        console.print(f"report {report}", soft_wrap=True)


def _table(summary: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("believed", justify="right")
    table.add_column("true", justify="right")
    table.add_column("")
    for text, key, unit, digits in _PAIRS:
        table.add_row(text, _figure(summary, key, digits), _figure(summary, f"true_{key}", digits), unit)
    for text, key, unit, digits in _SINGLE:
        table.add_row(text, _figure(summary, key, digits), "", unit)
    return table


def _figure(summary: dict[str, Any], key: str, digits: int) -> str:
    value = summary.get(key)
    return "-" if value is None else f"{value:.{digits}f}"
