"""Light by diffusion theory on a regular grid of cubes, for several fibres and optics that differ from cell to cell.

The equation of light.py without its symmetry. A fibre's volume is left in: it is about a cell of 1 mm. Light leaves
each fibre along rays, falling by e^(−µt'·path); what they lose by scattering is the source of the diffuse light. As
in kernel.py, what is compiled and calls each other lives in this one file.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.stats import qmc

from imilt.plan import Fibre
from imilt_sim.tissue.light import BAND_RADII, BEAM_SLOPE, PER_MM, RADIAL_SLOPE, W_CM2
from imilt_sim.tissue.mesh import Floats

RAYS = 512
"""Per fibre: the source of a cell is then within a few per cent of that of endlessly many."""
TOLERANCE = 1e-5
MOST_ITERATIONS = 300
MODIFIED, LEAST_PIVOT = 0.97, 0.25  # as in light_kernel.py


class Light3d(NamedTuple):
    """Light in the tissue per W leaving a fibre."""

    fluence_w_cm2: Floats  # (nx, ny, nz)
    absorbed_w: Floats  # by each cell, (nx, ny, nz)
    escaped_w: float  # through the outer walls


class Grid(NamedTuple):
    """Cubes of `cell_mm`, the first one's lowest corner at `corner_mm` (x, y, z)."""

    shape: tuple[int, int, int]
    cell_mm: float
    corner_mm: tuple[float, float, float]


class Rays(NamedTuple):
    """Straight ways out of a fibre, of equal power: starts, mm, and unit directions, (n, 3)."""

    starts_mm: Floats
    directions: Floats


def fibre_rays(fibre: Fibre, position_mm: tuple[float, float, float], count: int = RAYS) -> Rays:
    """Rays of a fibre parallel to z whose middle (diffuser) or tip is at `position_mm`; the same ones at every call."""
    u = qmc.Sobol(4, scramble=False).random(count) + 0.5 / count
    turn, other = 2 * np.pi * u[:, 0], 2 * np.pi * u[:, 3]
    if fibre.kind == "bare":
        r, tilt = fibre.radius_mm * np.sqrt(u[:, 1]), np.arctan(BEAM_SLOPE * np.sqrt(u[:, 2]))
        starts = np.stack((r * np.cos(turn), r * np.sin(turn), np.zeros(count)), axis=1)
        directions = np.stack((np.sin(tilt) * np.cos(other), np.sin(tilt) * np.sin(other), np.cos(tilt)), axis=1)
        return Rays(starts + position_mm, directions)
    out = np.stack((np.cos(turn), np.sin(turn), np.zeros(count)), axis=1)
    along, around = np.array([0.0, 0.0, 1.0]), np.stack((-np.sin(turn), np.cos(turn), np.zeros(count)), axis=1)
    if fibre.kind == "radial":
        tilt = math.atan(RADIAL_SLOPE) * (2 * u[:, 2] - 1)
        z, directions = -BAND_RADII * fibre.radius_mm * u[:, 1], np.outer(np.cos(tilt), [1, 1, 1]) * out
        directions = directions + np.outer(np.sin(tilt), along)
    else:  # Lambertian
        sine = np.sqrt(u[:, 2])
        z, directions = fibre.diffuser_length_mm * (u[:, 1] - 0.5), np.sqrt(1 - sine**2)[:, None] * out
        directions = directions + sine[:, None] * (np.sin(other)[:, None] * along + np.cos(other)[:, None] * around)
    return Rays(fibre.radius_mm * out + np.outer(z, along) + position_mm, directions)


