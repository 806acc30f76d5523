"""Exact solutions in an infinite medium, to hold the numerical ones against: lengths in mm, rises in °C."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad, quad_vec
from scipy.special import k0, k1

from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.light import PER_MM, W_CM2, Optics
from imilt_sim.tissue.mesh import Floats


def gaussian_rise(r_mm: Floats, t_s: float, width_mm: float, medium: Medium, loss_per_s: float) -> Floats:
    """Rise at time t per W of a Gaussian source of standard deviation `width_mm`, switched on at 0, with perfusion."""

    def spread(u: float) -> Floats:
        variance = width_mm**2 + 2 * medium.diffusivity_mm2_s * u
        return np.exp(-loss_per_s * u - r_mm**2 / (2 * variance)) / (2 * np.pi * variance) ** 1.5

    return quad_vec(spread, 0.0, t_s, epsrel=1e-10)[0] / medium.capacity_j_mm3_k


def point_rise(r_mm: Floats, optics: Optics, medium: Medium, loss_per_s: float) -> Floats:
    """Steady rise per W of a point source of light that spreads by diffusion: absorbed density µ² e^(−µr) / (4πr)."""
    mu = optics.effective_per_cm * PER_MM
    beta = np.sqrt(loss_per_s / medium.diffusivity_mm2_s)
    scale = mu**2 / (4 * np.pi * medium.conductivity_w_mm_k * (mu**2 - beta**2))
    return scale * (np.exp(-beta * r_mm) - np.exp(-mu * r_mm)) / r_mm


def point_fluence(r_mm: Floats, optics: Optics) -> Floats:
    """Fluence rate per W at r from a point source, W/cm²: e^(−µr) / (4πDr)."""
    mu, diffusion = optics.effective_per_cm * PER_MM, optics.diffusion_cm / PER_MM
    return W_CM2 * np.exp(-mu * r_mm) / (4 * np.pi * diffusion * r_mm)


def line_fluence(r_mm: float, z_mm: float, length_mm: float, optics: Optics) -> float:
    """Fluence rate per W of a line source of finite length, centred on the origin, W/cm²."""

    def element(s: float) -> float:
        return float(point_fluence(np.hypot(r_mm, z_mm - s), optics)) / length_mm

    return quad(element, -length_mm / 2, length_mm / 2, epsrel=1e-9, points=[z_mm])[0]


def cylinder_fluence(r_mm: Floats, radius_mm: float, optics: Optics) -> Floats:
    """Fluence rate per W/mm of an endless cylinder that emits from its surface and lets nothing back in, W/cm²."""
    mu, diffusion = optics.effective_per_cm * PER_MM, optics.diffusion_cm / PER_MM
    return W_CM2 * k0(mu * r_mm) / (2 * np.pi * radius_mm * diffusion * mu * k1(mu * radius_mm))
