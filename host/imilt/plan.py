"""The treatment plan: a TOML file, validated with units and ranges, and its integer form for the device.

Coordinates: `radial_mm` is the distance from the fibre's axis; `axial_mm` runs along it, 0 at the middle of the
diffuser or at the tip of a bare or radial fibre, positive away from the operator. `angle_deg` turns about it. Points
(x, y, z) have z along the fibre and x away from its axis at 0°, y at 90°. Every default names its source.
"""

from __future__ import annotations

import hashlib
import math
import os
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imilt.decay import shares_q10
from imilt.errors import InputError

EXAMPLE = "plans/pancreas-imilt.toml"
PROBE_RADIUS_MM = 0.25
"""Radius of a sheathed hypodermic thermocouple (0.5 mm): no two probes, nor probe and fibre, closer than they fit."""


def quantity(default: float, low: float, high: float, unit: str, source: str) -> Any:
    """A number with its unit, its range and the source of its default."""
    return Field(default, ge=low, le=high, strict=True, description=source, json_schema_extra={"unit": unit})


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Treatment(Section):
    """What is wanted at the control probe."""

    set_point_c: float = quantity(46.0, 42.0, 50.0, "°C", "in the periphery: HRA IRAS 189032")
    tolerance_c: float = quantity(1.0, 0.2, 1.0, "°C", "one degree is a factor 2 in CEM43")
    lowest_c: float = quantity(30.0, 5.0, 36.0, "°C", "in a body: below, a probe is out or shorted")
    hold_min: float = quantity(30.0, 0.5, 60.0, "min", "imILT holds for 30 min: HRA IRAS 189032")
    max_emission_min: float = quantity(60.0, 1.0, 90.0, "min", "twice the hold")
    max_energy_kj: float = quantity(12.0, 0.1, 27.0, "kJ", "3 W over 60 min, rounded up")


class Control(Section):
    """The feedback law's parameters."""

    law: Literal["identified", "fixed"] = Field(
        default="identified", description="gains from how the tissue answers, or always those given here"
    )
    reading: Literal["corrected", "dark"] = Field(
        default="corrected", description="probes without their self-heating, or the last dark sample as it is"
    )
    kp_w_per_c: float = quantity(0.5, 0.01, 3.0, "W/°C", "`make tune`: from 1.2 on, light on the probe makes it ring")
    ti_s: float = quantity(110.0, 5.0, 1000.0, "s", "6 (λ + 4 s), λ = 15 s, rounded down: `make tune` prints trials")
    feed_forward_w: float = quantity(1.5, 0.0, 5.0, "W", "under what holds the default plan, 2 W in bright slots")


BEAD_LEFT = {
    0.02: 0.6894,
    0.05: 0.5329,
    0.1: 0.4088,
    0.2: 0.3002,
    0.3: 0.2469,
    0.5: 0.1909,
    1.0: 0.1324,
    2.0: 0.0901,
    3.0: 0.0713,
    5.0: 0.0523,
    10.0: 0.0334,
    30.0: 0.0146,
    100.0: 0.0044,
    300.0: 0.0008,
}
"""Of a bead of 0.1 mm radius in tissue, so many s after dark: conduction, as `left_after_dark` has it."""


class SelfHeating(Section):
    """How the probes' own warmth by light leaves them, as the bench has measured it; the device corrects by it."""

    times_s: tuple[float, ...] = Field(
        default=tuple(BEAD_LEFT),
        min_length=4,
        max_length=40,
        description="after the light went off",
        json_schema_extra={"unit": "s"},
    )
    stem_mm: float = quantity(1.0, 0.0, 5.0, "mm", "of the probe's stem carry heat off it: 0.05 mm wires 1")
    left: tuple[float, ...] = Field(
        default=tuple(BEAD_LEFT.values()),
        min_length=4,
        max_length=40,
        description="fraction of it that is left then: of a bead of 0.1 mm radius, by conduction",
    )

    @model_validator(mode="after")
    def _falls(self) -> SelfHeating:
        if len(self.times_s) != len(self.left):
            raise ValueError(
                f"self_heating.left: {len(self.left)} fractions for {len(self.times_s)} times; give one for each"
            )
        if not all(a < b for a, b in pairwise((0.0, *self.times_s))):
            raise ValueError("self_heating.times_s: they must be above 0 and rise; put them in order")
        if not all(1.0 >= a >= b >= 0.0 for a, b in pairwise((1.0, *self.left))):
            raise ValueError("self_heating.left: fractions from 1 down to 0, none above the one before it")
        return self


