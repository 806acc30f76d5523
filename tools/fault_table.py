"""Writes docs/faults.md and docs/states.md from the firmware's catalogue, limits and table of states; `make docs`."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parent.parent
LOAD = runpy.run_path(str(TOP / "tools" / "firmware_modules.py"))["load"]
FAULTS, LIMITS, TREATMENT = LOAD("faults"), LOAD("limits"), LOAD("treatment")

CLASSES = {FAULTS.WARNING: "warning", FAULTS.BARS: "bars", FAULTS.RESUMABLE: "resumable", FAULTS.HARD: "hard"}
PRIORITIES = {0: "-", FAULTS.LOW: "low", FAULTS.MEDIUM: "medium", FAULTS.HIGH: "high"}
ROLES = ("none", "control", "tip", "guard", "spare")
"""By which some limits differ; a fault of `OVER_TEMPERATURE` is of one role."""
IGNORED = "·"

FAULTS_HEAD = f"""# Faults

Written by `make docs` from [`firmware/faults.py`](../firmware/faults.py) and
[`firmware/limits.py`](../firmware/limits.py), which no plan and no command can loosen. What is compared with what
stands in [`firmware/hazards.py`](../firmware/hazards.py).

**Dark first.** While there is evidence of a hard or resumable fault there is no light: duty 0, and no edge that keeps
the enable line open. The class tells what it costs beyond that, and the **budget** how long the evidence may last
before it does. The budget leaks: time with evidence counts double against time without, so that one glitch is forgiven,
and a fault that comes and goes is not. A budget of "none" latches with the first evidence.

| class | what it does while armed | how it ends |
|---|---|---|
| hard | ends the treatment: state "fault", over resets too | the cause is gone, then the key is turned off and on |
| resumable | pauses; before heating, disarms; in cooling, is told | the cause is gone, then start and footswitch |
| bars | stands against arming | by itself |
| warning | is told | by itself |

After {LIMITS.PAUSES_MAX} pauses by faults, the footswitch apart, the next one stops the treatment. While not armed,
evidence of any of them stands against arming, and nothing latches but fault {FAULTS.OVER_POWER}. What store, firmware
and boot find ({FAULTS.STORE_CORRUPT} to {FAULTS.RESTARTED}) stands from power-up on. The alarm priority decides which
lamp and sound, after IEC 60601-1-8 ([`firmware/alarms.py`](../firmware/alarms.py)).

| number | fault | class | budget | alarm | limit | remedy |
|---|---|---|---|---|---|---|
"""

STATES_HEAD = """# States

Written by `make docs` from [`firmware/treatment.py`](../firmware/treatment.py): every event in every state. The cell is
the state that follows; {ignored} means that the event is ignored there. From "service" only a reset leads out. If more
than one event is due in a cycle, the most pressing counts: trip, stop, pause, hinder, then progress.

| event | {states} |
|---|{rule}
"""

FLAGS_HEAD = """
What holds in which state:

| state | light may be wanted | faults act (armed) | emission indicator on |
|---|---|---|---|
"""


def faults_page() -> str:
    """The catalogue, with every limit's figure."""
    rows = []
    for number, (name, kind, alarm, budget_ms, _, limit, remedy) in FAULTS.CATALOGUE.items():
        cells = [name, CLASSES[kind], budget(kind, budget_ms), PRIORITIES[alarm], figures(limit, number), remedy]
        rows.append(f"| {number} | " + " | ".join(cells) + " |\n")
    return FAULTS_HEAD + "".join(rows)


def budget(kind: int, budget_ms: int) -> str:
    if budget_ms:
        return seconds(budget_ms)
    return "none" if kind in (FAULTS.RESUMABLE, FAULTS.HARD) else "-"


def figures(text: str, number: int) -> str:
    """A limit's text with the value at each name of limits.py. Raises AttributeError for one that is not there."""
    role = number - FAULTS.OVER_TEMPERATURE
    return re.sub(r"\b[A-Z]+_[A-Z_]+\b", lambda found: f"{value_of(found[0], role)} (`{found[0]}`)", text)


def value_of(name: str, role: int) -> str:
    """The value of one limit with its unit; one that differs by role, for `role` or else for all."""
    value = getattr(LIMITS, name)
    if not isinstance(value, tuple):
        return with_unit(name, value)
    if 0 < role < len(ROLES):
        return with_unit(name, value[role])
    return ", ".join(f"{with_unit(name, value[i])} {ROLES[i]}" for i in range(1, len(ROLES)))


def with_unit(name: str, value: int) -> str:
    """By the ending of the name, as limits.py has them. Raises ValueError for a name without one."""
    if name.endswith("_MC"):
        return f"{value / 1000:g} °C"
    if name.endswith("_MW"):
        return f"{value / 1000:g} W"
    if name.endswith("_MJ"):
        return f"{value / 1e6:g} kJ"
    if name.endswith("_MV"):
        return f"{value / 1000:g} V"
    if name.endswith("_PERCENT"):
        return f"{value} %"
    if name.endswith("_MS"):
        return seconds(value)
    if name.endswith(("_CYCLES", "_AGE")):
        return f"{value} cycles, {seconds(value * LIMITS.CYCLE_MS)}"
    if name.endswith("_SAMPLES"):
        return f"{value} samples, {seconds(value * LIMITS.SLOT_CYCLES * LIMITS.CYCLE_MS)}"
    raise ValueError(f"limits.{name}: its name ends in no unit that this page knows")


def seconds(ms: int) -> str:
    if ms < 100:
        return f"{ms} ms"
    return f"{ms / 60000:g} min" if ms % 60000 == 0 else f"{ms / 1000:g} s"


def states_page() -> str:
    """Every event in every state, and what holds in each state."""
    states, events = TREATMENT.STATES, TREATMENT.EVENTS
    head = STATES_HEAD.format(ignored=IGNORED, states=" | ".join(states), rule="---|" * len(states))
    rows = []
    for event in range(1, len(events)):
        cells = (target(state, event) for state in range(len(states)))
        rows.append(f"| **{events[event]}** | " + " | ".join(cells) + " |\n")
    return head.rstrip("\n") + "\n" + "".join(rows) + "\n" + meanings() + FLAGS_HEAD + "".join(flags())


def target(state: int, event: int) -> str:
    after = TREATMENT.TABLE[state][event]
    return IGNORED if after == state else TREATMENT.STATES[after]


def meanings() -> str:
    """What each event means, in the words of the source."""
    source = (TOP / "firmware" / "treatment.py").read_text()
    said = dict(re.findall(r"^([A-Z]+) = const\(\d+\)  # (.+)$", source, re.MULTILINE))
    return "".join(f"- **{event}**: {said[event.upper()]}\n" for event in TREATMENT.EVENTS if event.upper() in said)


def flags() -> list[str]:
    rows = []
    for state, name in enumerate(TREATMENT.STATES):
        now = TREATMENT.Treatment(state)
        cells = ("yes" if flag else "-" for flag in (now.emitting(), now.armed(), now.lit()))
        rows.append(f"| {name} | " + " | ".join(cells) + " |\n")
    return rows


PAGES: dict[str, Callable[[], str]] = {"faults.md": faults_page, "states.md": states_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (TOP / "docs" / name).write_text(page())
