"""The stand-ins for `machine`, `time`, `select` and `sys`: what the firmware sees of the virtual board."""

from __future__ import annotations

from typing import Any

import pytest
from sim.boards import StandIns
from support.firmware import load

from imilt_sim import world as w

SYSTEM_HZ = 125_000_000
PWM_PIN, ENABLE_PIN, KEY_PIN, BUZZER_PIN, PHOTODIODE_PIN, SUPPLY_PIN = 2, 3, 7, 13, 26, 29
KEY_BIT = 1 << 1


def close(stand_ins: StandIns, mask: int) -> None:
    """These contacts and no other, from the next exchange on."""
    stand_ins.on_exchange = lambda board: setattr(board, "inputs", mask)


# PWM


@pytest.mark.parametrize(
    ("freq", "top", "divider_q4"),
    [(20_000, 6249, 16), (100_000, 1249, 16), (2000, 62499, 16), (1000, 64515, 31), (500, 64515, 62), (50, 65465, 611)],
)
def test_divider_and_top_are_the_rp2_ports(stand_ins: StandIns, freq: int, top: int, divider_q4: int) -> None:
    pwm = stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=freq, duty_u16=0)
    assert (stand_ins.board.pwm_top, pwm._divider_q4) == (top, divider_q4)
    assert pwm.freq() == pytest.approx(freq, rel=0.002)
    assert divider_q4 * (top + 1) == pytest.approx(16 * SYSTEM_HZ / freq, rel=0.002)


@pytest.mark.parametrize(
    ("duty", "compare"), [(0, 0), (1, 0), (5, 0), (6, 1), (5243, 500), (7864, 750), (32768, 3125), (65535, 6250)]
)
def test_the_compare_value_is_rounded(stand_ins: StandIns, duty: int, compare: int) -> None:
    pwm = stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=20_000, duty_u16=duty)
    assert stand_ins.board.pwm_cc == compare
    assert pwm.duty_u16() == (compare * 65535 + 3125) // 6250  # read back from the register


def test_a_new_frequency_keeps_the_duty(stand_ins: StandIns) -> None:
    pwm = stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=20_000, duty_u16=32768)
    pwm.freq(100_000)
    assert (stand_ins.board.pwm_cc, stand_ins.board.pwm_top) == (625, 1249)


def test_a_frequency_that_the_divider_cannot_make_is_refused(stand_ins: StandIns) -> None:
    stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=8)
    with pytest.raises(ValueError, match="freq too small"):
        stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=7)


def test_pwm_on_another_pin_is_no_laser(stand_ins: StandIns) -> None:
    stand_ins.machine.PWM(stand_ins.machine.Pin(15), freq=20_000, duty_u16=65535)
    assert stand_ins.board.pwm_cc == 0


def test_the_buzzer_sounds_while_its_duty_is_not_zero(stand_ins: StandIns) -> None:
    pwm = stand_ins.machine.PWM(stand_ins.machine.Pin(BUZZER_PIN), freq=2000, duty_u16=0)
    assert stand_ins.board.outputs == 0
    pwm.duty_u16(32768)
    assert stand_ins.board.outputs == 16
    pwm.freq(500)
    assert stand_ins.board.outputs == 16
    pwm.duty_u16(0)
    assert stand_ins.board.outputs == 0


@pytest.mark.parametrize("pin", [PWM_PIN, BUZZER_PIN])
def test_a_pin_has_one_master(stand_ins: StandIns, pin: int) -> None:
    """Taken back as a plain output it no longer follows its slice, and the slice not what is written to the pin."""
    Pin, board = stand_ins.machine.Pin, stand_ins.board
    pwm = stand_ins.machine.PWM(Pin(pin), freq=20_000, duty_u16=32768)
    lit = (board.pwm_cc, board.outputs)
    assert lit in ((3125, 0), (0, 16))
    Pin(pin).value(0)
    assert (board.pwm_cc, board.outputs) == lit
    Pin(pin, Pin.OUT, value=0)
    pwm.duty_u16(65535)
    assert (board.pwm_cc, board.outputs) == (0, 0)
    stand_ins.machine.PWM(Pin(pin), freq=20_000, duty_u16=32768)
    assert (board.pwm_cc, board.outputs) == lit
    Pin(pin, Pin.IN)
    assert (board.pwm_cc, board.outputs) == (0, 0)


