"""A port is one file: every board offers the same, keeps off the pins it must not touch, and runs the application.

Each board is built on stubs of its own port, as strict as the port is, with models of its converters on the bus.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import stubs
from support.bench import Bench
from support.firmware import FOLDER, Firmware
from support.sim import require_vm

from imilt.firmware import manifest
from imilt_sim.levels.micropython import vm_path

PICO = FOLDER / "board.py"
ESP32_S3 = FOLDER / "boards" / "esp32_s3.py"
FILES = [PICO, *sorted((FOLDER / "boards").glob("*.py"))]
SLOT_MAX = (1 << 30) - 1
COLD_Q12 = 24 << 12


class Port:
    """One chip with its port of MicroPython: `machine`, what is on its pins, and what a reset leaves of it."""

    forbidden: frozenset[int]
    adc_pins: range
    watts_per_volt: float
    """Of the photodiode's signal at the pin."""
    supply_divider: int
    hard_interrupts: bool

    def __init__(self) -> None:
        self.pins: dict[int, Any] = {}
        self.volts: dict[int, float] = {}
        self.levels: dict[int, Callable[[], int]] = {}
        self.by_select: dict[int, tuple[Any, int]] = {}
        """The converter at each chip select, and the phase of the bus that it needs."""
        self.converters: list[Any] = []
        self.resets = 0
        self.machine = SimpleNamespace(
            Pin=self._pin_class(),
            PWM=self._pwm_class(),
            ADC=self._adc_class(),
            WDT=lambda *, timeout: SimpleNamespace(timeout=timeout),
            unique_id=lambda: bytes(range(6)),
            reset=self._reset,
        )

    def outputs(self) -> set[int]:
        return {number for number, pin in self.pins.items() if pin.mode == 1 or pin.pwm}

    def seen(self, number: int) -> int:
        """What drives the line: the duty of a PWM, the level of an output, or nothing."""
        pin = self.pins[number]
        return pin.pwm.duty if pin.pwm else pin.level if pin.mode == 1 else 0

    def drive(self, number: int, level: int) -> None:
        """An input's line changes."""
        pin = self.pins[number]
        rising = level > pin.level
        pin.level = level
        if rising and pin.handler:
            pin.handler(pin)

    def connect(self, firmware: Firmware, module: Any, board: Any) -> None:
        """Models of the converters that the board has drivers for, at their chip selects."""
        self.world = SimpleNamespace(started=0, conversion_ms=[0] * 4, selected=-1)
        for i, (select, driver) in enumerate(zip(module.CHIP_SELECTS, board.chips, strict=True)):
            if type(driver).__name__ == "MAX31856":
                chip, phase = firmware.load("max31856_chip").Chip(self.world, i), 1
            else:
                chip, phase = firmware.load("max31855_chip").Chip(self.world, i, "K"), 0
            self.by_select[select] = chip, phase
            self.converters.append(chip)

    def convert(self, celsius: list[float]) -> None:
        for chip, c in zip(self.converters, celsius, strict=True):
            chip.finish(round(c * 4096), COLD_Q12, 0)

    def transfer(self, phase: int, out: Any, answer: Any) -> None:
        """To the one chip that is selected, in its own mode of the bus."""
        selected = [select for select in self.by_select if self.pins[select].level == 0]
        if selected:
            [select] = selected
            chip, wanted = self.by_select[select]
            assert phase == wanted
            chip.transfer(bytes(out), answer)

    def restart(self) -> Port:
        """The same chip after a reset by the watchdog or by itself: what outlives that has to be given on."""
        raise NotImplementedError

    def _reset(self) -> None:
        self.resets += 1

    def _irq(self, pin: Any, handler: Any, trigger: int) -> None:
        assert trigger == type(pin).IRQ_RISING
        pin.handler = handler

    def _pin_class(self) -> type:
        port = self

        class Pin:
            IN, OUT, PULL_UP, IRQ_RISING = 0, 1, 2, 4

            def __new__(cls, number: int, mode: int = -1, pull: int = -1, *, value: int = -1) -> Pin:
                return port.pins.setdefault(number, super().__new__(cls))

            def __init__(self, number: int, mode: int = -1, pull: int = -1, *, value: int = -1) -> None:
                if not hasattr(self, "mode"):
                    self.number, self.mode, self.level, self.pwm, self.handler = number, -1, 0, None, None
                if mode == self.OUT:
                    self.pwm = None  # both ports take the pin back from the PWM
                if mode == self.IN:
                    self.level = 1 if pull == self.PULL_UP else 0
                if mode >= 0:
                    self.mode = mode
                if value >= 0:
                    self.level = value

            def __call__(self, value: int | None = None) -> int:
                if value is not None:
                    assert self.mode == self.OUT
                    self.level = value
                return port.levels.get(self.number, lambda: self.level)()

        return Pin

    def _pwm_class(self) -> type:
        class PWM:
            def __init__(self, pin: Any, *, freq: int, duty_u16: int) -> None:
                self.freq, self.duty = freq, duty_u16
                pin.pwm = self

            def duty_u16(self, duty: int) -> None:
                assert 0 <= duty <= 65535
                self.duty = duty

        return PWM

    def _adc_class(self) -> type:
        raise NotImplementedError

    def _bus(self, polarity: int, phase: int) -> Any:
        assert polarity == 0
        bus = SimpleNamespace(phase=phase)
        bus.init = lambda *, phase: setattr(bus, "phase", phase)
        bus.write = lambda out: self.transfer(bus.phase, out, None)
        bus.write_readinto = lambda out, answer: self.transfer(bus.phase, out, answer)
        return bus


