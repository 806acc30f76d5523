"""Axisymmetric finite volumes: rings around the fibre's axis, fine near the fibre, growing outwards.

Lengths are in mm. `r` is the distance from the axis, `z` runs along it as in the plan: 0 at the middle of a diffuser
or at the face of a bare fibre, positive away from the operator. Fields have shape (nr, nz).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Fibre, Tumour

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FINE_MM = 0.25
"""Cell size near the fibre: a third of a transport mean free path (0.82 mm)."""
GROWTH = 1.15
"""Ratio of neighbouring cells outside the fine zone."""
FINE_MARGIN_MM = 2.0
"""The fine zone reaches this far from the fibre's surface and from the ends of the part that emits."""
WIDEST_INSIDE_MM = 0.75
"""Cells alongside a diffuser, away from its ends: along it the light hardly varies."""
OUTER_RADIUS_MM = 30.0
OUTER_HALF_LENGTH_MM = 35.0
"""Where the tissue is taken to be at body temperature and dark: light has fallen by e^(−2.5·3), heat by far more."""


@dataclass(frozen=True)
class Mesh:
    """Rings between the cylinders `r_faces` (nr + 1, from 0) and the planes `z_faces` (nz + 1), both rising, mm."""

    r_faces: Floats
    z_faces: Floats

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.r_faces) - 1, len(self.z_faces) - 1

    @cached_property
    def r(self) -> Floats:
        """Cell centres, mm, (nr,)."""
        return (self.r_faces[1:] + self.r_faces[:-1]) / 2

    @cached_property
    def z(self) -> Floats:
        """Cell centres, mm, (nz,)."""
        return (self.z_faces[1:] + self.z_faces[:-1]) / 2

    @cached_property
    def ring_mm2(self) -> Floats:
        """Cross section of each ring, (nr,)."""
        return np.pi * np.diff(self.r_faces**2)

    @cached_property
    def volume_mm3(self) -> Floats:
        """(nr, nz)."""
        return np.outer(self.ring_mm2, np.diff(self.z_faces))

    @cached_property
    def radial_mm(self) -> Floats:
        """Area over distance of the cylindrical faces per mm of length, (nr + 1,): 0 on the axis.

        At the outer wall the distance is the half cell up to the boundary's fixed value.
        """
        return 2 * np.pi * self.r_faces / _gaps(self.r_faces, self.r)

    @cached_property
    def axial_per_mm(self) -> Floats:
        """One over the distance across the plane faces, (nz + 1,)."""
        return 1 / _gaps(self.z_faces, self.z)


def _gaps(faces: Floats, centres: Floats) -> Floats:
    """Distances between neighbouring centres, at the ends from the last centre to the wall, (n + 1,)."""
    return np.diff(np.concatenate((faces[:1], centres, faces[-1:])))


def uniform_mesh(radius_mm: float, half_length_mm: float, cell_mm: float) -> Mesh:
    """Equal cells without a fibre, for comparison with exact solutions."""
    nr, nz = round(radius_mm / cell_mm), round(2 * half_length_mm / cell_mm)
    return Mesh(np.linspace(0.0, radius_mm, nr + 1), np.linspace(-half_length_mm, half_length_mm, nz + 1))


def plan_mesh(fibre: Fibre, fine_mm: float = FINE_MM, growth: float = GROWTH) -> Mesh:
    """The mesh of a plan: faces lie on the fibre's surface and on both ends of the part that emits."""
    half = fibre.end_mm
    inside = _spread(0.0, fibre.radius_mm, fine_mm)
    r_faces = np.concatenate((inside, _outwards(fibre.radius_mm, fine_mm, growth, OUTER_RADIUS_MM)))
    ahead = _outwards(half, fine_mm, growth, OUTER_HALF_LENGTH_MM)
    beside = half - _inwards(half, fine_mm, growth) if half else np.empty(0)
    z_faces = np.concatenate((-ahead[::-1], [-half], -beside, beside[-2::-1], [half] if half else [], ahead))
    return Mesh(r_faces, z_faces)


def _spread(start: float, end: float, cell: float) -> Floats:
    """Faces of equal cells of about `cell` from `start` to `end`, both included; at least one cell."""
    return np.linspace(start, end, max(1, round((end - start) / cell)) + 1)


def _outwards(start: float, cell: float, growth: float, end: float) -> Floats:
    """Faces after `start`: fine cells, then growing ones, stretched so that the last face is `end`."""
    fine = min(FINE_MARGIN_MM, end - start)
    faces = list(_spread(start, start + fine, cell)[1:])
    count = max(1, round(np.log1p((end - faces[-1]) * (growth - 1) / (cell * growth)) / np.log(growth)))
    sizes = growth ** np.arange(1, count + 1)
    return np.array(faces + list(faces[-1] + (end - faces[-1]) * np.cumsum(sizes) / sizes.sum()))


def _inwards(half: float, cell: float, growth: float) -> Floats:
    """Distances of the faces from a diffuser's end up to its middle: fine, then growing up to WIDEST_INSIDE_MM."""
    fine = min(FINE_MARGIN_MM, half)
    sizes = list(np.diff(_spread(0.0, fine, cell)))
    widest = max(cell, WIDEST_INSIDE_MM * cell / FINE_MM)
    while sum(sizes) < half - 1e-9:
        sizes.append(min(sizes[-1] * growth, widest))
    sizes[len(sizes) // 2 :] = _stretched(sizes[len(sizes) // 2 :], half - sum(sizes[: len(sizes) // 2]))
    return np.cumsum(sizes)


def _stretched(sizes: list[float], total: float) -> list[float]:
    return [size * total / sum(sizes) for size in sizes]


def fibre_cells(mesh: Mesh, fibre: Fibre) -> Bools:
    """Cells inside the fibre, which comes from −z and ends at `fibre.end_mm`, (nr, nz)."""
    return np.logical_and.outer(mesh.r < fibre.radius_mm, mesh.z < fibre.end_mm)


def tumour_fraction(mesh: Mesh, tumour: Tumour, parts: int = 8) -> Floats:
    """Fraction of each cell's volume inside the tumour's ellipsoid, from parts × parts sample rings, (nr, nz)."""
    r, z = _refined(mesh.r_faces, parts), _refined(mesh.z_faces, parts)
    inside = np.add.outer((r / tumour.radial_mm) ** 2, (z / tumour.axial_mm) ** 2) <= 1.0
    nr, nz = mesh.shape
    weights = np.repeat(r, len(z)).reshape(nr, parts, nz, parts)
    return (inside.reshape(weights.shape) * weights).sum(axis=(1, 3)) / weights.sum(axis=(1, 3))


def _refined(faces: Floats, parts: int) -> Floats:
    """Centres of `parts` equal slices of every cell."""
    offsets = (np.arange(parts) + 0.5) / parts
    return (faces[:-1, None] + np.diff(faces)[:, None] * offsets).ravel()
