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
RISE = 0  # °C above body temperature
TAKEN, PEAK_HEAT = 1, 2  # taken up since 0 °C, J/mm³: now, and the most so far; steam's included
OUTWARD, FORWARD = 3, 4  # conductances to the next cell: W/K per mm of height, W/K per mm² of face
HEATING = 5  # W/mm³ per W leaving the laser's fibre
LOSS = 6  # W/mm³ and °C of rise, carried off by blood
BLOOD = 7  # carried off by blood so far, J/mm³
LOSS_TUMOUR, LOSS_NORMAL = 8, 9  # the parts of LOSS before warmth and damage, in tumour and in normal tissue
LEFT, LEFT_SEEN = 10, 11  # e^−Ω of skin: what is not coagulated; now, and when the light was last solved
DRIED, DRIED_SEEN = 12, 13  # fraction of the water that has left, likewise
ABSORBED = 14  # W per W emitted
CEM43, OMEGA_SKIN, OMEGA_BHK = 15, 16, 17  # min, 1, 1
DELAY, OMEGA_DELAYED = 18, 19  # fraction of the delay that has passed, 1
SHELL = 20  # s within the numbers' SHELL_LOW and SHELL_HIGH
N_CELLS = 21

# Rows of `lines`: the mesh. Radial ones vary along r only, axial ones along z only; entry i + 1 belongs to cell i.
RING, CIRCUMFERENCE, HALF_RADIAL = 0, 1, 2  # 1/(cross section), 1/mm²; of the outer face, mm; half the width, mm
HEIGHT, HALF_AXIAL = 3, 4  # 1/height, 1/mm; half the height, mm
N_LINES = 5

# Rows of `by_heat`, by heat taken up since 0 °C in steps of 1/numbers[PER_HEAT]
RISE_OF_HEAT, DRIED_OF_HEAT = 0, 1  # of tissue that was never hotter: °C above body temperature; 1
# Rows of `by_rise`, by temperature since 0 °C in steps of 1/numbers[PER_CELSIUS]
WET_CONDUCTIVITY, WARM_PERFUSION = 0, 1  # W/mm/K; factor on LOSS_NORMAL
N_BY_RISE = 2

# Rows of `probes`, one column per probe.
JUNCTION, INTEGRAL, SITE, SITE_CEM43, SELF_HEATING = 0, 1, 2, 3, 4  # °C, °C·s, °C, min, °C per W now
FELT, FOLLOWED = 5, 6  # °C: the tissue as the wire averages it, and that as the junction follows it
N_PROBES = 7
HEAT, LIGHT = 0, 1  # what the places along a wire are for: second index of `corners` and `weights`
# Rows of `tails`, each (N_TAILS, probes): the exponentials that self-heating is the sum of.
TAIL, TAIL_SHARE, TAIL_KEEP = 0, 1, 2  # °C now; share of the steady self-heating; fraction kept per grid point
N_TAIL_ROWS = 3
N_TAILS = 10  # enough for 0.01 s to 44 min

