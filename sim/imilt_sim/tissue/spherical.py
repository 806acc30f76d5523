"""The spherical tier: shells around a point that emits, with all the laws of the axisymmetric one.

It stands for a bare or radial fibre seen from a distance: the light spreads from one transport mean free path in front
of the tip. Regions are shells too, so a tumour is a ball of its ellipsoid's volume.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Plan
from imilt_sim.tissue import cohort_kernel as ck
from imilt_sim.tissue import damage
from imilt_sim.tissue.cohort import Block, Cells, Patient
from imilt_sim.tissue.interface import TISSUE_STEP_S, Energy
from imilt_sim.tissue.light import PER_MM
from imilt_sim.tissue.mesh import GROWTH, Bools, Floats, Mesh, fibre_cells, plan_mesh

FINE_MM = 0.4
OUTER_MM = 32.0
"""Between the axisymmetric tier's radius and its half length."""
FINE_TO_MM = 6.0


def shell_faces(fine_mm: float = FINE_MM, outer_mm: float = OUTER_MM) -> Floats:
    """Radii of the shells' faces from 0, mm: fine ones, then growing ones."""
    faces = list(np.linspace(0.0, FINE_TO_MM, round(FINE_TO_MM / fine_mm) + 1))
    while faces[-1] < outer_mm:
        faces.append(faces[-1] + GROWTH * (faces[-1] - faces[-2]))
    beyond = np.array(faces[round(FINE_TO_MM / fine_mm) :])
    scaled = beyond[0] + (beyond - beyond[0]) * (outer_mm - beyond[0]) / (beyond[-1] - beyond[0])
    return np.concatenate((faces[: round(FINE_TO_MM / fine_mm)], scaled))


def shell_cells(faces: Floats) -> Cells:
    """One row of shells; nothing flows through their midst."""
    centres = (faces[1:] + faces[:-1]) / 2
    gaps = np.diff(np.concatenate((faces[:1], centres, faces[-1:])))
    gaps[0] = 1.0
    volume = 4 / 3 * np.pi * np.diff(faces**3)
    return Cells(volume[None], np.zeros((2, len(volume))), (4 * np.pi * faces**2 / gaps)[None])


