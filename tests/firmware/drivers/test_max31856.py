"""MAX31856: the bytes exchanged, every fault, code, option and corruption, and the register model behind the driver."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import FOLDER, Firmware, load
from support.ranges import checked_copy
from support.sim import require_vm

from imilt_sim.levels.cpython import STANDINS
from imilt_sim.levels.micropython import vm_path

driver, reading = load("drivers.max31856"), load("drivers.reading")
B, K, S, T = reading.TYPE_B, reading.TYPE_K, reading.TYPE_S, reading.TYPE_T
OK, OPEN, SHORT, RANGE, COLD_RANGE = reading.OK, reading.OPEN, reading.SHORT, reading.RANGE, reading.COLD_RANGE
HIGH, LOW, NOT_READY, NO_RESPONSE = reading.HIGH, reading.LOW, reading.NOT_READY, reading.NO_RESPONSE
TYPES = range(8)
AVERAGING = (1, 2, 4, 8, 16)
ASK = bytes(17)
# Address, CR0, CR1, MASK, cold-junction limits, linearised limits, offset, cold junction, thermocouple, status
IDLE = bytes.fromhex("00 11 07 C0 3C 00 0A 00 00 00 00 18 00 02 E0 00 00")
POWER_UP = bytes.fromhex("00 00 03 FF 7F C0 7F FF 80 00 00 00 00 00 00 00 00")
STOP = (b"\x80\x11", None)
CONFIGURE_T = (bytes.fromhex("81 07 C0 3C 00 0A 00 00 00 00"), None)
TRIGGER = (b"\x80\x51", None)


class Bus:
    """Checks each transaction against the script: one per selection, nothing more, nothing less."""

    def __init__(self, script: Sequence[tuple[bytes, bytes | None]]) -> None:
        self._script = list(script)
        self._selected = False

    def select(self, level: int) -> None:
        self._selected = level == 0

    def write(self, data: bytes) -> None:
        self._exchange(data, None)

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        answer[:] = self._exchange(out, len(answer))

    def _exchange(self, sent: bytes, length: int | None) -> bytes:
        assert self._selected, "the chip is not selected"
        expected, answer = self._script.pop(0)
        assert bytes(sent) == expected
        assert length == (None if answer is None else len(answer))
        return answer or b""

    def assert_done(self) -> None:
        assert not self._script, "exchanges that did not happen"
        assert not self._selected, "the chip is still selected"


@contextmanager
def expected_protocol(*script: tuple[bytes, bytes | None], **options: Any) -> Iterator[Any]:
    bus = Bus(script)
    yield driver.MAX31856(bus, bus.select, **options)
    bus.assert_done()


class AnyAnswer:
    """A bus that keeps the last write and gives whatever `answer` holds."""

    def __init__(self, answer: bytes = IDLE) -> None:
        self.answer = bytearray(answer)
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written = bytes(data)

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        answer[:] = self.answer


def configured(bus: AnyAnswer, tc_type: int = T, **options: Any) -> Any:
    """A driver that waits for the result of its first conversion."""
    chip = driver.MAX31856(bus, lambda level: None, **options)
    assert chip.configure(tc_type)
    chip.trigger()
    return chip


def answering(answer: bytes, tc_type: int = T, **options: Any) -> Any:
    return configured(AnyAnswer(answer), tc_type, **options)


def patched(at: int, *data: int) -> bytes:
    """The answer of a healthy chip with bytes changed, `at` counted from the address byte."""
    return IDLE[:at] + bytes(data) + IDLE[at + len(data) :]


class Rig:
    """The driver on the virtual board's first converter, whose conversions end when the test says so."""

    def __init__(self, tc_type: int = T, *, drdy: bool = False, **options: Any) -> None:
        self.firmware = Firmware()
        self.model = self.firmware.board.chips[0]
        machine = self.firmware.load("machine")
        if drdy:
            options["ready"] = lambda: self.model.drdy
        spi = machine.SPI(0, baudrate=2000000, polarity=0, phase=1)
        select = machine.Pin(17, machine.Pin.OUT, value=1)
        self.chip = self.firmware.load("drivers.max31856").MAX31856(spi, select, **options)
        assert self.chip.configure(tc_type)

    def finish(self, celsius: float, cold_c: float = 24.0, faults: int = 0) -> None:
        self.model.finish(round(celsius * 4096), round(cold_c * 4096), faults)

    def convert(self, celsius: float, cold_c: float = 24.0, faults: int = 0) -> int:
        """The longest that one conversion lasts."""
        self.chip.trigger()
        self.wait(self.chip.conversion_ms)
        self.finish(celsius, cold_c, faults)
        return self.chip.read()

    def wait(self, ms: int) -> None:
        self.firmware.board.now_ms += ms


