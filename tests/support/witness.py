"""Whether there may be light, judged from what was done to the device alone: nothing is asked of the firmware but its
state and whether a fault is latched."""

from __future__ import annotations

from typing import Any

from support.bench import PLAN, Bench
from support.firmware import load
from support.stubs import CONTACTS

limits, reading = load("limits"), load("drivers.reading")
CHAIN, FOOTSWITCH, KEY = range(5), 5, 1
EMITTING = ("heating", "holding")
NEVER = -(10**9)
_NO_NEWS = (reading.NOT_READY, reading.NO_RESPONSE)


class Witness:
    """`cycle` turns the bench once. Then `lit` says whether it is lit, and `against` what speaks against that."""

    def __init__(self, bench: Bench, **changes: int) -> None:
        self.bench = bench
        self.plan = PLAN | changes
        self.n = 0
        self.lit = False
        self.against: list[str] = []
        self.state = bench.state
        self.key_was_off = False
        self._late_ms = 0
        # Contacts, as they were at the last two samples
        self._closed = self._closed_before = [False] * len(CONTACTS)
        self._openings = [contact.openings for contact in bench.board.contacts]
        self._pressed_at = self._entered_at = NEVER
        # Readings
        self._probes = [_Probe(self, i) for i in range(4)]
        # The host's word
        self._signed = False
        self._promised: list[int] = []
        self._heard_at = NEVER
        self._listen()
        # Light
        self._indicator = 0
        self._commanded_mw = 0
        self._energy_mj = 0.0
        self._emission_ms = 0
        self._frame_lit = False
        self.last_frame_lit = False

    def _listen(self) -> None:
        host, serial = self.bench.host, self.bench.board.serial
        send_signed, to_send = host.send_signed, host.to_send

        def sign(*args: Any) -> int:
            self._signed = True
            return send_signed(*args)

        def send() -> bytes:
            data = to_send()
            if self._signed:
                self._promised.append(serial.taken + len(serial.rx) + len(data))
                self._signed = False
            return data

        host.send_signed, host.to_send = sign, send  # type: ignore[method-assign]

    @property
    def phase(self) -> int:
        return self.n % 10

    def cycle(self, late_ms: int = 0) -> None:
        board = self.bench.board
        self._late_ms = self.bench.app.situation.late_ms = late_ms
        delivered_mw = board.adc.value * 30000 / 65536
        supply_mv = board.supply_adc.value * 9900 / 65536
        self.n = self.bench.app.count
        if self.phase == 0:
            self.last_frame_lit, self._frame_lit = self._frame_lit, False
        self._sample()
        self.bench.cycle()
        self._hear()
        self._follow_state()
        light = board.light
        self.lit = light.commanded_mw > 0 and light.enabled
        self.against = self._hands() + self._power(delivered_mw, supply_mv) + self._readings()
        self._count()

    def _sample(self) -> None:
        """As the device may at best: closed now and a cycle ago, and not opened in between."""
        contacts = self.bench.board.contacts
        closed = [
            contact.level == 0 and contact.openings == was
            for contact, was in zip(contacts, self._openings, strict=True)
        ]
        self._openings = [contact.openings for contact in contacts]
        now = [a and b for a, b in zip(closed, self._closed, strict=True)]
        if now[FOOTSWITCH] and not self._closed_before[FOOTSWITCH]:
            self._pressed_at = self.n
        self._closed, self._closed_before = closed, now

    def _opened_since(self, i: int) -> bool:
        return self.bench.board.contacts[i].openings != self._openings[i]

    def _hear(self) -> None:
        while self._promised and self.bench.board.serial.taken >= self._promised[0]:
            self._promised.pop(0)
            self._heard_at = self.n

    def _follow_state(self) -> None:
        before, self.state = self.state, self.bench.state
        if before != "fault":
            self.key_was_off = False
        elif not self._closed_before[KEY]:
            self.key_was_off = True
        if self.state != before and self.state in ("holding", "self-test"):
            self._entered_at = self.n
        if self.state != before and self.state == "self-test":
            self._energy_mj = self._emission_ms = 0

    def _hands(self) -> list[str]:
        against = []
        for i in CHAIN:
            if not self._closed_before[i] or self._opened_since(i):
                against.append(f"{CONTACTS[i]} open")
        if self.state not in EMITTING:
            against.append("state")
        if self.bench.app.safety.fault:
            against.append("fault latched")
        if self.state == "heating" and (not self._closed_before[FOOTSWITCH] or self._opened_since(FOOTSWITCH)):
            against.append("footswitch released")
        sign_of_life = max(self._pressed_at, self._entered_at)
        if self.state == "holding" and (self.n - sign_of_life) * 100 > self.plan["confirm_ms"]:
            against.append("presence not confirmed")
        if (self.n - self._heard_at + 1) * 100 > self.plan["lease_ms"]:
            against.append("host lost")
        if self._indicator < limits.INDICATOR_CYCLES:
            against.append("indicator")
        return against

    def _power(self, delivered_mw: float, supply_mv: float) -> list[str]:
        against = []
        if self.phase >= limits.DARK_PHASE:
            against.append("dark slot")
        if self.bench.board.light.commanded_mw > min(self.plan["cap_mw"], limits.CAP_MAX_MW[self.plan["fibre"]]):
            against.append("above the cap")
        if delivered_mw > self._commanded_mw * 1.5 + 200 + 5:
            against.append("too much light")
        if self._commanded_mw >= 310 and delivered_mw < self._commanded_mw * 0.5 - 5:
            against.append("too little light")
        if supply_mv < limits.SUPPLY_MIN_MV - 1:
            against.append("brown-out")
        if self._late_ms > limits.LATE_MAX_MS:
            against.append("late")
        if self._energy_mj >= self.plan["energy_mj"]:
            against.append("energy spent")
        if self._emission_ms >= self.plan["emission_ms"]:
            against.append("emission time spent")
        return against

    def _readings(self) -> list[str]:
        against = [text for probe in self._probes for text in probe.against()]
        good = [probe.cj_mc for probe in self._probes if probe.told == reading.OK]
        if good and max(good) - min(good) > limits.COLD_SPREAD_MC:
            against.append("cold junctions differ")
        control = self._probes[0]
        if self.n - control.dark_at > limits.DARK_MAX_AGE:
            against.append("no dark sample")
        if control.dark_mc > self.plan["set_point_mc"] + limits.CONTROL_ABOVE_SET_POINT_MC:
            against.append("above the set-point")
        return against

    def _count(self) -> None:
        light = self.bench.board.light
        self._indicator = self._indicator + 1 if self.bench.board.emission_pin.level else 0
        self._commanded_mw = light.commanded_mw
        if self.lit:
            self._energy_mj += light.commanded_mw / 10
            self._emission_ms += 100
            self._frame_lit = True


