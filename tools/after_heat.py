"""How well firmware/after_heat.py foretells the rise of a guard after the light goes off; `make after-heat`.

Simulated treatments with eight guards each, 9 to 16 mm from the fibre, in two sets of seeds: A, to which the weights of
the firmware are fitted, and B, on which they are tried. Optics, conductivity, perfusion, power, set-point, the kind of
thermocouple, the light on it and pauses differ from case to case; readings are a second apart with noise of 0.05 °C.

A guard's tissue and its reading in the dark differ by what the thermocouple has absorbed of the light and not yet given
away. The reading is what can be limited, the tissue is what counts: the first two tables are about the reading that a
guard would still reach, the third about the tissue.
"""

from __future__ import annotations

import argparse
import builtins
import os
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from imilt.plan import HIGHEST_CAP_W, Plan, Probe, ProbeModel
from imilt_sim.tissue.plant import Plant

Floats = NDArray[np.float64]

FIRMWARE = Path(__file__).parent.parent / "firmware"
CASES = 500
FIRST_A, FIRST_B = 0, 1_000_000
GUARDS = 8
NOISE_C = 0.05
BODY_C = 37.0
LIMIT_C = 43.0
LEVELS_C = (41.0, 42.0, 43.0)
HIGHEST_C = 44.0
"""A guard beyond is no longer looked at: any rule has cut long before."""
DARK_FRAMES = 30
LONGEST_S = 1200
EVERY_S = 60
"""A guard between the lowest level and the highest is also looked at so often: that is what holding means."""
BRIGHT_POINTS, LATE_POINTS, CONVERSION_POINTS = 40, 1, 9
"""A frame in grid points of 20 ms: light, what passes before the dark conversion begins, and the conversion."""
SLEW_W_PER_S = 0.5
TIP_LIMIT_C, TIP_MARGIN_C = 95.0, 8.0
TOO_LOW_WEIGHT = 0.85
"""Of a squared error that is too low, against 0.15 of one too high: the first overheats, the second cuts early."""


def load_predictor() -> Any:
    """The firmware's class, without a board."""
    path = FIRMWARE / "after_heat.py"
    micropython = types.SimpleNamespace(const=lambda value: value)

    def import_(name: str, *rest: Any) -> Any:
        return micropython if name == "micropython" else builtins.__import__(name, *rest)

    space: dict[str, Any] = {"__builtins__": dict(vars(builtins), __import__=import_)}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return space["AfterHeat"]


PREDICTOR = load_predictor()


class Case(NamedTuple):
    """One simulated treatment. `plan.probes` are control, tip and guards, more than a device has channels."""

    seed: int
    plan: Plan
    cap_w: float
    ramp: bool
    set_point_c: float
    feed_forward_w: float
    gain_w_per_c: float
    pauses: list[tuple[float, float]]
    rng: np.random.Generator

    def paused(self, second: int) -> bool:
        return any(start <= second < end for start, end in self.pauses)

    def wanted_w(self, before_w: float, control_c: float, tip_c: float) -> float:
        """Feed-forward and gain under a ceiling that the tip lowers, with a slew: what a feedback law comes to."""
        ceiling = self.cap_w * min(max((TIP_LIMIT_C - tip_c) / TIP_MARGIN_C, 0.0), 1.0)
        asked = self.feed_forward_w + self.gain_w_per_c * (self.set_point_c - control_c)
        return max(0.0, min(asked, ceiling, before_w + SLEW_W_PER_S))