class Pico(Port):
    forbidden = frozenset((23, 24, 25))  # the regulator, VBUS and the LED of the board itself
    adc_pins = range(26, 30)
    watts_per_volt = 30 / 3.3
    supply_divider = 3
    hard_interrupts = True

    def __init__(self, registers: dict[int, int] | None = None) -> None:
        super().__init__()
        self.machine.mem32 = {0x4005800C + 4 * i: 0 for i in range(4)} if registers is None else registers
        self.machine.SPI = self._spi

    def restart(self) -> Pico:
        return Pico(self.machine.mem32)

    def _spi(
        self, id: int, *, baudrate: int, polarity: int, phase: int, sck: Any, mosi: Any, miso: Any
    ) -> SimpleNamespace:
        # The function table of the RP2040: SPI0 has these on every eighth pin.
        assert (id, sck.number % 8, mosi.number % 8, miso.number % 8) == (0, 2, 3, 0)
        return self._bus(polarity, phase)

    def _pin_class(self) -> type:
        port = self

        class Pin(super()._pin_class()):
            def irq(self, handler: Any = None, trigger: int = 12, *, hard: bool = False) -> None:
                assert hard
                port._irq(self, handler, trigger)

        return Pin

    def _adc_class(self) -> type:
        port = self

        class ADC:
            def __init__(self, pin: Any) -> None:
                assert pin in port.adc_pins
                self._pin = pin

            def read_u16(self) -> int:
                return min(65535, round(port.volts.get(self._pin, 0) / 3.3 * 65535))

        return ADC


