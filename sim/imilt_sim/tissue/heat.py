"""Bio-heat equation (Pennes) on the mesh, with heat taken up as the state, as kernel.py solves it.

    ∂H/∂t = ∇·(k ∇T) − w ρb cb (T − Tbody) + absorbed light,   T = T(H)

Temperatures are rises above body temperature, which is also the blood's and the outer walls'. The fibre's volume
stores heat like cold tissue; it neither absorbs nor is perfused, and it holds no water. A diffuser conducts like
tissue, a bare fibre and a radial one like glass.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imilt.plan import Fibre, Tissue
from imilt_sim.tissue import damage, kernel
from imilt_sim.tissue.interface import COLDEST_BELOW_BODY_C, HOTTEST_C
from imilt_sim.tissue.laws import (
    BOIL_C,
    CAPACITY_FALLS_C,
    CONDENSE_C,
    CONDUCTIVITY_RISES_C,
    GLASS_CONDUCTIVITY_W_MM_K,
    HOT_C,
    TABLE_C,
    Laws,
)
from imilt_sim.tissue.mesh import Bools, Floats, Mesh

BLOOD_DENSITY_KG_M3 = 1050.0
"""Blood: IT'IS database of tissue properties."""
BLOOD_SPECIFIC_HEAT_J_KG_K = 3617.0
"""Blood: IT'IS database of tissue properties."""


class Medium(NamedTuple):
    """Thermal properties of cold tissue."""

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


class State(NamedTuple):
    """What the kernel works on, in the order in which it takes it."""

    cells: Floats  # (kernel.N_CELLS, nr + 2, nz + 2)
    lines: Floats  # (kernel.N_LINES, max(nr, nz) + 2)
    by_heat: Floats  # (2, rows)
    by_rise: Floats  # (kernel.N_BY_RISE, rows)
    numbers: Floats  # (kernel.N_NUMBERS,)

    def inner(self, row: int) -> Floats:
        """A field without its boundary, (nr, nz); a view."""
        return self.cells[row, 1:-1, 1:-1]


def new_state(mesh: Mesh, laws: Laws, fibre: Fibre | None = None) -> State:
    """Tissue at rest at body temperature, dark, without blood."""
    nr, nz = mesh.shape
    state = State(
        np.zeros((kernel.N_CELLS, nr + 2, nz + 2)),
        _lines(mesh),
        np.stack((laws.temperatures_c - laws.tissue.body_c, laws.dried(laws.temperatures_c))),
        np.stack((laws.conductivity_w_mm_k(TABLE_C, np.zeros(TABLE_C.shape)), laws.perfusion_factor(TABLE_C))),
        np.zeros(kernel.N_NUMBERS),
    )
    _set_numbers(state.numbers, laws)
    if fibre is not None:
        state.numbers[kernel.FIBRE_R] = np.searchsorted(mesh.r, fibre.radius_mm)
        state.numbers[kernel.FIBRE_Z] = np.searchsorted(mesh.z, fibre.end_mm)
        if fibre.kind != "diffuser":
            state.numbers[kernel.CONDUCTIVITY_FIBRE] = GLASS_CONDUCTIVITY_W_MM_K
    state.cells[kernel.TAKEN : kernel.PEAK_HEAT + 1] = state.numbers[kernel.HEAT_BODY]
    state.cells[kernel.LEFT : kernel.LEFT_SEEN + 1] = 1.0
    kernel.refresh_all(*state)
    return state


def set_blood(state: State, tumour_per_s: Floats, normal_per_s: Floats) -> None:
    """Perfusion of the cells' tumour and normal parts, (nr, nz); only the normal one rises with warmth."""
    state.inner(kernel.LOSS_TUMOUR)[:] = blood_w_mm3_k(tumour_per_s)
    state.inner(kernel.LOSS_NORMAL)[:] = blood_w_mm3_k(normal_per_s)
    kernel.perfuse(state.cells, state.by_rise, state.numbers)
    kernel.refresh_all(*state)


def _lines(mesh: Mesh) -> Floats:
    nr, nz = mesh.shape
    lines = np.zeros((kernel.N_LINES, max(nr, nz) + 2))
    lines[kernel.RING, 1 : nr + 1] = 1 / mesh.ring_mm2
    lines[kernel.CIRCUMFERENCE, : nr + 1] = 2 * np.pi * mesh.r_faces
    lines[kernel.HALF_RADIAL, 1 : nr + 1] = np.diff(mesh.r_faces) / 2
    lines[kernel.HEIGHT, 1 : nz + 1] = 1 / np.diff(mesh.z_faces)
    lines[kernel.HALF_AXIAL, 1 : nz + 1] = np.diff(mesh.z_faces) / 2
    return lines


def _set_numbers(numbers: Floats, laws: Laws) -> None:
    tissue, zero, one = laws.tissue, np.array(0.0), np.array(1.0)
    numbers[kernel.BODY] = tissue.body_c
    numbers[kernel.SKIN_A : kernel.DELAY_E + 1] = [
        *damage.SKIN.log2_form,
        *damage.BHK.log2_form,
        *damage.DELAY.log2_form,
    ]
    numbers[kernel.SHELL_LOW : kernel.SHELL_HIGH + 1] = damage.SHELL_C
    numbers[kernel.PER_HEAT], numbers[kernel.PER_CELSIUS] = 1 / laws.heat_step_j_mm3, 1 / (TABLE_C[1] - TABLE_C[0])
    marks_c = np.array([tissue.body_c, CAPACITY_FALLS_C, CONDUCTIVITY_RISES_C, BOIL_C[0]])
    numbers[kernel.HEAT_BODY : kernel.HEAT_BOIL + 1] = laws.heat_since_0_c_j_mm3(marks_c)
    numbers[kernel.CAPACITY] = laws.capacity_j_mm3_k(zero, zero)
    numbers[kernel.CAPACITY_HOT] = laws.capacity_j_mm3_k(np.array(HOT_C), zero)
    numbers[kernel.CAPACITY_DRY] = laws.capacity_j_mm3_k(np.array(HOT_C), one)
    numbers[kernel.CONDUCTIVITY] = laws.conductivity_w_mm_k(zero, zero)
    numbers[kernel.CONDUCTIVITY_FIBRE] = numbers[kernel.CONDUCTIVITY]
    numbers[kernel.CONDUCTIVITY_DRY] = laws.conductivity_w_mm_k(zero, one)
    numbers[kernel.CONDENSING_J_MM3] = tissue.condensing_fraction * laws.latent_j_mm3
    numbers[kernel.CONDENSE_LOW : kernel.CONDENSE_HIGH + 1] = CONDENSE_C
    numbers[kernel.BENT_START] = len(TABLE_C)  # beyond any column: nothing has changed yet
    numbers[kernel.EMITTED] = 1.0
    numbers[kernel.COLDEST : kernel.HOTTEST_ALLOWED + 1] = tissue.body_c - COLDEST_BELOW_BODY_C, HOTTEST_C


def stored_j_mm3(state: State, laws: Laws, inside_fibre: Bools) -> Floats:
    """Heat that tissue holds above body temperature by its temperature now, (nr, nz).

    What has left with the steam is not in it.
    """
    rise, dried = state.inner(kernel.RISE), state.inner(kernel.DRIED)
    hot, dry = state.numbers[kernel.CAPACITY_HOT], state.numbers[kernel.CAPACITY_DRY]
    wet = np.where(inside_fibre, state.numbers[kernel.CAPACITY] * rise, laws.enthalpy_j_mm3(laws.tissue.body_c + rise))
    return np.where(dried > 0.0, (hot + (dry - hot) * dried) * rise, wet)
