"""What has a beginning and an end in a run beside the treatment's states: pauses, self-tests and alarms.

Times are in s on the clock of the rows. What still lasts when the record ends, ends with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from imilt.run import Run, segments
from imilt.telemetry import PAUSED_BY_HOST, PRIORITIES

PASSED = "passed"
_RESUMED = {"heating": "resumed", "cooling": "stopped", "fault": "ended by a fault"}
_RECORD_ENDS = "the record ends"


class Episode(NamedTuple):
    """`number` is that of the fault catalogue, 0 where there is none; `ended` says how it went on."""

    start_s: float
    end_s: float
    number: int
    text: str
    ended: str = ""
    urgency: str = ""

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


def pauses(run: Run) -> list[Episode]:
    """Every pause with its reason; by the rows, so that a killed run has them too."""
    return [
        Episode(start_s, end_s, number, _why_paused(run, number), _RESUMED.get(after, _RECORD_ENDS))
        for start_s, end_s, number, after in _spans(run, "paused")
    ]


def self_tests(run: Run) -> list[Episode]:
    """Every self-test: it has ended as PASSED, or by what stood against it."""
    found = []
    for start_s, end_s, _, after in _spans(run, "self-test"):
        failed = _fault_between(run, start_s, end_s) or ("stopped" if after else _RECORD_ENDS)
        found.append(Episode(start_s, end_s, 0, "self-test", PASSED if after == "ready" else failed))
    return found


def alarms(run: Run) -> list[Episode]:
    """Every time that an alarm was on, as they came. One that was on before the host came is known by the rows alone,
    where it was the most urgent, and has no name."""
    events = [event for event in _alarm_events(run) if event["alarm"]]
    named = {event["alarm"] for event in events}
    unnamed = [
        Episode(_time_s(run, first), _time_s(run, after), number, f"alarm {number}")
        for first, after, number in segments(run.cycles["alarm"])
        if number and number not in named
    ]
    return sorted([*_paired(run, events), *unnamed])


def sound_pauses(run: Run) -> list[Episode]:
    """Every time that the alarms' sound was paused."""
    return sorted(_paired(run, (event for event in _alarm_events(run) if not event["alarm"])))


def _alarm_events(run: Run) -> list[dict[str, Any]]:
    """In the order of their cycles: a line that was sent again is late."""
    needed = ("cycle", "alarm", "priority", "on")
    events = [event for event in run.events if event.get("kind") == "alarm"]
    whole = [event for event in events if all(isinstance(event.get(name), int) for name in needed)]
    return sorted(whole, key=lambda event: event["cycle"])


def _paired(run: Run, events: Iterable[dict[str, Any]]) -> Iterator[Episode]:
    """From each event that switches on to the next of its number that switches off."""
    begun: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["on"]:
            begun.setdefault(event["alarm"], event)
        elif event["alarm"] in begun:
            yield _alarm(run, begun.pop(event["alarm"]), run.cycle_time_s(event["cycle"]))
    for event in begun.values():
        yield _alarm(run, event, run.cycles.duration_s)


def _alarm(run: Run, event: dict[str, Any], end_s: float) -> Episode:
    name = str(event.get("name") or f"alarm {event['alarm']}")
    urgency = dict(enumerate(PRIORITIES)).get(event["priority"], "")
    start_s = min(run.cycle_time_s(event["cycle"]), end_s)
    return Episode(start_s, end_s, event["alarm"], name, urgency=urgency)


def _spans(run: Run, state: str) -> Iterator[tuple[float, float, int, str]]:
    """(from, until, reason told there, state after it) of each time in a state."""
    for first, after, code in segments(run.cycles["state"]):
        if _name(run, code) == state:
            next_state = _name(run, int(run.cycles["state"][after])) if after < len(run.cycles) else ""
            yield _time_s(run, first), _time_s(run, after), int(run.cycles["end"][first]), next_state


def _time_s(run: Run, row: int) -> float:
    return float(run.cycles.time_s[row]) if row < len(run.cycles) else run.cycles.duration_s


def _name(run: Run, state: int) -> str:
    return run.states[state] if 0 <= state < len(run.states) else ""


def _why_paused(run: Run, number: int) -> str:
    if number == PAUSED_BY_HOST:
        return "asked for by the host"
    told = (event for event in run.events if event.get("kind") == "fault" and event.get("fault") == number)
    return next((str(event["name"]) for event in told if event.get("name")), f"fault {number}")


def _fault_between(run: Run, start_s: float, end_s: float) -> str:
    """The text of the first fault told in a time, or in the second after it: its line follows the state's."""
    for event in run.events:
        time_s = run.event_time_s(event)
        if event.get("kind") == "fault" and time_s is not None and start_s <= time_s <= end_s + 1:
            return str(event.get("text", ""))
    return ""