class _Probe:
    """What one converter gave when it was read. What it told last stands while it is not ready with the next."""

    def __init__(self, witness: Witness, i: int) -> None:
        self._witness, self._i = witness, i
        self._chip = witness.bench.board.chips[i]
        self._chip.on_read = self._read
        self.status = self.told = reading.NO_SAMPLE
        self.tc_mc = self.cj_mc = self.dark_mc = 0
        self._read_at = self.dark_at = NEVER
        self._late = False
        self._code = -1
        self._same = 0

    def _read(self) -> None:
        chip, n, late = self._chip, self._witness.n, self._late
        self.status = chip.status
        self._late = chip.status == reading.NOT_READY
        if chip.status in _NO_NEWS:
            return
        self.told, self.tc_mc, self.cj_mc, self._read_at = chip.status, chip.tc_mc, chip.cj_mc, n
        self._same = 0 if chip.code != self._code else self._same + (1 if self._witness.last_frame_lit else 0)
        self._code = chip.code
        if self._witness.phase == 0 and chip.status == reading.OK and not late:
            self.dark_mc, self.dark_at = chip.tc_mc, n

    def against(self) -> list[str]:
        plan, i = self._witness.plan, self._i
        found = []
        if self.told != reading.OK or self.status == reading.NO_RESPONSE:
            found.append(f"probe {i} status {self.told}, {self.status}")
        if self._witness.n - self._read_at > limits.SAMPLE_MAX_AGE:
            found.append(f"probe {i} stale")
        if not plan["lowest_mc"] <= self.tc_mc <= plan[f"probe{i}_limit_mc"]:
            found.append(f"probe {i} at {self.tc_mc}")
        if self._same >= limits.FROZEN_SAMPLES:
            found.append(f"probe {i} frozen")
        return found
