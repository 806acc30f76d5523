"""Resets, soft resets, the prompt and power cuts, as a board has them, on every level."""

from __future__ import annotations

from pathlib import Path

import pytest
from sim.simulations import BOTH_LEVELS
from sim.tiny import BOOT_MS, SOFT_BOOT_MS, Tiny

RED, YELLOW, BUZZER = 4, 8, 16
CTRL_C, CTRL_D = b"\x03", b"\x04"
REBOOTED = "MPY: soft reboot"
LASER = "pwm = PWM(Pin(2), freq=20000, duty_u16=6554)\n"  # a tenth of TOP + 1 = 6250
COMPARE, HIGH = 625, 6250
FOR_EVER = "while True:\n    time.sleep_ms(1000)\n"

pytestmark = BOTH_LEVELS


# Resets of the chip


COUNTS = """
count = machine.mem32[0x4005800C]
say("start %d, cause %d" % (count, machine.reset_cause()))
machine.mem32[0x4005800C] = count + 1
"""


def test_scratch_survives_every_reset_but_not_the_loss_of_power(tmp_path: Path, level: str) -> None:
    ways = """
if count == 0:
    machine.reset()
if count == 1:
    machine.soft_reset()
watchdog = WDT(timeout=500)
time.sleep_ms(10000)
"""
    tiny = Tiny(tmp_path, level, COUNTS + ways)
    tiny.set(2000, cut_ms=700)
    lines = [line for line in tiny.run(5000) if line.startswith("start")]
    # Asked for, soft, and twice by the watchdog; after the cut the same again.
    assert lines == [f"start {i}, cause {cause}" for i, cause in enumerate((1, 3, 3, 3, 3))] * 2


def test_a_reset_unlocks_the_heap(tmp_path: Path, level: str) -> None:
    main = """
say("start")
WDT(timeout=500)
micropython.heap_lock()
micropython.heap_lock()
time.sleep_ms(10000)
"""
    assert Tiny(tmp_path, level, main).run(1700) == ["start"] * 3


