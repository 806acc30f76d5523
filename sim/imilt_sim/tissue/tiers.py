"""The tier that a plan asks for, with what probes and records need of it beside interface.Tissue."""

from __future__ import annotations

from typing import Protocol

from imilt.plan import Plan
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.interface import Tissue
from imilt_sim.tissue.lti import Linear
from imilt_sim.tissue.mesh import Bools, Floats, Mesh
from imilt_sim.tissue.spherical import Spherical


class MeshTissue(Tissue, Protocol):
    """A tier that can be seen on an axisymmetric mesh, whatever it computes on."""

    mesh: Mesh
    inside_fibre: Bools

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now, °C, (nr, nz)."""
        ...

    @property
    def fluence_w_cm2(self) -> Floats:
        """Fluence rate per W leaving the fibre now, (nr, nz)."""
        ...

    def field(self) -> dict[str, Floats]:
        """See Axisymmetric.field."""
        ...


def plan_tissue(plan: Plan, mesh: Mesh | None = None) -> MeshTissue | Box:
    """The plan's tissue in the plan's tier; `mesh` replaces the axisymmetric tier's own."""
    if plan.model.tier == "lti":
        return Linear(plan)
    if plan.model.tier == "spherical":
        return Spherical(plan)
    if plan.model.tier == "3d":
        return Box(plan)
    return Axisymmetric.of(plan, mesh)