class ESP32S3(Port):
    # Strapping pins, USB, pins that do not exist, flash and PSRAM; and the UART's input, which a bridge may drive.
    forbidden = frozenset((0, 3, 45, 46, 19, 20, 44, *range(22, 38)))
    adc_pins = range(1, 11)  # block 1: the other one is at odds with the radio
    watts_per_volt = 30 / 1.1
    supply_divider = 9
    hard_interrupts = False

    def __init__(self, memory: bytearray | None = None) -> None:
        super().__init__()
        self.memory = bytearray() if memory is None else memory
        self.machine.RTC = lambda: SimpleNamespace(memory=self._rtc_memory)
        self.machine.SoftSPI = self._soft_spi

    def restart(self) -> ESP32S3:
        return ESP32S3(self.memory)

    def connect(self, firmware: Firmware, module: Any, board: Any) -> None:
        super().connect(firmware, module, board)
        self.levels[module.DATA_READY] = lambda: self.converters[0].drdy

    def _rtc_memory(self, data: bytearray | None = None) -> bytes | None:
        if data is None:
            return bytes(self.memory)
        self.memory[:] = data
        return None

    def _soft_spi(self, *, baudrate: int, polarity: int, phase: int, sck: Any, mosi: Any, miso: Any) -> SimpleNamespace:
        assert baudrate < 800000, "from 1/200 of the CPU's clock on, this port forgets about the phase"
        return self._bus(polarity, phase)

    def _pin_class(self) -> type:
        port = self

        class Pin(super()._pin_class()):
            def irq(self, handler: Any = None, trigger: int = 3, wake: Any = None) -> None:
                port._irq(self, handler, trigger)

        return Pin

    def _adc_class(self) -> type:
        port = self

        class ADC:
            ATTN_2_5DB = 1

            def __init__(self, pin: Any, *, atten: int) -> None:
                assert pin.number in port.adc_pins
                assert atten == self.ATTN_2_5DB
                self._pin = pin.number

            def read_uv(self) -> int:
                return min(1250, round(port.volts.get(self._pin, 0) * 1000)) * 1000

        return ADC


PORTS: dict[str, type[Port]] = {"board": Pico, "esp32_s3": ESP32S3}


class Rig:
    """One board file on its port; `start` loads it as after a reset, `build` makes its `Board`."""

    def __init__(self, path: Path) -> None:
        self.name = "board" if path == PICO else f"boards.{path.stem}"
        self.port: Any = PORTS[path.stem]()
        self.start()

    def start(self) -> None:
        self.firmware = Firmware(modules={"machine": self.port.machine})
        # On the device it is `board`, whichever it is.
        self.module = self.firmware._modules["board"] = self.firmware.load(self.name)

    def restart(self) -> None:
        self.port = self.port.restart()
        self.start()

    def build(self) -> Any:
        board = self.module.Board()
        self.port.connect(self.firmware, self.module, board)
        self.light_w(0)
        self.port.volts[self.module.SUPPLY_ADC] = 5 / self.port.supply_divider
        self.close(*stubs.CONTACTS[:5])
        return board

    def light_w(self, watts: float) -> None:
        self.port.volts[self.module.PHOTODIODE_ADC] = watts / self.port.watts_per_volt

    def close(self, *names: str) -> None:
        for name in names:
            self.port.drive(self.module.INPUTS[stubs.CONTACTS.index(name)], 0)

    def open(self, *names: str) -> None:
        for name in names:
            self.port.drive(self.module.INPUTS[stubs.CONTACTS.index(name)], 1)


