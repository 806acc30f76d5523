"""`make plant-bank`: how tissue answers to light, as a few shapes that the firmware scales to what it sees.

Steps of power on patients drawn from tuning seeds, at distances from 4 to 16 mm; each answer fitted with the firmware's
slow lags, brought to 1 at 120 s, and gathered into groups by k-means. Writes firmware/models.py.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.optimize import nnls

from imilt_sim.patients import TUNING_SEEDS, draw
from imilt_sim.tissue.plant import Plant

TARGET = Path("firmware/models.py")
TIMES_S = np.array([10.24, 40.96, 163.84, 655.36])
PATIENTS, MODELS, LASTS_S = 120, 12, 900
UNIT_S = 120
DISTANCES_MM = (4.0, 6.0, 8.5, 12.0)
POWER_W = {"diffuser": 1.2, "bare": 0.6}


def answers(seed: int) -> np.ndarray:
    """Weights of the lags at four distances, brought to 1 at 120 s, (4, 4)."""
    plan = draw(seed).plan
    there = {"axial_mm": 0.0, "radial_error_mm": 0.0, "axial_error_mm": 0.0}
    placed = zip(plan.probes, DISTANCES_MM, strict=True)
    probes = [probe.model_copy(update=there | {"radial_mm": mm}) for probe, mm in placed]
    plant = Plant(plan.model_copy(update={"probes": tuple(probes)}))
    power_w, rises = POWER_W[plan.fibre.kind], []
    for _ in range(LASTS_S):
        plant.advance(50, power_w)
        rises.append((plant.site_c - plan.tissue.body_c) / power_w)
    t_s = np.arange(1, LASTS_S + 1)
    lags = 1 - np.exp(-t_s[:, None] / TIMES_S)
    weights = np.array([nnls(lags, rise)[0] for rise in np.array(rises).T])
    return weights / (weights @ lags[UNIT_S - 1])[:, None]


def main() -> None:
    with ProcessPoolExecutor() as pool:
        every = np.concatenate(list(pool.map(answers, range(TUNING_SEEDS, TUNING_SEEDS + PATIENTS))))
    t_s = np.array([10, 20, 40, 80, 160, 320, 640, 900])
    curves = every @ (1 - np.exp(-t_s[:, None] / TIMES_S)).T
    _, label = kmeans2(np.log(np.maximum(curves, 1e-3)), MODELS, iter=100, minit="++", rng=np.random.default_rng(1))
    groups = [every[label == n].mean(axis=0) for n in range(MODELS) if (label == n).any()]
    groups.sort(key=lambda weights: weights[-1])
    rows = "\n".join("    ({}),".format(", ".join(str(round(w * 1024)) for w in weights)) for weights in groups)
    TARGET.write_text(HEAD + f"WEIGHTS_Q10 = (\n{rows}\n)\n")
    print(rows)


HEAD = '''"""Shapes of the tissue's answer to light: weights of the slow lags of felt.py. Written by `make plant-bank`.

Each is brought to 1024 at 120 s of steady light.
"""

'''

if __name__ == "__main__":
    main()
