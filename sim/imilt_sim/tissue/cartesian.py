"""The 3-D tier: cubes of 1 mm for what has no symmetry, such as several fibres, a vessel and a duct.

Its laws are those of the axisymmetric tier (laws.py). A fibre is about as thick as a cell, so it is left out:
its volume is tissue, and what lies within 2 mm of it is coarse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import get_num_threads

from imilt.plan import Fibre, Point, Structure, Tissue, Tumour
from imilt_sim.tissue import cartesian_kernel as kernel
from imilt_sim.tissue import damage
from imilt_sim.tissue.fields3d import Corners, Singles, around, cells_of, corners, march, new_fields, tumour_share
from imilt_sim.tissue.heat import blood_w_mm3_k, plan_medium
from imilt_sim.tissue.interface import COLDEST_BELOW_BODY_C, HOTTEST_C, TISSUE_STEP_S, Energy, TissueError
from imilt_sim.tissue.laws import (
    BOIL_C,
    CAPACITY_FALLS_C,
    CONDENSE_C,
    CONDUCTIVITY_RISES_C,
    HEAT_ROWS,
    HOT_C,
    TABLE_C,
    WARM_C,
    Laws,
)
from imilt_sim.tissue.light3d import Diffusion3d, Grid, Rays, fibre_rays
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.structures import loss_w_mm3_k, shares, wall_points

GRID = Grid((61, 61, 63), 1.0, (-30.5, -30.5, -31.5))
"""About as large as the axisymmetric tier's domain; a row fills whole cache lines."""
LIGHT_REACH_MM = 18.0
"""Light is solved this far around the fibres, less than a hundredth of it goes further."""
OPTICS_TOLERANCE = 0.05
"""Share of the heating whose cells may have changed their optics before the light is solved again."""
CHAR_TOLERANCE_UM = 0.1
TOGETHER = 5
"""Tissue steps that are taken together with their mean power: half a second, in which cold tissue stays stable."""
BLOOD_EVERY_STEPS = 50
"""Perfusion follows warmth and harm every 5 s; vessels widen no faster."""
SAFETY = 1.1
"""Over the fastest rate of a cell: properties change within a step."""
STEPS_PER_SECOND = round(1 / TISSUE_STEP_S)


class Placed(NamedTuple):
    """A fibre in the tissue: its middle (diffuser) or tip, and where it points to."""

    fibre: Fibre
    at_mm: Point = (0.0, 0.0, 0.0)
    towards: Point = (0.0, 0.0, 1.0)

    def rays(self) -> Rays:
        """Of its light."""
        straight, turn = fibre_rays(self.fibre, (0.0, 0.0, 0.0)), _turn(np.array(self.towards, float))
        return Rays(straight.starts_mm @ turn.T + self.at_mm, straight.directions @ turn.T)


def _turn(towards: Floats) -> Floats:
    """A rotation that takes z to `towards`, (3, 3). Raises ValueError for no direction."""
    length = np.linalg.norm(towards)
    if not 0 < length < math.inf:
        raise ValueError(f"a fibre cannot point to {towards.tolist()}: a finite direction other than 0 is needed")
    z = towards / length
    x = np.cross(np.eye(3)[1 if abs(z[1]) < 0.9 else 0], z)
    x /= np.linalg.norm(x)
    return np.stack((x, np.cross(z, x), z), axis=1)


class Wall(NamedTuple):
    """The watched points of a structure."""

    corners: Corners
    peak_c: Floats
    cem43_min: Floats


