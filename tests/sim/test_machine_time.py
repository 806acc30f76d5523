"""Time on the virtual board: ticks, timers, the watchdog, resets, and the serial port's bytes."""

from __future__ import annotations

import pytest
from sim.boards import StandIns

PERIOD = 1 << 30
PWRON, WATCHDOG = 1, 3


def reset_of(stand_ins: StandIns) -> type[BaseException]:
    return stand_ins.module("vboard").Reset


# Ticks


def test_time_passes_in_sleep_only(stand_ins: StandIns) -> None:
    time = stand_ins.time
    assert time.ticks_ms() == time.ticks_ms() == 0
    time.sleep_ms(5)
    assert (time.ticks_ms(), time.ticks_us()) == (5, 5000)
    time.sleep(0.25)
    time.sleep_us(1500)
    assert time.ticks_ms() == 257


@pytest.mark.parametrize("ms", [0, -5])
def test_a_sleep_of_nothing_passes_no_time(stand_ins: StandIns, ms: int) -> None:
    stand_ins.time.sleep_ms(ms)
    assert (stand_ins.time.ticks_ms(), stand_ins.exchanges) == (0, 0)


def test_ticks_wrap_at_2_to_the_30(stand_ins: StandIns) -> None:
    time = stand_ins.time
    stand_ins.board.now_ms = PERIOD - 10
    before = time.ticks_ms()
    time.sleep_ms(30)
    assert time.ticks_ms() == 20
    assert time.ticks_diff(time.ticks_ms(), before) == 30
    assert time.ticks_diff(before, time.ticks_ms()) == -30
    assert time.ticks_add(before, 30) == 20
    assert time.ticks_add(20, -30) == before
    assert 0 <= time.ticks_us() < PERIOD


