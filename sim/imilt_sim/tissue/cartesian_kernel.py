"""The compiled inner loops of the 3-D tier: everything that runs once per cell of cartesian.py.

Fields are padded, (nx + 2, ny + 2, stride), single precision: cell (i, j, k) is [i + 1, j + 1, k], and what lies beyond
nz in a row is boundary, whose rise is 0 for ever. A row's padding is also what lies before the next row, so that a run
of rows is one run of memory: the linear step then reads every neighbour at the memory's speed. Rows start on a cache
line.

Rows that were never warmer than NEAR_C obey constant laws: heat is proportional to temperature there, and only the
linear step runs. The others, `low[i]` to `high[i]` of each plane, also carry heat and conductivity (docs/physics.md).

Loops once a second run over whole padded rows: the compiler takes 32 cells at a time, and what is left over one by one.

As in kernel.py all that is compiled and calls each other lives in this one file, and nothing is reordered: the same
inputs give the same bits, on one thread or two.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

LINE = 16
"""Single-precision numbers of a cache line, of which every row is a multiple."""

# The tuple `fields`.
EVEN, ODD = 0, 1  # rise, °C, after an even and an odd number of steps
KEEP = 2  # share of its rise that a cell keeps in a step: 1 − 6·spread − what blood and vessels take
HEATING = 3  # °C per step and W
TUMOUR, NORMAL, SINK = 4, 5, 6  # share of the rise taken per s: by blood in either tissue, and by vessels
HEAT = 7  # of warm rows: heat taken up, in °C at the cold capacity
PEAK_HEAT = 8  # the most so far
CONDUCTIVITY = 9  # over that of cold tissue
PEAK = 10  # highest rise at any full second, °C
CEM43, OMEGA_SKIN, DELAY, OMEGA_DELAYED, SHELL = 11, 12, 13, 14, 15  # min, 1, 1, 1, s
LEFT, DRIED = 16, 17  # e^−Ω of skin; fraction of the water that has left
LEFT_SEEN, DRIED_SEEN = 18, 19  # when the light was last solved
N_FIELDS = 20

# Rows of `tables`: two by heat since 0 °C, one by temperature.
RISE_OF_HEAT, DRIED_OF_HEAT, WET_CONDUCTIVITY = 0, 1, 2

# Entries of `numbers`.
BODY = 0  # °C
HEAT_START, HEAT_SCALE = 1, 2  # row of the tables by heat at no rise, and rows per °C of heat
CELSIUS_SCALE = 3  # rows per °C of the tables by temperature
HEAT_LINEAR, HEAT_BENT, HEAT_BOIL = 4, 5, 6  # heat where capacity, conductivity and water start to change
CAPACITY_HOT, CAPACITY_DRY = 7, 8  # over that of cold tissue
CONDUCTIVITY_DRY = 9  # over that of cold tissue
SPREAD_PER_S = 10  # diffusivity over the square of the cell's size
SKIN_A, SKIN_E, CELL_A, CELL_E, DELAY_A, DELAY_E = 11, 12, 13, 14, 15, 16  # rate = 2^(A − E/T)
SHELL_LOW, SHELL_HIGH = 17, 18  # °C
COLDEST, HOTTEST = 19, 20  # rises outside which the computation has failed
NEAR_RISE, HARM_RISE = 21, 22  # of NEAR_C and HARM_C
CONDENSE_LOW, CONDENSE_HIGH = 23, 24  # rises between which steam condenses
WARM_START, WARM_SPAN, WARM_GAIN = 25, 26, 27  # normal perfusion: rise from which it grows, over how many °C, per °C
N_NUMBERS = 28

# What `second` and `look_ahead` add up, one row per slab.
TAKEN, TAKEN_NEXT = 0, 1  # °C per step taken by blood and vessels at the old and the new rates, sum over cells
RATE = 2  # fastest rate of a cell, 1/s; not a sum
BAD = 3  # rows with cells out of bounds
STALE = 4  # heating whose cells have changed their optics
WALLS = 5  # sum of the rises next to the outer walls, °C
DRYING = 6  # cells' worth of water that has left since the last time
WET = 7  # cells in which steam condenses
MOST = 8  # highest rise, °C; not a sum
N_SUMS = 9

NEAR_C = 45.0
"""Ten degrees before any law bends: rows are looked at once a second."""
HARM_C = 39.0
"""Colder, no CEM43 is counted, and no other harm worth counting is done within hours."""
CRUMB_C = np.float32(1e-30)
"""Given to every cell in every step: without it, rises far out are too small for the processor to be quick with."""
LEAST_RISE_C = 1e-5
"""What blood takes from rows that are all colder is not counted."""
FELT_RISE_C = 0.05
"""Rows that are all colder keep their perfusion: it would change by a few hundredths at most."""


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def exp2(x: float) -> float:
    """2^x for −1000 <= x <= 1000 (clamped), to 1e-11 of the value; as in kernel.py."""
    x = min(max(x, -1000.0), 1000.0)
    shifted = x + 6755399441055744.0
    y = (x - (shifted - 6755399441055744.0)) * 0.6931471805599453
    high = 2.48015873015873e-05 + y * 2.7557319223985893e-06
    high = 0.001388888888888889 + y * (0.0001984126984126984 + y * high)
    high = 0.041666666666666664 + y * (0.008333333333333333 + y * high)
    series = 1.0 + y * (1.0 + y * (0.5 + y * (0.16666666666666666 + y * high)))
    exponent = (np.float64(shifted).view(np.int64) << np.int64(52)) + np.int64(1023 << 52)
    return series * np.int64(exponent).view(np.float64)


# A step


@njit(cache=True, error_model="numpy", inline="never")  # pragma: no cover
def run(new, old, left, right, near, far, before, after, keep, heating, spread, power):
    """A run of cells: each neighbour is a run of its own, so that nothing but memory limits it."""
    for n in range(len(new)):
        around = (left[n] + right[n]) + (near[n] + far[n]) + (before[n] + after[n])
        new[n] = keep[n] * old[n] + spread * around + (power * heating[n] + CRUMB_C)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def linear_rows(old, new, keep, heating, plane, stride, first, last, spread, power):
    """Rows of the flat fields from the one that starts at `first` to before `last`; then their padding."""
    run(
        new[first:last],
        old[first:last],
        old[first - plane : last - plane],
        old[first + plane : last + plane],
        old[first - stride : last - stride],
        old[first + stride : last + stride],
        old[first - 1 : last - 1],
        old[first + 1 : last + 1],
        keep[first:last],
        heating[first:last],
        spread,
        power,
    )


@njit(cache=True, error_model="numpy")  # pragma: no cover
def clear_padding(new, i, nz):
    """Back to 0: the first and the last cell beyond each row, which are all that is ever read."""
    plane = new[i]
    last = plane.shape[1] - 1
    for j in range(plane.shape[0]):
        plane[j, nz] = 0.0
        plane[j, last] = 0.0


@njit(cache=True, error_model="numpy", parallel=True)  # pragma: no cover
def steps(fields, tables, numbers, low, high, odd, nz, dt, power, count, slabs):
    """`count` explicit steps of `dt` s: linear rows, and warm rows by heat and conductivity.

    A plane's next step follows as soon as its neighbours have done theirs, while all is still in the core's own cache.
    Each slab leaves out what needs planes of another one: a wedge, wider by a plane with each step, that comes last.
    """
    planes = fields[0].shape[0] - 2
    for s in prange(slabs):
        first, last = 1 + planes * s // slabs, 1 + planes * (s + 1) // slabs
        for front in range(first, last + count):
            for t in range(count):
                i = front - t
                if first + (t if s > 0 else 0) <= i < last - (t if s < slabs - 1 else 0):
                    step_plane(fields, tables, numbers, low, high, i, (odd + t) % 2, nz, dt, power)
    for s in prange(1, slabs):
        middle = 1 + planes * s // slabs
        for t in range(1, count):
            for i in range(middle - t, middle + t):
                step_plane(fields, tables, numbers, low, high, i, (odd + t) % 2, nz, dt, power)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def step_plane(fields, tables, numbers, low_rows, high_rows, i, odd, nz, dt, power):
    """One plane: linear rows before its `low` and from its `high` on."""
    low, high = low_rows[i], high_rows[i]
    old, new = fields[ODD if odd == 1 else EVEN], fields[EVEN if odd == 1 else ODD]
    _, ny, stride = old.shape
    spread = np.float32(dt * numbers[SPREAD_PER_S])
    flat = old.reshape(-1), new.reshape(-1), fields[KEEP].reshape(-1), fields[HEATING].reshape(-1)
    if low < high:
        linear_rows(*flat, ny * stride, stride, (i * ny + 1) * stride, (i * ny + low) * stride, spread, power)
        linear_rows(*flat, ny * stride, stride, (i * ny + high) * stride, (i * ny + ny - 1) * stride, spread, power)
        for j in range(low, high):
            flow(fields, old, new, i, j, nz, spread, power)
            warm(fields, tables, numbers, new, i, j, nz)
    else:
        linear_rows(*flat, ny * stride, stride, (i * ny + 1) * stride, (i * ny + ny - 1) * stride, spread, power)
    clear_padding(new, i, nz)


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def through(mine, other):
    """Conductivity of a face between two half cells in series."""
    return np.float32(2.0) * mine * other / (mine + other)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def flow(fields, old, new, i, j, nz, spread, power):
    """Heat flows along and across one row by the old temperatures; `new` gets heat over cold capacity."""
    conductivity, heat = fields[CONDUCTIVITY], fields[HEAT][i, j]
    keep, heating, peak = fields[KEEP][i, j], fields[HEATING][i, j], fields[PEAK_HEAT][i, j]
    row, mine, out = old[i, j], conductivity[i, j], new[i, j]
    left, right, near, far = old[i - 1, j], old[i + 1, j], old[i, j - 1], old[i, j + 1]
    cl, cr, cn, cf = conductivity[i - 1, j], conductivity[i + 1, j], conductivity[i, j - 1], conductivity[i, j + 1]
    lossless = np.float32(1.0) - np.float32(6.0) * spread
    for k in range(nz):
        t, c = row[k], mine[k]
        across = through(c, cl[k]) * (left[k] - t) + through(c, cr[k]) * (right[k] - t)
        across += through(c, cn[k]) * (near[k] - t) + through(c, cf[k]) * (far[k] - t)
        along = through(c, mine[k + 1]) * (row[k + 1] - t)
        h = heat[k] + (spread * (across + along) + (keep[k] - lossless) * t + power * heating[k])
        heat[k] = h
    heat[0] += spread * (mine[0] * (np.float32(0.0) - row[0]))
    for k in range(1, nz):
        heat[k] += spread * (through(mine[k], mine[k - 1]) * (row[k - 1] - row[k]))
    for k in range(nz):
        out[k] = heat[k]
        peak[k] = heat[k] if heat[k] > peak[k] else peak[k]


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def look_up(table, x):
    """A table at x rows from its first, straight between rows and beyond its ends; NaN stays NaN."""
    last = len(table) - 2.0
    within = x if x > 0.0 else 0.0
    row = int(within if within < last else last)
    return table[row] + (x - row) * (table[row + 1] - table[row])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def warm(fields, tables, numbers, new, i, j, nz):
    """Temperatures of one row from its heat where the capacity has bent, as in kernel.py: steam does not come back."""
    heat, peak, out = fields[HEAT][i, j], fields[PEAK_HEAT][i, j], new[i, j]
    start, scale, linear, boil = numbers[HEAT_START], numbers[HEAT_SCALE], numbers[HEAT_LINEAR], numbers[HEAT_BOIL]
    hot, dry = numbers[CAPACITY_HOT], numbers[CAPACITY_DRY]
    for k in range(nz):
        h, most = np.float64(heat[k]), np.float64(peak[k])
        if most <= linear:
            continue
        if most <= boil or h >= most:
            out[k] = look_up(tables[RISE_OF_HEAT], start + h * scale)
        else:
            dried = look_up(tables[DRIED_OF_HEAT], start + most * scale)
            top = look_up(tables[RISE_OF_HEAT], start + most * scale)
            out[k] = top - (most - h) / (hot + (dry - hot) * dried)


# Once a second


@njit(cache=True, error_model="numpy", parallel=True)  # pragma: no cover
def second(fields, tables, numbers, low, high, first, last, odd, nz, dt, blood, sums):
    """Harm of a second, conductivities, and sums of what the fields hold, per slab; with `blood`, perfusion as well.

    `first` and `last` get the warm rows of each plane.
    """
    nx, slabs = fields[0].shape[0], len(sums)
    for s in prange(slabs):
        sums[s] = 0.0
        for i in range(1 + (nx - 2) * s // slabs, 1 + (nx - 2) * (s + 1) // slabs):
            see_plane(fields, tables, numbers, i, low, high, first, last, odd, nz, dt, blood, sums[s])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def see_plane(fields, tables, numbers, i, low, high, first, last, odd, nz, dt, blood, sums):
    """One plane of `second`."""
    rise = fields[ODD if odd else EVEN]
    taken, work = np.zeros((3, rise.shape[2]), np.float32), np.zeros((2, rise.shape[2]), np.float32)
    rates = np.zeros(rise.shape[2])
    nx, ny = rise.shape[:2]
    lossless = np.float32(1.0 - 6.0 * dt * numbers[SPREAD_PER_S])
    first[i], last[i] = ny, 0
    bits = np.zeros(2, np.uint32)
    seen = bits.view(np.float32)
    signed, unsigned = rise[i].view(np.int32), rise[i].view(np.uint32)
    for j in range(1, ny - 1):
        extremes(signed[j], unsigned[j], bits)
        highest, lowest = seen[0], seen[1]
        sums[MOST] = max(sums[MOST], highest)
        if not (highest <= numbers[HOTTEST] and lowest >= numbers[COLDEST]):
            sums[BAD] += 1.0
            continue
        if highest > numbers[NEAR_RISE]:
            first[i], last[i] = min(first[i], j), j + 1
        if highest > numbers[HARM_RISE]:
            start, end = warm_part(rise[i, j], numbers[HARM_RISE])
            row = rise[i, j, start:end]
            coagulate(numbers, row, fields[OMEGA_SKIN][i, j, start:end], fields[LEFT][i, j, start:end], rates)
            die(numbers, row, fields[DELAY][i, j, start:end], fields[OMEGA_DELAYED][i, j, start:end], rates)
            count(numbers, row, fields[CEM43][i, j, start:end], fields[SHELL][i, j, start:end])
            remember(row, fields[PEAK][i, j, start:end])
        if low[i] <= j < high[i]:
            sums[DRYING] += conduct(fields, tables, numbers, rise[i, j], i, j, nz)
            sums[WET] += wet(fields, numbers, rise[i, j], nz)
        farthest = max(abs(highest), abs(lowest))
        if blood and farthest > LEAST_RISE_C:
            take(fields[KEEP][i, j], rise[i, j], lossless, taken[0])
        if blood and farthest > FELT_RISE_C:
            parts = fields[SINK][i, j], fields[TUMOUR][i, j], fields[NORMAL][i, j], fields[LEFT][i, j]
            perfuse(numbers, rise[i, j], fields[KEEP][i, j], *parts, dt, work, taken[1])
        at_walls = (i == 1) + (i == nx - 2) + (j == 1) + (j == ny - 2)
        if at_walls > 0:
            for k in range(nz):
                taken[2, k] += at_walls * rise[i, j, k]
        sums[WALLS] += rise[i, j, 0] + rise[i, j, nz - 1]
    for k in range(nz):
        sums[TAKEN] += taken[0, k]
        sums[TAKEN_NEXT] += np.float64(taken[0, k]) + taken[1, k]
        sums[WALLS] += taken[2, k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def extremes(signed, unsigned, bits):
    """Bits of the highest and, if any is below 0, of the lowest of a row that has these bits; NaN is one of them.

    Floats of one sign are ordered as their bits are, and the compiler takes eight integers at a time.
    """
    high, low = signed[0], unsigned[0]
    for k in range(len(signed)):
        one = signed[k]
        if one > high:
            high = one
    for k in range(len(unsigned)):
        other = unsigned[k]
        if other > low:
            low = other
    bits[0], bits[1] = np.uint32(high), low


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def cem43_rate(celsius: float) -> float:
    """Equivalent minutes at 43 °C per minute at `celsius`: R 0.5 from 43 °C up, 0.25 below, nothing under 39 °C."""
    above = celsius - 43.0
    rate = exp2(above if above >= 0.0 else 2.0 * above)
    return rate if celsius >= 39.0 else 0.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def warm_part(row, from_rise):
    """The part of a row, in whole cache lines, that holds every cell above `from_rise`; there must be one."""
    start, end = 0, len(row)
    while row[start] <= from_rise:
        start += 1
    while row[end - 1] <= from_rise:
        end -= 1
    return start // LINE * LINE, (end + LINE - 1) // LINE * LINE


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def arrhenius(row, body, a, e, rates):
    """2^(a − e/T), 1/s, of a row's rises."""
    for k in range(len(row)):
        rates[k] = exp2(a - e / (np.float64(row[k]) + (body + 273.15)))


