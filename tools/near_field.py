"""Writes the correction of diffusion theory near the fibre from Monte Carlo transport; `make near-field`.

For faces, bands and sides of fibres of several radii and several ratios µa/µs', the table holds the fluence rate of
photons over the one that light.py gives without a correction. Lengths are in units of 1/µs'; the bins of a radius ρ are
those of ρ = 0 times 1 + ρ. It takes some minutes.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import i0, i1, k0, k1

from imilt.plan import Fibre
from imilt_sim.tissue import photons
from imilt_sim.tissue.light import BAND_RADII, BEAM_SLOPE, PER_MM, RADIAL_SLOPE, W_CM2, FibreLight
from imilt_sim.tissue.mesh import Floats, Mesh
from imilt_sim.tissue.near_field import TABLE

RADII = 0.12, 0.3, 0.75, 1.9, 4.7
"""Of the fibre, 1/µs': 0.1 mm in native to 1.3 mm in coagulated pancreas."""
LOWEST_RATIO, RATIOS = 0.003, 5
"""µa/µs' = 0.003, 0.009, 0.027, 0.081, 0.243: native pancreas 0.014, muscle 0.18."""
R_FACES, Z_FACES = np.linspace(0.0, 6.0, 25), np.linspace(-4.0, 8.0, 49)
G = 0.94
"""Porcine pancreas: Sci Rep 2022;12:14300. The mean free path of a radius ρ is 1 + ρ times that, as its bins are."""
FAR, LIMIT, LEAST_LIMIT = 5.0, 12.0, 20.0
"""Times 1 + ρ: where scattering turns isotropic, and where light is let go; at least so far."""
BEHIND = 0.71
"""Diffusion's fluence rate vanishes this far behind the place where light is let go."""
NEAR = 1.5
"""Times 1 + ρ, from the middle of the fibre's end: within, every bin stands for itself."""
CLIP = 0.3, 3.0
"""Beyond, there is so little light that the ratio says nothing."""
EMITTERS = {"bare": photons.DISC, "radial": photons.BAND, "diffuser": photons.SURFACE}


class Case(NamedTuple):
    kind: str
    radius: float
    photons: int
    seed: int


def emitter(kind: str, radius: float) -> photons.Emitter:
    slope = BEAM_SLOPE if kind == "bare" else RADIAL_SLOPE
    return photons.Emitter(EMITTERS[kind], radius, BAND_RADII * radius, float(np.arctan(slope)))


def limit(radius: float) -> float:
    return max(LEAST_LIMIT, LIMIT * (1 + radius))


def transported(case: Case) -> Floats:
    """Fluence rate of photons in the bins, (ratios, nr, nz); a diffuser has one bin along z, of length 1."""
    stretch = 1 + case.radius
    medium = photons.Medium(1 - (1 - G) * stretch, FAR * stretch, limit(case.radius), LOWEST_RATIO, RATIOS)
    z_faces = np.array([0.0, 1.0]) if case.kind == "diffuser" else Z_FACES * stretch
    return photons.trace(case.photons, case.seed, emitter(*case[:2]), medium, R_FACES * stretch, z_faces).fluence


def faces(start: float, stretch: float, end: float) -> Floats:
    """From `start` to `end`: a twelfth of `stretch` at first, wider by a tenth from each to the next from there on."""
    fine = start + np.arange(37) * stretch / 12
    sizes = stretch / 12 * 1.1 ** np.arange(1, 200)
    grown = fine[-1] + np.cumsum(sizes)
    return np.concatenate((fine, grown[grown < end - stretch], [end]))


def fine_mesh(radius: float) -> Mesh:
    stretch, end = 1 + radius, limit(radius) + BEHIND
    inside = np.linspace(0.0, radius, max(2, round(12 * radius / stretch)) + 1)
    ahead = faces(0.0, stretch, end)
    r_faces = np.concatenate((inside, faces(radius, stretch, end)[1:]))
    return Mesh(r_faces, np.concatenate((-ahead[:0:-1], ahead)))


def overlap(bins: Floats, cells: Floats) -> Floats:
    """Share of each bin in each cell, (bins, cells), from their faces."""
    low = np.maximum(bins[:-1, None], cells[None, :-1])
    high = np.minimum(bins[1:, None], cells[None, 1:])
    return np.maximum(0.0, high - low) / np.diff(bins)[:, None]


