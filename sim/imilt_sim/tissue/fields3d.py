"""Memory and geometry of the 3-D tier: padded fields, points between cells, regions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from imilt.plan import Tumour
from imilt_sim.tissue import cartesian_kernel as kernel
from imilt_sim.tissue.light3d import Grid
from imilt_sim.tissue.mesh import Floats

Singles = NDArray[np.float32]

_PAGE, _STAGGER = 1024, 128
"""Fields start at different places of a page, or each store would hold up the loads that come after it."""


def new_fields(shape: tuple[int, int, int], count: int) -> tuple[Singles, ...]:
    """Padded fields of 0 as the kernel takes them, (nx + 2, ny + 2, stride), on cache lines."""
    nx, ny, nz = shape
    padded = nx + 2, ny + 2, -(-(nz + 1) // kernel.LINE) * kernel.LINE
    cells = math.prod(padded)
    each = cells + -cells % _PAGE + _STAGGER
    raw = np.zeros(count * each + kernel.LINE, np.float32)
    first = -raw.ctypes.data // raw.itemsize % kernel.LINE
    return tuple(raw[first + n * each :][:cells].reshape(padded) for n in range(count))


CACHE_BYTES = 3 << 19
"""Of a core's own cache, what the planes of kernel.steps may take up: three quarters of 2 MB."""
MOST_STEPS = 10
"""Together: what memory costs is shared by as many."""


def march(
    fields: tuple[Singles, ...],
    state: tuple[Any, Any, Any, Any],
    odd: int,
    nz: int,
    dt_s: float,
    power: float,
    count: int,
) -> int:
    """`count` steps of kernel.steps, as many together as stay in the cache; returns whether the last one was odd.

    `state`: tables, numbers, and first and last warm rows.
    """
    planes, rows, stride = fields[0].shape
    slabs = min(get_num_threads(), planes - 2)
    most = max(1, min(MOST_STEPS, CACHE_BYTES // (16 * rows * stride) - 2, (planes - 2) // slabs // 2))
    while count > 0:
        part = min(count, most)
        kernel.steps(fields, *state, odd, nz, dt_s, np.float32(power), part, slabs)
        odd, count = (odd + part) % 2, count - part
    return odd


def centres(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Of the cells along x, y and z, mm."""
    x, y, z = (np.arange(n, dtype=np.float64) + 0.5 for n in grid.shape)
    (a, b, c), cell = grid.corner_mm, grid.cell_mm
    return a + cell * x, b + cell * y, c + cell * z


class Corners(NamedTuple):
    """The eight cells around points: flat indices into a padded field, and trilinear weights, (n, 8)."""

    indices: NDArray[np.int64]
    weights: Floats

    def of(self, field: Singles) -> Floats:
        """Values at the points, (n,)."""
        out = np.empty(len(self.indices))
        kernel.sample(field, self.indices, self.weights, out)
        return out


def corners(grid: Grid, padded: tuple[int, ...], points_mm: Floats) -> Corners:
    """Around points, (n, 3). Raises ValueError for one outside the grid."""
    points = np.atleast_2d(np.asarray(points_mm, float))
    cells = (points - grid.corner_mm) / grid.cell_mm
    outside = ~np.all((cells >= 0) & (cells <= grid.shape), axis=1)
    if outside.any():
        low, high = np.array(grid.corner_mm), np.array(grid.corner_mm) + np.array(grid.shape) * grid.cell_mm
        raise ValueError(
            f"the point {points[outside][0].tolist()} mm lies outside the tissue, {low.tolist()} to {high.tolist()} mm;"
            " move it inside"
        )
    below = np.floor(cells - 0.5).astype(np.int64)
    share = cells - 0.5 - below
    places = [_flat(below + corner, padded) for corner in np.ndindex(2, 2, 2)]
    weights = [np.prod(np.where(corner, share, 1 - share), axis=1) for corner in np.ndindex(2, 2, 2)]
    return Corners(np.stack(places, axis=1), np.stack(weights, axis=1))


def _flat(cells: NDArray[np.int64], padded: tuple[int, ...]) -> NDArray[np.int64]:
    """Before a row lies the padding of the row before, so that −1 along z needs no care."""
    i, j, k = cells.T
    return ((i + 1) * padded[1] + j + 1) * padded[2] + k


def cells_of(grid: Grid, padded: tuple[int, ...], points_mm: Floats) -> NDArray[np.int64]:
    """Flat indices of the cells that hold any of the points."""
    return np.unique(_flat(np.floor((points_mm - grid.corner_mm) / grid.cell_mm).astype(np.int64), padded))


def around(grid: Grid, points_mm: Floats, reach_mm: float) -> tuple[tuple[slice, ...], Grid]:
    """The cells within a distance of the points' box, as slices and as a grid of their own."""
    corner = np.array(grid.corner_mm)
    low = np.floor((points_mm.min(axis=0) - reach_mm - corner) / grid.cell_mm).astype(int)
    high = np.ceil((points_mm.max(axis=0) + reach_mm - corner) / grid.cell_mm).astype(int)
    low, high = np.clip(low, 0, grid.shape), np.clip(high, 0, grid.shape)
    x, y, z = (corner + low * grid.cell_mm).tolist()
    nx, ny, nz = (high - low).tolist()
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True)), Grid((nx, ny, nz), grid.cell_mm, (x, y, z))


def tumour_share(grid: Grid, tumour: Tumour | None, parts: int = 4) -> Floats:
    """Fraction of each cell inside the tumour's ellipsoid about the origin, (nx, ny, nz)."""
    total = np.zeros(grid.shape)
    if tumour is None:
        return total
    radii = tumour.radial_mm, tumour.radial_mm, tumour.axial_mm
    offsets = (np.arange(parts) + 0.5) / parts
    x, y, z = (
        ((grid.corner_mm[a] + grid.cell_mm * np.add.outer(np.arange(grid.shape[a]), offsets)) / radii[a]) ** 2
        for a in range(3)
    )
    for a, b, c in np.ndindex(parts, parts, parts):
        total += x[:, a, None, None] + y[None, :, b, None] + z[None, None, :, c] <= 1.0
    return total / parts**3