def test_a_slice_that_halts_may_leave_the_pin_high(stand_ins: StandIns) -> None:
    pwm = stand_ins.machine.PWM(stand_ins.machine.Pin(PWM_PIN), freq=20_000, duty_u16=8000)
    pwm.deinit()
    assert stand_ins.board.pwm_cc == 6250
    stand_ins.machine.Pin(PWM_PIN, stand_ins.machine.Pin.OUT, value=0)
    assert stand_ins.board.pwm_cc == 0


# Pins


def test_the_wiring_is_that_of_the_firmware(stand_ins: StandIns) -> None:
    wiring, pins = stand_ins.module("wiring"), load("board")
    assert (wiring.LASER_PWM, wiring.LASER_ENABLE) == (pins.LASER_PWM, pins.LASER_ENABLE)
    assert (wiring.CHIP_SELECTS, wiring.INPUTS) == (pins.CHIP_SELECTS, pins.INPUTS)
    assert wiring.OUTPUTS == (
        pins.AIMING_BEAM,
        pins.EMISSION_INDICATOR,
        pins.ALARM_RED,
        pins.ALARM_YELLOW,
        pins.BUZZER,
    )
    assert (wiring.PHOTODIODE_ADC, wiring.SUPPLY_ADC) == (pins.PHOTODIODE_ADC, pins.SUPPLY_ADC)


def test_the_worlds_masks_are_those_of_the_wiring(stand_ins: StandIns) -> None:
    wiring = stand_ins.module("wiring")
    inputs = {w.EMERGENCY_STOP: 6, w.KEY: 7, w.REMOTE: 8, w.FIBRE: 9, w.COVER: 0}
    inputs |= {w.FOOTSWITCH: 10, w.READY_BUTTON: 11, w.SILENCE: 12, w.SERVICE: 1}
    outputs = {w.AIMING_BEAM: 4, w.EMISSION_INDICATOR: 5, w.ALARM_RED: 14, w.ALARM_YELLOW: 15, w.BUZZER: 13}
    assert inputs == {1 << i: pin for i, pin in enumerate(wiring.INPUTS)}
    assert outputs == {1 << i: pin for i, pin in enumerate(wiring.OUTPUTS)}
    assert w.CHAIN == w.EMERGENCY_STOP | w.KEY | w.REMOTE | w.FIBRE | w.COVER == 31


@pytest.mark.parametrize(("pin", "mask"), [(4, 1), (5, 2), (14, 4), (15, 8), (13, 16)])
def test_outputs_are_collected_in_a_mask(stand_ins: StandIns, pin: int, mask: int) -> None:
    Pin = stand_ins.machine.Pin
    other = Pin(4 if pin != 4 else 5, Pin.OUT, value=1)
    both = stand_ins.board.outputs | mask
    out = Pin(pin, Pin.OUT, value=1)
    assert stand_ins.board.outputs == both != mask
    other.off()
    assert stand_ins.board.outputs == mask
    out.off()
    assert stand_ins.board.outputs == 0
    out.on()
    Pin(pin, Pin.IN)
    assert stand_ins.board.outputs == 0


@pytest.mark.parametrize("i", range(9))
def test_each_contact_has_its_input(stand_ins: StandIns, i: int) -> None:
    Pin = stand_ins.machine.Pin
    stand_ins.board.inputs = 1 << i
    levels = [Pin(pin, Pin.IN, Pin.PULL_UP)() for pin in stand_ins.module("wiring").INPUTS]
    assert levels == [0 if k == i else 1 for k in range(9)]