class Supervision(Section):
    """What the device asks of the host and of the person beside it."""

    lease_s: float = quantity(3.0, 1.0, 10.0, "s", "three heartbeats of the host, one a second")
    on_lost_host: Literal["pause", "stop"] = Field(default="pause", description="a host that comes back can resume")
    confirm_min: float = quantity(5.0, 1.0, 10.0, "min", "nobody stands on a pedal for the whole hold")


HIGHEST_CAP_W: dict[str, float] = {"bare": 3.0, "diffuser": 5.0, "radial": 3.0}
"""The firmware's own bounds, `CAP_MAX_MW` in limits.py; a test compares them. Their order is the device's number."""
DEFAULT_CAP_W: dict[str, float] = {"bare": 2.0, "diffuser": 3.0, "radial": 2.0}


class Fibre(Section):
    """The emitting end of the fibre."""

    kind: Literal["bare", "diffuser", "radial"] = "diffuser"
    diffuser_length_mm: float = quantity(15.0, 5.0, 40.0, "mm", "common in interstitial therapy: 10-15 mm")
    radius_mm: float = quantity(0.75, 0.1, 2.0, "mm", "1.5 mm outer diameter of a diffusing applicator")
    cap_w: float | None = Field(
        default=None,
        ge=0.1,
        le=5.0,
        strict=True,
        description="by kind: bare 2 W, diffuser 3 W, above which char is common (Möller 1995, Lasers Med Sci 10:193);"
        " radial as bare",
        json_schema_extra={"unit": "W"},
    )

    @property
    def power_cap_w(self) -> float:
        """The cap in force, W: the plan's, else that of the fibre's kind."""
        return self.cap_w if self.cap_w is not None else DEFAULT_CAP_W[self.kind]

    @property
    def end_mm(self) -> float:
        """Axial position of the distal end, mm."""
        return self.diffuser_length_mm / 2 if self.kind == "diffuser" else 0.0


Point = tuple[float, float, float]


def placed(radial_mm: float, angle_deg: float, axial_mm: float) -> Point:
    """(x, y, z) of a place that is told by its distance from the axis, its angle around it and its z."""
    angle = math.radians(angle_deg)
    return radial_mm * math.cos(angle), radial_mm * math.sin(angle), axial_mm


Role = Literal["control", "tip", "guard", "spare"]
DEFAULT_LIMIT_C: dict[str, float] = {"control": 60.0, "tip": 95.0, "guard": 43.0, "spare": 60.0}
"""Over-temperature by role, also seen in bright samples: a guard protects healthy tissue (30 CEM43 takes 30 min at
43 °C); the tip stays below steam at about 100 °C (SPIE 1422); control and spare leave room for absorbed light."""

HIGHEST_LIMIT_C: dict[str, float] = {"control": 65.0, "tip": 95.0, "guard": 50.0, "spare": 95.0}
"""The firmware's own bounds, `PROBE_LIMIT_MAX_MC` in limits.py; a test compares them."""


