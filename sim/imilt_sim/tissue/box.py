"""The 3-D tier of a plan: all its fibres, vessels and ducts, and what probes and records need of them."""

from __future__ import annotations

import numpy as np

from imilt.plan import Plan
from imilt_sim.tissue import cartesian_kernel as kernel
from imilt_sim.tissue.cartesian import Cartesian, Placed, Sites3d
from imilt_sim.tissue.fields3d import centres, corners
from imilt_sim.tissue.interface import Energy
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.probes import Indices

FIELDS = {
    "cem43_min": kernel.CEM43,
    "omega_skin": kernel.OMEGA_SKIN,
    "omega_delayed": kernel.OMEGA_DELAYED,
    "shell_s": kernel.SHELL,
    "dried": kernel.DRIED,
}


class Box:
    """Tissue of a plan in cubes (interface.Tissue): the fibres share the power alike.

    Raises ValueError for a fibre or a structure that lies outside.
    """

    def __init__(self, plan: Plan) -> None:
        tip_mm = 0.0 if plan.fibre.kind == "diffuser" else plan.fibre.end_mm
        places = [(0.0, 0.0, tip_mm), *((f.x_mm, f.y_mm, f.z_mm + tip_mm) for f in plan.further_fibres)]
        fibres = [Placed(plan.fibre, place) for place in places]
        self.cells = Cartesian(plan.tissue, fibres, plan.tumour, plan.structures)
        self._fibres = len(fibres)

    @property
    def body_c(self) -> float:
        """See interface.Tissue."""
        return self.cells.body_c

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """See interface.Tissue: of all fibres together."""
        self.cells.advance(steps, float(power_w) / self._fibres)

    def sites(self, points_mm: Floats) -> Sites3d:
        """See interface.Tissue."""
        return self.cells.sites(points_mm)

    def place(self, points_mm: Floats, angles_deg: Floats) -> tuple[Indices, Floats]:
        """As probes.place, for n probes at their angles around the axis: points (n, m, 2), the rest (n, m, 8)."""
        turned = np.radians(angles_deg)[:, None]
        radial, axial = points_mm[..., 0], points_mm[..., 1]
        points = np.stack((radial * np.cos(turned), radial * np.sin(turned), axial), axis=-1)
        low = np.array(self.cells.grid.corner_mm)
        points = np.clip(points, low, low + np.array(self.cells.grid.shape) * self.cells.grid.cell_mm)
        around = corners(self.cells.grid, self.cells.padded, points.reshape(-1, 3))
        shape = (*radial.shape, 8)
        return around.indices.reshape(shape), around.weights.reshape(shape)

    @property
    def tissue_max_c(self) -> float:
        """See interface.Tissue."""
        return self.cells.tissue_max_c

    def volumes_mm3(self) -> dict[str, float]:
        """See interface.Tissue."""
        return self.cells.volumes_mm3()

    def energy_j(self) -> Energy:
        """See interface.Tissue."""
        return self.cells.energy_j()

    def walls(self) -> dict[str, dict[str, float]]:
        """See Cartesian.walls."""
        return self.cells.walls()

    @property
    def centres_mm(self) -> tuple[Floats, Floats, Floats]:
        """Of the cells along x, y and z."""
        return centres(self.cells.grid)

    def fields(self) -> dict[str, Floats]:
        """Copies of the fields of Axisymmetric.field but for Ω of BHK cells, (nx, ny, nz)."""
        cells = self.cells
        kept = {name: cells.inner(row).astype(np.float64) for name, row in FIELDS.items()}
        rise, peak = cells.rise.astype(np.float64), cells.inner(kernel.PEAK).astype(np.float64)
        return {
            "temperature_c": cells.body_c + rise,
            "peak_c": cells.body_c + np.maximum(peak, rise),
            "fluence_w_cm2": cells.fluence.astype(np.float64),
            **kept,
        }

    def field(self) -> dict[str, Floats]:
        """As Axisymmetric.field in the plane y = 0, but for volumes: `r_mm` is x, below 0 on the far side."""
        x, y, z = self.centres_mm
        middle = int(np.argmin(np.abs(y)))
        return {"r_mm": x, "z_mm": z, **{name: values[:, middle] for name, values in self.fields().items()}}