def test_a_closed_contact_reads_0_and_an_open_one_is_pulled_up(stand_ins: StandIns) -> None:
    Pin = stand_ins.machine.Pin
    pin = Pin(KEY_PIN, Pin.IN, Pin.PULL_UP)
    stand_ins.board.inputs = KEY_BIT
    assert (pin(), pin.value()) == (0, 0)
    stand_ins.board.inputs = 0
    assert pin() == 1
    assert Pin(15, Pin.IN, Pin.PULL_UP)() == 1
    assert Pin(15, Pin.IN, Pin.PULL_DOWN)() == 0


def test_an_output_reads_back_what_was_written(stand_ins: StandIns) -> None:
    pin = stand_ins.machine.Pin(15, stand_ins.machine.Pin.OUT, value=1)
    assert pin() == 1
    pin.off()
    assert pin() == 0
    pin.on()
    assert pin.value() == 1


def test_only_a_rising_edge_of_the_enable_line_counts(stand_ins: StandIns) -> None:
    enable = stand_ins.machine.Pin(ENABLE_PIN, stand_ins.machine.Pin.OUT, value=0)
    assert stand_ins.board.edge_ms < 0
    stand_ins.time.sleep_ms(10)
    enable(1)
    assert stand_ins.board.edge_ms == 10
    stand_ins.time.sleep_ms(10)
    enable(1)
    enable(0)
    assert stand_ins.board.edge_ms == 10
    enable(1)
    assert stand_ins.board.edge_ms == 20


@pytest.mark.parametrize(
    ("trigger", "levels"), [("IRQ_RISING", [1, 1]), ("IRQ_FALLING", [0]), ("both", [1, 0, 1]), ("none", [])]
)
def test_an_interrupt_comes_at_its_edges(stand_ins: StandIns, trigger: str, levels: list[int]) -> None:
    Pin, seen = stand_ins.machine.Pin, []
    masks = {"both": Pin.IRQ_RISING | Pin.IRQ_FALLING, "none": 0}
    pin = Pin(KEY_PIN, Pin.IN, Pin.PULL_UP)
    close(stand_ins, KEY_BIT)
    stand_ins.time.sleep_ms(1)
    pin.irq(
        handler=lambda pin: seen.append(pin()),
        trigger=masks[trigger] if trigger in masks else getattr(Pin, trigger),
        hard=True,
    )
    for mask in (0, 0, KEY_BIT, KEY_BIT, 0):
        close(stand_ins, mask)
        stand_ins.time.sleep_ms(1)
    assert seen == levels


def test_an_interrupt_comes_in_the_middle_of_a_sleep_and_the_sleep_goes_on(stand_ins: StandIns) -> None:
    Pin, seen = stand_ins.machine.Pin, []
    close(stand_ins, KEY_BIT)
    stand_ins.time.sleep_ms(1)

    def open_after_30_ms(board: Any) -> None:
        if board.inputs:
            board.now_ms, board.inputs = board.target_ms - 70, 0

    stand_ins.on_exchange = open_after_30_ms
    pin = Pin(KEY_PIN, Pin.IN, Pin.PULL_UP)
    pin.irq(handler=lambda pin: seen.append(stand_ins.time.ticks_ms()), trigger=Pin.IRQ_RISING, hard=True)
    stand_ins.time.sleep_ms(100)
    assert seen == [31]
    assert stand_ins.time.ticks_ms() == 101


# Converters and photodiode


@pytest.mark.parametrize("pin", [PHOTODIODE_PIN, 0])
def test_the_photodiode_is_on_its_channel(stand_ins: StandIns, pin: int) -> None:
    stand_ins.board.adc_u16 = 4321
    assert stand_ins.machine.ADC(pin).read_u16() == 4321
    assert stand_ins.machine.ADC(stand_ins.machine.Pin(PHOTODIODE_PIN)).read_u16() == 4321
    assert stand_ins.machine.ADC(27).read_u16() == 0


