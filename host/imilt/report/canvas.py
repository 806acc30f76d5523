"""What every curve of a run is drawn on: one time axis, one crosshair, states as bands, events to point at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    CrosshairTool,
    CustomJSTickFormatter,
    HoverTool,
    Label,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from imilt.report.frames import frame_table
from imilt.report.look import EVENT_INK, INK, QUIET, RULE, STATE_FILL, clock, role_colours
from imilt.run import Run, segments

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
DRAWN_EVENTS = ("state", "fault", "warning", "operator", "device", "note")
"""Commands and answers are in the list of events; drawn, they would hide the rest."""
MAX_DRAWN_EVENTS = 150
MAX_BANDS = 60
_LABEL_SHARE = 0.04
"""A state shorter than this share of the run has no room for its name."""


def dress(fig: Any) -> Any:
    """The look that all figures share."""
    fig.toolbar.logo = None
    fig.outline_line_color = None
    fig.background_fill_color = fig.border_fill_color = None
    for axis in fig.axis:
        axis.axis_line_color = axis.major_tick_line_color = QUIET
        axis.minor_tick_line_color = None
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.major_label_text_font_size, axis.axis_label_text_font_size = "12px", "12px"
        axis.axis_label_text_font_style = "normal"
    fig.grid.grid_line_color, fig.grid.grid_line_alpha = RULE, 0.7
    return fig


@dataclass(frozen=True)
class Canvas:
    """A run's shared axis, table of frames and crosshair."""

    run: Run

    @cached_property
    def x_range(self) -> Range1d:
        end = max(self.run.cycles.duration_s / 60, 0.05)
        return Range1d(start=0, end=end, bounds=(-0.1 * end, 1.1 * end))

    @cached_property
    def crosshair(self) -> Span:
        return Span(dimension="height", line_color=QUIET, line_width=1)

    @cached_property
    def table(self) -> dict[str, Any]:
        return frame_table(self.run)

    @cached_property
    def source(self) -> ColumnDataSource:
        """Shared, so that the table is in the file once."""
        return ColumnDataSource(self.table)

    @cached_property
    def colours(self) -> list[str]:
        return role_colours(probe.role for probe in self.run.plan.probes) if self.run.plan else []

    def figure(self, height: int, label: str, y_range: tuple[float, float], **more: Any) -> Any:
        """An empty figure on the shared axis. `label` names the y axis with its unit."""
        fig = figure(
            height=height,
            sizing_mode="stretch_width",
            x_range=self.x_range,
            x_axis_label="time, min",
            y_axis_label=label,
            tools="xbox_zoom,box_zoom,xpan,wheel_zoom,reset,save",
            active_drag="box_zoom",
            active_scroll=None,
            toolbar_location="right",
            min_border_left=68,
            y_range=Range1d(start=y_range[0], end=y_range[1]),
            **more,
        )
        fig.add_tools(CrosshairTool(overlay=self.crosshair, dimensions="height"))
        fig.xaxis[0].formatter = CustomJSTickFormatter(code="return Number(tick.toFixed(3)).toString()")
        return dress(fig)

    def shade_states(self, fig: Any, named: bool = False) -> None:
        """Shade the states behind the curves, and name those that have room."""
        time_s, end_min = self.run.cycles.time_s, self.run.cycles.duration_s / 60
        bands = list(segments(self.run.cycles["state"]))
        for first, after, code in bands if len(bands) <= MAX_BANDS else []:
            name = self.run.states[code] if 0 <= code < len(self.run.states) else ""
            left = time_s[first] / 60
            right = time_s[after] / 60 if after < len(time_s) else end_min
            if name in STATE_FILL:
                fig.add_layout(
                    BoxAnnotation(left=left, right=right, fill_color=STATE_FILL[name], fill_alpha=0.55, level="image")
                )
            if named and right - left >= _LABEL_SHARE * end_min:
                fig.add_layout(note((left + right) / 2, 0, name, text_align="center", y_units="screen", y_offset=4))

    def mark_events(self, fig: Any) -> None:
        """Events as vertical lines that tell their text."""
        drawn = [event for event in self.run.events if event.get("kind") in DRAWN_EVENTS]
        timed = [(event, time_s) for event in drawn if (time_s := self.run.event_time_s(event)) is not None]
        timed = timed[:MAX_DRAWN_EVENTS]
        lines = fig.vspan(
            x="x",
            line_color="colour",
            line_width=1.5,
            line_dash=[2, 3],
            source=ColumnDataSource(
                {
                    "x": [time_s / 60 for _, time_s in timed],
                    "colour": [EVENT_INK.get(event["kind"], QUIET) for event, _ in timed],
                    "clock": [clock(time_s) for _, time_s in timed],
                    "kind": [event["kind"] for event, _ in timed],
                    "text": [str(event.get("text", "")) for event, _ in timed],
                }
            ),
        )
        told = "<div style='max-width:22em;font:12px system-ui,sans-serif'><b>@clock</b> · @kind<br>@text</div>"
        fig.add_tools(HoverTool(renderers=[lines], tooltips=told, visible=False))

    def tell(self, fig: Any, column: str, lines: list[str]) -> None:
        """A tooltip at every frame; `column` says at what height."""
        told = "<br>".join(["<b>@clock</b> · @state", *lines])
        shadow = fig.line("min", column, source=self.source, line_alpha=0)
        fig.add_tools(
            HoverTool(
                renderers=[shadow],
                mode="vline",
                tooltips=f"<div style='font:12px system-ui,sans-serif'>{told}</div>",
                point_policy="snap_to_data",
            )
        )


def note(x: float, y: float, text: str, **place: Any) -> Label:
    """A quiet word on a figure."""
    return Label(x=x, y=y, text=text, text_color=QUIET, text_font=FONT, text_font_size="12px", **place)