def diffused(kind: str, radius: float, ratio: float) -> Floats:
    """What light.py says in the bins, (nr, nz)."""
    stretch = 1 + radius
    if kind == "diffuser":
        return beside_cylinder(radius, ratio)[:, None]
    mesh = fine_mesh(radius)
    fibre = Fibre.model_construct(kind=kind, radius_mm=radius)
    same = np.full(mesh.shape, 1 / PER_MM)
    fluence = FibreLight(mesh, fibre, corrected=False).solve(ratio * same, same).fluence_w_cm2 / W_CM2
    squares = overlap((R_FACES * stretch) ** 2, mesh.r_faces**2)
    return squares @ fluence @ overlap(Z_FACES * stretch, mesh.z_faces).T


def beside_cylinder(radius: float, ratio: float) -> Floats:
    """Diffusion around an endless cylinder that emits 1 W per length and returns all, up to the black wall, (nr,).

    Means over the bins, of which the part inside the fibre is dark.
    """
    stretch, wall = 1 + radius, limit(radius) + BEHIND
    mu, diffusion = np.sqrt(3 * ratio * (1 + ratio)), 1 / (3 * (1 + ratio))
    parts = 40
    squares = (R_FACES[:-1, None] ** 2 + np.diff(R_FACES**2)[:, None] * (np.arange(parts) + 0.5) / parts) * stretch**2
    r = np.sqrt(squares)
    shape = k0(mu * r) - i0(mu * r) * k0(mu * wall) / i0(mu * wall)
    slope = mu * (k1(mu * radius) + i1(mu * radius) * k0(mu * wall) / i0(mu * wall))
    return np.where(r > radius, shape / (2 * np.pi * radius * diffusion * slope), 0.0).mean(axis=1)


def smoothed(field: Floats) -> Floats:
    """Sums over each bin and its eight neighbours, weighted by volume, (ratios, nr, nz)."""
    heavy = np.pad(field * np.diff(R_FACES**2)[:, None], ((0, 0), (1, 1), (1, 1)))
    return np.sum([np.roll(heavy, (i, k), (1, 2)) for i, k in product((-1, 0, 1), repeat=2)], axis=0)[:, 1:-1, 1:-1]


def correction(case: Case) -> Floats:
    """Photons' fluence rate over diffusion's, (ratios, nr, nz); bins inside the fibre repeat their outer neighbour.

    Away from the emitting end, where the photons are few and the ratio is smooth, nine bins are taken together.
    """
    truth = transported(case)
    ratios = LOWEST_RATIO * 3.0 ** np.arange(RATIOS)
    theory = np.array([diffused(case.kind, case.radius, ratio) for ratio in ratios])
    if case.kind != "diffuser":
        centres = [(faces[1:] + faces[:-1]) / 2 for faces in (R_FACES, Z_FACES)]
        near = np.hypot(centres[0][:, None], centres[1]) < NEAR
        truth, theory = (np.where(near, field, smoothed(field)) for field in (truth, theory))
    table = np.divide(truth, theory, out=np.full(truth.shape, np.nan), where=theory > 0)
    for i in reversed(range(table.shape[1] - 1)):
        table[:, i] = np.where(np.isnan(table[:, i]), table[:, i + 1], table[:, i])
    return np.clip(table, *CLIP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--photons", type=int, default=300_000, help="per kind and radius (default: %(default)s)")
    count = parser.parse_args().photons
    cases = [Case(kind, radius, count, seed) for seed, (kind, radius) in enumerate(product(EMITTERS, RADII), start=1)]
    with ProcessPoolExecutor(2) as pool:
        tables = dict(zip(cases, pool.map(correction, cases), strict=True))
    arrays = {
        kind: np.array([table for case, table in tables.items() if case.kind == kind], np.float16) for kind in EMITTERS
    }
    axes = {"radius": RADII, "ratio": LOWEST_RATIO * 3.0 ** np.arange(RATIOS), "r_faces": R_FACES, "z_faces": Z_FACES}
    TABLE.parent.mkdir(exist_ok=True)
    np.savez_compressed(TABLE, **arrays, **axes, g=G, photons=count)
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
