"""The default tier: rings around one fibre, with every law of laws.py, and light that follows the tissue's optics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imilt.plan import Fibre, Plan, Tissue, Tumour
from imilt_sim.tissue import damage, kernel
from imilt_sim.tissue.heat import State, new_state, plan_medium, set_blood, stored_j_mm3
from imilt_sim.tissue.interface import TISSUE_STEP_S, Energy, TissueError
from imilt_sim.tissue.laws import Laws
from imilt_sim.tissue.light import BAND_RADII, FibreLight, Light
from imilt_sim.tissue.mesh import Bools, Floats, Mesh, fibre_cells, plan_mesh, tumour_fraction
from imilt_sim.tissue.probes import place

OPTICS_TOLERANCE = 0.002
"""Share of the absorbed light whose cells may have changed their optics before the light is solved again."""
CHAR_TOLERANCE_UM = 0.1
"""Char that may have grown before its share of the light is worked out again."""


class Axisymmetric:
    """Tissue around one fibre (interface.Tissue), at rest at body temperature when made.

    `light` is that of the tissue as it is, per W that passes the char on the fibre's tip.
    """

    def __init__(self, tissue: Tissue, fibre: Fibre, tumour: Tumour | None = None, mesh: Mesh | None = None) -> None:
        """Without a tumour all tissue is normal. `mesh` replaces the fibre's own."""
        self.mesh: Mesh = mesh if mesh is not None else plan_mesh(fibre)
        self.laws = Laws.of(tissue)
        self.medium = plan_medium(tissue)
        self.inside_fibre: Bools = fibre_cells(self.mesh, fibre)
        self._outside: Bools = ~self.inside_fibre
        fraction = tumour_fraction(self.mesh, tumour) if tumour is not None else np.zeros(self.mesh.shape)
        self.tumour_fraction: Floats = fraction * self._outside
        self.state: State = new_state(self.mesh, self.laws, fibre)
        share = tissue.tumour_perfusion_per_s * self.tumour_fraction
        set_blood(self.state, share, tissue.normal_perfusion_per_s * (self._outside - self.tumour_fraction))
        self._set_char(tissue, fibre)
        self._fibre_light = FibreLight(self.mesh, fibre)
        self._escaped_j = self._seen_given_j = 0.0
        self.see_to(kernel.OPTICS)

    @classmethod
    def of(cls, plan: Plan, mesh: Mesh | None = None) -> Axisymmetric:
        """The tissue of a plan."""
        return cls(plan.tissue, plan.fibre, plan.tumour, mesh)

    def _set_char(self, tissue: Tissue, fibre: Fibre) -> None:
        numbers = self.state.numbers
        numbers[kernel.CHAR_GROWTH], numbers[kernel.CHAR_LIMIT] = tissue.char_growth_um_per_s, tissue.char_limit_um
        numbers[kernel.CHAR_ONSET], numbers[kernel.TIP_MAX] = tissue.char_onset_c, tissue.body_c
        numbers[kernel.OPTICS_TOLERANCE], numbers[kernel.CHAR_TOLERANCE] = OPTICS_TOLERANCE, CHAR_TOLERANCE_UM
        self._tip: Bools = tip_cells(self.mesh, fibre)
        padded = np.pad(self._tip, 1)
        self.tips: NDArray[np.int64] = np.flatnonzero(padded)

    # Time

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """See interface.Tissue; one fibre."""
        power_w = float(power_w)
        if not (steps >= 0 and 0.0 <= power_w < math.inf):
            raise ValueError(f"advance({steps}, {power_w}): both must be 0 or more, and finite")
        while steps > 0:
            done, wanted = kernel.advance_tissue(*self.state, self.tips, steps, power_w)
            steps -= done
            self.see_to(wanted)

    def see_to(self, wanted: int) -> None:
        """Do what the kernel asks for. Raises TissueError when a field has left its bounds."""
        if wanted == kernel.FAILED:
            raise TissueError(self._where_it_failed())
        if wanted == kernel.OPTICS:
            self._note_escaped()
            self._light_up()

    def _where_it_failed(self) -> str:
        celsius = self.celsius
        bounds = self.state.numbers[kernel.COLDEST], self.state.numbers[kernel.HOTTEST_ALLOWED]
        bad = ~((celsius >= bounds[0]) & (celsius <= bounds[1]))
        i, k = np.argwhere(bad)[0]
        return (
            f"tissue {celsius[i, k]:.1f} °C at r {self.mesh.r[i]:.2f} mm, z {self.mesh.z[k]:.2f} mm after"
            f" {self.elapsed_s:.0f} s: outside {bounds[0]:.0f} to {bounds[1]:.0f} °C, the computation has failed;"
            " take less power or a finer mesh"
        )

    def _light_up(self) -> None:
        """Solve the light for the optics of now, and give it and the char's share to the kernel."""
        state, laws = self.state, self.laws
        cooked, dried = 1 - state.inner(kernel.LEFT), state.inner(kernel.DRIED)
        absorption = laws.mixed(laws.absorption_per_cm, cooked, dried)
        self.light: Light = self._fibre_light.solve(
            absorption, laws.mixed(laws.reduced_scattering_per_cm, cooked, dried)
        )
        state.cells[kernel.LEFT_SEEN], state.cells[kernel.DRIED_SEEN] = (
            state.cells[kernel.LEFT],
            state.cells[kernel.DRIED],
        )
        self._give_light()

    def _give_light(self) -> None:
        state, numbers, volume = self.state, self.state.numbers, self.mesh.volume_mm3
        kept = self.char_fraction
        heating_w = self.light.absorbed_w * (1 - kept)
        if kept:
            black = volume * (self._tip | self._charred)
            heating_w += black / black.sum() * kept
        state.inner(kernel.ABSORBED)[:] = self.light.absorbed_w
        state.inner(kernel.HEATING)[:] = heating_w / volume
        numbers[kernel.EMITTED], numbers[kernel.CHAR_SEEN] = 1 - kept, numbers[kernel.CHAR]
        self._escaping = self.light.escaped_w * (1 - kept)

    @property
    def _charred(self) -> Bools:
        """Tissue that has charred: with the tip it gives off the heat of the light that char keeps."""
        return (self.peak_c > self.laws.tissue.char_onset_c) & ~self.inside_fibre

    def _note_escaped(self) -> None:
        given_j = float(self.state.numbers[kernel.GIVEN])
        if given_j > self._seen_given_j:
            self._escaped_j += (given_j - self._seen_given_j) * self._escaping
            self._seen_given_j = given_j

    # What can be seen

    @property
    def body_c(self) -> float:
        """See interface.Tissue."""
        return float(self.state.numbers[kernel.BODY])

    @property
    def elapsed_s(self) -> float:
        return float(self.state.numbers[kernel.STEPS]) * TISSUE_STEP_S

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now, °C, (nr, nz); a view."""
        return self.state.inner(kernel.RISE)

    @property
    def celsius(self) -> Floats:
        """Temperature now, (nr, nz)."""
        return self.body_c + self.rise

    @property
    def peak_c(self) -> Floats:
        """Hottest so far, (nr, nz)."""
        numbers, heat = self.state.numbers, self.state.inner(kernel.PEAK_HEAT)
        fibre_c = self.body_c + (heat - numbers[kernel.HEAT_BODY]) / numbers[kernel.CAPACITY]
        return np.maximum(np.where(self.inside_fibre, fibre_c, self.laws.temperature_c(heat)), self.celsius)

    @property
    def fluence_w_cm2(self) -> Floats:
        """Fluence rate per W leaving the fibre now, (nr, nz)."""
        return self.light.fluence_w_cm2 * (1 - self.char_fraction)

    @property
    def loss_per_s(self) -> Floats:
        """Fraction of the rise that blood carries off per second now, (nr, nz)."""
        return self.state.inner(kernel.LOSS) / self.medium.capacity_j_mm3_k

    @property
    def tissue_max_c(self) -> float:
        """Hottest cell so far but for the fibre's own, °C."""
        hottest = self.state.inner(kernel.PEAK_HEAT).max(where=self._outside, initial=0.0)
        return max(float(self.laws.temperature_c(hottest)), self.body_c)

    @property
    def tip_max_c(self) -> float:
        """Hottest of the cells on the fibre's emitting surface so far, °C, looked at once a second."""
        return float(self.state.numbers[kernel.TIP_MAX])

    @property
    def char_um(self) -> float:
        """Thickness of the char on the fibre's tip."""
        return float(self.state.numbers[kernel.CHAR])

    @property
    def char_fraction(self) -> float:
        """Share of the laser's power that the char keeps."""
        return self.laws.char_fraction(self.char_um)

    def sites(self, points_mm: Floats) -> AxisymmetricSites:
        """See interface.Tissue."""
        points = np.atleast_2d(points_mm)
        return AxisymmetricSites(self, np.hypot(points[:, 0], points[:, 1]), points[:, 2])

    def volumes_mm3(self) -> dict[str, float]:
        """Tissue beyond each threshold, mm³, and as a fraction of the tumour.

        `ablated`: Ω of SKIN >= 1; `delayed`: Ω of DELAYED >= 1; `cem43_240`; `sparing_shell` (a hypothesis): SHELL_S
        within SHELL_C; `dried`: half its water lost; `charred`: once above the plan's char_onset_c.
        """
        inner = self.state.inner
        regions = {
            "ablated": inner(kernel.OMEGA_SKIN) >= 1.0,
            "delayed": inner(kernel.OMEGA_DELAYED) >= 1.0,
            "cem43_240": inner(kernel.CEM43) >= damage.LETHAL_CEM43_MIN,
            "sparing_shell": inner(kernel.SHELL) >= damage.SHELL_S,
            "dried": inner(kernel.DRIED) >= 0.5,
            "charred": self._charred,
        }
        tissue = self.mesh.volume_mm3 * ~self.inside_fibre
        tumour = self.mesh.volume_mm3 * self.tumour_fraction
        return damage.volumes(regions, tissue, tumour)

    def energy_j(self) -> Energy:
        """See interface.Tissue."""
        self._note_escaped()
        volume, numbers = self.mesh.volume_mm3, self.state.numbers
        stored = stored_j_mm3(self.state, self.laws, self.inside_fibre)
        steam = self.state.inner(kernel.TAKEN) - numbers[kernel.HEAT_BODY] - stored
        steam = np.where(self.state.inner(kernel.DRIED) > 0.0, steam, 0.0)
        return Energy(
            given=float(numbers[kernel.GIVEN]),
            stored=float(np.sum(volume * stored)),
            blood=float(np.sum(volume * self.state.inner(kernel.BLOOD))),
            walls=float(numbers[kernel.WALLS]),
            steam=float(np.sum(volume * steam) - numbers[kernel.CONDENSED]),
            light=float(self._escaped_j),
        )

    def field(self) -> dict[str, Floats]:
        """Copies of the fields: centres `r_mm` (nr,) and `z_mm` (nz,), the rest (nr, nz).

        They cover the fibre's own cells too, where only the temperature means something.
        """
        inner = self.state.inner
        return {
            "r_mm": self.mesh.r.copy(),
            "z_mm": self.mesh.z.copy(),
            "temperature_c": self.celsius,
            "peak_c": self.peak_c,
            "cem43_min": inner(kernel.CEM43).copy(),
            "omega_skin": inner(kernel.OMEGA_SKIN).copy(),
            "omega_bhk": inner(kernel.OMEGA_BHK).copy(),
            "omega_delayed": inner(kernel.OMEGA_DELAYED).copy(),
            "shell_s": inner(kernel.SHELL).copy(),
            "dried": inner(kernel.DRIED).copy(),
            "fluence_w_cm2": self.fluence_w_cm2,
            "volume_mm3": self.mesh.volume_mm3.copy(),
        }