class BoardBench(Bench):
    """The bench with the real board of a rig in the place of stubs."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.celsius = [37.0] * 4
        board = rig.build()
        board.serial = stubs.Serial()
        board.open, board.close = rig.open, rig.close
        super().__init__(rig.firmware, board)

    @property
    def duty(self) -> int:
        return self.rig.port.seen(self.rig.module.LASER_PWM)

    def follow_light(self) -> None:
        self.rig.light_w(self.app.allowed_mw / 1000 if self.duty else 0)
        self.rig.port.convert([c + self.app.count // 2 % 2 / 128 for c in self.celsius])

    def temperatures(self, *celsius: float) -> None:
        self.celsius[: len(celsius)] = celsius


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(request.param)


# What a board file offers


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), feature_version=(3, 8))


def names(nodes: list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def functions(nodes: list[ast.stmt]) -> dict[str, str]:
    """Public functions and what they take."""
    found = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node.args) for node in found if not node.name.startswith("_")}


def board_class(path: Path) -> ast.ClassDef:
    [found] = [node for node in tree(path).body if isinstance(node, ast.ClassDef) and node.name == "Board"]
    return found


def attributes(path: Path) -> set[str]:
    """What `Board.__init__` puts into place."""
    [init] = [node for node in board_class(path).body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    stores = (node for node in ast.walk(init) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    return {node.attr for node in stores if isinstance(node.value, ast.Name) and node.value.id == "self"}


def test_there_is_more_than_one_board_and_each_has_its_port_here() -> None:
    assert len(FILES) > 1
    assert sorted(PORTS) == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("path", FILES[1:], ids=lambda path: path.stem)
def test_every_board_offers_what_the_pico_offers(path: Path) -> None:
    offered = {name for name in names(tree(PICO).body) if not name.startswith("_")}
    assert offered <= set(names(tree(path).body))
    assert functions(tree(path).body) == functions(tree(PICO).body)
    assert functions(board_class(path).body) == functions(board_class(PICO).body)
    assert attributes(path) == attributes(PICO)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_top_of_the_file_imports_nothing_that_could_be_damaged(path: Path) -> None:
    imported = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"machine", "micropython"}


def test_every_board_has_its_own_name() -> None:
    assert len({Rig(path).module.NAME for path in FILES}) == len(FILES)


def test_the_host_lays_the_asked_for_board_on_the_device() -> None:
    for path in FILES[1:]:
        [file] = [file for file in manifest(board=path.stem).files if "board" in file.name]
        assert (file.name, file.data) == ("/board.py", path.read_bytes())


# Pins


def pins_of(module: Any) -> list[int]:
    """Every pin that the file names, once for each name."""
    groups = [value for name, value in vars(module).items() if name in ("CHIP_SELECTS", "INPUTS", "OUTPUTS")]
    single = ("SPI_SCK", "SPI_MOSI", "SPI_MISO", "PHOTODIODE_ADC", "SUPPLY_ADC", "DATA_READY")
    return [pin for group in groups for pin in group] + [
        getattr(module, name) for name in single if hasattr(module, name)
    ]


def test_no_pin_has_two_jobs_or_one_that_is_not_its_own(rig: Rig) -> None:
    pins = pins_of(rig.module)
    assert len(set(pins)) == len(pins)
    assert not set(pins) & rig.port.forbidden
    assert {rig.module.PHOTODIODE_ADC, rig.module.SUPPLY_ADC} <= set(rig.port.adc_pins)


def test_the_board_touches_the_pins_it_names_and_no_other(rig: Rig) -> None:
    rig.module.Board()
    named = set(pins_of(rig.module))
    assert set(rig.port.pins) <= named
    assert named - set(rig.port.pins) <= {rig.module.PHOTODIODE_ADC, rig.module.SUPPLY_ADC}  # by number on the Pico


def test_importing_it_drives_nothing(rig: Rig) -> None:
    assert rig.port.pins == {}


def test_dark_knows_every_output(rig: Rig) -> None:
    """Chip selects apart, which select at 0 and light nothing."""
    rig.module.Board()
    assert rig.port.outputs() - set(rig.module.CHIP_SELECTS) == set(rig.module.OUTPUTS)


def test_dark_takes_every_output_back_whatever_drives_it(rig: Rig) -> None:
    rig.module.Board()
    for number in rig.module.OUTPUTS:
        pin = rig.port.pins[number]
        pin.level = 1
        if pin.pwm:
            pin.pwm.duty = 65535
        assert rig.port.seen(number) > 0
    rig.module.dark()
    for number in rig.module.OUTPUTS:
        assert rig.port.seen(number) == 0
        assert rig.port.pins[number].pwm is None


def test_dark_works_before_anything_else(rig: Rig) -> None:
    rig.module.dark()
    assert rig.port.outputs() == set(rig.module.OUTPUTS)
    assert {rig.port.seen(number) for number in rig.module.OUTPUTS} == {0}


def test_a_new_board_is_dark(rig: Rig) -> None:
    rig.module.Board()
    assert {rig.port.seen(number) for number in rig.module.OUTPUTS} == {0}


def test_the_service_input_is_read_without_a_board(rig: Rig) -> None:
    assert not rig.module.service_held()
    rig.port.levels[rig.module.SERVICE] = lambda: 0
    assert rig.module.service_held()


# What is behind the pins


def test_the_inputs_stand_in_the_order_of_the_mask(rig: Rig) -> None:
    interlock = rig.firmware.load("drivers.interlock")
    order = sorted(
        ("EMERGENCY_STOP", "KEY", "REMOTE", "FIBRE", "COVER", "FOOTSWITCH", "READY_BUTTON", "SILENCE", "SERVICE"),
        key=lambda name: getattr(interlock, name),
    )
    assert tuple(getattr(rig.module, name) for name in order) == rig.module.INPUTS


@pytest.mark.parametrize("i", range(len(stubs.CONTACTS)))
def test_the_contacts_are_the_bits_of_the_mask_in_order(rig: Rig, i: int) -> None:
    board = rig.build()
    rig.open(*stubs.CONTACTS)
    rig.close(stubs.CONTACTS[i])
    masks = [board.interlock.sample() for _ in range(3)]
    assert masks[-1] == 1 << i


@pytest.mark.parametrize("watts", [0.1, 2, 25])
def test_the_photodiode_is_read_in_watts(rig: Rig, watts: float) -> None:
    board = rig.build()
    rig.light_w(watts)
    assert board.power_meter.read_mw() == pytest.approx(1000 * watts, rel=0.002, abs=15)


@pytest.mark.parametrize("volts", [4.4, 5.0, 5.5])
def test_the_supply_is_read_in_volts(rig: Rig, volts: float) -> None:
    board = rig.build()
    rig.port.volts[rig.module.SUPPLY_ADC] = volts / rig.port.supply_divider
    assert board.supply.read_mv() == pytest.approx(1000 * volts, abs=10)


def test_every_converter_is_read_and_no_two_at_once(rig: Rig) -> None:
    board = rig.build()
    for i, chip in enumerate(board.chips):
        assert chip.configure(3)
        chip.trigger()
        rig.port.convert([30.0 + 10 * j for j in range(4)])
        chip.trigger()
        rig.port.convert([30.0 + 10 * j for j in range(4)])
        assert chip.read() == 0
        assert chip.tc_mc == pytest.approx(30000 + 10000 * i, abs=300)
        assert chip.cj_mc == pytest.approx(24000, abs=100)


def test_a_converter_with_its_data_ready_line_is_believed_only_by_it() -> None:
    rig = Rig(ESP32_S3)
    chip = rig.build().chips[0]
    chip.configure(7)
    statuses = []
    for wire in (rig.port.levels[rig.module.DATA_READY], lambda: 1):
        rig.port.levels[rig.module.DATA_READY] = wire
        chip.trigger()
        rig.port.convert([40.0] * 4)
        statuses.append(chip.read())
    reading = rig.firmware.load("drivers.reading")
    assert statuses == [reading.OK, reading.NOT_READY]


def test_the_watchdog_takes_its_time_in_milliseconds(rig: Rig) -> None:
    assert [rig.module.Board().watchdog(ms).timeout for ms in (500, 8000)] == [500, 8000]


def test_the_unique_id_is_a_text_for_the_line(rig: Rig) -> None:
    assert rig.module.Board().unique_id() == "000102030405"


def test_reset_resets(rig: Rig) -> None:
    rig.module.Board().reset()
    assert rig.port.resets == 1


# Scratch


def test_scratch_is_empty_after_power_up(rig: Rig) -> None:
    assert [rig.module.scratch_read(slot) for slot in range(4)] == [0] * 4


@pytest.mark.parametrize("value", [0, 1, 255, 256, 0x12345678 & SLOT_MAX, SLOT_MAX])
def test_scratch_outlives_a_reset(rig: Rig, value: int) -> None:
    for slot in range(4):
        rig.module.scratch_write(slot, value ^ slot)
    for _ in range(2):
        assert [rig.module.scratch_read(slot) for slot in range(4)] == [value ^ slot for slot in range(4)]
        rig.restart()
    board = rig.module.Board()
    board.scratch_write(2, 7)
    assert [board.scratch_read(slot) for slot in range(4)] == [value, value ^ 1, 7, value ^ 3]


@pytest.mark.parametrize("length", [0, 1, 16, 17, 18])
def test_memory_that_is_not_as_it_was_written_counts_as_empty(length: int) -> None:
    rig = Rig(ESP32_S3)
    rig.module.scratch_write(0, 54)
    rig.port.memory[:] = (rig.port.memory + b"\0")[:length]
    rig.port.memory[:1] = bytes((rig.port.memory[0] ^ 1,)) if length else b""
    rig.restart()
    assert [rig.module.scratch_read(slot) for slot in range(4)] == [0] * 4


def test_every_flipped_bit_of_the_memory_is_noticed() -> None:
    for bit in range(17 * 8):
        rig = Rig(ESP32_S3)
        for slot in range(4):
            rig.module.scratch_write(slot, 54 << 8 * slot & SLOT_MAX)
        rig.port.memory[bit // 8] ^= 1 << bit % 8
        rig.restart()
        assert [rig.module.scratch_read(slot) for slot in range(4)] == [0] * 4, bit


LOCKED = """
import sys


