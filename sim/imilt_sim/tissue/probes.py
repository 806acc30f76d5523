"""Thermocouples: where they sit in the mesh, and what their junctions add to the tissue's temperature.

A junction follows its site with a first-order lag, and it absorbs light: `self_heating` times the fluence rate at its
site. It does not disturb the tissue: no shadow, no heat drawn along its wires.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Probe, ProbeModel
from imilt_sim.tissue import kernel
from imilt_sim.tissue.mesh import Bools, Floats, Mesh


def place(mesh: Mesh, probe: Probe) -> tuple[NDArray[np.int64], Floats]:
    """Flat indices into a padded (nr + 2, nz + 2) field and bilinear weights of the four cells around a site.

    Outside the mesh the weights fall on the boundary, whose rise and fluence are 0.
    """
    r = np.concatenate(([-mesh.r[0]], mesh.r, mesh.r_faces[-1:]))
    z = np.concatenate((mesh.z_faces[:1], mesh.z, mesh.z_faces[-1:]))
    i, a = _between(r, probe.radial_mm)
    k, b = _between(z, probe.axial_mm)
    if i == 0:  # between the axis and the first centre: the field is flat there
        i, a = 1, 0.0
    corners = [i * len(z) + k, i * len(z) + k + 1, (i + 1) * len(z) + k, (i + 1) * len(z) + k + 1]
    weights = [(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]
    return np.array(corners), np.array(weights)


def _between(points: Floats, x: float) -> tuple[int, float]:
    """Index of the point below `x` and the share of the one above; clamped to the ends."""
    i = min(max(int(np.searchsorted(points, x, side="right")) - 1, 0), len(points) - 2)
    return i, min(max((x - points[i]) / (points[i + 1] - points[i]), 0.0), 1.0)


def fluence_at(fluence_w_cm2: Floats, inside_fibre: Bools, corners: NDArray[np.int64], weights: Floats) -> float:
    """Fluence rate at a site from the corners that lie in tissue: the fibre's own cells hold no light."""
    padded, tissue = np.pad(fluence_w_cm2, 1), np.pad(~inside_fibre, 1, constant_values=True)
    weights = weights * tissue.ravel()[corners]
    return float(weights @ padded.ravel()[corners] / weights.sum())


def new_probes(
    mesh: Mesh, probes: tuple[Probe, ...], model: ProbeModel, fluence_w_cm2: Floats, inside_fibre: Bools
) -> tuple[NDArray[np.int64], Floats]:
    """Corners (4, n) and state (kernel.N_PROBES, n) of the plan's probes, as kernel.py takes them."""
    corners = np.zeros((4, len(probes)), np.int64)
    state = np.zeros((kernel.N_PROBES, len(probes)))
    for p, probe in enumerate(probes):
        corners[:, p], weights = place(mesh, probe)
        state[kernel.WEIGHT :, p] = weights
        fluence = fluence_at(fluence_w_cm2, inside_fibre, corners[:, p], weights)
        state[kernel.SELF_HEATING, p] = model.self_heating_c_cm2_per_w * fluence
    return corners, state


def keep(lag_s: float) -> float:
    """Fraction of a junction's distance from its drive that is left after one grid point."""
    return math.exp(-kernel.GRID_S / lag_s)
