"""The tissue's fields, known over (r, z) on a stretched mesh, on square pixels over ±r and z."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from contourpy import contour_generator
from scipy.interpolate import RegularGridInterpolator

from imilt.plan import Plan
from imilt.run import Floats

PIXEL_MM = 0.25
MARGIN_MM = 5.0


class Section(NamedTuple):
    """The section's pixels: centres along ±r and z, mm, and the fields over (z, ±r)."""

    x_mm: Floats
    z_mm: Floats
    fields: dict[str, Floats]


def cut(tissue: dict[str, Floats], plan: Plan | None) -> Section:
    """The fields on square pixels, as far out as anything of the plan lies; mirrored unless both sides are known."""
    r, z = tissue["r_mm"], tissue["z_mm"]
    reach, near, far = _window(plan)
    x_mm = _pixels(-min(reach, r[-1]), min(reach, r[-1]))
    z_mm = _pixels(max(near, z[0]), min(far, z[-1]))
    sides = x_mm if r[0] < 0 else np.abs(x_mm)
    rows, columns = np.meshgrid(z_mm, np.clip(sides, r[0], r[-1]), indexing="ij")
    fields = {
        name: _sampled(r, z, values, columns, rows, name != "temperature_c")
        for name, values in tissue.items()
        if values.ndim == 2
    }
    return Section(x_mm, z_mm, fields)


def _window(plan: Plan | None) -> tuple[float, float, float]:
    """Reach to the sides, nearest and farthest z of what has to be seen, mm."""
    if plan is None:
        return 18.0, -18.0, 18.0
    z = [probe.axial_mm for probe in plan.probes] + [-plan.tumour.axial_mm, plan.tumour.axial_mm, plan.fibre.end_mm]
    reach = max([plan.tumour.radial_mm, *(probe.radial_mm for probe in plan.probes)])
    return reach + MARGIN_MM, min(z) - MARGIN_MM, max(z) + MARGIN_MM


def _pixels(low: float, high: float) -> Floats:
    """Centres of pixels from `low` to `high`, 0 among them if it lies between."""
    return PIXEL_MM * np.arange(math.ceil(low / PIXEL_MM), math.floor(high / PIXEL_MM) + 1, dtype=np.float64)


def _sampled(r: Floats, z: Floats, values: Floats, columns: Floats, rows: Floats, by_power: bool) -> Floats:
    """Between the cells, what grows with a power of ten is interpolated in its logarithm."""
    known = np.log10(np.maximum(values, 1e-6)) if by_power else values
    found = RegularGridInterpolator((r, z), known, bounds_error=False, fill_value=np.nan)((columns, rows))
    return 10**found if by_power else found


def contour_lines(section: Section, field: str, level: float) -> list[Any]:
    """The lines at a level, each (n, 2) of x and z, mm."""
    return [*contour_generator(section.x_mm, section.z_mm, section.fields[field]).lines(level)]
