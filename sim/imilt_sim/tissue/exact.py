"""Exact solutions to hold the numerical ones against: lengths in mm, rises above body temperature in °C.

The formulas are those of Carslaw and Jaeger, Conduction of Heat in Solids (1959), with a loss of the rise added: blood
that carries off w' of it per second turns the Laplace operator's eigenvalue λ into λ + w'/α, and β = √(w'/α).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad, quad_vec
from scipy.special import erfc, j0, j1, jn_zeros, k0, k1

from imilt_sim.tissue.heat import Medium
from imilt_sim.tissue.light import PER_MM, W_CM2, Optics
from imilt_sim.tissue.mesh import Floats

TERMS = 200
"""Of each series: the first term left out is below 1e-5 of the first one taken."""


def gaussian_rise(r_mm: Floats, t_s: float, width_mm: float, medium: Medium, loss_per_s: float) -> Floats:
    """Rise at time t per W of a Gaussian source of standard deviation `width_mm`, switched on at 0, with perfusion."""

    def spread(u: float) -> Floats:
        variance = width_mm**2 + 2 * medium.diffusivity_mm2_s * u
        return np.exp(-loss_per_s * u - r_mm**2 / (2 * variance)) / (2 * np.pi * variance) ** 1.5

    return quad_vec(spread, 0.0, t_s, epsrel=1e-10)[0] / medium.capacity_j_mm3_k


def sudden_point_rise(r_mm: Floats, t_s: float, medium: Medium, loss_per_s: float) -> Floats:
    """Rise at time t per W released at a point from 0 on, with perfusion."""
    beta = np.sqrt(loss_per_s / medium.diffusivity_mm2_s)
    reach, faded = r_mm / np.sqrt(4 * medium.diffusivity_mm2_s * t_s), np.sqrt(loss_per_s * t_s)
    waves = np.exp(-beta * r_mm) * erfc(reach - faded) + np.exp(beta * r_mm) * erfc(reach + faded)
    return waves / (8 * np.pi * medium.conductivity_w_mm_k * r_mm)


def point_rise(r_mm: Floats, optics: Optics, medium: Medium, loss_per_s: float) -> Floats:
    """Steady rise per W of a point source of light that spreads by diffusion: absorbed density µ² e^(−µr) / (4πr)."""
    mu = optics.effective_per_cm * PER_MM
    beta = np.sqrt(loss_per_s / medium.diffusivity_mm2_s)
    scale = mu**2 / (4 * np.pi * medium.conductivity_w_mm_k * (mu**2 - beta**2))
    return scale * (np.exp(-beta * r_mm) - np.exp(-mu * r_mm)) / r_mm


def sphere_rise(r_mm: Floats, radius_mm: float, medium: Medium, inside_per_s: float, outside_per_s: float) -> Floats:
    """Steady rise per W spread evenly over a sphere with a perfusion of its own, in an endless other one.

    Inside q/(kβ₁²) + A sinh(β₁r)/r, outside B e^(−β₂(r−a))/r; value and slope meet at the radius a.
    """
    a, k = radius_mm, medium.conductivity_w_mm_k
    b1, b2 = np.sqrt(np.array([inside_per_s, outside_per_s]) / medium.diffusivity_mm2_s)
    even = 3 / (4 * np.pi * a**3 * k * b1**2)
    inner = -even * (1 + b2 * a) / (b1 * np.cosh(b1 * a) + b2 * np.sinh(b1 * a))
    outer = even * a + inner * np.sinh(b1 * a)
    within, beyond = np.minimum(r_mm, a), np.maximum(r_mm, a)
    return np.where(
        r_mm <= a, even + inner * np.sinh(b1 * within) / within, outer * np.exp(-b2 * (beyond - a)) / beyond
    )


def cylinder_rise(
    r_mm: Floats, z_mm: Floats, radius_mm: float, half_mm: float, t_s: float, medium: Medium, loss_per_s: float
) -> Floats:
    """Rise at time t per W spread evenly over a cylinder with walls at 0, (len(r), len(z)); middle at z = 0."""
    zeros = jn_zeros(0, TERMS)
    radial = 2 / (zeros * j1(zeros)) * j0(np.outer(r_mm, zeros / radius_mm))
    waves, axial = _cosines(z_mm, half_mm)
    eigen = np.add.outer((zeros / radius_mm) ** 2, waves**2)
    volume = 2 * np.pi * radius_mm**2 * half_mm
    return radial @ _grown(eigen, t_s, medium, loss_per_s) @ axial.T / (medium.capacity_j_mm3_k * volume)


def box_rise(axes_mm: list[Floats], halves_mm: Floats, t_s: float, medium: Medium, loss_per_s: float) -> Floats:
    """Rise at time t per W spread evenly over a box with walls at 0, on the grid of its axes; middle at the origin."""
    waves, shapes = zip(*(_cosines(x, half, 60) for x, half in zip(axes_mm, halves_mm, strict=True)), strict=True)
    eigen = waves[0][:, None, None] ** 2 + waves[1][None, :, None] ** 2 + waves[2][None, None, :] ** 2
    grown = _grown(eigen, t_s, medium, loss_per_s)
    sums = np.einsum("xa,yb,zc,abc->xyz", *shapes, grown, optimize=True)
    return sums / (medium.capacity_j_mm3_k * 8 * np.prod(halves_mm))


def vessel_rise(
    r_mm: Floats, radius_mm: float, wall_w_mm2_k: float, density_w_mm3: float, medium: Medium, loss_per_s: float
) -> Floats:
    """Steady rise around a long straight vessel whose fluid stays cold, in evenly heated tissue with perfusion.

    q/(ρc w') − A K₀(βr), with k dT/dr = h T at the wall.
    """
    k, beta = medium.conductivity_w_mm_k, np.sqrt(loss_per_s / medium.diffusivity_mm2_s)
    far = density_w_mm3 / (medium.capacity_j_mm3_k * loss_per_s)
    edge = beta * radius_mm
    lost = wall_w_mm2_k * far / (k * beta * k1(edge) + wall_w_mm2_k * k0(edge))
    return far - lost * k0(beta * r_mm)


def _cosines(x_mm: Floats, half_mm: float, terms: int = TERMS) -> tuple[Floats, Floats]:
    """Wave numbers, 1/mm, of 1 = Σ 4(−1)^m/(π(2m+1)) cos((2m+1)πx/2L), and its terms at x, (len(x), terms)."""
    odd = np.arange(1.0, 2.0 * terms, 2.0)
    waves = odd * (math.pi / (2 * half_mm))
    return waves, 4 / (np.pi * odd) * np.where(odd % 4 == 1, 1.0, -1.0) * np.cos(np.outer(x_mm, waves))


def _grown(eigen: Floats, t_s: float, medium: Medium, loss_per_s: float) -> Floats:
    """∫ e^(−κu) du from 0 to t, κ = α λ + w', s."""
    rate = medium.diffusivity_mm2_s * eigen + loss_per_s
    return -np.expm1(-rate * t_s) / rate


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
