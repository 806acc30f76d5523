"""The live view of a treatment on standard error: one picture in a terminal, a line per state elsewhere."""

from __future__ import annotations

import time
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


class LiveView:
    """Shows rows as they come. `frame` is cheap to call: it draws ten times a second at most."""

    def __init__(self, plan: Plan, quiet: bool = False) -> None:
        self._plan = plan
        self._console = Console(stderr=True, quiet=quiet)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._drawn = 0.0
        self._state = ""

    def __enter__(self) -> LiveView:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()

    def frame(self, treatment: Treatment, row: bytes) -> None:
        """One row a second, as received."""
        if not self._console.is_terminal:
            if treatment.state != self._state:
                self._state = treatment.state
                self._console.print(plain_line(self._plan, treatment, row), highlight=False, soft_wrap=True)
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
        self.probes = [
            (probe.role, values.get(f"probe{i}_mc", 0) / 1000, probe.over_temperature_c)
            for i, probe in enumerate(plan.probes)
        ]
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
    """The figures in one line, for a log or a screen reader."""
    f = Frame(plan, treatment, row)
    probes = "  ".join(f"{role} {value:.1f} °C" for role, value, _ in f.probes)
    return (
        f"{clock(f.time_s):>6}  {f.state:<8}  {probes}  {f.power_w:.2f} W ({f.reason})"
        f"  {f.dose_min:.1f} CEM43  {clock(f.left_s)} left"
    )


def picture(plan: Plan, treatment: Treatment, row: bytes) -> Group:
    """State and hold, temperatures with their limits, power and why it is what it is."""
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
        style = "bold red" if value > limit - 2 else ""
        wanted = f"set-point {plan.treatment.set_point_c:.1f} °C, " if role == "control" else ""
        body.add_row(role, Text(f"{value:6.2f} °C", style=style), _bar(value, limit), f"{wanted}limit {limit:.0f} °C")
    body.add_row("power", f"{f.power_w:6.2f} W", _bar(f.power_w, f.cap_w), f"cap {f.cap_w:.1f} W, {f.reason}")
    wanted = f"of {f.dose_wanted_min:.0f} at the control probe, as believed"
    body.add_row("dose", f"{f.dose_min:6.1f} CEM43", _bar(f.dose_min, f.dose_wanted_min), wanted)
    return Group(head, body)


def _bar(value: float, total: float) -> ProgressBar:
    return ProgressBar(total=total, completed=max(value, 0.0), width=20)
