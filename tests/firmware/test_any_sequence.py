"""The whole application under anything that can be done to it, in any order: when there may be light, and when not."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from support.bench import Bench
from support.firmware import load
from support.stubs import CONTACTS
from support.witness import EMITTING, Witness

limits, reading = load("limits"), load("drivers.reading")
frame = load("link").frame
CHANNELS = st.integers(0, 3)
STATUSES = [status for status in range(12) if status != reading.NO_SAMPLE]  # which no converter tells
ARMED = ("self-test", "ready", "heating", "holding", "paused", "cooling")
SIGNED = {
    "arm": "",
    "start": "",
    "why": "",
    "silence": "",
    "status": "",
    "journal": "0",
    "plan": "begin",
    "service": "enter",
    "resend": "1",
    "beat": "",
    "fire": "now",
}
counts = {"cycles": 0, "lit": 0, "holding and lit": 0, "in fault": 0, "resets": 0, "dark for a cause": 0}


class AnySequence(RuleBasedStateMachine):
    """Every rule turns at least one cycle; the rules that lead on are frequent enough for light to be common."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.witness = Witness(self.bench)
        self.plan: dict[str, int] = {}
        self.sent: list[bytes] = []
        self.late_ms = 0

    @initialize(
        hold_ms=st.sampled_from([600000, 600000, 1000]),
        energy_mj=st.sampled_from([12000000, 12000000, 3000]),
        emission_ms=st.sampled_from([3600000, 3600000, 3000]),
        lease_ms=st.sampled_from([1000, 10000]),
        lease_stops=st.integers(0, 1),
        cap_mw=st.sampled_from([100, 3000]),
    )
    def begin(self, **plan: int) -> None:
        self.plan = plan | {"feed_forward_mw": min(1500, plan["cap_mw"]), "confirm_ms": 60000}
        self.bench.to_standby_with_plan(**self.plan)
        self.witness = Witness(self.bench, **self.plan)
        self.turn(3)
        self.treat()

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            before = self.witness.state
            self.witness.cycle(self.late_ms)
            self.check(before)

    def check(self, before: str) -> None:
        """After every cycle: light only if nothing speaks against it, and a fault only ends by the key."""
        witness = self.witness
        counts["cycles"] += 1
        counts["lit"] += witness.lit
        counts["holding and lit"] += witness.lit and witness.state == "holding"
        counts["in fault"] += witness.state == "fault"
        counts["dark for a cause"] += witness.state in EMITTING and not witness.lit and witness.against != []
        assert not (witness.lit and witness.against), witness.against
        if before == "fault" and witness.state != "fault":
            assert witness.key_was_off
            assert witness.state == "standby"

    @rule(count=st.integers(1, 12))
    def wait(self, count: int) -> None:
        self.turn(count)

    # The host

    @rule(name=st.sampled_from(["hello", "pause", "stop"]))
    def unsigned(self, name: str) -> None:
        self.bench.host.send(name, "2" if name == "hello" else "")
        self.turn()

    @rule(name=st.sampled_from(list(SIGNED)), ago=st.sampled_from([0, 0, 0, 60, -1]))
    def signed(self, name: str, ago: int) -> None:
        if self.bench.host.can_sign:
            self.bench.host.send_signed(name, max(0, self.bench.app.count - ago), SIGNED[name])
            self.sent.append(self.bench.host._outbox[-1])
        self.turn()

    @rule(name=st.sampled_from([*SIGNED, "plan,commit"]))
    def forged(self, name: str) -> None:
        self.bench.board.serial.rx += frame(f"{name},9999,{self.bench.app.count},{'0' * 16}")
        self.turn()

    @rule(data=st.data())
    def replayed(self, data: Any) -> None:
        if self.sent:
            self.bench.board.serial.rx += data.draw(st.sampled_from(self.sent))
        self.turn()

    @rule(data=st.binary(max_size=80), ends=st.booleans())
    def noise_on_the_line(self, data: bytes, ends: bool) -> None:
        self.bench.board.serial.rx += data + (b"\n" if ends else b"")
        self.turn()

    @rule(listens=st.booleans(), cycles=st.sampled_from([1, 12, 40]))
    def host(self, listens: bool, cycles: int) -> None:
        self.bench.host_listens = self.bench.board.serial.ready = listens
        self.turn(cycles)

    # Hands

    @rule(name=st.sampled_from(CONTACTS), opens=st.booleans())
    def contact(self, name: str, opens: bool) -> None:
        (self.bench.board.open if opens else self.bench.board.close)(name)
        self.turn()

    @rule(name=st.sampled_from(CONTACTS))
    def chatter(self, name: str) -> None:
        was_closed = self.bench.board.is_closed(name)
        for _ in range(3):
            self.bench.board.open(name)
            self.bench.board.close(name)
        if not was_closed:
            self.bench.board.open(name)
        self.turn(2)

    @rule(
        name=st.sampled_from(CONTACTS[:6]),
        hook=st.sampled_from([("adc", "on_read"), ("supply_adc", "on_read"), ("pwm", "on_write")]),
        closes=st.booleans(),
    )
    def contact_bounces_within_a_cycle(self, name: str, hook: tuple[str, str], closes: bool) -> None:
        self.be_lit()
        part = getattr(self.bench.board, hook[0])

        def strike() -> None:
            setattr(part, hook[1], lambda: None)
            self.bench.board.open(name)
            if closes:
                self.bench.board.close(name)

        setattr(part, hook[1], strike)
        self.turn(2)
        setattr(part, hook[1], lambda: None)

    @rule()
    def make_all_well(self) -> None:
        """A person sets everything right and turns the key."""
        board = self.bench.board
        for chip in board.chips:
            chip.status, chip.frozen, chip.cj_mc = reading.OK, False, 24000
        self.bench.temperatures(37, 37, 37, 37)
        board.light.percent, board.light.leak_mw = 100, 0
        board.supply_mv(5000)
        self.late_ms = 0
        board.open("footswitch", "ready", "silence", "service")
        board.close(*CONTACTS[:5])
        self.bench.host_listens = board.serial.ready = True
        self.turn(25)
        board.open("key")
        self.turn(2)
        board.close("key")
        self.turn(3)

    @rule()
    def treat(self) -> None:
        """Through all that leads to light, if nothing stands against it."""
        self.make_all_well()
        if self.bench.state == "standby":
            self.ask("arm", "ready")
            self.turn(16)
        self.ask("start", "footswitch")
        self.turn(35)

    def ask(self, name: str, button: str) -> None:
        if self.bench.host.can_sign:
            self.bench.host.send_signed(name, self.bench.app.count)
        self.turn(2)
        self.bench.board.close(button)
        self.turn(2)
        if button == "ready":
            self.bench.board.open(button)

    @rule()
    def hold(self) -> None:
        """Treated until the control probe is as warm as wanted."""
        self.be_lit()
        for control_c in (41, 45.5):
            self.bench.temperatures(control_c)
            self.turn(12)

    def be_lit(self) -> None:
        if self.bench.state not in EMITTING:
            self.treat()

    @rule(cycles=st.sampled_from([30, 100, 650]))
    def nobody_is_there(self, cycles: int) -> None:
        """While it holds; the limit of what is allowed without a sign of life is a minute."""
        self.hold()
        self.turn(cycles)

    # Probes

    @rule(channel=CHANNELS, mc=st.integers(38000, 42900))
    def usual_reading(self, channel: int, mc: int) -> None:
        self.bench.board.chips[channel].tc_mc = mc
        self.turn(2)

    @rule(channel=CHANNELS, mc=st.integers(-250000, 2000000) | st.integers(29900, 62000), cycles=st.integers(1, 12))
    def spike(self, channel: int, mc: int, cycles: int) -> None:
        chip = self.bench.board.chips[channel]
        before, chip.tc_mc = chip.tc_mc, mc
        self.turn(cycles)
        chip.tc_mc = before

    @rule(channel=CHANNELS, mc=st.integers(-250000, 2000000))
    def unusual_reading(self, channel: int, mc: int) -> None:
        self.bench.board.chips[channel].tc_mc = mc
        self.turn(2)

    @rule(channel=CHANNELS, mc=st.integers(-10000, 70000))
    def cold_junction(self, channel: int, mc: int) -> None:
        self.be_lit()
        self.bench.board.chips[channel].cj_mc = mc
        self.turn(3)

    @rule(
        channel=CHANNELS, status=st.sampled_from(STATUSES), cycles=st.sampled_from([1, 2, 4, 25]), stays=st.booleans()
    )
    def status(self, channel: int, status: int, cycles: int, stays: bool) -> None:
        self.bench.board.chips[channel].status = status
        self.turn(cycles)
        if not stays:
            self.bench.board.chips[channel].status = reading.OK

    @rule(channel=CHANNELS, mc=st.integers(20000, 97000), status=st.sampled_from(STATUSES))
    def late_after(self, channel: int, mc: int, status: int) -> None:
        """A sample that tells something, and then none for a while."""
        chip = self.bench.board.chips[channel]
        before, chip.tc_mc, chip.status = chip.tc_mc, mc, status
        self.turn(2)
        chip.tc_mc, chip.status = before, reading.NOT_READY
        self.turn(2)
        chip.status = reading.OK

    @rule(channel=CHANNELS, frames=st.integers(1, 5))
    def late_in_the_dark(self, channel: int, frames: int) -> None:
        """Converted in the light only: the conversion of the dark slot is never ready."""
        for _ in range(10 * frames):
            late = self.bench.app.count % 10 in (9, 0)
            self.bench.board.chips[channel].status = reading.NOT_READY if late else reading.OK
            self.turn()
        self.bench.board.chips[channel].status = reading.OK

    @rule(channel=CHANNELS)
    def frozen(self, channel: int) -> None:
        self.be_lit()
        self.bench.board.chips[channel].frozen = True
        self.turn(110)

    @rule(celsius=st.integers(47, 55))
    def warmer_than_wanted(self, celsius: int) -> None:
        self.hold()
        self.bench.temperatures(celsius)
        self.turn(25)

    # Power

    @rule(mw=st.integers(0, 30000))
    def stray_light(self, mw: int) -> None:
        self.bench.board.deliver_mw(mw)
        self.turn()

    @rule(percent=st.sampled_from([0, 40, 90, 130, 200]), leak_mw=st.sampled_from([0, 0, 150, 400]))
    def laser(self, percent: int, leak_mw: int) -> None:
        self.bench.board.light.percent, self.bench.board.light.leak_mw = percent, leak_mw
        self.turn(3)

    @rule(mv=st.integers(3000, 5500), cycles=st.integers(1, 8), stays=st.booleans())
    def supply(self, mv: int, cycles: int, stays: bool) -> None:
        self.bench.board.supply_mv(mv)
        self.turn(cycles)
        if not stays:
            self.bench.board.supply_mv(5000)

    @rule(late_ms=st.integers(0, 400), cycles=st.integers(1, 8))
    def late(self, late_ms: int, cycles: int) -> None:
        self.late_ms = late_ms
        self.turn(cycles)
        self.late_ms = 0

    @rule(power_lost=st.booleans(), treats=st.booleans())
    def reset(self, power_lost: bool, treats: bool) -> None:
        before = self.bench.state
        self.bench = self.bench.restart(power_lost)
        self.witness = Witness(self.bench, **self.plan)
        counts["resets"] += 1
        self.turn()
        if not power_lost and (before in ARMED or before == "fault"):
            assert self.bench.state == "fault"
        if treats:
            self.make_all_well()
            if self.bench.host.can_sign and self.bench.state == "standby":
                self.upload()
                self.treat()

    def upload(self) -> None:
        items = [f"{name}={value}" for name, value in self.witness.plan.items()]
        puts = [f"put,{','.join(items[i : i + 6])}" for i in range(0, len(items), 6)]
        for text in ["begin", *puts, "commit"]:
            self.bench.host.send_signed("plan", self.bench.app.count, text)
            self.turn(2)
        self.turn(12)

    @rule(power_lost=st.booleans(), cycles=st.integers(0, 12))
    def reset_in_the_light(self, power_lost: bool, cycles: int) -> None:
        self.be_lit()
        self.turn(cycles)
        self.reset(power_lost, treats=True)


def test_any_sequence() -> None:
    """Thousands of cycles; a fair part of them lit and a fair part in fault, else they show nothing."""
    counts.update(dict.fromkeys(counts, 0))
    machine: Any = AnySequence.TestCase
    machine.settings = settings(max_examples=100, stateful_step_count=40)
    machine().runTest()
    print(counts)
    assert counts["cycles"] >= 10000
    assert counts["lit"] >= 1500
    assert counts["holding and lit"] >= 100
    assert counts["in fault"] >= 1000
    assert counts["dark for a cause"] >= 100
    assert counts["resets"] >= 30
