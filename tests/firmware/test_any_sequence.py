"""The whole application under any inputs, commands, readings and powers: when there may be light, and when not."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.bench import PLAN, Bench
from support.firmware import load
from support.stubs import CONTACTS

limits, faults, driver, treatment = map(load, ("limits", "faults", "drivers.max31856", "treatment"))
EMITTING = ("heating", "holding")
CHANNELS = st.integers(0, 3)
steps = {"count": 0, "lit": 0, "faults": 0}


class AnySequence(RuleBasedStateMachine):
    """Every rule turns at least one cycle; the rules that lead on are frequent enough for light to be common."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.latched = 0

    @initialize(hold_ms=st.sampled_from([1000, 60000]), energy_mj=st.sampled_from([1000, 12000000]))
    def begin(self, hold_ms: int, energy_mj: int) -> None:
        self.bench.to_heating(hold_ms=hold_ms, energy_mj=energy_mj)

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.bench.cycle()
            steps["count"] += 1
            self.check()

    @rule(count=st.integers(1, 12))
    def wait(self, count: int) -> None:
        self.turn(count)

    @rule(name=st.sampled_from(["hello", "plan", "arm", "start", "start", "pause", "stop", "fire"]))
    def command(self, name: str) -> None:
        self.bench.host.send(name, {"hello": "1", "plan": "begin"}.get(name, ""))
        self.turn()

    @rule()
    def start(self) -> None:
        """Ask, and press anew."""
        self.bench.board.open("footswitch")
        self.bench.host.send("start")
        self.turn(2)
        self.bench.board.close("footswitch")
        self.turn(12)

    @rule()
    def arm(self) -> None:
        self.bench.host.send("arm")
        self.turn(2)
        self.bench.board.close("ready")
        self.turn()
        self.bench.board.open("ready")

    @rule(name=st.sampled_from(CONTACTS), open_=st.booleans())
    def contact(self, name: str, open_: bool) -> None:
        (self.bench.board.open if open_ else self.bench.board.close)(name)
        self.turn()

    @rule()
    def make_all_well(self) -> None:
        """A person sets everything right and turns the key."""
        for chip in self.bench.board.chips:
            chip.status = driver.OK
        self.bench.temperatures(40, 60, 39, 41)
        self.bench.board.close("emergency stop", "remote", "fibre")
        self.bench.host_listens = self.bench.board.serial.ready = True
        self.bench.turn_key()
        self.turn(12)

    @rule()
    def treat(self) -> None:
        self.make_all_well()
        self.arm()
        self.start()

    @rule(name=st.sampled_from(CONTACTS[:4]), hook=st.sampled_from([("adc", "on_read"), ("pwm", "on_write")]))
    def contact_bounces_within_a_cycle(self, name: str, hook: tuple[str, str]) -> None:
        part = getattr(self.bench.board, hook[0])

        struck = []

        def strike() -> None:
            struck.append(hook)
            setattr(part, hook[1], lambda: None)
            self.bench.board.open(name)
            self.bench.board.close(name)

        setattr(part, hook[1], strike)
        self.bench.cycle()
        assert not struck or self.bench.duty == 0
        self.turn()

    @rule(channel=CHANNELS, mc=st.integers(38000, 42900))
    def usual_reading(self, channel: int, mc: int) -> None:
        self.bench.board.chips[channel].tc_mc = mc
        self.turn(2)

    @rule(mc=st.integers(44500, 47500))
    def control_near_its_set_point(self, mc: int) -> None:
        self.bench.board.chips[0].tc_mc = mc
        self.turn(12)

    @rule(channel=CHANNELS, mc=st.integers(-250000, 2000000))
    def unusual_reading(self, channel: int, mc: int) -> None:
        self.bench.board.chips[channel].tc_mc = mc
        self.turn(2)

    @rule(channel=CHANNELS, status=st.sampled_from([driver.OK] * 4 + [2, 3, 4, 5, 6]))
    def status(self, channel: int, status: int) -> None:
        self.bench.board.chips[channel].status = status
        self.turn(2)

    @rule(mw=st.integers(0, 30000))
    def stray_light(self, mw: int) -> None:
        self.bench.board.deliver_mw(mw)
        self.turn()

    @rule(data=st.binary(max_size=80))
    def noise_on_the_line(self, data: bytes) -> None:
        self.bench.board.serial.rx += data + b"\n"
        self.turn()

    @rule(listens=st.booleans())
    def host(self, listens: bool) -> None:
        self.bench.host_listens = self.bench.board.serial.ready = listens
        self.turn()

    @rule(cap_mw=st.integers(100, limits.CAP_MAX_MW))
    def new_plan(self, cap_mw: int) -> None:
        if self.bench.host_listens:
            pairs = [f"put,{name}={value}" for name, value in (PLAN | {"cap_mw": cap_mw}).items()]
            for text in ["begin", *pairs, "commit"]:
                self.bench.host.send("plan", text)
            self.turn(12)

    @invariant()
    def a_first_cause_stays(self) -> None:
        fault = self.bench.app.safety.fault
        assert not (fault and self.latched) or fault == self.latched or self.bench.state != "fault"
        self.latched = fault

    def check(self) -> None:
        """After every cycle."""
        app, board = self.bench.app, self.bench.board
        row = _State(self.bench)
        if row.fault:
            steps["faults"] += 1
            assert row.state == "fault"
        if row.pulsed:
            assert row.state in EMITTING
            assert not row.fault
        if row.duty or app.allowed_mw:
            steps["lit"] += 1
            assert row.state in EMITTING
            assert not row.fault
            assert app.situation.inputs & 15 == 15
            assert [board.contacts[i].level for i in range(4)] == [0] * 4
            assert 0 < app.allowed_mw <= min(app.settings.cap_mw, limits.CAP_MAX_MW)
            assert row.phase < limits.DARK_PHASE
            self.check_probes()

    def check_probes(self) -> None:
        app = self.bench.app
        sensing, plan = app.sensing, app.settings
        assert sensing.dark_age[sensing.control] <= limits.DARK_MAX_AGE
        assert sensing.dark_mc[sensing.control] <= plan.set_point_mc + limits.CONTROL_ABOVE_SET_POINT_MC
        for i in range(4):
            if sensing.roles[i]:
                assert sensing.age[i] <= limits.SAMPLE_MAX_AGE
                assert sensing.status[i] in (driver.OK, driver.NOT_READY)
                assert plan.lowest_mc <= sensing.tc_mc[i] <= plan.limit_mc[i]


class _State:
    """What the cycle just turned left."""

    def __init__(self, bench: Bench) -> None:
        app: Any = bench.app
        self.state = bench.state
        self.fault = app.safety.fault
        self.pulsed = app.pulsed
        self.duty = bench.duty
        self.phase = (app.count - 1) % limits.FRAME_CYCLES


def test_any_sequence() -> None:
    """Thousands of cycles; a fair part of them lit and a fair part in fault, else they show nothing."""
    steps.update(count=0, lit=0, faults=0)
    machine: Any = AnySequence.TestCase
    machine.settings = settings(max_examples=80, stateful_step_count=40)
    machine().runTest()
    print(steps)
    assert steps["count"] >= 5000
    assert steps["lit"] >= 500
    assert steps["faults"] >= 300
