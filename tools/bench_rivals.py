"""One solver of the bio-heat equation at a time, in a process of its own: `make bench-tissue` starts it.

Requests and answers are lines of JSON. All solvers get the same problem, a Gaussian source with perfusion that is
switched on at 0, and are free to choose scheme, step and, where the grid is theirs, cells; the caller says which.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
import time
from typing import Any, Protocol

import numpy as np
from numba import njit, prange

RADIUS_MM, HALF_MM = 30.0, 30.0
"""Of the cylinder."""
NEAR_MM = 15.0
"""Errors are taken over the volume within this distance of the source's middle."""


class Solver(Protocol):
    """What is compared. Made with figures of the problem and a configuration; at rest then."""

    def advance(self, seconds: float) -> None:
        """With the source on."""
        ...

    def sample(self) -> tuple[Any, Any, Any]:
        """Distances from the middle in mm, rises in °C and volumes, all flat."""
        ...


def fitted(figures: dict[str, float], dt: float) -> tuple[float, float]:
    """Loss and heating factor of a step that make it exact where the field is flat."""
    loss = 1 - np.exp(-figures["loss_per_s"] * dt)
    return float(loss), float(loss / figures["loss_per_s"])


def cube_distance(n: int) -> Any:
    """Of n³ cells of 1 mm, (n, n, n)."""
    x = np.arange(n) - (n - 1) / 2
    return np.sqrt(x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2)


def heating(figures: dict[str, float], r: Any) -> Any:
    """°C/s."""
    width = figures["width_mm"]
    density = np.exp(-(r**2) / (2 * width**2)) / (2 * np.pi * width**2) ** 1.5
    return figures["power_w"] / figures["capacity_j_mm3_k"] * density


@njit(cache=True, error_model="numpy", inline="never")
def scale_and_add(new: Any, old: Any, keep: Any, heat: Any) -> None:
    """One part of `stream`."""
    for i in range(len(new)):
        new[i] = keep[i] * old[i] + heat[i]


class OursCubes:
    """The 3-D tier's own step."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        from imilt_sim.tissue.verify3d import LinearCubes

        self.r, self.dt = cube_distance(n), dt
        loss = np.full(self.r.shape, figures["loss_per_s"])
        self.cubes = LinearCubes(loss, heating(figures, self.r), figures["diffusivity_mm2_s"], dt)

    def advance(self, seconds: float) -> None:
        """See Solver."""
        self.cubes.advance(round(seconds / self.dt))

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.r.ravel(), self.cubes.rise.ravel(), np.ones(self.r.size)


class Stream:
    """What the machine allows: the arrays of a 3-D step, read and written in the same loop, without the neighbours."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        from numba import get_num_threads

        from imilt_sim.tissue.fields3d import new_fields

        self.fields, self.dt, self.threads = new_fields((n, n, n), 4), dt, get_num_threads()
        for field in self.fields:
            field[:] = 1e-3  # what was never written lies all in one page

    def advance(self, seconds: float) -> None:
        """See Solver."""
        new, old, keep, heat = self.fields
        for _ in range(round(seconds / self.dt)):
            stream(new, old, keep, heat, self.threads)

    def sample(self) -> tuple[Any, Any, Any]:
        """Nothing: it solves nothing."""
        raise NotImplementedError("the stream has no temperatures")


@njit(cache=True, error_model="numpy", parallel=True)
def stream(new: Any, old: Any, keep: Any, heat: Any, threads: int) -> None:
    """new = keep·old + heat."""
    flat = new.reshape(-1), old.reshape(-1), keep.reshape(-1), heat.reshape(-1)
    cells = len(flat[0])
    for part in prange(threads):
        first, last = cells * part // threads, cells * (part + 1) // threads
        scale_and_add(flat[0][first:last], flat[1][first:last], flat[2][first:last], flat[3][first:last])