class Diffusion3d:
    """The diffusion equation on one grid; every solution starts from the last one given for the same fibre."""

    def __init__(self, grid: Grid, fibres: tuple[Rays, ...]) -> None:
        padded = tuple(n + 2 for n in grid.shape)
        self.grid, self._fibres = grid, fibres
        self._faces = np.zeros((3, *padded))
        self._diagonal, self._inverse, self._source = np.zeros((3, *padded))
        self._work = np.zeros((4, *padded))
        self._fluence = np.zeros((len(fibres), *padded))

    def solve(self, absorption_per_cm: Floats, reduced_scattering_per_cm: Floats) -> list[Light3d]:
        """Light of each fibre with the optics of each cell, (nx, ny, nz), 1/cm.

        Raises RuntimeError if the optics have no solution.
        """
        absorption_mm, scattering_mm = absorption_per_cm * PER_MM, reduced_scattering_per_cm * PER_MM
        h = self.grid.cell_mm
        _conductances(1 / (3 * (absorption_mm + scattering_mm)), h, self._faces)
        _factor(self._faces, absorption_mm * h**3, self._diagonal, self._inverse)
        return [self._one(n, absorption_mm, scattering_mm) for n in range(len(self._fibres))]

    def _one(self, fibre: int, absorption_mm: Floats, scattering_mm: Floats) -> Light3d:
        h, fluence = self.grid.cell_mm, self._fluence[fibre]
        straight = np.zeros(self.grid.shape)
        inner = self._source[1:-1, 1:-1, 1:-1]
        inner[:] = 0.0
        corner = np.array(self.grid.corner_mm)
        _march(*self._fibres[fibre], corner, h, absorption_mm, scattering_mm, straight, inner)
        matrix = self._faces, self._diagonal, self._inverse
        if _iterate(*matrix, self._source, fluence, self._work, TOLERANCE, MOST_ITERATIONS) < 0:
            raise RuntimeError("the light has no solution: absorption and scattering must be finite and above 0")
        total = fluence[1:-1, 1:-1, 1:-1] + straight
        absorbed = absorption_mm * h**3 * total
        escaped = 1.0 - float(np.sum(absorption_mm * h**3 * straight) + inner.sum())  # of the straight light
        escaped += _through_walls(self._faces, fluence)
        scale = 1 / (absorbed.sum() + escaped)  # the iteration stops a little short
        return Light3d(total * (W_CM2 * scale), absorbed * scale, escaped * scale)


