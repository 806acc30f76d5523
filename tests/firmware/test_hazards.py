"""Each hazard by itself: just below, at and above its limit, where it is blind, and in which rhythm it is asked."""

from __future__ import annotations

from typing import Any

import pytest
from support.firmware import load
from support.situations import EDGES, FOOTSWITCH, LIMIT_MC, RHYTHM, RHYTHMS, Change, all_of, at, contact, healthy, rise

faults, hazards, limits, reading, sensing, treatment = map(
    load, ("faults", "hazards", "limits", "drivers.reading", "sensing", "treatment")
)
NOTHING, UNTOLD = 0, hazards.UNTOLD
STATES = range(len(treatment.STATES))
Told = tuple[int, int, int, int]


class Asker:
    """What a hazard is given: the situation, and `found` for its figures."""

    def __init__(self, situation: Any) -> None:
        self.situation = situation
        self.told: Told | None = None

    def found(self, number: int, where: int, value: int, limit: int) -> int:
        self.told = (number, where, value, limit)
        return number


def ask(name: str, *changes: Change) -> int | Told:
    """What hazard `name` says of a healthy situation with these changes: NOTHING, UNTOLD or its figures."""
    situation = healthy()
    for change in changes:
        change(situation)
    asker = Asker(situation)
    number: int = getattr(hazards, name)(asker)
    if number in (NOTHING, UNTOLD):
        return number
    assert asker.told
    assert asker.told[0] == number
    return asker.told


def state(number: int) -> Change:
    return at("treatment.state", number)


def test_every_hazard_is_asked_in_one_rhythm_and_has_its_case() -> None:
    asked = [name for names in RHYTHMS.values() for name in names]
    assert len(asked) == len(set(asked))
    assert set(asked) == set(EDGES)


def test_readings_are_judged_with_each_sample_and_dark_ones_with_each_frame() -> None:
    of_samples = {"over_temperature", "probe_status", "probe_below", "frozen", "disagree"}
    of_frames = {
        "above_set_point",
        "guard_ahead",
        "jump",
        "rate",
        "not_responding",
        "runaway",
        "source",
        "moved",
        "swapped",
    }
    for name in EDGES:
        assert RHYTHM[name] == ("sample" if name in of_samples else "frame" if name in of_frames else "cycle"), name


@pytest.mark.parametrize("name", EDGES)
def test_a_healthy_situation_is_no_hazard(name: str) -> None:
    assert ask(name) == NOTHING


@pytest.mark.parametrize("name", EDGES)
def test_at_its_limit(name: str) -> None:
    edge = EDGES[name]
    assert ask(name, edge.inside) == NOTHING
    assert ask(name, edge.outside) == (edge.number, edge.where, edge.value, edge.limit)
    assert ask(name, edge.outside, edge.inside) == NOTHING


@pytest.mark.parametrize("name", EDGES)
def test_each_hazard_is_seen_by_itself_alone(name: str) -> None:
    """Else the fault's text would tell the wrong cause."""
    others = {other: ask(other, EDGES[name].outside) for other in EDGES if other != name}
    assert set(others.values()) <= {NOTHING, UNTOLD}, others


def test_the_first_hazards_are_the_contacts() -> None:
    """A plan is not needed to tell of them."""
    first = [hazard.__name__ for hazard in hazards.EVERY_CYCLE[: hazards.CONTACTS]]
    assert first == ["emergency_stop", "key_off", "remote_open", "fibre_open", "cover_open"]


# Contacts and hands


@pytest.mark.parametrize(("name", "bit"), [(name, 1 << i) for i, name in enumerate(RHYTHMS["cycle"][:5])])
def test_a_contact_is_judged_by_its_own_bit_in_every_state(name: str, bit: int) -> None:
    for number in STATES:
        assert ask(name, state(number), at("inputs", bit)) == NOTHING
        assert ask(name, state(number), at("inputs", 0x1FF & ~bit)) == (EDGES[name].number, -1, 0, 0)


