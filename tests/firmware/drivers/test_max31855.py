"""MAX31855: the frame bit by bit, every frame there is, the bus shared with a MAX31856, and the board's integers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import FOLDER, Firmware, load
from support.ranges import checked_copy
from support.sim import require_vm

from imilt_sim.levels.micropython import vm_path

driver, reading, max31856 = load("drivers.max31855"), load("drivers.reading"), load("drivers.max31856")
TYPES = [reading.TYPES.index(letter) for letter in "EJKNRST"]
VALUED = (reading.OK, reading.HIGH, reading.LOW, reading.RANGE)
"""With these statuses `tc_mc` is new."""


def frame(
    code: int = 0, cold_c16: int = 24 * 16, faults: int = 0, fault: bool | None = None, reserved: int = 0
) -> bytes:
    """Codes in 1/4 and 1/16 °C; the fault bit is as the causes have it unless it is given."""
    flag = bool(faults) if fault is None else fault
    return ((code & 0x3FFF) << 18 | flag << 16 | (cold_c16 & 0xFFF) << 4 | faults | reserved).to_bytes(4, "big")


class Bus:
    """Gives the frame that was put there; `log` is what the driver did."""

    def __init__(self, answer: bytes = bytes(4)) -> None:
        self.answer = answer
        self.log: list[object] = []

    def select(self, level: int) -> None:
        self.log.append(f"select {level}")

    def init(self, *, phase: int) -> None:
        self.log.append(f"phase {phase}")

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        self.log.append(bytes(out))
        answer[:] = self.answer


def chip_of(answer: bytes, tc_type: int = reading.TYPE_K) -> Any:
    bus = Bus(answer)
    return driver.MAX31855(bus, bus.select, tc_type)


EXCHANGE = ["phase 0", "select 0", bytes(4), "select 1", "phase 1"]


@pytest.mark.parametrize("method", ["trigger", "read"])
def test_one_frame_in_mode_0_and_the_bus_back_in_mode_1(method: str) -> None:
    bus = Bus()
    chip = driver.MAX31855(bus, bus.select, reading.TYPE_K)
    assert bus.log == ["select 1"]
    bus.log.clear()
    getattr(chip, method)()
    assert bus.log == EXCHANGE


def test_configure_only_knows_the_parts_own_type_and_writes_nothing() -> None:
    bus = Bus()
    for own in TYPES:
        chip = driver.MAX31855(bus, bus.select, own)
        bus.log.clear()
        assert [tc_type for tc_type in range(-1, 17) if chip.configure(tc_type)] == [own]
        assert bus.log == []


@pytest.mark.parametrize("tc_type", [-1, reading.TYPE_B, 8])
def test_there_is_no_chip_for_other_types(tc_type: int) -> None:
    with pytest.raises(ValueError, match="made for types E, J, K, N, R, S and T"):
        chip_of(frame(), tc_type)


def test_the_times_are_those_of_two_conversions() -> None:
    chip = chip_of(frame())
    assert (chip.period_ms, chip.conversion_ms) == (100, 200)


@pytest.mark.parametrize(
    ("bits", "celsius"),
    [
        ("01100100000000", 1600.0),
        ("00111110100000", 1000.0),
        ("00000110010011", 100.75),
        ("00000001100100", 25.0),
        ("00000000000000", 0.0),
        ("11111111111111", -0.25),
        ("11111111111100", -1.0),
        ("11110000011000", -250.0),
    ],
)
def test_codes_of_the_hot_junction_as_the_data_sheet_has_them(bits: str, celsius: float) -> None:
    chip = chip_of(frame(int(bits, 2)))
    assert chip.read() in VALUED
    assert chip.code == celsius * 4


@pytest.mark.parametrize(
    ("code", "mc"),
    [
        (0x7F0, 127000),
        (0x649, 100562),
        (0x190, 25000),
        (0, 0),
        (0xFFF, -63),
        (0xFF0, -1000),
        (0xEC0, -20000),
        (0xC90, -55000),
    ],
)
def test_codes_of_the_cold_junction_as_the_data_sheet_has_them(code: int, mc: int) -> None:
    chip = chip_of(frame(100, code))
    assert chip.read() == (reading.OK if 0 <= mc <= 60000 else reading.COLD_RANGE)
    assert chip.cj_mc == mc


@pytest.mark.parametrize("tc_type", TYPES)
@pytest.mark.parametrize("celsius", [1, 24, 37, 46, 60])
def test_both_junctions_alike_read_alike(tc_type: int, celsius: int) -> None:
    """Without a voltage the curve plays no part, but for the rounding to 1/16 µV."""
    chip = chip_of(frame(celsius * 4, celsius * 16), tc_type)
    assert chip.read() == reading.OK
    assert abs(chip.tc_mc - celsius * 1000) <= 8


PUBLISHED_MV = {
    "E": (1.495, 6.319),
    "J": (1.277, 5.269),
    "K": (1.000, 4.096),
    "N": (0.659, 2.774),
    "R": (0.141, 0.647),
    "S": (0.143, 0.646),
    "T": (0.992, 4.279),
}
"""NIST's tables at 25 and 100 °C."""
GAIN_MV = {"E": 0.076373, "J": 0.057953, "K": 0.041276, "N": 0.036256, "R": 0.010506, "S": 0.009587, "T": 0.05218}


