"""Is the code right? The numerical solution against exact ones: `python -m imilt_sim.tissue.verify` prints the figures.

Whether the model is right is another question: see validate.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from imilt.plan import Fibre, Plan
from imilt_sim.tissue import exact, kernel, light
from imilt_sim.tissue.heat import Medium, blood_w, conduction_rates, new_cells, steps_needed, stored_j, wall_w
from imilt_sim.tissue.light import Optics
from imilt_sim.tissue.mesh import FINE_MM, Floats, Mesh, fibre_cells, plan_mesh, uniform_mesh
from imilt_sim.tissue.plant import TISSUE_STEP_S, Plant

MEDIUM = Medium(1087e-9 * 3164, 0.51e-3)
OPTICS = Optics(0.17, 12.0)
DIFFUSER = Fibre.model_validate({})
NORMAL_LOSS_PER_S, TUMOUR_LOSS_PER_S = 0.0177, 0.00364  # 0.016 and 0.0033 /s of blood in tissue, as a loss of rise


def distance(mesh: Mesh) -> Floats:
    """From the origin to each cell's centre, mm, (nr, nz)."""
    return np.hypot(mesh.r[:, None], mesh.z[None, :])


def run(mesh: Mesh, absorbed_w: Floats, loss_per_s: float, t_s: float, dt_s: float) -> Floats:
    """Rise after `t_s` of constant absorbed power per cell, in steps of `dt_s`, (nr, nz)."""
    rates = conduction_rates(mesh, MEDIUM)
    cells = new_cells(mesh, rates, absorbed_w, np.full(mesh.shape, loss_per_s), MEDIUM, dt_s)
    lines, steps = rates * dt_s, round(t_s / dt_s)
    for n in range(steps):
        kernel.step(cells, lines, n % 2 == 1, 1.0)
    return cells[steps % 2, 1:-1, 1:-1]


def gaussian_error(mesh: Mesh, dt_s: float, t_s: float = 60.0, width_mm: float = 3.0) -> float:
    """Volume-weighted RMS error within 10 mm, over the highest rise, of a Gaussian source with perfusion."""
    r = distance(mesh)
    density = np.exp(-(r**2) / (2 * width_mm**2)) / (2 * np.pi * width_mm**2) ** 1.5
    rise = run(mesh, density * mesh.volume_mm3, TUMOUR_LOSS_PER_S, t_s, dt_s)
    near = r < 10.0
    truth = exact.gaussian_rise(r[near], t_s, width_mm, MEDIUM, TUMOUR_LOSS_PER_S)
    weights = mesh.volume_mm3[near]
    return float(np.sqrt(np.sum(weights * (rise[near] - truth) ** 2) / weights.sum()) / truth.max())


def halved(mesh: Mesh) -> Mesh:
    """Every cell cut in two both ways: grading stays what it was."""
    return Mesh(*(np.sort(np.concatenate((f, (f[1:] + f[:-1]) / 2))) for f in (mesh.r_faces, mesh.z_faces)))


def orders(errors: list[float]) -> list[float]:
    """Order of convergence between neighbours of a list in which the cell is halved from one to the next."""
    return [float(np.log2(coarse / fine)) for coarse, fine in pairwise(errors)]


def uniform_errors() -> list[float]:
    """Gaussian source on uniform cells of 2, 1, 0.5 and 0.25 mm; the step shrinks with the cell's square."""
    return [gaussian_error(uniform_mesh(30.0, 30.0, h), 0.4 * h**2) for h in (2.0, 1.0, 0.5, 0.25)]


def graded_errors() -> list[float]:
    """Gaussian source on the default plan's mesh built with cells twice as large, then as they are, then halved."""
    fine = plan_mesh(DIFFUSER)
    mesh = Mesh(_even(fine.r_faces)[::2], _even(fine.z_faces)[::2])
    meshes = [mesh, halved(mesh), halved(halved(mesh))]
    return [gaussian_error(m, 0.1 / 4**n) for n, m in enumerate(meshes, start=-1)]


def _even(faces: Floats) -> Floats:
    return faces if len(faces) % 2 else np.delete(faces, -2)


def step_errors() -> list[float]:
    """Gaussian source on 0.5 mm cells with steps of 0.1, 0.05 and 0.025 s: what the time step alone contributes."""
    mesh = uniform_mesh(30.0, 30.0, 0.5)
    return [gaussian_error(mesh, dt, t_s=10.0) for dt in (0.1, 0.05, 0.025)]


