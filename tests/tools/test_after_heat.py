"""The study of the predictor, and the predictor on a few treatments that it was not fitted to."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imilt_sim.tissue.plant import Plant

STUDY = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "after_heat.py"))
FIRST_SEED = 2_000_000
new_case, study, Look, Cut, Guard = (STUDY[name] for name in ("new_case", "study", "Look", "Cut", "Guard"))


def studied(cases: int, ramp: bool, caps_w: tuple[float, ...]) -> tuple[list[Any], list[Any]]:
    """Looks and guards of those of the first cases that are so."""
    looks, guards = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + cases):
        case = new_case(seed)
        if case.ramp == ramp and case.cap_w in caps_w:
            more_looks, more_guards = study(seed)
            looks += more_looks
            guards += more_guards
    return looks, guards


@pytest.fixture(scope="module")
def steep() -> tuple[list[Any], list[Any]]:
    """Ramps at 1 to 3 W: light that goes on until the guard is too hot."""
    return studied(80, True, (1.0, 1.5, 2.0, 2.5, 3.0))


def test_it_errs_less_than_no_prediction(steep: tuple[list[Any], list[Any]]) -> None:
    looks, _ = steep
    rises = np.array([look.rise_c for look in looks])
    errors = np.array([look.predicted_c for look in looks]) - rises
    risen = rises > 0.1
    assert risen.sum() >= 35
    assert np.percentile(np.abs(errors[risen]), 95) < 0.9 * np.percentile(rises[risen], 95)
    assert np.percentile(np.abs(errors), 95) < 0.9 * np.percentile(rises, 95)
    assert np.mean(np.abs(errors)) < 0.95 * np.mean(rises)


def test_fewer_guards_exceed_their_limit_after_a_cut(steep: tuple[list[Any], list[Any]]) -> None:
    _, guards = steep
    plain = np.array([guard.plain.peak_c for guard in guards if guard.plain])
    early = np.array([guard.early.peak_c for guard in guards if guard.early])
    assert len(early) >= len(plain) >= 35
    assert np.mean(plain > 43.2) > 0.05
    assert np.mean(early > 43.5) <= 0.5 * np.mean(plain > 43.5)
    assert np.mean(early > 43.2) < 0.85 * np.mean(plain > 43.2)
    assert np.mean(early > 43.0) < np.mean(plain > 43.0)
    assert early.max() <= plain.max()
    assert np.median(early) > np.median(plain) - 0.25


def test_a_guard_that_is_held_is_not_cut_early() -> None:
    looks, guards = studied(40, False, (2.0, 2.5, 3.0))
    assert len(looks) >= 40
    assert np.percentile([look.predicted_c for look in looks], 95) < 0.1
    assert guards
    assert all((guard.plain is None) == (guard.early is None) for guard in guards)


def test_looking_at_a_cut_changes_nothing() -> None:
    plan = new_case(FIRST_SEED).plan
    looked, not_looked = Plant(plan), Plant(plan)
    for plant in (looked, not_looked):
        plant.advance(4003, 2.0)
    before = looked.site_c[2:].copy()
    peaks = STUDY["peaks_after_cut"](looked)
    assert (peaks >= before).all()
    for plant in (looked, not_looked):
        plant.advance(998, 1.0)
    np.testing.assert_array_equal(looked.junction_c, not_looked.junction_c)
    fields = looked.field(), not_looked.field()
    for name, field in fields[0].items():
        np.testing.assert_array_equal(field, fields[1][name])
    assert looked.tissue_max_c == not_looked.tissue_max_c
    assert looked.grid_points == not_looked.grid_points


def test_a_case_is_the_same_every_time_and_another_by_another_seed() -> None:
    first, again, other = study(FIRST_SEED + 30), study(FIRST_SEED + 30), study(FIRST_SEED + 84)
    assert first == again
    assert first != other


def test_the_fit_finds_the_weights_that_made_the_rises() -> None:
    rng = np.random.default_rng(1)
    looks = []
    for slope, artefact in zip(rng.uniform(0.0, 0.03, 300), rng.uniform(0.0, 0.6, 300), strict=True):
        looks.append(Look(0, max(0.0, 50.0 * slope - 1.1 * artefact), 0.0, slope, artefact, True))
    looks.append(Look(0, 9.0, 0.0, 0.0, 0.0, False))
    assert STUDY["fit"](looks) == pytest.approx((50.0, 1.1), rel=1e-3)


def test_the_tables_say_what_was_found() -> None:
    looks = [Look(1, 0.4, 0.3, 0.0, 0.0, True), Look(1, 0.0, 0.1, 0.0, 0.0, True)]
    errors = STUDY["errors_table"](looks).splitlines()
    assert "| ramp, 1 to 3 W | 2 | none | -0.200 | 0.20 | 0.38 | 0.40 | 0.40 |" in errors
    assert "| | | firmware | +0.000 | 0.10 | 0.10 | 0.10 | 0.10 |" in errors
    assert "| of all, those that rise by over 0.1 °C | 1 | none | -0.400 | 0.40 | 0.40 | 0.40 | 0.40 |" in errors
    assert "| ramp, 5 W | 0 | none | - | - | - | - | - |" in errors
    guards = [Guard(3, Cut(100, 42.9, 43.3), Cut(90, 42.7, 42.9)), Guard(3, None, Cut(50, 42.5, 42.6))]
    cuts = STUDY["cuts_table"](guards).splitlines()
    assert "| ramp, 5 W | reading | 1 | 100.0% | 100.0% | 0.0% | 43.30 | 43.30 |" in cuts
    assert "| | reading + rise | 2 | 0.0% | 0.0% | 0.0% | 42.90 | 42.75 |" in cuts
    assert "| holding, 5 W | reading | 0 | - | - | - | - | - |" in cuts
    cost = STUDY["cost_table"](guards).splitlines()
    assert "| ramp, 5 W | 1 | 10 | 10 | 10 | 0.20 | 0.20 | 0.20 | 1 |" in cost
    assert "| all | 1 | 10 | 10 | 10 | 0.20 | 0.20 | 0.20 | 1 |" in cost
