"""`make hil`: what its checks say of good and bad benches, and the whole against a served device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from host.command import environment, start
from host.plans import PLANS

from imilt_sim.hil import board_checks
from imilt_sim.loop_back import FAULTS, difference

GOOD = [
    ["registers", "0", "7", "1107c03c000a00000000"],
    ["conversion", "0", "180", "0"],
    ["junctions", "0", "24100", "24000"],
    ["power", "2000", "2050"],
    ["dark-duty", "5"],
    ["dark-enable", "240"],
    ["end"],
]


def test_a_good_board_passes() -> None:
    assert [check.what for check in board_checks(GOOD) if not check.holds] == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (["registers", "0", "7", "0007c03c000a00000000"], "converter 0, type 7: registers"),
        (["conversion", "0", "60", "0"], "converter 0: conversion, ms"),
        (["conversion", "1", "180", "5"], "converter 1: status"),
        (["junctions", "0", "28000", "24000"], "converter 0: hot less cold, °C"),
        (["junctions", "0", "60000", "60000"], "converter 0: cold junction, °C"),
        (["power", "2000", "2500"], "light for 2000 mW"),
        (["power", "0", "150"], "light for 0 mW"),
        (["dark-duty", "40"], "duty 0: dark after, ms"),
        (["dark-enable", "300"], "no edge: dark after, ms"),
    ],
)
def test_a_bad_board_is_told(line: list[str], what: str) -> None:
    assert [check.what for check in board_checks([line, ["end"]]) if not check.holds] == [what]


def test_converters_without_a_probe_need_no_result() -> None:
    assert all(check.holds for check in board_checks([["conversion", "3", "400", "2"], ["end"]]))


def test_a_script_that_broke_off_is_told() -> None:
    assert [check.measured for check in board_checks(GOOD[:-1]) if not check.holds] == ["broke off"]
    assert [check.holds for check in board_checks([])] == [False]


def test_decisions_are_compared_cell_by_cell_and_by_length() -> None:
    rows = [(2, 1, 0, 50, 50, 1, 100, 0), (2, 1, 0, 100, 100, 1, 200, 0)]
    assert difference(rows, rows) == ""
    other = [rows[0], (2, 1, 0, 100, 99, 1, 200, 0)]
    assert difference(other, rows) == "cycle 1 of heating, allowed_mw: 99 instead of 100"
    assert difference(rows[:1], rows) == "1 cycles instead of 2"


@pytest.mark.slow
def test_a_served_device_passes(tmp_path: Path) -> None:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    with start("serve", PLANS / "loop-back.toml", "--speed", "10", *faults, cwd=tmp_path) as server:
        assert server.stdout
        port = server.stdout.readline().strip()
        command = [sys.executable, "-m", "imilt_sim.hil", port]
        done = subprocess.run(command, cwd=PLANS.parent, env=environment(), capture_output=True, text=True, timeout=120)
        server.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("32 of 32 checks hold\n")


def test_a_port_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imilt_sim.hil", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=PLANS.parent, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr
