"""The cycle in the board's integers: no float and nothing of 2^30 or more, at the extremes of every input."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from support.bench import PLAN, Bench
from support.firmware import Firmware, load
from support.plans import short_plan
from support.ranges import CHECKER, LOCKED, checked_copy, rewrite
from support.stubs import Chip

from imilt.plan import load_plan
from imilt_sim.simulate import Setup, Simulation

RANGES = load("settings").RANGES
limits = load("limits")
LOWEST = {name: low for name, (low, _) in RANGES.items()}
HIGHEST = {name: high for name, (_, high) in RANGES.items()}
ROLES = {f"probe{i}_role": role for i, role in enumerate((1, 2, 3, 4))}
ROLE_LIMITS = {f"probe{i}_limit_mc": limit for i, limit in enumerate((65000, 95000, 50000, 95000))}
FULL_SCALE = (0x7FFFF0, 0x800000, 0x000000, 0xFFFFE0)
"""24 bits of the three result registers: the highest and the lowest code, zero and one below."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checked_copy(tmp_path_factory.mktemp("checked") / "firmware")


@pytest.fixture
def firmware(folder: Path) -> Firmware:
    return Firmware(folder)


def loaded(body: str) -> Any:
    """A function `f(x)` with this body, rewritten as a file of the locked part."""
    source = f'"""."""\ndef f(x):\n{body}\n'
    space: dict[str, Any] = {}
    exec(CHECKER, space)
    exec(rewrite("dose.py", source).replace("from checked import checked\n", ""), space)
    return space["f"]


@pytest.mark.parametrize(
    ("body", "x"),
    [
        ("    return x * 3", 1 << 29),
        ("    return -x", (1 << 30) + 1),
        ("    return ~x", 1 << 30),
        ("    x += 1\n    return x", (1 << 30) - 1),
        ("    return x << 8 >> 8", 1 << 22),
        ("    return x / 2", 4),
        ("    return x > 3", 4.0),
        ("    return 1 if 3 <= x else 0", 1 << 30),
        ("    y = [x]\n    y[0] *= x\n    return y", 1 << 15),
    ],
)
def test_the_checker_catches(body: str, x: float) -> None:
    with pytest.raises(ArithmeticError, match=r"dose\.py:[34]: "):
        loaded(body)(x)


@pytest.mark.parametrize(
    ("body", "x"), [("    return -x", 1 << 30), ("    return x + 1", (1 << 30) - 2), ("    return not x", 4)]
)
def test_the_checker_lets_pass(body: str, x: int) -> None:
    loaded(body)(x)


def test_every_file_of_the_locked_part_is_checked(folder: Path) -> None:
    files = [path for path in sorted(folder.glob("**/*.py")) if str(path.relative_to(folder)).startswith(LOCKED)]
    assert len(files) >= 11
    for path in files:
        arithmetic = " checked(" in path.read_text()
        assert arithmetic or path.name == "usb_serial.py", path


@pytest.mark.parametrize("sr", [0x00, 0xFF])
def test_converter_at_every_extreme(firmware: Firmware, sr: int) -> None:
    answer = bytearray(17)

    class Bus:
        def write(self, data: bytes) -> None: ...
        def write_readinto(self, out: bytes, into: bytearray) -> None:
            into[:] = answer

    module = firmware.load("drivers.max31856")
    chip = module.MAX31856(Bus(), lambda level: None)
    chip.configure(module.TYPE_T)
    answer[:] = bytes.fromhex("00 11 07 00 3C 00 06 E0 00 00 00 00 00 00 00 00 00")
    answer[16] = sr
    for cold, hot in itertools.product((0x7FFC, 0x8000, 0x0000, 0xFFFC), FULL_SCALE):
        answer[11:13], answer[13:16] = cold.to_bytes(2, "big"), hot.to_bytes(3, "big")
        assert chip.read() != module.NO_RESPONSE
    assert chip.tc_mc == -8
    answer[:] = b"\xff" * 17
    assert chip.read() == module.NO_RESPONSE


def test_laser_and_power_meter_at_every_extreme(firmware: Firmware) -> None:
    bench = Bench(firmware)
    for mw in (-(1 << 30), 0, 1, 24999, 25000, 25001, (1 << 30) - 1):
        bench.board.laser.set_mw(mw)
    for bench.board.adc.value in (0, 1, 65535):
        bench.board.power_meter.read_mw()


@pytest.mark.parametrize("mc", [-2048000, 38999, 39000, 42999, 43000, 53999, 54000, 61999, 62000, 2047992])
def test_dose_at_every_extreme(firmware: Firmware, mc: int) -> None:
    dose = firmware.load("dose").Dose()
    for start in (0, (1 << 30) - 2, (1 << 30) - 1):
        dose.umin = start
        for _ in range(300):
            dose.add(mc)


EXTREME_MC = (-2048000, 0, 42000, 50000, 2047992)


