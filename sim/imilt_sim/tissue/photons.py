"""Monte Carlo transport of light around a fibre: the truth that diffusion theory is corrected to near the fibre.

Lengths are in units of 1/µs' (reduced scattering), so one run serves every tissue of the same µa/µs'. The medium is
endless and, seen from the photons, does not absorb: each photon carries one weight e^(−α·path) per ratio α = µa/µs' of
interest ("white" Monte Carlo), each ratio being three times the one before. Scattering is Henyey-Greenstein's. Light
that comes back to the fibre is returned: mirrored by glass, scattered by a diffuser.

Tests hold it against exact answers of transport theory: the fluence rate around a point source that scatters
isotropically, the slab of van de Hulst (1980) that MCML is tested with, and the balance of energy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from imilt_sim.tissue.mesh import Floats

POINT, DISC, BAND, SURFACE, SLAB = 0, 1, 2, 3, 4
"""Where light starts: a point; a fibre's face at z = 0; a band of its side up to z = 0; the side of an endless
cylinder, Lambertian; a pencil beam onto a slab between z = 0 and `limit`."""
FAR_AWAY = 1e30


class Emitter(NamedTuple):
    """What sends the photons out, lengths in 1/µs'."""

    kind: int
    radius: float = 0.0
    band: float = 0.0  # length along the axis
    half_angle: float = 0.0  # radians: of a face's cone, of a band's fan


class Medium(NamedTuple):
    """The scattering, and where it may be simplified or ends."""

    g: float
    far: float  # from here on scattering is isotropic with the same µs': light is diffuse by then
    limit: float  # light that gets here has escaped
    ratio: float  # the lowest µa/µs'; the others are 3, 9, … times it
    ratios: int


class Tally(NamedTuple):
    """What the photons left behind, per photon."""

    fluence: Floats  # mean fluence rate in each bin for each ratio, (ratios, nr, nz), in µs'² per W
    absorbed: Floats  # everywhere, (ratios,)
    escaped: Floats  # (ratios,)
    reflected: Floats  # out of a slab's front, part of `escaped`, (ratios,)


def trace(count: int, seed: int, emitter: Emitter, medium: Medium, r_faces: Floats, z_faces: Floats) -> Tally:
    """Follow `count` photons; bins lie between equally spaced faces, 1/µs'. The same seed gives the same tally."""
    shape = medium.ratios, len(r_faces) - 1, len(z_faces) - 1
    scores, absorbed, escaped, reflected = np.zeros(shape), *np.zeros((3, medium.ratios))
    grid = r_faces[1] - r_faces[0], z_faces[0], z_faces[1] - z_faces[0]
    _trace(count, seed, tuple(emitter), tuple(medium), grid, scores, absorbed, escaped, reflected)
    volume = np.outer(np.pi * np.diff(r_faces**2), np.diff(z_faces))
    return Tally(scores / volume / count, absorbed / count, escaped / count, reflected / count)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _deflect(ux, uy, uz, cosine):
    """A direction turned by the angle of `cosine`, the azimuth being any."""
    sine = np.sqrt(max(0.0, 1.0 - cosine * cosine))
    azimuth = 2.0 * np.pi * np.random.random()
    c, s = sine * np.cos(azimuth), sine * np.sin(azimuth)
    across = np.sqrt(max(0.0, 1.0 - uz * uz))
    if across < 1e-6:
        return c, s, cosine if uz > 0.0 else -cosine
    x = (ux * uz * c - uy * s) / across + ux * cosine
    y = (uy * uz * c + ux * s) / across + uy * cosine
    z = uz * cosine - across * c
    shrink = 1.5 - 0.5 * (x * x + y * y + z * z)  # keeps the length at 1
    return x * shrink, y * shrink, z * shrink


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _scatter(g):
    """Cosine of a Henyey-Greenstein scattering angle."""
    u = np.random.random()
    if g == 0.0:
        return 2.0 * u - 1.0
    part = (1.0 - g * g) / (1.0 - g + 2.0 * g * u)
    return min(1.0, max(-1.0, (1.0 + g * g - part * part) / (2.0 * g)))


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _emit(kind, radius, band, half_angle):
    """Position and direction of a new photon."""
    if kind == POINT:
        ux, uy, uz = _deflect(0.0, 0.0, 1.0, 2.0 * np.random.random() - 1.0)
        return 0.0, 0.0, 0.0, ux, uy, uz
    if kind == SLAB:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
    if kind == DISC:
        r = radius * np.sqrt(np.random.random())
        ux, uy, uz = _deflect(0.0, 0.0, 1.0, 1.0 - (1.0 - np.cos(half_angle)) * np.random.random())
        return r, 0.0, 0.0, ux, uy, uz
    if kind == BAND:
        tilt = half_angle * (2.0 * np.random.random() - 1.0)
        return radius, 0.0, -band * np.random.random(), np.cos(tilt), 0.0, np.sin(tilt)
    ux, uy, uz = _deflect(1.0, 0.0, 0.0, np.sqrt(np.random.random()))
    return radius, 0.0, 0.0, ux, uy, uz


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _to_fibre(kind, radius, x, y, z, ux, uy, uz):
    """Distance to the fibre along the way (FAR_AWAY if it is not met), and whether its face is met."""
    if kind != SURFACE and z >= 0.0:  # in front of the face
        if uz >= 0.0:
            return FAR_AWAY, False
        path = -z / uz
        px, py = x + ux * path, y + uy * path
        if px * px + py * py < radius * radius:
            return path, True
    a = ux * ux + uy * uy
    b = x * ux + y * uy
    root = b * b - a * (x * x + y * y - radius * radius)
    if b >= 0.0 or root <= 0.0:
        return FAR_AWAY, False
    path = max(0.0, (-b - np.sqrt(root)) / a)
    beside = kind == SURFACE or z + uz * path < 0.0
    return (path if beside else FAR_AWAY), False


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _returned(kind, x, y, face, ux, uy, uz):
    """Direction after the fibre: a diffuser scatters, glass mirrors."""
    if face:
        return ux, uy, -uz
    r = np.sqrt(x * x + y * y)
    nx, ny = x / r, y / r
    if kind == SURFACE:
        return _deflect(nx, ny, 0.0, np.sqrt(np.random.random()))
    inward = 2.0 * (ux * nx + uy * ny)
    return ux - inward * nx, uy - inward * ny, uz