class Cubes:
    """What the other 3-D solvers share: a step that is exact where the field is flat."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        self.n, self.r = n, cube_distance(n)
        self.dt, self.steps = dt, 0
        loss, factor = fitted(figures, dt)
        self.spread = figures["diffusivity_mm2_s"] * dt
        self.keep = 1 - 6 * self.spread - loss
        # A crumb, or numbers far out would be so small that the processor takes ten times as long.
        self.heat = (heating(figures, self.r) * factor + 1e-30).astype(np.float32)

    def sampled(self, field: Any) -> tuple[Any, Any, Any]:
        """As Solver.sample."""
        return self.r.ravel(), np.asarray(field, float).ravel(), np.ones(self.r.size)


class NumpyCubes(Cubes):
    """The same step, array by array."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        super().__init__(figures, n, dt)
        self.old, self.new = np.zeros((2, n + 2, n + 2, n + 2), np.float32)
        self.sum = np.empty((n, n, n), np.float32)

    def advance(self, seconds: float) -> None:
        """See Solver."""
        total, keep, spread = self.sum, np.float32(self.keep), np.float32(self.spread)
        for _ in range(round(seconds / self.dt)):
            t, inner = self.old, self.new[1:-1, 1:-1, 1:-1]
            np.add(t[2:, 1:-1, 1:-1], t[:-2, 1:-1, 1:-1], out=total)
            for neighbour in (t[1:-1, 2:, 1:-1], t[1:-1, :-2, 1:-1], t[1:-1, 1:-1, 2:], t[1:-1, 1:-1, :-2]):
                total += neighbour
            total *= spread
            np.multiply(t[1:-1, 1:-1, 1:-1], keep, out=inner)
            inner += total
            inner += self.heat
            self.old, self.new = self.new, self.old

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.sampled(self.old[1:-1, 1:-1, 1:-1])


class DevitoCubes(Cubes):
    """The same step as C code that Devito writes, tunes and compiles."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        super().__init__(figures, n, dt)
        devito: Any = importlib.import_module("devito")
        devito.configuration["log-level"] = "ERROR"
        devito.configuration["language"] = "openmp"
        grid = devito.Grid(shape=(n, n, n), extent=(n - 1.0,) * 3, dtype=np.float32)
        self.u = devito.TimeFunction(name="u", grid=grid, time_order=1, space_order=2)
        heat = devito.Function(name="heat", grid=grid)
        heat.data[:] = self.heat
        around = sum(self.u.subs(d, d + side * d.spacing) for d in grid.dimensions for side in (-1, 1))
        new = np.float32(self.keep) * self.u + np.float32(self.spread) * around + heat
        self.operator = devito.Operator([devito.Eq(self.u.forward, new)])

    def advance(self, seconds: float) -> None:
        """See Solver."""
        count = round(seconds / self.dt)
        self.operator.apply(time_m=self.steps, time_M=self.steps + count - 1)
        self.steps += count

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.sampled(self.u.data[self.steps % 2])


class Pde:
    """py-pde, compiled by its numba backend, with explicit Euler steps; no other of its schemes was faster."""

    def __init__(self, figures: dict[str, float], grid: Any, r: Any, dt: float) -> None:
        self.pde: Any = importlib.import_module("pde")
        source = self.pde.ScalarField(grid, heating(figures, r))
        rule = f"{figures['diffusivity_mm2_s']} * laplace(c) - {figures['loss_per_s']} * c + q"
        equation = self.pde.PDE({"c": rule}, consts={"q": source}, bc=self.bc())
        self.state, self.t, self.r = self.pde.ScalarField(grid, 0.0), 0.0, r
        solver = self.pde.EulerSolver(equation, backend="numba", adaptive=False)
        self.stepper = solver.make_stepper(self.state, dt)

    def bc(self) -> Any:
        """At the outer walls."""
        return {"value": 0}

    def advance(self, seconds: float) -> None:
        """See Solver."""
        self.t = self.stepper(self.state, self.t, self.t + seconds)


class PdeCubes(Pde):
    """In 3-D."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        pde: Any = importlib.import_module("pde")
        super().__init__(figures, pde.CartesianGrid([[-n / 2, n / 2]] * 3, [n] * 3), cube_distance(n), dt)

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.r.ravel(), self.state.data.ravel(), np.ones(self.r.size)


def ring_centres(cell_mm: float) -> tuple[Any, Any]:
    """r and z of cells, (nr, nz) together."""
    nr, nz = round(RADIUS_MM / cell_mm), round(2 * HALF_MM / cell_mm)
    r = (np.arange(nr) + 0.5) * cell_mm
    z = (np.arange(nz) + 0.5) * cell_mm - HALF_MM
    return r[:, None] + 0 * z, 0 * r[:, None] + z


class PdeRings(Pde):
    """In a cylinder."""

    def __init__(self, figures: dict[str, float], cell_mm: float, dt: float) -> None:
        pde: Any = importlib.import_module("pde")
        self.rho, z = ring_centres(cell_mm)
        grid = pde.CylindricalSymGrid(RADIUS_MM, [-HALF_MM, HALF_MM], self.rho.shape)
        super().__init__(figures, grid, np.hypot(self.rho, z), dt)

    def bc(self) -> Any:
        """At the axis nothing flows."""
        return {"r-": {"derivative": 0}, "r+": {"value": 0}, "z": {"value": 0}}

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.r.ravel(), self.state.data.ravel(), self.rho.ravel()