def new_case(seed: int) -> Case:
    """A case by its seed. Ramps go on at the cap until the guard is too hot; the others settle at a set-point."""
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(["bare", "diffuser"]))
    cap_w = min(float(rng.choice([1.0, 1.5, 2.0, 2.5, 3.0, 5.0])), HIGHEST_CAP_W[kind])
    ramp = bool(rng.random() < 0.5)
    normal = float(rng.choice([0.0, 0.001, 0.002, 0.004, 0.008, 0.016]))
    diffuser = {"diffuser_length_mm": float(rng.choice([10.0, 15.0, 20.0]))} if kind == "diffuser" else {}
    plan = Plan.model_validate(
        {
            "name": f"case {seed}",
            "fibre": {"kind": kind, "radius_mm": 0.75 if kind == "diffuser" else 0.2, "cap_w": cap_w, **diffuser},
            "probes": [{"role": "control", "radial_mm": 6.0}],
            "tumour": {"radial_mm": rng.uniform(5.0, 12.0), "axial_mm": rng.uniform(6.0, 14.0)},
            "tissue": {
                "body_c": BODY_C,
                "absorption_per_cm": rng.uniform(0.1, 0.3),
                "reduced_scattering_per_cm": rng.uniform(8.0, 16.0),
                "conductivity_w_m_k": rng.uniform(0.42, 0.6),
                "normal_perfusion_per_s": normal,
                "tumour_perfusion_per_s": min(normal, 0.0033),
            },
            "probe_model": {
                "kind": str(rng.choice(["bead", "needle"])),
                "lag_s": rng.uniform(0.05, 0.3),
                "self_heating_c_cm2_per_w": ProbeModel().self_heating_c_cm2_per_w * rng.uniform(0.0, 1.2),
            },
        }
    )
    probes = [
        Probe(role="control", radial_mm=rng.uniform(4.0, 7.0)),
        Probe(role="tip", radial_mm=1.5, axial_mm=plan.fibre.end_mm + 1.5 if kind == "diffuser" else -3.0),
    ]
    for _ in range(GUARDS):
        aside_mm = rng.uniform(-6.0, 6.0) if rng.random() < 0.5 else 0.0
        probes.append(Probe(role="guard", radial_mm=rng.uniform(9.0, 16.0), axial_mm=aside_mm))
    starts = rng.uniform(5.0, 900.0, rng.integers(1, 5) if rng.random() < 0.4 else 0)
    return Case(
        seed=seed,
        plan=plan.model_copy(update={"probes": tuple(probes)}),
        cap_w=cap_w,
        ramp=ramp,
        set_point_c=90.0 if ramp else rng.uniform(44.0, 50.0),
        feed_forward_w=min(cap_w, 1.5 if kind == "diffuser" else 0.8),
        gain_w_per_c=0.5 if kind == "diffuser" else 0.25,
        pauses=[(start, start + rng.uniform(3.0, 60.0)) for start in starts],
        rng=rng,
    )


class Frame(NamedTuple):
    """A second of a treatment, as it ends; per guard what its dark reading would be without noise, and its tissue."""

    second: int
    power_w: float  # mean over the frame
    reading_c: Floats
    tissue_c: Floats
    after_cut: Callable[[], Floats]  # the highest that the guards' tissue gets if the light stays off from here


def treat(case: Case) -> Iterator[Frame]:
    """The frames of a case, until no guard is left to look at."""
    plant, power_w = Plant(case.plan), 0.0
    noise = case.rng.spawn(1)[0]
    for second in range(LONGEST_S):
        if case.paused(second):
            power_w = 0.0
        plant.advance(BRIGHT_POINTS, power_w)
        plant.advance(LATE_POINTS, 0.0)
        before = plant.junction_integral_c_s.copy()
        plant.advance(CONVERSION_POINTS, 0.0)
        readings_c = (plant.junction_integral_c_s - before) / (CONVERSION_POINTS * 0.02)
        tissue_c = plant.site_c[2:].copy()
        yield Frame(second, power_w * 0.8, readings_c[2:], tissue_c, lambda: peaks_after_cut(plant))
        if (tissue_c > HIGHEST_C).all():
            return
        control_c, tip_c = readings_c[:2] + noise.normal(0.0, NOISE_C, 2)
        power_w = case.wanted_w(power_w, control_c, tip_c)


def peaks_after_cut(plant: Plant) -> Floats:
    """Each guard's highest tissue temperature from now on without light, °C, followed for 5 min at most."""
    plant = plant.copy()
    peaks_c = plant.site_c[2:].copy()
    for _ in range(150):
        plant.advance(100, 0.0)
        now_c = plant.site_c[2:]
        peaks_c = np.maximum(peaks_c, now_c)
        if (now_c < peaks_c - 0.005).all():
            break
    return peaks_c


class Look(NamedTuple):
    """One guard looked at in one moment: what came of a cut there, and what the predictor said."""

    group: int
    rise_c: float  # of the reading without noise, by a cut; 0 if it only falls
    predicted_c: float
    slope_c_per_s: float
    artefact_c: float
    taught: bool


class Cut(NamedTuple):
    """Where a rule cut, for one guard: its tissue then, and the highest that it got."""

    second: int
    tissue_c: float
    peak_c: float


