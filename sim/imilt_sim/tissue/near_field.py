"""How much more or less light there is near a fibre than diffusion theory says: the table of `make near-field`.

Lengths in the table are in units of 1/µs' and, so that fibres of all radii ρ look alike, of 1 + ρ.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imilt.plan import Fibre
from imilt_sim.tissue import light_kernel
from imilt_sim.tissue.mesh import Floats, Mesh

TABLE = Path(__file__).parent / "data" / "near_field.npz"


class Table(NamedTuple):
    """Fluence rate of photons over that of diffusion, around one kind of fibre."""

    factor: Floats  # (radii, ratios, nr + 1, nz + 2): outermost 1, where diffusion theory holds
    radius: Floats  # of the fibre, 1/µs', rising
    ratio: Floats  # µa/µs', rising
    r: Floats  # (nr + 1,)
    z: Floats  # (nz + 2,), for a diffuser (1,)


@cache
def table(kind: str) -> Table:
    """The table of a kind of fibre."""
    with np.load(TABLE) as file:
        inner = file[kind].astype(float)
        r, z = _centres(file["r_faces"]), _centres(file["z_faces"])
        axes = file["radius"], file["ratio"]
    r = np.append(r, 2 * r[-1] - r[-2])
    if kind == "diffuser":
        return Table(np.pad(inner, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1.0), *axes, r, np.zeros(1))
    z = np.concatenate(([2 * z[0] - z[1]], z, [2 * z[-1] - z[-2]]))
    return Table(np.pad(inner, ((0, 0), (0, 0), (0, 1), (1, 1)), constant_values=1.0), *axes, r, z)


def _centres(faces: Floats) -> Floats:
    return (faces[1:] + faces[:-1]) / 2


class NearField:
    """The correction on one mesh around one fibre."""

    def __init__(self, mesh: Mesh, fibre: Fibre) -> None:
        self._table = table(fibre.kind)
        self._radius_mm = fibre.radius_mm
        if fibre.kind == "diffuser":  # beyond its ends, by the distance from the axis's emitting part
            beyond = np.maximum(0.0, np.abs(mesh.z) - fibre.end_mm)
            self._r_mm, self._z_mm = np.hypot(mesh.r[:, None], beyond), np.zeros(mesh.shape)
        else:
            self._r_mm, self._z_mm = np.meshgrid(mesh.r, mesh.z - fibre.end_mm, indexing="ij")

    def factor(self, scattering_mm: float, ratio: float) -> Floats:
        """What diffusion's fluence rate must be multiplied with, (nr, nz), in tissue of this µs' (1/mm) and µa/µs'.

        Outside the table's radii and ratios, its nearest ones serve.
        """
        radius = self._radius_mm * scattering_mm
        factor = self._between(np.log(radius), np.log(ratio))
        scale = scattering_mm / (1 + radius)
        return light_kernel.interpolate(factor, self._table.r, self._table.z, self._r_mm, self._z_mm, scale)

    def _between(self, log_radius: float, log_ratio: float) -> Floats:
        """The table at a radius and a ratio, (nr + 1, nz + 2)."""
        i, a = _place(np.log(self._table.radius), log_radius)
        j, b = _place(np.log(self._table.ratio), log_ratio)
        near, far = self._table.factor[i], self._table.factor[i + 1]
        return (1 - a) * ((1 - b) * near[j] + b * near[j + 1]) + a * ((1 - b) * far[j] + b * far[j + 1])


def _place(points: Floats, x: float) -> tuple[int, float]:
    """Index of the point below `x` and the share of the one above; clamped to the ends."""
    i = min(max(int(np.searchsorted(points, x)) - 1, 0), len(points) - 2)
    return i, min(max((x - points[i]) / (points[i + 1] - points[i]), 0.0), 1.0)
