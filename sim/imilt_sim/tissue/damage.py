"""What heat does to tissue: CEM43 and the Arrhenius integral Ω of two named sets, side by side.

No set was found for pancreas and the published ones disagree by orders of magnitude at 46 °C, so neither is the truth:

- `SKIN` (Henriques) is steep, like the coagulation one sees: Ω = 1 takes 30 min at 49.3 °C. It decides what counts as
  ablated and where blood stops flowing.
- `BHK` (cultured cells) is the death of cells at lower temperature: 30 min at 42.8 °C. It is recorded for comparison.

The set for liver (Ω = 1 in 30 min at 39.0 °C) would coagulate a patient with a fever and is not used.
"""

from __future__ import annotations

import math
from typing import NamedTuple

GAS_J_MOL_K = 8.314462618
"""CODATA 2018; four digits would change Ω by a hundredth."""
LETHAL_CEM43_MIN = 240.0
"""46 °C for 30 min, what imILT sets out to give (HRA IRAS 189032)."""


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


SKIN = Arrhenius(3.1e98, 6.28e5)
"""Skin burns: Henriques 1947, Arch Pathol 43:489."""
BHK = Arrhenius(2.984e80, 5.064e5)
"""Baby hamster kidney cells in culture: Borrelli 1990, Int J Radiat Oncol Biol Phys 19:389."""