@njit(cache=True, error_model="numpy")  # pragma: no cover
def coagulate(numbers, row, skin, left, rates):
    """One second of Ω of skin, and the blood that it leaves. Few fields a loop: only then are cells taken together."""
    arrhenius(row, numbers[BODY], numbers[SKIN_A], numbers[SKIN_E], rates)
    for k in range(len(row)):
        skin[k] += rates[k]
    for k in range(len(row)):
        left[k] = exp2(skin[k] * -1.4426950408889634)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def die(numbers, row, delay, delayed, rates):
    """One second of delayed death."""
    arrhenius(row, numbers[BODY], numbers[DELAY_A], numbers[DELAY_E], rates)
    for k in range(len(row)):
        delay[k] += rates[k]
    arrhenius(row, numbers[BODY], numbers[CELL_A], numbers[CELL_E], rates)
    for k in range(len(row)):
        delayed[k] += rates[k] if delay[k] >= np.float32(1.0) else 0.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def count(numbers, row, dose, shell):
    """One second of CEM43 and of the time between the shell's temperatures."""
    body = numbers[BODY]
    low, high = np.float32(numbers[SHELL_LOW] - body), np.float32(numbers[SHELL_HIGH] - body)
    for k in range(len(row)):
        dose[k] += cem43_rate(np.float64(row[k]) + body) / 60.0
    for k in range(len(row)):
        shell[k] += np.float32(1.0) if (row[k] >= low) & (row[k] <= high) else np.float32(0.0)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def remember(row, peak):
    """The highest rises so far."""
    for k in range(len(row)):
        peak[k] = row[k] if row[k] > peak[k] else peak[k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def conduct(fields, tables, numbers, row, i, j, nz):
    """Dried fraction and conductivity of a row, from its temperatures and the most heat it ever held.

    Returns how much it has dried since the last time, in cells.
    """
    drying = 0.0
    peak, dried, conductivity = fields[PEAK_HEAT][i, j], fields[DRIED][i, j], fields[CONDUCTIVITY][i, j]
    for k in range(nz):
        most = np.float64(peak[k])
        if most <= numbers[HEAT_BENT]:
            continue
        moist = look_up(tables[WET_CONDUCTIVITY], (row[k] + numbers[BODY]) * numbers[CELSIUS_SCALE])
        gone = 0.0
        if most > numbers[HEAT_BOIL]:
            gone = look_up(tables[DRIED_OF_HEAT], numbers[HEAT_START] + most * numbers[HEAT_SCALE])
            drying += gone - dried[k]
            dried[k] = gone
        conductivity[k] = moist + (numbers[CONDUCTIVITY_DRY] - moist) * gone
    return drying


@njit(cache=True, error_model="numpy")  # pragma: no cover
def wet(fields, numbers, row, nz):
    """Cells of a row in which steam condenses."""
    low, high = np.float32(numbers[CONDENSE_LOW]), np.float32(numbers[CONDENSE_HIGH])
    count = np.int32(0)
    for k in range(nz):
        count += np.int32((row[k] >= low) & (row[k] < high))
    return count


@njit(cache=True, error_model="numpy")  # pragma: no cover
def condense(fields, numbers, low, high, odd, nz, each):
    """Steam gives `each` (°C at the cold capacity) to every cell in which it condenses."""
    rise, least, most = fields[ODD if odd else EVEN], numbers[CONDENSE_LOW], numbers[CONDENSE_HIGH]
    for i in range(1, rise.shape[0] - 1):
        for j in range(low[i], high[i]):
            heat, peak = fields[HEAT][i, j], fields[PEAK_HEAT][i, j]
            for k in range(nz):
                if least <= rise[i, j, k] < most:
                    heat[k] += each
                    peak[k] = max(peak[k], heat[k])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def take(keep, row, lossless, taken):
    """What blood and vessels take from a row in a step, °C, added to `taken`."""
    for k in range(len(row)):
        taken[k] += (lossless - keep[k]) * row[k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def perfuse(numbers, row, keep, sink, tumour, normal, left, dt, loss, taken):
    """KEEP of a row for steps of `dt` by its warmth and harm; adds to `taken` what is taken more than before."""
    lossless, seconds = np.float32(1.0 - 6.0 * dt * numbers[SPREAD_PER_S]), np.float32(dt)
    start, gain, whole = np.float32(numbers[WARM_START]), np.float32(numbers[WARM_GAIN]), np.float32(numbers[WARM_SPAN])
    take(keep, row, lossless, loss[0])
    for k in range(len(row)):
        above = row[k] - start
        above = above if above > np.float32(0.0) else np.float32(0.0)
        loss[1, k] = np.float32(1.0) + gain * (above if above < whole else whole)
    for k in range(len(row)):
        loss[1, k] = (tumour[k] + normal[k] * loss[1, k]) * left[k]
    for k in range(len(row)):
        keep[k] = lossless - seconds * (sink[k] + loss[1, k])
    take(keep, row, lossless, taken)
    for k in range(len(row)):
        taken[k] -= loss[0, k]
        loss[0, k] = np.float32(0.0)


@njit(cache=True, error_model="numpy", parallel=True)  # pragma: no cover
def look_ahead(fields, numbers, low, high, nz, sums):
    """RATE and STALE of the warm rows; after `second`, because it looks at neighbours."""
    nx, slabs = fields[0].shape[0], len(sums)
    for s in prange(slabs):
        for i in range(1 + (nx - 2) * s // slabs, 1 + (nx - 2) * (s + 1) // slabs):
            for j in range(low[i], high[i]):
                sums[s, RATE] = max(sums[s, RATE], fastest(fields, numbers, i, j, nz))
                sums[s, STALE] += stale(fields, i, j, nz)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def fastest(fields, numbers, i, j, nz):
    """The fastest rate at which a cell of a row gives its heat away, 1/s: a longer step than its inverse may oscillate.

    Of cells that conduct as cold tissue does, the caller knows it.
    """
    conductivity, dried, peak = fields[CONDUCTIVITY], fields[DRIED], fields[PEAK_HEAT][i, j]
    sink, tumour, normal = fields[SINK][i, j], fields[TUMOUR][i, j], fields[NORMAL][i, j]
    most = 0.0
    for k in range(1, nz - 1):
        if peak[k] <= numbers[HEAT_LINEAR]:
            continue
        c = conductivity[i, j, k]
        faces = through(c, conductivity[i - 1, j, k]) + through(c, conductivity[i + 1, j, k])
        faces += through(c, conductivity[i, j - 1, k]) + through(c, conductivity[i, j + 1, k])
        faces += through(c, conductivity[i, j, k - 1]) + through(c, conductivity[i, j, k + 1])
        hot = numbers[CAPACITY_HOT]
        capacity = hot + (numbers[CAPACITY_DRY] - hot) * dried[i, j, k]
        rate = (faces * numbers[SPREAD_PER_S] + sink[k] + tumour[k] + normal[k]) / capacity
        most = rate if rate > most else most
    return most


@njit(cache=True, error_model="numpy")  # pragma: no cover
def stale(fields, i, j, nz):
    """Heating of a row, °C per step and W, whose cells have changed their optics since the light was last solved."""
    left, dried, heating = fields[LEFT][i, j], fields[DRIED][i, j], fields[HEATING][i, j]
    left_seen, dried_seen = fields[LEFT_SEEN][i, j], fields[DRIED_SEEN][i, j]
    total = 0.0
    for k in range(nz):
        total += heating[k] * max(abs(left[k] - left_seen[k]), abs(dried[k] - dried_seen[k]))
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def widen(fields, low, high, first, last, odd):
    """Warm rows of each plane, and one more on every side, carry heat and conductivity from now on."""
    rise = fields[ODD if odd else EVEN]
    nx, ny, stride = rise.shape
    for i in range(1, nx - 1):
        start, end = ny, 0
        for p in range(max(1, i - 1), min(nx - 2, i + 1) + 1):
            start, end = min(start, first[p] - 1), max(end, last[p] + 1)
        start, end = max(start, 1), min(end, ny - 1)
        if low[i] < high[i]:
            start, end = min(start, low[i]), max(end, high[i])
        for j in range(start, end):
            if not low[i] <= j < high[i]:
                for k in range(stride):
                    fields[HEAT][i, j, k] = fields[PEAK_HEAT][i, j, k] = rise[i, j, k]
        if start < end:
            low[i], high[i] = start, end


@njit(cache=True, error_model="numpy")  # pragma: no cover
def sample(field, corners, weights, out):
    """Trilinear values at points: flat indices and weights of the eight cells around each, (n, 8)."""
    flat = field.reshape(-1)
    for n in range(len(out)):
        value = 0.0
        for c in range(8):
            value += weights[n, c] * flat[corners[n, c]]
        out[n] = value


@njit(cache=True, error_model="numpy")  # pragma: no cover
def watch(field, corners, weights, body, peak, cem43):
    """Highest temperature and CEM43 of points after one second at the rises of `field`."""
    now = np.zeros(len(peak))
    sample(field, corners, weights, now)
    for n in range(len(peak)):
        peak[n] = max(peak[n], now[n] + body)
        cem43[n] += cem43_rate(now[n] + body) / 60.0