# The bytes exchanged


def test_configure_stops_conversion_and_then_writes_every_register() -> None:
    with expected_protocol(STOP, (bytes.fromhex("81 03 C0 3C 00 0A 00 00 00 00"), None)) as chip:
        assert chip.configure(K) is True


def test_every_option_in_its_register() -> None:
    script = ((b"\x80\x10", None), (bytes.fromhex("81 46 C0 3C 00 0A 00 00 00 F0"), None), (b"\x80\x90", None))
    with expected_protocol(*script, mains_hz=60, averaging=16, continuous=True, offset_mc=-1000) as chip:
        assert chip.configure(S)
        chip.trigger()


@pytest.mark.parametrize("tc_type", TYPES)
@pytest.mark.parametrize("averaging", AVERAGING)
def test_types_and_averaging_share_a_register(tc_type: int, averaging: int) -> None:
    cr1 = bytes((0x81, AVERAGING.index(averaging) << 4 | tc_type))
    with expected_protocol(STOP, (cr1 + CONFIGURE_T[0][2:], None), averaging=averaging) as chip:
        assert chip.configure(tc_type)


def test_with_the_pin_an_earlier_result_is_read_away() -> None:
    with expected_protocol(STOP, CONFIGURE_T, (ASK, IDLE), ready=lambda: 1) as chip:
        chip.configure(T)


def test_trigger_is_one_write() -> None:
    with expected_protocol(TRIGGER, TRIGGER) as chip:
        chip.trigger()
        chip.trigger()


def test_continuous_mode_is_started_once() -> None:
    with expected_protocol((b"\x80\x91", None), continuous=True) as chip:
        chip.trigger()
        chip.trigger()


def test_read_is_one_burst() -> None:
    answer = patched(11, 0x18, 0x40, 0x02, 0xE1, 0x20)
    with expected_protocol(STOP, CONFIGURE_T, TRIGGER, (ASK, answer)) as chip:
        chip.configure(T)
        chip.trigger()
        assert chip.read() == OK
    # 46 °C and 9/128, rounded down
    assert (chip.cj_mc, chip.tc_mc, chip.code, chip.sr) == (24250, 46070, 46 * 128 + 9, 0)


# Options


@pytest.mark.parametrize(
    "options",
    [
        {"mains_hz": 0},
        {"mains_hz": 55},
        {"averaging": 0},
        {"averaging": 3},
        {"averaging": 32},
        {"offset_mc": 1},
        {"offset_mc": 63},
        {"offset_mc": -62},
        {"offset_mc": 7938},
        {"offset_mc": 8000},
        {"offset_mc": -8001},
        {"offset_mc": -8063},
        {"offset_mc": 1 << 29},
    ],
)
def test_an_option_that_the_chip_does_not_have_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        driver.MAX31856(AnyAnswer(), lambda level: None, **options)


