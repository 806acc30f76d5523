"""`make safe-exit`: every way out of the firmware, on the emulated board, and how long light stays at its pins.

Each event strikes at 20 points of two cycles, in each state, once there is light where there may be; a copy of the
running board is made for each. Time to dark is that of the last light within half a second, so that light that comes
back is seen too. What MicroPython takes as a key while the firmware runs must do nothing: the treatment goes on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from imilt.errors import InputError
from imilt.firmware import firmware_dir
from imilt_sim import world as w
from imilt_sim.levels import check_level
from imilt_sim.on_board import OnBoard, forked
from imilt_sim.pico import filesystem, image
from imilt_sim.pico.chip import NS_PER_MS, Chip
from imilt_sim.pico.pins import Outputs
from imilt_sim.pico.usb import UsbHost

STATES = ("standby", "ready", "heating", "holding")
LIT = ("heating", "holding")
PHASES, SPREAD_MS, WATCHED_MS = 20, 200.0, 500.0
SETTLE_MS = 300.0
GOES_ON = float("inf")
CTRL_C, CTRL_D = b"\x03", b"\x04"
BLACK_OUT_MS = 300


Results = dict[tuple[str, str], list[tuple[float, bool]]]
"""By event and state: how long light stayed, ms, and whether the treatment went on, at each phase."""


class Event(NamedTuple):
    """What strikes, and how long light may stay, ms; GOES_ON: it must change nothing."""

    name: str
    strike: Callable[[OnBoard], None]
    limit_ms: float
    because: str
    interruptible: bool = False
    """On a firmware whose only difference is that Ctrl-C raises an exception wherever it is."""


def _emergency_stop(board: OnBoard) -> None:
    """At the pin alone: not by the contact's other pole, which opens the chain without the firmware."""
    port = board.device.board
    port.inputs &= ~w.EMERGENCY_STOP
    board.device._inputs.take(port)
    board.simulation.world.open(w.EMERGENCY_STOP)


EVENTS = (
    Event("emergency stop, by its interrupt alone", _emergency_stop, 1.0, "an interrupt takes the duty away"),
    Event("exception anywhere", lambda board: board.device.usb.send(CTRL_C), 50.0, "main.py is dark first", True),
    Event("machine.reset", lambda board: board.chip.reset(), 0.1, "pins fall to their pull-downs"),
    Event("hang, then the watchdog", lambda board: board.chip.hang(), 250.0, "the monostable lapses"),
    Event("brown-out", lambda board: board.chip.cut_power(BLACK_OUT_MS), 0.1, "pins fall to their pull-downs"),
    Event("Ctrl-C", lambda board: board.device.usb.send(CTRL_C), GOES_ON, "it is no key while treating"),
    Event("Ctrl-D", lambda board: board.device.usb.send(CTRL_D), GOES_ON, "it is no key while treating"),
)