class Probe(Section):
    """A thermocouple on the channel of its place in the list."""

    role: Role
    radial_mm: float = Field(ge=0.0, le=40.0, strict=True, json_schema_extra={"unit": "mm"})
    axial_mm: float = quantity(0.0, -40.0, 40.0, "mm", "level with the middle of the diffuser, or another fibre's tip")
    angle_deg: float = quantity(0.0, -180.0, 360.0, "°", "around the fibre's axis; felt in tier '3d' alone")
    radial_error_mm: float = quantity(0.0, -5.0, 5.0, "mm", "simulated: how much further out it truly is than planned")
    axial_error_mm: float = quantity(0.0, -5.0, 5.0, "mm", "simulated: how much further along it truly is than planned")
    type: Literal["B", "E", "J", "K", "N", "R", "S", "T"] = Field(
        default="T", description="class 1 within 0.5 °C; E, J, K and N within 1.5 °C: IEC 60584-1"
    )
    limit_c: float | None = Field(
        default=None,
        ge=41.0,
        le=95.0,
        strict=True,
        description="by role: control and spare 60, tip 95 (below steam), guard 43 (30 CEM43 in 30 min)",
        json_schema_extra={"unit": "°C"},
    )

    @property
    def over_temperature_c(self) -> float:
        """The limit in force, °C: the plan's, else that of the role."""
        return self.limit_c if self.limit_c is not None else DEFAULT_LIMIT_C[self.role]

    @property
    def place_mm(self) -> tuple[float, float, float]:
        """Where it is planned, (x, y, z)."""
        return placed(self.radial_mm, self.angle_deg, self.axial_mm)

    @property
    def true_radial_mm(self) -> float:
        """Where the simulated probe sits; past the axis it comes out on the other side."""
        return abs(self.radial_mm + self.radial_error_mm)

    @property
    def true_axial_mm(self) -> float:
        """Where the simulated probe sits."""
        return self.axial_mm + self.axial_error_mm


class Tumour(Section):
    """An ellipsoid of revolution around the fibre's axis, centred on the origin."""

    radial_mm: float = quantity(9.0, 2.0, 25.0, "mm", "an 18 mm lesion: RECIST 1.1 measures from 10 mm on CT")
    axial_mm: float = quantity(11.0, 2.0, 25.0, "mm", "slightly longer than wide")


class Tissue(Section):
    """The simulated patient; a real treatment does not read it."""

    body_c: float = quantity(37.0, 15.0, 40.0, "°C", "core temperature; about 20 for tissue ex vivo")
    absorption_per_cm: float = quantity(0.17, 0.01, 2.0, "1/cm", "porcine pancreas: Sci Rep 2022;12:14300")
    reduced_scattering_per_cm: float = quantity(12.0, 1.0, 40.0, "1/cm", "porcine pancreas: Sci Rep 2022;12:14300")
    density_kg_m3: float = quantity(1087.0, 800.0, 1300.0, "kg/m³", "pancreas: IT'IS database")
    specific_heat_j_kg_k: float = quantity(3164.0, 2000.0, 4500.0, "J/kg/K", "pancreas: IT'IS database")
    conductivity_w_m_k: float = quantity(0.51, 0.1, 1.0, "W/m/K", "pancreas: IT'IS database")
    tumour_perfusion_per_s: float = quantity(0.0033, 0.0, 0.05, "1/s", "PDAC 19.5 ± 19.9 mL/100 mL/min")
    normal_perfusion_per_s: float = quantity(0.016, 0.0, 0.05, "1/s", "normal pancreas 96.9 ± 39.1 mL/100 mL/min")
    warm_perfusion_factor: float = quantity(
        2.5, 1.0, 10.0, "", "of normal tissue at 44 °C: 1.3 at 41 °C (Sturesson 1999); muscle 4 to 10 (Song 1984)"
    )
    water_fraction: float = quantity(0.71, 0.3, 0.9, "", "by mass; pancreas: ICRP 89")
    hot_conductivity_factor: float = quantity(
        1.5, 0.5, 5.0, "", "at 94 °C, flat to 70 °C: porcine heart, doi 10.1007/s10439-022-03122-9"
    )
    boiling_conductivity_factor: float = quantity(
        2.0, 0.5, 20.0, "", "at 100 °C; soars from 90 to 99 °C in liver: Lopresto 2019; size assumed"
    )
    condensing_fraction: float = quantity(
        0.9, 0.0, 1.0, "", "of steam warms the tissue around, the rest escapes; fitted to PMB 58:5705"
    )
    hot_capacity_factor: float = quantity(
        0.8, 0.5, 1.5, "", "at 94 °C, flat to 55 °C: denatured liver, J Heat Transfer 2013;135:061302"
    )
    dry_conductivity_w_m_k: float = quantity(0.2, 0.05, 1.0, "W/m/K", "solids without their water; assumed")
    coagulated_absorption_factor: float = quantity(1.2, 0.2, 5.0, "", "liver 1.2, muscle 0.96: PMC546235")
    coagulated_scattering_factor: float = quantity(
        4.5, 0.5, 12.0, "", "liver 6, muscle 10: PMC546235; fitted to PMB 58:5705"
    )
    dry_absorption_factor: float = quantity(2.46, 0.5, 10.0, "", "dried by 68.5 %: Lasers Surg Med 33:226")
    dry_scattering_factor: float = quantity(1.8, 0.5, 10.0, "", "µeff 2.11 times that of fresh tissue: same source")
    char_onset_c: float = quantity(
        108.0, 105.0, 600.0, "°C", "above 100 °C: Niemz, Laser-Tissue Interactions; fitted to IJH 1996:49"
    )
    char_growth_um_per_s: float = quantity(0.5, 0.0, 100.0, "µm/s", "on the fibre's tip above its onset; assumed")
    char_limit_um: float = quantity(8.0, 0.0, 30.0, "µm", "8.0 ± 2.7 µm on used tips: PMC2834766")
    char_absorption_per_mm: float = quantity(72.0, 0.0, 200.0, "1/mm", "72 ± 16 /mm: PMC2834766")