class Guard(NamedTuple):
    """One guard over a treatment: where each rule cut, if it did."""

    group: int
    plain: Cut | None  # at a reading of the limit
    early: Cut | None  # at a reading that with the predicted rise comes to the limit


GROUPS = ("holding, 1 to 3 W", "ramp, 1 to 3 W", "holding, 5 W", "ramp, 5 W")


def study(seed: int) -> tuple[list[Look], list[Guard]]:
    """One case: looks at every level crossed and every minute in between, and the cuts of both rules."""
    case = new_case(seed)
    noise = case.rng.spawn(1)[0]
    group = 2 * (case.cap_w > 3.0) + case.ramp
    predictors = [rested(noise) for _ in range(GUARDS)]
    looks: list[Look] = []
    cuts: list[dict[str, Cut]] = [{} for _ in range(GUARDS)]
    highest_c = np.full(GUARDS, -np.inf)
    for frame in treat(case):
        readings_c = frame.reading_c + noise.normal(0.0, NOISE_C, GUARDS)
        peaks_c: Floats | None = None
        for i in np.flatnonzero(frame.tissue_c <= HIGHEST_C):
            predicting = predictors[i]
            predicting.step(round(readings_c[i] * 1000), round(frame.power_w * 1000))
            rules = due_rules(readings_c[i], predicting.rise_mc / 1000, cuts[i])
            looked = worth_a_look(frame, highest_c[i], readings_c[i])
            highest_c[i] = max(highest_c[i], readings_c[i])
            if peaks_c is None and (rules or looked):
                peaks_c = frame.after_cut()
            if peaks_c is not None:
                cut = Cut(frame.second, float(frame.tissue_c[i]), float(peaks_c[i]))
                cuts[i].update(dict.fromkeys(rules, cut))
                if looked:
                    looks.append(look(group, float(peaks_c[i] - frame.reading_c[i]), predicting))
    return looks, [Guard(group, cut.get("plain"), cut.get("early")) for cut in cuts]


def rested(noise: np.random.Generator) -> Any:
    """A new predictor that has seen the guard at rest."""
    predicting = PREDICTOR()
    for reading_c in BODY_C + noise.normal(0.0, NOISE_C, DARK_FRAMES):
        predicting.step(round(reading_c * 1000), 0)
    return predicting


def due_rules(reading_c: float, rise_c: float, cuts: dict[str, Cut]) -> list[str]:
    """The rules that cut now and have not before."""
    due = {"plain": reading_c >= LIMIT_C, "early": reading_c + rise_c >= LIMIT_C}
    return [rule for rule, now in due.items() if now and rule not in cuts]


def worth_a_look(frame: Frame, highest_c: float, reading_c: float) -> bool:
    """A level crossed for the first time, or light on a guard that stays above the lowest."""
    crossed = any(highest_c < level <= reading_c for level in LEVELS_C)
    return crossed or (reading_c >= LEVELS_C[0] and frame.power_w > 0.0 and frame.second % EVERY_S == 0)


def look(group: int, rise_c: float, predicting: Any) -> Look:
    slope_c_per_s, artefact_c = predicting.slope_q8 / 256e3, predicting.artefact_mc / 1000
    return Look(group, max(0.0, rise_c), predicting.rise_mc / 1000, slope_c_per_s, artefact_c, predicting.taught)


def study_all(first_seed: int, cases: int) -> tuple[list[Look], list[Guard]]:
    """All cases from `first_seed` on, shared by the processors."""
    seeds = range(first_seed, first_seed + cases)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(study, seeds, chunksize=5))
    return [look for looks, _ in results for look in looks], [guard for _, guards in results for guard in guards]


def fit(looks: Sequence[Look]) -> tuple[float, float]:
    """Seconds of the slope and share of the artefact that foretell the rise best, where the light's part is known."""
    # The slope in °C/min, to give both weights the same size.
    features = np.array([(look.slope_c_per_s * 60.0, -look.artefact_c) for look in looks if look.taught])
    rises = np.array([look.rise_c for look in looks if look.taught])

    def loss(weights: Floats) -> tuple[float, Floats]:
        foretold = features @ weights
        errors = np.maximum(foretold, 0.0) - rises
        costs = np.where(errors < 0.0, TOO_LOW_WEIGHT, 1.0 - TOO_LOW_WEIGHT)
        return float(np.mean(costs * errors**2)), (2.0 * costs * errors * (foretold > 0.0)) @ features / len(rises)

    found = minimize(loss, np.ones(2), jac=True, method="L-BFGS-B", options={"ftol": 1e-12, "gtol": 1e-9}).x
    return float(found[0]) * 60.0, float(found[1])


