"""Is the code right? The numerical solution against exact ones; `make physics` prints what is found here.

Whether the model is right is another question: see cases/.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from imilt.plan import Fibre, Plan, Tissue, Tumour
from imilt_sim.tissue import exact, kernel, light
from imilt_sim.tissue.heat import Medium, new_state
from imilt_sim.tissue.interface import TISSUE_STEP_S
from imilt_sim.tissue.laws import Laws
from imilt_sim.tissue.light import PER_MM, Optics
from imilt_sim.tissue.mesh import FINE_MM, Bools, Floats, Mesh, fibre_cells, plan_mesh, tumour_fraction, uniform_mesh
from imilt_sim.tissue.plant import Plant

MEDIUM = Medium(1087e-9 * 3164, 0.51e-3)
SMALL = 1e-3
"""Share of the power that is really given: rises too small for any law to bend are as linear as the exact answers."""
OPTICS = Optics(0.17, 12.0)
DIFFUSER = Fibre.model_validate({})
NORMAL_LOSS_PER_S, TUMOUR_LOSS_PER_S = 0.0177, 0.00364  # 0.016 and 0.0033 /s of blood in tissue, as a loss of rise
CELLS_MM = (2.0, 1.0, 0.5, 0.25)
GAUSS_POINTS = 8


class Problem(NamedTuple):
    """One problem with a known answer, on a mesh; fields are (nr, nz)."""

    absorbed_w: Floats  # by each cell, per W
    loss_per_s: Floats
    power_w: float
    t_s: float
    truth_c: Floats  # at the cells' centres
    compared: Bools  # where


class Check(NamedTuple):
    """Errors of one problem on finer and finer cells, °C."""

    name: str
    cells_mm: tuple[float, ...]
    rms_c: tuple[float, ...]  # weighted with the cells' volumes
    peak_c: tuple[float, ...]  # the worst cell

    @property
    def orders(self) -> list[float]:
        """Of convergence of the RMS error, between neighbours."""
        return orders(self.rms_c)


def distance(mesh: Mesh) -> Floats:
    """From the origin to each cell's centre, mm, (nr, nz)."""
    return np.hypot(mesh.r[:, None], mesh.z[None, :])


def integrated(mesh: Mesh, density: Callable[[Floats], Floats]) -> Floats:
    """Integral of a function of the distance from the origin over every cell, by Gauss's rule, (nr, nz)."""
    (r, wr), (z, wz) = _gauss(mesh.r_faces), _gauss(mesh.z_faces)
    values = density(np.hypot(r[:, None], z[None, :])) * np.outer(2 * np.pi * r * wr, wz)
    nr, nz = mesh.shape
    return values.reshape(nr, GAUSS_POINTS, nz, GAUSS_POINTS).sum(axis=(1, 3))


def _gauss(faces: Floats) -> tuple[Floats, Floats]:
    """Points and weights in every interval between `faces`, one after the other."""
    points, weights = np.polynomial.legendre.leggauss(GAUSS_POINTS)
    widths = np.diff(faces)[:, None]
    return (faces[:-1, None] + widths * (points + 1) / 2).ravel(), (widths * weights / 2).ravel()


def gaussian(mesh: Mesh, width_mm: float = 3.0, t_s: float = 60.0) -> Problem:
    """5 W of a Gaussian, with a tumour's perfusion."""
    r, loss = distance(mesh), np.full(mesh.shape, TUMOUR_LOSS_PER_S)
    source = integrated(mesh, lambda r: np.exp(-(r**2) / (2 * width_mm**2)) / (2 * np.pi * width_mm**2) ** 1.5)
    truth = exact.gaussian_rise(r, t_s, width_mm, MEDIUM, TUMOUR_LOSS_PER_S)
    return Problem(source, loss, 5.0, t_s, truth, r < 10.0)


def sudden_point(mesh: Mesh, t_s: float = 60.0) -> Problem:
    """1 W at a point, from 5 mm on: nearer the answer has no bound."""
    r, loss = distance(mesh), np.full(mesh.shape, TUMOUR_LOSS_PER_S)
    truth = exact.sudden_point_rise(r, t_s, MEDIUM, TUMOUR_LOSS_PER_S)
    return Problem(light.axis_source(mesh, 0.0), loss, 1.0, t_s, truth, (r > 5.0) & (r < 15.0))


def steady_light(mesh: Mesh) -> Problem:
    """2 W of light that spreads by diffusion from a point, with perfusion, until it is steady."""
    mu, r = OPTICS.effective_per_cm * PER_MM, distance(mesh)
    source = integrated(mesh, lambda r: mu**2 * np.exp(-mu * r) / (4 * np.pi * r))
    truth = exact.point_rise(r, OPTICS, MEDIUM, NORMAL_LOSS_PER_S)
    return Problem(source, np.full(mesh.shape, NORMAL_LOSS_PER_S), 2.0, 600.0, truth, r < 15.0)