@pytest.mark.parametrize("pin", [SUPPLY_PIN, 3])
def test_the_supply_is_on_its_channel(stand_ins: StandIns, pin: int) -> None:
    stand_ins.board.supply_u16 = 4321
    assert stand_ins.machine.ADC(pin).read_u16() == 4321
    assert stand_ins.machine.ADC(stand_ins.machine.Pin(SUPPLY_PIN)).read_u16() == 4321
    assert stand_ins.machine.ADC(PHOTODIODE_PIN).read_u16() == 0


@pytest.mark.parametrize("pin", [5, 25, 31])
def test_a_pin_without_a_converter_is_refused(stand_ins: StandIns, pin: int) -> None:
    with pytest.raises(ValueError, match="ADC"):
        stand_ins.machine.ADC(pin)


def registers(stand_ins: StandIns, chip: int = 0, **bus: int) -> bytes:
    """Read configuration 0 and 1 of a chip."""
    Pin = stand_ins.machine.Pin
    spi = stand_ins.machine.SPI(0, **({"baudrate": 2_000_000, "polarity": 0, "phase": 1} | bus))
    select = Pin(stand_ins.module("wiring").CHIP_SELECTS[chip], Pin.OUT, value=1)
    answer = bytearray(3)
    select(0)
    spi.write_readinto(b"\x00\x00\x00", answer)
    select(1)
    return bytes(answer[1:])


@pytest.mark.parametrize("chip", range(4))
def test_each_select_line_has_its_chip(stand_ins: StandIns, chip: int) -> None:
    stand_ins.board.chips[chip].registers[1] = 0x37
    found = [registers(stand_ins, i)[1] for i in range(4)]
    assert found == [0x37 if i == chip else 0x03 for i in range(4)]


@pytest.mark.parametrize("bus", [{"phase": 0}, {"baudrate": 5_000_001}, {"bits": 16}])
def test_a_bus_that_the_chip_does_not_speak_floats(stand_ins: StandIns, bus: dict[str, int]) -> None:
    assert registers(stand_ins, **bus) == b"\xff\xff"


def test_mode_3_works_too(stand_ins: StandIns) -> None:
    assert registers(stand_ins, polarity=1) == b"\x00\x03"


def test_an_absent_chip_floats(stand_ins: StandIns) -> None:
    stand_ins.board.absent = 0b0010
    assert registers(stand_ins, 1) == b"\xff\xff"
    assert registers(stand_ins, 0) == b"\x00\x03"


def test_without_a_select_nobody_answers(stand_ins: StandIns) -> None:
    spi = stand_ins.machine.SPI(0, baudrate=1_000_000, phase=1)
    assert spi.read(2) == b"\xff\xff"


# Scratch registers


SCRATCH = 0x4005800C


def test_four_scratch_registers_begin_at_0_and_keep_what_is_written(stand_ins: StandIns) -> None:
    memory = stand_ins.machine.mem32
    assert [memory[SCRATCH + 4 * i] for i in range(4)] == [0] * 4
    for i in range(4):
        memory[SCRATCH + 4 * i] = (1 << 30) - 1 - i
    assert [memory[SCRATCH + 4 * i] for i in range(4)] == [(1 << 30) - 1 - i for i in range(4)]


@pytest.mark.parametrize("value", [1 << 30, -1, 0xFFFFFFFF])
def test_what_would_be_an_integer_on_the_boards_heap_is_refused(stand_ins: StandIns, value: int) -> None:
    with pytest.raises(ValueError, match="heap"):
        stand_ins.machine.mem32[SCRATCH] = value
    assert stand_ins.machine.mem32[SCRATCH] == 0


@pytest.mark.parametrize("address", [0, SCRATCH - 4, SCRATCH + 1, SCRATCH + 2, SCRATCH + 16])
def test_there_is_no_other_memory(stand_ins: StandIns, address: int) -> None:
    with pytest.raises(ValueError, match=hex(address)):
        stand_ins.machine.mem32[address]
    with pytest.raises(ValueError, match=hex(address)):
        stand_ins.machine.mem32[address] = 0
