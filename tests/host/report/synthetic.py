"""Folders of runs that never took place: short, exact, and with every file that a run may have or lack."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from host.fake_device import COLUMNS, PROBE_COLUMNS, STATES
from host.plans import SHORT
from numpy.typing import NDArray

READY, HEATING, HOLDING, COOLING, COMPLETE, PAUSED, FAULT, SELF_TEST = 1, 2, 3, 4, 5, 6, 7, 8


@dataclass(frozen=True)
class Script:
    """A run of the short plan with probes `control` and `guard`. Temperatures in °C, times in s."""

    first_cycle: int = 130
    heating_s: float = 20.0
    hold_s: float = 30.0
    bias_c: float = 2.0
    light_step_c: float = 1.0
    last_state: int = COMPLETE
    summary: dict[str, Any] | None = field(default_factory=dict)
    """Changes to the summary; None for a run that was killed."""
    simulated: bool = True
    plan: str = SHORT
    self_test_s: float = 0.0
    """From the first row on, in place of so much of the time in "ready"."""
    pauses: tuple[tuple[float, float, int], ...] = ()
    """(s from the first row, length in s, reason) of each, in place of heating or holding."""
    told: tuple[dict[str, Any], ...] = ()
    """Events beside those of the states, in order."""


def write_run(folder: Path, script: Script | None = None) -> Path:
    """Write the run's folder and return it."""
    script = script or Script()
    folder.mkdir(parents=True)
    (folder / "plan.toml").write_text(script.plan)
    rows = _rows(script)
    (folder / "cycles.csv").write_bytes(_csv(rows))
    (folder / "events.jsonl").write_bytes(b"".join(line + b"\n" for line in event_lines(_events(script, rows))))
    if script.simulated:
        (folder / "truth.csv").write_text(_truth(script, rows))
        if script.summary is not None:
            np.savez(folder / "tissue.npz", **tissue())  # pyright: ignore[reportArgumentType]
    if script.summary is not None:
        (folder / "summary.json").write_text(json.dumps(_summary(script, rows) | script.summary))
    return folder


def _rows(script: Script) -> dict[str, NDArray[np.int64]]:
    count = round((4 + script.heating_s + script.hold_s + 6) * 10)
    rows = {name: np.zeros(count, np.int64) for name in [*COLUMNS, *PROBE_COLUMNS]}
    time_s = np.arange(count) / 10
    ends = np.cumsum([4.0, script.heating_s, script.hold_s, 4.0])
    rows["cycle"] += script.first_cycle + np.arange(count)
    states = np.array([READY, HEATING, HOLDING, COOLING, script.last_state])
    rows["state"] = states[np.searchsorted(ends, time_s + 1e-9, side="right")]
    rows["state"][time_s < script.self_test_s - 1e-9] = SELF_TEST
    for start_s, length_s, number in script.pauses:
        paused = slice(round(start_s * 10), round((start_s + length_s) * 10))
        rows["state"][paused], rows["end"][paused] = PAUSED, number
    light = (rows["state"] == HEATING) | (rows["state"] == HOLDING)
    rows["reason"] = np.where(light, np.where(rows["state"] == HEATING, 2, 1), 0)
    bright = light & (rows["cycle"] % 10 < 8)
    rows["wanted_mw"], rows["allowed_mw"] = 2000 * light, 2000 * bright
    rows["delivered_mw"] = np.roll(rows["allowed_mw"], 1)
    rows["energy_mj"], rows["emission_ms"] = np.cumsum(200 * bright), np.cumsum(100 * light)
    rows["hold_ms"] = np.cumsum(100 * (rows["state"] == HOLDING))
    _probes(script, rows, light)
    return rows


def _probes(script: Script, rows: dict[str, NDArray[np.int64]], light: NDArray[np.bool_]) -> None:
    dark = rows["cycle"] % 10 == 0
    believed_c = site_c(script, rows) + script.bias_c * light
    rows["fresh"] = 3 * (rows["cycle"] % 2 == 0)
    rows["probe0_mc"] = np.round(1000 * (believed_c + script.light_step_c * (light & ~dark))).astype(np.int64)
    rows["probe1_mc"] += 38_000
    rows["status2"] += 1
    rows["status3"] += 1
    last = np.maximum.accumulate(np.where(dark, np.arange(len(dark)), -1))
    rows["control_mc"] = np.where(last < 0, 0, rows["probe0_mc"][last])
    rows["control_age_cycles"] = np.where(last < 0, 9999, np.arange(len(dark)) - last)
    rows["cem43_control_umin"] = np.cumsum(light * 1e6 / 600 * 2 ** (rows["control_mc"] / 1000 - 43)).astype(np.int64)