class ProbeModel(Section):
    """The simulated thermocouples; a real treatment does not read it."""

    kind: Literal["bead", "needle"] = Field(
        default="bead", description="what holds on to absorbed light's heat: a small ball or a long thin cylinder"
    )
    radius_mm: float | None = Field(
        default=None,
        ge=0.02,
        le=1.0,
        strict=True,
        description="by kind: bead 0.1 (0.05 mm wires), needle 0.25 (0.5 mm sheath)",
        json_schema_extra={"unit": "mm"},
    )
    lag_s: float = quantity(0.05, 0.01, 5.0, "s", "behind the tissue: wires of 0.05 mm in gel; a 0.5 mm sheath 0.3 s")
    noise_c: float = quantity(0.03, 0.0, 1.0, "°C", "a few least significant bits of the MAX31856 (0.0078 °C)")
    drift_c_per_h: float = quantity(0.0, -5.0, 5.0, "°C/h", "none in a new T couple below 100 °C; `drift@` adds it")
    self_heating_c_cm2_per_w: float = quantity(
        3.85, 0.0, 20.0, "°C·cm²/W", "14.0 °C at 3 mm, 4.0 °C at 7 mm, 2 W: doi 10.3109/02656736.2014.928832"
    )
    lit_mm: float = quantity(4.0, 0.0, 10.0, "mm", "of wire whose absorbed light the junction feels: from the same two")
    wire_mm: float = quantity(1.0, 0.0, 10.0, "mm", "of wire whose tissue it feels: 0.05 mm copper and constantan")
    wire_angle_deg: float = quantity(0.0, -90.0, 180.0, "°", "0 back along the fibre, 90 away from its axis")

    @property
    def body_radius_mm(self) -> float:
        """The radius in force, mm: the plan's, else that of the kind."""
        return self.radius_mm if self.radius_mm is not None else {"bead": 0.1, "needle": 0.25}[self.kind]


class Model(Section):
    """How the simulated patient is computed; a real treatment does not read it."""

    tier: Literal["axisymmetric", "spherical", "lti", "3d"] = Field(
        default="axisymmetric",
        description="all laws on rings; on shells around a bare tip; linear, right while nothing coagulates;"
        " on cubes of 1 mm, with further fibres, vessels and ducts",
    )


