"""How the heat of light absorbed by a thermocouple leaves it: radial conduction, as a sum of exponentials.

After the light is off, a single exponential would be gone within a second. Heat conducted into tissue is not: of a
bead's it leaves as 1/√t, of a long needle's hardly faster than a logarithm. The exact solutions used here are those of
heat released on a surface in an infinite perfused medium, whose heat capacity the metal shares (copper, constantan and
steel 3.4 to 3.9 J/cm³/K, tissue 3.4):

- bead, a sphere of radius a:      g(t) ~ e^(−wt) (1 − e^(−a²/αt)) / √t
- needle, a cylinder of radius a, lit along a Gaussian of standard deviation s:
                                   g(t) ~ e^(−wt) e^(−x) I0(x) / t / √(1 + 2αt/s²),   x = a²/2αt

g is the surface's answer to a pulse of absorbed light, and F(t) = ∫ₜ g / ∫₀ g the fraction of the steady self-heating
that is left t after dark (Carslaw & Jaeger, Conduction of heat in solids, 10.3: instantaneous surface sources).
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.optimize import nnls
from scipy.special import i0e

from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.kernel import GRID_S, N_TAILS
from imilt_sim.tissue.mesh import Floats

NEEDLE_LIT_MM = 1.8
"""Standard deviation of light along a needle that passes a point-like source at r = 2.2 mm: √(r / (µeff + 1/r))."""
FASTEST_S, GROWTH = 0.01, 4.0
"""Time constants of the exponentials: half a grid point, and the ratio of neighbours. The slowest is 44 min."""
TIME_CONSTANTS_S: Floats = FASTEST_S * GROWTH ** np.arange(N_TAILS, dtype=np.float64)
_FITTED_S = np.concatenate(([0.0], np.geomspace(GRID_S, 1000.0, 200)))


def pulse_answer(kind: str, radius_mm: float, medium: Medium, loss_per_s: float, t_s: Floats) -> Floats:
    """g(t) of a bead or needle, not normalised; `loss_per_s` is the fraction of its rise that tissue loses to blood."""
    spread_mm2 = medium.diffusivity_mm2_s * t_s
    if kind == "bead":
        return np.exp(-loss_per_s * t_s) * -np.expm1(-(radius_mm**2) / spread_mm2) / np.sqrt(t_s)
    along = np.sqrt(1 + 2 * spread_mm2 / NEEDLE_LIT_MM**2)
    return np.exp(-loss_per_s * t_s) * i0e(radius_mm**2 / (2 * spread_mm2)) / t_s / along


def left_after_dark(kind: str, radius_mm: float, medium: Medium, loss_per_s: float, dark_s: Floats) -> Floats:
    """F: fraction of the steady self-heating that is left after these times without light, s >= 0."""
    log_t = np.linspace(np.log(1e-9), np.log(1e13), 5001)
    t_s = np.exp(log_t)
    answered = cumulative_trapezoid(pulse_answer(kind, radius_mm, medium, loss_per_s, t_s) * t_s, log_t, initial=0.0)
    return np.interp(np.log(np.maximum(dark_s, 1e-9)), log_t, 1 - answered / answered[-1])


def shares(kind: str, radius_mm: float, medium: Medium, loss_per_s: float) -> Floats:
    """Share of the steady self-heating that each exponential of TIME_CONSTANTS_S has, (N_TAILS,), >= 0, of sum 1.

    From a grid point on, the sum follows `left_after_dark` to 0.007 for beads of 0.1 mm and more (0.005 from 0.1 s on),
    to 0.011 for one of 0.05 mm, and to 0.009 for needles within the hour.
    """
    wanted = left_after_dark(kind, radius_mm, medium, loss_per_s, _FITTED_S)
    found, _ = nnls(np.exp(-_FITTED_S[:, None] / TIME_CONSTANTS_S), wanted)
    return found / found.sum()
