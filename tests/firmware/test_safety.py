"""Safety: evidence costs the light at once, what lasts latches until a person lifts it, power is only lowered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.situations import EDGES, RHYTHM, RHYTHMS, Edge, budget_of, healthy

faults, hazards, limits, reading, safety, treatment = map(
    load, ("faults", "hazards", "limits", "drivers.reading", "safety", "treatment")
)
LONG = limits.INDICATOR_CYCLES
STATES = range(len(treatment.STATES))
ARMED = (
    treatment.READY,
    treatment.HEATING,
    treatment.HOLDING,
    treatment.COOLING,
    treatment.PAUSED,
    treatment.SELF_TEST,
)
NAMES = sorted(EDGES)
FORGIVING = [name for name in NAMES if budget_of(name)]
HARD = {name for name in NAMES if faults.CATALOGUE[EDGES[name].number][1] == faults.HARD}
ANY = st.sampled_from(NAMES)
TOGETHER = [name for name in NAMES if name not in ("footswitch", "not_confirmed", "under_power")]
"""Any of them can be there at the same time."""


class Guarded:
    """Safety over a healthy situation. `see` and `miss` are one evaluation of a hazard with evidence and without."""

    def __init__(self, state: int = treatment.HEATING) -> None:
        self.situation = healthy(state)
        self.it: Any = safety.Safety(self.situation)

    def see(self, *names: str) -> None:
        for name in names:
            EDGES[name].outside(self.situation)
        self.it.check()

    def miss(self, *names: str) -> None:
        for name in names:
            EDGES[name].inside(self.situation)
        self.it.check()

    def turn(self, name: str, evidence: bool) -> None:
        (self.see if evidence else self.miss)(name)

    def allowed(self) -> int:
        given_mw: int = self.it.allow(1000, LONG)
        return given_mw

    def figures(self) -> tuple[int, int, int, int]:
        return self.it.fault, self.it.where, self.it.value, self.it.limit

    def lit(self) -> bool:
        """Some hazards only exist in states without light."""
        return bool(self.situation.treatment.emitting())


def figures_of(edge: Edge) -> tuple[int, int, int, int]:
    return edge.number, edge.where, edge.value, edge.limit


NO_FAULT = (0, -1, 0, 0)


def test_a_healthy_situation_has_no_fault() -> None:
    guarded = Guarded()
    guarded.it.check()
    assert guarded.figures() == NO_FAULT
    assert (guarded.it.evidence, guarded.it.first_seen()) == (0, 0)
    assert guarded.allowed() == 1000


# Weighing


@pytest.mark.parametrize("name", NAMES)
def test_dark_in_the_very_evaluation_that_has_evidence(name: str) -> None:
    guarded, number = Guarded(), EDGES[name].number
    guarded.miss(name)
    assert guarded.lit()
    assert guarded.allowed() == 1000
    assert not guarded.it.sees(number)
    guarded.see(name)
    assert guarded.allowed() == 0
    assert (guarded.it.evidence, guarded.it.first_seen()) == (1, number)
    assert guarded.it.sees(number)
    guarded.miss(name)
    assert (guarded.it.evidence, guarded.it.first_seen()) == (0, 0)
    assert (guarded.allowed() == 1000) == bool(budget_of(name))


@given(ANY, st.lists(st.booleans(), max_size=80))
def test_evidence_is_dark_and_its_absence_gives_light_back_unless_latched(name: str, evidence: list[bool]) -> None:
    guarded = Guarded()
    latched = False
    for seen in evidence:
        guarded.turn(name, seen)
        latched = latched or guarded.it.fault != 0
        assert (guarded.it.fault != 0) == latched
        assert guarded.it.evidence == seen
        assert guarded.allowed() == (0 if seen or latched else 1000)


@pytest.mark.parametrize("name", NAMES)
def test_evidence_latches_exactly_when_it_has_outlasted_its_budget(name: str) -> None:
    guarded = Guarded()
    for _ in range(budget_of(name)):
        guarded.see(name)
        assert guarded.figures() == NO_FAULT
    guarded.see(name)
    assert guarded.figures() == figures_of(EDGES[name])
    assert guarded.it.hard == (name in HARD)


@given(st.sampled_from(FORGIVING), st.data())
def test_a_single_glitch_within_the_budget_is_forgiven(name: str, data: st.DataObject) -> None:
    guarded, glitch = Guarded(), data.draw(st.integers(1, budget_of(name)))
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(glitch):
            guarded.see(name)
        for _ in range(2 * glitch):
            guarded.miss(name)
        assert guarded.figures() == NO_FAULT
        assert guarded.allowed() == 1000


@pytest.mark.parametrize("name", FORGIVING)
def test_what_is_there_every_second_time_latches_in_the_end(name: str) -> None:
    guarded, seen = Guarded(), 0
    while not guarded.it.fault:
        guarded.see(name)
        seen += 1
        assert seen <= 2 * budget_of(name)
        if not guarded.it.fault:
            guarded.miss(name)
    assert seen > budget_of(name)
    assert guarded.figures() == figures_of(EDGES[name])


@pytest.mark.parametrize("name", FORGIVING)
def test_what_is_there_every_third_time_only_costs_light(name: str) -> None:
    guarded = Guarded()
    for _ in range(500):
        guarded.see(name)
        assert guarded.allowed() == 0
        guarded.miss(name)
        guarded.miss(name)
        assert guarded.allowed() == 1000
    assert guarded.figures() == NO_FAULT


@given(st.sampled_from(FORGIVING), st.lists(st.booleans(), max_size=120))
def test_latches_never_on_less_than_the_budget_and_always_on_more(name: str, evidence: list[bool]) -> None:
    guarded, budget, run = Guarded(), budget_of(name), 0
    for i, seen in enumerate(evidence):
        guarded.turn(name, seen)
        run = run + 1 if seen else 0
        if sum(evidence[: i + 1]) <= budget:
            assert not guarded.it.fault
        if run > budget:
            assert guarded.it.fault


@pytest.mark.parametrize("name", [name for name in FORGIVING if name != "over_power"])
@pytest.mark.parametrize("long", [1, 10, 1000])
def test_a_bucket_holds_no_more_than_twice_its_budget(name: str, long: int) -> None:
    """However long there was evidence while nothing could latch, twice the budget without it makes it good."""
    guarded, budget = Guarded(treatment.STANDBY), budget_of(name)
    for _ in range(long):
        guarded.see(name)
    for _ in range(2 * budget + 2):
        guarded.miss(name)
    guarded.situation.treatment.state = treatment.HEATING
    for _ in range(budget):
        guarded.see(name)
        assert guarded.figures() == NO_FAULT
    guarded.see(name)
    assert guarded.figures() == figures_of(EDGES[name])


@pytest.mark.parametrize("name", ["over_power", "under_power"])
@pytest.mark.parametrize("dark_cycles", [1, 2, 50])
def test_what_cannot_be_seen_in_the_dark_is_not_forgiven_by_it(name: str, dark_cycles: int) -> None:
    guarded = Guarded()
    situation = guarded.situation
    for _ in range(budget_of(name)):
        guarded.see(name)
        situation.commanded_mw = situation.delivered_mw = 0
        for _ in range(dark_cycles):
            guarded.it.check()
            assert guarded.it.evidence == 0
        situation.commanded_mw = 2000
    assert guarded.figures() == NO_FAULT
    guarded.see(name)
    assert guarded.figures() == figures_of(EDGES[name])


# The rhythms


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("read", "fresh_dark"), [(False, False), (True, False), (True, True)])
def test_each_hazard_is_asked_when_there_is_something_new_to_judge(name: str, read: bool, fresh_dark: bool) -> None:
    guarded = Guarded()
    guarded.situation.sensing.asked, guarded.situation.sensing.fresh_dark = read, fresh_dark
    guarded.see(name)
    asked = {"cycle": True, "sample": read, "frame": fresh_dark}[RHYTHM[name]]
    assert guarded.it.evidence == asked
    assert guarded.allowed() == (0 if asked else 1000)


@pytest.mark.parametrize("name", RHYTHMS["sample"] + RHYTHMS["frame"])
def test_what_was_seen_counts_until_it_is_looked_at_again(name: str) -> None:
    """Else there would be light between two samples of a probe that is too hot."""
    guarded = Guarded()
    guarded.it.check()
    guarded.see(name)
    guarded.situation.sensing.asked = guarded.situation.sensing.fresh_dark = False
    before = guarded.it.fault
    for _ in range(50):
        guarded.miss(name)
        assert guarded.it.evidence == 1
        assert guarded.allowed() == 0
    assert guarded.it.fault == before
    guarded.situation.sensing.asked = guarded.situation.sensing.fresh_dark = True
    guarded.miss(name)
    assert guarded.it.evidence == 0


# Latching


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("state", STATES)
def test_only_what_is_armed_is_tripped_or_paused_but_light_that_nobody_wants_is_a_fault_always(
    name: str, state: int
) -> None:
    guarded = Guarded(state)
    for _ in range(100):
        EDGES[name].outside(guarded.situation)
        guarded.situation.treatment.state = state
        guarded.it.check()
    expected = EDGES[name].number if state in ARMED or name == "over_power" else 0
    only_in = {"footswitch": treatment.HEATING, "not_confirmed": treatment.HOLDING}
    if state != only_in.get(name, state) or (name, state) == ("over_power", treatment.SELF_TEST):
        expected = 0
    assert guarded.it.fault == expected


@given(st.lists(st.sets(st.sampled_from(TOGETHER), max_size=4), max_size=30))
def test_a_hard_fault_replaces_a_resumable_one_and_never_the_other_way(turns: list[set[str]]) -> None:
    guarded, before, was_hard = Guarded(), NO_FAULT, False
    for evident in turns:
        for name in set(TOGETHER) - evident:
            EDGES[name].inside(guarded.situation)
        guarded.see(*evident)
        now = guarded.figures()
        assert guarded.it.hard == (now[0] in {EDGES[name].number for name in HARD})
        assert guarded.it.hard or not was_hard
        assert now == before or not was_hard
        assert now == before or not before[0] or guarded.it.hard
        assert guarded.it.evidence == len(evident)
        assert guarded.allowed() == (0 if evident or now[0] else 1000)
        before, was_hard = now, guarded.it.hard


@given(st.permutations(NAMES))
def test_the_first_hard_cause_stays(names: list[str]) -> None:
    """Each for so long that it latches by itself; in the end the first of the hard ones, with its own figures."""
    guarded, first = Guarded(), ""
    for name in names:
        for _ in range(budget_of(name) + 1):
            guarded.see(name)
        guarded.miss(name)
        if name in HARD and not first:
            first = name
        assert guarded.it.fault
        if first:
            assert guarded.figures() == figures_of(EDGES[first])


def test_two_resumable_faults_tell_the_first() -> None:
    guarded = Guarded()
    guarded.see("lease")
    guarded.see("frozen")
    assert guarded.figures() == figures_of(EDGES["lease"])


@pytest.mark.parametrize("name", NAMES)
def test_a_latched_fault_stays_when_its_cause_is_gone(name: str) -> None:
    guarded = Guarded()
    for _ in range(budget_of(name) + 1):
        guarded.see(name)
    for _ in range(500):
        guarded.miss(name)
    assert guarded.figures() == figures_of(EDGES[name])
    assert guarded.allowed() == 0


@given(st.lists(ANY, max_size=40), st.lists(st.tuples(ANY, st.booleans()), max_size=60))
def test_nothing_of_the_past_remains_after_forget(past: list[str], after: list[tuple[str, bool]]) -> None:
    """From there on it does what a new one does in the same situation."""
    old = Guarded()
    for name in past:
        old.see(name)
    for name in NAMES:
        EDGES[name].inside(old.situation)
    old.situation.treatment.state = treatment.HEATING
    old.it.check()
    old.it.forget()
    new = Guarded()
    new.situation = old.situation
    new.it = safety.Safety(old.situation)
    for name, evidence in after:
        (EDGES[name].outside if evidence else EDGES[name].inside)(old.situation)
        old.it.check()
        new.it.check()
        assert old.figures() == new.figures()
        assert (old.it.hard, old.it.evidence, old.allowed()) == (new.it.hard, new.it.evidence, new.allowed())


@pytest.mark.parametrize("name", NAMES)
def test_forget_does_not_blind_it(name: str) -> None:
    """What a hazard still sees stays dark, and latches again."""
    guarded = Guarded()
    for _ in range(budget_of(name) + 1):
        guarded.see(name)
    guarded.it.forget()
    assert guarded.figures() == NO_FAULT
    assert not guarded.it.hard
    assert guarded.it.evidence == 1
    assert guarded.allowed() == 0
    for _ in range(budget_of(name) + 1):
        assert not guarded.it.fault
        guarded.see(name)
    assert guarded.figures() == figures_of(EDGES[name])


@pytest.mark.parametrize("number", faults.CATALOGUE)
def test_what_was_latched_before_a_reset_is_latched_again(number: int) -> None:
    guarded = Guarded(treatment.FAULT)
    guarded.it.latch(number, 2, 45000, 44000)
    guarded.it.check()
    assert guarded.figures() == (number, 2, 45000, 44000)
    assert guarded.it.hard == (faults.CATALOGUE[number][1] == faults.HARD)
    guarded.situation.treatment.state = treatment.HEATING
    assert guarded.allowed() == 0


@given(st.sets(st.sampled_from(TOGETHER)))
def test_evidence_counts_and_names_what_is_seen(evident: set[str]) -> None:
    guarded = Guarded()
    guarded.see(*evident)
    assert guarded.it.evidence == len(evident)
    for name in TOGETHER:
        assert guarded.it.sees(EDGES[name].number) == (name in evident)
    assert (guarded.it.first_seen() in {EDGES[name].number for name in evident}) == bool(evident)


# Power


@given(
    st.sampled_from([*NAMES, ""]),
    st.sampled_from(STATES),
    st.integers(-(1 << 29), 1 << 29) | st.integers(-10, 6000),
    st.integers(100, 10000),
    st.sampled_from([0, 1]),
    st.integers(0, 2 * LONG),
)
def test_allow_never_raises_the_power(
    name: str, state: int, wanted_mw: int, cap_mw: int, fibre: int, indicator_cycles: int
) -> None:
    guarded = Guarded(state)
    guarded.situation.settings.cap_mw, guarded.situation.settings.fibre = cap_mw, fibre
    if name:
        guarded.see(name)
    else:
        guarded.it.check()
    allowed = guarded.it.allow(wanted_mw, indicator_cycles)
    most = min(max(wanted_mw, 0), cap_mw, (3000, 5000)[fibre])
    clear = not guarded.it.fault and not guarded.it.evidence and indicator_cycles >= 20
    assert allowed == (most if clear and guarded.lit() else 0)


@pytest.mark.parametrize("state", STATES)
def test_power_only_in_an_emitting_state(state: int) -> None:
    guarded = Guarded(state)
    assert guarded.allowed() == (1000 if state in (treatment.HEATING, treatment.HOLDING) else 0)


@pytest.mark.parametrize(("cycles", "allowed_mw"), [(0, 0), (1, 0), (19, 0), (20, 1000), (21, 1000), (1 << 29, 1000)])
def test_the_emission_indicator_is_on_for_two_seconds_before_any_light(cycles: int, allowed_mw: int) -> None:
    assert Guarded().it.allow(1000, cycles) == allowed_mw


@pytest.mark.parametrize("fibre", [0, 1])
def test_no_cap_of_a_plan_exceeds_what_the_fibre_allows(fibre: int) -> None:
    guarded = Guarded()
    guarded.situation.settings.fibre = fibre
    most = limits.CAP_MAX_MW[fibre]
    for cap_mw, allowed_mw in ((most - 1, most - 1), (most, most), (most + 1, most), (25000, most)):
        guarded.situation.settings.cap_mw = cap_mw
        assert guarded.it.allow(25000, LONG) == allowed_mw
        assert guarded.it.allow(most - 100, LONG) == most - 100


@pytest.mark.parametrize("wanted_mw", [-1, -(1 << 29)])
def test_less_than_nothing_is_nothing(wanted_mw: int) -> None:
    assert Guarded().it.allow(wanted_mw, LONG) == 0


# With what sensing makes of the converters, cycle by cycle


class Probed:
    """Safety over sensing, stepped together in light."""

    def __init__(self) -> None:
        self.situation = healthy()
        self.it: Any = safety.Safety(self.situation)
        self.sensing = self.situation.sensing
        for chip, mc in zip(self.sensing._chips, (46000, 46000, 40000, 46000), strict=True):
            chip.tc_mc = mc
        self.count = 0

    def cycle(self) -> None:
        phase = self.count % limits.FRAME_CYCLES
        self.sensing.step(phase, True)
        self.it.check()
        self.sensing.trigger(phase)
        self.count += 1

    def latched_after_ms(self) -> int:
        """From the first evidence on."""
        first = 0
        while not self.it.fault:
            self.cycle()
            if self.it.evidence and not first:
                first = self.count
            assert self.count < 1000
        return (self.count - first) * limits.CYCLE_MS


STATUS_BUDGETS = [
    (reading.OPEN, faults.PROBE_OPEN),
    (reading.SHORT, faults.PROBE_VOLTAGE),
    (reading.SHORT_GROUND, faults.SHORT_GROUND),
    (reading.COLD_RANGE, faults.COLD_RANGE),
    (reading.NO_RESPONSE, faults.NO_RESPONSE),
]


@pytest.mark.parametrize(("status", "number"), STATUS_BUDGETS)
@pytest.mark.parametrize("probes", [(0,), (3,), (0, 1, 2, 3)])
def test_the_budget_of_a_bad_probe_is_in_milliseconds(status: int, number: int, probes: tuple[int, ...]) -> None:
    probed = Probed()
    for _ in range(31):
        probed.cycle()
    assert probed.it.evidence == 0
    for i in probes:
        probed.sensing._chips[i].status = status
    assert probed.latched_after_ms() == faults.CATALOGUE[number][3]
    assert (probed.it.fault, probed.it.where) == (number, probes[0])


@pytest.mark.parametrize("bad_reads", [1, 3, 5])
@pytest.mark.parametrize(("status", "number"), STATUS_BUDGETS)
def test_a_probe_that_fails_for_a_moment_costs_only_light(status: int, number: int, bad_reads: int) -> None:
    probed = Probed()
    for _ in range(31):
        probed.cycle()
    probed.sensing._chips[1].status = status
    dark = 0
    for _ in range(2 * bad_reads):
        probed.cycle()
        dark += probed.it.allow(1000, LONG) == 0
    probed.sensing._chips[1].status = reading.OK
    for _ in range(20):
        probed.cycle()
    assert dark >= 2 * bad_reads - 1
    assert probed.it.fault == 0
    assert probed.it.allow(1000, LONG) == 1000


def test_converters_of_which_none_answers_are_judged_too() -> None:
    """There is no sample then to be judged with."""
    probed = Probed()
    for chip in probed.sensing._chips:
        chip.status = reading.NO_RESPONSE
    for _ in range(3):
        probed.cycle()
    assert probed.sensing.fresh == 0
    assert probed.it.first_seen() == faults.NO_RESPONSE
    assert probed.it.allow(1000, LONG) == 0
