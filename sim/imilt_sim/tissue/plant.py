"""The simulated patient: tissue and thermocouples of one plan, in steps of 20 ms."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import numpy as np

from imilt.errors import InputError
from imilt.plan import Plan, placed
from imilt_sim.tissue import kernel
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.interface import TISSUE_STEP_S
from imilt_sim.tissue.light import Light
from imilt_sim.tissue.mesh import Floats, Mesh
from imilt_sim.tissue.probes import Probes, Spots, place
from imilt_sim.tissue.tiers import MeshTissue, plan_tissue

GRID_MS = 20
GRID_POINTS_PER_SECOND = kernel.POINTS_PER_STEP * kernel.STEPS_PER_SECOND


class Plant:
    """Tissue and thermocouples, stepped on the 20 ms grid; deterministic; no randomness, no clock.

    The arrays it owns are updated in place; n_probes is their length:

    - `junction_c`: temperature of the thermocouple junctions now, °C
    - `junction_integral_c_s`: sum over grid points of the junction temperature times 20 ms, °C·s; its difference over a
      conversion, divided by the conversion's time, is what the converter reads
    - `site_c`: undisturbed tissue temperature at the probes' sites, °C; changes every 100 ms
    - `cem43_site_min`: true CEM43 at the sites, min, accumulated with `site_c`
    """

    def __init__(self, plan: Plan, mesh: Mesh | None = None) -> None:
        """At rest at body temperature. `mesh` replaces the axisymmetric tier's own, to see what the mesh is worth.

        Raises ValueError for a probe, fibre or structure outside the tissue.
        """
        self.tissue: MeshTissue | Box = plan_tissue(plan, mesh)
        sites = [placed(probe.true_radial_mm, probe.angle_deg, probe.true_axial_mm) for probe in plan.probes]
        self.tissue.sites(np.array(sites).reshape(-1, 3))  # complains about one outside
        self.grid_points = 0
        self._power_sum_w = 0.0
        self._build_probes(plan)

    def _build_probes(self, plan: Plan) -> None:
        self._probes = Probes(plan)
        if isinstance(self.tissue, Axisymmetric):
            self._fluence = np.pad(self.tissue.light.fluence_w_cm2, 1)
            self.tissue.state.numbers[kernel.KEEP] = self._probes.keep
        elif isinstance(self.tissue, Box):
            self._rise, self._fluence = self.tissue.cells.rise_padded, self.tissue.cells.fluence_padded
        else:
            self._rise, self._fluence = np.pad(self.tissue.rise, 1), np.pad(self.tissue.fluence_w_cm2, 1)
        self._coefficient_c_cm2_per_w = plan.probe_model.self_heating_c_cm2_per_w
        self._name_rows()
        self._find_spots()

    def _name_rows(self) -> None:
        if isinstance(self.tissue, Axisymmetric):
            self._rise = self.tissue.state.cells[kernel.RISE]
        state = self._probes.state
        self.junction_c: Floats = state[kernel.JUNCTION]
        self.junction_integral_c_s: Floats = state[kernel.INTEGRAL]
        self.site_c: Floats = state[kernel.SITE]
        self.cem43_site_min: Floats = state[kernel.SITE_CEM43]
        self.self_heating_c_per_w: Floats = state[kernel.SELF_HEATING]

    def copy(self) -> Plant:
        """Another plant in the same state, to see what would come of something. Of the axisymmetric tier.

        Raises ValueError for another tier, whose fields may be views of one another.
        """
        if not isinstance(self.tissue, Axisymmetric):
            raise ValueError("only a plant of the axisymmetric tier can be copied; build another and advance it alike")
        other = copy.deepcopy(self)
        other._name_rows()  # they were views, and are no longer
        return other

    def _find_spots(self) -> None:
        """Where the probes are now, and what they feel there before the tissue moves next."""
        spots = self._spots = self._spots_of(self.tissue)
        places = spots.site_corners, spots.site_weights, spots.corners, spots.weights
        tissue = self.tissue
        rings = (*tissue.state, tissue.tips) if isinstance(tissue, Axisymmetric) else ()
        self._arrays: tuple[Any, ...] = *rings, self._fluence, self._probes.state, self._probes.tails, *places
        self._feel()

    def _spots_of(self, tissue: MeshTissue | Box) -> Spots:
        probes, coefficient = self._probes, self._coefficient_c_cm2_per_w
        if isinstance(tissue, Box):  # fibres are left out there
            placing = partial(tissue.place, angles_deg=probes.angles_deg)
            return Spots(placing, np.ones(tissue.cells.rise_padded.size, bool), probes, coefficient)
        outside_fibre = np.pad(~tissue.inside_fibre, 1, constant_values=True).ravel()
        return Spots(partial(place, tissue.mesh), outside_fibre, probes, coefficient)

    def _feel(self) -> None:
        spots = self._spots
        instant = self.grid_points // kernel.POINTS_PER_STEP % len(spots.corners)
        seen = spots.corners[instant], spots.weights[instant]
        kernel.feel(self._rise, self._fluence, *seen, self._probes.state, self.tissue.body_c)

    def pull_out(self, probe: int, by_mm: float) -> None:
        """Pull a probe along its wire by `by_mm`; its site, where the treatment wants it, stays."""
        self._probes.pull(probe, by_mm)
        self._find_spots()

    def breathe(self, amplitude_mm: float) -> None:
        """Let the probes move against tissue and fibre from now on, at the plan's rate; 0: no more than the fibre."""
        self._probes.breathe(amplitude_mm)
        self._find_spots()

    def advance(self, grid_points: int, power_w: float) -> None:
        """Advance grid_points · 20 ms while `power_w` leaves the fibre.

        The tissue steps at every fifth grid point with the mean power of those five; splitting a call changes nothing.
        Raises ValueError for a negative count, or a power that is negative or not finite.
        """
        if not (grid_points >= 0 and 0.0 <= power_w < math.inf):
            raise ValueError(f"advance({grid_points}, {power_w}): both must be 0 or more, and finite")
        if isinstance(self.tissue, Axisymmetric):
            self._advance_rings(self.tissue, grid_points, float(power_w))
        else:
            for _ in range(grid_points):
                self._advance_point(float(power_w))

    def _advance_rings(self, tissue: Axisymmetric, grid_points: int, power_w: float) -> None:
        """Tissue and probes in one compiled call, but for the light."""
        while grid_points > 0:
            span: list[Any] = [self.grid_points, grid_points, power_w]
            done, wanted = kernel.advance(*self._arrays, *span)
            self.grid_points += done
            grid_points -= done
            if wanted != kernel.NOTHING:
                tissue.see_to(wanted)
                self._fluence[1:-1, 1:-1] = tissue.light.fluence_w_cm2

    def _advance_point(self, power_w: float) -> None:
        """One grid point of any other tier: as kernel.advance."""
        tissue, probes, spots = self.tissue, self._probes, self._spots
        kernel.follow(probes.state, probes.tails, probes.keep, power_w)
        self._power_sum_w += power_w
        self.grid_points += 1
        if self.grid_points % kernel.POINTS_PER_STEP == 0:
            tissue.advance(1, self._power_sum_w / kernel.POINTS_PER_STEP)
            self._power_sum_w = 0.0
            self._see(tissue)
            sites = spots.site_corners, spots.site_weights
            kernel.visit_sites(self._rise, *sites, probes.state, tissue.body_c, TISSUE_STEP_S)
            self._feel()

    def _see(self, tissue: MeshTissue | Box) -> None:
        """The fields of now."""
        if isinstance(tissue, Box):
            self._rise = tissue.cells.rise_padded
            return
        self._rise[1:-1, 1:-1] = tissue.rise
        if self.grid_points % GRID_POINTS_PER_SECOND == 0:
            self._fluence[1:-1, 1:-1] = tissue.fluence_w_cm2

    @property
    def light(self) -> Light:
        """Of the tissue as it is now, per W that passes the char on the fibre's tip; of the axisymmetric tier."""
        if not isinstance(self.tissue, Axisymmetric):
            raise ValueError("this tier tells its fluence rate only: take tissue.fluence_w_cm2")
        return self.tissue.light

    @property
    def mesh(self) -> Mesh:
        if isinstance(self.tissue, Box):
            raise ValueError("the 3-D tier has no rings: take tissue.cells.grid")
        return self.tissue.mesh

    @property
    def tissue_max_c(self) -> float:
        """Hottest cell so far, °C."""
        return self.tissue.tissue_max_c

    def volumes_mm3(self) -> dict[str, float]:
        """See Axisymmetric.volumes_mm3."""
        return self.tissue.volumes_mm3()

    def walls(self) -> dict[str, dict[str, float]]:
        """See Cartesian.walls; other tiers have none."""
        return self.tissue.walls() if isinstance(self.tissue, Box) else {}

    def field(self) -> dict[str, Floats]:
        """See Axisymmetric.field, and Box.field."""
        return self.tissue.field()


def patient(plan: Plan) -> Plant:
    """The plant of a plan as a user gave it. Raises InputError if it cannot be computed."""
    try:
        return Plant(plan)
    except ValueError as error:
        raise InputError(str(error)) from error