@pytest.mark.parametrize("number", STATES)
def test_the_footswitch_is_held_to_run_while_heating_only(number: int) -> None:
    released = (faults.FOOTSWITCH, -1, 0, 0) if number == treatment.HEATING else NOTHING
    assert ask("footswitch", state(number), contact(FOOTSWITCH, False)) == released
    assert ask("footswitch", state(number), contact(FOOTSWITCH, True)) == NOTHING


@pytest.mark.parametrize("number", STATES)
def test_presence_is_to_be_confirmed_while_holding_only(number: int) -> None:
    late = (faults.NOT_CONFIRMED, -1, 10000000, 300000) if number == treatment.HOLDING else NOTHING
    assert ask("not_confirmed", state(number), at("unconfirmed_ms", 10000000)) == late
    assert ask("not_confirmed", state(number), at("unconfirmed_ms", 299900)) == NOTHING


@pytest.mark.parametrize(("lease_ms", "value"), [(2900, 0), (3000, 0), (3100, 3100), (10100, 10100)])
def test_lease(lease_ms: int, value: int) -> None:
    assert ask("lease", at("lease_ms", lease_ms)) == ((faults.LEASE, -1, value, 3000) if value else NOTHING)


# Light


@pytest.mark.parametrize(("commanded_mw", "limit"), [(1, 201), (100, 350), (101, 351), (2000, 3200), (5000, 7700)])
def test_over_power_allows_half_more_and_a_margin(commanded_mw: int, limit: int) -> None:
    commanded = at("commanded_mw", commanded_mw)
    for delivered_mw in (0, limit - 1, limit):
        assert ask("over_power", commanded, at("delivered_mw", delivered_mw)) == NOTHING
    for delivered_mw in (limit + 1, 45000):
        told = (faults.OVER_POWER, -1, delivered_mw, limit)
        assert ask("over_power", commanded, at("delivered_mw", delivered_mw)) == told


@pytest.mark.parametrize(
    ("delivered_mw", "told"), [(0, UNTOLD), (200, UNTOLD), (201, (faults.OVER_POWER, -1, 201, 200))]
)
def test_in_the_dark_over_power_sees_too_much_but_never_all_well(delivered_mw: int, told: Any) -> None:
    assert ask("over_power", at("commanded_mw", 0), at("delivered_mw", delivered_mw)) == told


@pytest.mark.parametrize("number", STATES)
def test_light_is_too_much_in_every_state_but_the_self_test_which_looks_itself(number: int) -> None:
    told = ask("over_power", state(number), at("commanded_mw", 0), at("delivered_mw", 30000))
    assert told == (UNTOLD if number == treatment.SELF_TEST else (faults.OVER_POWER, -1, 30000, 200))


@pytest.mark.parametrize(
    ("commanded_mw", "delivered_mw", "told"),
    [
        (0, 0, UNTOLD),
        (299, 0, UNTOLD),
        (300, 151, NOTHING),
        (300, 150, NOTHING),
        (300, 149, (faults.UNDER_POWER, -1, 149, 150)),
        (301, 150, NOTHING),
        (5000, 2500, NOTHING),
        (5000, 2499, (faults.UNDER_POWER, -1, 2499, 2500)),
        (5000, 0, (faults.UNDER_POWER, -1, 0, 2500)),
    ],
)
def test_under_power_is_told_where_the_photodiode_sees_enough(commanded_mw: int, delivered_mw: int, told: Any) -> None:
    assert ask("under_power", at("commanded_mw", commanded_mw), at("delivered_mw", delivered_mw)) == told


@pytest.mark.parametrize("number", [faults.LEAK, faults.ENABLE_FAILS, faults.POWER_FAILS])
def test_a_failed_self_test_tells_what_it_found(number: int) -> None:
    failed = all_of(at("self_test", number), at("self_test_mw", 101))
    assert ask("self_test", failed) == (number, -1, 101, limits.TEST_DARK_MW)


@pytest.mark.parametrize(("name", "limit"), [("energy", 12000000), ("emission_time", 3600000)])
def test_what_is_used_up_to_the_last_is_used_up(name: str, limit: int) -> None:
    path = {"energy": "energy_mj", "emission_time": "emission_ms"}[name]
    assert ask(name, at(path, 0)) == ask(name, at(path, limit - 1)) == NOTHING
    for value in (limit, limit + 1, 2 * limit):
        assert ask(name, at(path, value)) == (EDGES[name].number, -1, value, limit)


