"""The key figures as cards: what the firmware believed beside what was true in the tissue, and how far they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imilt.report.figures import number
from imilt.report.look import NOTHING, amount, span

BOILING_C = 100.0
"""Steam and popcorn from about 100 °C (SPIE 1422)."""


@dataclass(frozen=True)
class Card:
    """One key figure. `true` is None where nobody knows it; `matters` if the difference is worth a colour."""

    title: str
    believed: str
    true: str | None = None
    difference: str = ""
    matters: bool = False
    note: str = ""
    off: str = "difference"
    """What `difference` says."""


def pairs(values: dict[str, Any]) -> list[Card]:
    """Believed by the firmware and true in the tissue, side by side."""
    return [
        _celsius(values, "Control probe, mean", "control_mean_c", 0.3),
        _hold(values),
        _dose(values),
        _celsius(values, "Overshoot", "overshoot_c", 0.3),
        _celsius(values, "Control probe, SD", "control_sd_c", 0.2),
    ]


def _both(values: dict[str, Any], name: str) -> tuple[float | None, float | None]:
    return number(values, name), number(values, f"true_{name}")


def _truth_known(values: dict[str, Any]) -> bool:
    return any(name.startswith("true_") and value is not None for name, value in values.items())


def _celsius(values: dict[str, Any], title: str, name: str, matters_c: float) -> Card:
    believed, true = _both(values, name)
    shown = amount(true, "°C", 2) if _truth_known(values) else None
    if believed is None or true is None:
        never = "the tissue never came into the band" if shown and believed is not None else ""
        return Card(title, amount(believed, "°C", 2), shown, note=never)
    off = believed - true
    return Card(title, amount(believed, "°C", 2), shown, amount(-off, "°C", 2, sign=True), abs(off) >= matters_c)


def _hold(values: dict[str, Any]) -> Card:
    believed, true = _both(values, "hold_s")
    shown = amount(_minutes(true), "min") if _truth_known(values) else None
    if believed is None or true is None:
        return Card("Time within tolerance", amount(_minutes(believed), "min"), shown)
    off = (true - believed) / 60
    return Card(
        "Time within tolerance", amount(believed / 60, "min"), shown, amount(off, "min", sign=True), abs(off) >= 1
    )


def _dose(values: dict[str, Any]) -> Card:
    believed, true = _both(values, "cem43_control_min")
    shown = amount(true, "min", 0 if (true or 0) >= 10 else 1) if _truth_known(values) else None
    text = amount(believed, "min", 0 if (believed or 0) >= 10 else 1)
    if not believed or true is None:
        return Card("Dose, CEM43", text, shown)
    share = true / believed
    return Card("Dose, CEM43", text, shown, f"{100 * share:.0f} %", not 0.85 <= share <= 1.15, off="the tissue got")


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def singles(values: dict[str, Any]) -> list[Card]:
    """Figures that stand alone; those of the tissue only where there are any."""
    hottest = number(values, "tissue_max_c")
    energy = number(values, "energy_j")
    cards = [
        Card("Until the set-point", span(number(values, "heating_s")), note="start of light to the tolerance band"),
        Card("Energy", amount(None if energy is None else energy / 1000, "kJ", 2), note=_mean_power(values)),
        Card(
            "Hottest tissue",
            amount(hottest, "°C"),
            matters=bool(hottest and hottest > BOILING_C),
            note="anywhere, at any time",
        ),
        Card("Ablated volume", _volume(values, "ablated_volume_mm3"), note="damage Ω ≥ 1, skin set"),
        Card("240 CEM43 volume", _volume(values, "cem43_240_volume_mm3"), note="tissue with the full dose"),
        Card("Duration", span(number(values, "duration_s")), note=f"light for {span(number(values, 'emission_s'))}"),
    ]
    return [card for card in cards if card.believed != NOTHING or card.title == "Until the set-point"]


def _mean_power(values: dict[str, Any]) -> str:
    energy, emission = number(values, "energy_j"), number(values, "emission_s")
    return f"{amount(energy / emission, 'W', 2)} on average" if energy and emission else ""


def _volume(values: dict[str, Any], name: str) -> str:
    volume = number(values, name)
    return amount(None if volume is None else volume / 1000, "cm³", 2)
