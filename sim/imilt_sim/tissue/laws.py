"""How the tissue's properties depend on temperature, coagulation and water: one place for every law and its figures.

The figures that differ between patients are keys of the plan's section `tissue`, each with its source; what is common
to them stands here. Temperatures are absolute, °C. Kernels know no law: they take the tables that `Laws` makes.

Water leaves as steam over BOIL_C, spread because the pressure differs from place to place and because a sharp front
would jump from cell to cell. `dried` is the fraction of the water that has left. It does not come back: tissue that
cools after boiling has the dry properties for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.integrate import cumulative_trapezoid

from imilt.plan import Tissue
from imilt_sim.tissue.mesh import Floats

BOIL_C = (95.0, 105.0)
"""Where water boils off; arXiv 1910.12515 spreads it about 100 °C as well."""
CONDENSE_C = (45.0, BOIL_C[0])
"""Tissue in which steam condenses: what is wet and next to the boiling (Yang 2007, IEEE Trans Biomed Eng 54:1382)."""
LATENT_J_KG = 2.257e6
"""Of water at 100 °C: IAPWS."""
SOLID_SPECIFIC_HEAT_J_KG_K = 1550.0
"""Of what is left without water, mostly protein: IT'IS, and Choi and Okos 1986."""
GLASS_CONDUCTIVITY_W_MM_K = 1.38e-3
"""Fused silica at 20 °C."""
STEAM_C = 100.0
"""From HOT_C up to here, steam carries more and more heat through wet tissue; k of liver soars from 90 to 99 °C and
falls above: Lopresto 2019, Int J Hyperthermia 36:1."""
HOT_C = 94.0
"""Where the plan's `hot_…_factor` were measured."""
CONDUCTIVITY_RISES_C, CAPACITY_FALLS_C = 70.0, 55.0
WARM_C = (40.0, 44.0)
"""Perfusion of normal tissue rises from the first to the second, so that it is 1.4 times itself at 41 °C, where 1.3 was
measured (Sturesson 1999); blood flow of muscle and skin rises up to about 44 °C (Song 1984, Cancer Res 44:4721s)."""
TABLE_C = np.linspace(0.0, 1500.0, 6001)
"""Temperatures of every table: every 0.25 °C."""
HEAT_ROWS = 4096
"""Rows of the table from heat to temperature."""