@pytest.mark.parametrize("letter", PUBLISHED_MV)
def test_the_straight_line_is_bent_back_to_the_curve(letter: str) -> None:
    """The hot junction at 100 °C, the cold one at 25 °C: within the rounding of the reading and of the table."""
    cold_mv, hot_mv = PUBLISHED_MV[letter]
    line_c = 25 + (hot_mv - cold_mv) / GAIN_MV[letter]
    chip = chip_of(frame(round(line_c * 4), 25 * 16), reading.TYPES.index(letter))
    assert chip.read() == reading.OK
    assert chip.tc_mc == pytest.approx(100000, abs=300)
    if letter == "T":
        assert line_c == pytest.approx(88, abs=0.1)


@pytest.mark.parametrize("tc_type", TYPES)
def test_the_curve_rises_with_every_code(tc_type: int) -> None:
    bus = Bus()
    chip = driver.MAX31855(bus, lambda level: None, tc_type)
    before = -(1 << 30)
    for code in range(-0x2000, 0x2000):
        bus.answer = frame(code, 24 * 16)
        status = chip.read()
        assert status in VALUED
        assert chip.code == code
        assert before <= chip.tc_mc
        assert status == reading.RANGE or before < chip.tc_mc
        before = chip.tc_mc


@pytest.mark.parametrize("tc_type", TYPES)
def test_thresholds_are_those_of_the_max31856(tc_type: int) -> None:
    bus = Bus()
    chip = driver.MAX31855(bus, lambda level: None, tc_type)
    ends_mc = [c * 1000 for c in (chip._c[0], chip._c[-1])]
    seen = set()
    for code in range(-0x2000, 0x2000):
        bus.answer = frame(code, 24 * 16)
        status = chip.read()
        seen.add(status)
        if status == reading.RANGE:
            assert chip.tc_mc in ends_mc
        else:
            expected = reading.HIGH if chip.tc_mc > 110000 else reading.LOW if chip.tc_mc < 0 else reading.OK
            assert status == expected
            assert ends_mc[0] <= chip.tc_mc <= ends_mc[1]
    assert seen == set(VALUED)