def test_exactly_the_steps_of_the_offset_register_are_taken() -> None:
    taken = {}
    for offset_mc in range(-9000, 9001):
        bus = AnyAnswer()
        try:
            chip = driver.MAX31856(bus, lambda level: None, offset_mc=offset_mc)
        except ValueError:
            continue
        chip.configure(T)
        taken[offset_mc] = bus.written[-1]
    assert taken == {steps * 1000 // 16: steps & 0xFF for steps in range(-128, 128)}


@pytest.mark.parametrize(
    ("offset_mc", "cold_mc"), [(0, 24000), (62, 24062), (-63, 23937), (7937, 31937), (-8000, 16000)]
)
def test_the_offset_is_added_to_the_cold_junction(offset_mc: int, cold_mc: int) -> None:
    rig = Rig(offset_mc=offset_mc)
    assert rig.convert(37.0) == OK
    assert rig.chip.cj_mc == cold_mc


@pytest.mark.parametrize(
    ("mains_hz", "averaging", "conversion_ms", "period_ms"),
    [
        (50, 1, 200, 125),
        (60, 1, 170, 105),
        (50, 2, 244, 148),
        (60, 4, 281, 162),
        (50, 16, 860, 470),
        (60, 16, 725, 390),
    ],
)
def test_the_longest_times(mains_hz: int, averaging: int, conversion_ms: int, period_ms: int) -> None:
    chip = driver.MAX31856(AnyAnswer(), lambda level: None, mains_hz=mains_hz, averaging=averaging)
    assert (chip.conversion_ms, chip.period_ms) == (conversion_ms, period_ms)


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("averaging", AVERAGING)
def test_no_typical_conversion_lasts_longer(mains_hz: int, averaging: int) -> None:
    """Nor by far less: the data sheet's longest times are within 10 % of the typical ones, and the test is 15 ms."""
    rig = Rig(mains_hz=mains_hz, averaging=averaging)
    for longest, typical in (
        (rig.chip.conversion_ms, rig.model.conversion_ms()),
        (rig.chip.period_ms, rig.model.conversion_ms(False)),
    ):
        assert typical * 1.08 <= longest - 15 <= typical * 1.15


@pytest.mark.parametrize("tc_type", [-1, 8, 15, 255])
def test_an_unknown_type_is_refused_and_nothing_is_read_as_if_it_were_set(tc_type: int) -> None:
    """The chip would go on with the type before."""
    rig = Rig(T)
    assert rig.chip.configure(tc_type) is False
    assert rig.convert(37.0) == NO_RESPONSE
    assert rig.chip.configure(K) is True
    assert rig.convert(37.0) == OK


def test_what_was_never_configured_does_not_respond() -> None:
    bus = AnyAnswer()
    chip = driver.MAX31856(bus, lambda level: None)
    chip.trigger()
    for bus.answer[:] in (IDLE, POWER_UP, bytes(17), b"\xff" * 17):
        assert chip.read() == NO_RESPONSE


# Faults and codes


def expected_status(sr: int) -> int:
    for mask, status in ((0x01, OPEN), (0x02, SHORT), (0xB0, COLD_RANGE), (0x40, RANGE), (0x08, HIGH), (0x04, LOW)):
        if sr & mask:
            return status
    return OK


@pytest.mark.parametrize("sr", range(256))
def test_status_of_every_register_value(sr: int) -> None:
    chip = answering(patched(16, sr))
    assert chip.read() == expected_status(sr)
    assert chip.sr == sr


def test_every_fault_bit_alone_has_a_status_and_only_no_fault_is_ok() -> None:
    alone = [driver.status_of(1 << bit) for bit in range(8)]
    assert alone == [OPEN, SHORT, LOW, HIGH, COLD_RANGE, COLD_RANGE, RANGE, COLD_RANGE]
    assert [sr for sr in range(256) if driver.status_of(sr) == OK] == [0]


def test_every_thermocouple_code_is_the_exact_value_rounded_down() -> None:
    bus = AnyAnswer()
    chip = configured(bus)
    for code in range(-(1 << 18), 1 << 18):
        bus.answer[13:16] = (code << 5 & 0xFFFFFF).to_bytes(3, "big")
        chip.trigger()
        assert chip.read() == OK
        assert chip.code == code
        assert chip.tc_mc == code * 1000 // 128


def test_every_cold_junction_code_is_the_exact_value_rounded_down() -> None:
    bus = AnyAnswer()
    chip = configured(bus)
    for code in range(-(1 << 13), 1 << 13):
        bus.answer[11:13] = (code << 2 & 0xFFFF).to_bytes(2, "big")
        chip.trigger()
        assert chip.read() == OK
        assert chip.cj_mc == code * 1000 // 64


@given(st.binary(min_size=6, max_size=6))
def test_bits_without_a_meaning_do_not_count(results: bytes) -> None:
    """Two below the cold junction's code and five below the thermocouple's."""
    chip = answering(patched(11, *results))
    assert chip.read() == expected_status(results[5])
    assert chip.cj_mc == (int.from_bytes(results[:2], "big", signed=True) >> 2) * 1000 // 64
    assert chip.tc_mc == (int.from_bytes(results[2:5], "big", signed=True) >> 5) * 1000 // 128


def test_a_quarter_below_zero_is_not_2048_below() -> None:
    chip = answering(patched(11, 0xFF, 0xC0, 0xFF, 0xFC, 0x00))
    assert chip.read() == OK
    assert (chip.cj_mc, chip.tc_mc, chip.code) == (-250, -250, -32)


# A chip that is not as configured

CONFIGURATIONS: dict[str, tuple[int, dict[str, Any], bytes]] = {
    "as the firmware has it": (T, {}, IDLE),
    "type B, whose code is 0": (B, {"mains_hz": 60}, b"\x00\x10\x00" + IDLE[3:]),
    "all options": (
        S,
        {"averaging": 16, "offset_mc": 7937, "ready": lambda: 0},
        b"\x00\x11\x46" + IDLE[3:10] + b"\x7f" + IDLE[11:],
    ),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_corruption_of_one_register_is_seen(name: str) -> None:
    """The results and the status may be anything; of the configuration only the bits without a meaning may."""
    tc_type, options, healthy = CONFIGURATIONS[name]
    bus = AnyAnswer()
    chip = configured(bus, tc_type, **options)
    for register, flips in itertools.product(range(10), range(256)):
        bus.answer[:] = healthy
        bus.answer[1 + register] ^= flips
        chip.trigger()
        status = chip.read()
        if flips == 0 or (register == 2 and not flips & 0x3F):
            assert status == OK
        elif register == 0 and flips == 0x40:
            assert status == NOT_READY
        else:
            assert status == NO_RESPONSE, f"register {register} ^ {flips:02X}"


def test_every_corruption_in_continuous_mode_is_seen() -> None:
    """There an unfinished one-shot is none of ours, and conversions that stopped are as bad as any."""
    bus = AnyAnswer()
    chip = configured(bus, continuous=True, ready=lambda: 0)
    chip._wait_ms = 0
    for register, flips in itertools.product(range(10), range(256)):
        bus.answer[:] = patched(1, 0x91)
        bus.answer[1 + register] ^= flips
        harmless = flips == 0 or (register == 2 and not flips & 0x3F)
        assert chip.read() == (OK if harmless else NO_RESPONSE), f"register {register} ^ {flips:02X}"


@given(st.binary(min_size=10, max_size=10).filter(lambda data: data[2] | 0xC0 != IDLE[3] or data[3:] != IDLE[4:11]))
def test_no_other_thresholds_are_taken_for_ours(config: bytes) -> None:
    chip = answering(IDLE[:1] + config + IDLE[11:])
    assert chip.read() == NO_RESPONSE
    assert (chip.tc_mc, chip.cj_mc, chip.code, chip.sr) == (0, 0, 0, 0)


@pytest.mark.parametrize("tc_type", TYPES)
@pytest.mark.parametrize("averaging", AVERAGING)
@pytest.mark.parametrize("continuous", [False, True])
def test_no_stuck_line_is_ever_believed(tc_type: int, averaging: int, continuous: bool) -> None:
    """Not even one that is stuck at some byte or other, whatever the pin says."""
    bus = AnyAnswer()
    for mains_hz, ready in itertools.product((50, 60), (None, lambda: 0, lambda: 1)):
        chip = configured(bus, tc_type, averaging=averaging, continuous=continuous, mains_hz=mains_hz, ready=ready)
        for byte in range(256):
            bus.answer[:] = bytes((byte,)) * 17
            assert chip.read() == NO_RESPONSE


BAD_ANSWERS = {
    "all zero": bytes(17),
    "all one": b"\xff" * 17,
    "reset chip": POWER_UP,
    "reset chip after the trigger": POWER_UP[:1] + b"\x11" + POWER_UP[2:],
    "other type": patched(2, K),
    "other mains": patched(1, 0x10),
    "no detection of open leads": patched(1, 0x01),
    "converting by itself": patched(1, 0x91),
    "averaging": patched(2, 0x17),
    "faults masked": patched(3, 0xFF),
    "some wake with these": patched(4, 0, 0),
    "other offset": patched(10, 1),
    "one bit late": bytes((int.from_bytes(IDLE, "big") >> 1).to_bytes(17, "big")),
    "one bit early": bytes((int.from_bytes(IDLE, "big") << 1 & (1 << 136) - 1).to_bytes(17, "big")),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_chip_that_is_not_as_configured_does_not_respond(answer: bytes) -> None:
    chip = answering(answer)
    assert chip.read() == NO_RESPONSE
    assert (chip.tc_mc, chip.cj_mc, chip.code, chip.sr) == (0, 0, 0, 0)


# When a result is new


def test_not_ready_keeps_the_values() -> None:
    bus = AnyAnswer()
    chip = configured(bus)
    assert chip.read() == OK
    chip.trigger()
    bus.answer[:] = patched(1, 0x51)[:11] + bytes((0x7F, 0xFF, 0x7F, 0xFF, 0xE0, 0x04))
    assert chip.read() == NOT_READY
    assert (chip.tc_mc, chip.cj_mc, chip.code, chip.sr) == (46000, 24000, 46 * 128, 0)


def test_a_result_is_told_once() -> None:
    rig = Rig()
    assert rig.convert(46.0) == OK
    assert rig.chip.read() == NOT_READY
    assert rig.convert(47.0) == OK


def test_what_no_trigger_asked_for_is_not_ready() -> None:
    """After power-up the results read 0 °C, and after another type was set they are of the one before."""
    rig = Rig()
    assert rig.chip.read() == NOT_READY
    assert rig.convert(46.0) == OK
    rig.chip.trigger()
    rig.finish(47.0)
    assert rig.chip.configure(K)
    assert rig.chip.read() == NOT_READY


def test_a_running_conversion_is_not_ready() -> None:
    rig = Rig()
    rig.chip.trigger()
    assert rig.chip.read() == NOT_READY
    rig.chip.trigger()
    assert rig.chip.read() == NOT_READY
    rig.finish(46.0)
    assert rig.chip.read() == OK


def test_with_the_pin_a_trigger_that_the_chip_did_not_hear_is_not_ready() -> None:
    """Its configuration reads as after a conversion, and the results are the last ones."""
    rig = Rig(drdy=True)
    assert rig.convert(46.0) == OK
    rig.chip._pending = True
    assert rig.chip.read() == NOT_READY


def test_a_stuck_pin_does_not_make_a_result() -> None:
    rig = Rig(ready=lambda: 0)
    rig.chip.trigger()
    assert rig.chip.read() == NOT_READY


def test_with_the_pin_high_an_absent_chip_is_told_as_such() -> None:
    rig = Rig(drdy=True)
    rig.firmware.board.absent = 1
    rig.chip.trigger()
    assert rig.model.drdy == 1
    assert rig.chip.read() == NO_RESPONSE


def test_continuous_mode_with_the_pin() -> None:
    rig = Rig(drdy=True, continuous=True)
    assert rig.chip.read() == NOT_READY
    assert rig.convert(46.0) == OK
    for celsius in (47.0, 48.0, 49.0):
        rig.chip.trigger()
        assert rig.chip.read() == NOT_READY
        rig.finish(celsius)
        assert rig.chip.read() == OK
        assert rig.chip.tc_mc == int(celsius * 1000)


@pytest.mark.parametrize("drdy", [False, True])
def test_another_type_in_continuous_mode_starts_anew(drdy: bool) -> None:
    """Neither a result that was not read yet nor the time since the last one counts."""
    rig = Rig(drdy=drdy, continuous=True)
    assert rig.convert(46.0) == OK
    rig.wait(1000)
    rig.finish(47.0)
    assert rig.chip.configure(K)
    assert rig.chip.read() == NOT_READY
    rig.chip.trigger()
    rig.wait(rig.chip.conversion_ms - 1)
    assert rig.chip.read() == NOT_READY
    rig.wait(1)
    rig.finish(48.0)
    assert rig.chip.read() == OK
    assert rig.chip.tc_mc == 48000


def test_continuous_mode_without_the_pin_waits_for_the_longest_conversion() -> None:
    rig = Rig(continuous=True)
    rig.chip.trigger()
    for _ in range(rig.chip.conversion_ms):
        assert rig.chip.read() == NOT_READY  # 0 °C as after power-up
        rig.wait(1)
    rig.finish(46.0)
    assert rig.chip.read() == OK
    for _ in range(rig.chip.period_ms):
        assert rig.chip.read() == NOT_READY
        rig.wait(1)
    rig.finish(47.0)
    assert rig.chip.read() == OK
    assert rig.chip.tc_mc == 47000


def test_a_pin_stuck_low_does_not_pass_the_zero_of_power_up() -> None:
    rig = Rig(continuous=True, ready=lambda: 0)
    rig.chip.trigger()
    rig.wait(rig.chip.conversion_ms - 1)
    assert rig.chip.read() == NOT_READY


@pytest.mark.parametrize("silence_ms", [1 << 28, 1 << 29, 3 << 28, (1 << 30) - 200])
def test_a_long_silence_does_not_make_the_next_result_late(silence_ms: int) -> None:
    """The clock wraps at 2^30 ms, and half of that reads as a time before."""
    rig = Rig(continuous=True)
    assert rig.convert(46.0) == OK
    rig.wait(silence_ms)
    rig.finish(47.0)
    assert rig.chip.read() == OK


def test_the_clocks_end_does_not_make_a_result_early() -> None:
    rig = Rig(continuous=True)
    rig.wait((1 << 30) - 1)
    rig.chip.trigger()
    rig.wait(rig.chip.conversion_ms - 1)
    assert rig.chip.read() == NOT_READY
    rig.wait(1)
    rig.finish(46.0)
    assert rig.chip.read() == OK


def test_conversions_that_stopped_are_not_taken_for_new_ones() -> None:
    rig = Rig(continuous=True)
    assert rig.convert(46.0) == OK
    rig.model.registers[0] &= 0x7F
    rig.wait(1000)
    assert rig.chip.read() == NO_RESPONSE


@pytest.mark.parametrize("sr", range(256))
def test_a_voltage_beyond_the_supply_is_told_though_no_conversion_ends(sr: int) -> None:
    """It suspends them, and so every conversion; any other fault may be of the result before."""
    chip = answering(patched(1, 0x51)[:16] + bytes((sr,)))
    assert chip.read() == (expected_status(sr) if sr & 2 else NOT_READY)
    assert chip.sr == (sr if sr & 2 else 0)
    assert (chip.tc_mc, chip.cj_mc) == (0, 0)


def test_a_conversion_that_was_held_up_has_its_result_told_later() -> None:
    rig = Rig()
    assert rig.convert(46.0, faults=2) == SHORT
    rig.chip.trigger()
    assert rig.chip.read() == SHORT
    rig.finish(47.0)
    assert rig.chip.read() == OK
    assert rig.chip.tc_mc == 47000


def test_a_voltage_beyond_the_supply_before_the_first_trigger_is_not_ready() -> None:
    chip = driver.MAX31856(AnyAnswer(patched(16, 2)), lambda level: None)
    chip.configure(T)
    assert chip.read() == NOT_READY


# The register model behind the driver

HOT_C = {"B": 300.0, "E": 46.0, "J": 46.5, "K": 36.9921875, "N": 109.9921875, "R": 0.0, "S": 0.125, "T": 46.0}


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("averaging", AVERAGING)
@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("drdy", [False, True])
@pytest.mark.parametrize("letter", reading.TYPES)
def test_every_mode_and_type(letter: str, drdy: bool, continuous: bool, averaging: int, mains_hz: int) -> None:
    """Type B begins above what our thresholds admit."""
    tc_type = reading.TYPES.index(letter)
    rig = Rig(tc_type, drdy=drdy, continuous=continuous, averaging=averaging, mains_hz=mains_hz)
    for celsius in (HOT_C[letter], HOT_C[letter] + 0.0078125):
        rig.wait(rig.chip.period_ms)
        assert rig.convert(celsius) == (HIGH if letter == "B" else OK)
        assert rig.chip.code == celsius * 128
        assert rig.chip.tc_mc == int(celsius * 1000)
        assert rig.chip.cj_mc == 24000


@given(st.integers(0, 160 * 4096 + 255), st.integers(0, 61 * 4096 - 1))
def test_the_value_is_the_true_one_rounded_down_to_its_step(hot_q12: int, cold_q12: int) -> None:
    assert RIG.convert(hot_q12 / 4096, cold_q12 / 4096) == OK
    assert RIG.chip.tc_mc == (hot_q12 >> 5) * 1000 // 128
    assert RIG.chip.cj_mc == (cold_q12 >> 6) * 1000 // 64


RIG = Rig()


@pytest.mark.parametrize(
    ("tc_type", "celsius", "cold_c", "faults", "status", "sr"),
    [
        (T, 46.0, 24.0, 1, OPEN, 0x01),
        (T, 46.0, 24.0, 2, SHORT, 0x02),
        (T, 46.0, 24.0, 3, SHORT, 0x02),
        (T, -0.25, 24.0, 0, LOW, 0x04),
        (T, 160.25, 24.0, 0, HIGH, 0x08),
        (T, 46.0, -1.0, 0, COLD_RANGE, 0x10),
        (T, 46.0, 61.0, 0, COLD_RANGE, 0x20),
        (T, 401.0, 24.0, 0, RANGE, 0x48),
        (T, -201.0, 24.0, 0, RANGE, 0x44),
        (T, 46.0, 126.0, 0, COLD_RANGE, 0xA0),
        (T, 46.0, -56.0, 0, COLD_RANGE, 0x90),
        (T, 401.0, 61.0, 0, COLD_RANGE, 0x68),
        (T, 401.0, 61.0, 1, OPEN, 0x21),
        (K, 401.0, 24.0, 0, HIGH, 0x08),
        (B, 46.0, 24.0, 0, RANGE, 0x40),
        (S, -51.0, 24.0, 0, RANGE, 0x44),
    ],
)
@pytest.mark.parametrize("continuous", [False, True])
def test_faults_of_the_register_model(
    tc_type: int, celsius: float, cold_c: float, faults: int, status: int, sr: int, continuous: bool
) -> None:
    rig = Rig(tc_type, continuous=continuous)
    assert rig.convert(celsius, cold_c, faults) == status
    assert rig.chip.sr == sr


def test_a_fault_goes_with_its_cause() -> None:
    rig = Rig()
    for faults, status in ((1, OPEN), (0, OK), (2, SHORT), (0, OK)):
        assert rig.convert(46.0, faults=faults) == status


def test_an_absent_chip_does_not_respond() -> None:
    rig = Rig()
    rig.chip.trigger()
    rig.firmware.board.absent = 1
    assert rig.chip.read() == NO_RESPONSE


@pytest.mark.parametrize("tc_type", TYPES)
@pytest.mark.parametrize("continuous", [False, True])
def test_a_chip_that_was_reset_does_not_respond_even_after_the_next_trigger(tc_type: int, continuous: bool) -> None:
    """After power-up CR1 says type K, and the trigger itself writes CR0: only the other registers tell."""
    rig = Rig(tc_type, continuous=continuous)
    rig.model.registers[:] = POWER_UP[1:]
    assert rig.convert(46.0) == NO_RESPONSE
    assert rig.chip.configure(tc_type)
    assert rig.convert(46.0) != NO_RESPONSE


@pytest.mark.parametrize("bus", [{"phase": 0}, {"phase": 1, "baudrate": 6000000}])
def test_the_wrong_mode_or_speed_is_seen(bus: dict[str, int]) -> None:
    machine = Firmware().load("machine")
    chip = driver.MAX31856(machine.SPI(0, **bus), machine.Pin(17, machine.Pin.OUT, value=1))
    chip.configure(T)
    chip.trigger()
    assert chip.read() == NO_RESPONSE


# On the board

EXTREMES = (0x7FFFF0, 0x800000, 0x000000, 0xFFFFE0)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checked_copy(tmp_path_factory.mktemp("checked") / "firmware")


@pytest.mark.parametrize(("offset_mc", "register"), [(-8000, 0x80), (7937, 0x7F)])
@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("pin", [0, 1])
def test_no_number_needs_more_than_the_boards_31_bits(
    checked: Path, offset_mc: int, register: int, continuous: bool, pin: int
) -> None:
    firmware = Firmware(checked)
    bus = AnyAnswer(patched(1, 0x91 if continuous else 0x11))
    bus.answer[10] = register
    chip = firmware.load("drivers.max31856").MAX31856(
        bus, lambda level: None, continuous=continuous, offset_mc=offset_mc, ready=lambda: pin
    )
    chip.configure(T)
    seen = set()
    for cold, hot, sr in itertools.product((0x7FFC, 0x8000, 0, 0xFFFC), EXTREMES, (0, 2, 255)):
        bus.answer[11:] = cold.to_bytes(2, "big") + hot.to_bytes(3, "big") + bytes((sr,))
        firmware.board.now_ms += 1 << 28
        chip.trigger()
        seen.add(chip.read())
        firmware.board.now_ms += 1 << 28
        seen.add(chip.read())
    assert seen == {NOT_READY, SHORT, OPEN} | (set() if pin else {OK})


VM_SCRIPT = """
import sys
import micropython


class Clock:
    def __init__(self):
        self.now = 0

    def ticks_ms(self):
        return self.now

    def ticks_diff(self, end, start):
        return end - start


class Board:
    def __init__(self):
        self.started = 0
        self.conversion_ms = [0]


class Spi:
    def write(self, out):
        model.transfer(out, None)

    def write_readinto(self, out, answer):
        model.transfer(out, answer)


clock = Clock()
sys.modules["time"] = clock
from drivers.max31856 import MAX31856
from max31856_chip import Chip

FAULTS = (0, 0, 1, 0, 2, 0)
statuses = [-1] * 12
for options in ({}, {"mains_hz": 60, "averaging": 16, "offset_mc": -63}, {"continuous": True}, {"ready": 1},
                {"ready": 1, "continuous": True}):
    model = Chip(Board(), 0)
    if "ready" in options:
        options["ready"] = lambda: model.drdy
    chip = MAX31856(Spi(), lambda level: None, **options)
    chip.configure(7)
    allocated = False
    micropython.heap_lock()
    for i in range(6):
        chip.trigger()
        statuses[2 * i] = chip.read()
        clock.now += 1000
        model.finish(-46 << 12 if i == 1 else 46 << 12, 24 << 12, FAULTS[i])
        statuses[2 * i + 1] = chip.read()
    try:
        [i] * 50
        allocated = True
    except MemoryError:
        pass
    micropython.heap_unlock()
    print(statuses, chip.tc_mc, chip.cj_mc, chip.code, allocated)
"""


@pytest.mark.micropython
def test_trigger_and_read_allocate_nothing_in_the_vm(tmp_path: Path) -> None:
    """In all modes, with a conversion that runs, results and faults; the last column says that the lock was on."""
    require_vm()
    script = tmp_path / "locked.py"
    script.write_text(VM_SCRIPT)
    environment = dict(os.environ, MICROPYPATH=f"{FOLDER}:{STANDINS}")
    done = subprocess.run(
        [vm_path(), str(script)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    told = [OK, LOW, OPEN, OK, SHORT, OK]
    statuses = [status for result in told for status in (NOT_READY, result)]
    statuses[-2] = SHORT  # stays in the register until the next conversion ends
    assert done.stdout.splitlines() == [
        f"{statuses} 46000 {cold_mc} {46 * 128} False" for cold_mc in (24000, 23937, 24000, 24000, 24000)
    ]