class Cartesian:
    """Tissue with any number of fibres, vessels and ducts (interface.Tissue), at rest at body temperature when made.

    `advance` takes one power, or one for each fibre. Raises ValueError for fibres or structures that do not fit in.
    """

    def __init__(
        self,
        tissue: Tissue,
        fibres: Sequence[Placed],
        tumour: Tumour | None = None,
        structures: Sequence[Structure] = (),
        grid: Grid = GRID,
    ) -> None:
        self.grid, self.structures = grid, tuple(structures)
        self.laws, self.medium = Laws.of(tissue), plan_medium(tissue)
        self.fields = new_fields(grid.shape, kernel.N_FIELDS)
        self.padded = self.fields[0].shape
        self._numbers = kernel_numbers(self.laws, self.medium.diffusivity_mm2_s / grid.cell_mm**2)
        self._tables = kernel_tables(self.laws)
        self._low, self._high, self._first, self._last = np.zeros((4, self.padded[0]), np.int64)
        self._slabs = min(get_num_threads(), grid.shape[0])
        self._sums = np.zeros((self._slabs, kernel.N_SUMS))
        self._set_tissue(tissue, tumour)
        self._set_time()
        self._walls = [self._wall(structure) for structure in self.structures]
        self._set_fibres(fibres)

    def _set_tissue(self, tissue: Tissue, tumour: Tumour | None) -> None:
        for row in (kernel.CONDUCTIVITY, kernel.LEFT, kernel.LEFT_SEEN):
            self.fields[row][:] = 1.0
        fluid, sink = np.zeros(self.grid.shape), np.zeros(self.grid.shape)
        for structure in self.structures:
            share = shares(self.grid, structure)
            fluid = np.maximum(fluid, share)
            sink += share * loss_w_mm3_k(structure, self.medium.conductivity_w_mm_k)
        self.tumour_fraction: Floats = tumour_share(self.grid, tumour) * (1 - fluid)
        blood = blood_w_mm3_k(np.array([tissue.tumour_perfusion_per_s, tissue.normal_perfusion_per_s]))
        per_s = 1 / self.medium.capacity_j_mm3_k
        self.inner(kernel.TUMOUR)[:] = blood[0] * per_s * self.tumour_fraction
        self.inner(kernel.NORMAL)[:] = blood[1] * per_s * (1 - fluid - self.tumour_fraction)
        self.inner(kernel.SINK)[:] = sink * per_s

    def _set_time(self) -> None:
        spread = 6 * float(self._numbers[kernel.SPREAD_PER_S])
        fixed, normal = self.inner(kernel.SINK) + self.inner(kernel.TUMOUR), self.inner(kernel.NORMAL)
        warmest = float(self.laws.perfusion_factor(np.array(WARM_C[1])))
        self._cold_rate = spread + float((fixed + warmest * normal).max())
        self._parts = parts_for(self._cold_rate)
        self.inner(kernel.KEEP)[:] = 1 - self.step_s * (spread + fixed + normal)
        self._odd, self._most = 0, 0.0
        self._elapsed = self._waiting = self._blood_seen = 0
        self._next_taken = self._condensed = self._steam = 0.0
        self._given_j = self._blood_j = self._walls_j = self._escaped_j = 0.0

    @property
    def step_s(self) -> float:
        """Of one explicit step."""
        return TOGETHER * TISSUE_STEP_S / self._parts

    def _wall(self, structure: Structure) -> Wall:
        points, low = wall_points(structure), np.array(self.grid.corner_mm)
        inside = np.all((points >= low) & (points <= low + np.array(self.grid.shape) * self.grid.cell_mm), axis=1)
        if not inside.any():
            raise ValueError(f"{structure.kind} {structure.name!r} lies outside the tissue; move it inside")
        points = points[inside]
        return Wall(self._corners(points), np.full(len(points), self.body_c), np.zeros(len(points)))

    def _corners(self, points_mm: Floats) -> Corners:
        return corners(self.grid, self.padded, points_mm)

    # Light

    def _set_fibres(self, fibres: Sequence[Placed]) -> None:
        if not fibres:
            raise ValueError("3-D tissue needs at least one fibre")
        rays = tuple(fibre.rays() for fibre in fibres)
        starts = np.concatenate([r.starts_mm for r in rays])
        self._corners(starts)  # complains about a fibre outside
        self._lit, part = around(self.grid, starts, LIGHT_REACH_MM)
        self._diffusion = Diffusion3d(part, rays)
        self._tips = [cells_of(self.grid, self.padded, r.starts_mm) for r in rays]
        self._heating = new_fields(self.grid.shape, len(fibres))
        self._fluence = new_fields(self.grid.shape, 1)[0]
        self.char_um = np.zeros(len(fibres))
        self._escapes, self._pending = np.zeros(len(fibres)), np.zeros(len(fibres))
        self._light_up()

    def _light_up(self) -> None:
        """Solve the light for the optics of now."""
        fields, laws = self.fields, self.laws
        cooked = 1.0 - np.asarray(self.inner(kernel.LEFT)[self._lit], float)
        dried = np.asarray(self.inner(kernel.DRIED)[self._lit], float)
        absorption = laws.mixed(laws.absorption_per_cm, cooked, dried)
        self._light = self._diffusion.solve(absorption, laws.mixed(laws.reduced_scattering_per_cm, cooked, dried))
        fields[kernel.LEFT_SEEN][:], fields[kernel.DRIED_SEEN][:] = fields[kernel.LEFT], fields[kernel.DRIED]
        self._give_light()

    def _give_light(self) -> None:
        """Heating of each fibre and fluence of all, with what their char keeps."""
        self._char_seen = self.char_um.copy()
        per_j = 1 / (self.medium.capacity_j_mm3_k * self.grid.cell_mm**3)
        fluence = self._inside(self._fluence)[self._lit]
        fluence[:] = 0.0
        for n, light in enumerate(self._light):
            kept = self.laws.char_fraction(float(self.char_um[n]))
            self._inside(self._heating[n])[self._lit] = light.absorbed_w * ((1 - kept) * per_j)
            self._heating[n].reshape(-1)[self._tips[n]] += kept * per_j / len(self._tips[n])
            fluence += light.fluence_w_cm2 * ((1 - kept) / len(self._light))
            self._escapes[n] = light.escaped_w * (1 - kept)
        self._mixed: tuple[float, ...] = ()

    def _mix(self, parts: tuple[float, ...]) -> None:
        """HEATING of all fibres for 1 W shared like this."""
        if parts == self._mixed:
            return
        heating = self.fields[kernel.HEATING]
        heating[:] = 0.0
        for part, of_fibre in zip(parts, self._heating, strict=True):
            heating += np.float32(part * self.step_s) * of_fibre
        self._lit_rate = float(np.sum(heating, dtype=np.float64))
        self._mixed = parts

    # Time

    def advance(self, steps: int, power_w: Floats | float) -> None:
        """See interface.Tissue. A few steps are taken together with their mean power; the last ones may wait."""
        powers = np.asarray(power_w, float)
        if not (steps >= 0 and np.all(np.isfinite(powers)) and np.all(powers >= 0)):
            raise ValueError(f"advance({steps}, {power_w}): both must be 0 or more, and finite")
        if powers.ndim and powers.shape != self._pending.shape:
            raise ValueError(f"advance({steps}, {power_w}): {len(self._pending)} fibres take as many powers")
        while steps > 0:
            if self._waiting == 0 and steps >= STEPS_PER_SECOND and self._elapsed % STEPS_PER_SECOND == 0:
                self._step(np.broadcast_to(powers, self._pending.shape), STEPS_PER_SECOND)
                steps -= STEPS_PER_SECOND
                continue
            taken = min(steps, TOGETHER - self._waiting)
            self._waiting += taken
            self._pending += taken * powers
            steps -= taken
            if self._waiting == TOGETHER:
                self._step(self._pending / TOGETHER, TOGETHER)
                self._pending[:] = 0.0
                self._waiting = 0

    def _step(self, powers: Floats, steps: int) -> None:
        """Tissue steps of one power for each fibre: those that are taken together, or all of a second."""
        total = float(powers.sum())
        even = (1 / len(powers),) * len(powers)
        self._mix(tuple((powers / total).tolist()) if total else self._mixed or even)
        state = self._tables, self._numbers, self._low, self._high
        count = self._parts * steps // TOGETHER
        self._odd = march(self.fields, state, self._odd, self.grid.shape[2], self.step_s, total, count)
        seconds = steps * TISSUE_STEP_S
        self._given_j += total * seconds
        self._escaped_j += float(powers @ self._escapes) * seconds
        self._elapsed += steps
        if self._elapsed % STEPS_PER_SECOND == 0:
            self._second()

    def _second(self) -> None:
        nz, ranges = self.grid.shape[2], (self._first, self._last)
        state = self.fields, self._tables, self._numbers, self._low, self._high
        blood = self._elapsed - self._blood_seen >= BLOOD_EVERY_STEPS
        kernel.second(*state, *ranges, self._odd, nz, self.step_s, blood, self._sums)
        self._account(blood)
        self._most = max(self._most, float(self._sums[:, kernel.MOST].max()))
        if self._sums[:, kernel.BAD].any():
            raise TissueError(self._where_it_failed())
        for wall in self._walls:
            kernel.watch(self.rise_padded, *wall.corners, self.body_c, wall.peak_c, wall.cem43_min)
        self._condense()
        if np.any(self._first < self._last):
            kernel.widen(self.fields, self._low, self._high, *ranges, self._odd)
            kernel.look_ahead(self.fields, self._numbers, self._low, self._high, nz, self._sums)
        self._grow_char()
        self._keep_stable(max(self._cold_rate, float(self._sums[:, kernel.RATE].max())))
        if self._mixed and self._sums[:, kernel.STALE].sum() > OPTICS_TOLERANCE * self._lit_rate:
            self._light_up()

    @property
    def _of_cell_j(self) -> float:
        """Heat of a cold cell per °C."""
        return self.medium.capacity_j_mm3_k * self.grid.cell_mm**3

    def _account(self, blood: bool) -> None:
        """What walls took in the second that ends now and blood since it was last seen to.

        Each step takes by the rises at its start.
        """
        if blood:
            count = (self._elapsed - self._blood_seen) * TISSUE_STEP_S / self.step_s
            start, end = self._next_taken, float(self._sums[:, kernel.TAKEN].sum())
            self._blood_j += self._of_cell_j * (count * start + (end - start) * (count - 1) / 2)
            self._next_taken, self._blood_seen = float(self._sums[:, kernel.TAKEN_NEXT].sum()), self._elapsed
        out = self.medium.conductivity_w_mm_k * self.grid.cell_mm
        self._walls_j += out * float(self._sums[:, kernel.WALLS].sum())

    @property
    def _blood_since_j(self) -> float:
        """What blood took since it was last seen to, as if that went on alike."""
        count = (self._elapsed - self._blood_seen) * TISSUE_STEP_S / self.step_s
        return self._of_cell_j * self._next_taken * count

    def _condense(self) -> None:
        """Steam warms the wet tissue around, evenly; where there is none, it waits."""
        tissue = self.laws.tissue
        per_cell = tissue.condensing_fraction * self.laws.latent_j_mm3 / self.medium.capacity_j_mm3_k
        self._steam += per_cell * float(self._sums[:, kernel.DRYING].sum())
        cells = float(self._sums[:, kernel.WET].sum())
        if self._steam > 0.0 and cells > 0.0:
            ranges = self._low, self._high, self._odd, self.grid.shape[2]
            kernel.condense(self.fields, self._numbers, *ranges, np.float32(self._steam / cells))
            self._condensed += self._steam
            self._steam = 0.0

    def _grow_char(self) -> None:
        tissue, rise = self.laws.tissue, self.rise_padded.reshape(-1)
        for n, tip in enumerate(self._tips):
            if rise[tip].max() + self.body_c > tissue.char_onset_c:
                self.char_um[n] = min(self.char_um[n] + tissue.char_growth_um_per_s, tissue.char_limit_um)
        if np.any(np.abs(self.char_um - self._char_seen) > CHAR_TOLERANCE_UM):
            self._give_light()

    def _keep_stable(self, rate: float) -> None:
        """Shorter steps when a cell gives its heat away faster than they allow, longer ones when they may be."""
        wanted = parts_for(rate)
        if wanted == self._parts:
            return
        before_s, spread = self.step_s, 6 * float(self._numbers[kernel.SPREAD_PER_S])
        self._parts = wanted
        keep, ratio = self.inner(kernel.KEEP), self.step_s / before_s
        keep[:] = 1 - spread * self.step_s - (1 - spread * before_s - keep) * ratio
        self._next_taken *= ratio
        self._mixed = ()

    def _where_it_failed(self) -> str:
        rise, low, high = self.rise, self._numbers[kernel.COLDEST], self._numbers[kernel.HOTTEST]
        cell = np.argwhere(~((rise >= low) & (rise <= high)))[0]
        at_mm = (np.array(self.grid.corner_mm) + (cell + 0.5) * self.grid.cell_mm).round(2).tolist()
        return (
            f"{rise[tuple(cell)] + self.body_c:.1f} °C at {at_mm} mm after {self._elapsed * TISSUE_STEP_S:.0f} s:"
            f" outside {low + self.body_c:.0f} to {high + self.body_c:.0f} °C, the computation has failed;"
            " take less power"
        )

    # What can be seen

    def _inside(self, field: Singles) -> Singles:
        return field[1:-1, 1:-1, : self.grid.shape[2]]

    def inner(self, row: int) -> Singles:
        """A field without its boundary, (nx, ny, nz); a view."""
        return self._inside(self.fields[row])

    @property
    def body_c(self) -> float:
        """See interface.Tissue."""
        return float(self._numbers[kernel.BODY])

    @property
    def rise_padded(self) -> Singles:
        """Rise above body temperature now, °C, with its boundary; another view after every step."""
        return self.fields[kernel.ODD if self._odd else kernel.EVEN]

    @property
    def fluence_padded(self) -> Singles:
        """Fluence rate per W now, W/cm², with its boundary; of several fibres, all alike."""
        return self._fluence

    @property
    def rise(self) -> Singles:
        """Rise above body temperature now, °C, (nx, ny, nz); a view."""
        return self._inside(self.rise_padded)

    @property
    def fluence(self) -> Singles:
        """Fluence rate per W now, W/cm², (nx, ny, nz); of several fibres, all alike; a view."""
        return self._inside(self._fluence)

    @property
    def tissue_max_c(self) -> float:
        """See interface.Tissue; looked at once a second."""
        return self.body_c + self._most

    def sites(self, points_mm: Floats) -> Sites3d:
        """See interface.Tissue."""
        return Sites3d(self, self._corners(points_mm))

    def walls(self) -> dict[str, dict[str, float]]:
        """Of each structure's wall: the highest temperature and the highest CEM43 anywhere on it."""
        return {
            structure.name: {"max_c": float(wall.peak_c.max()), "cem43_min": float(wall.cem43_min.max())}
            for structure, wall in zip(self.structures, self._walls, strict=True)
        }

    def volumes_mm3(self) -> dict[str, float]:
        """As Axisymmetric.volumes_mm3."""
        regions = {
            "ablated": self.inner(kernel.OMEGA_SKIN) >= 1.0,
            "delayed": self.inner(kernel.OMEGA_DELAYED) >= 1.0,
            "cem43_240": self.inner(kernel.CEM43) >= damage.LETHAL_CEM43_MIN,
            "sparing_shell": self.inner(kernel.SHELL) >= damage.SHELL_S,
            "dried": self.inner(kernel.DRIED) >= 0.5,
            "charred": self.inner(kernel.PEAK) + self.body_c > self.laws.tissue.char_onset_c,
        }
        cells = np.full(self.grid.shape, self.grid.cell_mm**3)
        return damage.volumes(regions, cells, cells * self.tumour_fraction)

    def energy_j(self) -> Energy:
        """See interface.Tissue; right at full seconds."""
        rise, dried = np.float64(self.rise), np.float64(self.inner(kernel.DRIED))
        rows = np.arange(self.padded[1])
        warm = ((rows >= self._low[:, None]) & (rows < self._high[:, None]))[1:-1, 1:-1, None]
        heat = np.where(warm, np.float64(self.inner(kernel.HEAT)), rise)
        hot, dry = self._numbers[kernel.CAPACITY_HOT], self._numbers[kernel.CAPACITY_DRY]
        stored = np.where(dried > 0.0, (hot + (dry - hot) * dried) * rise, heat)
        return Energy(
            given=self._given_j,
            stored=float(stored.sum()) * self._of_cell_j,
            blood=self._blood_j + self._blood_since_j,
            walls=self._walls_j,
            steam=(float((heat - stored).sum()) - self._condensed) * self._of_cell_j,
            light=self._escaped_j,
        )


