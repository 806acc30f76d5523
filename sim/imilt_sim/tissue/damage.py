"""What heat does to tissue: CEM43, the Arrhenius integral Ω of named sets, one of them delayed, side by side.

No set was found for pancreas and the published ones disagree by orders of magnitude at 46 °C, so neither is the truth:

- `SKIN` (Henriques) is steep, like the coagulation one sees: Ω = 1 takes 30 min at 49.3 °C. It decides what counts as
  ablated and where blood stops flowing.
- `BHK` (cultured cells) is the death of cells at lower temperature: 30 min at 42.8 °C. It is recorded for comparison.

- `DELAYED` with `DELAY`: cells in culture show a shoulder before they die at a constant rate, so that a plain Arrhenius
  rate kills too early (Pearce 2015, J Biomech Eng 137:121006); for pancreatic cancer cells at 42.5 to 50 °C, the
  delayed form fitted best of three (Cancers 2023;15:655). Its figures there were not at hand: the rate here is BHK's
  and the shoulder an assumption.

The set for liver (Ω = 1 in 30 min at 39.0 °C) would coagulate a patient with a fever and is not used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from imilt_sim.tissue.mesh import Bools, Floats

GAS_J_MOL_K = 8.314462618
"""CODATA 2018; four digits would change Ω by a hundredth."""
LETHAL_CEM43_MIN = 240.0
"""46 °C for 30 min, what imILT sets out to give (HRA IRAS 189032)."""
SHELL_C = (46.0, 50.0)
SHELL_S = 1800.0
"""Tissue that spends so long within these is taken to die with its antigens intact: a hypothesis."""


class Arrhenius(NamedTuple):
    """dΩ/dt = a·exp(−e/RT)."""

    a_per_s: float
    e_j_mol: float

    @property
    def log2_form(self) -> tuple[float, float]:
        """(A, E) with dΩ/dt = 2^(A − E/T) for T in K, as kernel.py takes it."""
        return math.log2(self.a_per_s), self.e_j_mol / GAS_J_MOL_K / math.log(2)

    def rate_per_s(self, celsius: float) -> float:
        """dΩ/dt at a temperature."""
        return math.exp(math.log(self.a_per_s) - self.e_j_mol / (GAS_J_MOL_K * (celsius + 273.15)))

    def rates_per_s(self, celsius: Floats) -> Floats:
        """dΩ/dt at temperatures."""
        return np.exp(math.log(self.a_per_s) - self.e_j_mol / (GAS_J_MOL_K * (celsius + 273.15)))


SKIN = Arrhenius(3.1e98, 6.28e5)
"""Skin burns: Henriques 1947, Arch Pathol 43:489."""
BHK = Arrhenius(2.984e80, 5.064e5)
"""Baby hamster kidney cells in culture: Borrelli 1990, Int J Radiat Oncol Biol Phys 19:389."""
DELAYED = BHK
"""The rate of death once the delay has passed; kernels take it from BHK."""
DELAY = Arrhenius(1.63e92, 5.76e5)
"""How fast the delay passes: in 15 min at 43 °C, half of it a degree higher. Assumed, after shoulders of CHO cells."""


def cem43_rate(celsius: Floats) -> Floats:
    """Equivalent minutes at 43 °C per minute: R 0.5 from 43 °C up, 0.25 below, nothing under 39 °C (Dewhirst 2003)."""
    above = celsius - 43.0
    return np.where(celsius >= 39.0, 2.0 ** np.where(above >= 0.0, above, 2 * above), 0.0)


def volumes(regions: dict[str, Bools], tissue_mm3: Floats, tumour_mm3: Floats) -> dict[str, float]:
    """Tissue in each region, mm³, and the fraction of the tumour in it; all arrays have one value per cell."""
    whole = tumour_mm3.sum() or 1.0  # a fibre may fill a small tumour, or there may be none
    parts = {name: float(tissue_mm3[region].sum()) for name, region in regions.items()}
    fractions = {f"{name}_tumour_fraction": float(tumour_mm3[region].sum() / whole) for name, region in regions.items()}
    return parts | fractions
