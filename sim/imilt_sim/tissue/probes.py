"""Thermocouples: what their junctions make of the tissue's temperature and of the light, and their places in the mesh.

A junction follows what its wire feels with a first-order lag. Light that it and its wire absorb adds the coefficient
times the fluence rate, arriving and leaving as radial conduction lets it (self_heating.py). It does not disturb the
tissue: no shadow, and the heat its wire carries off is not missed elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Plan, Probe
from imilt_sim.tissue import kernel, self_heating
from imilt_sim.tissue.heat import blood_w_mm3_k, plan_medium
from imilt_sim.tissue.mesh import Bools, Floats, Mesh
from imilt_sim.tissue.wires import N_POINTS, Way, Wire, sway, way

Indices = NDArray[np.int64]


class Probes:
    """The plan's probes, wherever they sit: state that kernel.py updates in place, and the way each feels the tissue.

    - `state` (kernel.N_PROBES, n): see kernel.py
    - `tails` (kernel.N_TAIL_ROWS, kernel.N_TAILS, n): the exponentials of the self-heating
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self._breathing = plan, plan.breathing
        self._pulled_mm = [0.0] * len(plan.probes)
        self.state: Floats = np.zeros((kernel.N_PROBES, len(plan.probes)))
        self.state[[kernel.JUNCTION, kernel.SITE, kernel.FELT, kernel.FOLLOWED]] = plan.tissue.body_c
        self.tails: Floats = np.zeros((kernel.N_TAIL_ROWS, kernel.N_TAILS, len(plan.probes)))
        for p, probe in enumerate(plan.probes):
            self.tails[..., p] = tail(plan, probe)
        self.keep = keep(plan.probe_model.lag_s)
        self._find_ways()

    def pull(self, probe: int, by_mm: float) -> None:
        """Pull a probe along its wire, out of the patient; what was built from `ways` must be built anew."""
        self._pulled_mm[probe] += by_mm
        self._find_ways()

    def breathe(self, amplitude_mm: float) -> None:
        """Let the probes move so far against tissue and fibre; what was built from `ways` must be built anew."""
        self._breathing = self._breathing.model_copy(update={"probe_mm": amplitude_mm})
        self._find_ways()

    def _find_ways(self) -> None:
        plan, pulled = self._plan, self._pulled_mm
        hardware = plan.probe_model, self._breathing, plan.fibre
        self.ways: list[Way] = [way(probe, *hardware, mm) for probe, mm in zip(plan.probes, pulled, strict=True)]

    @property
    def instants(self) -> int:
        """Points in time of a breath that every way has; 1 if nothing moves."""
        return len(sway(self._breathing))

    @property
    def angles_deg(self) -> Floats:
        """Around the fibre's axis, (n,)."""
        return np.array([probe.angle_deg for probe in self._plan.probes])

    @property
    def sites_mm(self) -> Floats:
        """Where the probes were placed in the tissue, (radial, axial), (n, 2)."""
        return np.array([(probe.true_radial_mm, probe.true_axial_mm) for probe in self._plan.probes]).reshape(-1, 2)


def keep(time_s: float) -> float:
    """Fraction of a distance to its target that a first-order lag leaves after one grid point."""
    return math.exp(-kernel.GRID_S / time_s)


def tail(plan: Plan, probe: Probe) -> Floats:
    """State 0, share and fraction kept of each exponential of a probe's self-heating, (N_TAIL_ROWS, N_TAILS)."""
    model, medium = plan.probe_model, plan_medium(plan.tissue)
    blood_per_s = blood_w_mm3_k(np.array(_perfusion_per_s(plan, probe))) / medium.capacity_j_mm3_k
    rows = np.zeros((kernel.N_TAIL_ROWS, kernel.N_TAILS))
    rows[kernel.TAIL_SHARE] = self_heating.shares(model.kind, model.body_radius_mm, medium, float(blood_per_s))
    rows[kernel.TAIL_KEEP] = [keep(time_s) for time_s in self_heating.TIME_CONSTANTS_S]
    return rows