class Sites3d(NamedTuple):
    """interface.Sites of the 3-D tier."""

    tissue: Cartesian
    corners: Corners

    def temperature_c(self) -> Floats:
        """See interface.Sites."""
        return self.tissue.body_c + self.corners.of(self.tissue.rise_padded)

    def fluence_w_cm2(self) -> Floats:
        """See interface.Sites."""
        return self.corners.of(self.tissue.fluence_padded)


def parts_for(rate_per_s: float) -> int:
    """Into how many explicit steps the tissue steps that are taken together are cut, to stay stable."""
    return math.ceil(TOGETHER * TISSUE_STEP_S * SAFETY * rate_per_s)


def kernel_tables(laws: Laws) -> Floats:
    """Those of laws.py as the kernel takes them, relative to cold tissue, padded to one length."""
    cold = laws.conductivity_w_mm_k(np.array(0.0), np.array(0.0))
    rows = max(HEAT_ROWS, len(TABLE_C))
    tables = (
        laws.temperatures_c - laws.tissue.body_c,
        laws.dried(laws.temperatures_c),
        laws.conductivity_w_mm_k(TABLE_C, np.zeros(TABLE_C.shape)) / cold,
    )
    return np.stack([np.pad(table, (0, rows - len(table)), mode="edge") for table in tables])