class Fipy:
    """FiPy with Crank–Nicolson steps: its Euler steps would have to be several times shorter."""

    def __init__(self, figures: dict[str, float], mesh: Any, r: Any, dt: float) -> None:
        fipy: Any = importlib.import_module("fipy")
        self.dt, self.r = dt, r
        self.rise = fipy.CellVariable(mesh=mesh, value=0.0)
        source = fipy.CellVariable(mesh=mesh, value=heating(figures, r))
        alpha, half = figures["diffusivity_mm2_s"], figures["loss_per_s"] / 2
        implicit = 0.5 * fipy.DiffusionTerm(alpha) - fipy.ImplicitSourceTerm(half)
        explicit = 0.5 * fipy.ExplicitDiffusionTerm(alpha) - half * self.rise + source
        self.equation = fipy.TransientTerm() == implicit + explicit
        self.solver = fipy.LinearCGSolver(tolerance=1e-5)

    def advance(self, seconds: float) -> None:
        """See Solver."""
        for _ in range(round(seconds / self.dt)):
            self.equation.solve(self.rise, dt=self.dt, solver=self.solver)


class FipyCubes(Fipy):
    """In 3-D."""

    def __init__(self, figures: dict[str, float], n: int, dt: float) -> None:
        fipy: Any = importlib.import_module("fipy")
        mesh = fipy.Grid3D(dx=1.0, dy=1.0, dz=1.0, nx=n, ny=n, nz=n)
        super().__init__(figures, mesh, cube_distance(n).ravel(), dt)
        self.rise.constrain(0.0, mesh.exteriorFaces)

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.r, self.rise.value, np.ones(self.r.size)


class FipyRings(Fipy):
    """In a cylinder."""

    def __init__(self, figures: dict[str, float], cell_mm: float, dt: float) -> None:
        fipy: Any = importlib.import_module("fipy")
        nr, nz = round(RADIUS_MM / cell_mm), round(2 * HALF_MM / cell_mm)
        mesh = fipy.CylindricalGrid2D(dr=cell_mm, dz=cell_mm, nr=nr, nz=nz)
        rho, z = np.asarray(mesh.cellCenters.value)
        super().__init__(figures, mesh, np.hypot(rho, z - HALF_MM), dt)
        self.volumes = rho
        for faces in (mesh.facesRight, mesh.facesTop, mesh.facesBottom):
            self.rise.constrain(0.0, faces)

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        return self.r, self.rise.value, self.volumes


class FemRings:
    """scikit-fem: quadratic quadrilaterals, Crank–Nicolson, one factorisation for all steps."""

    def __init__(self, figures: dict[str, float], cell_mm: float, dt: float) -> None:
        fem: Any = importlib.import_module("skfem")
        r = np.linspace(0, RADIUS_MM, round(RADIUS_MM / cell_mm) + 1)
        z = np.linspace(-HALF_MM, HALF_MM, round(2 * HALF_MM / cell_mm) + 1)
        self.basis = fem.Basis(fem.MeshQuad.init_tensor(r, z), fem.ElementQuad2())
        alpha, loss = figures["diffusivity_mm2_s"], figures["loss_per_s"]
        self.mass = fem.BilinearForm(lambda u, v, w: u * v * w.x[0])
        self.rate = fem.BilinearForm(
            lambda u, v, w: (alpha * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1]) + loss * u * v) * w.x[0]
        )
        load = fem.LinearForm(lambda v, w: heating(figures, np.hypot(*w.x)) * v * w.x[0]).assemble(self.basis)
        x = self.basis.doflocs
        self.inner = np.flatnonzero((x[0] < RADIUS_MM - 1e-9) & (np.abs(x[1]) < HALF_MM - 1e-9))
        self.dt, self.load = dt, dt * load[self.inner]
        self.rise = np.zeros(len(self.inner))
        self.assemble()

    def assemble(self) -> None:
        """The matrices of a step."""
        linalg: Any = importlib.import_module("scipy.sparse.linalg")
        mass, rate = self.mass.assemble(self.basis), self.rate.assemble(self.basis)
        left, right = mass + self.dt / 2 * rate, mass - self.dt / 2 * rate
        self.solve = linalg.splu(left[self.inner][:, self.inner].tocsc()).solve
        self.right = right[self.inner][:, self.inner].tocsr()

    def advance(self, seconds: float) -> None:
        """See Solver."""
        for _ in range(round(seconds / self.dt)):
            self.rise = self.solve(self.right @ self.rise + self.load)

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        whole = np.zeros(self.basis.N)
        whole[self.inner] = self.rise
        x = np.asarray(self.basis.global_coordinates().value)
        rise = np.asarray(self.basis.interpolate(whole).value)
        return np.hypot(*x).ravel(), rise.ravel(), (self.basis.dx * x[0]).ravel()