def point_source_errors(from_mm: float = 3.0, to_mm: float = 15.0) -> tuple[float, float]:
    """Largest relative errors of fluence rate and of steady rise around a point source, both computed."""
    mesh = plan_mesh(DIFFUSER.model_copy(update={"kind": "bare", "radius_mm": FINE_MM}))
    lit = light.solve(mesh, OPTICS, light.axis_source(mesh, 0.0), np.zeros(mesh.shape, bool))
    rates = conduction_rates(mesh, MEDIUM)
    dt_s = TISSUE_STEP_S / steps_needed(rates, np.array([NORMAL_LOSS_PER_S]), TISSUE_STEP_S)
    rise = run(mesh, lit.absorbed_w, NORMAL_LOSS_PER_S, 900.0, dt_s)
    r = distance(mesh)
    ring = (r > from_mm) & (r < to_mm)
    fluence = lit.fluence_w_cm2[ring] / exact.point_fluence(r[ring], OPTICS)
    warmth = rise[ring] / exact.point_rise(r[ring], OPTICS, MEDIUM, NORMAL_LOSS_PER_S)
    return float(np.abs(fluence - 1).max()), float(np.abs(warmth - 1).max())


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
    """What is missing between absorbed and stored + carried off + conducted out, over absorbed."""
    plant = Plant(plan)
    gone_j = 0.0
    for _ in range(round(t_s / TISSUE_STEP_S)):
        out_w = wall_w(plant.mesh, plant.medium, plant.rise)
        out_w += blood_w(plant.mesh, plant.medium, plant.rise, plant.loss_per_s)
        gone_j += out_w * TISSUE_STEP_S
        plant.advance(kernel.POINTS_PER_STEP, power_w)
    absorbed_j = plant.light.absorbed_w.sum() * power_w * t_s
    return float((stored_j(plant.mesh, plant.medium, plant.rise) + gone_j) / absorbed_j - 1)


def mesh_error(plan: Plan, power_w: float = 1.5, t_s: float = 600.0) -> Floats:
    """Relative error of rises against the same mesh with every cell halved: at the probes, then of the hottest cell."""
    rises, mesh = [], plan_mesh(plan.fibre)
    for cells in (mesh, halved(mesh)):
        plant = Plant(plan, cells)
        plant.advance(round(t_s / kernel.GRID_S), power_w)
        rises.append(np.append(plant.site_c, plant.tissue_max_c) - plan.tissue.body_c)
    return rises[0] / rises[1] - 1


def _percent(values: list[float]) -> str:
    return ", ".join(f"{value:.3%}" for value in values)


def _plain(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def main() -> None:
    probes = [{"role": "control", "radial_mm": 6.0}, {"role": "guard", "radial_mm": 13.0}]
    default = Plan.model_validate({"schema": 1, "name": "default", "probes": probes})
    gaussian = {"cells of 2, 1, 0.5, 0.25 mm": uniform_errors(), "the plan's mesh ×2, ×1, ×½": graded_errors()}
    for name, errors in gaussian.items():
        print(f"Gaussian, {name}: RMS error {_percent(errors)} of the peak, order {_plain(orders(errors))}")
    print(f"Gaussian after 10 s, steps of 0.1, 0.05, 0.025 s: RMS error {_percent(step_errors())} of the peak")
    fluence, warmth = point_source_errors()
    print(f"point source, 3 to 15 mm: fluence rate within {fluence:.2%}, steady rise within {warmth:.2%}")
    print(f"line source of 15 mm: within {line_source_error():.2%}; long diffuser: within {cylinder_error():.2%}")
    lit = Plant(default).light
    print(f"light: 1 W − absorbed − escaped = {1 - lit.absorbed_w.sum() - lit.escaped_w:.1e} W")
    print(f"heat: energy balance, 2 W for 10 min: {energy_error(default, 2.0, 600.0):.1e}")
    near, far, hottest = mesh_error(default)
    bare = default.model_copy(update={"fibre": DIFFUSER.model_copy(update={"kind": "bare", "radius_mm": 0.2})})
    print(f"rise at 6 and 13 mm against a mesh twice as fine: {near:+.2%} and {far:+.2%}")
    print(f"  hottest cell: {hottest:+.2%} with a diffuser, {mesh_error(bare)[-1]:+.2%} with a bare fibre")


if __name__ == "__main__":
    main()
