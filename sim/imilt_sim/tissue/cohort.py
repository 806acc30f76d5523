"""Many patients at once, with one fibre: the axisymmetric tier's equations with the patient as the fastest index.

Patients are worked on in blocks that fit a core's cache, and blocks by several threads. Single precision: rises are
kept above body temperature, and a change of 1e-6 °C per step still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imilt.plan import Fibre, Plan, Tissue
from imilt_sim.tissue import cohort_kernel as ck
from imilt_sim.tissue import damage
from imilt_sim.tissue.axisymmetric import CHAR_TOLERANCE_UM, tip_cells
from imilt_sim.tissue.heat import blood_w_mm3_k
from imilt_sim.tissue.interface import HOTTEST_C, Energy, TissueError
from imilt_sim.tissue.laws import BOIL_C, CAPACITY_FALLS_C, CONDENSE_C, GLASS_CONDUCTIVITY_W_MM_K, WARM_C, Laws
from imilt_sim.tissue.light import PER_MM, FibreLight, Light
from imilt_sim.tissue.mesh import Bools, Floats, Mesh, fibre_cells, plan_mesh, tumour_fraction
from imilt_sim.tissue.probes import place

FINE_MM = 0.5
STEP_S = 0.25
LANES = 16
"""Patients of a block: their cells fill one register of 512 bits or two of 256."""
TABLE_C = np.arange(0.0, 128.5, 0.5)
"""Where properties are tabulated; all are constant from 94 °C on."""
RELIGHT_SHARE = 0.01
"""The light is computed again when tissue that absorbs this share of it has coagulated or dried: temperatures 3 mm from
a bare fibre then are within 0.4 °C of those of light that follows at once."""
HARMED_C = 39.0
"""Cells that are colder take no harm: half an hour at 39 °C gives Ω 3e-4 and CEM43 0.1 min."""


class Cells(NamedTuple):
    """Geometry of rows of cells: volumes (rows, cells), mm³, and area over distance, mm, of the faces across rows
    (rows + 1, cells) and along them (rows, cells + 1), walls included."""

    volume_mm3: Floats
    across_mm: Floats
    along_mm: Floats


def ring_cells(mesh: Mesh) -> Cells:
    """A row is a ring around the axis; its cells lie along z."""
    across = np.outer(mesh.radial_mm, np.diff(mesh.z_faces))
    return Cells(mesh.volume_mm3, across, np.outer(mesh.ring_mm2, mesh.axial_per_mm))


class Patient(NamedTuple):
    """One patient's tissue: which cells are tumour (fraction) and which the fibre's, both (rows, cells).

    A fibre of glass conducts like it, one of a diffuser like tissue.
    """

    tissue: Tissue
    tumour_fraction: Floats
    inside_fibre: Bools
    glass: bool = False


class Block:
    """The state of `lanes` patients, as cohort_kernel takes it."""

    def __init__(
        self,
        cells: Cells,
        patients: Sequence[Patient],
        tips: NDArray[np.int64],
        step_s: float,
        dtype: DTypeLike,
        relight_share: float = RELIGHT_SHARE,
    ):
        rows, columns = cells.volume_mm3.shape
        self.lanes = len(patients)
        self.dtype = np.dtype(dtype)
        self.tissues = [patient.tissue for patient in patients]
        self.laws = [Laws.of(tissue) for tissue in self.tissues]
        self.fields = np.zeros((ck.N_FIELDS, rows + 2, (columns + 2) * self.lanes), dtype)
        self.ranges = np.zeros((rows + 2, ck.N_RANGES), np.int64)
        self.ranges[:] = self.lanes
        self.tips = tips + 1  # padding comes first
        self.lane = np.zeros((ck.N_LANE, self.lanes))
        self.numbers = np.zeros(ck.N_NUMBERS)
        self._power, self._gain = np.zeros((2, columns * self.lanes), dtype)
        self._marks = np.zeros(columns * self.lanes, np.int32)
        self._fill_geometry(cells)
        self._fill_tissue(patients)
        self._fill_tables()
        self._fill_lane()
        self._fill_numbers(step_s, relight_share)

    def inner(self, field: int) -> NDArray[Any]:
        """A field without its walls, (rows, cells, patients); a view."""
        padded = self.fields[field].reshape(self.fields.shape[1], -1, self.lanes)
        return padded[1:-1, 1:-1]

    def padded(self, field: int) -> NDArray[Any]:
        """A field with its walls, (rows + 2, cells + 2, patients); a view."""
        return self.fields[field].reshape(self.fields.shape[1], -1, self.lanes)

    @property
    def now(self) -> int:
        """The field that holds the rise."""
        return ck.ODD if self.numbers[ck.IS_ODD] else ck.EVEN

    @property
    def rise(self) -> NDArray[Any]:
        """Rise above body temperature now, °C, (rows, cells, patients); a view."""
        return self.inner(self.now)

    def _fill_geometry(self, cells: Cells) -> None:
        self.padded(ck.VOLUME)[:] = 1.0
        self.inner(ck.VOLUME)[:] = cells.volume_mm3[..., None]
        self.padded(ck.ACROSS_MM)[:-1, 1:-1] = cells.across_mm[..., None]
        self.padded(ck.ALONG_MM)[1:-1, :-1] = cells.along_mm[..., None]

    def _fill_tissue(self, patients: Sequence[Patient]) -> None:
        conductivity = np.array([t.conductivity_w_m_k for t in self.tissues]) * 1e-3
        capacity = np.array([t.density_kg_m3 * t.specific_heat_j_kg_k * 1e-9 for t in self.tissues])
        self.padded(ck.CONDUCTIVITY)[:] = conductivity
        for p, patient in enumerate(patients):
            self.inner(ck.FIBRE)[..., p] = patient.inside_fibre
            if patient.glass:
                self.inner(ck.CONDUCTIVITY)[patient.inside_fibre, p] = GLASS_CONDUCTIVITY_W_MM_K
        self._fill_conductances()
        self.padded(ck.INVERSE)[:] = 1 / (self.padded(ck.VOLUME) * capacity)
        self.padded(ck.LEFT)[:] = self.padded(ck.LIT_LEFT)[:] = 1.0
        for p, patient in enumerate(patients):
            self._fill_blood(p, patient)

    def _fill_conductances(self) -> None:
        """Two half cells one after the other, as cohort_kernel.conduct has them."""
        k = self.padded(ck.CONDUCTIVITY)
        self.padded(ck.ACROSS)[:-1] = self.padded(ck.ACROSS_MM)[:-1] * 2 / (1 / k[:-1] + 1 / k[1:])
        self.padded(ck.ALONG)[:, :-1] = self.padded(ck.ALONG_MM)[:, :-1] * 2 / (1 / k[:, :-1] + 1 / k[:, 1:])

    def _fill_blood(self, p: int, patient: Patient) -> None:
        tissue = patient.tissue
        open_mm3 = self.inner(ck.VOLUME)[..., p] * ~patient.inside_fibre
        tumour = blood_w_mm3_k(tissue.tumour_perfusion_per_s * patient.tumour_fraction) * open_mm3
        normal = blood_w_mm3_k(tissue.normal_perfusion_per_s * (1 - patient.tumour_fraction)) * open_mm3
        self.inner(ck.BLOOD_TUMOUR)[..., p] = tumour
        self.inner(ck.BLOOD_NORMAL)[..., p] = normal
        self.inner(ck.BLOOD_EXTRA)[..., p] = normal * (tissue.warm_perfusion_factor - 1)
        self.inner(ck.BLOOD)[..., p] = tumour + normal

    def _fill_tables(self) -> None:
        self._by_heat = np.array([law.temperatures_c for law in self.laws])
        self._by_heat_dried = np.array([law.dried(row) for law, row in zip(self.laws, self._by_heat, strict=True)])
        wet = np.zeros_like(TABLE_C)
        self._by_c = np.array([law.conductivity_w_mm_k(TABLE_C, wet) for law in self.laws])
        optics = [(law.absorption_per_cm, law.reduced_scattering_per_cm) for law in self.laws]
        self.optics_mm = np.moveaxis(np.array(optics), 0, -1) * PER_MM

    def _fill_lane(self) -> None:
        for p, (law, t) in enumerate(zip(self.laws, self.tissues, strict=True)):
            fresh, dry = law.capacity_j_mm3_k(np.full(2, t.body_c), np.array([0.0, 1.0]))
            column = {
                ck.CHAR_ONSET: t.char_onset_c,
                ck.CHAR_GROWTH: t.char_growth_um_per_s,
                ck.CHAR_LIMIT: t.char_limit_um,
                ck.CONDENSING: t.condensing_fraction * law.latent_j_mm3,
                ck.HEAT_START: fresh * t.body_c,
                ck.HEAT_STEP: law.heat_step_j_mm3,
                ck.DRY_CONDUCTIVITY: t.dry_conductivity_w_m_k * 1e-3,
                ck.CAPACITY: fresh,
                ck.DRY_CAPACITY: 1 - dry / fresh,
            }
            for row, value in column.items():
                self.lane[row, p] = value

    def _fill_numbers(self, step_s: float, relight_share: float) -> None:
        entries = {
            ck.BODY: self.tissues[0].body_c,
            ck.STEP: step_s,
            ck.PER_SECOND: round(1 / step_s),
            ck.HARMED_C: HARMED_C,
            ck.HARMED_C + 1: CAPACITY_FALLS_C - 5.0,
            ck.HARMED_C + 2: BOIL_C[0] - 10.0,
            ck.CHAR_STEP_UM: CHAR_TOLERANCE_UM,
            ck.CONDENSE_FROM: CONDENSE_C[0],
            ck.CONDENSE_TO: CONDENSE_C[1],
            ck.PERFUSED_FROM: WARM_C[0],
            ck.PERFUSED_TO: WARM_C[1],
            ck.TABLE_STEP: TABLE_C[1],
            ck.SPARED_FROM: damage.SHELL_C[0],
            ck.SPARED_TO: damage.SHELL_C[1],
            ck.RELIGHT: relight_share,
            ck.HOTTEST: HOTTEST_C,
            ck.BASE_RATE: self._fastest_rate(),
        }
        for entry, value in entries.items():
            self.numbers[entry] = value
        self.numbers[ck.OMEGA_A : ck.OMEGA_E + 1] = damage.SKIN.log2_form
        cells = damage.BHK, damage.DELAYED, damage.DELAY
        self.numbers[ck.BHK_A : ck.DELAY_E + 1] = [figure for law in cells for figure in law.log2_form]
        self.numbers[ck.RATE] = self.numbers[ck.BASE_RATE]

    def _fastest_rate(self) -> float:
        """Of fresh tissue at its highest perfusion, 1/s."""
        across, along = self.padded(ck.ACROSS), self.padded(ck.ALONG)
        flow = across[1:-1, 1:-1] + across[:-2, 1:-1] + along[1:-1, 1:-1] + along[1:-1, :-2]
        blood = self.inner(ck.BLOOD) + self.inner(ck.BLOOD_EXTRA)
        return float(np.max((flow + blood) * self.inner(ck.INVERSE)))

    def advance(self, steps: int, power_w: Floats, relight: Callable[[Block], None]) -> None:
        """Advance by `steps`; calls `relight` when a patient's optics have changed. power_w: (patients,)."""
        tables = self._by_heat, self._by_heat_dried, self._by_c, self.optics_mm
        state = (
            self.fields,
            self.ranges,
            self.tips,
            self.lane,
            *tables,
            self.numbers,
            self._power,
            self._gain,
            self._marks,
        )
        while steps > 0:
            done = ck.advance(*state, power_w, steps)
            if done == ck.FAILED:
                raise TissueError(self._failure())
            steps -= done
            if self.lane[ck.CHANGED].max() > self.numbers[ck.RELIGHT]:
                relight(self)

    def _failure(self) -> str:
        peak_c = self.inner(ck.PEAK) + self.numbers[ck.BODY]
        row, cell, p = (int(n) for n in np.argwhere(~(peak_c <= HOTTEST_C))[0])
        seconds = self.numbers[ck.DONE] * self.numbers[ck.STEP]
        where = f"patient {p} of its block, row {row}, cell {cell}"
        return f"{peak_c[row, cell, p]} °C after {seconds:g} s at {where}: no tissue can be above {HOTTEST_C:g} °C"

    def optics_of(self, p: int) -> tuple[Floats, Floats]:
        """µa and µs' of one patient's cells now, 1/cm, (rows, cells)."""
        rows, columns = self.inner(ck.LEFT).shape[:2]
        absorption, scattering = np.empty((2, rows, columns))
        ck.mix_optics(self.fields, p, self.lanes, self.optics_mm / PER_MM, absorption, scattering)
        return absorption, scattering

    def take_light(self, p: int, light: Light, tip: Bools) -> None:
        """Give one patient the light that its optics make; what char keeps warms the `tip` and tissue that charred."""
        kept = self.laws[p].char_fraction(self.lane[ck.CHAR_UM, p])
        onset_rise = self.tissues[p].char_onset_c - self.numbers[ck.BODY]
        ck.take_light(self.fields, p, self.lanes, light.absorbed_w, light.fluence_w_cm2, tip, kept, onset_rise)
        self.lane[ck.LIGHT_LOST, p] = light.escaped_w * (1 - kept)
        self.lane[ck.LIT_CHAR_UM, p] = self.lane[ck.CHAR_UM, p]
        self.lane[ck.CHANGED, p] = 0.0

    def energy(self) -> list[Energy]:
        """Where each patient's energy has gone."""
        volume, settled = self.inner(ck.VOLUME).astype(float), self.inner(ck.SETTLED)
        unsettled = (self.rise - settled) / (self.inner(ck.INVERSE) * volume)
        since_s = self.numbers[ck.SINCE] * self.numbers[ck.STEP]
        latent = np.array([law.latent_j_mm3 for law in self.laws])
        dried = np.sum(volume * self.inner(ck.DRIED), axis=(0, 1))
        taken = np.sum(volume * (self.inner(ck.HEAT) + unsettled), axis=(0, 1))
        held, steam = taken - dried * latent, dried * latent - self.lane[ck.CONDENSED]
        carried = self.inner(ck.CARRIED) + 0.5 * since_s * self.inner(ck.BLOOD) * (self.rise + settled)
        blood = carried.sum(axis=(0, 1), dtype=float)
        lane = self.lane
        columns = lane[ck.GIVEN], held, blood, lane[ck.CONDUCTED], steam, lane[ck.ESCAPED]
        return [Energy(*(float(v) for v in row)) for row in np.array(columns).T]


