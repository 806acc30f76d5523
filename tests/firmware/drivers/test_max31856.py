"""MAX31856: the bytes exchanged, every fault bit, every code, and the chip's register model behind the SPI stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from support.firmware import Firmware, load

driver = load("drivers.max31856")
OK, OPEN, SHORT, RANGE = driver.OK, driver.OPEN, driver.SHORT, driver.RANGE
ASK = bytes(17)
# Address, CR0, CR1, MASK, cold-junction limits, linearised limits, offset, cold junction, thermocouple, status
IDLE = bytes.fromhex("00 11 07 00 3C 00 06 E0 00 00 00 18 00 02 E0 00 00")
POWER_UP = bytes.fromhex("00 00 03 FF 7F C0 7F FF 80 00 00 00 00 00 00 00 00")


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
def expected_protocol(*script: tuple[bytes, bytes | None]) -> Iterator[Any]:
    bus = Bus(script)
    yield driver.MAX31856(bus, bus.select)
    bus.assert_done()


def answering(answer: bytes) -> Any:
    """A driver for a type T whose next read gets `answer`."""
    bus = Bus([(ASK, answer)])
    return driver.MAX31856(bus, bus.select)


def patched(at: int, *data: int) -> bytes:
    """The answer of a healthy chip with bytes changed, `at` counted from the address byte."""
    return IDLE[:at] + bytes(data) + IDLE[at + len(data) :]


def test_configure_stops_conversion_and_then_writes_every_register() -> None:
    every_register = bytes.fromhex("80 13 03 00 3C 00 06 E0 00 00 00")
    with expected_protocol((b"\x80\x00", None), (every_register, None)) as chip:
        chip.configure(driver.TYPE_K)


def test_trigger_is_one_write() -> None:
    with expected_protocol((b"\x80\x51", None)) as chip:
        chip.trigger()


def test_read_is_one_burst() -> None:
    with expected_protocol((ASK, patched(11, 0x18, 0x40, 0x02, 0xE1, 0x20))) as chip:
        assert chip.read() == OK
    assert (chip.cj_mc, chip.tc_mc, chip.sr) == (24250, 46070, 0)  # 46 °C and 9/128, rounded down


@pytest.mark.parametrize("sr", range(256))
def test_status_of_every_register_value(sr: int) -> None:
    expected = OK if sr == 0 else OPEN if sr & 1 else SHORT if sr & 2 else RANGE
    chip = answering(patched(16, sr))
    assert chip.read() == expected
    assert chip.sr == sr


class AnyAnswer:
    """A bus that gives whatever `answer` holds."""

    def __init__(self) -> None:
        self.answer = bytearray(IDLE)

    def write_readinto(self, out: bytes, answer: bytearray) -> None:
        answer[:] = self.answer


def test_every_thermocouple_code_is_exact() -> None:
    bus = AnyAnswer()
    chip = driver.MAX31856(bus, lambda level: None)
    for code in range(-(1 << 18), 1 << 18):
        bus.answer[13:16] = (code << 5 & 0xFFFFFF).to_bytes(3, "big")
        chip.read()
        assert chip.tc_mc == code * 1000 // 128


def test_every_cold_junction_code_is_exact() -> None:
    bus = AnyAnswer()
    chip = driver.MAX31856(bus, lambda level: None)
    for code in range(-(1 << 13), 1 << 13):
        bus.answer[11:13] = (code << 2 & 0xFFFF).to_bytes(2, "big")
        chip.read()
        assert chip.cj_mc == code * 1000 // 64


def test_a_quarter_below_zero_is_not_2048_below() -> None:
    chip = answering(patched(11, 0xFF, 0xC0, 0xFF, 0xFC, 0x00))
    assert chip.read() == OK
    assert (chip.cj_mc, chip.tc_mc) == (-250, -250)


BAD_ANSWERS = {
    "all zero": bytes(17),
    "all one": b"\xff" * 17,
    "reset chip": POWER_UP,
    "other type": patched(2, driver.TYPE_K),
    "other mains": patched(1, 0x10),
    "no detection of open leads": patched(1, 0x01),
    "converting by itself": patched(1, 0x91),
    "averaging": patched(2, 0x17),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_chip_that_is_not_as_configured_does_not_respond(answer: bytes) -> None:
    chip = answering(answer)
    assert chip.read() == driver.NO_RESPONSE
    assert (chip.tc_mc, chip.cj_mc, chip.sr) == (0, 0, 0)


def test_not_ready_keeps_the_values() -> None:
    bus = Bus([(ASK, IDLE), (ASK, patched(1, 0x51, 7, 0, 60, 0, 6, 0xE0, 0, 0, 0, 0x7F, 0xFF, 0x7F))])
    chip = driver.MAX31856(bus, bus.select)
    assert [chip.read(), chip.read()] == [OK, driver.NOT_READY]
    assert (chip.tc_mc, chip.cj_mc) == (46000, 24000)


@pytest.fixture
def device() -> tuple[Firmware, Any]:
    """The firmware's own wiring on the virtual board, its first converter configured for type T."""
    firmware = Firmware()
    board = firmware.load("board").Board()
    board.chips[0].configure(driver.TYPE_T)
    return firmware, board