class Spherical:
    """A tier of one patient (see interface.Tissue), whose rises depend on the distance from one point only.

    Raises ValueError for a diffuser: it is no point.
    """

    def __init__(self, plan: Plan, faces: Floats | None = None) -> None:
        if plan.fibre.kind == "diffuser":
            raise ValueError("the spherical tier: a diffuser is no point; take a bare fibre or the axisymmetric tier")
        tissue = plan.tissue
        self.mesh: Mesh = plan_mesh(plan.fibre)
        self.inside_fibre: Bools = fibre_cells(self.mesh, plan.fibre)
        self.faces = shell_faces() if faces is None else faces
        self.centres = (self.faces[1:] + self.faces[:-1]) / 2
        self.body_c = tissue.body_c
        self.source_mm = 1 / ((tissue.absorption_per_cm + tissue.reduced_scattering_per_cm) * PER_MM)
        self._shell_tumour = self._tumour_fraction(plan)
        patient = Patient(tissue, self._shell_tumour[None], np.zeros((1, len(self.centres)), bool))
        tips = np.zeros((0, 2), np.int64)  # no tip: its face is not at the midst
        self.block = Block(shell_cells(self.faces), [patient], tips, TISSUE_STEP_S, np.float64)
        self.block.numbers[ck.CELLS] = 1.0
        ck.light_shells(self.block.fields, self.block.lane, self.block.optics_mm, np.zeros(len(self.centres)))

    def _tumour_fraction(self, plan: Plan) -> Floats:
        if plan.tumour is None:
            return np.zeros(len(self.centres))
        ball_mm3 = plan.tumour.radial_mm**2 * plan.tumour.axial_mm
        return np.clip((ball_mm3 - self.faces[:-1] ** 3) / np.diff(self.faces**3), 0.0, 1.0)

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """See interface.Tissue."""
        power = np.array([float(np.sum(power_w))])
        if not (steps >= 0 and 0.0 <= power[0] < math.inf):
            raise ValueError(f"advance({steps}, {power_w}): both must be 0 or more, and finite")
        self.block.advance(steps, power, _never)

    def sites(self, points_mm: Floats) -> ShellSites:
        """See interface.Tissue."""
        x, y, z = np.asarray(points_mm, float).reshape(-1, 3).T
        distance = np.sqrt(x**2 + y**2 + (z - self.source_mm) ** 2)
        if not np.all(distance <= self.faces[-1]):
            n = int(np.argmax(~(distance <= self.faces[-1])))
            raise ValueError(
                f"point {n} at {points_mm[n]} mm: {distance[n]:.1f} mm from the source, at most {self.faces[-1]:g} mm"
            )
        return ShellSites(self, distance)

    @property
    def shell_rise(self) -> NDArray[Any]:
        """Rise above body temperature now, °C, (shells,)."""
        return self.block.rise[0, :, 0]

    def shells(self, field: int) -> NDArray[Any]:
        """A field of cohort_kernel, (shells,); a view."""
        return self.block.inner(field)[0, :, 0]

    @cached_property
    def _on_mesh(self) -> Between:
        mesh = self.mesh
        return Between.of(self, np.hypot(mesh.r[:, None], mesh.z[None] - self.source_mm))

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now on the axisymmetric tier's mesh, °C, (nr, nz)."""
        return self._on_mesh.read(self.shell_rise)

    @property
    def fluence_w_cm2(self) -> Floats:
        """Fluence rate per W leaving the fibre on the axisymmetric tier's mesh, (nr, nz)."""
        return self._on_mesh.read(self.shells(ck.FLUENCE))

    @property
    def tissue_max_c(self) -> float:
        """Hottest shell so far, looked at once a second."""
        return self.body_c + float(max(self.shells(ck.PEAK).max(), self.shell_rise.max()))

    def volumes_mm3(self) -> dict[str, float]:
        """See Axisymmetric.volumes_mm3."""
        onset_c = self.block.tissues[0].char_onset_c
        regions = {
            "ablated": self.shells(ck.OMEGA) >= 1.0,
            "delayed": self.shells(ck.OMEGA_DELAYED) >= 1.0,
            "cem43_240": self.shells(ck.CEM43) >= damage.LETHAL_CEM43_MIN,
            "sparing_shell": self.shells(ck.SPARED) >= damage.SHELL_S,
            "dried": self.shells(ck.DRIED) >= 0.5,
            "charred": self.shells(ck.PEAK) + self.body_c > onset_c,
        }
        return damage.volumes(regions, self.shells(ck.VOLUME), self.shells(ck.VOLUME) * self._shell_tumour)

    def energy_j(self) -> Energy:
        """See interface.Tissue."""
        return self.block.energy()[0]

    def field(self) -> dict[str, Floats]:
        """As Axisymmetric.field, on its mesh."""
        read = self._on_mesh.read
        fields = {"omega_skin": ck.OMEGA, "omega_bhk": ck.OMEGA_BHK, "omega_delayed": ck.OMEGA_DELAYED}
        fields |= {"cem43_min": ck.CEM43, "shell_s": ck.SPARED, "dried": ck.DRIED, "fluence_w_cm2": ck.FLUENCE}
        return {
            "r_mm": self.mesh.r.copy(),
            "z_mm": self.mesh.z.copy(),
            "temperature_c": self.body_c + self.rise,
            "peak_c": self.body_c + read(np.maximum(self.shells(ck.PEAK), self.shell_rise)),
            "volume_mm3": self.mesh.volume_mm3.copy(),
            **{name: read(self.shells(field)) for name, field in fields.items()},
        }


def _never(block: Block) -> None:
    raise AssertionError("shells compute their light themselves")


class Between(NamedTuple):
    """Where points lie between the shells' centres: the shell below and the share of the one above."""

    below: NDArray[np.int64]
    share: Floats

    @classmethod
    def of(cls, tissue: Spherical, distance_mm: Floats) -> Between:
        """Of points at distances from the source; flat in the innermost shell, nothing from the outer wall on."""
        at = np.append(tissue.centres, tissue.faces[-1])
        below = np.clip(np.searchsorted(at, distance_mm, side="right") - 1, 0, len(at) - 2)
        return cls(below, np.clip((distance_mm - at[below]) / (at[below + 1] - at[below]), 0.0, 1.0))

    def read(self, values: NDArray[Any]) -> Floats:
        """Values of the shells at the points."""
        padded = np.append(values, 0.0)
        return padded[self.below] * (1 - self.share) + padded[self.below + 1] * self.share


class ShellSites:
    """interface.Sites of this tier."""

    def __init__(self, tissue: Spherical, distance_mm: Floats) -> None:
        self._tissue, self._at = tissue, Between.of(tissue, distance_mm)

    def temperature_c(self) -> Floats:
        """See interface.Sites."""
        return self._tissue.body_c + self._at.read(self._tissue.shell_rise)

    def fluence_w_cm2(self) -> Floats:
        """See interface.Sites."""
        return self._at.read(self._tissue.shells(ck.FLUENCE))
