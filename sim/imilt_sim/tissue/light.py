"""Light at 1064 nm by diffusion theory (P1) for 1 W leaving the fibre, solved again whenever the optics have changed.

    −∇·(D ∇φ) + µa φ = source,   D = 1 / (3 (µa + µs'))

φ is the fluence rate; µa and µs' may differ from cell to cell. The light of a bare or radial fibre first runs straight,
falling by e^(−µt') per mean free path 1/µt' = 1/(µa + µs'); what it scatters is the source of the diffuse light. The
fibre's volume is left out: its surface returns what falls on it (a diffuser scatters, glass lets through), so the fibre
only emits. The outer walls are black (φ = 0).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imilt.plan import Fibre, Tissue
from imilt_sim.tissue import light_kernel
from imilt_sim.tissue.mesh import Bools, Floats, Mesh, fibre_cells
from imilt_sim.tissue.near_field import NearField

PER_MM = 0.1  # 1/cm in 1/mm
W_CM2 = 100.0  # W/mm² in W/cm²
REFRACTIVE_INDEX = 1.352
"""Porcine pancreas: Sci Rep 2022;12:14300."""
NUMERICAL_APERTURE = 0.22
"""Silica fibres for 1064 nm: the usual step index."""
BEAM_SLOPE = math.tan(math.asin(NUMERICAL_APERTURE / REFRACTIVE_INDEX))
BAND_RADII = 3.0
"""A radial fibre emits from a band up to its tip that is so many of its radii long: assumed."""
RADIAL_SLOPE = math.tan(math.radians(20.0))
"""Its light spreads 20° forwards and backwards: assumed."""
TOLERANCE = 1e-5
"""Of the solution's energy norm: fluence rates at 10 mm are then right to 1e-3."""
MOST_ITERATIONS = 500
"""Twenty are usual; negative optics never converge."""
NO_SOLUTION = "the light has no solution: absorption and scattering must be finite and above 0"


class Optics(NamedTuple):
    """Absorption µa and reduced scattering µs', 1/cm."""

    absorption_per_cm: float
    reduced_scattering_per_cm: float

    @property
    def transport_per_cm(self) -> float:
        """One over the transport mean free path."""
        return self.absorption_per_cm + self.reduced_scattering_per_cm

    @property
    def diffusion_cm(self) -> float:
        return 1 / (3 * self.transport_per_cm)

    @property
    def effective_per_cm(self) -> float:
        """µeff: how fast light falls far from a source."""
        return float(np.sqrt(3 * self.absorption_per_cm * self.transport_per_cm))


class Light(NamedTuple):
    """Light in the tissue per W leaving the fibre."""

    fluence_w_cm2: Floats  # fluence rate, (nr, nz), 0 inside the fibre
    absorbed_w: Floats  # by each cell, (nr, nz)
    escaped_w: float  # through the outer walls


class Diffusion:
    """The diffusion equation on one mesh; every solution starts from the last one."""

    def __init__(self, mesh: Mesh, excluded: Bools) -> None:
        self.mesh = mesh
        self._open = (~excluded).astype(float)
        nr, nz = mesh.shape
        self._outward, self._forward, self._diagonal, self._inverse, self._fluence, self._source = np.zeros(
            (6, nr + 2, nz + 2)
        )
        self._work = np.zeros((4, nr + 2, nz + 2))

    def solve(self, absorption_mm: Floats, scattering_mm: Floats, source: Floats, straight: Floats) -> Light:
        """Light of `source` (W per cell, diffuse), with the fluence rate `straight` (W/mm²) added, all (nr, nz).

        Raises RuntimeError if the optics (1/mm, scattering reduced) have no solution.
        """
        mesh = self.mesh
        if not np.isfinite(absorption_mm.sum() + scattering_mm.sum()):
            raise RuntimeError(NO_SOLUTION)
        absorbing = absorption_mm * mesh.volume_mm3 * self._open
        diffusion_mm = 1 / (3 * (absorption_mm + scattering_mm))
        faces = mesh.r_faces, mesh.z_faces
        light_kernel.conductances(diffusion_mm, self._open, *faces, self._outward, self._forward)
        light_kernel.factor(self._outward, self._forward, absorbing, self._diagonal, self._inverse)
        self._iterate(source)
        fluence, absorbed = np.empty(mesh.shape), np.empty(mesh.shape)
        fields = self._fluence, straight, self._outward, self._forward
        escaped = light_kernel.collect(*fields, absorbing, fluence, absorbed)
        return Light(fluence * W_CM2, absorbed, escaped)

    def _iterate(self, source: Floats) -> None:
        self._source[1:-1, 1:-1] = source
        matrix = self._outward, self._forward, self._diagonal, self._inverse
        fields = self._source, self._fluence, self._work
        if light_kernel.conjugate_gradients(*matrix, *fields, TOLERANCE, MOST_ITERATIONS) < 0:
            raise RuntimeError(NO_SOLUTION)