@pytest.mark.parametrize("difference", [0, 1, -1, PERIOD // 2 - 1, -PERIOD // 2])
def test_differences_over_the_whole_of_half_a_period(stand_ins: StandIns, difference: int) -> None:
    time = stand_ins.time
    for start in (0, 123, PERIOD - 1):
        assert time.ticks_diff(time.ticks_add(start, difference), start) == difference


# Timers


def test_a_periodic_timer_comes_again_and_again_until_it_is_stopped(stand_ins: StandIns) -> None:
    seen: list[int] = []
    timer = stand_ins.machine.Timer(
        period=30, mode=stand_ins.machine.Timer.PERIODIC, callback=lambda t: seen.append(stand_ins.time.ticks_ms())
    )
    stand_ins.time.sleep_ms(100)
    assert seen == [30, 60, 90]
    timer.deinit()
    stand_ins.time.sleep_ms(100)
    assert len(seen) == 3


def test_a_one_shot_timer_comes_once(stand_ins: StandIns) -> None:
    seen: list[int] = []
    timer = stand_ins.machine.Timer()
    timer.init(
        mode=stand_ins.machine.Timer.ONE_SHOT,
        period=40,
        callback=lambda t: seen.append(stand_ins.time.ticks_ms()),
    )
    stand_ins.time.sleep_ms(200)
    assert seen == [40]


def test_a_frequency_is_a_period(stand_ins: StandIns) -> None:
    seen: list[int] = []
    stand_ins.machine.Timer(freq=50, callback=lambda t: seen.append(stand_ins.time.ticks_ms()))
    stand_ins.time.sleep_ms(45)
    assert seen == [20, 40]


def test_timers_run_in_the_order_of_their_times(stand_ins: StandIns) -> None:
    seen: list[str] = []
    Timer = stand_ins.machine.Timer
    Timer(mode=Timer.ONE_SHOT, period=30, callback=lambda t: seen.append("late"))
    Timer(mode=Timer.ONE_SHOT, period=10, callback=lambda t: seen.append("early"))
    stand_ins.time.sleep_ms(50)
    assert seen == ["early", "late"]


# Watchdog and resets


def test_a_watchdog_that_is_fed_stays_quiet(stand_ins: StandIns) -> None:
    watchdog = stand_ins.machine.WDT(timeout=500)
    for _ in range(20):
        stand_ins.time.sleep_ms(499)
        watchdog.feed()


def test_a_watchdog_that_is_not_fed_resets_at_its_time(stand_ins: StandIns) -> None:
    stand_ins.machine.WDT(timeout=500)
    with pytest.raises(reset_of(stand_ins)):
        stand_ins.time.sleep_ms(10_000)
    assert stand_ins.time.ticks_ms() == 500
    assert stand_ins.machine.reset_cause() == stand_ins.machine.WDT_RESET == WATCHDOG


@pytest.mark.parametrize("timeout", [0, 8389])
def test_a_watchdog_has_the_chips_range(stand_ins: StandIns, timeout: int) -> None:
    with pytest.raises(ValueError, match="timeout"):
        stand_ins.machine.WDT(timeout=timeout)
    stand_ins.machine.WDT(timeout=8388)


def test_a_reset_that_was_asked_for_looks_like_the_watchdogs(stand_ins: StandIns) -> None:
    """On the RP2040 it is the watchdog that carries it out."""
    assert stand_ins.machine.reset_cause() == PWRON
    with pytest.raises(reset_of(stand_ins)):
        stand_ins.machine.reset()
    assert stand_ins.machine.reset_cause() == WATCHDOG


def test_no_time_passes_between_a_reset_and_the_firmwares_end(stand_ins: StandIns) -> None:
    with pytest.raises(reset_of(stand_ins)):
        stand_ins.machine.reset()
    for call in (lambda: stand_ins.time.sleep_ms(100), stand_ins.machine.reset):
        with pytest.raises(reset_of(stand_ins)):
            call()
    assert (stand_ins.time.ticks_ms(), stand_ins.exchanges) == (0, 0)


def test_after_a_reset_no_transfer_reaches_a_converter(stand_ins: StandIns) -> None:
    machine = stand_ins.machine
    spi, select = machine.SPI(0, baudrate=2_000_000, phase=1), machine.Pin(17, machine.Pin.OUT, value=1)
    with pytest.raises(reset_of(stand_ins)):
        machine.reset()
    select(0)
    spi.write(bytes((0x80, 0x51)))
    stand_ins.board.thaw()
    assert stand_ins.board.chips[0].registers[0] == 0
    assert stand_ins.board.started == 0


def test_a_soft_reset_is_an_exception(stand_ins: StandIns) -> None:
    with pytest.raises(SystemExit):
        stand_ins.machine.soft_reset()


def test_a_reset_makes_the_pins_inputs_and_stops_everything(stand_ins: StandIns) -> None:
    machine, board = stand_ins.machine, stand_ins.board
    machine.PWM(machine.Pin(2), freq=20_000, duty_u16=8000)
    machine.Pin(3, machine.Pin.OUT, value=1)
    machine.Pin(14, machine.Pin.OUT, value=1)
    machine.WDT(timeout=500)
    machine.Timer(period=10, callback=lambda t: None)
    board.chips[0].registers[1] = 0x37
    board.reset_pins()
    assert (board.pwm_cc, board.enable_level, board.outputs, board.timers, board.irqs) == (0, 0, 0, [], {})
    assert board.edge_ms == 0  # the monostable is not on the board
    stand_ins.time.sleep_ms(10_000)  # no watchdog any more
    assert board.chips[0].registers[1] == 0x37  # powered apart from the microcontroller


def test_a_power_on_boots_and_a_reset_boots_again(stand_ins: StandIns) -> None:
    vboard, board = stand_ins.module("vboard"), stand_ins.board
    loaded: list[tuple[str, int]] = []

    def load(name: str) -> None:
        loaded.append((name, board.now_ms))
        if len(loaded) == 2:
            stand_ins.machine.reset()
        if len(loaded) == 4:
            raise vboard.PowerOff

    vboard.power_on(board, load)
    boot = vboard.BOOT_MS
    assert loaded == [("boot", boot), ("main", boot), ("boot", 2 * boot), ("main", 2 * boot)]


def test_the_unique_id_is_eight_bytes(stand_ins: StandIns) -> None:
    assert len(stand_ins.machine.unique_id()) == 8


# The serial port


def test_bytes_are_polled_and_read_one_by_one(stand_ins: StandIns) -> None:
    select, stdin = stand_ins.module("select"), stand_ins.module("sys").stdin.buffer
    poll = select.poll()
    poll.register(stdin, select.POLLIN)
    assert not poll.poll(0)
    stand_ins.board.rx = bytearray(b"ab")
    one, seen = bytearray(1), b""
    while poll.poll(0):
        stdin.readinto(one)
        seen += one
    assert seen == b"ab"


def test_what_is_written_waits_for_the_next_exchange(stand_ins: StandIns) -> None:
    select, stdout = stand_ins.module("select"), stand_ins.module("sys").stdout.buffer
    poll = select.poll()
    poll.register(stdout, select.POLLOUT)
    assert poll.poll(0)
    assert stdout.write(b"line\n") == 5
    assert bytes(stand_ins.board.tx) == b"line\n"