@njit(cache=True, error_model="numpy")  # pragma: no cover
def _trace(count, seed, emitter, medium, grid, scores, absorbed, escaped, reflected):
    """Fill the tallies; every collision scores one mean free path times its weights in its bin."""
    np.random.seed(seed)
    kind, radius, band, half_angle = emitter
    g_near, far, limit, ratio, ratios = medium
    dr, z_first, dz = grid
    nr, nz = scores.shape[1], scores.shape[2]
    fibre = kind in (DISC, BAND, SURFACE)
    for _ in range(count):
        x, y, z, ux, uy, uz = _emit(kind, radius, band, half_angle)
        path = 0.0
        while True:
            away = np.sqrt(x * x + y * y) if kind == SURFACE else np.sqrt(x * x + y * y + z * z)
            g = g_near if away < far else 0.0
            free = 1.0 - g  # mean free path
            step = -np.log(1.0 - np.random.random()) * free
            while fibre:
                room, face = _to_fibre(kind, radius, x, y, z, ux, uy, uz)
                if room >= step:
                    break
                x, y, z = x + ux * room, y + uy * room, z + uz * room
                ux, uy, uz = _returned(kind, x, y, face, ux, uy, uz)
                step -= room
                path += room
            x, y, z = x + ux * step, y + uy * step, z + uz * step
            path += step
            out = away > limit
            if kind == SLAB:
                out = z < 0.0 or z > limit
                if out:
                    path -= (z if z < 0.0 else z - limit) / uz
            weight = np.exp(-ratio * path)
            if out or weight < 1e-9:
                for n in range(ratios):
                    escaped[n] += weight
                    absorbed[n] += 1.0 - weight
                    reflected[n] += weight if z < 0.0 else 0.0
                    weight = weight * weight * weight
                break
            r = np.sqrt(x * x + y * y)
            i = int(r / dr)
            k = 0 if kind == SURFACE else int((z - z_first) / dz + 1.0) - 1
            if i < nr and 0 <= k < nz:
                for n in range(ratios):
                    scores[n, i, k] += weight * free
                    weight = weight * weight * weight
            ux, uy, uz = _deflect(ux, uy, uz, _scatter(g))