class RTC:
    kept = bytearray(17)

    def memory(self, data=None):
        if data is None:
            return b""
        for i in range(17):
            self.kept[i] = data[i]


class Pin:
    IN = OUT = PULL_UP = IRQ_RISING = 1

    def __init__(self, number, mode=-1, pull=-1):
        self.number = number

    def __call__(self):
        return 0

    def irq(self, handler, trigger):
        self.handler = handler


class ADC:
    ATTN_2_5DB = 1

    def __init__(self, pin, atten):
        pass

    def read_uv(self):
        return 1100000


class Machine:
    pass


Machine.RTC, Machine.Pin, Machine.ADC = RTC, Pin, ADC
sys.modules["machine"] = Machine
import micropython

from boards import esp32_s3 as board

told = bytearray(1)


def opened(contact):
    told[0] += contact is only


only = board._Contact(21)
only.irq(opened, 1, True)
meter = board._Meter(1)
handler = only._pin.handler


def locked():
    micropython.heap_lock()
    for slot in range(4):
        board.scratch_write(slot, 0x3FFFFFFF - slot)
    kept = board.scratch_read(3)
    full = meter.read_u16()
    level = only()
    handler(only._pin)
    micropython.heap_unlock()
    print(kept, full, level, told[0], RTC.kept == board._image)


