"""The cycle as a whole: what it does to the outputs in which state, what it counts, what a glitch and a fault cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.bench import Bench, in_state
from support.firmware import load

limits, faults, treatment, control = map(load, ("limits", "faults", "treatment", "control"))
reading = load("drivers.reading")
LIT = range(limits.DARK_PHASE)
EMITTING = ("heating", "holding")
AIMING, EMISSION = 1, 2


def silent(bench: Bench) -> None:
    """The host is gone, and its port reads nothing."""
    bench.host_listens = bench.board.serial.ready = False


def told(bench: Bench, number: int) -> list[str]:
    """What the host heard of this alarm: "1" came, "0" went."""
    return [fields[3] for fields in bench.alarms if fields[1] == str(number)]


def end(bench: Bench) -> int:
    return bench.app.treatment.end


def well(bench: Bench) -> None:
    for chip in bench.board.chips:
        chip.status, chip.frozen = reading.OK, False
    bench.temperatures(44, 44, 41, 44)
    bench.board.supply_mv(5000)
    bench.board.light.percent = 100
    bench.host_listens = bench.board.serial.ready = True


# Light


@pytest.mark.parametrize("state", EMITTING)
def test_lit_in_eight_cycles_of_ten_and_dark_in_the_last_two(state: str) -> None:
    bench = in_state(state)
    for _ in range(20):
        phase = bench.app.count % 10
        bench.cycle()
        assert (bench.duty > 0) == (phase in LIT)
        assert (bench.app.allowed_mw > 0) == (phase in LIT)
        assert (bench.board.light.mw > 0) == (phase in LIT)


@pytest.mark.parametrize("state", [state for state in treatment.STATES if state != "self-test"])
def test_exactly_one_edge_a_cycle_where_light_may_be_wanted_and_none_elsewhere(state: str) -> None:
    bench = in_state(state)
    expected = 1 if state in EMITTING else 0
    for _ in range(20):
        edges = bench.board.enable.edges
        bench.cycle()
        assert bench.board.enable.edges - edges == expected == bench.app.pulsed
        assert bench.board.enable.level == 0
        if not expected:
            assert bench.duty == 0


def test_no_light_before_the_indicator_was_on_for_two_seconds() -> None:
    """However quick the hands are."""
    bench = in_state("standby")
    bench.command("arm")
    bench.press("ready")
    on: list[int] = []
    lit: list[int] = []

    def watch() -> None:
        emitting = bench.state in EMITTING
        edges = bench.board.enable.edges
        turn()
        if emitting and (bench.duty or bench.board.enable.edges > edges):
            lit.append(bench.app.count)
        if bench.board.emission_pin.level:
            on.append(bench.app.count)

    turn, bench.app.cycle = bench.app.cycle, watch
    while bench.state != "ready":
        bench.cycle()
    assert bench.command("start") == (True, "")
    bench.board.close("footswitch")
    bench.cycle(40)
    assert bench.state == "heating"
    assert lit
    assert on == list(range(on[0], on[0] + len(on)))
    assert lit[0] - on[0] >= limits.INDICATOR_CYCLES
    assert lit[0] - on[0] <= limits.INDICATOR_CYCLES + limits.FRAME_CYCLES


def test_the_first_light_comes_after_a_dark_sample_and_rises_at_the_slew_limit() -> None:
    bench = in_state("ready")
    bench.cycle(limits.INDICATOR_CYCLES)
    bench.command("start")
    bench.to_phase(3)
    bench.board.close("footswitch")
    bench.to_phase(0)
    assert (bench.state, bench.duty) == ("heating", 0)
    for mw in (500, 1000, 1500):
        bench.cycle()
        assert bench.app.allowed_mw == bench.app.control.wanted_mw == mw == limits.SLEW_UP_MW_PER_S * mw // 500
        bench.cycle(9)


@pytest.mark.parametrize("state", treatment.STATES)
def test_the_emission_indicator_and_the_aiming_beam(state: str) -> None:
    """The indicator is on while light may follow; the aiming beam only where hands are about to start it."""
    bench = in_state(state)
    bench.cycle(12)  # a handshake comes first
    assert bench.state == state
    lit = state in ("ready", "heating", "holding", "paused")
    aiming = state in ("ready", "paused")
    assert bench.board.emission_pin.level == lit
    assert bench.board.aiming_pin.level == aiming
    mask = bench.rows[-1]["outputs"]
    assert (mask & EMISSION != 0, mask & AIMING != 0) == (lit, aiming)


# Parts of the stub board and their hooks.
STRIKES = {"while sensing": ("adc", "on_read"), "while writing the duty": ("pwm", "on_write")}


def strike(bench: Bench, where: str, name: str, closes: bool = True) -> None:
    """A contact opens, and closes again, at the next call of this hook."""
    part, hook = STRIKES[where]

    def struck() -> None:
        setattr(getattr(bench.board, part), hook, lambda: None)
        bench.board.open(name)
        if closes:
            bench.board.close(name)

    setattr(getattr(bench.board, part), hook, struck)


@pytest.mark.parametrize("where", STRIKES)
def test_a_contact_that_opens_in_the_middle_of_a_cycle_darkens_that_cycle(where: str) -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    bench.to_phase(0)  # the power changes, so that the duty is written
    strike(bench, where, "remote")
    bench.cycle()
    assert bench.duty == 0
    bench.cycle()
    assert (bench.state, bench.fault()["fault"], bench.duty) == ("fault", faults.REMOTE_OPEN, 0)


@pytest.mark.parametrize("where", STRIKES)
@pytest.mark.parametrize("closes", [False, True])
def test_a_footswitch_released_in_the_middle_of_a_cycle_darkens_that_cycle(where: str, closes: bool) -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    bench.to_phase(0)
    strike(bench, where, "footswitch", closes)
    bench.cycle()
    assert bench.duty == 0
    bench.cycle()
    assert (bench.state, bench.fault()["fault"], bench.duty) == ("paused", faults.FOOTSWITCH, 0)


def test_a_footswitch_released_in_the_cycle_that_starts_lights_nothing() -> None:
    """It was sampled closed, and opens before the light is set: even then it is seen."""
    bench = in_state("ready")
    bench.cycle(limits.INDICATOR_CYCLES)
    bench.command("start")
    bench.to_phase(9)
    bench.board.close("footswitch")
    bench.cycle()
    strike(bench, "while sensing", "footswitch", closes=False)
    bench.cycle()
    assert bench.duty == 0
    bench.cycle()
    assert (bench.state, bench.duty) == ("paused", 0)


def test_a_contact_that_opens_between_cycles_is_dark_at_once() -> None:
    bench = in_state("holding")
    bench.board.open("fibre")
    assert bench.duty == 0
    bench.board.close("fibre")
    bench.cycle()
    assert bench.fault()["fault"] == faults.FIBRE_OPEN


def test_a_footswitch_released_between_cycles_is_dark_at_once_while_heating() -> None:
    bench = in_state("heating")
    bench.board.open("footswitch")
    assert bench.duty == 0


def test_the_footswitch_may_be_released_while_holding() -> None:
    bench = in_state("holding")
    bench.board.open("footswitch")
    assert bench.duty > 0
    bench.cycle(10)
    assert bench.state == "holding"


def test_without_a_new_dark_sample_the_law_does_not_step() -> None:
    """A conversion late at phase 8 leaves no dark sample: the power stays, and nothing is integrated twice."""
    bench = in_state("heating")
    bench.cycle(30)
    bench.to_phase(8)
    steps = []
    step = bench.app.control.step
    bench.app.control.step = lambda *args: (steps.append(args), step(*args))
    for status in (reading.NOT_READY, reading.OK):
        bench.board.chips[0].status = status
        bench.cycle(2)
    assert bench.duty > 0
    assert steps == []
    bench.cycle(10)
    assert len(steps) == 1


def test_a_tip_limit_of_the_plan_holds_the_power_back_and_says_so() -> None:
    """4 °C below its own limit: half the cap."""
    bench = Bench()
    bench.to_heating(probe1_limit_mc=70000)
    for tip_c in (50, 60, 66):
        bench.temperatures(37, tip_c)
        bench.cycle(20)
    bench.cycle(40)
    assert bench.app.control.wanted_mw == 1500
    assert control.REASONS[bench.rows[-1]["reason"]] == "held back by the tip"
    assert told(bench, faults.TIP_LIMITS) == ["1"]


def test_saturation_is_told_within_a_second_and_for_as_long_as_it_lasts() -> None:
    bench = in_state("heating")
    assert told(bench, faults.SATURATED) == []
    while bench.app.control.wanted_mw < 3000:
        bench.cycle()
    assert control.REASONS[bench.rows[-1]["reason"]] == "saturated at the cap"
    bench.cycle(9)
    assert told(bench, faults.SATURATED) == ["1"]
    bench.cycle(50)
    assert told(bench, faults.SATURATED) == ["1"]
    bench.temperatures(44.5)
    bench.cycle(30)
    assert told(bench, faults.SATURATED) == ["1", "0"]


# Glitches: dark at once, and on again by itself


def _sample(bench: Bench, status: int, channel: int = 0) -> Callable[[], None]:
    bench.board.chips[channel].status = status

    def end() -> None:
        bench.board.chips[channel].status = reading.OK

    return end


def _mc(bench: Bench, channel: int, mc: int) -> Callable[[], None]:
    before = bench.board.chips[channel].tc_mc
    bench.board.chips[channel].tc_mc = mc

    def end() -> None:
        bench.board.chips[channel].tc_mc = before

    return end


def _supply(bench: Bench) -> Callable[[], None]:
    bench.board.supply_mv(4300)
    return lambda: bench.board.supply_mv(5000)


def _late(bench: Bench) -> Callable[[], None]:
    bench.app.situation.late_ms = limits.LATE_MAX_MS + 1

    def end() -> None:
        bench.app.situation.late_ms = 0

    return end


def _delivered(percent: int) -> Callable[[Bench], Callable[[], None]]:
    def start(bench: Bench) -> Callable[[], None]:
        bench.board.deliver_mw(bench.app.allowed_mw * percent // 100 + (201 if percent > 100 else 0))
        return lambda: None

    return start


Glitch = Callable[[Bench], Callable[[], None]]
GLITCHES: dict[str, Glitch] = {
    **{f"status {status}": lambda bench, status=status: _sample(bench, status) for status in (2, 3, 4, 6, 7, 8, 9, 10)},
    "tip status": lambda bench: _sample(bench, reading.OPEN, 1),
    "control reads too hot": lambda bench: _mc(bench, 0, 60001),
    "guard reads too hot": lambda bench: _mc(bench, 2, 43001),
    "spare reads cold": lambda bench: _mc(bench, 3, 29999),
    "brown-out": _supply,
    "late": _late,
    "too much light": _delivered(151),
    "too little light": _delivered(49),
}


@pytest.mark.parametrize("name", GLITCHES)
def test_one_glitch_costs_dark_and_nothing_else(name: str) -> None:
    """Dark in the cycle that sees it, lit again when it is over, at the power that it was before; nothing is told."""
    bench = in_state("heating")
    bench.temperatures(44)
    bench.cycle(60)
    bench.to_phase(2)
    wanted = bench.app.control.wanted_mw
    over = GLITCHES[name](bench)
    edges = bench.board.enable.edges
    bench.cycle()
    assert (bench.duty, bench.board.enable.edges) == (0, edges)
    assert bench.rows[-1]["evidence"] > 0
    over()
    bench.cycle(2)
    assert (bench.state, bench.fault()["fault"]) == ("heating", 0)
    assert bench.app.allowed_mw == bench.app.control.wanted_mw == wanted
    bench.to_phase(1)
    assert abs(bench.app.control.wanted_mw - wanted) <= 20
    bench.cycle(40)
    assert (bench.state, bench.faults) == ("heating", [])
    assert not [fields for fields in bench.alarms if fields[1] not in ("0", "71")]


def test_one_spike_in_the_dark_costs_a_frame_and_no_jump_in_power() -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    bench.cycle(60)
    bench.to_phase(8)
    wanted = bench.app.control.wanted_mw
    bench.cycle()
    over = _mc(bench, 0, 44000 - limits.RATE_MAX_MC[1] - 1)
    bench.cycle(2)
    over()
    for _ in range(9):
        assert (bench.duty, bench.app.allowed_mw) == (0, 0)
        bench.cycle()
    bench.cycle(2)
    assert bench.state == "heating"
    assert bench.app.allowed_mw > 0
    assert abs(bench.app.allowed_mw - wanted) <= 20


@pytest.mark.parametrize("name", ["status 2", "status 9", "control reads too hot", "spare reads cold"])
def test_what_a_sample_told_stands_while_the_next_one_is_late(name: str) -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    bench.cycle(60)
    bench.to_phase(2)
    over = GLITCHES[name](bench)
    bench.cycle(2)
    assert bench.duty == 0
    over()
    chip = bench.board.chips[3 if name == "spare reads cold" else 0]
    chip.status = reading.NOT_READY
    bench.cycle()
    assert bench.duty == 0
    bench.cycle()
    assert bench.duty == 0
    chip.status = reading.OK
    bench.cycle()
    assert bench.duty > 0


def test_a_glitch_that_comes_again_and_again_is_not_forgiven() -> None:
    """Half of the samples: evidence fills a bucket twice as fast as its absence empties it."""
    bench = in_state("heating")
    for _ in range(60):
        bench.board.chips[1].status = reading.OPEN if bench.board.chips[1].status == reading.OK else reading.OK
        bench.cycle(2)
        if bench.state != "heating":
            break
    assert (bench.state, bench.fault()["fault"], bench.fault()["where"]) == ("paused", faults.PROBE_OPEN, 1)


@pytest.mark.parametrize(("status", "fault"), [(2, 20), (3, 21), (4, 23), (6, 31), (7, 24), (8, 25), (9, 26), (11, 23)])
@pytest.mark.parametrize("channel", range(4))
def test_a_probe_fault_pauses_after_its_budget(status: int, fault: int, channel: int) -> None:
    bench = in_state("heating")
    bench.to_phase(2)
    bench.board.chips[channel].status = status
    budget_ms = faults.CATALOGUE[fault][3]
    cycles = 0
    while bench.state == "heating":
        bench.cycle()
        assert bench.duty == 0
        cycles += 1
        assert cycles < 40
    assert (bench.state, bench.fault()["fault"], bench.fault()["where"]) == ("paused", fault, channel)
    assert budget_ms // 100 <= cycles - 1 <= budget_ms // 100 + 2


# Faults, resuming and clearing


RESUMABLE: dict[str, tuple[int, Callable[[Bench], Any], int]] = {
    "probe open": (20, lambda bench: _sample(bench, reading.OPEN), 40),
    "converter gone": (31, lambda bench: _sample(bench, reading.NO_RESPONSE, 2), 40),
    "probe out of the tissue": (22, lambda bench: bench.temperatures(44, 24), 40),
    "stale": (30, lambda bench: _sample(bench, reading.NOT_READY), 40),
    "footswitch": (49, lambda bench: bench.board.open("footswitch"), 2),
    "host gone": (45, silent, 40),
    "brown-out": (47, _supply, 20),
    "no light": (43, lambda bench: setattr(bench.board.light, "percent", 10), 60),
    "frozen": (28, lambda bench: setattr(bench.board.chips[0], "frozen", True), 150),
}


@pytest.mark.parametrize("name", RESUMABLE)
def test_a_resumable_fault_pauses_and_hands_alone_resume(name: str) -> None:
    number, happen, within = RESUMABLE[name]
    bench = in_state("heating")
    bench.temperatures(44, 44, 41, 44)
    bench.cycle(150)
    learnt = bench.app.control._integral_q5
    happen(bench)
    bench.cycle(within)
    assert (bench.state, bench.fault()["fault"], bench.duty) == ("paused", number, 0)
    assert bench.app.treatment.paused_for == number
    well(bench)
    bench.board.close("footswitch")
    bench.cycle(60)
    assert bench.state == "paused"
    assert told(bench, number) == ["1"]
    bench.resume()
    assert bench.fault()["fault"] == 0
    assert bench.app.treatment.paused_for == 0
    assert told(bench, number) == ["1", "0"]
    assert bench.app.control._integral_q5 >= learnt > 0
    assert bench.app.allowed_mw <= 4 * limits.SLEW_UP_MW_PER_S
    bench.cycle(100)
    assert bench.state == "heating"


def test_the_same_trouble_again_and_again_ends_the_treatment() -> None:
    """Five pauses by faults are resumed; the next one stops. Letting the footswitch go is no such fault."""
    bench = in_state("heating")
    bench.temperatures(44, 44, 41, 44)
    for _ in range(limits.PAUSES_MAX + 1):
        assert bench.state == "heating"
        bench.board.open("footswitch")
        bench.cycle(2)
        assert bench.state == "paused"
        bench.resume()
        bench.board.supply_mv(4300)
        bench.cycle(10)
        bench.board.supply_mv(5000)
        bench.cycle(2)
        if bench.state == "paused":
            bench.resume()
    assert (bench.state, end(bench), bench.duty) == ("cooling", faults.BROWN_OUT, 0)


def test_without_a_dark_sample_for_long_enough_it_pauses() -> None:
    """Every conversion in the light is ready, none in the dark."""
    bench = in_state("heating")
    bench.temperatures(44)
    bench.cycle(60)
    bench.to_phase(1)
    lit = 0
    for i in range(1, 40):
        bench.board.chips[0].status = reading.NOT_READY if bench.app.count % 10 in (9, 0) else reading.OK
        bench.cycle()
        if bench.duty:
            lit = i
        if bench.state != "heating":
            break
    assert (bench.state, bench.fault()["fault"], bench.fault()["where"]) == ("paused", faults.DARK_STALE, 0)
    assert 20 <= lit <= limits.DARK_MAX_AGE


def test_nothing_resumes_while_the_cause_stands() -> None:
    bench = in_state("heating")
    bench.board.chips[3].status = reading.OPEN
    bench.cycle(30)
    assert bench.state == "paused"
    assert bench.command("start") == (False, "probe open (probe 3)")
    bench.board.open("footswitch")
    bench.cycle(2)
    bench.board.close("footswitch")
    bench.cycle(5)
    assert bench.state == "paused"


def test_the_cause_that_comes_back_after_asking_does_not_start() -> None:
    bench = in_state("paused")
    bench.cycle()
    assert bench.command("start") == (True, "")
    bench.board.chips[3].status = reading.OPEN
    bench.cycle(2)
    bench.board.close("footswitch")
    bench.cycle(4)
    assert (bench.state, bench.duty) == ("paused", 0)


@pytest.mark.parametrize("state", ["ready", "self-test"])
def test_a_resumable_fault_before_any_light_leads_back_to_standby(state: str) -> None:
    bench = in_state(state)
    bench.board.supply_mv(4300)
    bench.cycle(7)
    assert (bench.state, end(bench)) == ("standby", faults.BROWN_OUT)
    bench.board.supply_mv(5000)
    bench.cycle()
    bench.command("arm")
    bench.press("ready")
    bench.cycle(14)
    assert (bench.state, bench.fault()["fault"]) == ("ready", 0)


@pytest.mark.parametrize("contact", ["emergency stop", "remote", "fibre", "cover"])
def test_the_key_clears_nothing_before_every_contact_is_closed(contact: str) -> None:
    """Nor does the contact that closes later: the key has to be turned after it."""
    bench = in_state("heating")
    bench.board.open(contact)
    bench.cycle()
    bench.turn_key()
    assert bench.state == "fault"
    bench.board.close(contact)
    bench.cycle(5)
    assert bench.state == "fault"
    bench.turn_key()
    assert bench.state == "standby"


def test_a_fault_clears_by_turning_the_key() -> None:
    bench = in_state("fault")
    bench.cycle(50)
    assert bench.state == "fault"
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)
    assert told(bench, faults.EMERGENCY_STOP) == ["1", "0"]


def test_a_key_contact_that_bounces_is_not_a_key_that_is_turned() -> None:
    """It costs the light, like any contact, but clears nothing and is no reset by hand: nobody was there."""
    bench = Bench()
    bench.cycle(5)
    bounce(bench)
    assert not bench.app.hands.key_turned
    bench.to_heating()
    bounce(bench)
    assert (bench.state, bench.fault()["fault"]) == ("fault", faults.KEY_OFF)
    bounce(bench)
    assert (bench.state, bench.fault()["fault"]) == ("fault", faults.KEY_OFF)


def bounce(bench: Bench) -> None:
    """Open for less than a cycle."""
    bench.board.open("key")
    bench.board.close("key")
    bench.cycle(10)


def test_a_fault_whose_cause_stands_is_not_cleared() -> None:
    bench = in_state("heating")
    bench.temperatures(61, 40, 40, 40)
    bench.cycle(10)
    assert bench.fault()["fault"] == 11
    bench.turn_key()
    assert bench.state == "fault"
    bench.temperatures(40)
    bench.cycle(30)
    bench.turn_key()
    assert bench.state == "standby"


def _spend_energy(bench: Bench) -> None:
    bench.to_heating(energy_mj=5000)
    bench.cycle(60)


def _spend_time(bench: Bench) -> None:
    bench.to_heating(emission_ms=5000)
    bench.cycle(60)


def _fail_self_test(bench: Bench) -> None:
    bench.to_standby_with_plan()
    bench.board.light.leak_mw = 150
    bench.cycle()
    bench.command("arm")
    bench.press("ready")
    bench.cycle(3)
    bench.board.light.leak_mw = 0


@pytest.mark.parametrize(
    ("fault", "way"),
    [(faults.ENERGY, _spend_energy), (faults.EMISSION_TIME, _spend_time), (faults.LEAK, _fail_self_test)],
)
def test_after_what_is_used_up_the_next_treatment_can_be_armed(fault: int, way: Callable[[Bench], None]) -> None:
    bench = Bench()
    way(bench)
    assert (bench.state, bench.fault()["fault"], end(bench)) == ("fault", fault, fault)
    bench.board.open("footswitch")
    bench.cycle(2)
    bench.turn_key()
    assert bench.state == "standby"
    bench.cycle(20)
    assert bench.command("arm") == (True, "")
    bench.press("ready")
    bench.cycle(14)
    assert (bench.state, bench.fault()["fault"]) == ("ready", 0)


def test_light_that_nobody_wants_is_a_fault_even_unarmed() -> None:
    bench = in_state("standby")
    bench.board.light.leak_mw = 250
    bench.cycle(4)
    assert (bench.state, bench.fault()["fault"]) == ("fault", faults.OVER_POWER)
    bench.turn_key()
    assert bench.state == "fault"
    bench.board.light.leak_mw = 0
    bench.cycle(2)
    bench.turn_key()
    assert bench.state == "standby"


def test_after_power_up_the_key_has_to_be_turned_off_and_on() -> None:
    bench = Bench()
    bench.cycle(20)
    bench.upload()
    bench.cycle(20)
    assert bench.command("arm") == (False, "key not turned since power-up")
    bench.turn_key()
    assert bench.command("arm") == (True, "")


def test_probes_may_be_put_into_the_body_after_power_up() -> None:
    """From room to body in a second and a few more, without any light: no runaway, and it can be armed afterwards."""
    bench = Bench()
    bench.temperatures(24, 24, 24, 24)
    bench.cycle(60)
    bench.temperatures(37, 37, 37, 37)
    bench.cycle(60)
    bench.to_ready()


# Host and presence


@pytest.mark.parametrize("state", EMITTING)
@pytest.mark.parametrize("stops", [0, 1])
def test_a_lost_host_pauses_or_stops_as_the_plan_says(state: str, stops: int) -> None:
    bench = Bench()
    (bench.to_heating if state == "heating" else bench.to_holding)(lease_stops=stops, lease_ms=2000)
    bench.temperatures(44 if state == "heating" else 45.5)
    bench.to_phase(3)
    silent(bench)
    bench.cycle(19)
    assert bench.state == state
    bench.cycle()
    assert (bench.state, bench.duty) == ("cooling" if stops else "paused", 0)
    assert bench.app.alarms.is_on(faults.LEASE)
    assert (end(bench) if stops else bench.app.treatment.paused_for) == faults.LEASE
    bench.host_listens = bench.board.serial.ready = True
    bench.cycle(60)
    assert "45" in [fields[1] for fields in bench.faults]
    assert told(bench, faults.LEASE)[:1] == ["1"]
    assert bench.state == ("cooling" if stops else "paused")


def test_only_what_is_signed_renews_the_lease() -> None:
    bench = in_state("heating")
    bench.beats = False
    for _ in range(31):
        bench.host.send("hello", "2")
        bench.cycle()
    assert (bench.state, bench.fault()["fault"]) == ("paused", faults.LEASE)


@pytest.mark.parametrize("state", ["ready", "self-test"])
def test_a_host_lost_before_any_light_disarms(state: str) -> None:
    bench = Bench()
    bench.to_standby_with_plan(lease_ms=1000)
    bench.command("arm")
    bench.press("ready")
    bench.cycle(14 if state == "ready" else 1)
    assert bench.state == state
    silent(bench)
    bench.cycle(11)
    assert (bench.state, end(bench)) == ("standby", faults.LEASE)


def test_in_holding_presence_is_asked_for_and_confirmed_by_the_footswitch() -> None:
    bench = Bench()
    bench.to_holding(confirm_ms=60000, hold_ms=3600000)
    bench.board.open("footswitch")
    bench.cycle(250)
    assert told(bench, faults.CONFIRM) == []
    bench.cycle(100)
    assert told(bench, faults.CONFIRM) == ["1"]
    bench.press("footswitch")
    bench.cycle(5)
    assert told(bench, faults.CONFIRM) == ["1", "0"]
    bench.cycle(500)
    assert bench.state == "holding"


@pytest.mark.parametrize("held", [False, True])
def test_nobody_there_pauses(held: bool) -> None:
    """A footswitch that is held down all the time is no sign of anybody either."""
    bench = Bench()
    bench.to_holding(confirm_ms=60000, hold_ms=3600000)
    if not held:
        bench.board.open("footswitch")
    began = bench.app.count
    while bench.state == "holding":
        bench.cycle()
        assert bench.app.count - began <= 601
    assert bench.app.count - began >= 579
    assert (bench.state, bench.fault()["fault"], bench.duty) == ("paused", faults.NOT_CONFIRMED, 0)
    bench.resume()


# Time and ends


def test_ready_expires() -> None:
    bench = in_state("ready")
    bench.cycle(limits.READY_MAX_CYCLES - 1)
    assert bench.state == "ready"
    bench.cycle(2)
    assert (bench.state, end(bench)) == ("standby", treatment.ENDED_READY_EXPIRED)


@pytest.mark.parametrize("by_host", [False, True])
def test_paused_expires_into_cooling(by_host: bool) -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    if by_host:
        bench.command("pause")
    else:
        bench.board.open("footswitch")
    bench.cycle(limits.PAUSED_MAX_CYCLES - 20)
    assert bench.state == "paused"
    bench.cycle(25)
    assert (bench.state, end(bench)) == ("cooling", treatment.PAUSED_BY_HOST if by_host else faults.FOOTSWITCH)


def test_a_whole_treatment_ends_complete() -> None:
    bench = in_state("holding")
    bench.cycle(700)
    assert bench.state == "cooling"
    assert bench.app.treatment.hold_ms == 60000
    bench.temperatures(40)
    bench.cycle(20)
    assert (bench.state, end(bench)) == ("complete", treatment.ENDED_COMPLETE)
    assert [int(fields[1]) for fields in bench.states] == [8, 1, 2, 3, 4, 5]


def test_cooling_ends_at_the_latest_after_its_time() -> None:
    bench = in_state("cooling")
    bench.cycle(limits.COOLING_MAX_CYCLES - 5)
    assert bench.state == "cooling"
    bench.cycle(10)
    assert bench.state == "complete"


def _heat(bench: Bench, **changes: int) -> None:
    bench.to_heating(**changes)
    bench.temperatures(44)
    bench.cycle(20)


def _stop_while_paused(bench: Bench) -> None:
    _heat(bench)
    bench.board.open("footswitch")
    bench.cycle()
    bench.command("stop")


def _stop_while_paused_by_host(bench: Bench) -> None:
    _heat(bench)
    bench.command("pause")
    bench.command("stop")


def _stop(bench: Bench) -> None:
    _heat(bench)
    bench.command("stop")


def _stop_and_go(bench: Bench) -> None:
    _stop(bench)
    silent(bench)
    bench.cycle(40)


def _lease_stops(bench: Bench) -> None:
    _heat(bench, lease_stops=1)
    silent(bench)
    bench.cycle(40)


def _brown_out_while_cooling(bench: Bench) -> None:
    _stop(bench)
    bench.board.supply_mv(4300)
    bench.cycle(20)
    bench.board.supply_mv(5000)


ENDS: dict[str, tuple[Callable[[Bench], None], int]] = {
    "stopped": (_stop, treatment.ENDED_STOPPED),
    "stopped while paused by a fault": (_stop_while_paused, faults.FOOTSWITCH),
    "stopped while paused by the host": (_stop_while_paused_by_host, treatment.ENDED_STOPPED),
    "host lost afterwards": (_stop_and_go, treatment.ENDED_STOPPED),
    "host lost": (_lease_stops, faults.LEASE),
    "brown-out afterwards": (_brown_out_while_cooling, treatment.ENDED_STOPPED),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_cools_and_is_complete(name: str) -> None:
    """Whatever resumable fault was told before or while it cools."""
    way, reason = ENDS[name]
    bench = Bench()
    way(bench)
    assert (bench.state, end(bench)) == ("cooling", reason)
    bench.temperatures(37)
    bench.cycle(30)
    assert (bench.state, end(bench)) == ("complete", reason)
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


def test_a_fault_while_cooling_keeps_the_completed_end() -> None:
    bench = in_state("holding")
    bench.cycle(700)
    assert (bench.state, end(bench)) == ("cooling", treatment.ENDED_COMPLETE)
    bench.board.open("emergency stop")
    bench.cycle()
    assert (bench.state, end(bench), bench.fault()["fault"]) == ("fault", treatment.ENDED_COMPLETE, 50)


def test_a_resumable_fault_while_cooling_is_told() -> None:
    bench = in_state("cooling")
    bench.board.chips[2].status = reading.OPEN
    bench.cycle(40)
    assert bench.state == "cooling"
    assert [fields[1:3] for fields in bench.faults] == [["20", "2"]]


def test_complete_is_left_by_turning_the_key() -> None:
    bench = in_state("complete")
    bench.cycle(50)
    assert bench.state == "complete"
    bench.turn_key()
    assert bench.state == "standby"


# What is counted


@pytest.mark.parametrize(("celsius", "counts"), [(44.99, False), (45.0, True), (47.0, True), (47.01, False)])
def test_the_hold_clock_counts_within_the_tolerance(celsius: float, counts: bool) -> None:
    bench = in_state("holding")
    bench.temperatures(celsius)
    bench.cycle(11)
    before = bench.app.treatment.hold_ms
    bench.cycle(10)
    assert bench.app.treatment.hold_ms - before == (1000 if counts else 0)


def test_the_hold_clock_stands_still_without_a_valid_control_reading() -> None:
    bench = in_state("holding")
    bench.to_phase(2)
    before = bench.app.treatment.hold_ms
    bench.board.chips[0].status = reading.NOT_READY
    bench.cycle(2)
    assert bench.app.treatment.hold_ms == before


@pytest.mark.parametrize("more_mw", [0, 3])
def test_energy_is_the_sum_of_power_over_time(more_mw: int) -> None:
    """What is commanded, or what is delivered where that is more; no tenth of a millijoule is lost."""
    bench = in_state("heating")
    bench.app.situation.energy_mj = bench.app._energy_rest = 0
    bench.board.light.leak_mw = more_mw
    total = 0
    for _ in range(200):
        bench.cycle()
        allowed, delivered = bench.rows[-1]["allowed_mw"], bench.rows[-1]["delivered_mw"]
        total += max(allowed, delivered) if allowed else 0
    assert bench.app.situation.energy_mj == total // 10
    assert bench.app._energy_rest == total % 10


@pytest.mark.parametrize("state", treatment.STATES)
def test_emission_time_counts_only_where_light_may_be_wanted(state: str) -> None:
    bench = in_state(state)
    before = bench.app.situation.emission_ms
    bench.cycle(10)
    assert bench.app.situation.emission_ms - before == (1000 if state in EMITTING else 0)


@pytest.mark.parametrize("state", [state for state in treatment.STATES if state != "service"])
def test_dose_counts_on_in_every_state_but_standby(state: str) -> None:
    """After the end and a fault, too: heat goes on spreading when the light is off."""
    bench = in_state(state)
    bench.temperatures(45.5, 45.5, 42.9, 45.5)
    bench.cycle(11)
    before = bench.app.dose.umin
    bench.cycle(10)
    assert (bench.app.dose.umin > before) == (state != "standby")


def test_a_new_treatment_begins_its_counts_anew() -> None:
    bench = in_state("complete")
    assert bench.app.dose.umin > 0
    bench.board.open("footswitch")
    bench.turn_key()
    bench.command("arm")
    bench.press("ready")
    situation = bench.app.situation
    assert bench.state == "self-test"
    assert (situation.energy_mj, situation.emission_ms, bench.app.treatment.hold_ms) == (0, 0, 0)
    assert end(bench) == treatment.NOT_ENDED
    assert bench.app.dose.umin == 0
    assert bench.app.control._integral_q5 == 0


# Self-test


def test_the_self_test_never_drives_both_ways_at_once() -> None:
    bench = in_state("standby")
    bench.command("arm")
    bench.board.close("ready")
    driven, edges = [], []
    while bench.state != "ready":
        before = bench.board.enable.edges
        bench.cycle()
        if bench.duty:
            driven.append(bench.app.count)
        if bench.board.enable.edges > before:
            edges.append(bench.app.count)
        assert bench.board.light.mw == 0
    assert len(driven) == len(edges) == 3
    # The monostable stays open for 250 ms: three cycles.
    assert all(not e <= d <= e + 2 for d in driven for e in edges)


SELF_TESTS: dict[str, tuple[Callable[[Any], None], int]] = {
    "a leak": (lambda light: setattr(light, "leak_mw", 150), faults.LEAK),
    "enable stuck": (lambda light: setattr(light, "stuck_enabled", True), faults.ENABLE_FAILS),
    "power stuck": (lambda light: setattr(light, "stuck_mw", 2000), faults.POWER_FAILS),
}


@pytest.mark.parametrize("name", SELF_TESTS)
def test_the_self_test_finds_each_way_to_dark_that_fails(name: str) -> None:
    fail, fault = SELF_TESTS[name]
    bench = in_state("standby")
    fail(bench.board.light)
    bench.cycle()
    bench.command("arm")
    bench.press("ready")
    lit = 0
    for _ in range(16):
        bench.cycle()
        lit += bench.board.light.mw > 0
    found = bench.fault()
    assert (bench.state, found["fault"], end(bench)) == ("fault", fault, fault)
    assert found["value"] > found["limit"] == limits.TEST_DARK_MW
    assert bench.duty == 0
    assert lit <= 3  # no longer than the monostable stays open
    assert told(bench, fault) == ["1"]


def test_lamps_and_buzzer_are_tested_too() -> None:
    bench = in_state("self-test")
    bench.cycle(3)
    assert bench.rows[-1]["outputs"] & 12 == 12
    assert [row["outputs"] & 16 for row in bench.rows[-6:]].count(16) >= 1