def interruptible_firmware(folder: Path) -> Path:
    """A copy in which Ctrl-C is an exception, as one may come from anywhere."""
    shutil.copytree(firmware_dir(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    main = folder / "main.py"
    text = main.read_text()
    old = "micropython.kbd_intr(_CTRL_C if service else -1)"
    assert text.count(old) == 1
    main.write_text(text.replace(old, "micropython.kbd_intr(_CTRL_C)"))
    return folder


def struck(board: OnBoard, event: Event, after_ms: float) -> tuple[float, bool]:
    """How long light stayed, ms, and whether the treatment went on: in a copy of the process."""
    state = board.state
    board.run(after_ms)
    event.strike(board)
    lit_ms = board.lit_for_ms(WATCHED_MS)
    return lit_ms, board.state == state


def measure(events: tuple[Event, ...], phases: int, folder: Path, done: Callable[[], None]) -> Results:
    """Results of each event in each state."""
    firmware = interruptible_firmware(folder / "firmware") if events[0].interruptible else None
    found: Results = {}
    with OnBoard(folder / "board", firmware) as board:
        for state in STATES:
            board.reach(state)
            board.run(SETTLE_MS)
            if state in LIT:
                board.reach_light()
            for event, result in _each(board, events, phases):
                found.setdefault((event.name, state), []).append(result)
                done()
    return found


def _each(board: OnBoard, events: tuple[Event, ...], phases: int) -> Iterator[tuple[Event, tuple[float, bool]]]:
    """Each event at each phase, so many copies at once as there are processors."""
    jobs = [(event, SPREAD_MS * n / phases) for event in events for n in range(phases)]
    running: list[tuple[Event, Callable[[], tuple[float, bool]]]] = []
    while jobs or running:
        while jobs and len(running) < (os.cpu_count() or 1):
            event, after_ms = jobs.pop(0)
            running.append((event, forked(lambda event=event, after_ms=after_ms: struck(board, event, after_ms))))
        event, wait = running.pop(0)
        yield event, wait()


def finding() -> dict[str, list[bool]]:
    """Whether PWM of slice 0 and of slice 4 still gives light after Ctrl-D: the image alone, and with our boot.py."""
    return {
        "the official image alone": _after_soft_reset(()),
        "with boot.py": _after_soft_reset(("boot.py", "board.py")),
    }


def _after_soft_reset(files: tuple[str, ...]) -> list[bool]:
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            (Path(folder) / name).write_bytes((firmware_dir() / name).read_bytes())
        chip = Chip(image.get(), filesystem.from_folder(Path(folder)))
    usb = UsbHost(chip, lambda data: None)
    outputs = Outputs(chip, lambda: None)
    chip.run_to(1500 * NS_PER_MS)
    pins = (2, 13)
    # Slices 1 and 6 of the pins that the firmware uses for laser and buzzer.
    for pin in pins:
        usb.send(f"import machine;machine.PWM(machine.Pin({pin}),freq=20000,duty_u16=32768)\r\n".encode())
        chip.run_to(chip.now_ns + 300 * NS_PER_MS)
    assert all(outputs.duty(pin)[0] for pin in pins), "the REPL did not start PWM"
    usb.send(CTRL_D)
    chip.run_to(chip.now_ns + 1500 * NS_PER_MS)
    return [bool(outputs.duty(pin)[0]) for pin in pins]


def verdict(event: Event, results: list[tuple[float, bool]]) -> tuple[str, bool]:
    """Told, and whether it holds."""
    if event.limit_ms == GOES_ON:
        return ("goes on", True) if all(on for _, on in results) else ("did not go on", False)
    worst = max(lit for lit, _ in results)
    return f"{worst:.2f}", worst <= event.limit_ms


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m imilt_sim.safe_exit", description=__doc__)
    parser.add_argument("--phases", type=int, default=PHASES)
    phases = parser.parse_args().phases
    try:
        check_level("rp2040")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    groups = [tuple(e for e in EVENTS if not e.interruptible), tuple(e for e in EVENTS if e.interruptible)]
    found: Results = {}
    with tempfile.TemporaryDirectory() as folder, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("exits", total=len(EVENTS) * len(STATES) * phases)
        for n, group in enumerate(groups):
            found |= measure(group, phases, Path(folder) / str(n), lambda: progress.advance(task))
    table = Table("event", *(f"{state}, ms" for state in STATES), "limit, ms", "because", "")
    all_good = True
    for event in EVENTS:
        told = [verdict(event, found[event.name, state]) for state in STATES]
        good = all(holds for _, holds in told)
        limit = "–" if event.limit_ms == GOES_ON else f"{event.limit_ms:g}"
        table.add_row(event.name, *(text for text, _ in told), limit, event.because, "" if good else "FAILS")
        all_good = all_good and good
    out = Console(width=None if sys.stdout.isatty() else 170)
    out.print(table)
    out.print(f"time from the event to the last light at the pins, worst of {phases} points of two cycles")
    for where, still in finding().items():
        pins = ", ".join(
            f"GPIO {pin} {'still gives PWM or is high' if on else 'dark'}"
            for pin, on in zip((2, 13), still, strict=True)
        )
        out.print(f"Ctrl-D at the REPL, {where}: {pins}")
        all_good = all_good and (where != "with boot.py" or not any(still))
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
