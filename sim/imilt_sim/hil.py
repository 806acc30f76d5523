"""`make hil PORT=…`: the firmware on a board on the bench, its set-point looped back as light, its probes shorted.

First a treatment over the line, whose decisions are compared with the simulator's, cycle by cycle; then, in service,
the drivers on their wires. docs/levels.md shows the wiring. Never with a laser connected.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import serial
from rich.console import Console
from rich.table import Table

from imilt.device import open_port, run_on
from imilt.errors import EXIT_INPUT, EXIT_RUN, InputError, RunError
from imilt.keys import load_keys
from imilt.live import LiveView
from imilt.plan import LoadedPlan, find_plan
from imilt.run import STATES, Run
from imilt.treat import Treatment
from imilt_sim.bench import plan_path
from imilt_sim.hands import address, ask
from imilt_sim.loop_back import Ender, decisions, difference, reference

BOARD_SCRIPT = Path(__file__).with_name("hil_board.py")
PROBES = 2
COLD_C = (5.0, 45.0)
SHORTED_WITHIN_C = 2.0
SUPPLY_MV = (4400, 5500)
LIGHT_FROM_MW, LIGHT_WITHIN = 300, 0.2
DARK_MW = 100
MONOSTABLE_MS, DUTY_MS, STEP_MS = 250, 20, 5
CONVERSION_MS = (100, 205)
# CR0 and MASK to the offset as the driver is to leave them: data sheet 19-7534, with the driver's thresholds.
REGISTERS = "11{type:02x}c03c000a00000000"
TYPE_K, TYPE_T = 3, 7
_OK = 0
_NOT_RESPONDING = 33
_SERVICE_S = 120.0
_SCRIPT_S = 90.0


class Check(NamedTuple):
    what: str
    measured: str
    wanted: str
    holds: bool


class View(LiveView):
    """Watches the treatment and ends it where the plan's point is reached."""

    def __init__(self, loaded: LoadedPlan) -> None:
        super().__init__(loaded.plan)
        self._ender = Ender()

    def frame(self, treatment: Treatment, row: bytes) -> None:
        super().frame(treatment, row)
        self._ender.frame(treatment, row)


def treat(port: str, loaded: LoadedPlan) -> Run:
    """The loop-back treatment on the board; its record."""
    with tempfile.TemporaryDirectory() as folder:
        with open_port(port) as line, View(loaded) as view:
            run_on(line, loaded, Path(folder) / "run", view, load_keys())
        return Run.load(Path(folder) / "run")


def link_checks(run: Run, loaded: LoadedPlan) -> Iterator[Check]:
    """What the record of the treatment shows."""
    cycles, summary = run.cycles, run.summary or {}
    unfelt = summary.get("end_code") == _NOT_RESPONDING
    yield Check("end of the treatment", str(summary.get("end_text")), "control probe does not respond", unfelt)
    yield _exactly("cycles whose rows are missing", cycles.missing, 0)
    yield _exactly("rows that the board dropped", int(cycles["dropped"].max(initial=0)), 0)
    yield _between("supply, mV", cycles["supply_mv"], *SUPPLY_MV)
    for i in range(PROBES):
        _, junction_c = cycles.fresh(i)
        yield _between(f"probe {i}, shorted, °C", junction_c, *COLD_C)
    lit = (cycles["allowed_mw"][:-1] >= LIGHT_FROM_MW) & (cycles["enable"][:-1] == 1)
    # The light is measured at the next cycle's begin.
    given, asked = cycles["delivered_mw"][1:][lit], cycles["allowed_mw"][:-1][lit]
    yield _between("light for what was allowed", given / asked, 1 - LIGHT_WITHIN, 1 + LIGHT_WITHIN)
    dark = (cycles["allowed_mw"][:-1] == 0) & (cycles["state"][:-1] == run.states.index("heating"))
    yield _between("light where none was allowed, mW", cycles["delivered_mw"][1:][dark], 0, DARK_MW)
    board = decisions(run)
    told = difference(board, decisions(reference(loaded, run))) if board else "it never heated"
    yield Check("decisions as on level cpython", told or f"{len(board)} cycles agree", "every cycle", not told)


def _exactly(what: str, measured: int, wanted: int) -> Check:
    return Check(what, str(measured), str(wanted), measured == wanted)


def _between(what: str, values: Any, low: float, high: float) -> Check:
    if not len(values):
        return Check(what, "nothing", f"{low:g} to {high:g}", False)
    least, most = float(np.min(values)), float(np.max(values))
    return Check(what, f"{least:.4g} to {most:.4g}", f"{low:g} to {high:g}", low <= least and most <= high)


def board_checks(lines: list[list[str]]) -> Iterator[Check]:
    """What the script on the board has found: words of each of its lines."""
    for name, *words in lines:
        values = words if name == "registers" else [int(word) for word in words]
        yield from _BOARD_CHECKS[name](values)
    complete = bool(lines) and lines[-1][0] == "end"
    yield Check("script on the board", "ended" if complete else "broke off", "ended", complete)