class AxisymmetricSites:
    """interface.Sites of this tier."""

    def __init__(self, tissue: Axisymmetric, radial_mm: Floats, axial_mm: Floats) -> None:
        """Raises ValueError for a point outside the mesh."""
        mesh = tissue.mesh
        for r, z in zip(radial_mm, axial_mm, strict=True):
            if not (r <= mesh.r_faces[-1] and mesh.z_faces[0] <= z <= mesh.z_faces[-1]):
                raise ValueError(
                    f"a point {r:g} mm from the axis at {z:g} mm lies outside the tissue, which reaches"
                    f" {mesh.r_faces[-1]:g} mm from the axis and from {mesh.z_faces[0]:g} to {mesh.z_faces[-1]:g} mm"
                    " along it; move it inwards"
                )
        self._tissue = tissue
        self._corners, self._weights = place(mesh, np.stack((radial_mm, axial_mm), axis=-1))
        lit = np.pad(~tissue.inside_fibre, 1, constant_values=True).ravel()[self._corners]
        shares = self._weights * lit  # the fibre's own cells hold no light
        self._lit_weights = shares / np.maximum(shares.sum(axis=-1, keepdims=True), 1e-9)

    def temperature_c(self) -> Floats:
        """See interface.Sites."""
        rise = self._tissue.state.cells[kernel.RISE].ravel()[self._corners]
        return self._tissue.body_c + np.sum(self._weights * rise, axis=-1)

    def fluence_w_cm2(self) -> Floats:
        """See interface.Sites."""
        tissue = self._tissue
        fluence = np.pad(tissue.light.fluence_w_cm2, 1).ravel()[self._corners]
        return (1 - tissue.char_fraction) * np.sum(self._lit_weights * fluence, axis=-1)


def tip_cells(mesh: Mesh, fibre: Fibre) -> Bools:
    """Cells that touch the surface from which the fibre emits, half of them glass at a bare face, (nr, nz).

    There char forms. A radial fibre's are those around its end.
    """
    if fibre.kind == "bare":
        face = int(np.searchsorted(mesh.z, fibre.end_mm))
        touching = np.isin(np.arange(len(mesh.z)), (face - 1, face))
        return np.logical_and.outer(mesh.r < fibre.radius_mm, touching)
    ring = int(np.searchsorted(mesh.r, fibre.radius_mm))
    start = -fibre.end_mm if fibre.kind == "diffuser" else fibre.end_mm - BAND_RADII * fibre.radius_mm
    return np.logical_and.outer(np.arange(len(mesh.r)) == ring, (mesh.z > start) & (mesh.z < fibre.end_mm))
