"""Bio-heat equation (Pennes) on the mesh, as coefficients of the explicit step in kernel.py, and its energy.

    ρc ∂T/∂t = ∇·(k ∇T) − w ρb cb (T − Tbody) + absorbed light

Temperatures are rises above body temperature, which is also the blood's and the outer walls'. The fibre's volume
conducts and stores heat like tissue; it neither absorbs nor is perfused.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imilt.plan import Tissue
from imilt_sim.tissue import kernel
from imilt_sim.tissue.mesh import Floats, Mesh

BLOOD_DENSITY_KG_M3 = 1050.0
"""Blood: IT'IS database of tissue properties."""
BLOOD_SPECIFIC_HEAT_J_KG_K = 3617.0
"""Blood: IT'IS database of tissue properties."""


class Medium(NamedTuple):
    """Thermal properties that are the same everywhere."""

    capacity_j_mm3_k: float
    conductivity_w_mm_k: float

    @property
    def diffusivity_mm2_s(self) -> float:
        return self.conductivity_w_mm_k / self.capacity_j_mm3_k


def plan_medium(tissue: Tissue) -> Medium:
    """The plan's tissue."""
    return Medium(tissue.density_kg_m3 * tissue.specific_heat_j_kg_k * 1e-9, tissue.conductivity_w_m_k * 1e-3)


def blood_w_mm3_k(perfusion_per_s: Floats) -> Floats:
    """Heat that blood carries off per volume and °C of rise, from the blood volume per tissue volume and second."""
    return perfusion_per_s * (BLOOD_DENSITY_KG_M3 * BLOOD_SPECIFIC_HEAT_J_KG_K * 1e-9)


def conduction_rates(mesh: Mesh, medium: Medium) -> Floats:
    """Exchange with the four neighbours, 1/s: rows as in `kernel`, entry i + 1 for cell i.

    Entries before and after the mesh belong to the boundary and stay 0.
    """
    nr, nz = mesh.shape
    rates = np.zeros((kernel.N_LINES, max(nr, nz) + 2))
    radial = medium.diffusivity_mm2_s * mesh.radial_mm
    axial = medium.diffusivity_mm2_s * mesh.axial_per_mm
    rates[kernel.INWARD, 1 : nr + 1] = radial[:-1] / mesh.ring_mm2
    rates[kernel.OUTWARD, 1 : nr + 1] = radial[1:] / mesh.ring_mm2
    rates[kernel.BACKWARD, 1 : nz + 1] = axial[:-1] / np.diff(mesh.z_faces)
    rates[kernel.FORWARD, 1 : nz + 1] = axial[1:] / np.diff(mesh.z_faces)
    return rates


def fastest_rate(rates: Floats, loss_per_s: Floats) -> float:
    """Largest rate at which a cell gives its heat away, 1/s: an explicit step longer than its inverse may oscillate."""
    radial = rates[kernel.INWARD] + rates[kernel.OUTWARD]
    axial = rates[kernel.BACKWARD] + rates[kernel.FORWARD]
    return float(radial.max() + axial.max() + loss_per_s.max())


def steps_needed(rates: Floats, loss_per_s: Floats, duration_s: float) -> int:
    """Equal explicit steps that `duration_s` must be cut into to stay stable."""
    return max(1, math.ceil(duration_s * fastest_rate(rates, loss_per_s)))


def new_cells(mesh: Mesh, rates: Floats, absorbed_w: Floats, loss_per_s: Floats, medium: Medium, dt_s: float) -> Floats:
    """The state at rest for steps of `dt_s`, (kernel.N_CELLS, nr + 2, nz + 2); inner arrays are (nr, nz).

    Raises ValueError if explicit steps of `dt_s` would be unstable.
    """
    limit_s = 1 / fastest_rate(rates, loss_per_s)
    if dt_s > limit_s:
        raise ValueError(f"a step of {dt_s} s is unstable on this mesh: at most {limit_s:.4g} s; take more steps")
    nr, nz = mesh.shape
    cells = np.zeros((kernel.N_CELLS, nr + 2, nz + 2))
    inner = cells[:, 1:-1, 1:-1]
    inner[kernel.HEATING] = dt_s * absorbed_w / (medium.capacity_j_mm3_k * mesh.volume_mm3)
    inner[kernel.LOSS] = inner[kernel.LOSS_START] = dt_s * loss_per_s
    return cells


def stored_j(mesh: Mesh, medium: Medium, rise: Floats) -> float:
    """Heat stored above body temperature; `rise` is (nr, nz), °C."""
    return float(medium.capacity_j_mm3_k * np.sum(mesh.volume_mm3 * rise))


def wall_w(mesh: Mesh, medium: Medium, rise: Floats) -> float:
    """Heat flowing out through the outer walls."""
    side = np.sum(mesh.radial_mm[-1] * np.diff(mesh.z_faces) * rise[-1])
    ends = np.sum(mesh.ring_mm2 * (mesh.axial_per_mm[0] * rise[:, 0] + mesh.axial_per_mm[-1] * rise[:, -1]))
    return float(medium.conductivity_w_mm_k * (side + ends))


def blood_w(mesh: Mesh, medium: Medium, rise: Floats, loss_per_s: Floats) -> float:
    """Heat that blood carries away, `loss_per_s` (nr, nz) being the fraction of the rise lost per second."""
    return float(medium.capacity_j_mm3_k * np.sum(mesh.volume_mm3 * loss_per_s * rise))
