"""The linear tier: a few exponentials instead of a field, for many treatments or for a regulator's own model.

While nothing coagulates and perfusion stays what it is, tissue answers its light linearly. Then the rise per W after
switching on, at any place and for any sum over the tissue, is very nearly

    g(t) = Σ gⱼ (1 − e^(−t/τⱼ))

with the same τⱼ everywhere. The gains gⱼ are fitted to the step response of another tier; after that any power that is
constant over each step of 0.1 s is answered exactly: xⱼ ← P + (xⱼ − P)·e^(−0.1 s/τⱼ), rise = Σ gⱼ xⱼ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from imilt.plan import Plan
from imilt_sim.tissue import damage
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.interface import TISSUE_STEP_S, Energy
from imilt_sim.tissue.mesh import Bools, Floats, Mesh
from imilt_sim.tissue.probes import place

MODES = 16
"""Exponentials, a multiple of 4; 12 give a bound of the error about five times as large, 20 hardly a smaller one."""
SHORTEST_S, LONGEST_S = (0.1, 0.2, 0.35, 0.6), (1500.0, 2500.0)
"""Ends of the ranges of time constants that are tried; between them they are spread evenly in the logarithm."""
SAMPLES = 240
SMALL_W = 0.01
"""Too little to change the tissue: what it answers is linear."""
HORIZON_S = 5400.0
"""The step response is followed for as long as a plan may emit, 90 min; the bound holds as long."""


def sample_steps(horizon_s: float = HORIZON_S) -> np.ndarray:
    """Steps after which the step response is read, rising, spread evenly in the logarithm; whole numbers."""
    return np.unique(np.round(np.geomspace(1, horizon_s / TISSUE_STEP_S, SAMPLES)).astype(int))


def step_basis(times_s: Floats, constants_s: Floats) -> Floats:
    """1 − e^(−t/τ), (times, modes)."""
    return -np.expm1(-times_s[:, None] / constants_s)


def integral_basis(times_s: Floats, constants_s: Floats) -> Floats:
    """The integral over time of `step_basis`, s, (times, modes)."""
    return times_s[:, None] - constants_s * step_basis(times_s, constants_s)


def gains(basis: Floats, responses: Floats) -> Floats:
    """Least squares: basis (times, modes) · gains (modes, n) ≈ responses (times, n)."""
    return np.asarray(np.linalg.lstsq(basis, responses, rcond=1e-12)[0], float)


def worst_error(basis: Floats, fitted: Floats, responses: Floats) -> Floats:
    """Bound per W, (n,), of the error under any power between 0 and 1 W whatever its course, as long as `responses`.

    The error is the step response's error e, convolved with the power: it cannot exceed the larger of the sums of all
    rises and of all falls of e. The samples stand for its course between them.
    """
    error = np.diff(np.vstack((np.zeros(responses.shape[1]), basis @ fitted - responses)), axis=0)
    return np.maximum(np.maximum(error, 0.0).sum(axis=0), np.maximum(-error, 0.0).sum(axis=0))


@dataclass(frozen=True)
class Modes:
    """Time constants (m,), s; gains (m, n), °C per W at n places; and the bound of the error there, °C per W, (n,)."""

    constants_s: Floats
    gains_c_per_w: Floats
    bound_c_per_w: Floats

    @property
    def keep(self) -> Floats:
        """What is left of each mode's distance from the power after one step, (m,)."""
        return np.exp(-TISSUE_STEP_S / self.constants_s)


def fit(times_s: Floats, rises_c_per_w: Floats, modes: int = MODES) -> Modes:
    """The modes of a step response, (times, n), whose largest bound is smallest of all ranges tried.

    The ranges are tried on every eighth of the places.
    """
    ranges = [np.geomspace(shortest, longest, modes) for shortest in SHORTEST_S for longest in LONGEST_S]
    some = rises_c_per_w[:, ::8]
    best = min(ranges, key=lambda constants_s: _fit(times_s, some, constants_s).bound_c_per_w.max())
    return _fit(times_s, rises_c_per_w, best)


