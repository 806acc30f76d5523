"""What a plan asks of its fibre: `python -m imilt_sim.tissue.survey PLAN.toml …` prints it.

The powers are averages: whatever part of the time the beam is dark comes on top.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from imilt.plan import Plan, load_plan
from imilt_sim.tissue.kernel import GRID_S
from imilt_sim.tissue.mesh import Floats
from imilt_sim.tissue.plant import Plant

SETTLE_S = 1200.0
HOLD_S = 1800.0
SMALL_W = 0.1
"""Too little to harm: the tissue then answers linearly."""
HIGHEST_W = 20.0


class Survey(NamedTuple):
    """Figures of one plan at constant power; per-probe arrays are in the plan's order."""

    power_w: float  # that brings the control site to the set point after SETTLE_S
    site_c: Floats  # after SETTLE_S
    drift_c: float  # of the control site from SETTLE_S to HOLD_S
    tissue_max_c: float  # up to SETTLE_S
    self_heating_c_per_w: Floats
    rise_63_s: Floats  # time to 63 % of the rise at SETTLE_S, undamaged tissue
    rise_c_per_w: Floats  # at SETTLE_S, undamaged tissue
    rise_30_c_per_w: Floats  # after 30 s, undamaged tissue
    volumes_mm3: dict[str, float]  # after HOLD_S
    tissue_max_hold_c: float  # up to HOLD_S


def after(plan: Plan, power_w: float, t_s: float) -> Plant:
    """The plan's plant after `t_s` at constant power."""
    plant = Plant(plan)
    plant.advance(round(t_s / GRID_S), power_w)
    return plant


def holding_power_w(plan: Plan) -> float:
    """Constant power with which the control site is at the set point after SETTLE_S.

    Raises ValueError if HIGHEST_W is not enough.
    """
    control, wanted = plan.control_channel, plan.treatment.set_point_c
    if after(plan, HIGHEST_W, SETTLE_S).site_c[control] < wanted:
        raise ValueError(f"{HIGHEST_W} W do not bring the control site to {wanted} °C: place it nearer the fibre")

    def excess_c(power_w: float) -> float:
        return after(plan, power_w, SETTLE_S).site_c[control] - wanted

    return float(brentq(excess_c, 0.0, HIGHEST_W, xtol=1e-4))  # pyright: ignore[reportArgumentType]


def step_response(plan: Plan) -> Floats:
    """Rise per W at every probe's site after each second up to SETTLE_S, (seconds + 1, n_probes)."""
    plant, seconds = Plant(plan), int(SETTLE_S)
    rises = np.zeros((seconds + 1, len(plan.probes)))
    for second in range(1, seconds + 1):
        plant.advance(round(1 / GRID_S), SMALL_W)
        rises[second] = (plant.site_c - plan.tissue.body_c) / SMALL_W
    return rises


def survey(plan: Plan) -> Survey:
    """Everything this module prints."""
    power_w = holding_power_w(plan)
    plant = after(plan, power_w, SETTLE_S)
    site_c, hottest_c = plant.site_c.copy(), plant.tissue_max_c
    plant.advance(round((HOLD_S - SETTLE_S) / GRID_S), power_w)
    rises = step_response(plan)
    return Survey(
        power_w=power_w,
        site_c=site_c,
        drift_c=float((plant.site_c - site_c)[plan.control_channel]),
        tissue_max_c=hottest_c,
        self_heating_c_per_w=plant.self_heating_c_per_w.copy(),
        rise_63_s=np.argmax(rises >= 0.632 * rises[-1], axis=0).astype(float),
        rise_c_per_w=rises[-1],
        rise_30_c_per_w=rises[30],
        volumes_mm3=plant.volumes_mm3(),
        tissue_max_hold_c=plant.tissue_max_c,
    )


def report(plan: Plan) -> str:
    """The survey as text."""
    s, settle, hold = survey(plan), round(SETTLE_S / 60), round(HOLD_S / 60)
    power = f"{s.power_w:.2f} W on average (cap {plan.fibre.power_cap_w} W)"
    lines = [
        plan.name,
        f"  {power} for {plan.treatment.set_point_c} °C at the control site after {settle} min",
        f"  {s.drift_c:+.2f} °C there from then to {hold} min at the same power",
        f"  hottest tissue {s.tissue_max_c:.1f} °C after {settle} min, {s.tissue_max_hold_c:.1f} °C after {hold} min",
    ]
    for p, probe in enumerate(plan.probes):
        lines.append(
            f"  {probe.role:8} r {probe.radial_mm:4.1f} z {probe.axial_mm:+5.1f} mm: {s.site_c[p]:5.2f} °C,"
            f" self-heating {s.self_heating_c_per_w[p]:.2f} °C/W, rise {s.rise_c_per_w[p]:.2f} °C/W,"
            f" {s.rise_30_c_per_w[p]:.3f} °C/W after 30 s, 63 % after {s.rise_63_s[p]:.0f} s"
        )
    v = s.volumes_mm3
    for name, text in (("ablated", "Ω of skin >= 1"), ("cem43_240", "CEM43 >= 240 min")):
        share = v[name + "_tumour_fraction"]
        lines.append(f"  {text} after {hold} min: {v[name]:.0f} mm³, {share:.1%} of the tumour")
    return "\n".join(lines)


def main() -> None:
    for path in sys.argv[1:] or ["plans/pancreas-imilt.toml"]:
        print(report(load_plan(Path(path)).plan))


if __name__ == "__main__":
    main()