@pytest.mark.parametrize("locked", [False, True])
def test_after_a_watchdog_reset_nothing_more_of_the_firmware_happens(
    tmp_path: Path, level: str, locked: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    main = f"""
from micropython import heap_lock, heap_unlock
say("start %d" % machine.mem32[0x40058010])
red = Pin(14, Pin.OUT, value=1)
WDT(timeout=500)
try:
    {"heap_lock()" if locked else "pass"}
    time.sleep_ms(10000)
finally:
    {"heap_unlock()" if locked else "pass"}
    machine.mem32[0x40058010] = 77
    Pin(15, Pin.OUT, value=1)
    Pin(3, Pin.OUT, value=1)
    PWM(Pin(2), freq=20000, duty_u16=30000)
    say("way out")
    time.sleep_ms(50)
    say("still here")
"""
    tiny = Tiny(tmp_path, level, main)
    assert tiny.run(1000) == ["start 0", "start 0"]
    assert tiny.outputs == [(-BOOT_MS, 0), (0, RED), (500, 0), (500 + BOOT_MS, RED)]
    assert [value for _, value in tiny.compare] == [0]
    assert not tiny.edges
    assert "Error" not in capfd.readouterr().err


def test_a_firmware_that_catches_everything_is_reset_all_the_same(
    tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    main = """
say("start")
WDT(timeout=500)
for _ in range(100):
    try:
        time.sleep_ms(10000)
    except BaseException:
        pass
say("survived")
raise ValueError
"""
    assert Tiny(tmp_path, level, main).run(1500) == ["start", "start"]
    assert "ValueError" not in capfd.readouterr().err


def test_what_was_written_before_a_reset_arrives(tmp_path: Path, level: str) -> None:
    main = """
say("before")
try:
    if machine.reset_cause() == machine.PWRON_RESET:
        machine.reset()
finally:
    say("after")
time.sleep_ms(10000)
"""
    assert Tiny(tmp_path, level, main).run(BOOT_MS + 100) == ["before", "before", "after"]


def test_bytes_from_before_a_reset_are_gone(tmp_path: Path, level: str) -> None:
    main = """
import select
poll = select.poll()
poll.register(sys.stdin.buffer, select.POLLIN)
one = bytearray(1)
if machine.reset_cause() == machine.PWRON_RESET:
    time.sleep_ms(100)
    machine.reset()
time.sleep_ms(100)
while poll.poll(0):
    sys.stdin.buffer.readinto(one)
    say("read %d" % one[0])
time.sleep_ms(1000)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.send(50, b"A")
    tiny.send(150, b"B")  # while it boots
    tiny.send(BOOT_MS + 150, b"C")
    assert tiny.run(1000) == ["read 67"]


def test_the_monostable_is_not_on_the_board(tmp_path: Path, level: str) -> None:
    """A reset takes the enable line down; the pulse that went before goes on."""
    seen: list[int] = []
    main = "enable = Pin(3, Pin.OUT, value=0)\nenable(1)\ntime.sleep_ms(100)\nmachine.reset()\n"
    tiny = Tiny(tmp_path, level, main)
    tiny.at(150, lambda board: seen.append(board.edge_ms - BOOT_MS))
    tiny.run(200)
    assert seen == [0]


# Soft resets


def test_a_soft_reset_unwinds_keeps_the_pins_and_halts_the_lasers_slice(tmp_path: Path, level: str) -> None:
    main = f"""
say("start")
red, buzzer = Pin(14, Pin.OUT, value=1), PWM(Pin(13), freq=2000, duty_u16=32768)
{LASER}
try:
    time.sleep_ms(100)
    machine.soft_reset()
finally:
    say("way out")
    Pin(15, Pin.OUT, value=1)
"""
    tiny = Tiny(tmp_path, level, main)
    assert tiny.run(100 + SOFT_BOOT_MS + 50) == ["start", "way out", REBOOTED, "start"]
    again = 100 + SOFT_BOOT_MS
    assert tiny.compare == [(-BOOT_MS, 0), (0, COMPARE), (100, HIGH), (again, COMPARE)]
    assert tiny.outputs == [(-BOOT_MS, 0), (0, RED | BUZZER), (100, RED | YELLOW | BUZZER), (again, RED | BUZZER)]


def test_without_a_boot_that_takes_it_back_the_pin_stays_lit(tmp_path: Path, level: str) -> None:
    main = f"""
if machine.mem32[0x4005800C]:
    time.sleep_ms(10000)
machine.mem32[0x4005800C] = 1
{LASER}
machine.soft_reset()
"""
    tiny = Tiny(tmp_path, level, main, boot="")
    tiny.run(1000)
    assert tiny.compare == [(-BOOT_MS, 0), (0, HIGH)]


def test_a_soft_reset_stops_timers_and_interrupts_but_no_watchdog(tmp_path: Path, level: str) -> None:
    main = """
say("start, cause %d" % machine.reset_cause())
if machine.mem32[0x4005800C] == 0:
    machine.mem32[0x4005800C] = 1
    WDT(timeout=500)
    timer = machine.Timer(period=50, callback=lambda t: say("timer"))
    key = Pin(7, Pin.IN, Pin.PULL_UP)
    key.irq(handler=lambda pin: say("key"), trigger=Pin.IRQ_RISING | Pin.IRQ_FALLING, hard=True)
    time.sleep_ms(120)
    machine.soft_reset()
time.sleep_ms(10000)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.set(70, inputs=2)
    tiny.set(300, inputs=0)
    lines = tiny.run(500 + BOOT_MS + 100)
    assert lines == ["start, cause 1", "timer", "key", "timer", REBOOTED, "start, cause 1", "start, cause 3"]


# The prompt


def test_when_main_is_over_the_board_sits_at_its_prompt_with_everything_as_it_was(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, f"red = Pin(14, Pin.OUT, value=1)\n{LASER}time.sleep_ms(100)\n")
    tiny.run(5000)
    assert tiny.sent.count(b">>> ") == 1
    assert tiny.outputs[-1] == (0, RED)
    assert tiny.compare[-1] == (0, COMPARE)


def test_a_main_that_fails_ends_there_too(tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str]) -> None:
    tiny = Tiny(tmp_path, level, "red = Pin(14, Pin.OUT, value=1)\nraise ValueError('broken')\n")
    tiny.run(500)
    assert b">>> " in tiny.sent
    assert tiny.outputs[-1][1] == RED
    assert "ValueError: broken" in capfd.readouterr().err


def test_a_main_that_cannot_be_imported_ends_there_too(
    tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    tiny = Tiny(tmp_path, level, "if True\n")
    tiny.run(500)
    assert b">>> " in tiny.sent
    assert "SyntaxError" in capfd.readouterr().err


def test_a_boot_that_fails_keeps_main_from_running(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "say('main')\n", boot="raise ValueError\n")
    tiny.run(500)
    assert b">>> " in tiny.sent
    assert b"main" not in tiny.sent


def test_a_boot_that_exits_is_a_soft_reset(tmp_path: Path, level: str) -> None:
    boot = """
import machine, sys
if machine.mem32[0x4005800C] == 0:
    machine.mem32[0x4005800C] = 1
    sys.exit()
"""
    tiny = Tiny(tmp_path, level, "say('main')\n" + FOR_EVER, boot)
    assert tiny.run(500) == [REBOOTED, "main"]


def test_ctrl_d_at_the_prompt_is_a_soft_reset_of_an_empty_line_only(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "say('start')\n")
    tiny.send(150, b"T" + CTRL_D)
    tiny.send(450, CTRL_C + CTRL_D)
    tiny.send(850, b"x\r" + CTRL_D)
    tiny.run(1200)
    assert tiny.sent.count(b"start") == 3
    assert tiny.sent.count(REBOOTED.encode()) == 2


def test_the_watchdog_goes_on_at_the_prompt(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "say('cause %d' % machine.reset_cause())\nWDT(timeout=500)\n")
    tiny.run(500 + BOOT_MS + 100)
    assert tiny.sent.count(b"cause 1\n") == tiny.sent.count(b"cause 3\n") == 1


def test_a_handler_still_runs_at_the_prompt(tmp_path: Path, level: str) -> None:
    main = """
key = Pin(7, Pin.IN, Pin.PULL_UP)
key.irq(handler=lambda pin: Pin(15, Pin.OUT, value=1), trigger=Pin.IRQ_FALLING, hard=True)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.set(250, inputs=2)
    tiny.run(500)
    assert tiny.outputs[-1] == (250, YELLOW)


# Ctrl-C


WAITS = """
import select
poll = select.poll()
poll.register(sys.stdin.buffer, select.POLLIN)
one = bytearray(1)
micropython.kbd_intr(CHAR)
try:
    time.sleep_ms(1000)
except KeyboardInterrupt:
    say("interrupted at %d" % (time.ticks_ms() - BOOT))
while poll.poll(0):
    sys.stdin.buffer.readinto(one)
    say("read %d" % one[0])
time.sleep_ms(1000)
""".replace("BOOT", str(BOOT_MS))


def test_ctrl_c_ends_a_sleep_and_drops_what_came_before_it(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, WAITS.replace("CHAR", "3"))
    tiny.send(100, b"A")
    tiny.send(250, b"B" + CTRL_C + b"C")
    assert tiny.run(500) == ["interrupted at 250", "read 67"]


@pytest.mark.parametrize("char", [-1, 4])
def test_otherwise_it_is_a_byte_like_any_other(tmp_path: Path, level: str, char: int) -> None:
    tiny = Tiny(tmp_path, level, WAITS.replace("CHAR", str(char)))
    tiny.send(250, CTRL_C)
    assert tiny.run(1500) == ["read 3"]


def test_what_waits_since_before_interrupts_nothing(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "micropython.kbd_intr(-1)\ntime.sleep_ms(100)\n" + WAITS.replace("CHAR", "3"))
    tiny.send(50, CTRL_C)
    assert tiny.run(1500) == ["read 3"]


def test_a_script_begins_with_ctrl_c_on_and_ends_at_the_prompt_by_it(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, LASER + FOR_EVER)
    tiny.send(100, CTRL_C)
    tiny.run(400)
    assert tiny.sent.count(b">>> ") == 1
    assert tiny.compare[-1] == (0, COMPARE)


def test_an_interrupted_exchange_loses_no_change_of_a_contact(tmp_path: Path, level: str) -> None:
    main = """
key = Pin(7, Pin.IN, Pin.PULL_UP)
key.irq(handler=lambda pin: Pin(15, Pin.OUT, value=1), trigger=Pin.IRQ_FALLING, hard=True)
try:
    time.sleep_ms(1000)
except KeyboardInterrupt:
    say("interrupted")
time.sleep_ms(1000)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.send(100, CTRL_C)
    tiny.set(100, inputs=2)
    assert tiny.run(500) == ["interrupted"]
    assert tiny.outputs[-1] == (100, YELLOW)


# Power cuts and hangs


def test_a_power_cut_is_dark_at_once_and_long_enough(tmp_path: Path, level: str) -> None:
    main = f"""
say("start, cause %d" % machine.reset_cause())
red, buzzer = Pin(14, Pin.OUT, value=1), PWM(Pin(13), freq=2000, duty_u16=32768)
{LASER}
try:
    time.sleep_ms(10000)
finally:
    say("way out")
    machine.mem32[0x4005800C] = 1
    Pin(15, Pin.OUT, value=1)
    time.sleep_ms(10)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.set(1234, cut_ms=2000)
    back = 1234 + 2000 + BOOT_MS
    assert tiny.run(back + 100) == ["start, cause 1", "start, cause 1"]
    assert tiny.outputs == [(-BOOT_MS, 0), (0, RED | BUZZER), (1234, 0), (back, RED | BUZZER)]
    assert tiny.compare == [(-BOOT_MS, 0), (0, COMPARE), (1234, 0), (back, COMPARE)]


def test_a_power_cut_during_a_power_cut_begins_anew(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "say('start %d' % time.ticks_ms())\n" + FOR_EVER)
    tiny.set(100, cut_ms=2000)
    tiny.set(1000, cut_ms=500)
    tiny.run(3000)
    assert tiny.lines == [f"start {BOOT_MS}", f"start {BOOT_MS + 1500 + BOOT_MS}"]


def test_converters_keep_their_registers_in_a_reset_and_lose_them_with_the_power(tmp_path: Path, level: str) -> None:
    main = """
spi = machine.SPI(0, baudrate=2000000, polarity=0, phase=1)
select = Pin(17, Pin.OUT, value=1)
answer = bytearray(2)
select(0)
spi.write_readinto(bytes((1, 0)), answer)
select(1)
say("register %d" % answer[1])
select(0)
spi.write(bytes((0x81, 0x37)))
select(1)
if answer[1] == 3:
    machine.reset()
time.sleep_ms(10000)
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.set(1000, cut_ms=100)
    assert tiny.run(2500) == ["register 3", "register 55"] * 2


def test_a_board_that_hangs_still_has_interrupts_and_is_reset_by_its_watchdog(tmp_path: Path, level: str) -> None:
    main = """
say("start, cause %d" % machine.reset_cause())
key = Pin(7, Pin.IN, Pin.PULL_UP)
key.irq(handler=lambda pin: Pin(15, Pin.OUT, value=1), trigger=Pin.IRQ_FALLING, hard=True)
watchdog = WDT(timeout=500)
while True:
    time.sleep_ms(100)
    watchdog.feed()
"""
    tiny = Tiny(tmp_path, level, main)
    tiny.set(1050, hang=1)
    tiny.set(1200, inputs=2)
    assert tiny.run(1500 + BOOT_MS + 100) == ["start, cause 1", "start, cause 3"]
    assert tiny.outputs == [(-BOOT_MS, 0), (1200, YELLOW), (1500, 0)]


def test_without_a_watchdog_it_hangs_for_ever(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, "while True:\n    say('cycle')\n    time.sleep_ms(100)\n")
    tiny.set(250, hang=1)
    assert tiny.run(3_600_000) == ["cycle"] * 3


def test_boot_finds_the_pins_dark(tmp_path: Path, level: str) -> None:
    tiny = Tiny(tmp_path, level, f"Pin(14, Pin.OUT, value=1)\n{LASER}machine.reset()\n")
    tiny.run(1000)
    assert {value for _, value in tiny.outputs} == {0}
    assert {value for _, value in tiny.compare} == {0}
