"""The cycle in the board's integers: no float and nothing of 2^30 or more, at the extremes of every input."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from support.bench import PLAN, Bench, in_state
from support.firmware import FOLDER, Firmware, load
from support.plans import short_plan
from support.ranges import CHECKER, LOCKED, checked_copy, rewrite
from support.stubs import Chip

from imilt.plan import load_plan
from imilt_sim.simulate import Setup, Simulation

RANGES = load("settings").RANGES
limits = load("limits")
LOWEST = {name: low for name, (low, _) in RANGES.items()}
HIGHEST = {name: high for name, (_, high) in RANGES.items()} | {"fibre": 1}  # a diffuser: it alone may have the cap
ROLES = {f"probe{i}_role": role for i, role in enumerate((1, 2, 3, 4))}
SHARES = {f"share{i}_q10": share for i, share in enumerate((1024, -512, 512, -512, 512, 0, 0, 0))}
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
    """But for one that is only a table."""
    files = [path for path in sorted(folder.glob("**/*.py")) if str(path.relative_to(folder)).startswith(LOCKED)]
    assert len(files) >= len(LOCKED) - 1 + 9
    for path in files:
        assert " checked(" in path.read_text() or path.name == "its90.py", path


def test_of_the_store_only_what_runs_locked_is_checked(folder: Path) -> None:
    text = (folder / "sections.py").read_text()
    begin, end = text.index("def corrected_mc"), text.index("def clamp")
    assert "checked(" in text[begin:end]
    assert "checked(" not in text[end:]


class Registers:
    """The bus of one MAX31856: what is written stays, what is read is there."""

    def __init__(self) -> None:
        self.all = bytearray(16)

    def write(self, data: bytes) -> None:
        first = data[0] & 0x7F
        self.all[first : first + len(data) - 1] = data[1:]

    def write_readinto(self, out: bytes, into: bytearray) -> None:
        into[1:] = self.all


@pytest.mark.parametrize("sr", [0x00, 0xFF])
def test_converter_at_every_extreme(firmware: Firmware, sr: int) -> None:
    bus = Registers()
    module = firmware.load("drivers.max31856")
    chip = module.MAX31856(bus, lambda level: None)
    assert chip.configure(firmware.load("drivers.reading").TYPE_T)
    for cold, hot in itertools.product((0x7FFC, 0x8000, 0x0000, 0xFFFC), FULL_SCALE):
        chip.trigger()
        bus.all[0] &= ~0x40  # the conversion is done
        bus.all[10:12], bus.all[12:15], bus.all[15] = cold.to_bytes(2, "big"), hot.to_bytes(3, "big"), sr
        assert chip.read() == (module.OPEN if sr else module.OK)
    assert (chip.tc_mc, chip.cj_mc) == (-8, -16)
    bus.all[:] = b"\xff" * 16
    assert chip.read() == module.NO_RESPONSE


@pytest.mark.parametrize("letter", "EJKNRST")
def test_the_other_converter_at_every_extreme(firmware: Firmware, letter: str) -> None:
    """Every cold junction at some hot ones, every hot one of a few steps at some cold ones, and every fault."""
    frame = bytearray(4)

    class Bus:
        def init(self, phase: int) -> None: ...
        def write_readinto(self, out: bytes, into: bytearray) -> None:
            into[:] = frame

    reading = firmware.load("drivers.reading")
    chip = firmware.load("drivers.max31855").MAX31855(Bus(), lambda level: None, reading.TYPES.index(letter))
    hot_all = [*range(0, 1 << 14, 37), 0x1FFF, 0x2000, 0x3FFF]
    pairs: list[tuple[int, int]] = list(itertools.product(hot_all, (0, 25 << 4, 60 << 4, 0x7FF, 0x800, 0xFFF)))
    pairs += itertools.product((0, 1, 0x1FFF, 0x2000, 0x3FFF), range(1 << 12))
    for hot, cold in pairs:
        frame[:] = (hot << 18 | cold << 4).to_bytes(4, "big")
        chip.read()
    for hot, fault in itertools.product((0x1FFF, 0x2000), (1, 2, 4)):
        frame[:] = (hot << 18 | 1 << 16 | fault).to_bytes(4, "big")
        assert chip.read() in (reading.OPEN, reading.SHORT_GROUND, reading.SHORT_SUPPLY)


TABLES = [
    [[0, 0], [25000, 65535]],
    [[0, 0], [25000, 24999]],
    [[0, 15537], [25000, 65535]],
    [[0, 0], [1, 1], [25000, 65535]],
    [[0, 0], [24999, 24998], [25000, 65535]],
]


def test_laser_power_meter_and_supply_at_every_extreme(firmware: Firmware) -> None:
    bench = Bench(firmware)
    for table in TABLES:
        bench.board.laser.calibrate(table)
        for mw in (-(1 << 30), 0, 1, 24998, 24999, 25000, 25001, (1 << 30) - 1):
            bench.board.laser.set_mw(mw)
    for bench.board.power_meter.full_scale_mw in (20000, 45000):
        for bench.board.adc.value in (0, 1, 65535):
            bench.board.power_meter.read_mw()
    for bench.board.supply_adc.value in (0, 1, 65535):
        bench.board.supply.read_mv()


@pytest.mark.parametrize("offset_mc", [-5000, 5000])
@pytest.mark.parametrize("slope_ppm", [-20000, 20000])
@pytest.mark.parametrize("quadratic", [-10000, 10000])
def test_calibration_at_every_extreme(firmware: Firmware, offset_mc: int, slope_ppm: int, quadratic: int) -> None:
    corrected_mc = firmware.load("sections").corrected_mc
    for mc in (*EXTREME_MC, -55001, -55000, 45000, 145000, 145001):
        assert abs(corrected_mc(mc, offset_mc, slope_ppm, quadratic) - mc) <= 5000 + 3000 + 2


@pytest.mark.parametrize("first_mw", [0, 1, 3000, 45000])
@pytest.mark.parametrize("later_mw", [0, 1, 45000, (1 << 30) - 1])
def test_after_heat_at_every_extreme(firmware: Firmware, first_mw: int, later_mw: int) -> None:
    """It learns from some frames of one light, goes on in another, and readings leap about all the while."""
    for first_mc, second_mc in itertools.product(EXTREME_MC, EXTREME_MC):
        guard = firmware.load("after_heat").AfterHeat()
        for frame in range(160):
            mc = first_mc if frame % 3 else second_mc
            guard.step(mc, 0 if frame < 10 else first_mw if frame < 80 else later_mw)
            assert guard.rise_mc >= 0


def test_trends_at_every_extreme(firmware: Firmware) -> None:
    bench = Bench(firmware)
    sensing, trends = bench.app.sensing, bench.app.trends
    for mc, mw in itertools.product(EXTREME_MC, (0, 25000)):
        for i in range(4):
            sensing.dark_mc[i], sensing.dark_age[i] = mc, 0
        for _ in range(40):
            trends.light(mw)
        for _ in range(200):
            trends.frame(mw, limits.SET_POINT_MAX_MC)
            sensing.dark_mc[1] = -sensing.dark_mc[1]


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
    fields = PLAN | fields | ROLES | SHARES
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
    app, states = bench.app, len(firmware.load("treatment").STATES)
    app.count = hours * 36000
    bench.follow_light = lambda: None  # type: ignore[method-assign]
    for state, mc, inputs in itertools.product(range(states), EXTREME_MC, (0, 0x1FF)):
        for chip in bench.board.chips:
            chip.tc_mc, chip.cj_mc, chip.sr = mc, mc, 0xFF
            chip.status = 0 if mc else firmware.load("drivers.reading").NO_RESPONSE
        for i, contact in enumerate(bench.board.contacts):
            contact.drive(0 if inputs >> i & 1 else 1)
        app.safety.forget()
        app.treatment.state = state
        app.treatment.cycles_in_state = hours * 36000
        app.situation.energy_mj, app.situation.emission_ms = limits.ENERGY_MAX_MJ - 1, limits.EMISSION_MAX_MS - 1
        app.situation.lease_ms, app.hands.unconfirmed_ms = limits.LEASE_MAX_MS, limits.CONFIRM_MAX_MS
        app.situation.late_ms = 3600000
        app.treatment.hold_ms, app.dose.umin = limits.HOLD_MAX_MS - 1, (1 << 30) - 1
        bench.board.adc.value = bench.board.supply_adc.value = adc
        for _ in range(12):
            app.control.wanted_mw = app.settings.cap_mw
            app.locked()
            app.count += 1
        while app.alarms.take():
            pass


def test_the_last_minutes_of_the_longest_and_strongest_emission(firmware: Firmware) -> None:
    """At the end of 5400 s and of 27 kJ, at the hard cap, with half as much again delivered."""
    bench = extreme_bench(firmware, HIGHEST)
    app = bench.app
    bench.temperatures(37, 37, 37, 37)
    bench.cycle(20)
    bench.board.close("footswitch")
    bench.cycle(20)
    app.safety.forget()
    app.treatment.state = firmware.load("treatment").HEATING
    app.situation.emission_ms, app.situation.energy_mj = limits.EMISSION_MAX_MS - 600000, limits.ENERGY_MAX_MJ - 4000000
    for cycle in range(6060):
        if cycle % 600 == 0:
            bench.temperatures(37 + cycle / 600)  # it responds
        bench.board.deliver_mw(app.allowed_mw * 3 // 2)
        app.situation.lease_ms = 0
        app.locked()
        app.count += 1
    assert app.situation.energy_mj > limits.ENERGY_MAX_MJ - 1000000
    assert app.safety.fault in (41, 42)


def test_readings_age_for_an_hour_without_a_sample(firmware: Firmware) -> None:
    bench = Bench(firmware)
    for chip in bench.board.chips:
        chip.status = firmware.load("drivers.reading").NOT_READY
    for cycle in range(36000):
        bench.app.sensing.step(cycle % 10, cycle % 20 < 10)
        bench.app.sensing.trigger(cycle % 10)
    assert max(bench.app.sensing.age) < 1 << 24


def integers(thing: Any, path: str, found: dict[str, int], seen: set[int]) -> dict[str, int]:
    """Every integer that an object of the firmware holds, by where it is."""
    if type(thing) is int:
        found[path] = thing
    elif isinstance(thing, list):
        for i, part in enumerate(thing):
            integers(part, f"{path}[{i}]", found, seen)
    elif type(thing).__module__ in LOCKED_MODULES and id(thing) not in seen:
        seen.add(id(thing))
        for name, part in vars(thing).items():
            integers(part, f"{path}.{name}", found, seen)
    return found


LOCKED_MODULES = {file.removesuffix(".py").rstrip("/").replace("/", ".") for file in LOCKED}
LOCKED_MODULES |= {f"drivers.{path.stem}" for path in (FOLDER / "drivers").glob("*.py")}
YEAR = 365 * 24 * 36000


@pytest.mark.parametrize("state", ["standby", "complete", "fault", "service"])
def test_no_clock_outgrows_the_board_in_three_years(state: str) -> None:
    """A device that is left on: each count goes by one a cycle, or stops somewhere."""
    bench = in_state(state)
    bench.host_listens = False
    for _ in range(12000):
        bench.app.locked()
        bench.app.count += 1
    before = integers(bench.app, "app", {}, set())
    for _ in range(1000):
        bench.app.locked()
        bench.app.count += 1
    after = integers(bench.app, "app", {}, set())
    assert after["app.count"] - before["app.count"] == 1000
    assert len(before) > 150
    for path, value in after.items():
        grown = abs(value - before[path]) / 1000
        assert abs(value) + 3 * YEAR * grown < 1 << 30, f"{path} grows by {grown} a cycle"


def test_a_whole_simulated_treatment(folder: Path, tmp_path: Path) -> None:
    setup = Setup(load_plan(short_plan(tmp_path)), firmware=folder)
    summary = Simulation(setup, tmp_path / "run").run()
    assert summary["end_reason"] == "complete", summary["end_text"]


def test_a_stub_chip_is_enough_for_sensing() -> None:
    """The stub has what sensing uses of either driver."""
    reading = load("drivers.reading")
    drivers = [
        load("drivers.max31856").MAX31856(None, lambda level: None),
        load("drivers.max31855").MAX31855(None, lambda level: None, reading.TYPE_T),
    ]
    used = {name for name in vars(Chip()) if name not in ("status", "log", "tc_type", "types", "frozen", "on_read")}
    assert used == {"tc_mc", "cj_mc", "sr", "code", "fine"}
    for driver in drivers:
        assert used <= set(vars(driver))