def _through_walls(faces: Floats, fluence: Floats) -> float:
    """W that leave through the outer walls, which are black."""
    total = 0.0
    for axis in range(3):
        flow, phi = np.moveaxis(faces[axis], axis, 0), np.moveaxis(fluence, axis, 0)
        total += float(np.sum(flow[0] * phi[1]) + np.sum(flow[-2] * phi[-2]))
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _march(starts, directions, corner, cell, absorption, scattering, straight, source):
    """1 W shared by the rays, in quarters of a cell until they have lost all but a thousandth or left the grid."""
    step = cell / 4
    volume = cell**3
    nx, ny, nz = straight.shape
    for n in range(len(starts)):
        left = 1.0 / len(starts)
        path = step / 2
        while left > 1e-6 / len(starts):
            i = int(np.floor((starts[n, 0] + directions[n, 0] * path - corner[0]) / cell))
            j = int(np.floor((starts[n, 1] + directions[n, 1] * path - corner[1]) / cell))
            k = int(np.floor((starts[n, 2] + directions[n, 2] * path - corner[2]) / cell))
            if not (0 <= i < nx and 0 <= j < ny and 0 <= k < nz):
                break
            transport = absorption[i, j, k] + scattering[i, j, k]
            gone = left * -np.expm1(-transport * step)
            straight[i, j, k] += gone / (transport * volume)
            source[i, j, k] += gone * scattering[i, j, k] / transport
            left -= gone
            path += step


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _conductances(diffusion, cell, faces):
    """Flow to the next cell along x, y and z per difference of fluence, mm; index 0 is the first cell's outer wall."""
    nx, ny, nz = diffusion.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                d = diffusion[i, j, k]
                p, q, s = i + 1, j + 1, k + 1
                faces[0, p, q, s] = 2 * cell / (1 / d + 1 / diffusion[i + 1, j, k]) if p < nx else 2 * cell * d
                faces[1, p, q, s] = 2 * cell / (1 / d + 1 / diffusion[i, j + 1, k]) if q < ny else 2 * cell * d
                faces[2, p, q, s] = 2 * cell / (1 / d + 1 / diffusion[i, j, k + 1]) if s < nz else 2 * cell * d
                if i == 0:
                    faces[0, 0, q, s] = 2 * cell * d
                if j == 0:
                    faces[1, p, 0, s] = 2 * cell * d
                if k == 0:
                    faces[2, p, q, 0] = 2 * cell * d


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _factor(faces, absorbing, diagonal, inverse):
    """Diagonal of the matrix and inverse pivots of its modified incomplete Cholesky factors, padded."""
    fx, fy, fz = faces[0], faces[1], faces[2]
    nx, ny, nz = diagonal.shape
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                full = fx[i, j, k] + fx[i - 1, j, k] + fy[i, j, k] + fy[i, j - 1, k] + fz[i, j, k] + fz[i, j, k - 1]
                full += absorbing[i - 1, j - 1, k - 1]
                diagonal[i, j, k] = full
                a, b, c = fx[i - 1, j, k], fy[i, j - 1, k], fz[i, j, k - 1]
                pivot = full
                if i > 1:
                    pivot -= a * (a + MODIFIED * (fy[i - 1, j, k] + fz[i - 1, j, k])) * inverse[i - 1, j, k]
                if j > 1:
                    pivot -= b * (b + MODIFIED * (fx[i, j - 1, k] + fz[i, j - 1, k])) * inverse[i, j - 1, k]
                if k > 1:
                    pivot -= c * (c + MODIFIED * (fx[i, j, k - 1] + fy[i, j, k - 1])) * inverse[i, j, k - 1]
                inverse[i, j, k] = 1.0 / (pivot if pivot > LEAST_PIVOT * full else full)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _precondition(faces, inverse, residual, out):
    """out = M⁻¹ residual; the padding of `out` must be 0. Returns residual · out."""
    fx, fy, fz = faces[0], faces[1], faces[2]
    nx, ny, nz = residual.shape
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                known = residual[i, j, k] + fx[i - 1, j, k] * out[i - 1, j, k] + fy[i, j - 1, k] * out[i, j - 1, k]
                out[i, j, k] = known * inverse[i, j, k]
            for k in range(2, nz - 1):
                out[i, j, k] += fz[i, j, k - 1] * inverse[i, j, k] * out[i, j, k - 1]
    total = 0.0
    for i in range(nx - 2, 0, -1):
        for j in range(ny - 2, 0, -1):
            for k in range(1, nz - 1):
                out[i, j, k] += (fx[i, j, k] * out[i + 1, j, k] + fy[i, j, k] * out[i, j + 1, k]) * inverse[i, j, k]
            for k in range(nz - 3, 0, -1):
                out[i, j, k] += fz[i, j, k] * inverse[i, j, k] * out[i, j, k + 1]
            for k in range(1, nz - 1):
                total += residual[i, j, k] * out[i, j, k]
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _product(faces, diagonal, x, out):
    """out = A x; returns x·A·x."""
    fx, fy, fz = faces[0], faces[1], faces[2]
    nx, ny, nz = x.shape
    total = 0.0
    for i in range(1, nx - 1):
        for j in range(1, ny - 1):
            for k in range(1, nz - 1):
                flow = fx[i, j, k] * x[i + 1, j, k] + fx[i - 1, j, k] * x[i - 1, j, k]
                flow += fy[i, j, k] * x[i, j + 1, k] + fy[i, j - 1, k] * x[i, j - 1, k]
                flow += fz[i, j, k] * x[i, j, k + 1] + fz[i, j, k - 1] * x[i, j, k - 1]
                out[i, j, k] = diagonal[i, j, k] * x[i, j, k] - flow
            for k in range(1, nz - 1):
                total += x[i, j, k] * out[i, j, k]
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _iterate(faces, diagonal, inverse, source, fluence, work, tolerance, most):
    """Conjugate gradients as in light_kernel.py; iterations done, or −1 after `most` without success."""
    residual, better, direction, image = work[0].ravel(), work[1].ravel(), work[2].ravel(), work[3].ravel()
    phi, given = fluence.ravel(), source.ravel()
    _product(faces, diagonal, fluence, work[0])
    for n in range(len(phi)):
        residual[n] = given[n] - residual[n]
        direction[n] = 0.0
    past = 1.0
    for iteration in range(most):
        rho = _precondition(faces, inverse, work[0], work[1])
        wanted = 0.0
        for n in range(len(phi)):
            wanted += given[n] * phi[n]
        if rho <= tolerance**2 * abs(wanted):
            return iteration
        beta = rho / past if iteration > 0 else 0.0
        for n in range(len(phi)):
            direction[n] = better[n] + beta * direction[n]
        alpha = rho / _product(faces, diagonal, work[2], work[3])
        for n in range(len(phi)):
            phi[n] += alpha * direction[n]
            residual[n] -= alpha * image[n]
        past = rho
    return -1