locked()
"""


@pytest.mark.micropython
def test_what_the_locked_part_uses_allocates_nothing(tmp_path: Path) -> None:
    require_vm()
    script = tmp_path / "locked.py"
    script.write_text(LOCKED)
    done = subprocess.run(
        [vm_path(), str(script)], env={"MICROPYPATH": str(FOLDER)}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{SLOT_MAX - 3} 65535 0 1 True\n", done.stderr


# The application


def test_the_application_runs_in_standby(rig: Rig) -> None:
    bench = BoardBench(rig)
    bench.cycle(30)
    assert bench.state == "standby"
    assert bench.fault()["fault"] == 0
    assert bench.app.sensing.status == [0] * 4
    assert {rig.port.seen(number) for number in rig.module.OUTPUTS} == {0}
    assert len(bench.rows) > 20


def test_the_application_treats_and_an_opened_contact_darkens_at_once(rig: Rig) -> None:
    bench = BoardBench(rig)
    bench.to_heating()
    assert rig.port.seen(rig.module.EMISSION_INDICATOR) == 1
    rig.open("remote")
    assert bench.duty == 0
    rig.close("remote")
    bench.cycle()
    assert bench.state == "fault"
    assert bench.fault()["fault"] == bench.firmware.load("faults").REMOTE_OPEN


def test_dark_ends_a_treatment_whatever_it_was_doing(rig: Rig) -> None:
    bench = BoardBench(rig)
    bench.to_heating()
    rig.module.dark()
    assert {rig.port.seen(number) for number in rig.module.OUTPUTS} == {0}
    bench.board.laser.set_mw(5000)
    assert bench.duty == 0


def test_an_interrupt_is_as_hard_as_the_port_has_them(rig: Rig) -> None:
    """Six inputs are told; the port's own `irq` takes no argument that it does not know."""
    rig.build()
    assert [bool(rig.port.pins[number].handler) for number in rig.module.INPUTS] == [True] * 6 + [False] * 3