@dataclass(frozen=True)
class Laws:
    """The laws of one tissue. Arrays in and out have one shape."""

    tissue: Tissue

    @classmethod
    def of(cls, tissue: Tissue) -> Laws:
        """The laws of a plan's tissue."""
        return cls(tissue)

    # Heat

    def capacity_j_mm3_k(self, celsius: Floats, dried: Floats) -> Floats:
        """Heat that a volume takes per °C while no water leaves."""
        t = self.tissue
        hot = 1 + (t.hot_capacity_factor - 1) * _ramp(celsius, CAPACITY_FALLS_C, HOT_C)
        dry = (1 - t.water_fraction) * SOLID_SPECIFIC_HEAT_J_KG_K
        return t.density_kg_m3 * 1e-9 * (t.specific_heat_j_kg_k * hot * (1 - dried) + dry * dried)

    @property
    def latent_j_mm3(self) -> float:
        """Heat that boils all the water of a volume off."""
        return self.tissue.density_kg_m3 * self.tissue.water_fraction * LATENT_J_KG * 1e-9

    @staticmethod
    def dried(peak_c: Floats) -> Floats:
        """Fraction of the water that has left tissue that was `peak_c` at most: smooth, as heat flow then is."""
        x = _ramp(peak_c, *BOIL_C)
        return x * x * (3 - 2 * x)

    @cached_property
    def _heats_j_mm3(self) -> Floats:
        """Heat given to tissue that was never hotter, from 0 °C to each of TABLE_C."""
        dried = self.dried(TABLE_C)
        sensible = cumulative_trapezoid(self.capacity_j_mm3_k(TABLE_C, dried), TABLE_C, initial=0.0)
        return sensible + self.latent_j_mm3 * dried

    def heat_since_0_c_j_mm3(self, celsius: Floats) -> Floats:
        """Heat in tissue that was never hotter, steam's included; beyond TABLE_C it goes on straight."""
        beyond = np.maximum(celsius - TABLE_C[-1], 0.0) * self.capacity_j_mm3_k(TABLE_C[-1], np.array(1.0))
        return np.interp(celsius, TABLE_C, self._heats_j_mm3) + beyond

    def enthalpy_j_mm3(self, celsius: Floats) -> Floats:
        """Heat that tissue which was never hotter has taken up since body temperature, steam's included."""
        return self.heat_since_0_c_j_mm3(celsius) - self.heat_since_0_c_j_mm3(np.array(self.tissue.body_c))

    @cached_property
    def heat_step_j_mm3(self) -> float:
        """Heat between two rows of `temperatures_c`, of which row 0 is at 0 °C."""
        return float(self._heats_j_mm3[-1] / (HEAT_ROWS - 1))

    @cached_property
    def temperatures_c(self) -> Floats:
        """The inverse of `enthalpy_j_mm3`, by heat taken up since 0 °C in steps of `heat_step_j_mm3`, (HEAT_ROWS,)."""
        return np.interp(np.arange(HEAT_ROWS) * self.heat_step_j_mm3, self._heats_j_mm3, TABLE_C)

    def temperature_c(self, heat_since_0_c_j_mm3: Floats) -> Floats:
        """Of tissue that was never hotter, by the table; beyond it straight."""
        rows = heat_since_0_c_j_mm3 / self.heat_step_j_mm3
        slope = self.temperatures_c[-1] - self.temperatures_c[-2]
        beyond = np.maximum(rows - (HEAT_ROWS - 1), 0.0) * slope
        return np.interp(rows, np.arange(HEAT_ROWS), self.temperatures_c) + beyond

    def conductivity_w_mm_k(self, celsius: Floats, dried: Floats) -> Floats:
        """Of tissue that has lost the fraction `dried` of its water."""
        t = self.tissue
        hot = (t.hot_conductivity_factor - 1) * _ramp(celsius, CONDUCTIVITY_RISES_C, HOT_C)
        steam = (t.boiling_conductivity_factor - t.hot_conductivity_factor) * _ramp(celsius, HOT_C, STEAM_C)
        wet = t.conductivity_w_m_k * (1 + hot + steam)
        return 1e-3 * (wet + (t.dry_conductivity_w_m_k - wet) * dried)

    # Blood

    def perfusion_factor(self, celsius: Floats) -> Floats:
        """Of normal tissue, 1 at body temperature; in a tumour it stays 1: TOBEJ 5:47. Stasis, e^(−Ω), comes on top."""
        return 1 + (self.tissue.warm_perfusion_factor - 1) * _ramp(celsius, *WARM_C)

    # Light

    @property
    def absorption_per_cm(self) -> Floats:
        """µa of native, coagulated and dry tissue, (3,)."""
        t = self.tissue
        return t.absorption_per_cm * np.array([1.0, t.coagulated_absorption_factor, t.dry_absorption_factor])

    @property
    def reduced_scattering_per_cm(self) -> Floats:
        """µs' of native, coagulated and dry tissue, (3,)."""
        t = self.tissue
        return t.reduced_scattering_per_cm * np.array([1.0, t.coagulated_scattering_factor, t.dry_scattering_factor])

    @staticmethod
    def mixed(three: Floats, coagulated: Floats, dried: Floats) -> Floats:
        """A property of tissue that is partly coagulated (1 − e^(−Ω)) and partly dried, from its three pure values."""
        native, cooked, dry = three
        return (native + (cooked - native) * coagulated) * (1 - dried) + dry * dried

    def char_fraction(self, thickness_um: float) -> float:
        """Share of the light that a layer of char on the fibre's tip keeps: Beer's law."""
        return float(1 - np.exp(-self.tissue.char_absorption_per_mm * thickness_um * 1e-3))


def _ramp(x: Floats, start: float, end: float) -> Floats:
    """0 up to `start`, 1 from `end` on, straight in between."""
    return np.clip((np.asarray(x, float) - start) / (end - start), 0.0, 1.0)
