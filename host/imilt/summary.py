"""The figures of a run: what the firmware believed, and beside it what was true at the probe's site.

Hold figures are over the state "holding": mean and SD of what the device believed of the control probe's tissue, once a
second. Overshoot is the highest control temperature above the set-point from the first entry into the tolerance band
on. The true twins are the same figures of the undisturbed tissue at the control probe's site.
"""

from __future__ import annotations

import json
import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

import imilt
from imilt.episodes import pauses
from imilt.record import Recorder
from imilt.run import Run
from imilt.telemetry import PAUSED_BY_HOST, fault_text
from imilt.treat import Treatment

SCHEMA = 1
END_COMPLETE = 1
END_STOPPED = 2
END_HOST = 3
"""The host gave up: the device could not be armed, nobody was there, or it restarted."""
_EXPIRED = {PAUSED_BY_HOST: "paused by the host and not resumed", 5: "armed and not started"}


def write_summary(recorder: Recorder, treatment: Treatment, facts: dict[str, Any]) -> dict[str, Any]:
    """Compute the summary from the record as it lies on disk, add `facts`, and write it last."""
    run = Run.load(recorder.folder)
    summary = {
        "schema": SCHEMA,
        **_end(treatment),
        **facts,
        "imilt_version": imilt.__version__,
        "python_version": platform.python_version(),
        "firmware_version": treatment.identity.get("version"),
        "board": treatment.identity.get("board"),
        "trace_sha256": treatment.trace_sha256,
        "missing_rows": treatment.missing_rows,
        "lost_lines": treatment.link.lost_lines,
        "bad_lines": treatment.link.bad_lines,
        "names": {key: treatment.names.get(key, []) for key in ("states", "reasons")},
        **figures(run),
    }
    recorder.write_file("summary.json", json.dumps(summary, indent=2, ensure_ascii=False).encode() + b"\n")
    return summary


def _end(treatment: Treatment) -> dict[str, Any]:
    """Why it ended, as a word, a number and a sentence."""
    if treatment.problem:
        return {"end_reason": "host", "end_code": END_HOST, "end_text": treatment.problem}
    if treatment.end_code in _EXPIRED:
        return {"end_reason": "expired", "end_code": treatment.end_code, "end_text": _EXPIRED[treatment.end_code]}
    if treatment.end_code > END_STOPPED:
        return {"end_reason": "fault", "end_code": treatment.end_code, "end_text": _fault_text(treatment)}
    if treatment.end_code == END_COMPLETE:
        return {"end_reason": "complete", "end_code": END_COMPLETE, "end_text": "the hold was completed"}
    return {"end_reason": "stopped", "end_code": END_STOPPED, "end_text": "stopped by the operator"}


def _fault_text(treatment: Treatment) -> str:
    if treatment.fault_known:
        return fault_text(treatment.fault)
    return f"fault {treatment.end_code}; its details were lost on the line, docs/faults.md names it"


def figures(run: Run) -> dict[str, Any]:
    """Durations, energy and the control figures in pairs; None where the run did not get that far."""
    cycles = run.cycles
    if not len(cycles):
        return {}
    assert run.plan is not None
    channel = run.plan.control_channel
    paused = pauses(run)
    names = ("hold_ms", "emission_ms", "energy_mj", "cem43_control_umin", "dropped")
    last = {name: int(cycles[name][-1]) for name in names}
    return {
        "duration_s": cycles.duration_s,
        "heating_s": _heating_s(run),
        "emission_s": last["emission_ms"] / 1000,
        "energy_j": last["energy_mj"] / 1000,
        "hold_s": last["hold_ms"] / 1000,
        "cem43_control_min": last["cem43_control_umin"] / 1e6,
        "dropped_rows": last["dropped"],
        "paused_s": round(sum(pause.length_s for pause in paused), 3),
        "pauses": [
            {
                "time_s": round(pause.start_s, 3),
                "length_s": round(pause.length_s, 3),
                "code": pause.number,
                "reason": pause.text,
                "ended": pause.ended,
            }
            for pause in paused
        ],
        **_believed(run, channel),
        **(_true(run, channel) if run.truth else {}),
        "probes": [
            {"role": probe.role, "radial_mm": probe.radial_mm, "axial_mm": probe.axial_mm, **_reading(run, i)}
            for i, probe in enumerate(run.plan.probes)
        ],
    }


def _heating_s(run: Run) -> float | None:
    """From the first light to the hold, s."""
    heating, holding = (np.flatnonzero(run.in_state(state)) for state in ("heating", "holding"))
    return float(run.cycles.time_s[holding[0]] - run.cycles.time_s[heating[0]]) if len(holding) else None


def _reading(run: Run, channel: int) -> dict[str, float | None]:
    _, readings = run.cycles.fresh(channel)
    _, dark = run.cycles.fresh(channel, dark=True)
    return {
        "reading_max_c": float(readings.max()) if len(readings) else None,
        "dark_max_c": float(dark.max()) if len(dark) else None,
    }


def _believed(run: Run, channel: int) -> dict[str, float | None]:
    rows, _ = run.cycles.fresh(channel, dark=True)
    believed_c = run.cycles.control_c[rows]
    holding, emitting = run.in_state("holding"), run.in_state("heating", "holding")
    return {
        **_mean_sd("control", believed_c[holding[rows]]),
        "overshoot_c": _overshoot(run, believed_c[emitting[rows]]),
    }


def _true(run: Run, channel: int) -> dict[str, float | None]:
    """The same figures of the tissue itself, second by second."""
    assert run.truth is not None
    assert run.plan is not None
    site_c = run.truth[f"site{channel}_c"]
    holding, emitting = (_seconds(run, *states) for states in (("holding",), ("heating", "holding")))
    held_c = site_c[holding]
    within = np.abs(held_c - run.plan.treatment.set_point_c) <= run.plan.treatment.tolerance_c
    return {
        **_mean_sd("true_control", held_c),
        "true_hold_s": float(within.sum()),
        "true_overshoot_c": _overshoot(run, site_c[emitting]),
        "true_cem43_control_min": float(run.truth[f"cem43_site{channel}_min"][-1]),
    }


def _seconds(run: Run, *states: str) -> NDArray[np.bool_]:
    """Which rows of truth.csv lie in these states."""
    assert run.truth is not None
    rows = np.searchsorted(run.cycles.time_s, run.truth["time_s"]).clip(0, len(run.cycles) - 1)
    return run.in_state(*states)[rows]


def _mean_sd(name: str, values: NDArray[np.float64]) -> dict[str, float | None]:
    if not len(values):
        return {f"{name}_mean_c": None, f"{name}_sd_c": None}
    return {f"{name}_mean_c": float(values.mean()), f"{name}_sd_c": float(values.std())}


def _overshoot(run: Run, values: NDArray[np.float64]) -> float | None:
    """Highest value above the set-point since the first within the band, °C; None if the band was never entered."""
    assert run.plan is not None
    treatment = run.plan.treatment
    entered = np.flatnonzero(values >= treatment.set_point_c - treatment.tolerance_c)
    return float(max(values[entered[0] :].max() - treatment.set_point_c, 0.0)) if len(entered) else None
