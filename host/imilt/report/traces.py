"""The curves of a run: temperatures, power with its reasons, dose."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BoxAnnotation, ColumnDataSource, HoverTool, Legend, LegendItem, Span, TabPanel, Tabs

from imilt.episodes import Episode, alarms, sound_pauses
from imilt.report.canvas import FONT, Canvas, note
from imilt.report.frames import minutes, thin
from imilt.report.look import ALLOWED, DELIVERED, INK, QUIET, REASON_FILL, TRUTH, URGENCY_INK, clock, of, span
from imilt.run import Floats, segments


def temperatures(canvas: Canvas) -> Any:
    """Every probe: a line in the dark, a band in the light, the tissue dashed; set-point, tolerance and limits."""
    plan = canvas.run.plan
    assert plan is not None
    fig = canvas.figure(430, "temperature, °C", _whole_range(canvas))
    canvas.shade_states(fig, named=True)
    items = []
    for i, probe in enumerate(plan.probes):
        lines = _probe_lines(fig, canvas, i)
        items.append(LegendItem(label=f"{i} {probe.role}, {probe.radial_mm:g} mm", renderers=lines))
        _limit(fig, probe.over_temperature_c, canvas.colours[i], "dotdash")
    _target(fig, canvas)
    fig.add_layout(_legend(items), "above")
    canvas.mark_events(fig)
    canvas.tell(fig, f"dark{plan.control_channel}", [_probe_line(canvas, i) for i in range(len(plan.probes))])
    return fig


def close_up(canvas: Canvas) -> Any:
    """The control probe around its set-point: where a degree decides over the dose."""
    plan = canvas.run.plan
    assert plan is not None
    channel = plan.control_channel
    fig = canvas.figure(270, "control probe, °C", _close_range(canvas, channel))
    canvas.shade_states(fig)
    _probe_lines(fig, canvas, channel)
    _target(fig, canvas)
    canvas.mark_events(fig)
    canvas.tell(fig, f"dark{channel}", [_probe_line(canvas, channel)])
    return fig


def _probe_lines(fig: Any, canvas: Canvas, channel: int) -> list[Any]:
    run, colour = canvas.run, canvas.colours[channel]
    bounds = (f"cool{channel}", f"warm{channel}")
    bright = fig.varea("min", *bounds, source=canvas.source, fill_color=colour, fill_alpha=0.28)
    rows, readings = run.cycles.fresh(channel, dark=True)
    lines = [bright, _curve(fig, *thin(run.cycles.time_s[rows], readings), colour, line_width=2)]
    if run.truth is not None:
        curve = thin(run.truth["time_s"], run.truth[f"site{channel}_c"])
        lines.append(_curve(fig, *curve, colour, line_width=1.8, line_dash=[6, 4]))
    return lines


def _curve(fig: Any, time_s: Floats, values: Floats, colour: str, **look: Any) -> Any:
    source = ColumnDataSource({"x": minutes(time_s), "y": values.astype(np.float32)})
    return fig.line("x", "y", source=source, line_color=colour, line_join="round", **look)


def _probe_line(canvas: Canvas, channel: int) -> str:
    """A probe's line of the tooltip."""
    assert canvas.run.plan is not None
    role = canvas.run.plan.probes[channel].role
    true = f", tissue @true{channel}{{0.00}}" if canvas.run.truth is not None else ""
    return f"<span style='color:{canvas.colours[channel]}'>■</span> {channel} {role}: @dark{channel}{{0.00}}{true} °C"


def _target(fig: Any, canvas: Canvas) -> None:
    """The set-point and its tolerance."""
    assert canvas.run.plan is not None
    wanted = canvas.run.plan.treatment
    low, high = wanted.set_point_c - wanted.tolerance_c, wanted.set_point_c + wanted.tolerance_c
    fig.add_layout(BoxAnnotation(bottom=low, top=high, fill_color=INK, fill_alpha=0.08, level="underlay"))
    _limit(fig, wanted.set_point_c, INK, "solid")


def _limit(fig: Any, value: float, colour: str, dash: str) -> None:
    fig.add_layout(
        Span(location=value, dimension="width", line_color=colour, line_dash=dash, line_width=1, line_alpha=0.7)
    )


