"""How far a damaged region reaches across and along the fibre: from the contour of a field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from contourpy import contour_generator

from imilt_sim.tissue.mesh import Floats

TINY = 1e-30
"""Damage below this counts as this: contours are drawn through logarithms, between which it runs nearly straight."""


class Extent(NamedTuple):
    """Of a region; all 0 where there is none."""

    across_mm: float  # largest diameter, or in 3-D the larger of the reaches along x and y
    along_mm: float  # length
    across_mm2: float  # largest section across the fibre
    along_mm2: float  # section that holds the axis, in 3-D that with y = 0


NOWHERE = Extent(0.0, 0.0, 0.0, 0.0)


def extent(r_mm: Floats, z_mm: Floats, damage: Floats, threshold: float) -> Extent:
    """Where `damage`, 0 or more and (nr, nz), reaches `threshold`: a region of rotation about the fibre's axis."""
    logs = _logs(damage, threshold)
    mirrored = np.concatenate((-r_mm[:1], r_mm)), np.concatenate((logs[:1], logs))
    outlines = _outlines(z_mm, mirrored[0], mirrored[1])
    if not outlines:
        return NOWHERE
    z, r = np.concatenate(outlines).T
    area = abs(sum(_swept_mm2(line) for line in outlines))
    return Extent(2 * float(r.max()), float(z.max() - z.min()), float(np.pi * r.max() ** 2), area)


def _swept_mm2(line: Floats) -> float:
    """Area between an outline and its mirror image, signed by its sense: holes count off."""
    z, r = line[:, 0], np.maximum(line[:, 1], 0.0)
    return float(np.sum(np.diff(z) * (r[:-1] + r[1:])))


def box_extent(centres_mm: tuple[Floats, Floats, Floats], damage: Floats, threshold: float) -> Extent:
    """Where `damage`, 0 or more and (nx, ny, nz) at the cells' centres, reaches `threshold`."""
    x_mm, y_mm, z_mm = centres_mm
    logs = _logs(damage, threshold)
    from_ahead = _outlines(x_mm, y_mm, logs.max(axis=2).T)
    if not from_ahead:
        return NOWHERE
    widest = int(np.argmax((logs > 0).sum(axis=(0, 1))))
    return Extent(
        max(_reach(from_ahead, 0), _reach(from_ahead, 1)),
        _reach(_outlines(x_mm, z_mm, logs.max(axis=1).T), 1),
        _area(_outlines(x_mm, y_mm, logs[:, :, widest].T)),
        _area(_outlines(x_mm, z_mm, logs[:, int(np.argmin(np.abs(y_mm)))].T)),
    )


def _logs(damage: Floats, threshold: float) -> Floats:
    return np.log(np.maximum(damage, TINY) / threshold)


def _outlines(x: Floats, y: Floats, logs: Floats) -> list[Floats]:
    """Lines of 0 in a field over (y, x), each (n, 2) of x and y."""
    return [np.asarray(line) for line in contour_generator(x=x, y=y, z=logs).lines(0.0)]


def _reach(outlines: list[Floats], axis: int) -> float:
    return float(np.ptp(np.concatenate(outlines)[:, axis]))


def _area(outlines: list[Floats]) -> float:
    """Enclosed by the outlines: holes run the other way round and count off."""
    return abs(sum(float(np.sum(a[:-1, 0] * a[1:, 1] - a[1:, 0] * a[:-1, 1])) / 2 for a in outlines))
