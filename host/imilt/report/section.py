"""The cross-section through the fibre: temperature, dose and damage with fibre, probes and tumour, drawn to scale.

The fibre comes from above, as z grows away from the operator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from bokeh.core.properties import value
from bokeh.models import ColorBar, ColumnDataSource, FixedTicker, HoverTool, LinearColorMapper, LogColorMapper, Range1d
from bokeh.palettes import Greens9, Purples9, YlOrRd9, interp_palette
from bokeh.plotting import figure

from imilt.plan import PROBE_RADIUS_MM, Plan
from imilt.report.canvas import FONT, dress
from imilt.report.look import INK, PAPER, QUIET
from imilt.report.pixels import PIXEL_MM, Section, contour_lines, cut
from imilt.run import Floats

WIDTH_PX = 296
"""Width of a frame: three panels side by side on a desk, two on a tablet."""


class Contour(NamedTuple):
    field: str
    level: float
    label: str
    dash: str = "solid"


@dataclass(frozen=True)
class Look:
    """One panel: which field, its colours and its contours."""

    name: str
    title: str
    field: str
    unit: str
    palette: Sequence[str]
    contours: tuple[Contour, ...]
    ticks: tuple[float, ...]
    caption: str
    log: tuple[float, float] | None = None
    """Range of a logarithmic scale; else the scale is that of the field."""

    def drawable(self, tissue: Mapping[str, Any] | None) -> bool:
        return tissue is not None and self.field in tissue


LOOKS = (
    Look(
        "temperature",
        "Temperature at the end of light",
        "temperature_c",
        "°C",
        YlOrRd9[::-1],
        tuple(Contour("temperature_c", level, f"{level:g} °C") for level in (43.0, 46.0, 50.0, 60.0)),
        (),
        "Contours at 43, 46, 50 and 60 °C.",
    ),
    Look(
        "cem43",
        "Thermal dose, CEM43",
        "cem43_min",
        "min",
        Purples9[::-1],
        (Contour("cem43_min", 30.0, "30", "dashed"), Contour("cem43_min", 240.0, "240 min")),
        (1, 10, 100, 1000, 10_000),
        "At the end of the run. Contours at 30 min (dashed) and 240 min, the dose of imILT.",
        (1.0, 1e4),
    ),
    Look(
        "damage",
        "Damage Ω, skin set (Henriques)",
        "omega_skin",
        "",
        Greens9[::-1],
        (Contour("omega_bhk", 1.0, "BHK 1", "dashed"), Contour("omega_skin", 1.0, "skin 1")),
        (0.01, 0.1, 1, 10, 100),
        "At the end of the run. Solid: Ω = 1 of the skin set, coagulation one sees; dashed: Ω = 1 of BHK cells in"
        " culture. Neither was measured in pancreas.",
        (0.01, 100.0),
    ),
)


def panels(tissue: dict[str, Floats] | None, plan: Plan | None) -> dict[str, Any]:
    """The panels for which there are fields, by name."""
    looks = [look for look in LOOKS if look.drawable(tissue)]
    if tissue is None or not looks:
        return {}
    section = cut(tissue, plan)
    return {look.name: draw(look, section, plan) for look in looks}


def draw(look: Look, section: Section, plan: Plan | None) -> Any:
    """One panel."""
    fig = _frame(section)
    field = section.fields[look.field]
    mapper = _mapper(look, field)
    pixel = PIXEL_MM / 2
    image = fig.image(
        image=[field.astype(np.float32)],
        x=section.x_mm[0] - pixel,
        y=section.z_mm[0] - pixel,
        dw=np.ptp(section.x_mm) + PIXEL_MM,
        dh=np.ptp(section.z_mm) + PIXEL_MM,
        color_mapper=mapper,
    )
    names = _draw_contours(fig, look, section)
    if plan is not None:
        _draw_tumour(fig, plan)
        _draw_fibre(fig, plan, section)
        _draw_probes(fig, plan)
    for x, y, label in names:
        _write(fig, [x], [y], [label])
    fig.add_layout(_bar(look, mapper), "below")
    fig.add_tools(
        HoverTool(
            renderers=[image], tooltips=[("r, z", "$x{0.0}, $y{0.0} mm"), ("here", f"@image{{0.00}} {look.unit}")]
        )
    )
    return fig


def _frame(section: Section) -> Any:
    """Axes of equal scale; z grows downwards."""
    width, height = np.ptp(section.x_mm) + PIXEL_MM, np.ptp(section.z_mm) + PIXEL_MM
    half = PIXEL_MM / 2
    fig = figure(
        frame_width=WIDTH_PX,
        frame_height=round(WIDTH_PX * float(height / width)),
        x_range=Range1d(start=float(section.x_mm[0]) - half, end=float(section.x_mm[-1]) + half),
        y_range=Range1d(start=float(section.z_mm[-1]) + half, end=float(section.z_mm[0]) - half),
        x_axis_label="distance from the axis r, mm",
        y_axis_label="along the fibre z, mm",
        tools="pan,wheel_zoom,reset,save",
        active_scroll=None,
        toolbar_location="above",
    )
    dress(fig).grid.visible = False
    return fig


def _mapper(look: Look, field: Floats) -> Any:
    palette = interp_palette(tuple(look.palette), 256)
    if look.log:
        return LogColorMapper(palette=palette, low=look.log[0], high=look.log[1])
    low, high = float(field.min()), float(field.max())
    return LinearColorMapper(palette=palette, low=math.floor(low), high=max(math.ceil(high), math.floor(low) + 1))


def _bar(look: Look, mapper: Any) -> ColorBar:
    bar = ColorBar(
        color_mapper=mapper,
        height=10,
        width=WIDTH_PX - 24,
        padding=6,
        title=look.unit or None,
        title_text_font_style="normal",
        title_text_font=FONT,
        title_text_font_size="12px",
        major_label_text_font=FONT,
        major_label_text_font_size="12px",
        background_fill_color=None,
        bar_line_color=QUIET,
    )
    if look.ticks:
        bar.ticker = FixedTicker(ticks=list(look.ticks))
    return bar


def _draw_contours(fig: Any, look: Look, section: Section) -> list[tuple[float, float, str]]:
    """Draw the contours that the field has; where their names go."""
    names = []
    for place, contour in enumerate(look.contours):
        # A record may lack a field: the 3-D tier does not count Ω of BHK cells.
        lines = contour_lines(section, contour.field, contour.level) if contour.field in section.fields else []
        if not lines:
            continue
        fig.multi_line(
            [line[:, 0] for line in lines],
            [line[:, 1] for line in lines],
            line_color=INK,
            line_width=1.4,
            line_dash=contour.dash,
        )
        names.append((*_place_name(max(lines, key=len), place), contour.label))
    return names


def _place_name(line: Any, place: int) -> tuple[float, float]:
    """A point of the contour at an angle of its own, so that names do not meet."""
    angle = math.radians((215, 180, 145, 120)[place % 4])
    centre = line.mean(axis=0)
    towards = (line - centre) @ np.array([math.cos(angle), math.sin(angle)]) / np.hypot(*(line - centre).T).clip(1e-9)
    x, y = line[int(towards.argmax())]
    return float(x), float(y)


def _write(fig: Any, x: Sequence[float], y: Sequence[float], text: Sequence[str], below: int = 0) -> None:
    fig.text(
        x,
        y,
        text=text,
        text_align="center",
        text_baseline="middle",
        y_offset=below,
        text_font=value(FONT),
        text_font_size="11px",
        text_color=INK,
        background_fill_color=PAPER,
        background_fill_alpha=0.75,
        padding=1,
    )


def _draw_tumour(fig: Any, plan: Plan) -> None:
    size = plan.tumour
    fig.ellipse(
        [0], [0], 2 * size.radial_mm, 2 * size.axial_mm, fill_color=None, line_color=INK, line_dash=[1, 4], line_width=2
    )


def _draw_fibre(fig: Any, plan: Plan, section: Section) -> None:
    """The fibre from the operator's side up to its end, with the part that emits."""
    fibre, top = plan.fibre, float(section.z_mm[0]) - PIXEL_MM
    look = {"line_color": INK, "line_width": 1}
    fig.quad(-fibre.radius_mm, fibre.radius_mm, top, fibre.end_mm, fill_color="#c9d1d9", **look)
    if fibre.kind == "diffuser":
        fig.quad(-fibre.radius_mm, fibre.radius_mm, -fibre.end_mm, fibre.end_mm, fill_color=PAPER, **look)
    else:
        fig.quad(-fibre.radius_mm, fibre.radius_mm, -PIXEL_MM, 0, fill_color=PAPER, **look)


def _draw_probes(fig: Any, plan: Plan) -> None:
    """Probes at their true size, with a ring around them so that they are seen."""
    x, z = [probe.place_mm[0] for probe in plan.probes], [probe.axial_mm for probe in plan.probes]
    source = ColumnDataSource({"x": x, "z": z})
    fig.circle("x", "z", radius=PROBE_RADIUS_MM, source=source, fill_color=INK, line_color=None)
    fig.scatter("x", "z", size=11, source=source, fill_color=None, line_color=INK, line_width=1.5)
    _write(fig, x, z, [f"{i} {probe.role}" for i, probe in enumerate(plan.probes)], below=15)
