"""What every tier of the tissue can do, so that probes and checks need not know which one they have.

Coordinates in mm: x, y across the fibre, z along it as in the plan (0 at the middle of a diffuser or at the face of a
bare fibre, positive away from the operator). Temperatures in °C. Fluence rates in W/cm² per W leaving the fibre.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from imilt_sim.tissue.mesh import Floats

TISSUE_STEP_S = 0.1
"""What one step of every tier is; a tier may cut it into smaller ones."""
COLDEST_BELOW_BODY_C, HOTTEST_C = 20.0, 3000.0
"""No tissue is colder or hotter: a field beyond says that the computation has failed."""


class TissueError(RuntimeError):
    """A field left the bounds of what is physically possible; says where and when."""


class Energy(NamedTuple):
    """Where the light's energy has gone since the start, J. `given` = the sum of all the others."""

    given: float
    """Left the fibre."""
    stored: float
    """Warms the tissue now, above body temperature."""
    blood: float
    """Carried away by perfusion, vessels and ducts."""
    walls: float
    """Conducted out through the outer walls."""
    steam: float
    """Left with the steam."""
    light: float
    """Escaped as light through the outer walls."""

    @property
    def error(self) -> float:
        """What is missing or too much, as a fraction of what was given."""
        return (self.given - sum(self[1:])) / self.given if self.given else 0.0


class Sites(Protocol):
    """Some points of the tissue, read again and again."""

    def temperature_c(self) -> Floats:
        """Of the undisturbed tissue now, (n,)."""
        ...

    def fluence_w_cm2(self) -> Floats:
        """Fluence rate per W leaving the fibre now, (n,); of several fibres, all alike."""
        ...


class Tissue(Protocol):
    """A tier: some tissue with its fibre or fibres, at rest at body temperature when made."""

    @property
    def body_c(self) -> float:
        """Of the body, its blood and the outer walls."""
        ...

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """Advance by `steps` of TISSUE_STEP_S while `power_w` leaves the fibre, or each of the fibres.

        Raises ValueError for a negative count, or a power that is negative or not finite; TissueError for a field out
        of bounds.
        """
        ...

    def sites(self, points_mm: Floats) -> Sites:
        """A reader of the points (x, y, z), (n, 3). Raises ValueError for a point outside the domain."""
        ...

    @property
    def tissue_max_c(self) -> float:
        """Hottest cell so far."""
        ...

    def volumes_mm3(self) -> dict[str, float]:
        """Tissue beyond each of the thresholds of damage.py, and as a fraction of the tumour."""
        ...

    def energy_j(self) -> Energy:
        """Where the energy has gone."""
        ...
