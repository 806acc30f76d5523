"""Is the code right where tissue changes? Problems with known answers for the laws of laws.py, on kernel.py itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from imilt.plan import Tissue
from imilt_sim.tissue import damage, kernel
from imilt_sim.tissue.heat import State, blood_w_mm3_k, new_state, set_blood
from imilt_sim.tissue.laws import Laws
from imilt_sim.tissue.mesh import Floats, Mesh, uniform_mesh
from imilt_sim.tissue.verify import CELLS_MM, Check

LAWS = Laws.of(Tissue())
PERFUSION_PER_S = 0.016
CUT_C = 1e-3
"""Over which slopes of laws are taken."""

# A solution made up: rise = WARMTH_C (1 − r²/R²) cos(πz/2L) (1 − e^(−t/RISE_S)); the source that it takes is given.
SIZE_MM = 12.0
WARMTH_C = 50.0
RISE_S, HELD_S = 30.0, 60.0


class Shape(NamedTuple):
    """The made-up rise in space: value, ∇² and |∇|², (nr, nz)."""

    value: Floats
    laplace: Floats
    slope2: Floats


def shape(mesh: Mesh) -> Shape:
    """Of the made-up solution, per °C."""
    bowl, wave = 1 - (mesh.r[:, None] / SIZE_MM) ** 2, np.pi / (2 * SIZE_MM)
    cosine, sine = np.cos(wave * mesh.z), np.sin(wave * mesh.z)
    value = bowl * cosine
    slope2 = (2 * mesh.r[:, None] / SIZE_MM**2 * cosine) ** 2 + (wave * bowl * sine) ** 2
    return Shape(value, -4 / SIZE_MM**2 * cosine - wave**2 * value, slope2)


def made_up_source_w_mm3(space: Shape, t_s: float, left: Floats) -> Floats:
    """What the made-up rise takes: c ∂T/∂t − ∇·(k ∇T) + perfusion, `left` being what coagulation leaves of that."""
    dry = np.zeros(space.value.shape)
    grown, growing = WARMTH_C * -np.expm1(-t_s / RISE_S), WARMTH_C / RISE_S * np.exp(-t_s / RISE_S)
    celsius = LAWS.tissue.body_c + grown * space.value
    conductivity = LAWS.conductivity_w_mm_k(celsius, dry)
    bend = (LAWS.conductivity_w_mm_k(celsius + CUT_C, dry) - LAWS.conductivity_w_mm_k(celsius - CUT_C, dry)) / (
        2 * CUT_C
    )
    spread = conductivity * grown * space.laplace + bend * grown**2 * space.slope2
    blood = blood_w_mm3_k(PERFUSION_PER_S * LAWS.perfusion_factor(celsius) * left)
    return LAWS.capacity_j_mm3_k(celsius, dry) * growing * space.value - spread + blood * grown * space.value


def made_up_harm(space: Shape, t_s: float, dt_s: float) -> Floats:
    """Ω of skin that the made-up rise adds from t to t + dt, by Simpson's rule."""
    rates = []
    for t in (t_s, t_s + dt_s / 2, t_s + dt_s):
        kelvin = LAWS.tissue.body_c + 273.15 - WARMTH_C * np.expm1(-t / RISE_S) * space.value
        rates.append(np.exp(np.log(damage.SKIN.a_per_s) - damage.SKIN.e_j_mol / (damage.GAS_J_MOL_K * kelvin)))
    return dt_s / 6 * (rates[0] + 4 * rates[1] + rates[2])


def made_up_errors(mesh: Mesh, dt_s: float) -> tuple[float, float]:
    """RMS and worst error of the made-up solution, °C."""
    state, space = new_state(mesh, LAWS), shape(mesh)
    set_blood(state, np.zeros(mesh.shape), np.full(mesh.shape, PERFUSION_PER_S))
    omega = np.zeros(mesh.shape)
    for n in range(round(HELD_S / dt_s)):
        state.inner(kernel.HEATING)[:] = made_up_source_w_mm3(space, n * dt_s, np.exp(-omega))
        omega += made_up_harm(space, n * dt_s, dt_s)
        step(state, dt_s, 1.0)
    wrong = state.inner(kernel.RISE) + WARMTH_C * np.expm1(-HELD_S / RISE_S) * space.value
    return float(np.sqrt(np.sum(mesh.volume_mm3 * wrong**2) / mesh.volume_mm3.sum())), float(np.abs(wrong).max())