def _whole_range(canvas: Canvas) -> tuple[float, float]:
    """From the coldest to the warmest of everything drawn, with a little room below for the names of the states."""
    run = canvas.run
    assert run.plan is not None
    drawn = [run.cycles.fresh(i)[1] for i in range(len(run.plan.probes))]
    if run.truth is not None:
        drawn += [run.truth[f"site{i}_c"] for i in range(len(run.plan.probes))]
    values = np.concatenate([*drawn, [run.plan.treatment.set_point_c]])
    low, high = np.nanmin(values), np.nanmax(values)
    return float(low - 0.1 * (high - low) - 0.3), float(high + 0.04 * (high - low) + 0.3)


def _close_range(canvas: Canvas, channel: int) -> tuple[float, float]:
    """Wide enough for the hold as read and as it was, and for the tolerance."""
    assert canvas.run.plan is not None
    wanted = canvas.run.plan.treatment
    curves = [canvas.table[name] for name in (f"dark{channel}", f"true{channel}") if name in canvas.table]
    held = np.isin(canvas.table["state"], ("holding",))
    # Never held: from the warmest that it came to.
    drawn = [curve[held] if held.any() else [np.nanmax(curve)] for curve in curves if np.isfinite(curve).any()]
    values = np.concatenate([*drawn, np.array([wanted.set_point_c - 1.3, wanted.set_point_c + 1.3])])
    return float(np.nanmin(values) - 0.3), float(np.nanmax(values) + 0.3)


def power(canvas: Canvas) -> Any:
    """Power per frame: wanted, allowed in the bright slots, delivered with its extremes."""
    plan = canvas.run.plan
    cap = plan.fibre.power_cap_w if plan else 0.0
    top = max(0.1, *(float(canvas.table[name].max()) for name in ("wanted", "allowed", "highest")))
    fig = canvas.figure(230, "power, W", (-0.03 * top, 1.08 * top))
    canvas.shade_states(fig)
    source = canvas.source
    band = fig.varea("min", "lowest", "highest", source=source, fill_color=DELIVERED, fill_alpha=0.18)
    delivered = fig.line("min", "delivered", source=source, line_color=DELIVERED, line_width=1.6)
    wanted = fig.step("min", "wanted", source=source, mode="before", line_color=INK, line_width=1, line_dash=[2, 2])
    allowed = fig.step("min", "allowed", source=source, mode="before", line_color=ALLOWED, line_width=2.2)
    for line in (delivered, wanted):
        line.level = "overlay" if line is wanted else "glyph"
    names = (
        ("wanted", [wanted]),
        ("allowed in the light", [allowed]),
        ("delivered, mean and extremes", [delivered, band]),
    )
    fig.add_layout(_legend([LegendItem(label=name, renderers=lines) for name, lines in names]), "above")
    if cap:
        _limit(fig, cap, INK, "dotdash")
    canvas.mark_events(fig)
    figures = "wanted @wanted{0.00} · allowed @allowed{0.00} · delivered @delivered{0.00} W"
    canvas.tell(fig, "allowed", [figures, "because: @reason"])
    return fig


def reasons(canvas: Canvas) -> Any:
    """A strip that tells at every moment why the power was what it was."""
    run = canvas.run
    fig = canvas.figure(36, "", (0, 1))
    fig.yaxis.visible = fig.xaxis.visible = False
    fig.grid.grid_line_color = None
    fig.toolbar_location = None
    # Without a toolbar it would be wider than its neighbours.
    fig.min_border_right = 31
    time_s = np.append(run.cycles.time_s, run.cycles.duration_s)
    found = list(segments(run.cycles["reason"]))
    source = ColumnDataSource(
        {
            "left": minutes(time_s[[first for first, _, _ in found]]),
            "right": minutes(time_s[[after for _, after, _ in found]]),
            "colour": [of(REASON_FILL, code) for _, _, code in found],
            "reason": [run.reasons[code] if 0 <= code < len(run.reasons) else str(code) for _, _, code in found],
            "from": [clock(time_s[first]) for first, _, _ in found],
            "to": [clock(time_s[after]) for _, after, _ in found],
        }
    )
    strip = fig.quad("left", "right", 1, 0, source=source, fill_color="colour", line_color=None)
    told = "<div style='font:12px system-ui,sans-serif'><b>@reason</b><br>@from to @to</div>"
    fig.add_tools(HoverTool(renderers=[strip], tooltips=told))
    return fig


