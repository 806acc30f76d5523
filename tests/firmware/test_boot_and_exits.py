"""Way in and every way out: boot makes the pins safe, a cycle that fails or hangs ends dark, a restart is standby."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.device import run
from support.firmware import Firmware, copy, replace
from support.sim import FIRST_CYCLE_S, Watched, simulate

from imilt.firmware import build
from imilt.run import Run
from imilt_sim.standins import wiring

WATCHDOG = 3
FAULT = 7
RESTARTED = 62
GRID_S = 0.02
CYCLE = 303  # heating at the cap, in the middle of a frame
CYCLE_S = FIRST_CYCLE_S + 0.1 * CYCLE
BREAK = f"1 // ({CYCLE} - self.count)"
HANG = f"time.sleep_ms(5000 if self.count == {CYCLE} else 0)"
# stage: a line of app.py before which, or after which (+), it breaks
STAGES = {
    "take commands": ("        self._take_commands()\n        micropython", ""),
    "sense": ("        self._sense(phase)\n", ""),
    "protect": ("        self.safety.check()\n", ""),
    "decide": ("        self._decide(phase)\n", ""),
    "act": ("        self._act(phase)\n", ""),
    "act, lit": ("            board.laser.set_mw(allowed)\n", "+"),
    "act, enabled": ("        self._account(allowed, emitting and pulse)\n", ""),
    "report": ("        self.report.step()\n", ""),
    "after the cycle": ("                self.watchdog.feed()\n", ""),
}


def broken(folder: Path, stage: str, by: str) -> Path:
    """A copy of the firmware that fails or hangs at this stage of one cycle."""
    line, place = STAGES[stage]
    indent = line[: len(line) - len(line.lstrip())]
    by = by.replace("self.count", "(self.count - 1)") if stage == "after the cycle" else by
    spoiled = f"{line}{indent}{by}\n" if place == "+" else f"{indent}{by}\n{line}"
    return copy(folder, replace("app.py", line, spoiled))


def run_main(firmware: Firmware) -> list[tuple[int, int, int]]:
    """Run boot and main up to the second reset; at each, the PWM's compare value, the enable level and the duty."""
    board = firmware.board
    resets = []

    def reset(cause: int) -> None:
        resets.append((board.pwm_cc, board.enable_level, cause))
        board.off = len(resets) > 1
        raise firmware.loaded("vboard").Reset

    board.reset = reset
    firmware.run()
    return resets


def light_everything(board: Any) -> None:
    """As a soft reset may leave it: the slice halted high, the enable line up."""
    board.pwm_cc, board.pwm_top, board.enable_level = 3000, 6249, 1


def test_boot_makes_every_output_plain_and_low_before_anything_else() -> None:
    did: list[Any] = []

    class Pin:
        OUT = 1

        def __init__(self, number: int, mode: int, value: int) -> None:
            did.append((number, mode, value))

    class Memory:
        def __getitem__(self, address: int) -> int:
            did.append("scratch")
            return 0

    def opened(name: str, mode: str) -> None:
        did.append("flash")
        raise OSError(2)

    firmware = Firmware(modules={"machine": SimpleNamespace(Pin=Pin, mem32=Memory())})
    firmware._builtins["open"] = opened
    firmware.load("boot")
    outputs = firmware.load("board").OUTPUTS
    assert set(outputs) >= {wiring.LASER_PWM, wiring.LASER_ENABLE}
    assert did[: len(outputs)] == [(number, Pin.OUT, 0) for number in outputs]
    assert set(did[len(outputs) :]) == {"scratch", "flash"}


def test_boot_darkens_what_a_soft_reset_left_on() -> None:
    firmware = Firmware()
    light_everything(firmware.board)
    firmware.load("boot")
    assert (firmware.board.pwm_cc, firmware.board.enable_level) == (0, 0)


def test_dark_works_whatever_the_drivers_are_doing() -> None:
    firmware = Firmware()
    board = firmware.load("board")
    board.Board()
    light_everything(firmware.board)
    board.dark()
    assert (firmware.board.pwm_cc, firmware.board.enable_level) == (0, 0)


@pytest.mark.parametrize("error", ["RuntimeError", "MemoryError", "OSError", "KeyboardInterrupt", "SystemExit"])
@pytest.mark.parametrize("where", ["board", "application"])
def test_main_ends_dark_and_resets_whatever_is_raised(where: str, error: str, tmp_path: Path) -> None:
    edits = {
        "board": ("board.py", "        self.serial = USBSerial()\n", f"        enable(1)\n        raise {error}\n"),
        "application": ("app.py", "        self.safety.check()\n", f"        raise {error}\n"),
    }
    firmware = Firmware(copy(tmp_path / "firmware", replace(*edits[where])))
    asked: Any = firmware.loaded("vboard")
    assert run_main(firmware) == [(0, 0, asked.ASKED)] * 2


