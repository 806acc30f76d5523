"""The 3-D tier against exact solutions: its own step on problems in which nothing bends.

Beyond the outermost cells lies one more whose rise is 0 for ever, so that the walls of a box of n cells are n + 1 cells
apart. What warms or cools within a step is fitted to the step's length: a flat field then is exact.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Plan, Structure
from imilt_sim.tissue import cartesian_kernel as kernel
from imilt_sim.tissue import exact
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.fields3d import Singles, centres, march, new_fields
from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.interface import TISSUE_STEP_S
from imilt_sim.tissue.light3d import Grid
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.structures import loss_w_mm3_k, shares, wall_w_mm2_k
from imilt_sim.tissue.verify import MEDIUM, NORMAL_LOSS_PER_S, TUMOUR_LOSS_PER_S, Check

CELLS_MM = (4.0, 2.0, 1.0)
NEAR_MM = 12.0
"""Errors are taken within this distance of the middle."""


class LinearCubes:
    """Rise, °C, of cubes that lose `loss_per_s` of it and are heated by `heating_c_per_s`, both (nx, ny, nz).

    Raises ValueError for a step that is not stable.
    """

    def __init__(self, loss_per_s: Floats, heating_c_per_s: NDArray[Any], spread_per_s: float, dt_s: float) -> None:
        lost = -np.expm1(-loss_per_s * dt_s)
        keep = 1 - 6 * spread_per_s * dt_s - lost
        if keep.min() < 0.0:
            raise ValueError(f"a step of {dt_s} s is unstable: a cell gives away more than it has; take shorter ones")
        self._nz, self._dt_s, self._odd = loss_per_s.shape[2], dt_s, 0
        self._fields = new_fields(_cells(loss_per_s), kernel.N_FIELDS)
        self._inside(kernel.KEEP)[:] = keep
        factor = np.divide(lost, loss_per_s, out=np.full(lost.shape, dt_s), where=loss_per_s > 0)
        given = heating_c_per_s * factor
        self._inside(kernel.HEATING)[:] = np.where(given < kernel.CRUMB_C, 0.0, given)  # as CRUMB_C says
        self._numbers = np.zeros(kernel.N_NUMBERS)
        self._numbers[kernel.SPREAD_PER_S] = spread_per_s
        self._cold, self._tables = np.zeros(len(self._fields[0]), np.int64), np.zeros((3, 9))

    def _inside(self, row: int) -> Singles:
        return self._fields[row][1:-1, 1:-1, : self._nz]

    def advance(self, steps: int, power: float = 1.0) -> None:
        """Steps with `power` times the heating."""
        state = self._tables, self._numbers, self._cold, self._cold
        self._odd = march(self._fields, state, self._odd, self._nz, self._dt_s, power, steps)

    @property
    def rise(self) -> Floats:
        """Now, (nx, ny, nz)."""
        return self._inside(self._odd).astype(np.float64)


def _cells(field: Floats) -> tuple[int, int, int]:
    nx, ny, nz = field.shape
    return nx, ny, nz


def centred(half_mm: tuple[float, float, float], cell_mm: float) -> Grid:
    """A grid whose walls are at ± half_mm, with a cell's centre in the middle."""
    nx, ny, nz = (round(2 * half / cell_mm) - 1 for half in half_mm)
    x, y, z = (-n * cell_mm / 2 for n in (nx, ny, nz))
    return Grid((nx, ny, nz), cell_mm, (x, y, z))


def run(grid: Grid, medium: Medium, loss_per_s: Floats, density_w_mm3: NDArray[Any], t_s: float, dt_s: float) -> Floats:
    """Rise after `t_s` of constant heating."""
    spread_per_s = medium.diffusivity_mm2_s / grid.cell_mm**2
    cubes = LinearCubes(loss_per_s, density_w_mm3 / medium.capacity_j_mm3_k, spread_per_s, dt_s)
    cubes.advance(round(t_s / dt_s))
    return cubes.rise


def step_for(cell_mm: float) -> float:
    """Steps shrink with the cell's square, 0.5 s at 1 mm, so that one order is seen."""
    return 0.5 * cell_mm**2


def distance(grid: Grid) -> Floats:
    """From the origin, mm, (nx, ny, nz)."""
    x, y, z = centres(grid)
    return np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z**2)


