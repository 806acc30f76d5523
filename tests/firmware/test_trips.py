"""Every trip in a simulated treatment: the right fault, latched, and the laser dark in the cycle that saw the cause."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.firmware import load
from support.sim import FIRST_CYCLE_S, Watched, simulate

from imilt.run import Run

faults, reading, limits = load("faults"), load("drivers.reading"), load("limits")
treatment = load("treatment")
HARD_ENDS = {treatment.FAULT}
RESUMABLE_ENDS = {treatment.PAUSED, treatment.COOLING, treatment.COMPLETE}
AT = 30.3  # s: heating at the cap, in the middle of a frame

Evidence = Callable[[Run], Any]


def contact(bit: int) -> Evidence:
    """Open after it was closed: the key is off when the device comes up."""

    def rows(run: Run) -> Any:
        closed = run.cycles["inputs"] & bit != 0
        return np.maximum.accumulate(closed) & ~closed

    return rows


def status(channel: int, value: int) -> Evidence:
    return lambda run: run.cycles[f"status{channel}"] == value


def sampled(channel: int, test: Callable[[Any], Any]) -> Evidence:
    """Rows with a fresh sample of this channel, m°C, that fulfils `test`."""

    def rows(run: Run) -> Any:
        found = np.zeros(len(run.cycles), bool)
        fresh = run.cycles.samples["fresh"] >> channel & 1 == 1
        found[run.cycles.sample_rows] = fresh & test(run.cycles.samples[f"probe{channel}_mc"])
        return found

    return rows


def hot(channel: int, limit_mc: int) -> Evidence:
    return sampled(channel, lambda mc: mc > limit_mc)


def no_sample_for(channel: int, cycles: int) -> Evidence:
    def rows(run: Run) -> Any:
        fresh = sampled(channel, lambda mc: mc == mc)(run)
        last = np.maximum.accumulate(np.where(fresh, np.arange(len(fresh)), 0))
        return (np.arange(len(fresh)) - last > cycles) & (np.arange(len(fresh)) > 100)

    return rows


def over_power(run: Run) -> Any:
    commanded = np.concatenate(([0], run.cycles["allowed_mw"][:-1]))
    return run.cycles["delivered_mw"] > commanded * 3 // 2 + 200


def spent(column: str, limit: int) -> Evidence:
    """What was counted up to the cycle before has reached the limit."""
    return lambda run: np.concatenate(([0], run.cycles[column][:-1])) >= limit


@dataclass(frozen=True)
class Trip:
    fault: int
    evidence: Evidence
    injected: str = ""
    where: int = -1
    edits: tuple[tuple[str, str], ...] = ()


TREATMENT = "[treatment]"
TRIPS = {
    "control too hot": Trip(11, hot(0, 60000), f"offset@{AT}:0,30", 0),
    "tip too hot": Trip(12, hot(1, 95000), f"offset@{AT}:1,60", 1),
    "guard too hot": Trip(13, hot(2, 43000), f"offset@{AT}:2,8", 2),
    "spare too hot": Trip(14, hot(3, 60000), f"offset@{AT}:3,30", 3),
    "energy": Trip(41, spent("energy_mj", 100000), edits=((TREATMENT, TREATMENT + "\nmax_energy_kj = 0.1"),)),
    "emission time": Trip(
        42, spent("emission_ms", 60000), edits=((TREATMENT, TREATMENT + "\nmax_emission_min = 1.0"),)
    ),
    "over-power": Trip(40, over_power, f"over-power@{AT}:2"),
    "emergency stop": Trip(50, contact(1), f"estop@{AT}"),
    "key": Trip(51, contact(2), f"key@{AT}"),
    "remote interlock": Trip(52, contact(4), f"interlock@{AT}"),
    "fibre": Trip(53, contact(8), f"fibre@{AT}"),
}
for _i in range(4):
    TRIPS |= {
        f"probe {_i} open": Trip(20, status(_i, reading.OPEN), f"open@{AT}:{_i}", _i),
        f"probe {_i} short": Trip(21, status(_i, reading.SHORT), f"short@{AT}:{_i}", _i),
        f"probe {_i} leads touch": Trip(22, sampled(_i, lambda mc: mc < 30000), f"shorted-leads@{AT}:{_i}", _i),
        f"probe {_i} out of range": Trip(23, status(_i, reading.LOW), f"offset@{AT}:{_i},-80", _i),
        f"probe {_i} stale": Trip(30, no_sample_for(_i, limits.SAMPLE_MAX_AGE), f"stale@{AT}:{_i}", _i),
        f"probe {_i} absent": Trip(31, status(_i, reading.NO_RESPONSE), f"absent@{AT}:{_i}", _i),
    }


@pytest.mark.parametrize("name", TRIPS)
def test_trip(name: str, tmp_path: Path) -> None:
    trip = TRIPS[name]
    watched, run = simulate(tmp_path, [trip.injected] if trip.injected else [], trip.edits)
    seen = int(np.flatnonzero(trip.evidence(run))[0])
    check_fault(run, trip)
    check_dark(watched, run, seen, trip)
    check_text(run, trip.fault)


def check_fault(run: Run, trip: Trip) -> None:
    assert run.summary
    assert (run.summary["end_reason"], run.summary["end_code"]) == ("fault", trip.fault)
    told = [event for event in run.events if event["kind"] == "fault"]
    assert [(event["fault"], event["where"]) for event in told] == [(trip.fault, trip.where)]


def check_dark(watched: Watched, run: Run, seen: int, trip: Trip) -> None:
    """Lit up to the row that first has the evidence; from that row on no power and no edge, really dark, and within
    its budget paused or ended for good. More light than wanted is looked at twice, and that takes light."""
    cycles, hard = run.cycles, faults.CATALOGUE[trip.fault][1] == faults.HARD
    latched = int(np.flatnonzero(cycles["fault"])[0])
    assert max(cycles["duty_u16"][seen - 10 : seen]) > 0
    assert set(cycles["fault"][latched:]) == {trip.fault}
    assert set(cycles["state"][latched:]) <= (HARD_ENDS if hard else RESUMABLE_ENDS)
    assert latched - seen <= faults.CATALOGUE[trip.fault][3] // 100 + 2
    dark = latched if trip.fault == faults.OVER_POWER else seen
    for column in ("allowed_mw", "duty_u16", "enable"):
        assert not cycles[column][dark:].any(), column
    assert len(cycles) - dark > 20
    within_s = FIRST_CYCLE_S + 0.1 * (dark + 1)
    assert watched.power_from(within_s - 1.1) > 0.2
    assert watched.power_from(within_s) == 0
    assert watched.world.power_w == 0
    assert run.truth
    assert not run.truth["power_w"][run.truth["time_s"] > within_s + 1].any()


def check_text(run: Run, fault: int) -> None:
    """The end tells number, name, value with limit, and remedy."""
    assert run.summary
    text, (name, _, _, _, unit, _, remedy) = run.summary["end_text"], faults.CATALOGUE[fault]
    assert text.startswith(f"fault {fault}: {name}")
    assert text.endswith(remedy.replace(",", ";"))
    figures = re.search(r": (-?[\d.]+) (\S+), limit ([\d.]+) (\S+);", text)
    assert bool(figures) == bool(unit)
    if figures:
        value, limit_ = float(figures[1]), float(figures[3])
        assert figures[2] == figures[4]
        assert value <= limit_ if fault == faults.PROBE_BELOW else value >= limit_


def test_a_released_footswitch_pauses_and_hands_resume(tmp_path: Path) -> None:
    watched, run = simulate(tmp_path, [f"footswitch@{AT}"])
    states = [event["state"] for event in run.events if event["kind"] == "state"]
    assert states == ["self-test", "ready", "heating", "paused", "heating", "holding", "cooling", "complete"]
    assert run.summary
    assert run.summary["end_reason"] == "complete"
    paused = np.flatnonzero(run.in_state("paused"))
    assert paused[0] == round(AT * 10)
    for column in ("allowed_mw", "duty_u16", "enable"):
        assert not run.cycles[column][paused].any()
    dark = [time for time, watts in watched.power if watts == 0 and AT <= time < AT + 0.1]
    assert dark
    slot_s = FIRST_CYCLE_S + 0.1 * paused
    assert not [watts for time, watts in watched.power if slot_s[0] + 0.02 < time < slot_s[-1] and watts]


def test_no_fault_no_trip(tmp_path: Path) -> None:
    watched, run = simulate(tmp_path)
    assert run.summary
    assert run.summary["end_reason"] == "complete", run.summary["end_text"]
    assert not run.cycles["fault"].any()
    assert watched.resets == []
    assert watched.world.power_w == 0