class FibreLight:
    """Light of one fibre on one mesh, for optics that change while it is used."""

    def __init__(self, mesh: Mesh, fibre: Fibre, corrected: bool = True) -> None:
        """Diffusion theory, `corrected` near the fibre by the table of near_field.py."""
        self.mesh, self.fibre = mesh, fibre
        self._near = NearField(mesh, fibre) if corrected else None
        self._diffusion = Diffusion(mesh, fibre_cells(mesh, fibre))

    def solve(self, absorption_per_cm: Floats, reduced_scattering_per_cm: Floats) -> Light:
        """Light with the optics of each cell, (nr, nz), 1/cm; those inside the fibre do not matter but must be > 0.

        Raises RuntimeError if they have no solution.
        """
        absorption_mm, scattering_mm = absorption_per_cm * PER_MM, reduced_scattering_per_cm * PER_MM
        source, straight = self.source(absorption_mm, scattering_mm)
        light = self._diffusion.solve(absorption_mm, scattering_mm, source, straight)
        return self._conserve(light, self._factor(absorption_mm, scattering_mm, source))

    def _factor(self, absorption_mm: Floats, scattering_mm: Floats, source: Floats) -> Floats | float:
        """The correction for the tissue in which the light scatters first."""
        if self._near is None:
            return 1.0
        weights = source / source.sum()
        scattering = float(np.sum(weights * scattering_mm))
        return self._near.factor(scattering, float(np.sum(weights * absorption_mm)) / scattering)

    def source(self, absorption_mm: Floats, scattering_mm: Floats) -> tuple[Floats, Floats]:
        """What turns diffuse in each cell (W), and the fluence rate of the light on its way there (W/mm²)."""
        source, straight = np.zeros(self.mesh.shape), np.zeros(self.mesh.shape)
        fields = absorption_mm, scattering_mm, straight, source
        faces, fibre = (self.mesh.r_faces, self.mesh.z_faces), self.fibre
        if fibre.kind == "diffuser":
            return diffuser_source(self.mesh, fibre), straight
        if fibre.kind == "bare":
            face = _index(self.mesh.z_faces, fibre.end_mm)
            light_kernel.beam_ahead(*faces, face, fibre.radius_mm, BEAM_SLOPE, *fields)
        else:
            band = fibre.end_mm - BAND_RADII * fibre.radius_mm, fibre.end_mm
            surface = _index(self.mesh.r_faces, fibre.radius_mm)
            light_kernel.beam_sideways(*faces, surface, *band, RADIAL_SLOPE, *fields)
        return source, straight

    @staticmethod
    def _conserve(light: Light, factor: Floats | float) -> Light:
        """Times `factor`, and scaled so that every watt is absorbed or escapes."""
        absorbed_w = light.absorbed_w * factor
        scale = 1 / (absorbed_w.sum() + light.escaped_w)
        fluence = light.fluence_w_cm2 * factor * scale
        return Light(fluence, absorbed_w * scale, light.escaped_w * scale)


def _index(faces: Floats, position_mm: float) -> int:
    return int(np.searchsorted(faces, position_mm - 1e-9))


def plan_light(mesh: Mesh, fibre: Fibre, tissue: Tissue) -> Light:
    """Light of the plan's fibre in the plan's tissue as it is at first, the same everywhere."""
    same = np.ones(mesh.shape)
    return FibreLight(mesh, fibre).solve(same * tissue.absorption_per_cm, same * tissue.reduced_scattering_per_cm)


def diffuser_source(mesh: Mesh, fibre: Fibre) -> Floats:
    """1 W, even along the diffuser, entering the ring of cells that touches its surface, (nr, nz)."""
    ring = _index(mesh.r_faces, fibre.radius_mm)
    lit = np.abs(mesh.z) < fibre.end_mm
    source = np.zeros(mesh.shape)
    source[ring, lit] = np.diff(mesh.z_faces)[lit] / fibre.diffuser_length_mm
    return source


def axis_source(mesh: Mesh, z_mm: float) -> Floats:
    """1 W at `z_mm` on the axis, shared by the two nearest cells, (nr, nz)."""
    k = int(np.searchsorted(mesh.z, z_mm)) - 1
    share = (z_mm - mesh.z[k]) / (mesh.z[k + 1] - mesh.z[k])
    source = np.zeros(mesh.shape)
    source[0, k : k + 2] = 1 - share, share
    return source


def solve(mesh: Mesh, optics: Optics, source: Floats, excluded: Bools) -> Light:
    """Light of `source` (W per cell) in the cells that are not `excluded`, with the same optics everywhere."""
    same = np.full(mesh.shape, PER_MM)
    diffusion = Diffusion(mesh, excluded)
    return diffusion.solve(
        same * optics.absorption_per_cm, same * optics.reduced_scattering_per_cm, source, np.zeros(mesh.shape)
    )
