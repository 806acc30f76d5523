"""How far a damaged region reaches across and along the fibre: from the contour of a field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from contourpy import contour_generator

from imilt_sim.tissue.mesh import Floats

TINY = 1e-30
"""Damage below this counts as this: contours are drawn through logarithms, between which it runs nearly straight."""


class Extent(NamedTuple):
    """Of a region of rotation about the fibre's axis; all 0 where there is none."""

    across_mm: float  # largest diameter
    along_mm: float  # length
    across_mm2: float  # largest section across the fibre
    along_mm2: float  # section that holds the axis


def extent(r_mm: Floats, z_mm: Floats, damage: Floats, threshold: float) -> Extent:
    """Where `damage`, 0 or more and (nr, nz), reaches `threshold`."""
    logs = np.log(np.maximum(damage, TINY) / threshold)
    mirrored = np.concatenate((-r_mm[:1], r_mm)), np.concatenate((logs[:1], logs))
    lines = contour_generator(x=z_mm, y=mirrored[0], z=mirrored[1]).lines(0.0)
    outlines = [np.asarray(line) for line in lines]
    if not outlines:
        return Extent(0.0, 0.0, 0.0, 0.0)
    z, r = np.concatenate(outlines).T
    area = abs(sum(_swept_mm2(line) for line in outlines))
    return Extent(2 * float(r.max()), float(z.max() - z.min()), float(np.pi * r.max() ** 2), area)


def _swept_mm2(line: Floats) -> float:
    """Area between an outline and its mirror image, signed by its sense: holes count off."""
    z, r = line[:, 0], np.maximum(line[:, 1], 0.0)
    return float(np.sum(np.diff(z) * (r[:-1] + r[1:])))