class FurtherFibre(Section):
    """Another fibre like the first and parallel to it, in tier '3d': all share the laser's power alike."""

    x_mm: float = quantity(0.0, -25.0, 25.0, "mm", "across, from the first fibre")
    y_mm: float = quantity(0.0, -25.0, 25.0, "mm", "across, from the first fibre")
    z_mm: float = quantity(0.0, -20.0, 20.0, "mm", "along, from the first fibre")


class Structure(Section):
    """A straight vessel or duct in tier '3d': it carries heat away, and its wall is watched."""

    name: str = Field(min_length=1, max_length=40)
    kind: Literal["vessel", "duct"] = "vessel"
    start_mm: Point = Field(description="(x, y, z) of one end; it may lie outside the tissue")
    end_mm: Point = Field(description="(x, y, z) of the other end")
    radius_mm: float = quantity(3.0, 0.5, 15.0, "mm", "half of a splenic vein's 6 mm; the portal vein has 5 to 6")
    exchange_w_m2_k: float | None = Field(
        default=None,
        ge=0.0,
        le=100_000.0,
        strict=True,
        description="by flow: laminar, Nusselt number 3.66; 0 for what stands still",
        json_schema_extra={"unit": "W/m²/K"},
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> Structure:
        if self.start_mm == self.end_mm:
            raise ValueError(f"structure {self.name!r}: start_mm and end_mm are one point; give it a length")
        return self

    def distance_mm(self, point: Point) -> float:
        """From a point to its axis."""
        along = [b - a for a, b in zip(self.start_mm, self.end_mm, strict=True)]
        out = [b - a for a, b in zip(self.start_mm, point, strict=True)]
        share = sum(a * b for a, b in zip(along, out, strict=True)) / sum(a * a for a in along)
        share = min(max(share, 0.0), 1.0)
        return math.dist(point, [a + share * b for a, b in zip(self.start_mm, along, strict=True)])


def check_surroundings(
    model: Model, fibre: Fibre, fibres: tuple[FurtherFibre, ...], structures: tuple[Structure, ...]
) -> None:
    """Whether the tier can compute them, and they have room. Raises ValueError."""
    if model.tier == "spherical" and fibre.kind == "diffuser":
        raise ValueError(
            "model.tier = 'spherical': a diffuser is no point; take tier 'axisymmetric',"
            " or fibre.kind 'bare' or 'radial'"
        )
    if model.tier != "3d" and (fibres or structures):
        what = "further_fibres" if fibres else "structures"
        raise ValueError(f"{what}: tier {model.tier!r} has none; set model.tier = '3d', or remove {what}")
    names = [structure.name for structure in structures]
    if len(set(names)) < len(names):
        raise ValueError("structures: two have one name; names tell them apart")
    _fibres_apart(fibre, fibres)
    for structure in structures:
        _clear_of_fibres(structure, fibre, fibres)


def _fibres_apart(fibre: Fibre, fibres: tuple[FurtherFibre, ...]) -> None:
    places = [(0.0, 0.0), *((other.x_mm, other.y_mm) for other in fibres)]
    for i, place in enumerate(places):
        gap = min((math.dist(place, other) for other in places[:i]), default=math.inf)
        if gap < 2 * fibre.radius_mm + 1.0:
            raise ValueError(
                f"further_fibres[{i - 1}]: {gap:.2f} mm from another fibre's axis, at least"
                f" {2 * fibre.radius_mm + 1.0:g} mm needed, a cell more than they are thick; move it"
            )


def _clear_of_fibres(structure: Structure, fibre: Fibre, fibres: tuple[FurtherFibre, ...]) -> None:
    """The parts that emit lie in tissue."""
    half, least = (
        fibre.diffuser_length_mm / 2 if fibre.kind == "diffuser" else 0.0,
        structure.radius_mm + fibre.radius_mm,
    )
    for x, y, z in [(0.0, 0.0, 0.0), *((other.x_mm, other.y_mm, other.z_mm) for other in fibres)]:
        nearest = min(structure.distance_mm((x, y, z + half * step / 20)) for step in range(-20, 21))
        if nearest < least:
            raise ValueError(
                f"structure {structure.name!r}: its axis is {nearest:.2f} mm from a fibre, at least {least:g} mm"
                " needed: a fibre emits in tissue; move one of them"
            )


class Breathing(Section):
    """How far the simulated patient's breath moves things across the fibre; a real treatment does not read it."""

    probe_mm: float = quantity(0.0, 0.0, 2.0, "mm", "none: patients of the trials were anaesthetised; up to 1 is usual")
    fibre_mm: float = quantity(0.0, 0.0, 2.0, "mm", "none, as for the probes; both are amplitudes against the tissue")
    rate_hz: float = quantity(0.25, 0.1, 0.5, "Hz", "15 breaths a minute at rest: 12 to 20")


class Plan(Section):
    """One treatment: what to reach, with what, where, and in which simulated patient."""

    schema_version: Literal[1] = Field(1, alias="schema")
    name: str = Field(min_length=1, max_length=80)
    treatment: Treatment = Treatment()
    control: Control = Control()
    self_heating: SelfHeating = SelfHeating()
    supervision: Supervision = Supervision()
    fibre: Fibre = Fibre()
    probes: tuple[Probe, ...] = Field(min_length=1, max_length=4)
    tumour: Tumour = Tumour()
    tissue: Tissue = Tissue()
    probe_model: ProbeModel = ProbeModel()
    breathing: Breathing = Breathing()
    model: Model = Model()
    further_fibres: tuple[FurtherFibre, ...] = Field(default=(), max_length=7)
    structures: tuple[Structure, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _fits_together(self) -> Plan:
        self._one_control()
        self._probes_apart()
        self._probes_outside_fibre()
        self._limits_of_roles()
        self._time_for_the_hold()
        self._limit_above_set_point()
        self._cap_of_fibre()
        check_surroundings(self.model, self.fibre, self.further_fibres, self.structures)
        return self

    @property
    def control_channel(self) -> int:
        """Index of the control probe."""
        return next(i for i, probe in enumerate(self.probes) if probe.role == "control")

    def _one_control(self) -> None:
        count = sum(probe.role == "control" for probe in self.probes)
        if count != 1:
            raise ValueError(f"probes: exactly one has role = 'control', found {count}: the loop follows one probe")

    def _probes_apart(self) -> None:
        for i, a in enumerate(self.probes):
            for j, b in enumerate(self.probes[:i]):
                gap = math.dist(a.place_mm, b.place_mm)
                if gap < 2 * PROBE_RADIUS_MM:
                    raise ValueError(
                        f"probes[{j}] and probes[{i}]: {gap:.2f} mm apart, at least {2 * PROBE_RADIUS_MM} mm needed:"
                        " two probes cannot sit in one place; correct radial_mm, axial_mm or angle_deg"
                    )

    def _probes_outside_fibre(self) -> None:
        nearest = self.fibre.radius_mm + PROBE_RADIUS_MM
        for i, probe in enumerate(self.probes):
            if self._in_fibre(probe.radial_mm, probe.axial_mm):
                raise ValueError(
                    f"probes[{i}].radial_mm = {probe.radial_mm}: inside the fibre, whose radius is"
                    f" {self.fibre.radius_mm} mm; at least {nearest} mm from the axis up to its end"
                )
            if self._in_fibre(probe.true_radial_mm, probe.true_axial_mm):
                raise ValueError(
                    f"probes[{i}].radial_error_mm = {probe.radial_error_mm}, axial_error_mm = {probe.axial_error_mm}:"
                    " put the simulated probe inside the fibre; give a smaller error"
                )
            self._probe_outside_further_fibres(i, probe)

    def _probe_outside_further_fibres(self, i: int, probe: Probe) -> None:
        x, y, z = probe.place_mm
        for n, other in enumerate(self.further_fibres):
            if self._in_fibre(math.hypot(x - other.x_mm, y - other.y_mm), z - other.z_mm):
                raise ValueError(f"probes[{i}]: inside further_fibres[{n}]; move one of them")

    def _in_fibre(self, radial_mm: float, axial_mm: float) -> bool:
        return radial_mm < self.fibre.radius_mm + PROBE_RADIUS_MM and axial_mm < self.fibre.end_mm + PROBE_RADIUS_MM

    def _time_for_the_hold(self) -> None:
        treatment = self.treatment
        if treatment.max_emission_min < treatment.hold_min:
            raise ValueError(
                f"treatment.max_emission_min = {treatment.max_emission_min}: at least"
                f" treatment.hold_min = {treatment.hold_min} is needed, else the hold is never completed; raise it"
            )

    def _limits_of_roles(self) -> None:
        for i, probe in enumerate(self.probes):
            if probe.over_temperature_c > HIGHEST_LIMIT_C[probe.role]:
                raise ValueError(
                    f"probes[{i}].limit_c = {probe.limit_c}: a {probe.role} probe may be allowed"
                    f" {HIGHEST_LIMIT_C[probe.role]:.0f} °C at most; lower it"
                )

    def _cap_of_fibre(self) -> None:
        most = HIGHEST_CAP_W[self.fibre.kind]
        if self.fibre.power_cap_w > most:
            raise ValueError(
                f"fibre.cap_w = {self.fibre.cap_w}: a {self.fibre.kind} fibre may be given {most:g} W at most; lower it"
            )

    def _limit_above_set_point(self) -> None:
        limit = self.probes[self.control_channel].over_temperature_c
        if limit < self.treatment.set_point_c + 3.0:
            raise ValueError(
                f"probes[{self.control_channel}].limit_c = {limit}: at least 3 °C above"
                f" treatment.set_point_c = {self.treatment.set_point_c}, else every treatment trips; raise the limit"
            )

    def _stem_permille(self) -> int:
        """What a stem that runs back along the fibre takes off the rise: it feels tissue that gets cooler along the
        axis as l² / (half the emitting length² + r²), to second order."""
        control, half_mm = self.probes[self.control_channel], max(self.fibre.end_mm, 0.0)
        permille = 1000 * self.self_heating.stem_mm**2 / (half_mm**2 + control.radial_mm**2 + 10.0)
        return min(round(permille), 100)

    def device_fields(self) -> dict[str, int]:
        """The plan as the device takes it: integers whose names carry the unit; the device checks them again."""
        treatment, control = self.treatment, self.control
        fields = {
            "set_point_mc": _milli(treatment.set_point_c),
            "tolerance_mc": _milli(treatment.tolerance_c),
            "lowest_mc": _milli(treatment.lowest_c),
            "hold_ms": round(treatment.hold_min * 60_000),
            "emission_ms": round(treatment.max_emission_min * 60_000),
            "energy_mj": round(treatment.max_energy_kj * 1e6),
            "cap_mw": _milli(self.fibre.power_cap_w),
            "kp_mw_per_c": _milli(control.kp_w_per_c),
            "ti_ms": _milli(control.ti_s),
            "feed_forward_mw": _milli(min(control.feed_forward_w, self.fibre.power_cap_w)),
            "fibre": list(HIGHEST_CAP_W).index(self.fibre.kind),
            "lease_ms": _milli(self.supervision.lease_s),
            "lease_stops": ("pause", "stop").index(self.supervision.on_lost_host),
            "confirm_ms": round(self.supervision.confirm_min * 60_000),
            "corrected": int(control.reading == "corrected"),
            "stem_permille": self._stem_permille(),
            "identified": int(control.law == "identified"),
        }
        shares = shares_q10(self.self_heating.times_s, self.self_heating.left)
        fields |= {f"share{i}_q10": share for i, share in enumerate(shares)}
        roles = ("control", "tip", "guard", "spare")
        for i, probe in enumerate(self.probes):
            fields[f"probe{i}_role"] = roles.index(probe.role) + 1
            fields[f"probe{i}_type"] = "BEJKNRST".index(probe.type)
            fields[f"probe{i}_limit_mc"] = _milli(probe.over_temperature_c)
        return fields


def _milli(value: float) -> int:
    return round(value * 1000)


class LoadedPlan(NamedTuple):
    """A plan with the exact bytes it was read from, so that the record holds what was run."""

    plan: Plan
    source: bytes
    path: Path

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source).hexdigest()


def load_plan(path: Path) -> LoadedPlan:
    """Read and validate a plan.

    Raises InputError with one plain message (file, field, value, limit) if it cannot be read or does not hold.
    """
    data, source = read_toml(path, f"name a plan, e.g. {EXAMPLE}", f"start from {EXAMPLE}")
    try:
        return LoadedPlan(Plan.model_validate(data), source, path)
    except ValidationError as error:
        raise InputError(f"{path}: {plain(error, Plan)}") from error


def read_toml(path: Path, missing: str, empty: str) -> tuple[dict[str, Any], bytes]:
    """A TOML file and its bytes. Raises InputError; the remedies for a missing and an empty file are told as given."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; {missing}") from error
    if not source.strip():
        raise InputError(f"{path}: is empty; {empty}")
    try:
        return tomllib.loads(source.decode()), source
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not valid TOML: {error}") from error


def find_plan(path: Path) -> LoadedPlan:
    """A plan by its path, or one that comes with the package by its bare name, e.g. `pancreas-imilt`."""
    packaged = Path(__file__).parent / "_plans" / f"{path.stem}.toml"
    bare = path.parent == Path() and path.suffix in ("", ".toml") and path.stem
    return load_plan(packaged if bare and not os.path.exists(path) and packaged.exists() else path)


def describe() -> Iterator[str]:
    """Every parameter as a line: name, default, unit, range, source."""
    for name, field in Plan.model_fields.items():
        several = get_origin(field.annotation) is tuple
        model = get_args(field.annotation)[0] if several else field.annotation
        if isinstance(model, type) and issubclass(model, Section):
            yield f"\n[{f'[{name}]' if several else name}]  {(model.__doc__ or '').strip()}"
            yield from _describe_fields(model)


def _describe_fields(model: type[Section]) -> Iterator[str]:
    for key, field in model.model_fields.items():
        extra = field.json_schema_extra
        unit = extra["unit"] if isinstance(extra, dict) else ""
        limits = {type(bound).__name__: bound for bound in field.metadata}
        span = f"{limits['Ge'].ge:g} to {limits['Le'].le:g}" if {"Ge", "Le"} <= limits.keys() else ""
        choices = ", ".join(map(str, get_args(field.annotation))) if get_origin(field.annotation) is Literal else ""
        # Where nothing is given, the description begins with what decides instead.
        otherwise, _, source = (field.description or "").partition(": ")
        value, source = (otherwise, source) if field.default is None else (field.default, field.description or "")
        default = "required" if field.is_required() else f"= {value}"
        yield f"{key:<30}{default:<14}{unit:<11}{choices or span:<12}  {source}".rstrip()


def plain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first finding in input for `model` as `field = value: what is allowed`, and how many more there are."""
    findings = error.errors(include_url=False)
    first = findings[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    text = _REMEDIES.get(first["type"], first["msg"].removeprefix("Value error, "))
    told = first["type"] in ("missing", "value_error") or isinstance(first["input"], (dict, list))
    value = "" if told else f" = {first['input']!r}"
    unit = _unit(first["loc"], model)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    limit = text[:1].lower() + text[1:]
    return f"{where}{value}: {limit}{unit if 'equal to' in limit else ''}{more}" if where else f"{text}{more}"


_REMEDIES = {
    "extra_forbidden": "unknown key; remove it or correct its spelling",
    "missing": "is missing; add it",
}


def _unit(loc: tuple[int | str, ...], model: Any) -> str:
    """The unit of the field at `loc` of `model`, with a leading space, or nothing."""
    for part in loc:
        fields = getattr(model, "model_fields", {})
        if isinstance(part, int) or part not in fields:
            continue
        extra, annotation = fields[part].json_schema_extra, fields[part].annotation
        if isinstance(extra, dict) and "unit" in extra:
            return f" {extra['unit']}"
        kinds = (annotation, *get_args(annotation))
        model = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
    return ""