def kernel_numbers(laws: Laws, spread_per_s: float) -> Floats:
    """What the kernel needs of the laws; heat in °C at the cold capacity, above body temperature."""
    body_c, zero, one, hot = laws.tissue.body_c, np.array(0.0), np.array(1.0), np.array(HOT_C)
    cold, conductivity = laws.capacity_j_mm3_k(zero, zero), laws.conductivity_w_mm_k(zero, zero)
    rates = damage.SKIN, damage.DELAYED, damage.DELAY
    numbers = np.zeros(kernel.N_NUMBERS)
    numbers[kernel.BODY] = body_c
    numbers[kernel.HEAT_START] = laws.heat_since_0_c_j_mm3(np.array(body_c)) / laws.heat_step_j_mm3
    numbers[kernel.HEAT_SCALE], numbers[kernel.CELSIUS_SCALE] = (
        cold / laws.heat_step_j_mm3,
        1 / (TABLE_C[1] - TABLE_C[0]),
    )
    bends_c = np.array([CAPACITY_FALLS_C, CONDUCTIVITY_RISES_C, BOIL_C[0]])
    numbers[kernel.HEAT_LINEAR : kernel.HEAT_BOIL + 1] = laws.enthalpy_j_mm3(bends_c) / cold
    numbers[kernel.CAPACITY_HOT] = laws.capacity_j_mm3_k(hot, zero) / cold
    numbers[kernel.CAPACITY_DRY] = laws.capacity_j_mm3_k(hot, one) / cold
    numbers[kernel.CONDUCTIVITY_DRY] = laws.conductivity_w_mm_k(zero, one) / conductivity
    numbers[kernel.SPREAD_PER_S] = spread_per_s
    numbers[kernel.SKIN_A : kernel.DELAY_E + 1] = [figure for rate in rates for figure in rate.log2_form]
    numbers[kernel.SHELL_LOW : kernel.SHELL_HIGH + 1] = damage.SHELL_C
    numbers[kernel.COLDEST : kernel.HOTTEST + 1] = -COLDEST_BELOW_BODY_C, HOTTEST_C - body_c
    numbers[kernel.NEAR_RISE : kernel.HARM_RISE + 1] = kernel.NEAR_C - body_c, kernel.HARM_C - body_c
    numbers[kernel.CONDENSE_LOW : kernel.CONDENSE_HIGH + 1] = np.array(CONDENSE_C) - body_c
    numbers[kernel.WARM_START], numbers[kernel.WARM_SPAN] = WARM_C[0] - body_c, WARM_C[1] - WARM_C[0]
    numbers[kernel.WARM_GAIN] = (laws.perfusion_factor(np.array(WARM_C[1])) - 1) / (WARM_C[1] - WARM_C[0])
    return numbers
