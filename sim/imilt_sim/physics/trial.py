"""Runs a set-up on the simulated tissue and reads off everything that can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imilt.errors import RunError
from imilt.plan import Plan, Probe, placed
from imilt_sim.physics.lesion import Extent, box_extent, extent
from imilt_sim.physics.setup import Loop, Run, Setup
from imilt_sim.tissue.axisymmetric import Axisymmetric
from imilt_sim.tissue.box import Box
from imilt_sim.tissue.damage import LETHAL_CEM43_MIN
from imilt_sim.tissue.interface import TISSUE_STEP_S, Energy, TissueError
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.plant import GRID_MS, Plant, patient

STEP_POINTS = round(TISSUE_STEP_S * 1000 / GRID_MS)
SAMPLE_S = 1.0


class Traces(NamedTuple):
    """A sample every SAMPLE_S from 0 on, and one at the end; of probes (samples, n_probes)."""

    t_s: Floats
    power_w: Floats  # that left the fibre just before
    site_c: Floats
    reading_c: Floats


@dataclass(frozen=True)
class Trial:
    """One run's outcome: figures of the tissue, and figures of each probe, by the names of quantities."""

    run: Run
    traces: Traces
    figures: dict[str, float]
    probes: dict[str, dict[str, float]]
    energy: Energy


class _Bench:
    """A set-up's tissue and probes while a run goes on."""

    def __init__(self, setup: Setup, run: Run) -> None:
        self.setup, self.run = setup, run
        kinds = [probe.kind for probe in setup.probes]
        # One for each kind of thermocouple: they do not disturb the tissue, which is the same in all.
        self.plants = {kind: build(setup, kind) for kind in sorted(set(kinds)) or ["ideal"]}
        self.plant = next(iter(self.plants.values()))
        self.kinds = np.array(kinds)
        points = [placed(probe.radial_mm, probe.angle_deg, probe.axial_mm) for probe in setup.probes]
        self.sites = self.plant.tissue.sites(np.array(points).reshape(-1, 3))
        self.fluence_at_first = self.sites.fluence_w_cm2()
        self.steps = 0
        self.energy_j = self.power_w = 0.0
        self.rows: list[tuple[float, float, Floats, Floats]] = []
        self.keep()

    @property
    def t_s(self) -> float:
        return self.steps * TISSUE_STEP_S

    @property
    def reading_c(self) -> Floats:
        read = self.plant.site_c.copy()
        for kind, plant in self.plants.items():
            if kind != "ideal":
                read[self.kinds == kind] = plant.junction_c[self.kinds == kind]
        return read

    def keep(self) -> None:
        """A sample of the traces."""
        self.rows.append((self.t_s, self.power_w, self.plant.site_c.copy(), self.reading_c))

    def advance(self, power_w: float) -> None:
        """One step of the tissue."""
        for plant in self.plants.values():
            try:
                plant.advance(STEP_POINTS, power_w)
            except TissueError as error:
                raise RunError(f"{self.run.name or self.setup.name}: {error}") from error
        self.steps += 1
        self.power_w = power_w
        self.energy_j += power_w * TISSUE_STEP_S
        if self.steps % round(SAMPLE_S / TISSUE_STEP_S) == 0:
            self.keep()

    def traces(self) -> Traces:
        if self.rows[-1][0] != self.t_s:
            self.keep()
        t_s, power_w, site_c, reading_c = zip(*self.rows, strict=True)
        return Traces(np.array(t_s), np.array(power_w), np.array(site_c), np.array(reading_c))


def build(setup: Setup, kind: str = "ideal") -> Plant:
    """The set-up's tissue at rest, with all its probes of one kind. Raises InputError if it cannot be computed."""
    places = [probe.model_dump(include={"radial_mm", "axial_mm", "angle_deg"}) for probe in setup.probes]
    probes = tuple(Probe(role="spare", **place) for place in places)
    model = setup.probe_model.model_copy(update={"kind": kind} if kind in ("bead", "needle") else {})
    sections = {"tissue": setup.tissue.of_plan(), "fibre": setup.fibre, "tumour": setup.tumour, "model": setup.model}
    sections |= {"further_fibres": setup.further_fibres, "structures": setup.structures}
    # Not validated as a plan: one to four probes with one control among them is a rule for treatments.
    plan = Plan.model_construct(name=setup.name, probes=probes, probe_model=model, **sections)
    return patient(plan)


