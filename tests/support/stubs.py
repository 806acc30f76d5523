"""Stubs of what the drivers act on, and a board made of them: inputs are set, outputs are looked at, no time passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.firmware import Firmware

ALL_CLOSED = 0x0F  # the four contacts of the chain; footswitch and ready button are open
CONTACTS = ("emergency stop", "key", "remote", "fibre", "footswitch", "ready")


class Pin:
    """A pin: `level`, what was written to it, and its rising edges. `drive` changes an input from outside; `on_read`
    runs before each reading, as an interrupt might."""

    IRQ_RISING = 8

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.writes: list[int] = []
        self.edges = 0
        self.handler: Callable[[Pin], None] | None = None
        self.hard = False
        self.on_read: Callable[[], None] = lambda: None

    def __call__(self, value: int | None = None) -> int:
        if value is None:
            self.on_read()
        else:
            self.edges += value > self.level
            self.level = value
            self.writes.append(value)
        return self.level

    def irq(self, handler: Callable[[Pin], None], trigger: int, hard: bool) -> None:
        assert trigger == Pin.IRQ_RISING
        self.handler, self.hard = handler, hard

    def drive(self, level: int) -> None:
        rising = level > self.level
        self.level = level
        if rising and self.handler:
            self.handler(self)


class PWM:
    """Keeps every duty written; `on_write` runs after each, as an interrupt might."""

    def __init__(self) -> None:
        self.duties: list[int] = []
        self.on_write: Callable[[], None] = lambda: None

    @property
    def duty(self) -> int:
        return self.duties[-1]

    def duty_u16(self, value: int) -> None:
        self.duties.append(value)
        self.on_write()


class ADC:
    """`on_read` runs at each reading, which is after the contacts were sampled in a cycle."""

    def __init__(self) -> None:
        self.value = 0
        self.on_read: Callable[[], None] = lambda: None

    def read_u16(self) -> int:
        self.on_read()
        return self.value


class Chip:
    """A converter: the next `read` gives `status`; `log` is what was asked of it."""

    def __init__(self) -> None:
        self.status = 0
        self.tc_mc = 37000
        self.cj_mc = 24000
        self.sr = 0
        self.log: list[str] = []
        self.tc_type = 0

    def configure(self, tc_type: int) -> None:
        self.tc_type = tc_type
        self.log.append("configure")

    def trigger(self) -> None:
        self.log.append("trigger")

    def read(self) -> int:
        self.log.append("read")
        return self.status


class Serial:
    """The port: `rx` is what the host sent, `tx` what the device wrote; while `ready` is False nothing trickles."""

    def __init__(self) -> None:
        self.rx = bytearray()
        self.tx = bytearray()
        self.ready = True
        self.writes: list[int] = []

    def read_line(self, line: bytearray, limit: int) -> bool:
        while limit > 0 and self.rx:
            byte = self.rx.pop(0)
            if byte == 10:
                return True
            line.append(byte)
            limit -= 1
        return False

    def write(self, data: bytes) -> None:
        self.tx += data
        self.writes.append(len(data))

    def trickle(self, data: bytes) -> int:
        if not self.ready:
            return 0
        self.tx += data
        return len(data)

    def take(self) -> bytes:
        """What the device wrote since the last call."""
        data, self.tx = bytes(self.tx), bytearray()
        return data


class Board:
    """As firmware/board.py builds it: the real laser, interlock and power meter on stub pins, and stub converters."""

    def __init__(self, firmware: Firmware) -> None:
        self.pwm, self.enable, self.adc = PWM(), Pin(), ADC()
        self.laser = firmware.load("drivers.laser").Laser(self.pwm, self.enable, 25000)
        self.contacts = [Pin(0 if ALL_CLOSED >> i & 1 else 1) for i in range(6)]
        self.interlock = firmware.load("drivers.interlock").Interlock(self.contacts, self.laser.dark)
        self.power_meter = firmware.load("drivers.power_meter").PowerMeter(self.adc)
        self.chips: list[Any] = [Chip() for _ in range(4)]
        self.serial = Serial()

    def unique_id(self) -> str:
        return "stub"

    def open(self, *names: str) -> None:
        for name in names:
            self.contacts[CONTACTS.index(name)].drive(1)

    def close(self, *names: str) -> None:
        for name in names:
            self.contacts[CONTACTS.index(name)].drive(0)

    def deliver_mw(self, mw: int) -> None:
        """Let the photodiode read about so much."""
        self.adc.value = -(-mw * 65536 // 30000)
