"""Is the model right? Its figures beside measured ones: `python -m imilt_sim.tissue.validate` prints them.

Nothing here is tuned: one set of parameters, the plan's defaults, serves every row. What does not fit is shown as such.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imilt.plan import Plan
from imilt_sim.tissue import kernel
from imilt_sim.tissue.exact import point_fluence
from imilt_sim.tissue.light import Optics
from imilt_sim.tissue.plant import Plant
from imilt_sim.tissue.verify import OPTICS

EX_VIVO = {"body_c": 20.0, "tumour_perfusion_per_s": 0.0, "normal_perfusion_per_s": 0.0}
HEALTHY = {"tumour_perfusion_per_s": 0.016}
SHAM = {3.0: 14.0, 7.0: 4.0}
"""Distance from the source, mm: °C that a thermocouple read too high at 2 W in pancreas ex vivo
(doi 10.3109/02656736.2014.928832)."""
LESIONS = ((2.0, 500.0), (2.0, 1000.0), (3.0, 500.0), (3.0, 1000.0))
"""W and J of a bare fibre in the pancreas of living pigs: 314 to 483 mm³ (GIE 72:358)."""


def bare_plant(radial_mm: tuple[float, ...], tissue: dict[str, float]) -> Plant:
    """A bare fibre of 0.3 mm with probes beside its source, one transport mean free path in front of its face."""
    probes: list[dict[str, Any]] = [{"role": "spare", "radial_mm": r, "axial_mm": 0.82} for r in radial_mm]
    probes[0]["role"] = "control"
    fibre = {"kind": "bare", "radius_mm": 0.15}
    return Plant(Plan.model_validate({"schema": 1, "name": "bare", "fibre": fibre, "probes": probes, "tissue": tissue}))


def ex_vivo_rises(power_w: float = 3.0, t_s: float = 120.0) -> np.ndarray:
    """Rise at 4 and 6 mm: measured 45 and 25 °C (PMB 58:5705)."""
    plant = bare_plant((4.0, 6.0), EX_VIVO)
    plant.advance(round(t_s / kernel.GRID_S), power_w)
    return plant.site_c - EX_VIVO["body_c"]


def shams(k_c_cm2_per_w: float = 2.06, power_w: float = 2.0, optics: Optics = OPTICS) -> dict[float, float]:
    """What the one coefficient times the fluence rate of a point source gives at the distances of SHAM, °C."""
    return {r: float(k_c_cm2_per_w * power_w * point_fluence(np.array(r), optics)) for r in SHAM}


def sham_effective_per_cm() -> float:
    """The µeff with which one coefficient would meet both rows of SHAM: ratio = (r2/r1)·e^(µ(r2 − r1))."""
    (near, high), (far, low) = SHAM.items()
    return math.log(high / low * near / far) / ((far - near) / 10)


def lesion(power_w: float, energy_j: float) -> dict[str, float]:
    """Volumes of Plant.volumes_mm3 after a constant power and 60 s of cooling, with `max_c`."""
    plant = bare_plant((5.0,), HEALTHY)
    plant.advance(round(energy_j / power_w / kernel.GRID_S), power_w)
    plant.advance(round(60.0 / kernel.GRID_S), 0.0)
    return plant.volumes_mm3() | {"max_c": plant.tissue_max_c}


def main() -> None:
    rises = ex_vivo_rises()
    print(f"3 W, 120 s, ex vivo: rise at 4 and 6 mm {rises[0]:.1f} and {rises[1]:.1f} °C; measured 45 and 25 °C")
    for r, value in shams().items():
        print(f"self-heating at 2 W, {r:.0f} mm: {value:.1f} °C; measured {SHAM[r]:.1f} °C")
    needed, ours = sham_effective_per_cm(), OPTICS.effective_per_cm
    print(f"  one coefficient would meet both with µeff {needed:.2f}/cm; the tissue's is {ours:.2f}/cm")
    for power_w, energy_j in LESIONS:
        got = lesion(power_w, energy_j)
        print(
            f"in vivo, {power_w:.0f} W, {energy_j:.0f} J: ablated {got['ablated']:.0f} mm³,"
            f" 240 CEM43 {got['cem43_240']:.0f} mm³, hottest {got['max_c']:.0f} °C; measured 314 to 483 mm³"
        )


if __name__ == "__main__":
    main()