def _fit(times_s: Floats, rises_c_per_w: Floats, constants_s: Floats) -> Modes:
    basis = step_basis(times_s, constants_s)
    fitted = gains(basis, rises_c_per_w)
    return Modes(constants_s, fitted, worst_error(basis, fitted, rises_c_per_w))


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def march(keep, gains, state, power_w, every, rises):
    """Rises (reads, points, treatments) of many treatments, read after every `every` steps.

    The treatment is the fastest index: state (modes, treatments), power_w (steps, treatments). gains: (points, modes).
    """
    modes, treatments = state.shape
    rises[:] = 0.0
    for n in range(power_w.shape[0]):
        power = power_w[n]
        for j in range(modes):
            left, row = keep[j], state[j]
            for i in range(treatments):
                row[i] = power[i] + left * (row[i] - power[i])
        if (n + 1) % every == 0:
            read = rises[(n + 1) // every - 1]
            for p in range(gains.shape[0]):
                out = read[p]
                for j in range(0, modes, 4):  # four at once: a sum is loaded and stored a quarter as often
                    a, b, c, d = gains[p, j], gains[p, j + 1], gains[p, j + 2], gains[p, j + 3]
                    e, f, g, h = state[j], state[j + 1], state[j + 2], state[j + 3]
                    for i in range(treatments):
                        out[i] += a * e[i] + b * f[i] + c * g[i] + d * h[i]


@dataclass(frozen=True)
class Answers:
    """Step responses of the axisymmetric tier per W: rises (times, nr · nz), °C, and energies (times, 5), J."""

    times_s: Floats
    rises: Floats
    energies: Floats

    @classmethod
    def of(cls, tissue: Axisymmetric, horizon_s: float = HORIZON_S) -> Answers:
        """Of a tissue at rest, which is warmed a little by this."""
        steps = sample_steps(horizon_s)
        rises, energies = np.empty((len(steps), tissue.rise.size)), np.empty((len(steps), 5))
        for n, span in enumerate(np.diff(steps, prepend=0)):
            tissue.advance(int(span), SMALL_W)
            rises[n], energies[n] = tissue.rise.ravel() / SMALL_W, np.array(tissue.energy_j()[1:]) / SMALL_W
        return cls(steps * TISSUE_STEP_S, rises, energies)


class Linear:
    """The linear tier of one patient (interface.Tissue), on the axisymmetric tier's cells.

    Right as long as nothing coagulates and normal tissue is not warm enough for more perfusion. `modes.bound_c_per_w`
    tells for each cell how far it can then be from the axisymmetric tier, for 90 min of any power up to 1 W.
    """

    def __init__(self, plan: Plan) -> None:
        tissue = Axisymmetric.of(plan)
        self.mesh: Mesh = tissue.mesh
        self.body_c = tissue.body_c
        self._tissue_mm3 = self.mesh.volume_mm3 * ~tissue.inside_fibre
        self._tumour_mm3 = self.mesh.volume_mm3 * tissue.tumour_fraction
        self.inside_fibre: Bools = tissue.inside_fibre
        self.fluence_w_cm2: Floats = tissue.light.fluence_w_cm2
        self._fluence_sites = tissue.sites
        answers = Answers.of(tissue)
        self.modes = fit(answers.times_s, answers.rises)
        self._fit_energies(answers)
        self._hottest = self.modes.gains_c_per_w[:, np.unique(answers.rises.argmax(axis=1))]
        self._peak = 0.0
        self._state, self._history = np.zeros(len(self.modes.constants_s)), list[tuple[int, float]]()

    def _fit_energies(self, answers: Answers) -> None:
        """Stored energy follows the modes, what flows out follows their integral over time, light the energy given."""
        constants_s = self.modes.constants_s
        self._stored = gains(step_basis(answers.times_s, constants_s), answers.energies[:, :1])[:, 0]
        self._lost = gains(integral_basis(answers.times_s, constants_s), answers.energies[:, 1:3])
        self._escaping = float(answers.energies[-1, 4] / answers.times_s[-1])

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """See interface.Tissue; one fibre. Takes as long for one step as for many."""
        power_w = float(power_w)
        if not (steps >= 0 and 0.0 <= power_w < math.inf):
            raise ValueError(f"advance({steps}, {power_w}): both must be 0 or more, and finite")
        left = self.modes.keep**steps
        self._state = power_w + left * (self._state - power_w)
        self._peak = max(self._peak, float((self._state @ self._hottest).max()))
        if self._history and self._history[-1][1] == power_w:
            steps += self._history.pop()[0]
        self._history.append((steps, power_w))

    def sites(self, points_mm: Floats) -> LinearSites:
        """See interface.Tissue."""
        return LinearSites(self, np.atleast_2d(points_mm), self._fluence_sites(points_mm).fluence_w_cm2())

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now, °C, (nr, nz)."""
        return (self._state @ self.modes.gains_c_per_w).reshape(self.mesh.shape)

    def state_w(self) -> Floats:
        """The modes now: each is the power, smoothed over its time constant, (m,)."""
        return self._state

    @property
    def tissue_max_c(self) -> float:
        """Hottest cell at the end of any call of `advance`."""
        return self.body_c + self._peak

    def _seconds(self) -> Iterator[Floats]:
        """Rises after every second so far, a few hundred seconds at a time, (seconds, nr · nz)."""
        powers = np.repeat([power for _, power in self._history], [steps for steps, _ in self._history])
        per_second = round(1 / TISSUE_STEP_S)
        modes = np.zeros((len(powers) // per_second, len(self._state), 1))
        if len(modes):
            march(
                self.modes.keep, np.eye(len(self._state)), np.zeros_like(modes[0]), powers[:, None], per_second, modes
            )
        for start in range(0, len(modes), 200):
            yield modes[start : start + 200, :, 0] @ self.modes.gains_c_per_w

    def _harm(self) -> dict[str, Floats]:
        """The measures of harm as Axisymmetric.field names them, (nr · nz,), worked out from the start."""
        names = "peak_c", "cem43_min", "omega_skin", "omega_bhk", "omega_delayed", "shell_s"
        harm = {name: np.zeros(self.mesh.volume_mm3.size) for name in names}
        harm["peak_c"] += self.body_c
        delay = np.zeros(self.mesh.volume_mm3.size)
        for rises in self._seconds():
            celsius = self.body_c + rises
            passed = delay + np.cumsum(damage.DELAY.rates_per_s(celsius), axis=0)
            delay = passed[-1]
            harm["peak_c"] = np.maximum(harm["peak_c"], celsius.max(axis=0))
            harm["cem43_min"] += damage.cem43_rate(celsius).sum(axis=0) / 60
            harm["omega_skin"] += damage.SKIN.rates_per_s(celsius).sum(axis=0)
            harm["omega_bhk"] += damage.BHK.rates_per_s(celsius).sum(axis=0)
            harm["omega_delayed"] += np.sum(damage.DELAYED.rates_per_s(celsius) * (passed >= 1.0), axis=0)
            harm["shell_s"] += np.sum((celsius >= damage.SHELL_C[0]) & (celsius <= damage.SHELL_C[1]), axis=0)
        return harm

    def volumes_mm3(self) -> dict[str, float]:
        """See Axisymmetric.volumes_mm3; nothing dries or chars here. Worked out anew from the start."""
        harm = self._harm()
        regions = {
            "ablated": harm["omega_skin"] >= 1.0,
            "delayed": harm["omega_delayed"] >= 1.0,
            "cem43_240": harm["cem43_min"] >= damage.LETHAL_CEM43_MIN,
            "sparing_shell": harm["shell_s"] >= damage.SHELL_S,
            "dried": np.zeros(self.mesh.volume_mm3.size, bool),
            "charred": np.zeros(self.mesh.volume_mm3.size, bool),
        }
        return damage.volumes(regions, self._tissue_mm3.ravel(), self._tumour_mm3.ravel())

    def field(self) -> dict[str, Floats]:
        """As Axisymmetric.field. Worked out anew from the start."""
        return {
            "r_mm": self.mesh.r.copy(),
            "z_mm": self.mesh.z.copy(),
            "temperature_c": self.body_c + self.rise,
            "volume_mm3": self.mesh.volume_mm3.copy(),
            "fluence_w_cm2": self.fluence_w_cm2.copy(),
            "dried": np.zeros(self.mesh.shape),
            **{name: values.reshape(self.mesh.shape) for name, values in self._harm().items()},
        }

    def energy_j(self) -> Energy:
        """See interface.Tissue."""
        given = sum(steps * power for steps, power in self._history) * TISSUE_STEP_S
        blood, walls = (given - self.modes.constants_s * self._state) @ self._lost
        return Energy(given, float(self._state @ self._stored), float(blood), float(walls), 0.0, given * self._escaping)


class LinearSites:
    """interface.Sites of this tier; `bound_c_per_w` (n,) as Modes has it."""

    def __init__(self, tissue: Linear, points_mm: Floats, fluence_w_cm2: Floats) -> None:
        self._tissue, self._fluence = tissue, fluence_w_cm2
        corners, weights = place(tissue.mesh, np.stack((np.hypot(*points_mm[:, :2].T), points_mm[:, 2]), axis=-1))
        self.gains_c_per_w: Floats = self._between(tissue.modes.gains_c_per_w, corners, weights)
        """(modes, n), as `march` takes it when transposed."""
        self.bound_c_per_w: Floats = self._between(tissue.modes.bound_c_per_w[None], corners, weights)[0]

    def _between(self, rows: Floats, corners: np.ndarray, weights: Floats) -> Floats:
        padded = np.pad(rows.reshape(-1, *self._tissue.mesh.shape), ((0, 0), (1, 1), (1, 1)))
        return np.sum(weights * padded.reshape(len(rows), -1)[:, corners], axis=-1)

    def temperature_c(self) -> Floats:
        """See interface.Sites."""
        return self._tissue.body_c + self._tissue.state_w() @ self.gains_c_per_w

    def fluence_w_cm2(self) -> Floats:
        """See interface.Sites; of fresh tissue."""
        return self._fluence.copy()