def test_the_cold_junction_has_to_be_in_a_room() -> None:
    for cold_c16 in range(-0x800, 0x800):
        chip = chip_of(frame(148, cold_c16))
        inside = 0 <= cold_c16 <= 60 * 16
        assert chip.read() == (reading.OK if inside else reading.COLD_RANGE)
        assert chip.cj_mc == cold_c16 * 1000 // 16
        assert bool(chip.tc_mc) == inside


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (1, reading.OPEN),
        (2, reading.SHORT_GROUND),
        (4, reading.SHORT_SUPPLY),
        (3, reading.OPEN),
        (5, reading.OPEN),
        (6, reading.SHORT_GROUND),
        (7, reading.OPEN),
    ],
)
def test_faults_are_told_apart_and_keep_the_temperature(faults: int, status: int) -> None:
    bus = Bus(frame(148))
    chip = driver.MAX31855(bus, bus.select, reading.TYPE_T)
    assert chip.read() == reading.OK
    before_mc = chip.tc_mc
    bus.answer = frame(-0x2000, 25 * 16, faults)
    assert chip.read() == status
    assert (chip.tc_mc, chip.cj_mc, chip.sr, chip.code) == (before_mc, 25000, faults, -0x2000)
    bus.answer = frame(-0x2000, 90 * 16, faults)
    assert chip.read() == status, "the lead is to be told before the cold junction"


BAD_FRAMES = {
    "all zero": bytes(4),
    "all one": b"\xff" * 4,
    "bit 17": frame(148, reserved=1 << 17),
    "bit 3": frame(148, reserved=1 << 3),
    "a fault without a cause": frame(148, fault=True),
    "open without the fault bit": frame(148, faults=1, fault=False),
    "short to ground without the fault bit": frame(148, faults=2, fault=False),
    "short to supply without the fault bit": frame(148, faults=4, fault=False),
}