def _registers(values: list[Any]) -> Iterator[Check]:
    chip, tc_type, found = values
    wanted = REGISTERS.format(type=int(tc_type))
    yield Check(f"converter {chip}, type {tc_type}: registers", found, wanted, found == wanted)


def _conversion(values: list[Any]) -> Iterator[Check]:
    chip, lasted_ms, status = values
    if chip < PROBES:
        yield _between(f"converter {chip}: conversion, ms", [lasted_ms], *CONVERSION_MS)
        yield _exactly(f"converter {chip}: status", status, _OK)


def _junctions(values: list[Any]) -> Iterator[Check]:
    chip, hot_mc, cold_mc = values
    if chip < PROBES:
        yield _between(f"converter {chip}: cold junction, °C", [cold_mc / 1000], *COLD_C)
        off_c = (hot_mc - cold_mc) / 1000
        yield _between(f"converter {chip}: hot less cold, °C", [off_c], -SHORTED_WITHIN_C, SHORTED_WITHIN_C)


def _power(values: list[Any]) -> Iterator[Check]:
    asked_mw, found_mw = values
    margin = max(DARK_MW, LIGHT_WITHIN * asked_mw)
    yield _between(f"light for {asked_mw} mW", [found_mw], asked_mw - margin, asked_mw + margin)


_BOARD_CHECKS: dict[str, Callable[[list[Any]], Iterator[Check]]] = {
    "registers": _registers,
    "conversion": _conversion,
    "junctions": _junctions,
    "power": _power,
    "dark-duty": lambda values: iter([_between("duty 0: dark after, ms", values, 0, DUTY_MS + STEP_MS)]),
    "dark-enable": lambda values: iter([_between("no edge: dark after, ms", values, 0, MONOSTABLE_MS + STEP_MS)]),
    "end": lambda values: iter(()),
}


def run_on_board(port: str) -> list[list[str]]:
    """What `hil_board.py` prints there. Raises RunError if it fails."""
    mpremote = Path(sys.executable).with_name("mpremote")
    command = [str(mpremote), "connect", port, "run", str(BOARD_SCRIPT)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SCRIPT_S)
    except subprocess.TimeoutExpired as error:
        raise RunError(f"{port}: the script on the board did not end within {_SCRIPT_S:g} s") from error
    lines = [line.split(",")[1:] for line in done.stdout.splitlines() if line.startswith("hil,")]
    if done.returncode:
        raise RunError(f"{port}: the script on the board failed: {(done.stderr + done.stdout).strip()[-300:]}")
    return lines


def enter_service(port: str) -> None:
    """Asks for hands, or uses those of a served device, and waits until the board says so. Raises RunError."""
    click.echo("→ close the service contact, then take the power away for a second", err=True)
    if address(port).exists():
        ask(port, "close service")
        ask(port, "power-cut:1")
    wanted, end = b",%d," % STATES.index("service"), time.monotonic() + _SERVICE_S
    while time.monotonic() < end:
        try:
            with serial.Serial(port, timeout=1.0) as line:
                while time.monotonic() < end:
                    words = line.readline().split(b",")
                    if words[0] == b"T" and b"," + words[3] + b"," == wanted:
                        return
        except (serial.SerialException, OSError, IndexError):
            time.sleep(0.5)  # a board without power has no port
    raise RunError(f"{port}: the board is not in service after {_SERVICE_S:g} s")


def leave_service(port: str) -> None:
    if address(port).exists():
        ask(port, "open service")
    mpremote = Path(sys.executable).with_name("mpremote")
    subprocess.run([str(mpremote), "connect", port, "reset"], capture_output=True, timeout=_SCRIPT_S)


def show(checks: list[Check]) -> None:
    table = Table("check", "measured", "wanted", "")
    for check in checks:
        table.add_row(check.what, check.measured, check.wanted, "" if check.holds else "FAILS")
    Console(width=None if sys.stdout.isatty() else 130).print(table)


def hil(port: str) -> bool:
    """Everything; True if every check holds."""
    loaded = find_plan(plan_path("loop-back"))
    checks = list(link_checks(treat(port, loaded), loaded))
    enter_service(port)
    checks += board_checks(run_on_board(port))
    leave_service(port)
    show(checks)
    failed = sum(not check.holds for check in checks)
    click.echo(f"{len(checks) - failed} of {len(checks)} checks hold")
    return not failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m imilt_sim.hil", description=__doc__)
    parser.add_argument("port", help="serial port of the board, e.g. /dev/ttyACM0")
    try:
        return 0 if hil(parser.parse_args().port) else EXIT_RUN
    except (InputError, RunError) as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_INPUT if isinstance(error, InputError) else EXIT_RUN


if __name__ == "__main__":
    sys.exit(main())
