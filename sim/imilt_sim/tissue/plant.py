"""The simulated patient: tissue and thermocouples of one plan, in steps of 20 ms."""

from __future__ import annotations

import math

import numpy as np

from imilt.plan import Plan
from imilt_sim.tissue import damage, kernel, probes
from imilt_sim.tissue.heat import blood_w_mm3_k, conduction_rates, new_cells, plan_medium, steps_needed
from imilt_sim.tissue.light import plan_light
from imilt_sim.tissue.mesh import Floats, Mesh, fibre_cells, plan_mesh, tumour_fraction

GRID_MS = 20
TISSUE_STEP_S = 0.1
"""Five grid points: heat crosses a 0.4 mm cell in about a second."""


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
        """At rest at body temperature. `mesh` replaces the plan's own, to see what the mesh is worth."""
        self.mesh: Mesh = mesh if mesh is not None else plan_mesh(plan.fibre)
        self.medium = plan_medium(plan.tissue)
        self.inside_fibre = fibre_cells(self.mesh, plan.fibre)
        self.tumour_fraction: Floats = tumour_fraction(self.mesh, plan.tumour) * ~self.inside_fibre
        self.light = plan_light(self.mesh, plan.fibre, plan.tissue)
        self.grid_points = 0
        self._build_tissue(plan)
        self._build_probes(plan)

    def _build_tissue(self, plan: Plan) -> None:
        tissue = plan.tissue
        normal, tumour = tissue.normal_perfusion_per_s, tissue.tumour_perfusion_per_s
        perfusion = (normal + (tumour - normal) * self.tumour_fraction) * ~self.inside_fibre
        loss_per_s = blood_w_mm3_k(perfusion) / self.medium.capacity_j_mm3_k
        rates = conduction_rates(self.mesh, self.medium)
        steps = steps_needed(rates, loss_per_s, TISSUE_STEP_S)
        self.step_s = TISSUE_STEP_S / steps
        self._lines = rates * self.step_s
        self._cells = new_cells(self.mesh, rates, self.light.absorbed_w, loss_per_s, self.medium, self.step_s)
        self._numbers = np.zeros(kernel.N_NUMBERS)
        self._numbers[kernel.BODY] = tissue.body_c
        self._numbers[kernel.STEPS] = steps
        self._numbers[kernel.SKIN_A : kernel.BHK_E + 1] = *damage.SKIN.log2_form, *damage.BHK.log2_form

    def _build_probes(self, plan: Plan) -> None:
        self._numbers[kernel.KEEP] = probes.keep(plan.probe_model.lag_s)
        self._corners, self._probes = probes.new_probes(
            self.mesh, plan.probes, plan.probe_model, self.light.fluence_w_cm2, self.inside_fibre
        )
        self.junction_c: Floats = self._probes[kernel.JUNCTION]
        self.junction_integral_c_s: Floats = self._probes[kernel.INTEGRAL]
        self.site_c: Floats = self._probes[kernel.SITE]
        self.cem43_site_min: Floats = self._probes[kernel.SITE_CEM43]
        self.self_heating_c_per_w: Floats = self._probes[kernel.SELF_HEATING]
        self.junction_c[:] = self.site_c[:] = plan.tissue.body_c

    def advance(self, grid_points: int, power_w: float) -> None:
        """Advance grid_points · 20 ms while `power_w` leaves the fibre.

        The tissue steps at every fifth grid point with the mean power of those five; splitting a call changes nothing.
        Raises ValueError for a negative count, or a power that is negative or not finite.
        """
        if not (grid_points >= 0 and 0.0 <= power_w < math.inf):
            raise ValueError(f"advance({grid_points}, {power_w}): both must be 0 or more, and finite")
        state = self._cells, self._lines, self._probes, self._corners, self._numbers
        kernel.advance(*state, self.grid_points, grid_points, float(power_w))
        self.grid_points += grid_points

    @property
    def tissue_max_c(self) -> float:
        """Hottest cell so far, °C. Nothing boils yet: above 100 °C the figure only says that steam would form."""
        return float(self._numbers[kernel.BODY] + self._cells[kernel.PEAK].max())

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now, °C, (nr, nz); a view."""
        steps = self.grid_points // kernel.POINTS_PER_STEP * int(self._numbers[kernel.STEPS])
        return self._inner(steps % 2)

    @property
    def loss_per_s(self) -> Floats:
        """Fraction of the rise that blood carries off per second now, (nr, nz)."""
        return self._inner(kernel.LOSS) / self.step_s

    def _inner(self, row: int) -> Floats:
        return self._cells[row, 1:-1, 1:-1]

    def volumes_mm3(self) -> dict[str, float]:
        """Tissue beyond a threshold (Ω of SKIN >= 1, 240 CEM43), mm³, and as a fraction of the tumour."""
        regions = {
            "ablated": self._inner(kernel.OMEGA_SKIN) >= 1.0,
            "cem43_240": self._inner(kernel.CEM43) >= damage.LETHAL_CEM43_MIN,
        }
        tissue = self.mesh.volume_mm3 * ~self.inside_fibre
        tumour = self.mesh.volume_mm3 * self.tumour_fraction
        whole = tumour.sum() or 1.0  # a fibre may fill a small tumour
        volumes = {name: float(tissue[region].sum()) for name, region in regions.items()}
        fractions = {f"{name}_tumour_fraction": float(tumour[region].sum() / whole) for name, region in regions.items()}
        return volumes | fractions

    def field(self) -> dict[str, Floats]:
        """Copies of the fields: centres `r_mm` (nr,) and `z_mm` (nz,), the rest (nr, nz).

        They cover the fibre's own cells too, where only the temperature means something.
        """
        body_c = self._numbers[kernel.BODY]
        return {
            "r_mm": self.mesh.r.copy(),
            "z_mm": self.mesh.z.copy(),
            "temperature_c": body_c + self.rise,
            "peak_c": body_c + self._inner(kernel.PEAK),
            "cem43_min": self._inner(kernel.CEM43).copy(),
            "omega_skin": self._inner(kernel.OMEGA_SKIN).copy(),
            "omega_bhk": self._inner(kernel.OMEGA_BHK).copy(),
            "volume_mm3": self.mesh.volume_mm3.copy(),
        }