def test_it_is_dark_before_the_error_is_printed(tmp_path: Path) -> None:
    """Printing can take half a second."""
    lit = "        self.board.laser.set_mw(5000)\n        self.board.laser._enable(1)\n        raise RuntimeError\n"
    printed = []

    def print_exception(error: Exception) -> None:
        printed.append((type(error), firmware.board.pwm_cc, firmware.board.enable_level))

    port = SimpleNamespace(buffer=SimpleNamespace(readinto=len, write=len))
    modules = {"sys": SimpleNamespace(stdin=port, stdout=port, print_exception=print_exception, path=[""])}
    folder = copy(tmp_path / "firmware", replace("app.py", "        self.safety.check()\n", lit))
    firmware = Firmware(folder, modules)
    run_main(firmware)
    assert printed == [(RuntimeError, 0, 0)] * 2


@pytest.mark.parametrize("stage", STAGES)
def test_an_exception_ends_dark_in_the_same_cycle(stage: str, tmp_path: Path) -> None:
    watched, run = simulate(tmp_path, firmware=broken(tmp_path / "firmware", stage, BREAK))
    [reset] = watched.resets
    assert (reset["pwm_cc"], reset["enable"]) == (0, 0)
    assert reset["time_s"] == pytest.approx(CYCLE_S, abs=GRID_S)
    assert watched.power_from(CYCLE_S - GRID_S) > 0.2
    assert watched.power_from(CYCLE_S + GRID_S) == 0
    check_restart(watched, run)


@pytest.mark.parametrize("stage", STAGES)
def test_a_hang_is_dark_after_the_monostable_and_ends_by_the_watchdog(stage: str, tmp_path: Path) -> None:
    watched, run = simulate(tmp_path, firmware=broken(tmp_path / "firmware", stage, HANG))
    reset = watched.resets[0]
    assert reset["cause"] == WATCHDOG
    assert reset["time_s"] == pytest.approx(CYCLE_S - 0.1 + 0.5, abs=GRID_S)  # fed at the end of the cycle before
    edge_s = CYCLE_S if stage in ("act, enabled", "report", "after the cycle") else CYCLE_S - 0.1
    assert watched.power_from(edge_s + 0.25 - GRID_S) > 0.2
    assert watched.power_from(edge_s + 0.25 + GRID_S) == 0
    check_restart(watched, run)


# Service


class Main:
    """main.py between a board and an application that note what it does with them; `raised` ends the application."""

    def __init__(self, raised: BaseException | None = None, held: bool = False, scratch: tuple[int, ...] = (0, 0, 0)):
        self.did: list[Any] = []
        self.scratch = list(scratch)
        self.service: Any = None
        self._raised = raised
        self._held = held

    def run(self) -> list[Any]:
        """What it did, in order. The stub's reset returns, so what was raised comes out after it."""
        board = SimpleNamespace(
            NAME="test",
            Board=lambda: "board",
            dark=lambda: self.did.append("dark"),
            service_held=lambda: self._held,
            scratch_read=self.scratch.__getitem__,
            scratch_write=self.scratch.__setitem__,
        )
        modules = {
            "board": board,
            "machine": SimpleNamespace(reset=lambda: self.did.append("reset")),
            "micropython": SimpleNamespace(
                alloc_emergency_exception_buf=lambda size: None,
                kbd_intr=lambda char: self.did.append(f"Ctrl-C {char}"),
            ),
            "sys": SimpleNamespace(print_exception=lambda error: self.did.append("print")),
            "app": SimpleNamespace(App=self._app),
        }
        with contextlib.suppress(SystemExit):
            Firmware(modules=modules).load("main")
        return self.did

    def _app(self, board: str, name: str, service: bool) -> Any:
        assert (board, name) == ("board", "test")
        self.service = service
        return SimpleNamespace(run=self._run)

    def _run(self) -> None:
        self.did.append("run")
        if self._raised:
            raise self._raised


@pytest.mark.parametrize(
    ("held", "request_", "service"), [(False, 0, False), (True, 0, True), (False, 1, True), (True, 1, True)]
)
def test_service_is_asked_for_at_the_input_or_by_request(held: bool, request_: int, service: bool) -> None:
    main = Main(held=held, scratch=(5, 1, request_))
    did = main.run()
    assert main.service is service
    assert main.scratch == [5, 2, 0], "the fault is kept, the start counted, the request used up"
    assert did[:2] == ["Ctrl-C 3" if service else "Ctrl-C -1", "run"]


@pytest.mark.parametrize("raised", [None, KeyboardInterrupt(), SystemExit(), RuntimeError(), MemoryError()])
def test_outside_of_service_every_way_out_is_dark_and_a_reset(raised: BaseException | None) -> None:
    assert Main(raised).run()[-2:] == ["dark", "reset"]


