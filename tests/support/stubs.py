"""Stubs of what the drivers act on, and a board made of them: inputs are set, outputs are looked at, no time passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.firmware import Firmware

ALL_CLOSED = 0x1F  # the five contacts of the chain; footswitch and buttons are open
CHAIN = 5
CONTACTS = ("emergency stop", "key", "remote", "fibre", "cover", "footswitch", "ready", "silence", "service")


class Pin:
    """A pin: `level`, what was written to it, and its rising edges. `drive` changes an input from outside, `openings`
    counts how often it opened; `on_read` runs before each reading, as an interrupt might."""

    IRQ_RISING = 8

    def __init__(self, level: int = 0) -> None:
        self.level = level
        self.writes: list[int] = []
        self.edges = 0
        self.openings = 0
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
        self.openings += rising
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
    """A converter: the next `read` gives `status`; `log` is what was asked of it; `on_read` runs at each reading."""

    def __init__(self) -> None:
        self.status = 0
        self.tc_mc = 37000
        self.cj_mc = 24000
        self.sr = 0
        self.code = 0
        self.fine = True
        self.frozen = False
        self.log: list[str] = []
        self.tc_type = 0
        self.types = range(8)
        self.on_read: Callable[[], None] = lambda: None

    def configure(self, tc_type: int) -> bool:
        self.tc_type = tc_type
        self.log.append("configure")
        return tc_type in self.types

    def trigger(self) -> None:
        self.log.append("trigger")

    def read(self) -> int:
        self.log.append("read")
        # The last bit of a real converter is never still.
        self.code ^= 0 if self.frozen else 1
        self.on_read()
        return self.status


class Serial:
    """The port: `rx` is what the host sent, `tx` what the device wrote; while `ready` is False nothing trickles.
    `taken` counts the bytes that the device has read."""

    def __init__(self) -> None:
        self.rx = bytearray()
        self.taken = 0
        self.tx = bytearray()
        self.ready = True
        self.writes: list[int] = []

    def read_line(self, line: bytearray, limit: int) -> bool:
        while limit > 0 and self.rx:
            byte = self.rx.pop(0)
            self.taken += 1
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


class Store:
    """The device's memory without flash: the firmware's own sections and journal. `saved` is what a restart finds."""

    def __init__(self, firmware: Firmware, saved: str = "") -> None:
        self._firmware = firmware
        self.real = firmware.load("store").Store()
        self.real.problem, self.real.state = "", "good"
        self.saved = saved or json.dumps(self.real._data)
        self.real._data = json.loads(self.saved)
        self.saves = 0
        self.save_problem = ""
        self.on_save: Callable[[], None] = lambda: None

    def save(self) -> str:
        """As the real one: nothing is written over a store that could not be read."""
        self.saves += 1
        self.on_save()
        problem = self.save_problem or self.real.problem
        if not problem:
            self.real.dirty = False
            self.saved = json.dumps(self.real._data)
        return problem

    def loaded_again(self) -> Store:
        """What the next boot makes of it; as firmware/start.py, it counts itself and is saved at once."""
        store = Store(self._firmware, self.saved)
        store.save_problem = self.save_problem
        store.count("boots", 1)
        store.save()
        store.saves = 0
        return store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Light:
    """The laser and its driver in one place: what is emitted, from the duty, the enable edges and the chain, all as
    hardware sees them; and the ways in which it can fail."""

    OPEN_CYCLES = 3  # an edge keeps the monostable open for 250 ms

    def __init__(self, pwm: PWM, enable: Pin, chain: list[Pin]) -> None:
        self._pwm, self._enable, self._chain = pwm, enable, chain
        self._edges = 0
        self._edge_age = self.OPEN_CYCLES
        self.mw = 0
        self.percent = 100
        self.leak_mw = 0
        self.stuck_enabled = False
        self.stuck_mw = 0

    @property
    def commanded_mw(self) -> int:
        """What the duty means, by the table of a laser that was never calibrated: from 8 % to full duty."""
        return max(0, self._pwm.duty - 5243) * 25000 // (65535 - 5243)

    @property
    def enabled(self) -> bool:
        """The monostable is open, whatever the chain behind it does."""
        return self.stuck_enabled or self._edge_age < self.OPEN_CYCLES

    def turn(self) -> None:
        """After a cycle: what is emitted until the next one."""
        self._edge_age = 0 if self._enable.edges > self._edges else self._edge_age + 1
        self._edges = self._enable.edges
        chain = all(contact.level == 0 for contact in self._chain)
        self.mw = max(self.commanded_mw, self.stuck_mw) * self.percent // 100 if self.enabled and chain else 0


class Board:
    """As firmware/board.py builds it: the real laser, interlock, meters and indicators on stub pins, and stub
    converters. `before` is the same board before a reset: contacts, converters and, unless power was lost, `scratch`
    outlive it; drivers and port do not."""

    def __init__(self, firmware: Firmware, before: Board | None = None, power_lost: bool = False) -> None:
        def driver(name: str, kind: str) -> Any:
            return getattr(firmware.load(f"drivers.{name}"), kind)

        levels = [contact.level for contact in before.contacts] if before else None
        self.pwm, self.enable, self.adc, self.supply_adc = PWM(), Pin(), ADC(), ADC()
        self.laser = driver("laser", "Laser")(self.pwm, self.enable, 25000)
        self.contacts = [Pin(levels[i] if levels else 0 if ALL_CLOSED >> i & 1 else 1) for i in range(len(CONTACTS))]
        self.interlock = driver("interlock", "Interlock")(self.contacts, self.laser.dark)
        self.light = Light(self.pwm, self.enable, self.contacts[:CHAIN])
        self.power_meter = driver("power_meter", "PowerMeter")(self.adc)
        self.supply = driver("supply", "Supply")(self.supply_adc)
        self.supply_mv(5000)
        self.aiming_pin, self.emission_pin = Pin(), Pin()
        self.indicators = driver("indicators", "Indicators")(Pin(), Pin(), PWM(), self.emission_pin, self.aiming_pin)
        self.chips: list[Any] = before.chips if before else [Chip() for _ in range(4)]
        self.serial = Serial()
        self.scratch = list(before.scratch) if before and not power_lost else [0] * 4
        self.resets = 0
        self.timeouts: list[int] = []  # of the watchdog

    def watchdog(self, timeout_ms: int) -> Any:
        self.timeouts.append(timeout_ms)
        return object()

    def unique_id(self) -> str:
        return "stub"

    def scratch_read(self, slot: int) -> int:
        return self.scratch[slot]

    def scratch_write(self, slot: int, value: int) -> None:
        assert 0 <= value < 1 << 30
        self.scratch[slot] = value

    def reset(self) -> None:
        self.resets += 1

    def open(self, *names: str) -> None:
        for name in names:
            self.contacts[CONTACTS.index(name)].drive(1)

    def close(self, *names: str) -> None:
        for name in names:
            self.contacts[CONTACTS.index(name)].drive(0)

    def is_closed(self, name: str) -> bool:
        return self.contacts[CONTACTS.index(name)].level == 0

    def deliver_mw(self, mw: int) -> None:
        """Let the photodiode read about so much."""
        self.adc.value = min(-(-mw * 65536 // 30000), 65535)

    def supply_mv(self, mv: int) -> None:
        self.supply_adc.value = -(-mv * 65536 // 9900)