def two_regions(mesh: Mesh, radius_mm: float = 8.0) -> Problem:
    """5 W spread over a sphere that is perfused like a tumour, inside normal tissue, until it is steady."""
    r, share = distance(mesh), tumour_fraction(mesh, Tumour(radial_mm=radius_mm, axial_mm=radius_mm), parts=16)
    source = share * mesh.volume_mm3
    loss = NORMAL_LOSS_PER_S + (TUMOUR_LOSS_PER_S - NORMAL_LOSS_PER_S) * share
    truth = exact.sphere_rise(r, radius_mm, MEDIUM, TUMOUR_LOSS_PER_S, NORMAL_LOSS_PER_S)
    return Problem(source / source.sum(), loss, 5.0, 1500.0, truth, r < 15.0)


def cylinder(mesh: Mesh, t_s: float = 300.0) -> Problem:
    """5 W spread over the whole mesh, whose walls are at 0."""
    truth = exact.cylinder_rise(mesh.r, mesh.z, mesh.r_faces[-1], mesh.z_faces[-1], t_s, MEDIUM, TUMOUR_LOSS_PER_S)
    everywhere = np.ones(mesh.shape, bool)
    source = mesh.volume_mm3 / mesh.volume_mm3.sum()
    return Problem(source, np.full(mesh.shape, TUMOUR_LOSS_PER_S), 5.0, t_s, truth, everywhere)


PROBLEMS: dict[str, tuple[Callable[[Mesh], Problem], float]] = {
    "Gaussian source, 5 W, 60 s": (gaussian, 30.0),
    "point source, 1 W, 60 s, 5 to 15 mm": (sudden_point, 30.0),
    "light from a point (source µ²e^(−µr)/4πr), 2 W, steady": (steady_light, 30.0),
    "two-region sphere, 5 W, steady": (two_regions, 30.0),
    "cylinder with cold walls, 5 W, 300 s": (cylinder, 16.0),
}
"""What each is, and half the size of its mesh, mm."""


def run(mesh: Mesh, absorbed_w: Floats, loss_per_s: Floats, power_w: float, t_s: float, dt_s: float) -> Floats:
    """Rise after `t_s` of constant power, in steps of `dt_s`, (nr, nz). Raises ValueError for an unstable step."""
    state = new_state(mesh, Laws.of(Tissue()))
    state.inner(kernel.LOSS)[:] = loss_per_s * MEDIUM.capacity_j_mm3_k
    state.inner(kernel.HEATING)[:] = absorbed_w / mesh.volume_mm3
    kernel.refresh_all(*state)
    limit_s = 1 / state.numbers[kernel.RATE]
    if dt_s > limit_s:
        raise ValueError(f"a step of {dt_s} s is unstable on this mesh: at most {limit_s:.4g} s; take more steps")
    for _ in range(round(t_s / dt_s)):
        kernel.step(state.cells, state.lines, state.by_heat, state.numbers, dt_s, power_w * SMALL)
    return state.inner(kernel.RISE) / SMALL


def errors(problem: Problem, mesh: Mesh, dt_s: float) -> tuple[float, float]:
    """RMS and worst error of a problem, °C."""
    rise = run(mesh, problem.absorbed_w, problem.loss_per_s, problem.power_w, problem.t_s, dt_s)
    wrong = (rise - problem.power_w * problem.truth_c)[problem.compared]
    weights = mesh.volume_mm3[problem.compared]
    return float(np.sqrt(np.sum(weights * wrong**2) / weights.sum())), float(np.abs(wrong).max())


def orders(values: tuple[float, ...]) -> list[float]:
    """Order of convergence between neighbours of a list in which the cell is halved from one to the next."""
    return [float(np.log2(coarse / fine)) for coarse, fine in pairwise(values)]


def check(name: str, cells_mm: tuple[float, ...] = CELLS_MM) -> Check:
    """One of PROBLEMS on uniform cells; the step shrinks with the cell's square, 0.1 s at 0.5 mm."""
    build, half_mm = PROBLEMS[name]
    found = []
    for cell_mm in cells_mm:
        mesh = uniform_mesh(half_mm, half_mm, cell_mm)
        found.append(errors(build(mesh), mesh, 0.4 * cell_mm**2))
    rms, peak = zip(*found, strict=True)
    return Check(name, cells_mm, rms, peak)


def halved(mesh: Mesh) -> Mesh:
    """Every cell cut in two both ways: grading stays what it was."""
    return Mesh(*(np.sort(np.concatenate((f, (f[1:] + f[:-1]) / 2))) for f in (mesh.r_faces, mesh.z_faces)))


def graded() -> Check:
    """The Gaussian source on the default plan's mesh built with cells twice as large, then as they are, then halved."""
    fine = plan_mesh(DIFFUSER)
    mesh = Mesh(_even(fine.r_faces)[::2], _even(fine.z_faces)[::2])
    meshes = [mesh, halved(mesh), halved(halved(mesh))]
    found = [errors(gaussian(m), m, 0.1 / 4**n) for n, m in enumerate(meshes, start=-1)]
    rms, peak = zip(*found, strict=True)
    return Check("Gaussian source on the plan's mesh", (2 * FINE_MM, FINE_MM, FINE_MM / 2), rms, peak)