def test_in_service_ctrl_c_ends_at_the_repl_in_the_dark() -> None:
    """A second Ctrl-C must not come between the first and the dark."""
    assert Main(KeyboardInterrupt(), held=True).run() == ["Ctrl-C 3", "run", "Ctrl-C -1", "dark"]


@pytest.mark.parametrize("raised", [None, SystemExit(), RuntimeError(), MemoryError()])
def test_in_service_every_other_way_out_is_a_reset(raised: BaseException | None) -> None:
    assert Main(raised, held=True).run()[-2:] == ["dark", "reset"]


SERVED = '''"""Test."""
import machine
import time

class App:
    def __init__(self, board, name, service):
        self.board = board
        with open("notes.txt", "a") as file:
            file.write("service " if service else "normal ")

    def run(self):
        self.board.laser.calibrate(((0, 5243), (25000, 65535)))
        self.board.laser.set_mw(5000)
        self.board.laser.pulse_enable()
'''
WAITS = SERVED + "        while True:\n            time.sleep_ms(100)\n"
ASKS_ONCE = (
    SERVED
    + """        time.sleep_ms(100)
        with open("notes.txt") as file:
            if file.read() == "normal ":
                machine.mem32[0x40058014] = 1
        machine.reset()
"""
)
SERVICE_INPUT = 256
LEVELS = pytest.mark.parametrize("level", ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)])


def served(folder: Path, app: str) -> Path:
    build(folder / "flash", source=copy(folder / "firmware", lambda name, text: app if name == "app.py" else text))
    return folder / "flash"


def noted(flash: Path) -> list[str]:
    return (flash / "notes.txt").read_text().split()


def hold(board: Any) -> None:
    board.inputs = SERVICE_INPUT


def look(light: list[int]) -> Callable[[Any], None]:
    """Note the laser's duty."""
    return lambda board: light.append(board.pwm_cc)


def press_ctrl_c(board: Any) -> None:
    board.rx += b"\x03"


def press_ctrl_d(board: Any) -> None:
    board.rx += b"\x04"


@LEVELS
def test_with_the_input_held_ctrl_c_ends_at_a_dark_prompt(tmp_path: Path, level: str) -> None:
    flash = served(tmp_path, WAITS)
    light: list[int] = []
    at = {0: hold, 900: look(light), 1000: press_ctrl_c, 1100: look(light), 4000: look(light)}
    device = run(flash, 5000, level, at)
    assert noted(flash) == ["service"]
    assert b">>> " in device.sent
    assert [value > 0 for value in light] == [True, False, False]


@LEVELS
def test_a_soft_reset_at_the_prompt_starts_anew(tmp_path: Path, level: str) -> None:
    flash = served(tmp_path, WAITS)
    run(flash, 5000, level, {0: hold, 1000: press_ctrl_c, 2000: press_ctrl_d})
    assert noted(flash) == ["service"] * 2


@LEVELS
def test_outside_of_service_ctrl_c_does_nothing(tmp_path: Path, level: str) -> None:
    flash = served(tmp_path, WAITS)
    light: list[int] = []
    device = run(flash, 5000, level, {1000: press_ctrl_c, 2000: hold, 3000: press_ctrl_c, 4000: look(light)})
    assert noted(flash) == ["normal"]
    assert b">>> " not in device.sent
    assert light[0] > 0


@LEVELS
def test_service_that_was_asked_for_lasts_until_the_next_reset(tmp_path: Path, level: str) -> None:
    flash = served(tmp_path, ASKS_ONCE)
    run(flash, 5000, level)
    assert noted(flash) == ["normal", "service", "normal"], "after three starts in vain it stays at the prompt"


def test_a_watchdog_reset_can_be_told_from_others(tmp_path: Path) -> None:
    watched, _ = simulate(tmp_path, firmware=broken(tmp_path / "firmware", "sense", HANG))
    assert watched.reset_cause == WATCHDOG


def check_restart(watched: Watched, run: Run) -> None:
    """It began again dark, with the fault of having been armed, and stayed there; the host says that it restarted."""
    rows = watched.rows()
    _, again = (i for i, row in enumerate(rows) if row["cycle"] == 0)
    assert len(rows) - again > 20
    for row in rows[again:]:
        names = ("state", "allowed_mw", "duty_u16", "enable", "fault")
        assert [row[name] for name in names] == [FAULT, 0, 0, 0, RESTARTED]
    assert watched.world.power_w == 0
    assert run.summary
    assert "restarted" in run.summary["end_text"]


def test_the_watchdog_is_short_and_never_off() -> None:
    firmware = Firmware()
    firmware.load("board").Board().watchdog(500)
    assert firmware.board.watchdog_ms == 500
    assert firmware.board.watchdog_due_ms == firmware.board.now_ms + 500
