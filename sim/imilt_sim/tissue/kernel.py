"""The compiled inner loops: everything that runs once per grid point, tissue step or second.

All of them live in one file on purpose: numba's on-disk cache notices a change in the file of the function called, not
in the files of the functions it calls; spread over modules, an edit could run yesterday's code. For the same reason
nothing here reads a constant of another module: figures come in through arrays.

Nothing is reordered (`fastmath=False`) and `exp2` is our own, so the same inputs give the same bits in every process.
Coverage does not see inside compiled code, hence the pragmas: the tests run all of it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Rows of `cells`, each a padded (nr + 2, nz + 2) field. The outer ring is the boundary: its rise is 0 for ever.
RISE_EVEN, RISE_ODD = 0, 1  # °C above body temperature, after an even and an odd number of steps
HEATING = 2  # °C per step and W of optical power
LOSS, LOSS_START = 3, 4  # fraction of the rise that blood carries off per step: now, and before any damage
PEAK = 5  # highest rise so far, °C
CEM43, OMEGA_SKIN, OMEGA_BHK = 6, 7, 8  # min, 1, 1
N_CELLS = 9

# Rows of `lines`: the conduction coefficients per step, 1. Radial ones vary along r only, axial ones along z only.
INWARD, OUTWARD, BACKWARD, FORWARD = 0, 1, 2, 3
N_LINES = 4

# Rows of `probes`, one column per probe.
JUNCTION, INTEGRAL, SITE, SITE_CEM43, SELF_HEATING = 0, 1, 2, 3, 4  # °C, °C·s, °C, min, °C per W
WEIGHT = 5  # four rows: bilinear weights of the cells in `corners`
N_PROBES = 9

# Entries of `numbers`.
BODY = 0  # °C
KEEP = 1  # fraction of the junction's distance from its drive that is left after one grid point
POWER_SUM = 2  # power summed over the grid points since the last tissue step, W
SKIN_A, SKIN_E, BHK_A, BHK_E = 3, 4, 5, 6  # rate = 2^(A − E/T): log2(1/s), K
STEPS = 7  # steps of the heat equation per tissue step
N_NUMBERS = 8

GRID_S = 0.02
POINTS_PER_STEP = 5
POINTS_PER_SECOND = 50


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def exp2(x: float) -> float:
    """2^x for −1000 <= x <= 1000 (clamped), to 1e-11 of the value.

    Branch-free, so that the compiler runs four cells at a time: libm's exp, called cell by cell, would take most of the
    time of a simulated second.
    """
    x = min(max(x, -1000.0), 1000.0)
    shifted = x + 6755399441055744.0  # 1.5·2^52: the nearest integer ends up in the low bits
    y = (x - (shifted - 6755399441055744.0)) * 0.6931471805599453
    high = 2.48015873015873e-05 + y * 2.7557319223985893e-06  # the power series of e^y: 1/8!, 1/9!
    high = 0.001388888888888889 + y * (0.0001984126984126984 + y * high)
    high = 0.041666666666666664 + y * (0.008333333333333333 + y * high)
    series = 1.0 + y * (1.0 + y * (0.5 + y * (0.16666666666666666 + y * high)))
    exponent = (np.float64(shifted).view(np.int64) << np.int64(52)) + np.int64(1023 << 52)
    return series * np.int64(exponent).view(np.float64)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def step(cells, lines, odd, power_w):
    """One explicit step of the bio-heat equation, from the even to the odd field or back; keeps the peak."""
    old = cells[RISE_ODD] if odd else cells[RISE_EVEN]
    new = cells[RISE_EVEN] if odd else cells[RISE_ODD]
    heating, loss, peak = cells[HEATING], cells[LOSS], cells[PEAK]
    inward, outward, backward, forward = lines[INWARD], lines[OUTWARD], lines[BACKWARD], lines[FORWARD]
    nr, nz = old.shape
    for i in range(1, nr - 1):
        a, b = inward[i], outward[i]
        for k in range(1, nz - 1):
            t = old[i, k]
            radial = a * (old[i - 1, k] - t) + b * (old[i + 1, k] - t)
            axial = backward[k] * (old[i, k - 1] - t) + forward[k] * (old[i, k + 1] - t)
            t = t + (radial + axial - loss[i, k] * t + heating[i, k] * power_w)
            new[i, k] = t
            peak[i, k] = t if t > peak[i, k] else peak[i, k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def harm(cells, rise, numbers, seconds):
    """CEM43, both Ω, and the perfusion that is left (e^−Ω of skin), after `seconds` at the temperatures of `rise`."""
    cem43, skin, bhk = cells[CEM43], cells[OMEGA_SKIN], cells[OMEGA_BHK]
    loss, start = cells[LOSS], cells[LOSS_START]
    body, skin_a, skin_e, bhk_a, bhk_e = numbers[BODY], numbers[SKIN_A], numbers[SKIN_E], numbers[BHK_A], numbers[BHK_E]
    nr, nz = rise.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            celsius = rise[i, k] + body
            inverse = 1.0 / (celsius + 273.15)
            omega = skin[i, k] + seconds * exp2(skin_a - skin_e * inverse)
            skin[i, k] = omega
            bhk[i, k] += seconds * exp2(bhk_a - bhk_e * inverse)
            cem43[i, k] += seconds / 60.0 * cem43_rate(celsius)
            loss[i, k] = start[i, k] * exp2(omega * -1.4426950408889634)


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def cem43_rate(celsius: float) -> float:
    """Equivalent minutes at 43 °C per minute at `celsius`: R 0.5 from 43 °C up, 0.25 below, nothing under 39 °C."""
    above = celsius - 43.0
    rate = exp2(above if above >= 0.0 else 2.0 * above)
    return rate if celsius >= 39.0 else 0.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def visit_sites(rise, corners, probes, body, seconds):
    """Undisturbed temperature at the probes' sites, and its CEM43 over `seconds`."""
    flat = rise.ravel()
    for p in range(probes.shape[1]):
        site = body
        for c in range(4):
            site += probes[WEIGHT + c, p] * flat[corners[c, p]]
        probes[SITE, p] = site
        probes[SITE_CEM43, p] += seconds / 60.0 * cem43_rate(site)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def follow(probes, keep, power_w):
    """One grid point of the junctions: exact answer of a first-order lag to a drive that is constant over it."""
    for p in range(probes.shape[1]):
        drive = probes[SITE, p] + probes[SELF_HEATING, p] * power_w
        junction = drive + (probes[JUNCTION, p] - drive) * keep
        probes[JUNCTION, p] = junction
        probes[INTEGRAL, p] += junction * GRID_S


@njit(cache=True, error_model="numpy")  # pragma: no cover
def advance(cells, lines, probes, corners, numbers, done, points, power_w):
    """Advance by `points` grid points at constant power, `done` of them having passed since the start."""
    steps = int(numbers[STEPS])
    for point in range(done + 1, done + points + 1):
        follow(probes, numbers[KEEP], power_w)
        numbers[POWER_SUM] += power_w
        if point % POINTS_PER_STEP == 0:
            mean_w = numbers[POWER_SUM] / POINTS_PER_STEP
            numbers[POWER_SUM] = 0.0
            first = (point // POINTS_PER_STEP - 1) * steps
            for n in range(first, first + steps):
                step(cells, lines, n % 2 == 1, mean_w)
            rise = cells[(first + steps) % 2]
            if point % POINTS_PER_SECOND == 0:
                harm(cells, rise, numbers, 1.0)
            visit_sites(rise, corners, probes, numbers[BODY], GRID_S * POINTS_PER_STEP)