def box(cell_mm: float, t_s: float = 304.0) -> tuple[Grid, Floats, Floats]:
    """5 W spread over a box of 64 by 56 by 48 mm with cold walls: grid, rise and the exact one."""
    half_mm = 32.0, 28.0, 24.0
    grid = centred(half_mm, cell_mm)
    even = np.full(grid.shape, 5.0 / (8 * np.prod(half_mm)))
    rise = run(grid, MEDIUM, np.full(grid.shape, TUMOUR_LOSS_PER_S), even, t_s, step_for(cell_mm))
    return grid, rise, 5.0 * exact.box_rise(list(centres(grid)), np.array(half_mm), t_s, MEDIUM, TUMOUR_LOSS_PER_S)


def gaussian(cell_mm: float, width_mm: float = 4.0, t_s: float = 64.0) -> tuple[Grid, Floats, Floats]:
    """5 W of a Gaussian with a tumour's perfusion: grid, rise and the exact one."""
    grid = centred((32.0, 32.0, 32.0), cell_mm)
    r = distance(grid)
    density = np.float64(5.0 / (2 * np.pi * width_mm**2) ** 1.5) * np.exp(-(r**2) / (2 * width_mm**2))
    rise = run(grid, MEDIUM, np.full(grid.shape, TUMOUR_LOSS_PER_S), density, t_s, step_for(cell_mm))
    return grid, rise, 5.0 * exact.gaussian_rise(r, t_s, width_mm, MEDIUM, TUMOUR_LOSS_PER_S)


def errors(problem: tuple[Grid, Floats, Floats]) -> tuple[float, float]:
    """RMS and worst error near the middle, °C."""
    grid, rise, truth = problem
    wrong = (rise - truth)[distance(grid) < NEAR_MM]
    return float(np.sqrt(np.mean(wrong**2))), float(np.abs(wrong).max())


def check(name: str) -> Check:
    """One of PROBLEMS on finer and finer cells."""
    rms, peak = zip(*(errors(PROBLEMS[name](cell_mm)) for cell_mm in CELLS_MM), strict=True)
    return Check(name, CELLS_MM, rms, peak)


PROBLEMS = {"box with cold walls, 5 W, 304 s": box, "Gaussian source, 5 W, 64 s": gaussian}


def beside_a_vessel(radius_mm: float = 3.0, exchange_w_m2_k: float | None = None) -> tuple[Floats, Floats, Floats]:
    """Distance from the axis, steady rise and exact.vessel_rise, beside a vessel through evenly heated tissue."""
    vessel = Structure(
        name="vessel",
        start_mm=(0.0, 0.0, -40.0),
        end_mm=(0.0, 0.0, 40.0),
        radius_mm=radius_mm,
        exchange_w_m2_k=exchange_w_m2_k,
    )
    grid, k = centred((25.0, 25.0, 25.0), 1.0), MEDIUM.conductivity_w_mm_k
    inside = shares(grid, vessel)
    sink_per_s = loss_w_mm3_k(vessel, k) / MEDIUM.capacity_j_mm3_k
    density = 1e-3 * (1 - inside)
    loss_per_s = NORMAL_LOSS_PER_S * (1 - inside) + sink_per_s * inside
    rate_per_s = 6 * MEDIUM.diffusivity_mm2_s + float(loss_per_s.max())
    rise = run(grid, MEDIUM, loss_per_s, density, 600.0, 600.0 / math.ceil(600.0 * rate_per_s))
    x = centres(grid)[0]
    out = (x > radius_mm + 1.0) & (x < 12.0)
    middle = len(x) // 2
    truth = exact.vessel_rise(x[out], radius_mm, wall_w_mm2_k(vessel), 1e-3, MEDIUM, NORMAL_LOSS_PER_S)
    return x[out], rise[out, middle, middle], truth


def vessel_error(exchange_w_m2_k: float | None) -> float:
    """Largest relative error of the rise beside a vessel of 3 mm radius, from 2 mm off its wall on."""
    _, rise, truth = beside_a_vessel(3.0, exchange_w_m2_k)
    return float(np.abs(rise / truth - 1).max())


def against_rings(plan: Plan, power_w: float, t_s: float = 600.0) -> Floats:
    """Differences from the axisymmetric tier, °C, beside the fibre at 4, 6, 8 and 13 mm and 12 mm ahead of its zero."""
    points = np.array([[4.0, 0.0, 0.8], [0.0, 6.0, 0.8], [-8.0, 0.0, 0.8], [13.0, 0.0, 0.8], [0.0, 0.0, 12.0]])
    found = []
    for tissue in (Box(plan), Axisymmetric.of(plan)):
        sites = tissue.sites(points)
        tissue.advance(round(t_s / TISSUE_STEP_S), power_w)
        found.append(sites.temperature_c())
    return found[0] - found[1]