def step(state: State, dt_s: float, power_w: float) -> None:
    """One step of heat, then harm, perfusion and conductivity anew: as often as heat, so that all converge together."""
    cells, lines, by_heat, by_rise, numbers = state
    kernel.step(cells, lines, by_heat, numbers, dt_s, power_w)
    kernel.harm(cells, by_rise, numbers, dt_s)
    kernel.refresh(cells, lines, by_heat, by_rise, numbers)


# A front of boiling from a hot wall. By similarity, T = f(x/2√t): −2η H'(f) f' = (k f')', an ordinary equation.

WALL_C, FRONT_S, DEPTH_MM = 160.0, 60.0, 24.0
FRONT_C = 100.0


FINE_C = np.arange(0.0, WALL_C + 1.0, 0.01)


@cache
def _front() -> Callable[[Floats], Floats]:
    """f(η), by shooting from the wall: the flux there that leaves body temperature at the far end."""
    dried = LAWS.dried(FINE_C)
    conductivity = LAWS.conductivity_w_mm_k(FINE_C, dried)
    capacity = np.gradient(LAWS.enthalpy_j_mm3(FINE_C), FINE_C)  # latent heat included
    end = DEPTH_MM / (2 * np.sqrt(FRONT_S))

    def slopes(eta: float, y: Floats) -> list[float]:
        falls = -y[1] / np.interp(y[0], FINE_C, conductivity)
        return [falls, 2 * eta * np.interp(y[0], FINE_C, capacity) * falls]

    def shot(flux: float) -> Any:
        return solve_ivp(slopes, (0.0, end), [WALL_C, flux], method="LSODA", rtol=1e-9, atol=1e-12, dense_output=True)

    def beyond(flux: float) -> float:
        return float(shot(flux).y[0, -1]) - LAWS.tissue.body_c

    flux = brentq(beyond, 0.05, 5.0, xtol=1e-13)
    found = shot(float(flux))  # pyright: ignore[reportArgumentType]
    return lambda eta: found.sol(eta)[0]


def front(x_mm: Floats, t_s: float = FRONT_S) -> Floats:
    """Temperature at depth x of tissue whose wall is at WALL_C since 0, water boiling off on the way, °C."""
    return _front()(x_mm / (2 * np.sqrt(t_s)))


def front_errors(cell_mm: float) -> tuple[float, float, float]:
    """RMS and worst error, °C, and of the front's depth, mm."""
    count = round(DEPTH_MM / cell_mm)
    mesh = Mesh(np.array([0.0, 1e6]), np.linspace(0.0, DEPTH_MM, count + 1))
    state = new_state(mesh, LAWS)
    state.cells[kernel.RISE, :, 0] = WALL_C - LAWS.tissue.body_c
    dt_s = 0.1 * cell_mm**2
    for _ in range(round(FRONT_S / dt_s)):
        step(state, dt_s, 0.0)
    here, truth = LAWS.tissue.body_c + state.inner(kernel.RISE)[0], front(mesh.z)
    wrong = here - truth
    depths = [np.interp(-FRONT_C, -celsius, mesh.z) for celsius in (here, truth)]
    return float(np.sqrt(np.mean(wrong**2))), float(np.abs(wrong).max()), float(depths[0] - depths[1])


def made_up(cells_mm: tuple[float, ...] = CELLS_MM) -> Check:
    """The made-up solution on uniform cells; the step shrinks with the cell's square."""
    found = [made_up_errors(uniform_mesh(SIZE_MM, SIZE_MM, cell), 0.1 * cell**2) for cell in cells_mm]
    rms, peak = zip(*found, strict=True)
    return Check("made up: k(T), c(T), perfusion by warmth and harm, to 80 °C, 60 s", cells_mm, rms, peak)