@pytest.mark.parametrize("answer", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_what_is_no_frame_of_the_chip_is_no_response_and_keeps_the_values(answer: bytes) -> None:
    bus = Bus(frame(148))
    chip = driver.MAX31855(bus, bus.select, reading.TYPE_T)
    assert chip.read() == reading.OK
    before = (chip.tc_mc, chip.cj_mc, chip.sr, chip.code)
    bus.answer = answer
    assert chip.read() == reading.NO_RESPONSE
    assert (chip.tc_mc, chip.cj_mc, chip.sr, chip.code) == before


@pytest.mark.parametrize(("code", "cold_c16"), [(0, 1), (1, 0)])
def test_one_junction_at_0_degrees_is_an_answer(code: int, cold_c16: int) -> None:
    assert chip_of(frame(code, cold_c16)).read() != reading.NO_RESPONSE


WORDS = st.one_of(
    st.integers(0, 0xFFFFFFFF),
    st.builds(
        lambda code, cold, faults, flip: int.from_bytes(frame(code, cold, faults)) ^ flip,
        st.integers(-0x2000, 0x1FFF),
        st.integers(-0x800, 0x7FF),
        st.integers(0, 7),
        st.one_of(st.just(0), st.integers(0, 31).map(lambda bit: 1 << bit)),
    ),
)


def possible(word: int) -> tuple[int, ...]:
    """The statuses that a frame may have, from the data sheet's memory map."""
    causes = word & 7
    if word == 0 or word >> 17 & 1 or word >> 3 & 1 or bool(causes) != bool(word >> 16 & 1):
        return (reading.NO_RESPONSE,)
    if causes:
        return (reading.OPEN if causes & 1 else reading.SHORT_GROUND if causes & 2 else reading.SHORT_SUPPLY,)
    cold = (word >> 4 & 0xFFF ^ 0x800) - 0x800
    return VALUED if 0 <= cold <= 960 else (reading.COLD_RANGE,)


@given(word=WORDS, tc_type=st.sampled_from(TYPES))
def test_every_frame_has_a_status_and_values_within_bounds(word: int, tc_type: int) -> None:
    chip = chip_of(word.to_bytes(4, "big"), tc_type)
    status = chip.read()
    assert status in possible(word)
    if status == reading.NO_RESPONSE:
        assert (chip.tc_mc, chip.cj_mc, chip.sr, chip.code) == (0, 0, 0, 0)
        return
    assert chip.sr == word & 7
    assert chip.code == (word >> 18 ^ 0x2000) - 0x2000
    assert chip.cj_mc == ((word >> 4 & 0xFFF ^ 0x800) - 0x800) * 1000 // 16
    assert -250000 <= chip.tc_mc <= 1768000


# The bus at its edges: what each chip puts on the line, and when the controller looks.


class Reader:
    """A MAX31855 bit by bit: SO shows bit 31 once selected and the next one after each falling edge."""

    def __init__(self, word: int) -> None:
        self.word = word
        self._left = 0

    def select(self, level: int) -> None:
        self._left = 32 if level == 0 else 0

    def edge(self, rising: bool, mosi: int) -> None:
        if not rising:
            self._left = max(0, self._left - 1)

    @property
    def so(self) -> int:
        return self.word >> (self._left - 1) & 1 if self._left else 0


class Registers:
    """A MAX31856 bit by bit: SDI is latched at the falling edge, SDO changes after the rising one."""

    def __init__(self) -> None:
        self.registers = bytearray(16)
        self.so = 1
        self._bits: list[int] = []

    def select(self, level: int) -> None:
        self._bits = []
        self.so = 1  # not driven until the address is in

    def edge(self, rising: bool, mosi: int) -> None:
        if not rising:
            self._bits.append(mosi)
            self._byte_ended()
        elif len(self._bits) >= 8:
            byte = self.registers[(self._address() + len(self._bits) // 8 - 1) & 15]
            self.so = byte >> (7 - len(self._bits) % 8) & 1

    def finish(self, celsius: float) -> None:
        self.registers[0] &= 0x3F
        self.registers[10:12] = (24 * 256).to_bytes(2, "big")
        self.registers[12:15] = (round(celsius * 128) << 5).to_bytes(3, "big")

    def _address(self) -> int:
        return int("".join(map(str, self._bits[1:8])), 2)

    def _byte_ended(self) -> None:
        count = len(self._bits) // 8
        if len(self._bits) % 8 == 0 and count > 1 and self._bits[0]:
            value = int("".join(map(str, self._bits[-8:])), 2)
            self.registers[(self._address() + count - 2) & 15] = value


class Wires:
    """SPI with a clock that idles low. Mode 0 looks at the rising edge; mode 1 at the falling one, and where `late`,
    only when the edge has had its effect on the chip."""

    def __init__(self, late: bool) -> None:
        self._late = late
        self._selected: Any = None
        self.phase = 1

    def select_of(self, chip: Any) -> Callable[[int], None]:
        def select(level: int) -> None:
            assert level or self._selected is None, "two chips selected"
            self._selected = None if level else chip
            chip.select(level)

        return select

    def init(self, *, phase: int) -> None:
        assert self._selected is None, "the mode changed under a selected chip"
        self.phase = phase

    def write(self, out: bytes) -> None:
        self.write_readinto(out, bytearray(len(out)))

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        chip = self._selected
        for i, byte in enumerate(out):
            value = 0
            for bit in range(7, -1, -1):
                mosi = byte >> bit & 1
                chip.edge(True, mosi)
                before = chip.so
                chip.edge(False, mosi)
                value = value << 1 | (chip.so if self.phase and self._late else before)
            answer[i] = value


WORD = int.from_bytes(frame(148, 24 * 16))


def test_in_mode_1_the_reading_hangs_on_which_comes_first() -> None:
    """Why the driver changes the mode: SO changes after the very edge at which mode 1 looks at it."""
    chip = Reader(WORD)
    answers = []
    for phase, late in ((0, False), (0, True), (1, False), (1, True)):
        wires = Wires(late)
        wires.init(phase=phase)
        select = wires.select_of(chip)
        answer = bytearray(4)
        select(0)
        wires.write_readinto(bytes(4), answer)
        select(1)
        answers.append(int.from_bytes(answer))
    assert answers == [WORD, WORD, WORD, WORD << 1]
    shifted = chip_of(answers[3].to_bytes(4, "big"))
    assert shifted.read() == reading.OK, "and a frame that is one bit late passes for a good one"
    assert (shifted.code, shifted.cj_mc) == (2 * 148, 48000)


@pytest.mark.parametrize("late", [False, True], ids=["quick", "late"])
@pytest.mark.parametrize("order", ["reader first", "registers first"])
def test_both_kinds_of_chip_on_one_bus(late: bool, order: str) -> None:
    """The MAX31856 needs mode 1: its SDO changes at the rising edge, where mode 0 looks."""
    reader, registers = Reader(WORD), Registers()
    wires = Wires(late)
    one = driver.MAX31855(wires, wires.select_of(reader), reading.TYPE_K)
    other = max31856.MAX31856(wires, wires.select_of(registers))
    assert one.configure(reading.TYPE_K)
    assert other.configure(reading.TYPE_T)
    for celsius in (37.0, 46.5):
        chips = [one, other] if order == "reader first" else [other, one]
        for chip in chips:
            chip.trigger()
        registers.finish(celsius)
        assert [chip.read() for chip in chips] == [reading.OK, reading.OK]
        assert (other.tc_mc, other.cj_mc) == (celsius * 1000, 24000)
        assert (one.code, one.cj_mc) == (148, 24000)
        assert wires.phase == 1


LOCKED_RUN = """
import micropython
from drivers.max31855 import MAX31855

class Bus:
    def __init__(self):
        self.frame = bytearray(4)
        self.phases = 0
    def init(self, baudrate=-1, *, polarity=-1, phase=-1, bits=-1):
        self.phases += phase
    def write_readinto(self, out, answer):
        for i in range(4):
            answer[i] = self.frame[i]

def select(level):
    pass

bus = Bus()
chips = [MAX31855(bus, select, tc_type) for tc_type in range(1, 8)]
frame = bus.frame

def run():
    checksum = 0
    random = 1
    for i in range(3000):
        random = (random * 1103 + 12345) & 0xFFFF
        # Half of the frames whole, with the cold junction in a room; the others as they come.
        frame[0] = random >> 8
        frame[1] = random & (0xFC if i & 1 else 0xFF)
        frame[2] = i & 0x3F if i & 2 else random & 0xFF
        frame[3] = i & (0xF0 if i & 1 else 0xFF)
        chip = chips[i % 7]
        chip.trigger()
        checksum = (checksum * 31 + chip.read() + chip.tc_mc + chip.cj_mc + chip.code) & 0xFFFFF
    return checksum

caught = 0
micropython.heap_lock()
try:
    checksum = run()
    max(1, 2, key=abs)
    try:
        [checksum]
    except MemoryError:
        caught = 1
finally:
    micropython.heap_unlock()
print(checksum, bus.phases, caught)
"""


@pytest.mark.micropython
def test_nothing_is_allocated(tmp_path: Path) -> None:
    """With the heap locked, and the same results as here; a keyword alone, in Python and C, allocates nothing."""
    require_vm()
    script = tmp_path / "locked.py"
    script.write_text(LOCKED_RUN)
    run = subprocess.run(
        [vm_path(), str(script)], env={"MICROPYPATH": str(FOLDER)}, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [str(checksum_here()), "6000", "1"]


def checksum_here() -> int:
    source = LOCKED_RUN[LOCKED_RUN.index("class Bus") : LOCKED_RUN.index("caught = 0")]
    space: dict[str, Any] = {"MAX31855": driver.MAX31855}
    exec(source, space)
    return space["run"]()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The firmware with its arithmetic watched."""
    return Firmware(checked_copy(tmp_path_factory.mktemp("checked") / "firmware"))


@pytest.mark.parametrize("tc_type", TYPES)
def test_every_number_fits_the_boards_integers(watched: Firmware, tc_type: int) -> None:
    bus = Bus()
    module = watched.load("drivers.max31855")
    chip = module.MAX31855(bus, lambda level: None, tc_type)
    for cold_c16 in (-0x800, 0, 1, 480, 959, 960, 0x7FF):
        for code in (*range(-0x2000, 0x2000, 13), 0x1FFF):
            for faults in (0, 7):
                bus.answer = frame(code, cold_c16, faults)
                chip.read()
    bus.answer = b"\xff" * 4
    assert chip.read() == reading.NO_RESPONSE
    products = [high for where, (_, high) in watched.loaded("checked").seen.items() if "max31855" in where]
    assert max(products) > 1 << 20