# Entries of `numbers`.
BODY = 0  # °C
KEEP = 1  # fraction of the junction's distance from its drive that is left after one grid point
POWER_SUM = 2  # power summed over the grid points since the last tissue step, W
SKIN_A, SKIN_E, BHK_A, BHK_E = 3, 4, 5, 6  # rate = 2^(A − E/T): log2(1/s), K
DELAY_A, DELAY_E = 7, 8  # likewise: how fast the delay of the cells' death passes, whose rate is BHK's
HOTTEST_SEEN = 9  # HOTTEST when the conductances were last made, J/mm³
BENT_R, BENT_START, BENT_END = 10, 51, 52  # rows up to it and columns in which conductivity has changed
SHELL_LOW, SHELL_HIGH = 11, 12  # °C
PER_HEAT, PER_CELSIUS = 13, 14  # rows per J/mm³ and per °C of the two tables
HEAT_BODY, HEAT_LINEAR, HEAT_BENT, HEAT_BOIL = 15, 16, 17, 18  # J/mm³ at body temperature; where capacity, where
# conductivity begin to change; where water begins to leave
CAPACITY, CAPACITY_HOT, CAPACITY_DRY = 19, 20, 21  # J/mm³/K: cold, denatured by heat, dry
CONDUCTIVITY, CONDUCTIVITY_DRY = 22, 23  # W/mm/K: cold, dry
FIBRE_R, FIBRE_Z = 24, 25  # cells of the fibre, from the axis and from the near end
RATE = 26  # the fastest at which a cell gives its heat away, 1/s
HOTTEST = 27  # most heat in any cell at the last step, J/mm³
BENT = 28  # 1 once the conductivity of any cell has changed
EMITTED = 29  # share of the power that passes the char on the fibre's tip
CHAR, CHAR_GROWTH, CHAR_LIMIT, CHAR_ONSET = 30, 31, 32, 33  # µm, µm/s, µm, °C
CHAR_SEEN = 34  # µm, when HEATING was last made
TIP_MAX = 35  # hottest tip so far, °C
COLDEST, HOTTEST_ALLOWED = 36, 37  # °C: outside, the computation has failed
OPTICS_TOLERANCE, CHAR_TOLERANCE = 38, 39  # share of the absorbed light whose optics may be stale; µm
WALLS = 40  # conducted out so far, J
GIVEN, ABSORBED_J = 41, 42  # by the laser and as light by the cells so far, J
LIT = 43  # absorbed per W leaving the laser's fibre, W
STEPS = 44  # tissue steps so far
CONDUCTIVITY_FIBRE = 45  # W/mm/K
STEAM, CONDENSED = 46, 47  # heat of steam on its way to condense, and that of all that has condensed, J
CONDENSING_J_MM3 = 48  # heat given back when all the water of a volume has left, J/mm³
CONDENSE_LOW, CONDENSE_HIGH = 49, 50  # where it condenses, °C
RATE_COLD = 53  # RATE of the tissue at rest, 1/s
N_NUMBERS = 54

# What a second asks of its caller, who must see to it before the next.
NOTHING, OPTICS, FAILED = 0, 1, 2