def _even(faces: Floats) -> Floats:
    return faces if len(faces) % 2 else np.delete(faces, -2)


def step_errors() -> list[float]:
    """Gaussian source, 10 s, 0.5 mm cells, steps of 0.1, 0.05 and 0.025 s: what the time step alone adds, RMS °C."""
    mesh = uniform_mesh(30.0, 30.0, 0.5)
    problem = gaussian(mesh, t_s=10.0)
    return [errors(problem, mesh, dt_s)[0] for dt_s in (0.1, 0.05, 0.025)]


def point_fluence_error(from_mm: float = 3.0, to_mm: float = 15.0) -> float:
    """Largest relative error of the fluence rate around a point source."""
    mesh = plan_mesh(DIFFUSER.model_copy(update={"kind": "bare", "radius_mm": FINE_MM}))
    lit = light.solve(mesh, OPTICS, light.axis_source(mesh, 0.0), np.zeros(mesh.shape, bool))
    r = distance(mesh)
    ring = (r > from_mm) & (r < to_mm)
    return float(np.abs(lit.fluence_w_cm2[ring] / exact.point_fluence(r[ring], OPTICS) - 1).max())


def lit_rise_error(from_mm: float = 3.0, to_mm: float = 15.0) -> float:
    """Largest relative error of the steady rise around a point source, light and heat both computed."""
    mesh = plan_mesh(DIFFUSER.model_copy(update={"kind": "bare", "radius_mm": FINE_MM}))
    lit = light.solve(mesh, OPTICS, light.axis_source(mesh, 0.0), np.zeros(mesh.shape, bool))
    loss, r = np.full(mesh.shape, NORMAL_LOSS_PER_S), distance(mesh)
    rise = run(mesh, lit.absorbed_w, loss, 1.0, 900.0, TISSUE_STEP_S / 2)
    ring = (r > from_mm) & (r < to_mm)
    return float(np.abs(rise[ring] / exact.point_rise(r[ring], OPTICS, MEDIUM, NORMAL_LOSS_PER_S) - 1).max())


def line_source_error(length_mm: float = 15.0) -> float:
    """Largest relative error of the fluence rate 3 to 12 mm beside a line source without a fibre."""
    fibre = DIFFUSER.model_copy(update={"diffuser_length_mm": length_mm})
    mesh = plan_mesh(fibre)
    source = np.zeros(mesh.shape)
    source[0] = np.where(np.abs(mesh.z) < fibre.end_mm, np.diff(mesh.z_faces) / length_mm, 0.0)
    lit = light.solve(mesh, OPTICS, source, np.zeros(mesh.shape, bool))
    rows, columns = np.flatnonzero((mesh.r > 3) & (mesh.r < 12)), np.flatnonzero(np.abs(mesh.z) < 10)[::5]
    truth = [[exact.line_fluence(float(r), float(z), length_mm, OPTICS) for z in mesh.z[columns]] for r in mesh.r[rows]]
    return float(np.abs(lit.fluence_w_cm2[np.ix_(rows, columns)] / truth - 1).max())


def cylinder_error(length_mm: float = 40.0) -> float:
    """Largest relative error of the fluence rate beside the middle of a long diffuser, from its surface to 10 mm."""
    fibre = DIFFUSER.model_copy(update={"diffuser_length_mm": length_mm})
    mesh = plan_mesh(fibre)
    lit = light.solve(mesh, OPTICS, light.diffuser_source(mesh, fibre), fibre_cells(mesh, fibre))
    near = (mesh.r > fibre.radius_mm) & (mesh.r < 10.0)
    computed = lit.fluence_w_cm2[near, len(mesh.z) // 2] * length_mm
    return float(np.abs(computed / exact.cylinder_fluence(mesh.r[near], fibre.radius_mm, OPTICS) - 1).max())


def energy_error(plan: Plan, power_w: float, t_s: float) -> float:
    """What is missing between what the laser gave and what was stored, carried off, conducted out and boiled off."""
    plant = Plant(plan)
    plant.advance(round(t_s / kernel.GRID_S), power_w)
    return plant.tissue.energy_j().error


def mesh_error(plan: Plan, power_w: float = 1.5, t_s: float = 600.0) -> Floats:
    """Relative error of rises against the same mesh with every cell halved: at the probes, then of the hottest cell."""
    rises, mesh = [], plan_mesh(plan.fibre)
    for cells in (mesh, halved(mesh)):
        plant = Plant(plan, cells)
        plant.advance(round(t_s / kernel.GRID_S), power_w)
        rises.append(np.append(plant.site_c, plant.tissue_max_c) - plan.tissue.body_c)
    return rises[0] / rises[1] - 1
