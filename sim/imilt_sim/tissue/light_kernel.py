"""The compiled part of light.py: diffusion with optics that differ from cell to cell, and the light before it scatters.

Fields are padded, (nr + 2, nz + 2), and the padding stays 0: no cell then needs to ask whether it has a neighbour. As
in kernel.py, everything compiled that calls each other lives in this one file, and nothing is reordered.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MODIFIED = 0.97
"""Share of the fill-in that goes to the diagonal (modified incomplete Cholesky): near 1 needs fewest iterations."""
LEAST_PIVOT = 0.25
"""A pivot below this share of its diagonal is not trusted: the diagonal takes its place."""


@njit(cache=True, error_model="numpy")  # pragma: no cover
def conductances(diffusion, open_, r_faces, z_faces, outward, forward):
    """Flow between a cell and the next one outwards and forwards per difference of fluence, mm.

    `diffusion` (mm) and `open_` (1 where light goes) are (nr, nz); results are padded, row and column 0 being the first
    walls. Half a cell each way, in series: right for neighbours of any contrast. The outer walls are black.
    """
    nr, nz = diffusion.shape
    for i in range(nr):
        ring = np.pi * (r_faces[i + 1] ** 2 - r_faces[i] ** 2)
        half_r = (r_faces[i + 1] - r_faces[i]) / 2
        last = i == nr - 1
        next_r = 0.0 if last else (r_faces[i + 2] - r_faces[i + 1]) / 2
        around = 2 * np.pi * r_faces[i + 1]
        forward[i + 1, 0] = ring * open_[i, 0] * diffusion[i, 0] / ((z_faces[1] - z_faces[0]) / 2)
        for k in range(nz):
            dz = z_faces[k + 1] - z_faces[k]
            here = open_[i, k]
            beyond = here if last else here * open_[i + 1, k]
            across = half_r / diffusion[i, k] + (0.0 if last else next_r / diffusion[i + 1, k])
            outward[i + 1, k + 1] = beyond * around * dz / across
            end = k == nz - 1
            ahead = here if end else here * open_[i, k + 1]
            along = dz / 2 / diffusion[i, k] + (
                0.0 if end else (z_faces[k + 2] - z_faces[k + 1]) / 2 / diffusion[i, k + 1]
            )
            forward[i + 1, k + 1] = ahead * ring / along


@njit(cache=True, error_model="numpy")  # pragma: no cover
def factor(outward, forward, absorbing, diagonal, inverse):
    """The matrix's diagonal and the inverse pivots of its incomplete Cholesky factors, both padded.

    Couplings of the last cells to the walls belong to the diagonal only: the padding beyond them stays 0.
    """
    nr, nz = diagonal.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            coupled = outward[i, k] + outward[i - 1, k] + forward[i, k] + forward[i, k - 1]
            full = absorbing[i - 1, k - 1] + coupled
            if full <= 0.0:  # inside a fibre: no light, its equation is φ = 0
                diagonal[i, k] = inverse[i, k] = 1.0
                continue
            diagonal[i, k] = full
            left, below = forward[i, k - 1] if k > 1 else 0.0, outward[i - 1, k]
            pivot = full - left * (left + MODIFIED * outward[i, k - 1]) * inverse[i, k - 1]
            pivot -= below * (below + MODIFIED * forward[i - 1, k]) * inverse[i - 1, k]
            inverse[i, k] = 1.0 / (pivot if pivot > LEAST_PIVOT * full else full)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def precondition(outward, forward, inverse, residual, out):
    """Solve with the incomplete factors: out = M⁻¹ residual."""
    nr, nz = residual.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            out[i, k] = (residual[i, k] + outward[i - 1, k] * out[i - 1, k]) * inverse[i, k]
        for k in range(2, nz - 1):
            out[i, k] += forward[i, k - 1] * inverse[i, k] * out[i, k - 1]
    for i in range(nr - 2, 0, -1):
        for k in range(1, nz - 1):
            out[i, k] += outward[i, k] * out[i + 1, k] * inverse[i, k]
        for k in range(nz - 3, 0, -1):
            out[i, k] += forward[i, k] * inverse[i, k] * out[i, k + 1]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def product(outward, forward, diagonal, x, out):
    """out = A x; returns x·A·x."""
    nr, nz = x.shape
    total = 0.0
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            near = outward[i, k] * x[i + 1, k] + outward[i - 1, k] * x[i - 1, k]
            out[i, k] = diagonal[i, k] * x[i, k] - near - forward[i, k] * x[i, k + 1] - forward[i, k - 1] * x[i, k - 1]
        for k in range(1, nz - 1):
            total += x[i, k] * out[i, k]
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def dot(x, y):
    """Sum of the products, row by row."""
    total = 0.0
    for i in range(1, x.shape[0] - 1):
        row = 0.0
        for k in range(1, x.shape[1] - 1):
            row += x[i, k] * y[i, k]
        total += row
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def conjugate_gradients(outward, forward, diagonal, inverse, source, fluence, work, tolerance, most):
    """Improve `fluence` until the error's energy norm is about `tolerance` of the solution's; iterations done.

    `work` holds four padded fields: residual, preconditioned residual, direction, product. Returns −1 after `most`
    iterations without success.
    """
    residual, better, direction, image = work[0], work[1], work[2], work[3]
    product(outward, forward, diagonal, fluence, residual)
    nr, nz = fluence.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            residual[i, k] = source[i, k] - residual[i, k]
    direction[:] = 0.0
    past = 1.0
    for iteration in range(most):
        precondition(outward, forward, inverse, residual, better)
        rho = dot(residual, better)
        if rho <= tolerance**2 * abs(dot(source, fluence)):
            return iteration
        beta = rho / past if iteration > 0 else 0.0
        for i in range(1, nr - 1):
            for k in range(1, nz - 1):
                direction[i, k] = better[i, k] + beta * direction[i, k]
        alpha = rho / product(outward, forward, diagonal, direction, image)
        for i in range(1, nr - 1):
            for k in range(1, nz - 1):
                fluence[i, k] += alpha * direction[i, k]
                residual[i, k] -= alpha * image[i, k]
        past = rho
    return -1


@njit(cache=True, error_model="numpy")  # pragma: no cover
def collect(fluence, straight, outward, forward, absorbing, total, absorbed):
    """Sums of the diffuse `fluence` (padded, W/mm²) and the `straight` one (nr, nz); returns W through the walls."""
    nr, nz = total.shape
    for i in range(nr):
        for k in range(nz):
            total[i, k] = fluence[i + 1, k + 1] + straight[i, k]
            absorbed[i, k] = absorbing[i, k] * total[i, k]
    escaped = 0.0
    for i in range(1, nr + 1):
        escaped += forward[i, nz] * fluence[i, nz] + forward[i, 0] * fluence[i, 1]
    for k in range(1, nz + 1):
        escaped += outward[nr, k] * fluence[nr, k]
    return escaped


@njit(cache=True, error_model="numpy")  # pragma: no cover
def beam_ahead(r_faces, z_faces, first, radius, slope, absorption, scattering, straight, source):
    """1 W as an even disc of `radius` at z_faces[first], widening by `slope`: its straight part and what it scatters.

    `absorption` and `scattering` (reduced) are 1/mm. `straight` becomes the fluence rate of light not scattered yet,
    W/mm²; `source`, W per cell, what scatters for the first time and is diffuse from then on.
    """
    nr, nz = straight.shape
    left = 1.0
    for k in range(first, nz):
        dz = z_faces[k + 1] - z_faces[k]
        wide = radius + slope * (z_faces[k] + dz / 2 - z_faces[first])
        lost = 0.0
        for i in range(nr):
            inner = min(r_faces[i], wide)
            outer = min(r_faces[i + 1], wide)
            transport = absorption[i, k] + scattering[i, k]
            gone = left * (outer**2 - inner**2) / wide**2 * -np.expm1(-transport * dz)
            volume = np.pi * (r_faces[i + 1] ** 2 - r_faces[i] ** 2) * dz
            straight[i, k] = gone / (transport * volume)
            source[i, k] = gone * scattering[i, k] / transport
            lost += gone
        left -= lost
    return left


@njit(cache=True, error_model="numpy")  # pragma: no cover
def beam_sideways(r_faces, z_faces, first, start, end, slope, absorption, scattering, straight, source):
    """1 W outwards from the band `start` to `end` (mm) of the cylinder r_faces[first]; else as `beam_ahead`."""
    nr, nz = straight.shape
    left = 1.0
    for i in range(first, nr):
        dr = r_faces[i + 1] - r_faces[i]
        spread = slope * (r_faces[i] + dr / 2 - r_faces[first])
        length = end - start + 2 * spread
        lost = 0.0
        for k in range(nz):
            inner = max(z_faces[k], start - spread)
            outer = max(min(z_faces[k + 1], end + spread), inner)
            transport = absorption[i, k] + scattering[i, k]
            gone = left * (outer - inner) / length * -np.expm1(-transport * dr)
            volume = np.pi * (r_faces[i + 1] ** 2 - r_faces[i] ** 2) * (z_faces[k + 1] - z_faces[k])
            straight[i, k] = gone / (transport * volume)
            source[i, k] = gone * scattering[i, k] / transport
            lost += gone
        left -= lost
    return left


@njit(cache=True, error_model="numpy")  # pragma: no cover
def interpolate(table, r, z, r_mm, z_mm, scale):
    """Bilinear values of `table` over the equally spaced `r` and `z` at the places (nr, nz) times `scale`, clamped."""
    result = np.empty(r_mm.shape)
    dr, dz = r[1] - r[0], (z[1] - z[0] if len(z) > 1 else 1.0)
    for i in range(r_mm.shape[0]):
        for k in range(r_mm.shape[1]):
            x = min(max((r_mm[i, k] * scale - r[0]) / dr, 0.0), len(r) - 1.0)
            y = min(max((z_mm[i, k] * scale - z[0]) / dz, 0.0), len(z) - 1.0)
            p, q = min(int(x), len(r) - 2), max(min(int(y), len(z) - 2), 0)
            right, above, next_q = x - p, y - q, min(q + 1, len(z) - 1)
            low = (1.0 - above) * table[p, q] + above * table[p, next_q]
            high = (1.0 - above) * table[p + 1, q] + above * table[p + 1, next_q]
            result[i, k] = (1.0 - right) * low + right * high
    return result