class Cohort:
    """Patients that differ in tissue and tumour but share the fibre, stepped together.

    Raises ValueError if there is none, or if fibres or body temperatures differ.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        mesh: Mesh | None = None,
        step_s: float = STEP_S,
        threads: int = 1,
        dtype: DTypeLike = np.float32,
        relight_share: float = RELIGHT_SHARE,
    ) -> None:
        fibre = _shared_fibre(plans)
        self.patients = len(plans)
        self.mesh: Mesh = mesh if mesh is not None else plan_mesh(fibre, FINE_MM)
        self.threads = threads
        self.step_s = step_s
        self.body_c = plans[0].tissue.body_c
        inside = fibre_cells(self.mesh, fibre)
        self.tumour_fraction: Floats = np.stack(
            [_tumour_fraction(self.mesh, plan) * ~inside for plan in plans], axis=-1
        )
        self.inside_fibre: Bools = inside
        glass = fibre.kind != "diffuser"
        members = [Patient(plan.tissue, self.tumour_fraction[..., n], inside, glass) for n, plan in enumerate(plans)]
        self._tip: Bools = tip_cells(self.mesh, fibre)
        cells, tips = ring_cells(self.mesh), np.argwhere(self._tip)
        self.blocks = [Block(cells, members[a:b], tips, step_s, dtype, relight_share) for a, b in self._bounds()]
        self._lights = [FibreLight(self.mesh, fibre) for _ in plans]
        for block, (start, _) in zip(self.blocks, self._bounds(), strict=True):
            self._light_all(block, start)

    def _bounds(self) -> list[tuple[int, int]]:
        starts = range(0, self.patients, LANES)
        return [(start, min(start + LANES, self.patients)) for start in starts]

    def _light_all(self, block: Block, start: int) -> None:
        for p in range(block.lanes):
            self._light(block, start, p)

    def _light(self, block: Block, start: int, p: int) -> None:
        block.take_light(p, self._lights[start + p].solve(*block.optics_of(p)), self._tip)

    def _relight(self, block: Block, start: int) -> None:
        for p in np.flatnonzero(block.lane[ck.CHANGED] > block.numbers[ck.RELIGHT]):
            self._light(block, start, int(p))

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """Advance all by `steps` of step_s; power_w: (patients,) or one for all.

        Raises ValueError for a negative count, or a power that is negative or not finite; TissueError for a field out
        of bounds.
        """
        power = np.broadcast_to(np.asarray(power_w, float), (self.patients,)).copy()
        if steps < 0 or not np.all((power >= 0.0) & np.isfinite(power)):
            raise ValueError(f"advance({steps}, {power_w}): steps and powers must be 0 or more, and finite")

        def work(item: tuple[Block, tuple[int, int]]) -> None:
            block, (start, end) = item
            block.advance(steps, power[start:end], lambda b: self._relight(b, start))

        items = zip(self.blocks, self._bounds(), strict=True)
        if self.threads == 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(work, items))

    def field(self, field: int) -> Floats:
        """A field of cohort_kernel for all patients, (nr, nz, patients)."""
        return np.concatenate([block.inner(field) for block in self.blocks], axis=-1).astype(float)

    @property
    def rise(self) -> Floats:
        """Rise above body temperature now, °C, (nr, nz, patients)."""
        return np.concatenate([block.rise for block in self.blocks], axis=-1).astype(float)

    def sites(self, points_mm: Floats) -> CohortSites:
        """A reader of points (radial, axial): (n, 2), the same for all, or (n, patients, 2).

        Raises ValueError for a point outside the domain.
        """
        return CohortSites(self, points_mm)

    def volumes_mm3(self) -> dict[str, Floats]:
        """Tissue beyond thresholds as in Axisymmetric.volumes_mm3, without those of cells, (patients,)."""
        onset_c = np.array([tissue.char_onset_c for block in self.blocks for tissue in block.tissues])
        regions = {
            "ablated": self.field(ck.OMEGA) >= 1.0,
            "cem43_240": self.field(ck.CEM43) >= damage.LETHAL_CEM43_MIN,
            "sparing_shell": self.field(ck.SPARED) >= damage.SHELL_S,
            "dried": self.field(ck.DRIED) >= 0.5,
            "charred": self.field(ck.PEAK) + self.body_c > onset_c,
        }
        tissue = (self.mesh.volume_mm3 * ~self.inside_fibre)[..., None]
        tumour = self.mesh.volume_mm3[..., None] * self.tumour_fraction
        whole = np.maximum(tumour.sum(axis=(0, 1)), 1e-9)
        volumes = {name: np.sum(tissue * region, axis=(0, 1)) for name, region in regions.items()}
        return volumes | {
            f"{name}_tumour_fraction": np.sum(tumour * region, axis=(0, 1)) / whole for name, region in regions.items()
        }

    @property
    def tissue_max_c(self) -> Floats:
        """Hottest cell so far, looked at once a second, (patients,)."""
        return self.body_c + self.field(ck.PEAK).max(axis=(0, 1))

    def energy_j(self) -> list[Energy]:
        """Where each patient's energy has gone."""
        return [energy for block in self.blocks for energy in block.energy()]