def alarm_strip(canvas: Canvas) -> Any:
    """A lane for each alarm, by its number, and one for the pauses of the sound; None if there was no alarm."""
    found = alarms(canvas.run)
    if not found:
        return None
    quiet = sound_pauses(canvas.run)
    numbers = list(dict.fromkeys(episode.number for episode in found))
    lanes = {number: lane for lane, number in enumerate([0] * bool(quiet) + numbers[::-1])}
    fig = canvas.figure(70 + 20 * len(lanes), "alarm", (-0.1, len(lanes) + 0.1))
    canvas.shade_states(fig)
    fig.ygrid.grid_line_color = None
    fig.yaxis.ticker = [lane + 0.5 for lane in lanes.values()]
    names = {lane + 0.5: str(number) if number else "quiet" for number, lane in lanes.items()}
    fig.yaxis.major_label_overrides = names
    drawn: list[Episode] = found + quiet
    source = ColumnDataSource(
        {
            "left": [episode.start_s / 60 for episode in drawn],
            "right": [episode.end_s / 60 for episode in drawn],
            "y": [lanes[episode.number] + 0.5 for episode in drawn],
            "colour": [URGENCY_INK.get(episode.urgency, QUIET) for episode in drawn],
            "name": [episode.text for episode in drawn],
            "from": [clock(episode.start_s) for episode in drawn],
            "length": [span(episode.length_s) for episode in drawn],
        }
    )
    # The line keeps what was on for a second visible beside half an hour.
    bars = fig.hbar("y", 0.7, "right", "left", source=source, fill_color="colour", line_color="colour", line_width=2)
    told = "<div style='font:12px system-ui,sans-serif'><b>@name</b><br>at @from for @length</div>"
    fig.add_tools(HoverTool(renderers=[bars], tooltips=told))
    canvas.mark_events(fig)
    return fig


def dose(canvas: Canvas) -> Tabs:
    """CEM43 at the control probe as believed and as it was, on a linear and on a logarithmic axis."""
    panels = [TabPanel(child=_dose(canvas, axis), title=f"{axis} axis") for axis in ("linear", "log")]
    return Tabs(tabs=panels, sizing_mode="stretch_width")


def _dose(canvas: Canvas, axis: str) -> Any:
    goal = _goal(canvas)
    top = max([goal, float(canvas.table["dose"].max()), *canvas.table.get("true_dose", [])[-1:]])
    fig = canvas.figure(
        270, "CEM43, min", (-0.02 * top, 1.1 * top) if axis == "linear" else (0.1, 2 * top), y_axis_type=axis
    )
    canvas.shade_states(fig)
    channel = canvas.run.plan.control_channel if canvas.run.plan else -1
    colour = canvas.colours[channel] if canvas.colours else DELIVERED
    items = [
        ("as the firmware believes", [fig.line("min", "dose", source=canvas.source, line_color=colour, line_width=2)])
    ]
    if "true_dose" in canvas.table:
        look = {"line_color": TRUTH, "line_width": 1.8, "line_dash": [6, 4]}
        items.append(("in the tissue", [fig.line("min", "true_dose", source=canvas.source, **look)]))
    _limit(fig, goal, QUIET, "solid")
    fig.add_layout(note(0, goal, f"{goal:.0f} min, the hold as planned", x_offset=6, y_offset=3))
    fig.add_layout(_legend([LegendItem(label=name, renderers=lines) for name, lines in items]), "above")
    canvas.mark_events(fig)
    true = " · tissue @true_dose{0.0}" if "true_dose" in canvas.table else ""
    canvas.tell(fig, "dose", [f"believed @dose{{0.0}}{true} min"])
    return fig


def _goal(canvas: Canvas) -> float:
    """The dose of the hold as planned: 240 min for 46 °C over 30 min."""
    if canvas.run.plan is None:
        return 240.0
    wanted = canvas.run.plan.treatment
    base = 2.0 if wanted.set_point_c >= 43 else 4.0
    return wanted.hold_min * base ** (wanted.set_point_c - 43)


def _legend(items: list[LegendItem]) -> Legend:
    """A legend whose entries hide their curves."""
    return Legend(
        items=items,
        orientation="horizontal",
        click_policy="hide",
        border_line_color=None,
        background_fill_color=None,
        label_text_font=FONT,
        label_text_font_size="12px",
        label_text_color=INK,
        margin=2,
        spacing=16,
    )
