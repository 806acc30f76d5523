"""Way in and every way out: boot makes the pins safe, a cycle that fails or hangs ends dark, a restart is standby."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.firmware import Firmware, copy, replace
from support.sim import FIRST_CYCLE_S, Watched, simulate

from imilt.run import Run
from imilt_sim.standins import wiring

WATCHDOG = 3
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
    "act, lit": ("        laser.set_mw(allowed)\n", "+"),
    "act, enabled": ("        self._count_energy(allowed)\n", ""),
    "report": ("        self._report()\n", ""),
    "after the cycle": ("            self._watchdog.feed()\n", ""),
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


def test_boot_makes_both_outputs_plain_and_low() -> None:
    calls = []

    class Machine:
        class Pin:
            OUT = 1

            def __init__(self, *args: int, **kwargs: int) -> None:
                calls.append((*args, kwargs))

    Firmware(modules={"machine": Machine}).load("boot")
    assert calls == [(2, 1, {"value": 0}), (3, 1, {"value": 0})]


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
    power_on = firmware.loaded("vboard").PWRON_RESET
    assert run_main(firmware) == [(0, 0, power_on)] * 2


def test_it_is_dark_before_the_error_is_printed(tmp_path: Path) -> None:
    """Printing can take half a second."""
    lit = "        self.board.laser.set_mw(5000)\n        self.board.laser._enable(1)\n        raise RuntimeError\n"
    printed = []

    def print_exception(error: Exception) -> None:
        printed.append((type(error), firmware.board.pwm_cc, firmware.board.enable_level))

    port = SimpleNamespace(buffer=SimpleNamespace(readinto=len, write=len))
    modules = {"sys": SimpleNamespace(stdin=port, stdout=port, print_exception=print_exception)}
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


def test_a_watchdog_reset_can_be_told_from_others(tmp_path: Path) -> None:
    watched, _ = simulate(tmp_path, firmware=broken(tmp_path / "firmware", "sense", HANG))
    assert watched.reset_cause == WATCHDOG


def check_restart(watched: Watched, run: Run) -> None:
    """It began again in standby, and stayed there; the host says that it restarted."""
    rows = watched.rows()
    _, again = (i for i, row in enumerate(rows) if row["cycle"] == 0)
    assert len(rows) - again > 20
    for row in rows[again:]:
        assert [row[name] for name in ("state", "allowed_mw", "duty_u16", "enable", "fault")] == [0] * 5
    assert watched.world.power_w == 0
    assert run.summary
    assert "restarted" in run.summary["end_text"]


def test_the_watchdog_is_short_and_never_off() -> None:
    firmware = Firmware()
    firmware.load("board").Board().watchdog()
    assert firmware.board.watchdog_ms == 500
    assert firmware.board.watchdog_due_ms == firmware.board.now_ms + 500


def test_pwm_and_enable_are_the_pins_of_boot() -> None:
    assert Firmware().load("pins").OUTPUTS == (wiring.LASER_PWM, wiring.LASER_ENABLE)
