"""`make tune`: the feedback law's parameters tried on the default plan, with the real firmware.

Prints, for each gain, integral time and feed-forward, how the hold began and how steady it was. The hold begins 1 °C
below the set-point, which is most of the standard deviation of a hold as short as this. The last column is what the
control probe read too high on the mean: light that it still shows in the dark sample.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track

from imilt.plan import LoadedPlan, Plan, find_plan
from imilt_sim.bench import plan_path
from imilt_sim.simulate import Setup, Simulation

GAINS_W_PER_C = (0.2, 0.35, 0.5, 0.8, 1.2, 1.6)
INTEGRAL_TIMES_S = (60.0, 110.0, 200.0)
FEED_FORWARDS_W = (1.5, 2.0)
HOLD_MIN = 5.0


def variant(loaded: LoadedPlan, gain: float, integral_s: float, feed_forward_w: float) -> LoadedPlan:
    """The plan with other parameters and a short hold; the bytes in the record stay those of the original."""
    control = {"kp_w_per_c": gain, "ti_s": integral_s, "feed_forward_w": feed_forward_w}
    data = loaded.plan.model_dump(by_alias=True)
    data["control"] = control
    data["treatment"]["hold_min"] = HOLD_MIN
    return loaded._replace(plan=Plan.model_validate(data))


def main() -> None:
    loaded = find_plan(plan_path())
    print(f"{loaded.plan.name}, hold {HOLD_MIN:g} min")
    print("  W/°C   Ti s   FF W   heating s  overshoot °C   SD °C  mean °C  too high by")
    trials = list(itertools.product(GAINS_W_PER_C, INTEGRAL_TIMES_S, FEED_FORWARDS_W))
    shown = track(trials, description="trials", console=Console(stderr=True))
    rows = [_trial(variant(loaded, *trial), trial) for trial in shown]
    print("\n".join(rows))


def _trial(plan: LoadedPlan, trial: tuple[float, float, float]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        summary = Simulation(Setup(plan), Path(folder) / "run").run()
    figures = [summary[key] for key in ("heating_s", "overshoot_c", "control_sd_c", "control_mean_c")]
    if None in figures:
        return "{:6.2f} {:6.0f} {:6.1f}   never held".format(*trial)
    light_c = summary["control_mean_c"] - summary["true_control_mean_c"]
    return "{:6.2f} {:6.0f} {:6.1f}   {:9.0f}  {:12.2f}  {:6.2f}  {:7.2f}  {:11.2f}".format(*trial, *figures, light_c)


if __name__ == "__main__":
    main()
