"""A treatment on a device behind a serial port, real or simulated alike."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import serial

from imilt.errors import InputError, RunError
from imilt.firmware import builds_for
from imilt.folders import new_run
from imilt.keys import load_keys
from imilt.link import default_key
from imilt.live import LiveView
from imilt.outcome import show_outcome
from imilt.plan import LoadedPlan, find_plan
from imilt.record import Recorder
from imilt.report import write_report
from imilt.summary import write_summary
from imilt.treat import PROMPTS, Treatment

_READ_S = 0.05
_SILENCE_S = 3.0
"""Thirty cycles without a byte: the device is gone."""
_GREETING_S = 10.0
"""Before its first row: one that another host has left says nothing for two seconds, and again."""
_NOISE_S = 10.0
"""Reads that bring bytes return sooner, so this many of them take less."""


def open_port(name: str) -> serial.Serial:
    """Open without touching DTR more than the driver must. Raises InputError with what to do."""
    try:
        return serial.Serial(name, timeout=_READ_S, write_timeout=1.0, exclusive=True)
    except (serial.SerialException, ValueError) as error:
        raise InputError(f"--port {name}: cannot be opened: {error}; is it plugged in, and the port free?") from error


class Session:
    """Pumps bytes between a port and a treatment until it ends or the device is gone."""

    def __init__(self, port: serial.Serial, treatment: Treatment) -> None:
        self._port = port
        self._treatment = treatment
        self._interrupts = 0
        self._stopped = False
        self._reads_without_row = 0

    def interrupt(self) -> None:
        """The first asks the device to stop and waits for it; the second leaves at once."""
        self._interrupts += 1

    def run(self) -> None:
        """Until the treatment is over. Raises RunError if the record cannot be kept; the device is told to stop."""
        try:
            while not self._treatment.done:
                self._heed_interrupts()
                self._pump()
            self._write(self._treatment.receive(b""))
        except RunError:
            self._write(self._treatment.last_words())
            raise

    def _heed_interrupts(self) -> None:
        if self._interrupts > 1:
            self._treatment.abandon("left by the user before the device had stopped")
        elif self._interrupts and not self._stopped:
            self._stopped = True
            self._treatment.stop("stopped by the user")

    def _pump(self) -> None:
        """Move what there is, and give up on a device from which no row comes any more."""
        rows = self._treatment.rows
        try:
            data = self._port.read(max(1, self._port.in_waiting))
        except (serial.SerialException, OSError) as error:
            self._treatment.abandon(f"the device disappeared after {self._treatment.time_s:.1f} s: {error}")
            return
        answer = self._treatment.receive(data)
        if data or answer.count(b"\n") > 1:
            self._write(answer)
        self._reads_without_row = 0 if self._treatment.rows > rows else self._reads_without_row + 1
        if self._reads_without_row * _READ_S > self._patience_s(bool(data)):
            what = "sends nothing that this tool understands" if data else "fell silent"
            self._treatment.abandon(f"the device {what} after {self._treatment.time_s:.1f} s")

    def _patience_s(self, noise: bool) -> float:
        if noise:
            return _NOISE_S
        return _SILENCE_S if self._treatment.rows else _GREETING_S

    def _write(self, data: bytes) -> None:
        """A device that takes nothing any more is found out by its silence."""
        with contextlib.suppress(serial.SerialException, OSError):
            self._port.write(data)


def run_on(
    port: serial.Serial,
    loaded: LoadedPlan,
    folder: Path,
    view: LiveView,
    key_of: Callable[[str], bytes] = default_key,
) -> dict[str, Any]:
    """One treatment with its record; returns the summary. `key_of` gives the device's key by its unique id."""
    with Recorder(folder, loaded.source) as recorder:
        treatment = Treatment(loaded.plan, recorder, _prompt, view.frame, builds_for, key_of)
        session = Session(port, treatment)
        before = signal.signal(signal.SIGINT, lambda *_: session.interrupt())
        try:
            session.run()
        finally:
            signal.signal(signal.SIGINT, before)
        recorder.flush()
        facts = {
            "level": "device",
            "seed": None,
            "plan_name": loaded.plan.name,
            "plan_sha256": loaded.sha256,
            "firmware_sha256": treatment.identity.get("manifest"),
        }
        return write_summary(recorder, treatment, facts)


def _prompt(what: str) -> None:
    click.echo(f"→ {PROMPTS[what]}", err=True)


def treat(plan: Path, port_name: str, out: Path | None, as_json: bool) -> dict[str, Any]:
    """`imilt treat`."""
    loaded = find_plan(plan)
    key_of = load_keys()
    with open_port(port_name) as port, LiveView(loaded.plan) as view:
        folder = out or new_run(plan)
        summary = run_on(port, loaded, folder, view, key_of)
    report = write_report(folder)
    if as_json:
        click.echo(json.dumps(summary | {"run": str(folder)}, indent=2, ensure_ascii=False))
    else:
        show_outcome(summary, report)
    return summary
