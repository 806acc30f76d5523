"""A set-up: tissue, fibre, probes, power over time, and what was measured, as a TOML file.

The measured cases that come with the package are such files, cases/*.toml; a user's own has the same form. Coordinates
as in a plan: `radial_mm` from the fibre's axis, `axial_mm` along it, 0 at the middle of a diffuser or at the face of a
bare or radial fibre, positive ahead.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from imilt.errors import InputError
from imilt.plan import (
    Fibre,
    FurtherFibre,
    Model,
    ProbeModel,
    Section,
    Structure,
    Tissue,
    Tumour,
    check_surroundings,
    plain,
    quantity,
    read_toml,
)
from imilt_sim.tissue.mesh import OUTER_HALF_LENGTH_MM, OUTER_RADIUS_MM

CASES = Path(__file__).parent / "cases"
EXAMPLE = "V1"
LAST = 1000
LONGEST_S = 7200.0
"""Two hours: a treatment takes one."""
EACH_TISSUE_STEP_S = 0.1


@cache
def presets() -> dict[str, dict[str, Any]]:
    """The named tissues of presets.toml: keys of the section `tissue`."""
    return tomllib.loads((CASES / "presets.toml").read_text())


class SetupTissue(Tissue):
    """The plan's section `tissue`, on top of a named preset."""

    preset: str = Field(default="pancreas", description="a tissue of presets.toml")
    perfusion_per_s: float | None = Field(
        default=None,
        ge=0.0,
        le=0.05,
        strict=True,
        description="of tumour and normal tissue alike",
        json_schema_extra={"unit": "1/s"},
    )

    @model_validator(mode="before")
    @classmethod
    def _on_top_of_the_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        name = given.get("preset", "pancreas")
        if not isinstance(name, str) or name not in presets():
            raise ValueError(f"preset = {name!r}: no such tissue; one of {', '.join(presets())}")
        return presets()[name] | given

    def of_plan(self) -> Tissue:
        """The plan's section."""
        values = {key: getattr(self, key) for key in Tissue.model_fields}
        if self.perfusion_per_s is not None:
            values |= dict.fromkeys(("tumour_perfusion_per_s", "normal_perfusion_per_s"), self.perfusion_per_s)
        return Tissue.model_validate(values)


ProbeKind = Literal["ideal", "thermocouple", "bead", "needle"]
"""A thermocouple is of the kind that section `probe_model` names; a bead or a needle differs from it in that alone."""


class SetupProbe(Section):
    """One place where the temperature is wanted, and what reads it there."""

    name: str = Field(min_length=1, max_length=40)
    kind: ProbeKind = Field(default="ideal", description="ideal: the undisturbed tissue's, as a fibre grating has it")
    radial_mm: float = Field(ge=0.0, le=OUTER_RADIUS_MM, strict=True, json_schema_extra={"unit": "mm"})
    axial_mm: float = quantity(0.0, -OUTER_HALF_LENGTH_MM, OUTER_HALF_LENGTH_MM, "mm", "level with the fibre's zero")
    angle_deg: float = quantity(0.0, -180.0, 360.0, "°", "around the fibre's axis; felt in tier '3d' alone")


class Step(Section):
    """Constant power for a while; 0 W lets the tissue cool."""

    power_w: float = Field(ge=0.0, le=50.0, strict=True, json_schema_extra={"unit": "W"})
    duration_s: float = Field(ge=EACH_TISSUE_STEP_S, le=LONGEST_S, strict=True, json_schema_extra={"unit": "s"})


class Run(Section):
    """One time course of power, from rest."""

    name: str = Field(default="", max_length=40)
    power: tuple[Step, ...] = Field(min_length=1, max_length=1000)

    @property
    def duration_s(self) -> float:
        return sum(step.duration_s for step in self.power)

    @property
    def energy_j(self) -> float:
        """What the fibre would emit without a loop."""
        return sum(step.power_w * step.duration_s for step in self.power)

    @model_validator(mode="after")
    def _not_for_ever(self) -> Run:
        if self.duration_s > LONGEST_S:
            raise ValueError(f"power: {self.duration_s:g} s in all, at most {LONGEST_S:g} s; shorten it")
        return self


class Loop(Section):
    """A thermostat: the run's power while the probe reads less than the set point, else none."""

    probe: str
    set_point_c: float = quantity(43.0, 20.0, 90.0, "°C", "hyperthermia")
    every_s: float = quantity(1.0, 0.1, 60.0, "s", "how often the probe is read")
    settled_s: float = quantity(600.0, 0.0, LONGEST_S, "s", "from then on the control is judged")