@pytest.mark.parametrize("kp", RANGES["kp_mw_per_c"])
@pytest.mark.parametrize("ti", RANGES["ti_ms"])
@pytest.mark.parametrize("feed_forward", RANGES["feed_forward_mw"])
@pytest.mark.parametrize("cap", RANGES["cap_mw"])
def test_control_at_every_extreme(firmware: Firmware, kp: int, ti: int, feed_forward: int, cap: int) -> None:
    settings = firmware.load("settings").Settings()
    settings.kp_mw_per_c, settings.ti_ms, settings.feed_forward_mw, settings.cap_mw = kp, ti, feed_forward, cap
    for settings.set_point_mc in RANGES["set_point_mc"]:
        law = firmware.load("control").Control()
        for control_mc, tip_mc, tip_limit in itertools.product(EXTREME_MC, EXTREME_MC, (41000, 95000)):
            for _ in range(60):
                law.step(settings, control_mc, tip_mc, tip_limit)
    if kp == limits.GAIN_MAX_MW_PER_C:  # times the largest error
        assert max(high for _, high in firmware.load("checked").seen.values()) >= 30000000


def extreme_bench(firmware: Firmware, fields: dict[str, int]) -> Bench:
    """A bench with this plan, whatever it allows, all probes at the plan's own extremes."""
    bench = Bench(firmware)
    fields = PLAN | fields | ROLES
    for i in range(4):
        fields[f"probe{i}_limit_mc"] = min(fields[f"probe{i}_limit_mc"], ROLE_LIMITS[f"probe{i}_limit_mc"])
    fields["feed_forward_mw"] = min(fields["feed_forward_mw"], fields["cap_mw"])
    bench.upload(**fields)
    return bench


@pytest.mark.parametrize("fields", [LOWEST, HIGHEST], ids=["lowest", "highest"])
@pytest.mark.parametrize("adc", [0, 65535])
@pytest.mark.parametrize("hours", [0, 24 * 365])
def test_the_cycle_in_every_state_at_every_extreme(
    firmware: Firmware, fields: dict[str, int], adc: int, hours: int
) -> None:
    """Every state is forced, with counters as after a year of running and clocks and energy at their limits."""
    bench = extreme_bench(firmware, fields)
    app = bench.app
    app.count = hours * 36000
    bench.follow_light = lambda: None  # type: ignore[method-assign]
    for state, mc in itertools.product(range(8), EXTREME_MC):
        for chip in bench.board.chips:
            chip.tc_mc, chip.cj_mc, chip.sr = mc, mc, 0xFF
        app.safety.clear()
        app.treatment.state = state
        app.situation.energy_mj, app.situation.emission_ms = limits.ENERGY_MAX_MJ - 1, limits.EMISSION_MAX_MS - 1
        app.treatment.hold_ms, app.dose.umin = limits.HOLD_MAX_MS - 1, (1 << 30) - 1
        bench.board.adc.value = adc
        for _ in range(12):
            app.control.wanted_mw = app.settings.cap_mw
            app.locked()
            app.count += 1


def test_the_last_minutes_of_the_longest_and_strongest_emission(firmware: Firmware) -> None:
    """At the end of 5400 s and of 27 kJ, at the hard cap, with half as much again delivered."""
    bench = extreme_bench(firmware, HIGHEST)
    app = bench.app
    bench.temperatures(37, 37, 37, 37)
    bench.cycle(20)
    app.treatment.state = firmware.load("treatment").HEATING
    app.situation.emission_ms, app.situation.energy_mj = limits.EMISSION_MAX_MS - 600000, limits.ENERGY_MAX_MJ - 4000000
    bench.board.close("footswitch")
    for _ in range(6020):
        bench.board.deliver_mw(app.allowed_mw * 3 // 2)
        app.locked()
        app.count += 1
    assert app.situation.energy_mj > limits.ENERGY_MAX_MJ - 1000000
    assert app.safety.fault in (41, 42)


def test_readings_age_for_an_hour_without_a_sample(firmware: Firmware) -> None:
    bench = Bench(firmware)
    for chip in bench.board.chips:
        chip.status = firmware.load("drivers.max31856").NOT_READY
    for cycle in range(36000):
        bench.app.sensing.step(cycle % 10)
        bench.app.sensing.trigger(cycle % 10)
    assert max(bench.app.sensing.age) < 1 << 24


def test_a_whole_simulated_treatment(folder: Path, tmp_path: Path) -> None:
    setup = Setup(load_plan(short_plan(tmp_path)), firmware=folder)
    summary = Simulation(setup, tmp_path / "run").run()
    assert summary["end_reason"] == "complete", summary["end_text"]


def test_a_stub_chip_is_enough_for_sensing() -> None:
    """The stub has what sensing uses of the driver."""
    driver = load("drivers.max31856").MAX31856
    assert {name for name in vars(Chip()) if name not in ("status", "log", "tc_type")} <= set(
        vars(driver(None, lambda level: None))
    )