# The device itself


@pytest.mark.parametrize(("late_ms", "told"), [(0, NOTHING), (49, NOTHING), (50, NOTHING), (51, 51), (5000, 5000)])
def test_missed_cycle(late_ms: int, told: int) -> None:
    expected = (faults.MISSED_CYCLE, -1, told, limits.LATE_MAX_MS) if told else NOTHING
    assert ask("missed_cycle", at("late_ms", late_ms)) == expected


@pytest.mark.parametrize(("supply_mv", "low"), [(9899, False), (4401, False), (4400, False), (4399, True), (0, True)])
def test_brown_out(supply_mv: int, low: bool) -> None:
    expected = (faults.BROWN_OUT, -1, supply_mv, limits.SUPPLY_MIN_MV) if low else NOTHING
    assert ask("brown_out", at("supply_mv", supply_mv)) == expected


# Probes


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize(("age", "old"), [(3, False), (4, False), (5, True), (1000000, True)])
def test_stale(channel: int, age: int, old: bool) -> None:
    aged = at("sensing.age", age, channel)
    assert ask("stale", aged) == ((faults.STALE, channel, age, limits.SAMPLE_MAX_AGE) if old else NOTHING)
    assert ask("stale", aged, at("sensing.roles", sensing.NONE, channel)) == NOTHING
    # Told as what it is, which says more.
    assert ask("stale", aged, at("sensing.told", reading.NO_RESPONSE, channel)) == NOTHING


@pytest.mark.parametrize("control", range(4))
@pytest.mark.parametrize("age", [24, 25, 26, 1000000])
def test_only_the_control_probe_needs_a_dark_sample(control: int, age: int) -> None:
    told = (faults.DARK_STALE, control, age, limits.DARK_MAX_AGE) if age > 25 else NOTHING
    assert ask("dark_stale", at("sensing.control", control), at("sensing.dark_age", age, control)) == told
    elsewhere = at("sensing.dark_age", age, (control + 1) % 4)
    assert ask("dark_stale", at("sensing.control", control), elsewhere) == NOTHING


# What each status of a reading means; the others are no fault by themselves.
STATUS_FAULTS = {
    reading.OPEN: faults.PROBE_OPEN,
    reading.SHORT: faults.PROBE_VOLTAGE,
    reading.RANGE: faults.PROBE_RANGE,
    reading.NO_RESPONSE: faults.NO_RESPONSE,
    reading.SHORT_GROUND: faults.SHORT_GROUND,
    reading.SHORT_SUPPLY: faults.SHORT_SUPPLY,
    reading.COLD_RANGE: faults.COLD_RANGE,
    reading.HIGH: faults.PROBE_RANGE,
    reading.LOW: faults.PROBE_RANGE,
}
STATUSES = {name: value for name, value in vars(reading).items() if name.isupper() and type(value) is int}
STATUSES = {name: value for name, value in STATUSES.items() if not name.startswith("TYPE_")}


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("name", STATUSES)
def test_what_a_converter_tells(name: str, channel: int) -> None:
    status = STATUSES[name]
    told = all_of(at("sensing.told", status, channel), at("sensing.sr", 0x55, channel))
    fault = STATUS_FAULTS.get(status)
    assert ask("probe_status", told) == ((fault, channel, 0x55, 0) if fault else NOTHING)
    assert ask("probe_status", told, at("sensing.roles", sensing.NONE, channel)) == NOTHING


def test_every_status_there_is_has_its_place() -> None:
    assert sorted(STATUSES.values()) == list(range(len(STATUSES)))


