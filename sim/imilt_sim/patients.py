"""Virtual patients for `make cohort`: plans whose optics, blood, placement and probes are drawn by seed.

Spreads and their sources:

- absorption ±10 %, reduced scattering ±40 % between samples of pancreas: Sci Rep 2022;12:14300; lognormal
- tumour perfusion 19.5 ± 19.9, normal 96.9 ± 39.1 mL/100 mL/min, as of the plan's defaults; a gamma and a normal
  distribution with these moments
- placement ±2 mm along and across, uniform: what a CT-guided needle is off by at depth
- conductivity ±5 %: between sources for pancreas in the IT'IS database
- a probe's radius ±5 % of what its bench shape tells, its angle to the fibre ±5°: assumed
- breathing 0, ±0.5 or ±1 mm of the probes against the tissue, at 12 to 20 breaths a minute
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imilt.plan import BEAD_LEFT, Plan, Tissue
from imilt_sim.tissue.heat import plan_medium
from imilt_sim.tissue.self_heating import left_after_dark

BENCH_LOSS_PER_S = 0.0033
"""To blood: the bench's gel has none, so that its shape is brought to a tumour's usual perfusion."""
BREATHING_MM = (0.0, 0.5, 1.0)
TUNING_SEEDS = 100_000
"""Seeds from here on are for tuning, those below for what is reported."""


class Patient(NamedTuple):
    """A drawn patient: `plan` holds what is believed and, as errors and models, what is true."""

    seed: int
    breathing_mm: float
    plan: Plan


def draw(seed: int) -> Patient:
    """The patient of a seed; strata of breathing take turns."""
    rng = np.random.default_rng(seed)
    breathing_mm = BREATHING_MM[seed % len(BREATHING_MM)]
    planned_mm = rng.uniform(4.5, 7.0)
    margin_mm = planned_mm + rng.uniform(1.0, 4.0)
    data: dict[str, Any] = {
        "name": f"virtual patient {seed}",
        "fibre": {"kind": "diffuser"},
        "treatment": {"max_emission_min": 45.0},
        "tumour": {"radial_mm": margin_mm, "axial_mm": rng.uniform(9.0, 16.0)},
        "probes": _probes(rng, planned_mm, margin_mm),
        "tissue": _tissue(rng),
        "breathing": {"probe_mm": breathing_mm, "rate_hz": rng.uniform(0.2, 0.33)},
    }
    return Patient(seed, breathing_mm, Plan.model_validate(data | _thermocouples(rng)))


def _probes(rng: np.random.Generator, planned_mm: float, margin_mm: float) -> list[dict[str, Any]]:
    def off() -> dict[str, float]:
        return {"radial_error_mm": rng.uniform(-2.0, 2.0), "axial_error_mm": rng.uniform(-2.0, 2.0)}

    return [
        {"role": "control", "radial_mm": planned_mm, **off()},
        {"role": "tip", "radial_mm": 1.5, "axial_mm": 9.0},
        {"role": "guard", "radial_mm": planned_mm + rng.uniform(5.0, 8.0), **off()},
        {"role": "spare", "radial_mm": margin_mm},  # where the tumour ends: what is true there
    ]


def _tissue(rng: np.random.Generator) -> dict[str, float]:
    return {
        "absorption_per_cm": 0.17 * np.exp(rng.normal(0.0, 0.1)),
        "reduced_scattering_per_cm": float(np.clip(12.0 * np.exp(rng.normal(0.0, 0.4)), 5.0, 30.0)),
        "conductivity_w_m_k": 0.51 * rng.uniform(0.95, 1.05),
        "tumour_perfusion_per_s": float(min(rng.gamma(0.96, 0.00344), 0.016)),
        "normal_perfusion_per_s": float(np.clip(rng.normal(0.016, 0.0065), 0.002, 0.035)),
    }


def _thermocouples(rng: np.random.Generator) -> dict[str, Any]:
    """The probes as they are, and the shape of their self-heating as the bench has told it."""
    kind = "bead" if rng.random() < 0.7 else "needle"
    bench_mm = {"bead": rng.uniform(0.08, 0.15), "needle": 0.25}[kind]
    model = {
        "kind": kind,
        "radius_mm": bench_mm * np.exp(rng.normal(0.0, 0.05)),
        "lag_s": rng.uniform(0.05, 0.1) if kind == "bead" else 0.3,
        "self_heating_c_cm2_per_w": 3.85 * rng.uniform(0.6, 1.2),
        "wire_angle_deg": rng.normal(0.0, 5.0),
    }
    return {"probe_model": model, "self_heating": bench_shape(kind, bench_mm)}


def bench_shape(kind: str, radius_mm: float) -> dict[str, list[float]]:
    """What a bench measures of such a probe, for a plan's section `self_heating`."""
    times_s = np.array(list(BEAD_LEFT))
    left = left_after_dark(kind, radius_mm, plan_medium(Tissue()), BENCH_LOSS_PER_S, times_s)
    return {"times_s": times_s.tolist(), "left": np.round(left, 4).tolist()}
