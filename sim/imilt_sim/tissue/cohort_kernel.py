"""The compiled inner loops of many patients at once, and of the spherical tier: the patient is the fastest index.

Cells form rows; a row is flat: `lanes` patients of one cell, then those of the next. One padding row and one padding
cell all around are the walls, whose rise is 0. Every cell has its conductances to the next row and to the next cell of
its row, so the same code serves rings around an axis (a row is a ring, its cells lie along z) and shells around a point
(one row, its cells lie along r).

Rows are worked on in short loops with one result each: only those does the compiler run several patients at a time.
Temperatures follow from heat, which is conserved, as in kernel.py; where the capacity is the same all the time that is
done once a second, where water may boil after every step. All compiled functions that call each other live in this
file, and nothing is reordered: see kernel.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Fields of `f`, each (rows + 2, (cells + 2) · lanes).
EVEN, ODD = 0, 1  # rise above body temperature now, °C
SETTLED = 2  # rise when HEAT was last brought up to date, °C
HEAT, MOST = 3, 4  # heat taken up since the start and its highest so far, J/mm³
INVERSE = 5  # K/J
ACROSS, ALONG = 6, 7  # conductance to the next row and to the next cell, W/K
ACROSS_MM, ALONG_MM = 8, 9  # area over distance of the same
CONDUCTIVITY = 10  # W/mm/K
ABSORBED = 11  # of the light, W per W that passes the char on the tip
BLOOD, BLOOD_TUMOUR, BLOOD_NORMAL, BLOOD_EXTRA = 12, 13, 14, 15  # W/K: now; at first; what warmth can add
CARRIED = 16  # by blood, J
VOLUME = 17  # mm³
CEM43, OMEGA, SPARED = 18, 19, 20  # min, 1, s
LEFT, DRIED = 21, 22  # e^(−Ω) and the fraction of water that has left
LIT_LEFT, LIT_DRIED = 23, 24  # the same when the light was last computed
PEAK = 25  # highest rise so far, °C
FLUENCE = 26  # W/cm² per W leaving the fibre
FIBRE = 27  # 1 in the cells that the fibre fills: they hold no water and stay what they are
OMEGA_BHK, DELAY, OMEGA_DELAYED = 28, 29, 30  # of cells, if numbers[CELLS] asks for them
HEATING = 31  # W per W leaving the fibre: light, and what char keeps of it
N_FIELDS = 32

# Columns of `ranges`, one row per row of cells: from where to where something has to be done, in flat indices.
HARMED, WARM, HOT = 0, 2, 4  # what may change: health; capacity and conductivity; it may boil
N_RANGES = 6

# Rows of `lane`, one column per patient.
CHAR_UM, LIT_CHAR_UM = 0, 1  # on the tip: now, and when the light was last computed
CHAR_ONSET, CHAR_GROWTH, CHAR_LIMIT = 2, 3, 4  # °C, µm/s, µm
STEAM, CONDENSED = 5, 17  # J on its way to condense, and of all that has condensed
CONDENSING = 18  # heat given back when all the water of a volume has left, J/mm³
HEAT_START, HEAT_STEP = 6, 7  # of the table from heat to temperature: J/mm³ at body temperature, per row
DRY_CONDUCTIVITY, DRY_CAPACITY = 8, 9  # W/mm/K; share of the capacity that goes with the water
CAPACITY = 10  # of fresh tissue, J/mm³/K
GIVEN = 11  # left the fibre's end, J
CHANGED = 12  # share of the absorbed light whose tissue has changed since the light was computed
LIGHT_LOST = 13  # share of what leaves the fibre that leaves the domain as light
ESCAPED, CONDUCTED = 14, 15  # J out through the walls: as light, as heat
CONDUCTING = 16  # W, at the last second
N_LANE = 19

# Entries of `numbers`.
BODY, STEP = 0, 1  # °C, s
PER_SECOND = 2  # steps
DONE, SINCE = 3, 4  # steps: in all, and since the last settling of all cells
IS_ODD = 5
BASE_RATE, RATE = 6, 7  # the fastest cell, 1/s: of fresh tissue, and now
HARMED_C = 8  # three: from where on a cell belongs to each range
PERFUSED_FROM, PERFUSED_TO = 11, 26  # °C: between them the blood of normal tissue rises straight to its most
OMEGA_A, OMEGA_E = 12, 13  # rate = 2^(A − E/T): log2(1/s), K
TABLE_STEP = 14  # °C between the entries of `by_c`
SPARED_FROM, SPARED_TO = 15, 16  # °C
RELIGHT = 17  # the share of CHANGED from which the light is computed again
HOTTEST = 18  # °C; beyond, the computation has failed
CELLS = 19  # whether the harm to cells is worked out too
BHK_A, BHK_E, DELAYED_A, DELAYED_E, DELAY_A, DELAY_E = 20, 21, 22, 23, 24, 25  # as OMEGA_A, OMEGA_E
CHAR_STEP_UM = 27  # char that may grow before its share of the light is worked out again
CONDENSE_FROM, CONDENSE_TO = 28, 29  # °C
N_NUMBERS = 30

FAILED = -1


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def exp2(x: float) -> float:
    """As in kernel.py."""
    x = min(max(x, -1000.0), 1000.0)
    shifted = x + 6755399441055744.0
    y = (x - (shifted - 6755399441055744.0)) * 0.6931471805599453
    high = 2.48015873015873e-05 + y * 2.7557319223985893e-06
    high = 0.001388888888888889 + y * (0.0001984126984126984 + y * high)
    high = 0.041666666666666664 + y * (0.008333333333333333 + y * high)
    series = 1.0 + y * (1.0 + y * (0.5 + y * (0.16666666666666666 + y * high)))
    exponent = (np.float64(shifted).view(np.int64) << np.int64(52)) + np.int64(1023 << 52)
    return series * np.int64(exponent).view(np.float64)


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def cem43_rate(celsius: float) -> float:
    """As in kernel.py."""
    above = celsius - 43.0
    rate = exp2(above if above >= 0.0 else 2.0 * above)
    return rate if celsius >= 39.0 else 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def sweep(f, old, new, power, gain, lanes, dt):
    """One explicit step of `dt` from field `old` to field `new`; `gain` is room for a row."""
    rows, width = f.shape[1], f.shape[2]
    n, end = width - 2 * lanes, width - lanes
    if rows == 3:
        sweep_row(f[old, 1], f[new, 1], f[ALONG, 1], f[INVERSE, 1], f[HEATING, 1], f[BLOOD, 1], power, lanes, dt)
        return
    for i in range(1, rows - 1):
        t, nearer, further = f[old, i, lanes:end], f[old, i, :n], f[old, i, 2 * lanes :]
        above, below = f[old, i - 1, lanes:end], f[old, i + 1, lanes:end]
        to_above, to_below = f[ACROSS, i - 1, lanes:end], f[ACROSS, i, lanes:end]
        to_nearer, to_further = f[ALONG, i, :n], f[ALONG, i, lanes:end]
        inverse, heating, blood = f[INVERSE, i, lanes:end], f[HEATING, i, lanes:end], f[BLOOD, i, lanes:end]
        out = f[new, i, lanes:end]
        for m in range(n):
            gain[m] = to_above[m] * (above[m] - t[m]) + to_below[m] * (below[m] - t[m])
        for m in range(n):
            gain[m] += to_nearer[m] * (nearer[m] - t[m]) + to_further[m] * (further[m] - t[m])
        for m in range(n):
            out[m] = t[m] + dt * inverse[m] * (gain[m] + heating[m] * power[m] - blood[m] * t[m])


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def sweep_row(old, new, along, inverse, heating, blood, power, lanes, dt):
    """`sweep` of a single row, in one loop."""
    n = len(power)
    nearer, t, further = old[:n], old[lanes : lanes + n], old[2 * lanes :]
    to_nearer, to_further, out = along[:n], along[lanes : lanes + n], new[lanes : lanes + n]
    inverse, heating, blood = inverse[lanes : lanes + n], heating[lanes : lanes + n], blood[lanes : lanes + n]
    for m in range(n):
        gain = to_nearer[m] * (nearer[m] - t[m]) + to_further[m] * (further[m] - t[m])
        out[m] = t[m] + dt * inverse[m] * (gain + heating[m] * power[m] - blood[m] * t[m])


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def settle(f, now, i, start, end, seconds, dt):
    """Bring HEAT and CARRIED of a stretch of row `i` up to date after `seconds` in steps of `dt`."""
    t, settled = f[now, i, start:end], f[SETTLED, i, start:end]
    carried, blood = f[CARRIED, i, start:end], f[BLOOD, i, start:end]
    heat, inverse, volume = f[HEAT, i, start:end], f[INVERSE, i, start:end], f[VOLUME, i, start:end]
    for m in range(end - start):  # the sum over explicit steps: the trapezoid less half a step of its slope
        carried[m] += blood[m] * 0.5 * (seconds * (t[m] + settled[m]) - dt * (t[m] - settled[m]))
    for m in range(end - start):
        heat[m] += (t[m] - settled[m]) / (inverse[m] * volume[m])
    for m in range(end - start):
        settled[m] = t[m]


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def settle_cool(f, now, ranges, numbers, dt):
    """Settle all cells but the hot ones, which are settled after every step."""
    seconds = numbers[SINCE] * numbers[STEP]
    end = f.shape[2]
    for i in range(1, f.shape[1] - 1):
        settle(f, now, i, 0, ranges[i, HOT], seconds, dt)
        settle(f, now, i, ranges[i, HOT + 1], end, seconds, dt)
    numbers[SINCE] = 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def temper(f, now, i, start, end, lane, by_heat, by_heat_dried, body, rate):
    """Temperature, capacity and dryness of a stretch of row `i` from its heat; returns the fastest rate met, 1/s.

    Tissue that has boiled cools along a straight line with the capacity of what is left of it.
    """
    lanes = lane.shape[1]
    p = -1
    for m in range(start, end):
        p = p + 1 if p + 1 < lanes else 0
        if f[FIBRE, i, m] > 0.0:
            continue
        heat, most = f[HEAT, i, m], f[MOST, i, m]
        at = (max(heat, most) + lane[HEAT_START, p]) / lane[HEAT_STEP, p]
        j = min(max(int(at), 0), by_heat.shape[1] - 2)
        span = by_heat[p, j + 1] - by_heat[p, j]
        hottest_c = by_heat[p, j] + (at - j) * span
        dried = by_heat_dried[p, j] + (at - j) * (by_heat_dried[p, j + 1] - by_heat_dried[p, j])
        capacity = lane[HEAT_STEP, p] / span
        if heat >= most:
            f[MOST, i, m] = heat
            celsius = hottest_c
        elif dried > 0.0:
            capacity = lane[CAPACITY, p] * (1.0 - lane[DRY_CAPACITY, p] * dried)
            celsius = hottest_c - (most - heat) / capacity
        else:
            at = (heat + lane[HEAT_START, p]) / lane[HEAT_STEP, p]
            j = min(max(int(at), 0), by_heat.shape[1] - 2)
            span = by_heat[p, j + 1] - by_heat[p, j]
            celsius = by_heat[p, j] + (at - j) * span
            capacity = lane[HEAT_STEP, p] / span
        f[now, i, m] = f[SETTLED, i, m] = celsius - body
        if dried > f[DRIED, i, m]:
            lane[STEAM, p] += (dried - f[DRIED, i, m]) * lane[CONDENSING, p] * f[VOLUME, i, m]
            f[DRIED, i, m] = dried
        inverse = 1.0 / (capacity * f[VOLUME, i, m])
        f[INVERSE, i, m] = inverse
        flow = f[ACROSS, i, m] + f[ACROSS, i - 1, m] + f[ALONG, i, m] + f[ALONG, i, m - lanes] + f[BLOOD, i, m]
        rate = max(rate, inverse * flow)
    return rate


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def temper_rows(f, now, ranges, which, lane, by_heat, by_heat_dried, numbers):
    """`temper` of one of the ranges of every row."""
    rate = numbers[BASE_RATE] if which == WARM else max(numbers[BASE_RATE], 0.9 * numbers[RATE])
    for i in range(1, f.shape[1] - 1):
        start, end = ranges[i, which], ranges[i, which + 1]
        rate = temper(f, now, i, start, end, lane, by_heat, by_heat_dried, numbers[BODY], rate)
    numbers[RATE] = rate


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def tell(f, now, i, which, power, marks, from_rise):
    """Set `marks` to 1 where a cell of row `i` belongs to the range `which`, else to 0; returns how many do.

    What is no number belongs.
    """
    lanes = (f.shape[2] - len(marks)) // 2
    end = f.shape[2] - lanes
    t, dried = f[now, i, lanes:end], f[DRIED, i, lanes:end]
    heating, inverse = f[HEATING, i, lanes:end], f[INVERSE, i, lanes:end]
    total = 0
    if which == HOT:  # by the next second
        for m in range(len(marks)):
            marks[m] = 0 if t[m] + power[m] * heating[m] * inverse[m] <= from_rise else 1
    elif which == WARM:
        for m in range(len(marks)):
            marks[m] = 0 if (t[m] <= from_rise) & (dried[m] <= 0.0) else 1
    else:
        for m in range(len(marks)):
            marks[m] = 0 if t[m] <= from_rise else 1
    for m in range(len(marks)):
        total += marks[m]
    return total


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def mark(f, now, ranges, which, power, marks, numbers):
    """Find the range `which` of every row: from the first to the last cell of which any patient's belongs to it."""
    lanes = (f.shape[2] - len(marks)) // 2
    from_rise = numbers[HARMED_C + which // 2] - numbers[BODY]
    for i in range(1, f.shape[1] - 1):
        first, last = 0, 0
        if tell(f, now, i, which, power, marks, from_rise) > 0:
            last = len(marks) - 1
            while marks[first] == 0:
                first += 1
            while marks[last] == 0:
                last -= 1
            first, last = first // lanes, last // lanes + 1
        ranges[i, which], ranges[i, which + 1] = (first + 1) * lanes, (last + 1) * lanes


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def conduct(f, now, ranges, lane, by_c, numbers):
    """Conductivity of warm cells by temperature and dryness, and the conductances to their neighbours."""
    lanes = lane.shape[1]
    rows = f.shape[1]
    for i in range(1, rows - 1):
        p = -1
        for m in range(ranges[i, WARM], ranges[i, WARM + 1]):
            p = p + 1 if p + 1 < lanes else 0
            if f[FIBRE, i, m] > 0.0:
                continue
            wet = look_up(by_c, p, f[now, i, m] + numbers[BODY], numbers[TABLE_STEP])
            f[CONDUCTIVITY, i, m] = wet + (lane[DRY_CONDUCTIVITY, p] - wet) * f[DRIED, i, m]
    for i in range(1, rows - 1):
        start, end = ranges[i, WARM], ranges[i, WARM + 1]
        k = f[CONDUCTIVITY]
        for m in range(start, end):
            f[ACROSS, i - 1, m] = f[ACROSS_MM, i - 1, m] * in_series(k[i - 1, m], k[i, m])
            f[ACROSS, i, m] = f[ACROSS_MM, i, m] * in_series(k[i, m], k[i + 1, m])
        for m in range(start - lanes if end > start else end, end):
            f[ALONG, i, m] = f[ALONG_MM, i, m] * in_series(k[i, m], k[i, m + lanes])


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def in_series(a, b):
    """Conductivity of two half cells one after the other."""
    return 2.0 * a * b / (a + b)


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def look_up(by_c, p, celsius, step_c):
    """Straight between the entries of a patient's table, which begins at 0 °C."""
    at = min(max(celsius / step_c, 0.0), by_c.shape[1] - 1.001)
    j = int(at)
    return by_c[p, j] + (at - j) * (by_c[p, j + 1] - by_c[p, j])


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def harm(f, now, ranges, numbers):
    """CEM43, Ω and what it leaves, the time within the sparing band, the peak: a second at the present rise."""
    body, a, e = numbers[BODY], numbers[OMEGA_A], numbers[OMEGA_E]
    low, high = numbers[SPARED_FROM] - body, numbers[SPARED_TO] - body
    for i in range(1, f.shape[1] - 1):
        start, end = ranges[i, HARMED], ranges[i, HARMED + 1]
        t, cem43, omega = f[now, i, start:end], f[CEM43, i, start:end], f[OMEGA, i, start:end]
        left, peak, spared = f[LEFT, i, start:end], f[PEAK, i, start:end], f[SPARED, i, start:end]
        for m in range(end - start):
            peak[m] = peak[m] if t[m] <= peak[m] else t[m]
        for m in range(end - start):
            omega[m] += exp2(a - e / (t[m] + body + 273.15))
        for m in range(end - start):
            left[m] = exp2(omega[m] * -1.4426950408889634)
        for m in range(end - start):
            cem43[m] += cem43_rate(t[m] + body) * 0.016666666666666666
        for m in range(end - start):
            spared[m] += 1.0 if (low <= t[m]) & (t[m] <= high) else 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def harm_cells(f, now, ranges, numbers):
    """Both integrals of the death of cells after a second at the present rise."""
    kelvin = numbers[BODY] + 273.15
    bhk_a, bhk_e, a, e = numbers[BHK_A], numbers[BHK_E], numbers[DELAYED_A], numbers[DELAYED_E]
    delay_a, delay_e = numbers[DELAY_A], numbers[DELAY_E]
    for i in range(1, f.shape[1] - 1):
        for m in range(ranges[i, HARMED], ranges[i, HARMED + 1]):
            inverse = 1.0 / (f[now, i, m] + kelvin)
            f[OMEGA_BHK, i, m] += exp2(bhk_a - bhk_e * inverse)
            passed = f[DELAY, i, m] + exp2(delay_a - delay_e * inverse)
            f[DELAY, i, m] = passed
            f[OMEGA_DELAYED, i, m] += exp2(a - e * inverse) if passed >= 1.0 else 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def perfuse(f, now, numbers):
    """What blood carries off by the warmth there is and what harm has left of the vessels."""
    width = f.shape[2]
    start, per_c = numbers[PERFUSED_FROM] - numbers[BODY], 1.0 / (numbers[PERFUSED_TO] - numbers[PERFUSED_FROM])
    for i in range(1, f.shape[1] - 1):
        t, blood, left = f[now, i], f[BLOOD, i], f[LEFT, i]
        tumour, normal, extra = f[BLOOD_TUMOUR, i], f[BLOOD_NORMAL, i], f[BLOOD_EXTRA, i]
        for m in range(width):
            warmth = min(max((t[m] - start) * per_c, 0.0), 1.0)
            blood[m] = (tumour[m] + normal[m] + extra[m] * warmth) * left[m]


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def weigh(f, ranges, lane, gain):
    """CHANGED of every patient: by how much coagulation and drying moved since the last light, by absorbed light."""
    lanes = lane.shape[1]
    changed = lane[CHANGED]
    changed[:] = 0.0
    for i in range(1, f.shape[1] - 1):
        start, end = ranges[i, HARMED], ranges[i, HARMED + 1]
        left, lit_left, dried = f[LEFT, i, start:end], f[LIT_LEFT, i, start:end], f[DRIED, i, start:end]
        lit_dried, absorbed = f[LIT_DRIED, i, start:end], f[ABSORBED, i, start:end]
        for m in range(end - start):
            gain[m] = (abs(left[m] - lit_left[m]) + abs(dried[m] - lit_dried[m])) * absorbed[m]
        for c in range(0, end - start, lanes):
            part = gain[c : c + lanes]
            for p in range(lanes):
                changed[p] += part[p]


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def char(f, now, tips, lane, body):
    """Let char grow for a second on tips that are hot enough."""
    lanes = lane.shape[1]
    for p in range(lanes):
        hottest = 0.0
        for c in range(tips.shape[0]):
            hottest = max(hottest, f[now, tips[c, 0], tips[c, 1] * lanes + p] + body)
        if hottest > lane[CHAR_ONSET, p]:
            lane[CHAR_UM, p] = min(lane[CHAR_UM, p] + lane[CHAR_GROWTH, p], lane[CHAR_LIMIT, p])


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def condense(f, now, p, lane, numbers):
    """Steam gives its heat to the patient's wet tissue around, evenly; where there is none, it waits."""
    lanes = lane.shape[1]
    low, high = numbers[CONDENSE_FROM] - numbers[BODY], numbers[CONDENSE_TO] - numbers[BODY]
    volume = 0.0
    for i in range(1, f.shape[1] - 1):
        for m in range(lanes + p, f.shape[2] - lanes, lanes):
            if low <= f[now, i, m] < high and f[FIBRE, i, m] == 0.0:
                volume += f[VOLUME, i, m]
    if volume == 0.0:
        return
    each = lane[STEAM, p] / volume
    for i in range(1, f.shape[1] - 1):
        for m in range(lanes + p, f.shape[2] - lanes, lanes):
            if low <= f[now, i, m] < high and f[FIBRE, i, m] == 0.0:
                warmth = each * f[VOLUME, i, m] * f[INVERSE, i, m]
                f[now, i, m] += warmth
                f[SETTLED, i, m] += warmth
                f[HEAT, i, m] += each
    lane[CONDENSED, p] += lane[STEAM, p]
    lane[STEAM, p] = 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def lose(f, now, lane):
    """Heat that was conducted out through the walls in the last second: the mean of its ends."""
    lanes, rows, width = lane.shape[1], f.shape[1], f.shape[2]
    conducted, out_w = lane[CONDUCTED], lane[CONDUCTING]
    conducted += 0.5 * out_w
    out_w[:] = 0.0
    for i in range(1, rows - 1):
        far = width - 2 * lanes
        for p in range(lanes):
            out_w[p] += f[ALONG, i, p] * f[now, i, lanes + p] + f[ALONG, i, far + p] * f[now, i, far + p]
    for c in range(lanes, width - lanes, lanes):
        for p in range(lanes):
            m = c + p
            out_w[p] += f[ACROSS, 0, m] * f[now, 1, m] + f[ACROSS, rows - 2, m] * f[now, rows - 2, m]
    conducted += 0.5 * out_w


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def in_bounds(f, ranges, numbers):
    """Whether no temperature so far is beyond what is possible; what is no number is beyond."""
    highest = numbers[HOTTEST] - numbers[BODY]
    beyond = 0
    for i in range(1, f.shape[1] - 1):
        peak = f[PEAK, i, ranges[i, HARMED] : ranges[i, HARMED + 1]]
        for m in range(len(peak)):
            beyond += 0 if peak[m] <= highest else 1
    return beyond == 0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def refresh(f, now, ranges, tips, lane, by_heat, by_heat_dried, by_c, numbers, power, gain, marks, dt):
    """Everything that is done once a second; returns whether all is in bounds."""
    settle_cool(f, now, ranges, numbers, dt)
    mark(f, now, ranges, WARM, power, marks, numbers)
    temper_rows(f, now, ranges, WARM, lane, by_heat, by_heat_dried, numbers)
    conduct(f, now, ranges, lane, by_c, numbers)
    mark(f, now, ranges, HARMED, power, marks, numbers)
    mark(f, now, ranges, HOT, power, marks, numbers)
    harm(f, now, ranges, numbers)
    if numbers[CELLS] > 0.0:
        harm_cells(f, now, ranges, numbers)
    perfuse(f, now, numbers)
    char(f, now, tips, lane, numbers[BODY])
    weigh(f, ranges, lane, gain)
    for p in range(lane.shape[1]):
        if lane[CHAR_UM, p] - lane[LIT_CHAR_UM, p] > numbers[CHAR_STEP_UM]:
            lane[CHANGED, p] = 1.0
        if lane[STEAM, p] > 0.0:
            condense(f, now, p, lane, numbers)
    lose(f, now, lane)
    return in_bounds(f, ranges, numbers)


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def give(lane, power, power_w, seconds):
    """The power that leaves the fibre, for every cell; whether any patient gets more than last time."""
    lanes = lane.shape[1]
    more = False
    for p in range(lanes):
        lane[GIVEN, p] += seconds * power_w[p]
        lane[ESCAPED, p] += seconds * power_w[p] * lane[LIGHT_LOST, p]
        more = more or power_w[p] > power[p]
        power[p] = power_w[p]
    for m in range(lanes, len(power)):
        power[m] = power[m - lanes]
    return more


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def advance(f, ranges, tips, lane, by_heat, by_heat_dried, by_c, optics, numbers, power, gain, marks, power_w, steps):
    """Advance by up to `steps` at constant power per patient; returns how many were done.

    Stops early after a second in which the optics of some patient changed so much that its light must be computed
    again, except that shells get theirs here. Returns FAILED if a temperature is out of bounds.
    """
    for done in range(1, steps + 1):
        now = ODD if numbers[IS_ODD] > 0.0 else EVEN
        cuts = int(numbers[STEP] * numbers[RATE] * 1.05) + 1
        seconds = numbers[STEP] / cuts
        gain[0] = seconds
        dt = gain[0]  # of the fields' own type
        if give(lane, power, power_w, numbers[STEP]):
            settle_cool(f, now, ranges, numbers, seconds)
            mark(f, now, ranges, HOT, power, marks, numbers)
        for _ in range(cuts):
            sweep(f, now, 1 - now, power, gain, lane.shape[1], dt)
            now = 1 - now
        numbers[IS_ODD] = 1.0 if now == ODD else 0.0
        numbers[DONE] += 1.0
        numbers[SINCE] += 1.0
        hot = 0
        for i in range(1, f.shape[1] - 1):
            if ranges[i, HOT + 1] > ranges[i, HOT]:
                settle(f, now, i, ranges[i, HOT], ranges[i, HOT + 1], numbers[STEP], seconds)
                hot += 1
        if hot > 0:
            temper_rows(f, now, ranges, HOT, lane, by_heat, by_heat_dried, numbers)
        if numbers[DONE] % numbers[PER_SECOND] == 0.0:
            tables = by_heat, by_heat_dried, by_c
            if not refresh(f, now, ranges, tips, lane, *tables, numbers, power, gain, marks, seconds):
                return FAILED
            if lane[CHANGED].max() > numbers[RELIGHT]:
                if f.shape[1] > 3:
                    return done
                light_shells(f, lane, optics, gain)
    return steps


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def light_shells(f, lane, optics, gain):
    """ABSORBED of every patient with shells around a point source in the first one, by diffusion theory.

    optics: (2, 3, lanes): µa and µs' (1/mm) of native, coagulated and dry tissue. Black outer wall.
    """
    lanes = lane.shape[1]
    cells = f.shape[2] // lanes - 2
    spread, ratio = np.empty(cells + 1), np.empty(cells + 1)
    absorbing = np.empty(cells)
    for p in range(lanes):
        before = 0.0  # half the resistance of the cell nearer to the source
        for c in range(cells):
            m = (c + 1) * lanes + p
            cooked, dried = 1.0 - f[LEFT, 1, m], f[DRIED, 1, m]
            absorption = mixed(optics[0, 0, p], optics[0, 1, p], optics[0, 2, p], cooked, dried)
            scattering = mixed(optics[1, 0, p], optics[1, 1, p], optics[1, 2, p], cooked, dried)
            resists = 3.0 * (absorption + scattering)
            spread[c] = f[ALONG_MM, 1, m - lanes] / (0.5 * (before + resists)) if c > 0 else 0.0
            absorbing[c] = absorption * f[VOLUME, 1, m]
            before = resists
            f[LIT_LEFT, 1, m], f[LIT_DRIED, 1, m] = f[LEFT, 1, m], dried
        spread[cells] = f[ALONG_MM, 1, cells * lanes + p] / before
        share = 1.0  # of the source that comes through the face towards the next cell, if that were dark
        for c in range(cells):
            full = absorbing[c] + spread[c + 1] + spread[c] * (1.0 - ratio[c - 1] if c > 0 else 0.0)
            ratio[c] = spread[c + 1] / full
            gain[c] = share / full
            share = spread[c + 1] * gain[c]
        fluence, lost = 0.0, 0.0
        for c in range(cells - 1, -1, -1):
            fluence = gain[c] + ratio[c] * fluence if c < cells - 1 else gain[c]
            m = (c + 1) * lanes + p
            f[ABSORBED, 1, m] = absorbing[c] * fluence
            f[HEATING, 1, m] = f[ABSORBED, 1, m]
            f[FLUENCE, 1, m] = 100.0 * fluence
            if c == cells - 1:
                lost = spread[cells] * fluence
        lane[LIGHT_LOST, p] = lost
        lane[CHANGED, p] = 0.0


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def mix_optics(f, p, lanes, optics, absorption, scattering):
    """µa and µs' (rows, cells) of patient `p`, in the unit of `optics` (2, 3, lanes)."""
    rows, cells = absorption.shape
    for i in range(rows):
        for c in range(cells):
            m = (c + 1) * lanes + p
            cooked, dried = 1.0 - f[LEFT, i + 1, m], f[DRIED, i + 1, m]
            absorption[i, c] = mixed(optics[0, 0, p], optics[0, 1, p], optics[0, 2, p], cooked, dried)
            scattering[i, c] = mixed(optics[1, 0, p], optics[1, 1, p], optics[1, 2, p], cooked, dried)


@njit(cache=True, error_model="numpy", nogil=True)  # pragma: no cover
def take_light(f, p, lanes, absorbed, fluence, tip, kept, onset_rise):
    """New light for patient `p`, of which char keeps the share `kept`: cells of `tip` and charred ones give it off."""
    rows, cells = absorbed.shape
    black = 0.0
    for i in range(rows):
        for c in range(cells):
            m = (c + 1) * lanes + p
            if tip[i, c] or (f[PEAK, i + 1, m] > onset_rise and f[FIBRE, i + 1, m] == 0.0):
                black += f[VOLUME, i + 1, m]
    for i in range(rows):
        for c in range(cells):
            m = (c + 1) * lanes + p
            f[ABSORBED, i + 1, m] = absorbed[i, c]
            f[FLUENCE, i + 1, m] = fluence[i, c] * (1.0 - kept)
            heating = absorbed[i, c] * (1.0 - kept)
            if tip[i, c] or (f[PEAK, i + 1, m] > onset_rise and f[FIBRE, i + 1, m] == 0.0):
                heating += kept * f[VOLUME, i + 1, m] / black
            f[HEATING, i + 1, m] = heating
            f[LIT_LEFT, i + 1, m], f[LIT_DRIED, i + 1, m] = f[LEFT, i + 1, m], f[DRIED, i + 1, m]


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def mixed(native, cooked, dry, coagulated, dried):
    """As Laws.mixed."""
    return (native + (cooked - native) * coagulated) * (1.0 - dried) + dry * dried