def site_c(script: Script, rows: dict[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    """The tissue at the control probe: from 37 °C up to what the bias leaves of 46 °C."""
    share = np.minimum(rows["emission_ms"] / 1000 / script.heating_s, 1.0)
    return 37 + (46 - script.bias_c - 37) * share


def _csv(rows: dict[str, NDArray[np.int64]]) -> bytes:
    table = np.stack([rows[name] for name in (*COLUMNS, *PROBE_COLUMNS)], axis=1).tolist()
    sampled = rows["fresh"] > 0
    empty = [""] * len(PROBE_COLUMNS)
    whole = [row if fresh else row[: len(COLUMNS)] + empty for row, fresh in zip(table, sampled, strict=True)]
    return "".join(",".join(map(str, row)) + "\n" for row in [[*COLUMNS, *PROBE_COLUMNS], *whole]).encode()


def _events(script: Script, rows: dict[str, NDArray[np.int64]]) -> list[dict[str, Any]]:
    changes = [0, *(np.flatnonzero(np.diff(rows["state"])) + 1)]
    events = [{"time_s": script.first_cycle / 10, "kind": "command", "text": "plan begin"}]
    for i in changes:
        name, cycle = STATES[rows["state"][i]], int(rows["cycle"][i])
        events.append({"time_s": cycle / 10, "kind": "state", "text": name, "state": name, "cycle": cycle})
    return sorted([*events, *script.told], key=lambda event: event["time_s"])


def alarm(time_s: float, number: int, on: bool, name: str = "", priority: int = 2) -> dict[str, Any]:
    """The event of an alarm, so many s after the default first row."""
    cycle = Script.first_cycle + round(time_s * 10)
    text = f"{name} {'on' if on else 'off'}"
    numbers = {"cycle": cycle, "alarm": number, "priority": priority, "on": int(on), "silenced": 0}
    return {"time_s": cycle / 10, "kind": "alarm", "text": text, **numbers, "name": name}


def fault(time_s: float, number: int, name: str) -> dict[str, Any]:
    """The event of a fault, so many s after the default first row."""
    cycle = Script.first_cycle + round(time_s * 10)
    text = f"fault {number}: {name}; check it"
    return {"time_s": cycle / 10, "kind": "fault", "text": text, "cycle": cycle, "fault": number, "name": name}


def event_lines(events: list[dict[str, Any]]) -> list[bytes]:
    """The events as they are written, each carrying the hash of the one before."""
    lines, previous = [], "0" * 64
    for number, event in enumerate(events, 1):
        lines.append(json.dumps({"seq": number, **event, "prev": previous}, ensure_ascii=False).encode())
        previous = hashlib.sha256(lines[-1]).hexdigest()
    return lines


def _truth(script: Script, rows: dict[str, NDArray[np.int64]]) -> str:
    names = "time_s,power_w,tissue_max_c,site0_c,site1_c,junction0_c,junction1_c,cem43_site0_min,cem43_site1_min"
    site = site_c(script, rows)
    dose = np.cumsum(2 ** (site - 43) / 600 * (site > 43))
    seconds = range(9, len(site), 10)
    lines = [f"{(i + 1) / 10},1.6,61.5,{site[i]:.4f},37.5,{site[i]:.4f},37.5,{dose[i]:.4f},0.1" for i in seconds]
    return "\n".join([names, *lines]) + "\n"


def tissue() -> dict[str, NDArray[np.float64]]:
    """Fields that depend on the distance from the origin alone: 60 °C there, 1.5 °C less every mm."""
    r_mm, z_mm = np.linspace(0.1, 25, 80), np.linspace(-30, 30, 130)
    distance = np.hypot.outer(r_mm, z_mm)
    temperature = np.maximum(60 - 1.5 * distance, 37)
    return {
        "r_mm": r_mm,
        "z_mm": z_mm,
        "temperature_c": temperature,
        "peak_c": temperature,
        "cem43_min": 10 ** (4 - distance / 3),
        "omega_skin": 10 ** (1 - distance / 3),
        "omega_bhk": 10 ** (2 - distance / 3),
    }


def _summary(script: Script, rows: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
    true = {
        "true_control_mean_c": 46.0 - script.bias_c,
        "true_control_sd_c": 0.05,
        "true_overshoot_c": None,
        "true_hold_s": 0.0 if script.bias_c > 1 else script.hold_s,
        "true_cem43_control_min": 1.0,
        "tissue_max_c": 61.5,
        "ablated_volume_mm3": 271.7,
        "cem43_240_volume_mm3": 787.5,
    }
    return {
        "schema": 1,
        "end_reason": "complete",
        "end_code": 1,
        "end_text": "the hold was completed",
        "level": "cpython" if script.simulated else "device",
        "seed": 7 if script.simulated else None,
        "plan_name": "Short",
        "plan_sha256": hashlib.sha256(script.plan.encode()).hexdigest(),
        "firmware_sha256": "f" * 64,
        "trace_sha256": "7" * 64,
        "duration_s": len(rows["cycle"]) / 10,
        "heating_s": script.heating_s,
        "hold_s": script.hold_s,
        "emission_s": script.heating_s + script.hold_s,
        "energy_j": float(rows["energy_mj"][-1]) / 1000,
        "control_mean_c": 46.0,
        "control_sd_c": 0.1,
        "overshoot_c": 0.2,
        "cem43_control_min": 4.0,
        "dropped_rows": 0,
        "missing_rows": 0,
        **(true if script.simulated else dict.fromkeys(true)),
    }
