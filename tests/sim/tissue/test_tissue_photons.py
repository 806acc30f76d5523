"""Monte Carlo transport against exact answers of transport theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.photons import BAND, DISC, POINT, SLAB, SURFACE, Emitter, Medium, Tally, trace

ENDLESS = 1e9


def isotropic_fluence(r: float, albedo: float) -> float:
    """Exact fluence rate around a point source, distances in mean free paths (Case and Zweifel 1967, ch. 5)."""

    def scattered(k: float) -> float:
        once = np.arctan(k) / k
        return k * albedo * once**2 / (1 - albedo * once)

    waves = quad(scattered, 1e-9, np.inf, weight="sin", wvar=r)[0]
    return float(np.exp(-r) / (4 * np.pi * r**2) + waves / (2 * np.pi**2 * r))


def shells(tally: Tally, r_faces: Floats, z_faces: Floats, edges: Floats) -> Floats:
    """Power absorbed per absorption in spherical shells, from bins sorted by their centres' distance."""
    r, z = (r_faces[1:] + r_faces[:-1]) / 2, (z_faces[1:] + z_faces[:-1]) / 2
    volume = np.outer(np.pi * np.diff(r_faces**2), np.diff(z_faces))
    away = np.hypot(r[:, None], z)
    absorbed, held = (np.histogram(away, edges, weights=w)[0] for w in (tally.fluence[0] * volume, volume))
    return absorbed / held


def test_the_slab_of_van_de_hulst() -> None:
    # Two mean free paths thick, albedo 0.9, g 0.75: 0.09739 is reflected and 0.66096 let through.
    scattering = 0.9 * (1 - 0.75)  # reduced, per mean free path
    medium = Medium(g=0.75, far=ENDLESS, limit=2 * scattering, ratio=0.1 / scattering, ratios=1)
    tally = trace(200_000, 1, Emitter(SLAB), medium, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert tally.reflected[0] == pytest.approx(0.09739, abs=0.002)
    assert tally.escaped[0] - tally.reflected[0] == pytest.approx(0.66096, abs=0.003)


def test_a_point_source_in_an_endless_medium() -> None:
    albedo = 0.9
    medium = Medium(g=0.0, far=ENDLESS, limit=60.0, ratio=(1 - albedo) / albedo, ratios=1)
    r_faces, z_faces = np.linspace(0.0, 6.0, 121), np.linspace(-6.0, 6.0, 241)
    tally = trace(60_000, 2, Emitter(POINT), medium, r_faces, z_faces)
    edges = np.array([0.9, 1.1, 1.9, 2.1, 3.9, 4.1])
    got = shells(tally, r_faces, z_faces, edges)[::2]
    exact = [isotropic_fluence(r / albedo, albedo) / albedo**2 for r in (1.0, 2.0, 4.0)]
    assert got == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("kind", [DISC, BAND, SURFACE])
def test_every_photon_is_absorbed_or_escapes(kind: int) -> None:
    medium = Medium(g=0.9, far=4.0, limit=12.0, ratio=0.01, ratios=3)
    emitter = Emitter(kind, radius=0.5, band=1.5, half_angle=0.3)
    r_faces = np.linspace(0.0, 13.0, 66)
    z_faces = np.array([0.0, 1.0]) if kind == SURFACE else np.linspace(-13.0, 13.0, 131)
    tally = trace(3000, 3, emitter, medium, r_faces, z_faces)
    assert tally.absorbed + tally.escaped == pytest.approx(np.ones(3))
    volume = np.outer(np.pi * np.diff(r_faces**2), np.diff(z_faces))
    scored = 0.01 * 3.0 ** np.arange(3) * (tally.fluence * volume).sum(axis=(1, 2))
    assert scored == pytest.approx(tally.absorbed, rel=0.03)  # two estimators of the same


@pytest.mark.parametrize("kind", [DISC, BAND, SURFACE])
def test_no_light_is_inside_the_fibre(kind: int) -> None:
    medium = Medium(g=0.9, far=4.0, limit=12.0, ratio=0.03, ratios=1)
    fluence = trace(
        500, 4, Emitter(kind, 1.0, 3.0, 0.3), medium, np.array([0.0, 0.99, 3.0]), np.array([-5.0, -0.01])
    ).fluence[0]
    assert fluence[0, 0] == 0.0
    assert fluence[1, 0] > 0.0 or kind == SURFACE  # whose bin is the first one, whatever its faces


def test_the_same_seed_gives_the_same_photons() -> None:
    medium = Medium(g=0.9, far=4.0, limit=8.0, ratio=0.01, ratios=2)
    faces = np.linspace(0.0, 4.0, 9)
    tallies = [trace(200, seed, Emitter(DISC, 0.3, 0.0, 0.2), medium, faces, faces).fluence for seed in (1, 1, 2)]
    assert np.array_equal(tallies[0], tallies[1])
    assert not np.array_equal(tallies[0], tallies[2])