class Point(Section):
    """A figure of the result beside the measured one."""

    name: str = Field(min_length=1, max_length=80)
    quantity: str = Field(min_length=1)
    unit: str = Field(max_length=20)
    run: str = Field(default="", description="name of the run; needed if there is more than one")
    over: str = Field(default="", description="name of a run: the ratio of the quantity to that run's is meant")
    less: str = Field(default="", description="name of a run: the difference from that run's is meant")
    probe: str = Field(default="", description="name of the probe, for the quantities of probes")
    measured: float | tuple[float, float] | str | None = Field(default=None, description="a figure, a span, or words")
    within: float | None = Field(default=None, gt=0.0, description="goal: as near as this, in the point's unit")
    percent: float | None = Field(default=None, gt=0.0, description="goal: as near as this")
    factor: float | None = Field(default=None, gt=1.0, description="goal: neither this much more nor less")
    at_least: float | None = None
    at_most: float | None = None

    def goal(self) -> tuple[float, float] | None:
        """Lowest and highest figure that meets the goal, if there is one; infinite where nothing is asked."""
        if self.at_least is not None or self.at_most is not None:
            low, high = self.at_least, self.at_most
            return (float("-inf") if low is None else low, float("inf") if high is None else high)
        if self.measured is None or isinstance(self.measured, str):
            return None
        low, high = self.measured if isinstance(self.measured, tuple) else (self.measured, self.measured)
        if self.within is not None:
            return low - self.within, high + self.within
        if self.percent is not None:
            return low * (1 - self.percent / 100), high * (1 + self.percent / 100)
        return (low / self.factor, high * self.factor) if self.factor is not None else None


class Setup(Section):
    """Everything that one run of the tissue needs."""

    schema_version: Literal[1] = Field(1, alias="schema")
    name: str = Field(min_length=1, max_length=120)
    source: str = Field(default="", description="where the measured figures are from")
    note: str = Field(default="", description="what is assumed, and what a miss means")
    tissue: SetupTissue = SetupTissue()
    tumour: Tumour | None = None
    fibre: Fibre = Fibre()
    probe_model: ProbeModel = ProbeModel()
    probes: tuple[SetupProbe, ...] = Field(default=(), max_length=64)
    power: tuple[Step, ...] = Field(default=(), max_length=1000)
    runs: tuple[Run, ...] = Field(default=(), max_length=50)
    loop: Loop | None = None
    model: Model = Model()
    further_fibres: tuple[FurtherFibre, ...] = Field(default=(), max_length=7)
    structures: tuple[Structure, ...] = Field(default=(), max_length=20)
    points: tuple[Point, ...] = Field(default=(), max_length=200)

    @property
    def all_runs(self) -> tuple[Run, ...]:
        return self.runs or (Run(name="", power=self.power),)

    @model_validator(mode="after")
    def _fits_together(self) -> Setup:
        self._one_course_of_power()
        self._names_differ()
        self._probes_outside_fibre()
        self._loop_has_its_probe()
        check_surroundings(self.model, self.fibre, self.further_fibres, self.structures)
        return self

    def _one_course_of_power(self) -> None:
        if bool(self.power) == bool(self.runs):
            raise ValueError("give either [[power]] with power_w and duration_s, or [[runs]], not both and not neither")

    def _names_differ(self) -> None:
        for what, names in (("probes", [p.name for p in self.probes]), ("runs", [r.name for r in self.runs])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: the name {twice[0]!r} is given twice; names tell them apart")

    def _probes_outside_fibre(self) -> None:
        for i, probe in enumerate(self.probes):
            if probe.radial_mm < self.fibre.radius_mm and probe.axial_mm < self.fibre.end_mm:
                raise ValueError(
                    f"probes[{i}].radial_mm = {probe.radial_mm}: inside the fibre, whose radius is"
                    f" {self.fibre.radius_mm} mm; move it out, or ahead of {self.fibre.end_mm} mm"
                )

    def _loop_has_its_probe(self) -> None:
        if self.loop and self.loop.probe not in [probe.name for probe in self.probes]:
            raise ValueError(f"loop.probe = {self.loop.probe!r}: there is no such probe; add it to [[probes]]")


def load_setup(path: Path) -> Setup:
    """Read and check a set-up. Raises InputError with one plain message."""
    data, _ = read_toml(path, f"name a set-up, or a case with --case {EXAMPLE}", "docs/physics.md shows a set-up")
    try:
        return Setup.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {plain(error, Setup)}") from error


def case_names() -> list[str]:
    """The measured cases: those with a number, in its order, then the others."""
    names = (path.stem for path in CASES.glob("*.toml") if path.stem != "presets")
    return sorted(names, key=lambda name: (int(name[1:]) if name[1:].isdigit() else LAST, name))


def load_case(name: str) -> Setup:
    """A measured case. Raises InputError for an unknown name."""
    if name not in case_names():
        raise InputError(f"--case {name}: no such case; one of {', '.join(case_names())}")
    return load_setup(CASES / f"{name}.toml")
