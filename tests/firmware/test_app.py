"""The cycle as a whole: what it does to the outputs in which state, what it counts and what it tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.bench import Bench, in_state
from support.firmware import load

limits, faults, treatment = load("limits"), load("faults"), load("treatment")
LIT = range(limits.DARK_PHASE)


@pytest.mark.parametrize("state", ["heating", "holding"])
def test_lit_in_eight_cycles_of_ten_and_dark_in_the_last_two(state: str) -> None:
    bench = in_state(state)
    for _ in range(20):
        phase = bench.app.count % 10
        bench.cycle()
        assert (bench.duty > 0) == (phase in LIT)
        assert (bench.app.allowed_mw > 0) == (phase in LIT)


@pytest.mark.parametrize("state", treatment.STATES)
def test_exactly_one_edge_a_cycle_where_light_may_be_wanted_and_none_elsewhere(state: str) -> None:
    bench = in_state(state)
    expected = 1 if state in ("heating", "holding") else 0
    for _ in range(20):
        edges = bench.board.enable.edges
        bench.cycle()
        assert bench.board.enable.edges - edges == expected == bench.rows[-1]["enable"]
        assert bench.board.enable.level == 0
        if not expected:
            assert bench.duty == 0


def test_the_first_light_comes_after_the_first_dark_sample() -> None:
    bench = in_state("ready")
    bench.command("start")
    bench.board.close("footswitch")
    bench.to_phase(0)
    assert bench.state == "heating"
    assert bench.duty == 0
    bench.cycle()
    assert bench.app.control.wanted_mw == limits.SLEW_UP_MW_PER_S
    assert bench.duty > 0


STRIKES: dict[str, Callable[[Bench], Callable[[], None]]] = {
    "while sensing": lambda bench: _once(bench, "adc", "on_read"),
    "while writing the duty": lambda bench: _once(bench, "pwm", "on_write"),
}


def _once(bench: Bench, part: str, hook: str) -> Callable[[], None]:
    """The remote interlock opens and closes again at the next call of this hook."""

    def strike() -> None:
        setattr(getattr(bench.board, part), hook, lambda: None)
        bench.board.open("remote")
        bench.board.close("remote")

    setattr(getattr(bench.board, part), hook, strike)
    return strike


@pytest.mark.parametrize("where", STRIKES)
def test_a_contact_that_opens_in_the_middle_of_a_cycle_darkens_that_cycle(where: str) -> None:
    bench = in_state("heating")
    bench.temperatures(44)
    bench.to_phase(0)  # the power changes, so that the duty is written
    STRIKES[where](bench)
    bench.cycle()
    assert bench.duty == 0
    bench.cycle()
    assert (bench.state, bench.fault()["fault"], bench.duty) == ("fault", faults.REMOTE_OPEN, 0)


def test_a_contact_that_opens_between_cycles_is_dark_at_once() -> None:
    bench = in_state("holding")
    bench.board.open("fibre")
    assert bench.duty == 0
    bench.board.close("fibre")
    bench.cycle()
    assert bench.fault()["fault"] == faults.FIBRE_OPEN


def test_without_a_new_dark_sample_the_law_does_not_step() -> None:
    """A conversion late at phase 8 leaves no dark sample: the power stays, and nothing is integrated twice."""
    bench = in_state("heating")
    bench.cycle(30)
    bench.to_phase(8)
    steps = []
    step = bench.app.control.step
    bench.app.control.step = lambda *args: (steps.append(args), step(*args))
    for status in (5, 0):
        bench.board.chips[0].status = status
        bench.cycle(2)
    assert bench.duty > 0
    assert steps == []
    bench.cycle(10)
    assert len(steps) == 1


def test_a_tip_limit_of_the_plan_holds_the_power_back() -> None:
    """4 °C below its own limit: half the cap."""
    bench = Bench()
    bench.to_heating(probe1_limit_mc=70000)
    bench.temperatures(37, 66)
    bench.cycle(80)
    assert bench.app.control.wanted_mw == 1500


def test_releasing_the_footswitch_pauses_heating_and_pressing_alone_does_not_resume() -> None:
    bench = in_state("heating")
    bench.board.open("footswitch")
    bench.cycle()
    assert (bench.state, bench.duty) == ("paused", 0)
    bench.board.close("footswitch")
    bench.cycle(20)
    assert bench.state == "paused"
    bench.board.open("footswitch")
    bench.cycle()
    bench.resume()


def test_the_footswitch_may_be_released_while_holding() -> None:
    bench = in_state("holding")
    bench.board.open("footswitch")
    bench.cycle(10)
    assert bench.state == "holding"


def test_a_fault_clears_by_turning_the_key() -> None:
    bench = in_state("fault")
    bench.cycle(50)
    assert bench.state == "fault"
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


@pytest.mark.parametrize("contact", ["emergency stop", "remote", "fibre"])
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


def test_complete_is_left_by_turning_the_key() -> None:
    bench = in_state("complete")
    bench.cycle(50)
    assert bench.state == "complete"
    bench.turn_key()
    assert bench.state == "standby"


def test_a_whole_treatment_ends_complete() -> None:
    bench = in_state("holding")
    bench.cycle(700)
    assert bench.state == "cooling"
    assert bench.app.treatment.hold_ms == 60000
    bench.temperatures(40)
    bench.cycle(20)
    assert (bench.state, bench.app.treatment.end) == ("complete", treatment.ENDED_COMPLETE)


def test_cooling_ends_at_the_latest_after_its_time() -> None:
    bench = in_state("cooling")
    bench.cycle(limits.COOLING_MAX_CYCLES - 5)
    assert bench.state == "cooling"
    bench.cycle(10)
    assert bench.state == "complete"


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
    bench.board.chips[0].status = 5
    bench.cycle(2)
    assert bench.app.treatment.hold_ms == before


@pytest.mark.parametrize("delivered_mw", [0, 3])
def test_energy_is_the_sum_of_power_over_time(delivered_mw: int) -> None:
    """What is commanded, or what is delivered where that is more; no tenth of a millijoule is lost."""
    bench = in_state("heating")
    bench.app.situation.energy_mj = bench.app._energy_rest = 0
    bench.follow_light = lambda: bench.board.deliver_mw(  # type: ignore[method-assign]
        bench.app.allowed_mw + delivered_mw if bench.duty else 0
    )
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
    assert bench.app.situation.emission_ms - before == (1000 if state in ("heating", "holding") else 0)


@pytest.mark.parametrize("state", treatment.STATES)
def test_dose_counts_on_in_every_state_but_standby(state: str) -> None:
    """After a fault, too: heat goes on spreading when the light is off."""
    bench = in_state(state)
    bench.temperatures(45.5)
    bench.cycle(11)
    before = bench.app.dose.umin
    bench.cycle(10)
    assert (bench.app.dose.umin > before) == (state != "standby")


def test_a_new_treatment_begins_its_counts_anew() -> None:
    bench = in_state("complete")
    assert bench.app.dose.umin > 0
    bench.turn_key()
    bench.command("arm")
    bench.press("ready")
    situation = bench.app.situation
    assert (situation.energy_mj, situation.emission_ms, bench.app.treatment.hold_ms) == (0, 0, 0)
    assert bench.app.treatment.end == treatment.NOT_ENDED
    assert bench.app.dose.umin == 0 or bench.app.control_mc() >= 39000


def test_every_cycle_is_told_and_a_sample_brings_the_probes() -> None:
    bench = in_state("heating")
    bench.rows.clear()
    bench.cycle(40)
    cycles = [row["cycle"] for row in bench.rows]
    assert cycles == list(range(cycles[0], cycles[0] + 40))
    for row in bench.rows:
        assert ("probe0_mc" in row) == (row["cycle"] % 2 == 0)
        assert row["fault"] == 0


def test_a_fault_is_told_with_cause_value_limit_and_remedy() -> None:
    bench = in_state("heating")
    bench.temperatures(40, 40, 43.5)
    bench.cycle(4)
    name, unit, remedy = faults.CATALOGUE[13]
    assert bench.faults[-1][1:] == ["13", "2", "43500", "43000", unit, name, remedy.replace(",", ";")]
    assert bench.states[-1][1:] == [str(treatment.FAULT), "13"]


def test_a_fault_in_a_silence_is_told_afterwards() -> None:
    bench = in_state("heating")
    bench.host_listens = False
    bench.board.serial.ready = False
    bench.cycle(60)
    bench.board.open("emergency stop")
    bench.cycle(60)
    assert bench.state == "fault"
    bench.host_listens = bench.board.serial.ready = True
    bench.cycle(60)
    assert bench.faults
    assert bench.states[-1][1:] == [str(treatment.FAULT), "50"]


def test_a_host_that_falls_silent_does_not_stop_the_treatment() -> None:
    bench = in_state("heating")
    bench.host_listens = False
    bench.board.serial.ready = False
    bench.cycle(100)
    assert bench.state == "heating"
    assert bench.app.link.dropped > 0
    assert sum(bench.board.serial.writes[-3:]) <= limits.CREDIT_BYTES