def convert(firmware: Firmware, chip: Any, celsius: float, faults: int = 0, cold_c: float = 24.0) -> int:
    chip.trigger()
    firmware.board.chips[0].finish(round(celsius * 4096), round(cold_c * 4096), faults)
    return chip.read()


@pytest.mark.parametrize("celsius", [0.0, 0.125, 36.9921875, 46.0, 109.9921875])
def test_reads_the_register_model(device: tuple[Firmware, Any], celsius: float) -> None:
    firmware, board = device
    assert convert(firmware, board.chips[0], celsius) == OK
    assert board.chips[0].tc_mc == int(celsius * 1000)
    assert board.chips[0].cj_mc == 24000


@pytest.mark.parametrize(
    ("celsius", "cold_c", "faults", "status", "sr"),
    [
        (46.0, 24.0, 1, OPEN, 0x01),
        (46.0, 24.0, 2, SHORT, 0x02),
        (-0.25, 24.0, 0, RANGE, 0x04),
        (110.25, 24.0, 0, RANGE, 0x08),
        (46.0, -1.0, 0, RANGE, 0x10),
        (46.0, 61.0, 0, RANGE, 0x20),
        (401.0, 24.0, 0, RANGE, 0x48),
        (46.0, 126.0, 0, RANGE, 0xA0),
    ],
)
def test_faults_of_the_register_model(
    device: tuple[Firmware, Any], celsius: float, cold_c: float, faults: int, status: int, sr: int
) -> None:
    firmware, board = device
    assert convert(firmware, board.chips[0], celsius, faults, cold_c) == status
    assert board.chips[0].sr == sr


def test_a_running_conversion_is_not_ready(device: tuple[Firmware, Any]) -> None:
    _, board = device
    board.chips[0].trigger()
    assert board.chips[0].read() == driver.NOT_READY


def test_an_absent_chip_does_not_respond(device: tuple[Firmware, Any]) -> None:
    firmware, board = device
    firmware.board.absent = 1
    assert board.chips[0].read() == driver.NO_RESPONSE


@pytest.mark.parametrize("tc_type", [driver.TYPE_K, driver.TYPE_T])
def test_a_chip_that_was_reset_does_not_respond_even_after_the_next_trigger(
    device: tuple[Firmware, Any], tc_type: int
) -> None:
    """After power-up CR1 says type K, and the trigger itself writes CR0: only the other registers tell."""
    firmware, board = device
    board.chips[0].configure(tc_type)
    firmware.board.chips[0].registers[:] = POWER_UP[1:]
    assert convert(firmware, board.chips[0], 46.0) == driver.NO_RESPONSE


@pytest.mark.parametrize("bus", [{"phase": 0}, {"phase": 1, "baudrate": 6000000}])
def test_the_wrong_mode_or_speed_is_seen(device: tuple[Firmware, Any], bus: dict[str, int]) -> None:
    firmware, _ = device
    machine = firmware.load("machine")
    chip = driver.MAX31856(machine.SPI(0, **bus), machine.Pin(17, machine.Pin.OUT, value=1))
    chip.configure(driver.TYPE_T)
    assert chip.read() == driver.NO_RESPONSE
