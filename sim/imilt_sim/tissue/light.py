"""Light at 1064 nm by diffusion theory (P1), solved once per plan for 1 W leaving the fibre.

    −∇·(D ∇φ) + µa φ = source,   D = 1 / (3 (µa + µs'))

φ is the fluence rate. The fibre's volume is left out: its surface returns what falls on it (a diffuser scatters, glass
lets through), so the fibre only emits. The outer walls are black (φ = 0).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import spsolve

from imilt.plan import Fibre, Tissue
from imilt_sim.tissue.mesh import Bools, Floats, Mesh, fibre_cells

PER_MM = 0.1  # 1/cm in 1/mm
W_CM2 = 100.0  # W/mm² in W/cm²


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


def plan_light(mesh: Mesh, fibre: Fibre, tissue: Tissue) -> Light:
    """Light of the plan's fibre in the plan's tissue."""
    optics = Optics(tissue.absorption_per_cm, tissue.reduced_scattering_per_cm)
    source = diffuser_source(mesh, fibre) if fibre.kind == "diffuser" else bare_source(mesh, fibre, optics)
    return solve(mesh, optics, source, fibre_cells(mesh, fibre))


def diffuser_source(mesh: Mesh, fibre: Fibre) -> Floats:
    """1 W, even along the diffuser, entering the ring of cells that touches its surface, (nr, nz)."""
    ring = int(np.searchsorted(mesh.r_faces, fibre.radius_mm - 1e-9))
    lit = np.abs(mesh.z) < fibre.end_mm
    source = np.zeros(mesh.shape)
    source[ring, lit] = np.diff(mesh.z_faces)[lit] / fibre.diffuser_length_mm
    return source


def bare_source(mesh: Mesh, fibre: Fibre, optics: Optics) -> Floats:
    """1 W at a point on the axis, one transport mean free path in front of the face, (nr, nz).

    That is where diffusion theory puts the light of a narrow beam. Shared by the two nearest cells so that its centre
    lies there. Closer to the face than a few such paths the theory is a rough guide.
    """
    return axis_source(mesh, fibre.end_mm + 1 / (optics.transport_per_cm * PER_MM))


def axis_source(mesh: Mesh, z_mm: float) -> Floats:
    """1 W at `z_mm` on the axis, (nr, nz)."""
    k = int(np.searchsorted(mesh.z, z_mm)) - 1
    share = (z_mm - mesh.z[k]) / (mesh.z[k + 1] - mesh.z[k])
    source = np.zeros(mesh.shape)
    source[0, k : k + 2] = 1 - share, share
    return source


def solve(mesh: Mesh, optics: Optics, source: Floats, excluded: Bools) -> Light:
    """Fluence rate of `source` (W per cell) in the cells that are not `excluded`."""
    diffusion_mm = optics.diffusion_cm / PER_MM
    radial = diffusion_mm * np.outer(mesh.radial_mm, np.diff(mesh.z_faces))
    axial = diffusion_mm * np.outer(mesh.ring_mm2, mesh.axial_per_mm)
    open_ = np.pad(~excluded, 1, mode="edge")
    radial *= open_[1:, 1:-1] & open_[:-1, 1:-1]
    axial *= open_[1:-1, 1:] & open_[1:-1, :-1]
    absorbing = optics.absorption_per_cm * PER_MM * mesh.volume_mm3 * ~excluded
    diagonal = absorbing + radial[1:] + radial[:-1] + axial[:, 1:] + axial[:, :-1]
    matrix = _matrix(np.where(excluded, 1.0, diagonal), radial[1:-1], axial[:, 1:-1])
    fluence = np.reshape(np.asarray(spsolve(matrix, source.ravel())), mesh.shape)
    escaped = np.sum(radial[-1] * fluence[-1]) + np.sum(axial[:, 0] * fluence[:, 0] + axial[:, -1] * fluence[:, -1])
    return Light(fluence * W_CM2, absorbing * fluence, float(escaped))


def _matrix(diagonal: Floats, radial: Floats, axial: Floats) -> csc_array:
    """Five-point matrix from the diagonal (nr, nz) and the conductances between cells (nr − 1, nz), (nr, nz − 1)."""
    nz = diagonal.shape[1]
    along = np.pad(axial, ((0, 0), (0, 1))).ravel()[:-1]
    across = radial.ravel()
    bands = {0: diagonal.ravel(), 1: -along, -1: -along, nz: -across, -nz: -across}
    return csc_array(diags_array(list(bands.values()), offsets=np.array(list(bands))))  # pyright: ignore[reportArgumentType]