@functools.cache
def _loop(step: Any) -> Any:
    """Many steps in one call."""

    @njit
    def march(cells: Any, lines: Any, by_heat: Any, numbers: Any, dt: float, power: float, steps: int) -> None:
        for _ in range(steps):
            step(cells, lines, by_heat, numbers, dt, power)

    return march


class FemRingsAnew(FemRings):
    """The same with the matrix assembled and factorised in every step, as it must be once properties change."""

    def advance(self, seconds: float) -> None:
        """See Solver."""
        for _ in range(round(seconds / self.dt)):
            self.assemble()
            super().advance(self.dt)


class OursRings:
    """The axisymmetric tier's own step, on equal cells."""

    def __init__(self, figures: dict[str, float], cell_mm: float, dt: float) -> None:
        from imilt.plan import Tissue
        from imilt_sim.tissue import kernel
        from imilt_sim.tissue.heat import new_state
        from imilt_sim.tissue.laws import Laws
        from imilt_sim.tissue.mesh import uniform_mesh

        mesh = uniform_mesh(RADIUS_MM, HALF_MM, cell_mm)
        self.dt, self.rise, step = dt, kernel.RISE, kernel.step

        self.march = _loop(step)
        self.state = new_state(mesh, Laws.of(Tissue()))
        loss, factor = fitted(figures, dt)
        self.r, self.volumes = np.hypot(mesh.r[:, None], mesh.z), mesh.volume_mm3
        capacity = figures["capacity_j_mm3_k"]
        self.state.inner(kernel.LOSS)[:] = loss / dt * capacity
        # A thousandth of the power: nothing gets warm enough to bend a law.
        self.state.inner(kernel.HEATING)[:] = heating(figures, self.r) * (factor / dt * capacity / 1000)
        kernel.refresh_all(*self.state)
        if dt > 1 / self.state.numbers[kernel.RATE]:
            raise ValueError(f"a step of {dt} s is unstable")

    def advance(self, seconds: float) -> None:
        """See Solver."""
        state = self.state
        self.march(state.cells, state.lines, state.by_heat, state.numbers, self.dt, 1.0, round(seconds / self.dt))

    def sample(self) -> tuple[Any, Any, Any]:
        """See Solver."""
        rise = self.state.inner(self.rise) * 1000
        return self.r.ravel(), rise.ravel(), self.volumes.ravel()


SOLVERS: dict[str, Any] = {
    "stream": Stream,
    "imilt": OursCubes,
    "numpy": NumpyCubes,
    "Devito": DevitoCubes,
    "py-pde": PdeCubes,
    "FiPy": FipyCubes,
    "imilt, rings": OursRings,
    "scikit-fem, rings": FemRings,
    "scikit-fem, rings, matrix anew": FemRingsAnew,
    "py-pde, rings": PdeRings,
    "FiPy, rings": FipyRings,
}


def rms(solver: Solver, truth_r: Any, truth_c: Any) -> float:
    """Volume-weighted error within NEAR_MM, °C."""
    r, rise, volumes = solver.sample()
    near = r < NEAR_MM
    wrong = rise[near] - np.interp(r[near], truth_r, truth_c)
    return float(np.sqrt(np.sum(volumes[near] * wrong**2) / np.sum(volumes[near])))


class Bench:
    """What this process answers."""

    def __init__(self) -> None:
        self.solver: Any = None

    def make(self, name: str, config: list[float], figures: dict[str, float], first_s: float) -> dict[str, Any]:
        """A solver at rest; tells how long making one and its first steps took."""
        start = time.perf_counter()
        self.solver = SOLVERS[name](figures, *config)
        self.solver.advance(first_s)
        made_s = time.perf_counter() - start
        self.solver = SOLVERS[name](figures, *config)
        return {"first_s": made_s}

    def advance(self, seconds: float) -> dict[str, Any]:
        """Wall time of so many simulated seconds."""
        start = time.perf_counter()
        self.solver.advance(seconds)
        return {"wall_s": time.perf_counter() - start}

    def error(self, truth_r: list[float], truth_c: list[float]) -> dict[str, Any]:
        """RMS error now, °C."""
        return {"rms_c": rms(self.solver, np.array(truth_r), np.array(truth_c))}

    def version(self, package: str) -> dict[str, Any]:
        """Of a package here."""
        metadata = importlib.import_module("importlib.metadata")
        return {"version": metadata.version(package)}


def main() -> None:
    bench, answers = Bench(), sys.stdout
    sys.stdout = sys.stderr  # some of the packages talk
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(bench, request.pop("do"))(**request)
        except Exception as error:  # told to the caller, who shows it in the table
            answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