class CohortSites:
    """Points of every patient, read again and again."""

    def __init__(self, cohort: Cohort, points_mm: Floats) -> None:
        mesh, points = cohort.mesh, np.asarray(points_mm, float)
        if points.ndim == 2:
            points = np.repeat(points[:, None], cohort.patients, axis=1)
        radial, axial = points[..., 0], points[..., 1]
        inside = (radial <= mesh.r_faces[-1]) & (axial >= mesh.z_faces[0]) & (axial <= mesh.z_faces[-1])
        if not inside.all():
            n, p = np.argwhere(~inside)[0]
            raise ValueError(
                f"point {n} of patient {p}, {radial[n, p]:g} mm from the axis at {axial[n, p]:g} mm, lies outside"
                " the tissue; move it inwards"
            )
        self._cohort = cohort
        self._corners, self._weights = place(mesh, points)

    def _read(self, field: int | None) -> Floats:
        out, done = np.empty(self._corners.shape[:2]), 0
        for block in self._cohort.blocks:
            padded = block.padded(block.now if field is None else field).reshape(-1, block.lanes)
            part = slice(done, done + block.lanes)
            values = padded[self._corners[:, part], np.arange(block.lanes)[:, None]]
            out[:, part] = np.sum(self._weights[:, part] * values, axis=-1)
            done += block.lanes
        return out

    def temperature_c(self) -> Floats:
        """Of the undisturbed tissue now, (n, patients)."""
        return self._cohort.body_c + self._read(None)

    def fluence_w_cm2(self) -> Floats:
        """Per W leaving the fibre, (n, patients)."""
        return self._read(ck.FLUENCE)


def _tumour_fraction(mesh: Mesh, plan: Plan) -> Floats:
    return tumour_fraction(mesh, plan.tumour) if plan.tumour is not None else np.zeros(mesh.shape)


def _shared_fibre(plans: Sequence[Plan]) -> Fibre:
    if not plans:
        raise ValueError("a cohort needs at least one patient")
    first = plans[0]
    for n, plan in enumerate(plans):
        if plan.fibre != first.fibre:
            raise ValueError(f"patient {n}: another fibre than patient 0's; make one cohort for each fibre")
        if plan.tissue.body_c != first.tissue.body_c:
            raise ValueError(f"patient {n}: another body temperature than patient 0's; make one cohort for each")
    return first.fibre