@pytest.mark.parametrize("channel", range(4))
def test_a_probe_below_its_lowest_plausible_reading(channel: int) -> None:
    for mc in (30001, 30000):
        assert ask("probe_below", at("sensing.tc_mc", mc, channel)) == NOTHING
    for mc in (29999, 0, -250000):
        low = at("sensing.tc_mc", mc, channel)
        assert ask("probe_below", low) == (faults.PROBE_BELOW, channel, mc, 30000)
        assert ask("probe_below", low, at("sensing.roles", sensing.NONE, channel)) == NOTHING
        assert ask("probe_below", low, at("sensing.told", reading.LOW, channel)) != NOTHING
        assert ask("probe_below", low, at("sensing.told", reading.OPEN, channel)) == NOTHING


@pytest.mark.parametrize("channel", range(4))
def test_over_temperature_by_role(channel: int) -> None:
    limit, number = LIMIT_MC[channel], faults.OVER_TEMPERATURE + 1 + channel
    for mc in (limit - 1, limit):
        assert ask("over_temperature", at("sensing.tc_mc", mc, channel)) == NOTHING
    for mc in (limit + 1, 2000000):
        hot = at("sensing.tc_mc", mc, channel)
        assert ask("over_temperature", hot) == (number, channel, mc, limit)
        assert ask("over_temperature", hot, at("sensing.roles", sensing.NONE, channel)) == NOTHING
        assert ask("over_temperature", hot, at("sensing.told", reading.OPEN, channel)) == NOTHING


@pytest.mark.parametrize("channel", range(4))
def test_what_is_too_hot_for_the_converter_is_too_hot_for_the_tissue(channel: int) -> None:
    """Beyond its threshold it still measures: nothing that could be resumed."""
    too_hot = all_of(at("sensing.tc_mc", 110008, channel), at("sensing.told", reading.HIGH, channel))
    told = (faults.OVER_TEMPERATURE + 1 + channel, channel, 110008, LIMIT_MC[channel])
    assert ask("over_temperature", too_hot) == told


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("role", [1, 2, 3, 4])
def test_the_number_follows_the_role_and_not_the_channel(channel: int, role: int) -> None:
    told = ask("over_temperature", at("sensing.roles", role, channel), at("sensing.tc_mc", 100000, channel))
    assert told == (10 + role, channel, 100000, LIMIT_MC[channel])


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize(("samples", "told"), [(0, False), (39, False), (40, True), (1000, True)])
def test_frozen(channel: int, samples: int, told: bool) -> None:
    same = at("sensing.same", samples, channel)
    expected = (faults.FROZEN, channel, samples, limits.FROZEN_SAMPLES) if told else NOTHING
    assert ask("frozen", same) == expected
    assert ask("frozen", same, at("sensing.roles", sensing.NONE, channel)) == NOTHING


AT_REST = all_of(at("energy_mj", 0), *(at("sensing.tc_mc", 37000, i) for i in range(4)))


@pytest.mark.parametrize("channel", range(4))
def test_cold_junctions_share_a_board(channel: int) -> None:
    for mc in (20000, 25000, 30000):
        assert ask("disagree", at("sensing.cj_mc", mc, channel)) == NOTHING
    warm = at("sensing.cj_mc", 30001, channel)
    assert ask("disagree", warm) == (faults.DISAGREE, channel, 5001, limits.COLD_SPREAD_MC)
    assert ask("disagree", warm, at("sensing.roles", sensing.NONE, channel)) == NOTHING
    assert ask("disagree", warm, at("sensing.told", reading.OPEN, channel)) == NOTHING
    told = ask("disagree", at("sensing.cj_mc", 19999, channel))
    assert isinstance(told, tuple)
    assert told[0] == faults.DISAGREE
    assert told[2:] == (5001, limits.COLD_SPREAD_MC)


@pytest.mark.parametrize("channel", range(4))
def test_probes_share_a_body_until_there_is_light(channel: int) -> None:
    for mc in (34000, 40000):
        assert ask("disagree", AT_REST, at("sensing.tc_mc", mc, channel)) == NOTHING
    warm = at("sensing.tc_mc", 40001, channel)
    assert ask("disagree", AT_REST, warm) == (faults.DISAGREE, channel, 3001, limits.REST_SPREAD_MC)
    assert ask("disagree", AT_REST, warm, at("sensing.roles", sensing.NONE, channel)) == NOTHING
    assert ask("disagree", AT_REST, warm, at("sensing.told", reading.OPEN, channel)) == NOTHING
    assert ask("disagree", AT_REST, warm, at("energy_mj", 1)) == NOTHING
    assert ask("disagree", AT_REST, warm, state(treatment.COOLING)) == NOTHING
    assert ask("disagree", AT_REST, at("sensing.tc_mc", 33999, channel)) != NOTHING


