"""Vessels and ducts in the 3-D tier: cylinders that carry heat away, and that are to be protected.

Fluid at body temperature takes h·(Twall − Tbody) per area of wall. On a grid whose cells are about as large as the
cylinder, the wall is not drawn: the cylinder is filled with tissue that conducts and gives heat off everywhere at the
rate G that makes its wall behave the same. Inside such a cylinder T ∝ I0(x·r/R) with x = R·√(G/k), so that

    h·R/k = x·I1(x)/I0(x)
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import i0e, i1e

from imilt.plan import Structure
from imilt_sim.tissue.light3d import Grid
from imilt_sim.tissue.mesh import Floats

LAMINAR_NUSSELT = 3.66
"""h·2R/k of laminar flow in a tube whose wall has one temperature: textbooks of heat transfer (Incropera)."""
BLOOD_CONDUCTIVITY_W_M_K = 0.52
"""IT'IS database."""
MOST_EXCHANGE = 50.0
"""h·R/k beyond which a wall is as good as held at body temperature."""
PARTS = 4
"""A cell's share of a cylinder comes from PARTS³ points."""
AROUND, ALONG_MM = 8, 1.0
"""The wall is watched at so many places around, this far apart along."""


def length_mm(structure: Structure) -> float:
    return math.dist(structure.start_mm, structure.end_mm)


def wall_w_mm2_k(structure: Structure) -> float:
    """Heat through the wall per area and °C."""
    if structure.exchange_w_m2_k is not None:
        return structure.exchange_w_m2_k * 1e-6
    return LAMINAR_NUSSELT * BLOOD_CONDUCTIVITY_W_M_K * 1e-3 / (2 * structure.radius_mm)


def loss_w_mm3_k(structure: Structure, conductivity_w_mm_k: float) -> float:
    """G: heat given off per volume and °C that stands for the wall."""
    exchange = wall_w_mm2_k(structure) * structure.radius_mm / conductivity_w_mm_k
    if exchange == 0.0:
        return 0.0
    wanted = min(exchange, MOST_EXCHANGE)
    x = float(brentq(lambda x: x * i1e(x) / i0e(x) - wanted, 0.0, 2 * MOST_EXCHANGE))  # pyright: ignore[reportArgumentType]
    return conductivity_w_mm_k * (x / structure.radius_mm) ** 2


def shares(grid: Grid, structure: Structure) -> Floats:
    """Fraction of each cell's volume inside the structure, (nx, ny, nz)."""
    result = np.zeros(grid.shape)
    corner, ends = np.array(grid.corner_mm), np.array((structure.start_mm, structure.end_mm))
    low = np.floor((ends.min(axis=0) - structure.radius_mm - corner) / grid.cell_mm).astype(int)
    high = np.ceil((ends.max(axis=0) + structure.radius_mm - corner) / grid.cell_mm).astype(int)
    low, high = np.clip(low, 0, grid.shape), np.clip(high, 0, grid.shape)
    if np.any(high <= low):
        return result
    axes = [corner[a] + grid.cell_mm * (np.arange(low[a] * PARTS, high[a] * PARTS) + 0.5) / PARTS for a in range(3)]
    inside = _inside(structure, axes)
    shape = [int(n) for a in range(3) for n in (high[a] - low[a], PARTS)]
    result[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = inside.reshape(shape).mean(axis=(1, 3, 5))
    return result


def _inside(structure: Structure, axes: list[Floats]) -> Floats:
    """1 where the points of a grid, (nx, ny, nz), lie inside."""
    along = np.subtract(structure.end_mm, structure.start_mm) / length_mm(structure)
    offsets = [axes[a] - structure.start_mm[a] for a in range(3)]
    x, y, z = np.meshgrid(*offsets, indexing="ij", sparse=True)
    height = x * along[0] + y * along[1] + z * along[2]
    away = x**2 + y**2 + z**2 - height**2
    return ((height >= 0) & (height <= length_mm(structure)) & (away <= structure.radius_mm**2)).astype(float)


def wall_points(structure: Structure) -> Floats:
    """Where the wall is watched, mm, (n, 3)."""
    along = np.subtract(structure.end_mm, structure.start_mm) / length_mm(structure)
    across = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    turns = 2 * np.pi * np.arange(AROUND) / AROUND
    ring = structure.radius_mm * (np.outer(np.cos(turns), across) + np.outer(np.sin(turns), other))
    count = max(1, round(length_mm(structure) / ALONG_MM))
    middles = structure.start_mm + np.outer((np.arange(count) + 0.5) / count * length_mm(structure), along)
    return (middles[:, None, :] + ring[None, :, :]).reshape(-1, 3)
