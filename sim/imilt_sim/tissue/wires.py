"""Where a thermocouple feels heat and light: points along its wire, as it is planned, misplaced, pulled and breathed.

A wire conducts along itself. Its junction, at the wire's end, feels the tissue's temperature weighted by e^(−s/wire_mm)
over the distance s along the wire: the exact steady answer of a fin whose end loses nothing. Light absorbed along the
wire reaches the junction the same way, by the wire and by the tissue warmed beside it, hence over a length of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imilt.plan import Breathing, Fibre, Probe, ProbeModel
from imilt_sim.tissue.mesh import Floats

N_POINTS = 6
WIRE_LENGTHS = 4.0
"""The wire is followed so many of its lengths: what lies beyond weighs 2 %."""
BREATHS_PER_S = 10
"""Points in time a second, one per tissue step."""


class Wire(NamedTuple):
    """Points (radial_mm, axial_mm) along a wire from the junction on, (N_POINTS, 2), and weights of sum 1."""

    points_mm: Floats
    weights: Floats


def wire(junction_mm: Floats, angle_deg: float, length_mm: float, fibre: Fibre) -> Wire:
    """The wire of a junction at (radial, axial), felt over `length_mm`.

    At 0° it runs back along the fibre's axis, at 90° away from it. It cannot run through the fibre: there, it is laid
    along its surface.
    """
    nodes, weights = np.polynomial.legendre.leggauss(N_POINTS)
    distance = WIRE_LENGTHS / 2 * (nodes + 1)
    weights = weights * np.exp(-distance)
    along = direction(angle_deg)
    points = outside(junction_mm + length_mm * distance[:, None] * along, fibre)
    return Wire(points, weights / weights.sum())


def direction(angle_deg: float) -> Floats:
    """Unit vector (radial, axial) from the junction along its wire."""
    angle = np.radians(angle_deg)
    return np.array([np.sin(angle), -np.cos(angle)])


def outside(points_mm: Floats, fibre: Fibre) -> Floats:
    """The points with those inside the fibre moved to its surface, and those beyond the axis to the other side."""
    radial, axial = np.abs(points_mm[..., 0]), points_mm[..., 1]
    radial = np.where(axial < fibre.end_mm, np.maximum(radial, fibre.radius_mm), radial)
    return np.stack((radial, axial), axis=-1)


class Way(NamedTuple):
    """One probe's wires for heat and light at each of the points in time of a breath."""

    heat: tuple[Wire, ...]
    light: tuple[Wire, ...]


def way(probe: Probe, model: ProbeModel, breathing: Breathing, fibre: Fibre, pulled_mm: float = 0.0) -> Way:
    """Where a probe feels what, after it was pulled along its wire by `pulled_mm`.

    A tip probe is fixed to the fibre and moves with it. The tissue moves against the probe, and the light against it as
    much as fibre and probe move differently. What the source's own movement in the tissue does to the temperature is
    left out: within a breath heat spreads further (√(4αt) = 1.5 mm in 4 s) than it goes.
    """
    angle_deg = model.wire_angle_deg
    junction = np.array([probe.true_radial_mm, probe.true_axial_mm]) + pulled_mm * direction(angle_deg)
    breath = sway(breathing)

    def felt(length_mm: float, amplitude_mm: float) -> tuple[Wire, ...]:
        return tuple(wire(junction + np.array((amplitude_mm * x, 0.0)), angle_deg, length_mm, fibre) for x in breath)

    moves_mm = breathing.fibre_mm if probe.role == "tip" else breathing.probe_mm
    return Way(felt(model.wire_mm, moves_mm), felt(model.lit_mm, moves_mm - breathing.fibre_mm))


def sway(breathing: Breathing) -> list[float]:
    """Displacement over amplitude at the points in time of a breath; one point if nothing moves."""
    if not (breathing.probe_mm or breathing.fibre_mm):
        return [0.0]
    count = round(BREATHS_PER_S / breathing.rate_hz)
    return np.sin(2 * np.pi * np.arange(count) / count).tolist()