def test_one_probe_or_none_agrees_with_itself() -> None:
    alone = all_of(*(at("sensing.roles", sensing.NONE, i) for i in (1, 2, 3)))
    assert ask("disagree", AT_REST, alone, at("sensing.tc_mc", 90000, 0)) == NOTHING
    assert ask("disagree", AT_REST, alone, at("sensing.told", reading.OPEN, 0)) == NOTHING


# Dark samples


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("step_mc", [-90000, 45001])
@pytest.mark.parametrize(("name", "path"), [("rate", "rejected"), ("jump", "jumped")])
def test_what_sensing_made_of_a_step(name: str, path: str, channel: int, step_mc: int) -> None:
    seen = all_of(at("sensing." + path, True, channel), at("sensing.step_mc", step_mc, channel))
    limit = (10000, 45000, 10000, 10000)[channel]
    assert ask(name, seen) == (EDGES[name].number, channel, step_mc, limit)
    assert ask(name, seen, at("sensing.roles", sensing.NONE, channel)) == NOTHING


def test_a_jump_below_the_lowest_plausible_reading_is_told_as_that() -> None:
    """Leads that touch say more than that the reading jumped."""
    jumped = all_of(at("sensing.jumped", True, 0), at("sensing.step_mc", -20000, 0))
    for mc, told in ((30000, (faults.JUMP, 0, -20000, 10000)), (29999, NOTHING)):
        assert ask("jump", jumped, at("sensing.dark_mc", mc, 0)) == told


def test_a_bright_reading_above_the_set_point_is_absorbed_light() -> None:
    assert ask("above_set_point", at("sensing.tc_mc", 55000, 0)) == NOTHING


@pytest.mark.parametrize("control", range(4))
def test_above_the_set_point_goes_by_the_control_probe(control: int) -> None:
    for mc, told in ((48999, NOTHING), (49000, NOTHING), (49001, (faults.ABOVE_SET_POINT, control, 49001, 49000))):
        assert ask("above_set_point", at("sensing.control", control), at("control_mc", mc)) == told


@pytest.mark.parametrize(("dark_mc", "rise_mc"), [(43000, 0), (42999, 1), (40000, 3000), (35000, 1500)])
def test_a_guard_probe_may_reach_its_limit_and_no_more(dark_mc: int, rise_mc: int) -> None:
    dark = at("sensing.dark_mc", dark_mc, 2)
    assert ask("guard_ahead", dark, rise(2, rise_mc)) == NOTHING
    ahead = 43001 - dark_mc
    assert ask("guard_ahead", dark, rise(2, ahead)) == (faults.GUARD_AHEAD, 2, 43001, 43000)


@pytest.mark.parametrize("channel", [0, 1, 3])
def test_what_is_foretold_of_other_probes_does_not_count(channel: int) -> None:
    ahead = all_of(rise(channel, 1500), at("sensing.dark_mc", 99000, channel))
    assert ask("guard_ahead", ahead) == NOTHING
    assert ask("guard_ahead", ahead, at("sensing.roles", sensing.GUARD, channel)) != NOTHING


@pytest.mark.parametrize("control", range(4))
def test_not_responding_names_the_control_probe(control: int) -> None:
    seen = all_of(at("trends.unresponsive", True), at("trends.rise_mc", -300), at("sensing.control", control))
    assert ask("not_responding", seen) == (faults.NOT_RESPONDING, control, -300, limits.RESPONSE_MC)


@pytest.mark.parametrize("channel", range(4))
def test_runaway_names_its_channel(channel: int) -> None:
    seen = all_of(at("trends.runaway", channel), at("trends.runaway_mc", 5000))
    assert ask("runaway", seen) == (faults.RUNAWAY, channel, 5000, limits.RUNAWAY_MC)
