"""Colours, told apart by the colour-blind (after Okabe and Ito), and how numbers are written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

INK, QUIET, RULE, PAPER = "#1b2733", "#5b6b7a", "#d7dee5", "#ffffff"
TRUTH, ALLOWED, DELIVERED = "#1b2733", "#e69f00", "#0072b2"
STATE_FILL = {
    "heating": "#fbe3cf",
    "holding": "#dcecdf",
    "cooling": "#dbe9f6",
    "paused": "#e9e6ef",
    "fault": "#f6d5d5",
    "self-test": "#fdf6d8",
}
"""A state that is not here stays white."""
REASON_FILL = ("#d5dbe1", "#0072b2", "#e69f00", "#d55e00", "#56b4e9", "#009e73", "#cc79a7", "#8c8c8c", "#a65628")
"""Why the power was what it was, in the firmware's order."""
_ROLE_INK = {"control": "#0072b2", "tip": "#d55e00", "guard": "#009e73", "spare": "#b5679a"}
EVENT_INK = {"fault": "#b3261e", "warning": "#b26a00", "alarm": "#b26a00", "operator": "#5e4fa2", "command": "#5b6b7a"}
"""A kind that is not here is drawn quietly."""
URGENCY_INK = {"high": "#b3261e", "medium": "#e69f00", "low": "#a89a2b"}
"""Of alarms; one whose priority is not known is drawn quietly."""
NOTHING = "–"


def role_colours(roles: Iterable[str]) -> list[str]:
    """One colour per probe: its role's, or one that is left where two probes share a role."""
    chosen: list[str] = []
    for role in roles:
        spare = (colour for colour in _ROLE_INK.values() if colour not in chosen)
        own = _ROLE_INK.get(role, QUIET)
        chosen.append(own if own not in chosen else next(spare, QUIET))
    return chosen


def of(palette: Sequence[str], index: int) -> str:
    """A colour of a palette that may be too short."""
    return palette[index] if 0 <= index < len(palette) else QUIET


def amount(value: float | None, unit: str = "", digits: int = 1, sign: bool = False) -> str:
    """A number with its unit, a dash for none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:{'+' if sign else ''},.{digits}f}".replace(",", "\u202f").replace("-", "−")
    return f"{text}\u00a0{unit}" if unit else text


def tie(text: str) -> str:
    """Numbers tied to their units, so that no line ends between them."""
    return re.sub(r"(?<=\d) (?=(?:°C|W|mW|J|kJ|s|min)\b)", "\u00a0", text)


def clock(seconds: float | None) -> str:
    """Minutes and seconds, with hours where there are any."""
    if seconds is None or not math.isfinite(seconds):
        return NOTHING
    whole = int(seconds)
    minutes = f"{whole // 60:d}:{whole % 60:02d}"
    return minutes if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span(seconds: float | None) -> str:
    """A length of time in the unit that suits it."""
    if seconds is None:
        return NOTHING
    return amount(seconds, "s", 1) if seconds < 120 else amount(seconds / 60, "min", 1)


def count(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{number:d} {one if number == 1 else many or one + 's'}"