def _perfusion_per_s(plan: Plan, probe: Probe) -> float:
    """Of the tissue around a probe, as it was before any heat. A set-up that is no plan may have no tumour."""
    tissue, tumour = plan.tissue, plan.tumour
    if tumour is None:
        return tissue.normal_perfusion_per_s
    out = math.hypot(probe.true_radial_mm / tumour.radial_mm, probe.true_axial_mm / tumour.axial_mm)
    return tissue.tumour_perfusion_per_s if out <= 1.0 else tissue.normal_perfusion_per_s


Placing = Callable[[Floats], tuple[Indices, Floats]]
"""From points of n probes, (n, m, 2), to flat indices and weights of the cells around them, (n, m, cells)."""


class Spots:
    """The probes' places in a tier's padded fields, as kernel.py reads them.

    - `site_corners`, `site_weights` (n, cells around a point): of the undisturbed site
    - `corners`, `weights` (instants of a breath, 2, n, m): of what the wire feels (kernel.HEAT) and, in °C per W of
      light for a fluence rate in W/cm² per W, of the light on it (kernel.LIGHT)
    """

    def __init__(self, place: Placing, tissue: Bools, probes: Probes, self_heating_c_cm2_per_w: float) -> None:
        """`tissue` is true where a cell of the flat, padded field is no fibre's."""
        corners, weights = place(probes.sites_mm[:, None])
        self.site_corners, self.site_weights = corners[:, 0], weights[:, 0]
        instants = range(probes.instants)
        heat = [_gather(place, [way.heat[i] for way in probes.ways]) for i in instants]
        light = [_gather(place, [way.light[i] for way in probes.ways], tissue) for i in instants]
        self.corners: Indices = np.array([[heat[i][0], light[i][0]] for i in instants])
        self.weights: Floats = np.array([[heat[i][1], light[i][1] * self_heating_c_cm2_per_w] for i in instants])


def _gather(place: Placing, wires: list[Wire], tissue: Bools | None = None) -> tuple[Indices, Floats]:
    """Corners and weights (n, m) of n wires, with `tissue` (flat, padded) of those corners only that lie in it."""
    points = np.array([wire.points_mm for wire in wires]).reshape(-1, N_POINTS, 2)
    shares = np.array([wire.weights for wire in wires]).reshape(-1, N_POINTS, 1)
    corners, weights = place(points)
    if tissue is not None:  # the fibre's own cells hold no light
        weights = weights * tissue[corners]
        weights = weights / weights.sum(axis=-1, keepdims=True)
    flat = len(wires), math.prod(corners.shape[1:])
    return corners.reshape(flat), (weights * shares).reshape(flat)


def place(mesh: Mesh, points_mm: Floats) -> tuple[Indices, Floats]:
    """Flat indices into a padded (nr + 2, nz + 2) field and bilinear weights of the four cells around points.

    Points are (radial, axial), (..., 2); indices and weights (..., 4). Outside the mesh the weights fall on the
    boundary, whose rise and fluence are 0. Between the axis and the first centre the field is flat.
    """
    r = np.concatenate(([-mesh.r[0]], mesh.r, mesh.r_faces[-1:]))
    z = np.concatenate((mesh.z_faces[:1], mesh.z, mesh.z_faces[-1:]))
    i, a = _between(r, np.maximum(points_mm[..., 0], mesh.r[0]))
    k, b = _between(z, points_mm[..., 1])
    first = i * len(z) + k
    corners = np.stack((first, first + 1, first + len(z), first + len(z) + 1), axis=-1)
    return corners, np.stack(((1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b), axis=-1)


def _between(points: Floats, x: Floats) -> tuple[Indices, Floats]:
    """Indices of the points below `x` and the shares of those above; clamped to the ends."""
    i = np.clip(np.searchsorted(points, x, side="right") - 1, 0, len(points) - 2)
    return i, np.clip((x - points[i]) / (points[i + 1] - points[i]), 0.0, 1.0)