def at_rest(setup: Setup, run: Run) -> Trial:
    """What a run starts from, with every figure that it will have."""
    return _outcome(_Bench(setup, run))


def perform(setup: Setup, run: Run) -> Trial:
    """One run from rest. Raises RunError if the tissue leaves the bounds of what can be."""
    bench, lit = _Bench(setup, run), True
    for step in run.power:
        for n in range(round(step.duration_s / TISSUE_STEP_S)):
            if setup.loop and n % round(setup.loop.every_s / TISSUE_STEP_S) == 0:
                lit = bool(_control_c(setup, bench.reading_c) < setup.loop.set_point_c)
            bench.advance(step.power_w if lit else 0.0)
    return _outcome(bench)


def _outcome(bench: _Bench) -> Trial:
    traces = bench.traces()
    figures, energy = _figures(bench, traces), bench.plant.tissue.energy_j()
    return Trial(bench.run, traces, figures, _probe_figures(bench, traces), energy)


def _control_c(setup: Setup, values: Floats) -> Floats:
    """The loop's probe among `values`, (…, n_probes)."""
    assert setup.loop is not None
    return values[..., [probe.name for probe in setup.probes].index(setup.loop.probe)]


def _figures(bench: _Bench, traces: Traces) -> dict[str, float]:
    plant = bench.plant
    figures = {"energy_j": bench.energy_j, "hottest_c": plant.tissue_max_c}
    if isinstance(plant.tissue, Axisymmetric):
        tip = plant.tissue
        figures |= {"tip_max_c": tip.tip_max_c, "char_um": tip.char_um, "char_fraction": tip.char_fraction}
    figures |= {f"{name}_mm3": value for name, value in plant.volumes_mm3().items() if "fraction" not in name}
    for region, size in _extents(plant).items():
        figures |= {f"{region}_{key}": value for key, value in size._asdict().items()}
    for name, watched in plant.walls().items():
        figures |= {f"{name}_{key}": value for key, value in watched.items()}
    return figures | (_control_figures(bench.setup, bench.setup.loop, traces) if bench.setup.loop else {})


def _extents(plant: Plant) -> dict[str, Extent]:
    regions = {"ablated": ("omega_skin", 1.0), "cem43_240": ("cem43_min", LETHAL_CEM43_MIN)}
    if isinstance(plant.tissue, Box):
        centres, fields = plant.tissue.centres_mm, plant.tissue.fields()
        return {region: box_extent(centres, fields[name], least) for region, (name, least) in regions.items()}
    field = plant.field()
    r_mm, z_mm = field["r_mm"], field["z_mm"]
    return {region: extent(r_mm, z_mm, field[name], least) for region, (name, least) in regions.items()}


def _control_figures(setup: Setup, loop: Loop, traces: Traces) -> dict[str, float]:
    """How well the loop held its probe; NaN where it never came to that."""
    error_c = _control_c(setup, traces.site_c) - loop.set_point_c
    settled = error_c[traces.t_s >= loop.settled_s]
    return {
        "reached_s": float(traces.t_s[np.argmax(error_c >= 0.0)]) if error_c.max() >= 0.0 else float("nan"),
        "overshoot_c": float(error_c.max()),
        "mean_error_c": float(settled.mean()) if len(settled) else float("nan"),
        "sd_c": float(settled.std()) if len(settled) else float("nan"),
    }


def _probe_figures(bench: _Bench, traces: Traces) -> dict[str, dict[str, float]]:
    plant, wrong_c = bench.plant, traces.reading_c - traces.site_c
    columns = {
        "temperature_c": traces.site_c[-1],
        "rise_c": traces.site_c[-1] - bench.setup.tissue.body_c,
        "reading_c": traces.reading_c[-1],
        "artefact_c": wrong_c[-1],
        "peak_c": traces.site_c.max(axis=0),
        "peak_artefact_c": wrong_c.max(axis=0),
        "cem43_min": plant.cem43_site_min,
        "fluence_w_cm2": bench.sites.fluence_w_cm2(),
        "light_left": bench.sites.fluence_w_cm2() / bench.fluence_at_first,
    }
    return {
        probe.name: {name: float(values[p]) for name, values in columns.items()}
        for p, probe in enumerate(bench.setup.probes)
    }
