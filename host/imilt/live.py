"""The live view of a treatment on standard error: one picture in a terminal, a line per change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from imilt.plan import Plan
from imilt.treat import Treatment

_REFRESH_S = 0.1
_STYLES = {"heating": "bold yellow", "holding": "bold green", "fault": "bold white on red", "paused": "bold magenta"}
_URGENCY_STYLES = {"high": "bold white on red", "medium": "bold black on yellow", "low": "yellow"}
_MOST_ALARMS = 4
_OK = 0  # the status of a reading that may be believed


class LiveView:
    """Shows rows as they come. `frame` is cheap to call: it draws ten times a second at most."""

    def __init__(self, plan: Plan, quiet: bool = False) -> None:
        self._plan = plan
        self._console = Console(stderr=True, quiet=quiet)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._drawn = 0.0
        self._told: tuple[object, ...] = ()

    def __enter__(self) -> LiveView:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()

    def frame(self, treatment: Treatment, row: bytes) -> None:
        """One row a second, as received."""
        if not self._console.is_terminal:
            told = (treatment.state, treatment.waiting_for, treatment.sound_paused, *treatment.alarms)
            if told != self._told:
                self._told = told
                self._console.print(
                    plain_line(self._plan, treatment, row), highlight=False, markup=False, soft_wrap=True
                )
            return
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_S:
            self._drawn = now
            self._live.update(picture(self._plan, treatment, row), refresh=True)


class Frame:
    """A row's figures in the units that people read."""

    def __init__(self, plan: Plan, treatment: Treatment, row: bytes) -> None:
        names = treatment.names["columns"] + treatment.names["probe_columns"]
        values = dict(zip(names, map(int, row.split(b",")), strict=False))
        self.time_s = treatment.time_s
        self.state = treatment.names["states"][values["state"]]
        self.reason = treatment.names["reasons"][values["reason"]]
        good = [values.get("fresh", 0) >> i & 1 and values[f"status{i}"] == _OK for i in range(len(plan.probes))]
        self.probes = [
            (probe.role, values[f"probe{i}_mc"] / 1000 if good[i] else None, probe.over_temperature_c)
            for i, probe in enumerate(plan.probes)
        ]
        self.alarms = treatment.alarms
        self.sound = "sound paused" if treatment.sound_paused else ""
        self.paused = f"paused: {treatment.paused_for}" if treatment.paused_for else ""
        self.waiting = f"waiting for {treatment.waiting_for}" if treatment.waiting_for else ""
        self.power_w = values["allowed_mw"] / 1000
        self.cap_w = plan.fibre.power_cap_w
        self.dose_min = values["cem43_control_umin"] / 1e6
        self.hold_s = values["hold_ms"] / 1000
        self.hold_wanted_s = plan.treatment.hold_min * 60
        self.dose_wanted_min = plan.treatment.hold_min * 2 ** (plan.treatment.set_point_c - 43.0)
        self.left_s = self.hold_wanted_s - self.hold_s


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def plain_line(plan: Plan, treatment: Treatment, row: bytes) -> str:
    """The figures in one line, for a log or a screen reader; then what is wrong, and what is waited for."""
    f = Frame(plan, treatment, row)
    probes = "  ".join(f"{role} {_celsius(value)}" for role, value, _ in f.probes)
    alarms = ", ".join(f"{alarm.name} ({alarm.urgency})" if alarm.urgency else alarm.name for alarm in f.alarms)
    figures = (
        f"{clock(f.time_s):>6}  {f.state:<9}  {probes}  {f.power_w:.2f} W ({f.reason})"
        f"  {f.dose_min:.1f} CEM43  {clock(f.left_s)} left"
    )
    return "  ".join(filter(None, (figures, f"alarms: {alarms}" if alarms else "", f.sound, f.paused, f.waiting)))


def picture(plan: Plan, treatment: Treatment, row: bytes) -> Group:
    """State and hold, alarms and what is waited for, temperatures with their limits, power and why it is what it is."""
    f = Frame(plan, treatment, row)
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(f" {f.state.upper()} ", style=_STYLES.get(f.state, "bold")),
        f"{clock(f.time_s)} elapsed",
        _bar(f.hold_s, f.hold_wanted_s),
        f"{clock(f.left_s)} left of {clock(f.hold_wanted_s)}",
    )
    body = Table.grid(padding=(0, 1))
    for role, value, limit in f.probes:
        style = "bold red" if value is not None and value > limit - 2 else ""
        wanted = f"set-point {plan.treatment.set_point_c:.1f} °C, " if role == "control" else ""
        bar = _bar(value or 0.0, limit)
        body.add_row(role, Text(_celsius(value, 6, 2), style=style), bar, f"{wanted}limit {limit:.0f} °C")
    body.add_row("power", f"{f.power_w:6.2f} W", _bar(f.power_w, f.cap_w), f"cap {f.cap_w:.1f} W, {f.reason}")
    wanted = f"of {f.dose_wanted_min:.0f} at the control probe, as believed"
    body.add_row("dose", f"{f.dose_min:6.1f} CEM43", _bar(f.dose_min, f.dose_wanted_min), wanted)
    return Group(head, *_alarm_lines(f), *(Text(line) for line in (f.paused, f.waiting) if line), body)


def _alarm_lines(f: Frame) -> Iterator[Text]:
    """The alarms, a line each, the most urgent first; below, what is left out and that nothing is heard of it."""
    for alarm in f.alarms[:_MOST_ALARMS]:
        urgency = alarm.urgency or "alarm"
        yield Text.assemble((f" {urgency.upper()} ", _URGENCY_STYLES.get(urgency, "bold")), f" {alarm.name}")
    left_out = len(f.alarms) - _MOST_ALARMS
    more = f"and {left_out} more alarm{'s' if left_out > 1 else ''}" if left_out > 0 else ""
    if more or f.sound:
        yield Text(", ".join(filter(None, (more, f.sound))))


def _celsius(value: float | None, width: int = 0, digits: int = 1) -> str:
    """A reading; a dash where there is none."""
    return "–".rjust(width) if value is None else f"{value:{width}.{digits}f} °C"


def _bar(value: float, total: float) -> ProgressBar:
    return ProgressBar(total=total, completed=max(value, 0.0), width=20)
