"""The report's tables: events, probes, reasons, and where everything comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from imilt import episodes
from imilt.report.canvas import DRAWN_EVENTS
from imilt.report.look import EVENT_INK, NOTHING, QUIET, REASON_FILL, URGENCY_INK, amount, clock, of, role_colours, span
from imilt.report.outcome import reason_shares
from imilt.run import Run


class EventRow(NamedTuple):
    clock: str
    kind: str
    colour: str
    text: str


class ProbeRow(NamedTuple):
    channel: int
    colour: str
    role: str
    kind: str
    place: str
    limit: str
    highest_dark: str
    highest: str
    highest_true: str


class ReasonRow(NamedTuple):
    name: str
    colour: str
    of_light: float
    of_hold: float


class SelfTestRow(NamedTuple):
    clock: str
    passed: bool
    text: str


class PauseRow(NamedTuple):
    clock: str
    length: str
    why: str
    ended: str


class AlarmRow(NamedTuple):
    """All times that one alarm was on."""

    number: int
    name: str
    urgency: str
    colour: str
    times: int
    first: str
    length: str


def self_test_rows(run: Run) -> list[SelfTestRow]:
    return [
        SelfTestRow(clock(test.start_s), test.ended == episodes.PASSED, test.ended) for test in episodes.self_tests(run)
    ]


def pause_rows(run: Run) -> list[PauseRow]:
    return [
        PauseRow(clock(pause.start_s), span(pause.length_s), pause.text, pause.ended) for pause in episodes.pauses(run)
    ]


def alarm_rows(run: Run) -> list[AlarmRow]:
    """In the order in which they first came; the pauses of the sound last."""
    by_number: dict[int, list[episodes.Episode]] = {}
    for episode in [*episodes.alarms(run), *episodes.sound_pauses(run)]:
        by_number.setdefault(episode.number, []).append(episode)
    return [
        AlarmRow(
            number,
            found[0].text,
            found[0].urgency or NOTHING,
            URGENCY_INK.get(found[0].urgency, QUIET),
            len(found),
            clock(found[0].start_s),
            span(sum(episode.length_s for episode in found)),
        )
        for number, found in by_number.items()
    ]


def event_rows(run: Run, drawn_only: bool) -> list[EventRow]:
    """The events in order: those that are drawn, or all."""
    events = [event for event in run.events if not drawn_only or event.get("kind") in DRAWN_EVENTS]
    return [_event_row(run, event) for event in events]


def _event_row(run: Run, event: dict[str, Any]) -> EventRow:
    kind = str(event.get("kind", ""))
    return EventRow(clock(run.event_time_s(event)), kind, EVENT_INK.get(kind, QUIET), str(event.get("text", "")))


def probe_rows(run: Run) -> list[ProbeRow]:
    """What each probe is, where, its limit, and the highest it read."""
    if run.plan is None:
        return []
    colours = role_colours(probe.role for probe in run.plan.probes)
    return [
        ProbeRow(
            i,
            colours[i],
            probe.role,
            probe.type,
            f"r {probe.radial_mm:g} mm, z {probe.axial_mm:g} mm".replace("-", "−"),
            amount(probe.over_temperature_c, "°C"),
            _highest(run.cycles.fresh(i, dark=True)[1]),
            _highest(run.cycles.fresh(i)[1]),
            _highest(run.truth[f"site{i}_c"]) if run.truth is not None else NOTHING,
        )
        for i, probe in enumerate(run.plan.probes)
    ]


def _highest(values: Any) -> str:
    return amount(float(np.nanmax(values)), "°C") if len(values) else NOTHING


def reason_rows(run: Run) -> list[ReasonRow]:
    """Why the power was what it was, as shares of the time with light and of the hold."""
    light, hold = dict(reason_shares(run, "heating", "holding")), dict(reason_shares(run, "holding"))
    return [
        ReasonRow(name, of(REASON_FILL, i), 100 * light[name], 100 * hold.get(name, 0.0))
        for i, name in enumerate(run.reasons)
        if name in light
    ]


def reason_key(run: Run) -> list[tuple[str, str]]:
    """Name and colour of every reason that the strip shows."""
    return [(name, of(REASON_FILL, i)) for i, name in enumerate(run.reasons) if (run.cycles["reason"] == i).any()]


def provenance(run: Run) -> list[tuple[str, str]]:
    """Where the run comes from: versions, hashes, level, seed, speed."""
    told = run.summary or {}
    wall = [f"{amount(told['wall_s'], 's')}"] if isinstance(told.get("wall_s"), (int, float)) else []
    if isinstance(told.get("realtime_factor"), (int, float)):
        wall.append(f"{amount(told['realtime_factor'], digits=1)} × real time")
    if isinstance(told.get("startup_s"), (int, float)):
        wall.append(f"start-up {amount(told['startup_s'], 's')}")
    rows = [
        ("Started", told.get("started")),
        ("Level", told.get("level")),
        ("Seed", told.get("seed")),
        ("imilt", told.get("imilt_version")),
        ("Firmware", told.get("firmware_version")),
        ("Python", told.get("python_version")),
        ("Wall time", ", ".join(wall)),
        ("Rows", f"{len(run.cycles)} cycles, {len(run.events)} events"),
        ("Event chain", "intact" if run.chain_ok else f"broken at line {run.broken_line}"),
        ("Plan, SHA-256", told.get("plan_sha256") or run.plan_sha256),
        ("Firmware, SHA-256", told.get("firmware_sha256")),
        ("Trace, SHA-256", told.get("trace_sha256")),
    ]
    return list(_given(rows))


def _given(rows: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, str]]:
    return ((name, str(value)) for name, value in rows if value not in (None, ""))