GRID_S = 0.02
STEP_S = 0.1
POINTS_PER_STEP = 5
STEPS_PER_SECOND = 10
SAFETY = 1.1
"""Over the fastest rate of a cell: properties change within a step."""


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
def step(cells, lines, by_heat, numbers, dt, power_w):
    """One explicit step of the heat equation: heat flows by the old temperatures, then temperatures follow heat."""
    flow(cells, lines, dt, power_w)
    numbers[WALLS] += dt * wall_w(cells, lines)
    numbers[HOTTEST] = warm(cells[RISE], cells[TAKEN], cells[PEAK_HEAT], by_heat, numbers)
    fibre(cells[RISE], cells[TAKEN], numbers)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def flow(cells, lines, dt, power_w):
    """Heat flows for `dt` s by the temperatures there are."""
    rise, heat, peak = cells[RISE], cells[TAKEN], cells[PEAK_HEAT]
    heating, loss, blood = cells[HEATING], cells[LOSS], cells[BLOOD]
    outward, forward = cells[OUTWARD], cells[FORWARD]
    ring, height = lines[RING], lines[HEIGHT]
    nr, nz = rise.shape
    for i in range(1, nr - 1):
        a = ring[i]
        for k in range(1, nz - 1):
            t = rise[i, k]
            radial = outward[i - 1, k] * (rise[i - 1, k] - t) + outward[i, k] * (rise[i + 1, k] - t)
            axial = forward[i, k - 1] * (rise[i, k - 1] - t) + forward[i, k] * (rise[i, k + 1] - t)
            lost = dt * loss[i, k] * t
            blood[i, k] += lost
            h = heat[i, k] + (dt * (a * radial + height[k] * axial + heating[i, k] * power_w) - lost)
            heat[i, k] = h
            peak[i, k] = h if h > peak[i, k] else peak[i, k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def wall_w(cells, lines):
    """Heat flowing out through the outer walls, W."""
    rise, outward, forward = cells[RISE], cells[OUTWARD], cells[FORWARD]
    nr, nz = rise.shape
    total = 0.0
    for k in range(1, nz - 1):
        total += outward[nr - 2, k] * rise[nr - 2, k] / lines[HEIGHT, k]
    for i in range(1, nr - 1):
        total += (forward[i, 0] * rise[i, 1] + forward[i, nz - 2] * rise[i, nz - 2]) / lines[RING, i]
    return total


@njit(cache=True, error_model="numpy")  # pragma: no cover
def warm(rise, heat, peak, by_heat, numbers):
    """Temperatures from heat; the most heat in any cell. Rows below the bend of the capacity need no table."""
    body, linear, per_degree = numbers[HEAT_BODY], numbers[HEAT_LINEAR], 1.0 / numbers[CAPACITY]
    nr, nz = rise.shape
    hottest = 0.0
    for i in range(1, nr - 1):
        bent = 0
        for k in range(1, nz - 1):
            h = heat[i, k]
            rise[i, k] = (h - body) * per_degree
            bent += 0 if peak[i, k] < linear else 1
        if bent > 0:
            hottest = max(hottest, warm_row(rise[i], heat[i], peak[i], by_heat, numbers))
            note_bent(i, peak[i], numbers)
    return hottest


@njit(cache=True, error_model="numpy")  # pragma: no cover
def warm_row(rise, heat, peak, by_heat, numbers):
    """Temperatures of a row with cells beyond the bend, by the table; the most heat in any of them.

    Where water has boiled off, tissue cools from its hottest with the capacity that is left.
    """
    per_heat, boil = numbers[PER_HEAT], numbers[HEAT_BOIL]
    hot, dry = numbers[CAPACITY_HOT], numbers[CAPACITY_DRY]
    hottest = 0.0
    for k in range(1, len(rise) - 1):
        h, most = heat[k], peak[k]
        hottest = h if h > hottest else hottest
        if most <= boil or h >= most:
            rise[k] = look_up(by_heat[RISE_OF_HEAT], h * per_heat)
        else:
            dried = look_up(by_heat[DRIED_OF_HEAT], most * per_heat)
            top = look_up(by_heat[RISE_OF_HEAT], most * per_heat)
            rise[k] = top - (most - h) / (hot + (dry - hot) * dried)
    return hottest


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def look_up(table, x):
    """A table at x rows from its first, straight between rows and beyond its ends; NaN stays NaN."""
    last = len(table) - 2.0
    within = x if x > 0.0 else 0.0
    row = int(within if within < last else last)
    return table[row] + (x - row) * (table[row + 1] - table[row])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def note_bent(i, peak, numbers):
    """Widen the box of cells whose conductivity changes by those of row i."""
    bend, start, end = numbers[HEAT_BENT], numbers[BENT_START], numbers[BENT_END]
    bent = 0
    for k in range(1, len(peak) - 1):
        if peak[k] > bend:
            bent += 1
            start, end = min(start, k), max(end, k)
    if bent > 0:
        numbers[BENT_R] = max(numbers[BENT_R], i)
        numbers[BENT_START], numbers[BENT_END] = start, end


@njit(cache=True, error_model="numpy")  # pragma: no cover
def fibre(rise, heat, numbers):
    """The fibre has no water: its temperature is proportional to its heat."""
    body, per_degree = numbers[HEAT_BODY], 1.0 / numbers[CAPACITY]
    for i in range(1, int(numbers[FIBRE_R]) + 1):
        for k in range(1, int(numbers[FIBRE_Z]) + 1):
            rise[i, k] = (heat[i, k] - body) * per_degree


@njit(cache=True, error_model="numpy")  # pragma: no cover
def refresh(cells, lines, by_heat, by_rise, numbers):
    """Dried fractions and conductances as the temperatures now want them, and the fastest rate there can be.

    Only in the box where conductivity changes, one cell wider for the faces it shares.
    """
    nr, nz = cells[RISE].shape
    last, first, end = int(numbers[BENT_R]) + 1, int(numbers[BENT_START]) - 1, int(numbers[BENT_END]) + 1
    box = min(last, nr - 2), max(first, 1), min(end, nz - 2)
    conduct(cells, lines, by_heat, by_rise, numbers, box)
    numbers[RATE] = max(numbers[RATE_COLD], fastest(cells, lines, numbers, box))
    numbers[HOTTEST_SEEN] = numbers[HOTTEST]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def refresh_all(cells, lines, by_heat, by_rise, numbers):
    """As `refresh`, everywhere, at the start: RATE_COLD too."""
    nr, nz = cells[RISE].shape
    box = nr - 2, 1, nz - 2
    conduct(cells, lines, by_heat, by_rise, numbers, box)
    numbers[RATE] = numbers[RATE_COLD] = fastest(cells, lines, numbers, box)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def conduct(cells, lines, by_heat, by_rise, numbers, box):
    """Dried fractions and conductances in `box` (last row, first and last column).

    Half cells conduct in series; beyond the walls the boundary lies at once.
    """
    outward, forward = cells[OUTWARD], cells[FORWARD]
    half_r, half_z = lines[HALF_RADIAL], lines[HALF_AXIAL]
    nr, nz = outward.shape
    rows, first, end = box
    resistance = np.zeros((rows + 2, end + 2))
    for i in range(1, min(rows + 1, nr - 2) + 1):
        for k in range(max(first - 1, 1), min(end + 1, nz - 2) + 1):
            before = cells[DRIED, i, k]
            resistance[i, k] = 1.0 / conductivity_at(i, k, cells, by_heat, by_rise, numbers)
            left = cells[DRIED, i, k] - before
            if left > 0.0:
                numbers[STEAM] += left * numbers[CONDENSING_J_MM3] / (lines[RING, i] * lines[HEIGHT, k])
    for i in range(1, rows + 1):
        for k in range(first, end + 1):
            here = resistance[i, k]
            inner = half_r[i] * here + half_r[i - 1] * resistance[i - 1, k]
            outer = half_r[i] * here + half_r[i + 1] * resistance[i + 1, k]
            outward[i - 1, k] = lines[CIRCUMFERENCE, i - 1] / inner
            outward[i, k] = lines[CIRCUMFERENCE, i] / outer
            forward[i, k - 1] = 1.0 / (half_z[k] * here + half_z[k - 1] * resistance[i, k - 1])
            forward[i, k] = 1.0 / (half_z[k] * here + half_z[k + 1] * resistance[i, k + 1])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def conductivity_at(i, k, cells, by_heat, by_rise, numbers):
    """Conductivity of one cell; notes how far it has dried."""
    if i <= numbers[FIBRE_R] and k <= numbers[FIBRE_Z]:
        return numbers[CONDUCTIVITY_FIBRE]
    most = cells[PEAK_HEAT, i, k]
    if most <= numbers[HEAT_BENT]:
        return numbers[CONDUCTIVITY]
    wet = look_up(by_rise[WET_CONDUCTIVITY], (cells[RISE, i, k] + numbers[BODY]) * numbers[PER_CELSIUS])
    if most <= numbers[HEAT_BOIL]:
        return wet
    dried = look_up(by_heat[DRIED_OF_HEAT], most * numbers[PER_HEAT])
    cells[DRIED, i, k] = dried
    return wet + (numbers[CONDUCTIVITY_DRY] - wet) * dried


@njit(cache=True, error_model="numpy")  # pragma: no cover
def condense(cells, lines, numbers):
    """Steam gives its heat to the wet tissue around, evenly; where there is none, it waits."""
    rise, taken, peak = cells[RISE], cells[TAKEN], cells[PEAK_HEAT]
    low, high = numbers[CONDENSE_LOW] - numbers[BODY], numbers[CONDENSE_HIGH] - numbers[BODY]
    nr, nz = rise.shape
    volume = 0.0
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            if low <= rise[i, k] < high and not (i <= numbers[FIBRE_R] and k <= numbers[FIBRE_Z]):
                volume += 1.0 / (lines[RING, i] * lines[HEIGHT, k])
    if volume == 0.0:
        return
    each = numbers[STEAM] / volume
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            if low <= rise[i, k] < high and not (i <= numbers[FIBRE_R] and k <= numbers[FIBRE_Z]):
                taken[i, k] += each
                peak[i, k] = max(peak[i, k], taken[i, k])
    numbers[CONDENSED] += numbers[STEAM]
    numbers[STEAM] = 0.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def fastest(cells, lines, numbers, box):
    """The fastest rate at which a cell in `box` gives heat away, 1/s: steps longer than its inverse may oscillate."""
    outward, forward = cells[OUTWARD], cells[FORWARD]
    rows, first, end = box
    most = 0.0
    for i in range(1, rows + 1):
        for k in range(first, end + 1):
            dried, heat = cells[DRIED, i, k], cells[PEAK_HEAT, i, k]
            capacity = numbers[CAPACITY] if heat <= numbers[HEAT_LINEAR] else numbers[CAPACITY_HOT]
            if i <= numbers[FIBRE_R] and k <= numbers[FIBRE_Z]:
                capacity = numbers[CAPACITY]
            capacity += (numbers[CAPACITY_DRY] - capacity) * dried
            radial = lines[RING, i] * (outward[i - 1, k] + outward[i, k])
            axial = lines[HEIGHT, k] * (forward[i, k - 1] + forward[i, k])
            rate = (radial + axial + cells[LOSS, i, k]) / capacity
            most = rate if rate > most else most
    return most


@njit(cache=True, error_model="numpy")  # pragma: no cover
def tissue_step(cells, lines, by_heat, by_rise, numbers, power_w):
    """STEP_S of heat at constant power, in as many equal steps as stability takes."""
    hottest = numbers[HOTTEST]
    changed = abs(hottest - numbers[HOTTEST_SEEN]) > numbers[CAPACITY]  # by a degree
    if hottest > numbers[HEAT_BOIL] or (hottest > numbers[HEAT_BENT] and changed):
        numbers[BENT] = 1.0
        refresh(cells, lines, by_heat, by_rise, numbers)
        if numbers[STEAM] > 0.0:
            condense(cells, lines, numbers)
    parts = max(1, int(np.ceil(STEP_S * numbers[RATE] * (SAFETY if numbers[BENT] > 0.0 else 1.0))))
    for _ in range(parts):
        step(cells, lines, by_heat, numbers, STEP_S / parts, power_w)
    numbers[GIVEN] += STEP_S * power_w
    numbers[ABSORBED_J] += STEP_S * power_w * numbers[LIT]
    numbers[STEPS] += 1.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def second(cells, lines, by_heat, by_rise, numbers, tips):
    """What is done once a simulated second; says what the caller must see to."""
    if numbers[BENT] > 0.0:
        refresh(cells, lines, by_heat, by_rise, numbers)
    harm(cells, by_rise, numbers, 1.0)
    char(cells[RISE], numbers, tips, 1.0)
    if out_of_bounds(cells[RISE], numbers):
        return FAILED
    charred = abs(numbers[CHAR] - numbers[CHAR_SEEN]) > numbers[CHAR_TOLERANCE]
    return OPTICS if charred or stale(cells) > numbers[OPTICS_TOLERANCE] else NOTHING


@njit(cache=True, error_model="numpy")  # pragma: no cover
def harm(cells, by_rise, numbers, seconds):
    """Every measure of harm, and the perfusion that warmth and harm leave, after `seconds` at the temperatures now."""
    rise, cem43, skin, bhk, left = cells[RISE], cells[CEM43], cells[OMEGA_SKIN], cells[OMEGA_BHK], cells[LEFT]
    delay, delayed, shell = cells[DELAY], cells[OMEGA_DELAYED], cells[SHELL]
    body, skin_a, skin_e, bhk_a, bhk_e = numbers[BODY], numbers[SKIN_A], numbers[SKIN_E], numbers[BHK_A], numbers[BHK_E]
    delay_a, delay_e, low, high = numbers[DELAY_A], numbers[DELAY_E], numbers[SHELL_LOW], numbers[SHELL_HIGH]
    nr, nz = rise.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            celsius = rise[i, k] + body
            inverse = 1.0 / (celsius + 273.15)
            omega = skin[i, k] + seconds * exp2(skin_a - skin_e * inverse)
            skin[i, k] = omega
            left[i, k] = exp2(omega * -1.4426950408889634)
            dying = seconds * exp2(bhk_a - bhk_e * inverse)
            bhk[i, k] += dying
            cem43[i, k] += seconds / 60.0 * cem43_rate(celsius)
            passed = delay[i, k] + seconds * exp2(delay_a - delay_e * inverse)
            delay[i, k] = passed
            delayed[i, k] += dying if passed >= 1.0 else 0.0
            shell[i, k] += seconds if abs(celsius - 0.5 * (low + high)) <= 0.5 * (high - low) else 0.0
    perfuse(cells, by_rise, numbers)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def perfuse(cells, by_rise, numbers):
    """LOSS by the warmth and the harm there are."""
    rise, loss, left = cells[RISE], cells[LOSS], cells[LEFT]
    tumour, normal, factor = cells[LOSS_TUMOUR], cells[LOSS_NORMAL], by_rise[WARM_PERFUSION]
    body, per_celsius = numbers[BODY], numbers[PER_CELSIUS]
    nr, nz = rise.shape
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            warmth = look_up(factor, (rise[i, k] + body) * per_celsius)
            loss[i, k] = (tumour[i, k] + normal[i, k] * warmth) * left[i, k]


@njit(cache=True, error_model="numpy")  # pragma: no cover
def char(rise, numbers, tips, seconds):
    """Char grows on the fibre's tip where that is hot enough."""
    flat = rise.ravel()
    tip = -300.0
    for c in range(len(tips)):
        tip = max(tip, flat[tips[c]] + numbers[BODY])
    numbers[TIP_MAX] = max(numbers[TIP_MAX], tip)
    if tip > numbers[CHAR_ONSET]:
        numbers[CHAR] = min(numbers[CHAR] + seconds * numbers[CHAR_GROWTH], numbers[CHAR_LIMIT])


@njit(cache=True, error_model="numpy")  # pragma: no cover
def out_of_bounds(rise, numbers):
    """Whether any cell is colder or hotter than tissue can be, or not a number."""
    low, high = numbers[COLDEST] - numbers[BODY], numbers[HOTTEST_ALLOWED] - numbers[BODY]
    nr, nz = rise.shape
    bad = 0
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            bad += 0 if low <= rise[i, k] <= high else 1
    return bad > 0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def stale(cells):
    """Share of the absorbed light whose cells' optics have changed since the light was last solved."""
    absorbed = cells[ABSORBED]
    nr, nz = absorbed.shape
    total = 0.0
    for i in range(1, nr - 1):
        for k in range(1, nz - 1):
            change = abs(cells[LEFT, i, k] - cells[LEFT_SEEN, i, k]) + abs(cells[DRIED, i, k] - cells[DRIED_SEEN, i, k])
            total += absorbed[i, k] * change
    return total


@njit(cache=True, error_model="numpy", inline="always")  # pragma: no cover
def cem43_rate(celsius: float) -> float:
    """Equivalent minutes at 43 °C per minute at `celsius`: R 0.5 from 43 °C up, 0.25 below, nothing under 39 °C."""
    above = celsius - 43.0
    rate = exp2(above if above >= 0.0 else 2.0 * above)
    return rate if celsius >= 39.0 else 0.0


@njit(cache=True, error_model="numpy")  # pragma: no cover
def visit_sites(rise, corners, weights, probes, body, seconds):
    """Undisturbed temperature at the probes' sites, and its CEM43 over `seconds`."""
    flat = rise.ravel()
    for p in range(probes.shape[1]):
        site = body
        for c in range(corners.shape[1]):
            site += weights[p, c] * flat[corners[p, c]]
        probes[SITE, p] = site
        probes[SITE_CEM43, p] += seconds / 60.0 * cem43_rate(site)


@njit(cache=True, error_model="numpy")  # pragma: no cover
def feel(rise, fluence, corners, weights, probes, body):
    """What the wires feel of the tissue, and the self-heating per W in the light as it is now."""
    warm, lit = rise.ravel(), fluence.ravel()
    for p in range(probes.shape[1]):
        felt, heating = body, 0.0
        for c in range(corners.shape[2]):
            felt += weights[HEAT, p, c] * warm[corners[HEAT, p, c]]
            heating += weights[LIGHT, p, c] * lit[corners[LIGHT, p, c]]
        probes[FELT, p] = felt
        probes[SELF_HEATING, p] = heating


@njit(cache=True, error_model="numpy")  # pragma: no cover
def follow(probes, tails, keep, power_w):
    """One grid point of the junctions: exact answers of first-order lags to drives that are constant over it."""
    for p in range(probes.shape[1]):
        felt, light = probes[FELT, p], probes[SELF_HEATING, p] * power_w
        followed = felt + (probes[FOLLOWED, p] - felt) * keep
        probes[FOLLOWED, p] = junction = followed
        for k in range(N_TAILS):
            drive = tails[TAIL_SHARE, k, p] * light
            part = drive + (tails[TAIL, k, p] - drive) * tails[TAIL_KEEP, k, p]
            tails[TAIL, k, p] = part
            junction += part
        probes[INTEGRAL, p] += 0.5 * (probes[JUNCTION, p] + junction) * GRID_S
        probes[JUNCTION, p] = junction


@njit(cache=True, error_model="numpy")  # pragma: no cover
def advance_tissue(cells, lines, by_heat, by_rise, numbers, tips, steps, power_w):
    """Advance by up to `steps` of STEP_S at constant power: (steps done, what the caller must see to)."""
    for n in range(steps):
        tissue_step(cells, lines, by_heat, by_rise, numbers, power_w)
        if int(numbers[STEPS]) % STEPS_PER_SECOND == 0:
            wanted = second(cells, lines, by_heat, by_rise, numbers, tips)
            if wanted != NOTHING:
                return n + 1, wanted
    return steps, NOTHING


@njit(cache=True, error_model="numpy")  # pragma: no cover
def advance(
    cells,
    lines,
    by_heat,
    by_rise,
    numbers,
    tips,
    fluence,
    probes,
    tails,
    sites,
    site_weights,
    corners,
    weights,
    done,
    points,
    power_w,
):
    """Advance by up to `points` grid points at constant power, `done` of them having passed since the start.

    Returns the points done and what the caller must see to before the next.
    """
    instants = len(corners)
    for point in range(done + 1, done + points + 1):
        follow(probes, tails, numbers[KEEP], power_w * numbers[EMITTED])
        numbers[POWER_SUM] += power_w
        if point % POINTS_PER_STEP == 0:
            mean_w = numbers[POWER_SUM] / POINTS_PER_STEP
            numbers[POWER_SUM] = 0.0
            _, wanted = advance_tissue(cells, lines, by_heat, by_rise, numbers, tips, 1, mean_w)
            rise = cells[RISE]
            visit_sites(rise, sites, site_weights, probes, numbers[BODY], STEP_S)
            instant = point // POINTS_PER_STEP % instants
            feel(rise, fluence, corners[instant], weights[instant], probes, numbers[BODY])
            if wanted != NOTHING:
                return point - done, wanted
    return points, NOTHING