def errors_table(looks: Sequence[Look]) -> str:
    """Markdown: the error of the predicted peak, °C, without a prediction (the reading itself) and with it."""
    groups = {name: [look for look in looks if look.group == i] for i, name in enumerate(GROUPS)}
    groups["of all, those that rise by over 0.1 °C"] = [look for look in looks if look.rise_c > 0.1]
    groups["all"] = list(looks)
    lines = [
        "| cuts | number | prediction | bias | p50 | p95 | max | too low by at most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, chosen in groups.items():
        rises = np.array([look.rise_c for look in chosen])
        predicted = np.array([look.predicted_c for look in chosen])
        lines.append(f"| {name} | {len(chosen)} | none | {error_cells(-rises)} |")
        lines.append(f"| | | firmware | {error_cells(predicted - rises)} |")
    return "\n".join(lines)


def error_cells(errors: Floats) -> str:
    if not len(errors):
        return "- | - | - | - | -"
    sizes = np.abs(errors)
    middle, high = np.percentile(sizes, [50, 95])
    bias = round(float(errors.mean()), 3) + 0.0  # never minus nothing
    return f"{bias:+.3f} | {middle:.2f} | {high:.2f} | {sizes.max():.2f} | {max(0.0, -errors.min()):.2f}"


def cuts_table(guards: Sequence[Guard]) -> str:
    """Markdown: how far the tissue at the guard got after the cut of either rule, °C."""
    lines = [
        "| treatments | cut when | cuts | peak over 43.0 | over 43.2 | over 43.5 | highest peak | median peak |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, chosen in in_groups(guards):
        plain = np.array([guard.plain.peak_c for guard in chosen if guard.plain])
        early = np.array([guard.early.peak_c for guard in chosen if guard.early])
        lines.append(f"| {name} | reading | {peak_cells(plain)} |")
        lines.append(f"| | reading + rise | {peak_cells(early)} |")
    return "\n".join(lines)


def in_groups(guards: Sequence[Guard]) -> Iterator[tuple[str, list[Guard]]]:
    for i, name in enumerate(GROUPS):
        yield name, [guard for guard in guards if guard.group == i]
    yield "all", list(guards)


def peak_cells(peaks_c: Floats) -> str:
    if not len(peaks_c):
        return "0 | - | - | - | - | -"
    shares = " | ".join(f"{np.mean(peaks_c > limit):.1%}" for limit in (43.0, 43.2, 43.5))
    return f"{len(peaks_c)} | {shares} | {peaks_c.max():.2f} | {np.median(peaks_c):.2f}"


def cost_table(guards: Sequence[Guard]) -> str:
    """Markdown: by how much the rule with the rise cuts earlier and at cooler tissue than the plain one."""
    lines = [
        "| treatments | cut by both | earlier, s: p50 | p95 | max | cooler, °C: p50 | p95 | max | only by the rise |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, chosen in in_groups(guards):
        pairs = [(guard.plain, guard.early) for guard in chosen if guard.plain and guard.early]
        alone = sum(guard.plain is None and guard.early is not None for guard in chosen)
        cells = "- | - | - | - | - | -"
        if pairs:
            earlier = np.percentile([plain.second - early.second for plain, early in pairs], [50, 95, 100])
            cooler = np.percentile([plain.tissue_c - early.tissue_c for plain, early in pairs], [50, 95, 100])
            cells = " | ".join([f"{seconds:.0f}" for seconds in earlier] + [f"{celsius:.2f}" for celsius in cooler])
        lines.append(f"| {name} | {len(pairs)} | {cells} | {alone} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=CASES, help="cases in either set (default %(default)s)")
    cases = parser.parse_args().cases
    seconds, share = fit(study_all(FIRST_A, cases)[0])
    looks, guards = study_all(FIRST_B, cases)
    print(f"Fitted to {cases} cases of set A: {seconds:.1f} s of the slope less {share:.2f} times the artefact.\n")
    print(f"Set B, {cases} cases. Error of the predicted peak of the reading after a cut, °C:\n")
    print(errors_table(looks))
    print("\nPeak of the guard's tissue after the cut, limit 43 °C:\n")
    print(cuts_table(guards))
    print("\nWhat it costs:\n")
    print(cost_table(guards))


if __name__ == "__main__":
    main()
