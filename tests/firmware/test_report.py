"""What is told and remembered: lines that fit whatever they hold, the journal, and what outlives a reset or power."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.bench import Bench, in_state
from support.firmware import load

limits, faults, treatment, report, sections = map(load, ("limits", "faults", "treatment", "report", "sections"))
MOST = (1 << 30) - 1
ARMED = ("self-test", "ready", "heating", "holding", "paused", "cooling")
RESUMABLE = [number for number, row in faults.CATALOGUE.items() if row[1] == faults.RESUMABLE]
HARD = [number for number, row in faults.CATALOGUE.items() if row[1] == faults.HARD]


def plain(text: str) -> str:
    """As it is told: commas separate fields."""
    return text.replace(",", ";")


# Lines


def extreme(bench: Bench, tc_mc: int, cj_mc: int) -> None:
    """Every figure of a row as long as it can become."""
    app = bench.app
    app.count = MOST
    app.link._sequence = MOST - 9
    app.control.reason, app.control.wanted_mw, app.allowed_mw, app.pulsed = 5, 5000, 5000, 1
    app.board.laser.duty_u16 = 65535
    app.safety.fault = app.safety.evidence = 77
    app.safety.seen[0] = 77
    app.treatment.state, app.treatment.end, app.treatment.hold_ms = 6, 77, limits.HOLD_MAX_MS
    app.treatment.paused_for = 77
    app.situation.inputs = 511
    app.board.interlock.interrupts = MOST
    app.command = 4
    app.alarms.top = 77
    app.board.indicators.mask = 31
    app.situation.supply_mv = 9999
    app.situation.delivered_mw = 45000
    app.situation.energy_mj = limits.ENERGY_MAX_MJ + 9999
    app.situation.emission_ms = limits.EMISSION_MAX_MS + 100
    app.dose.umin = MOST
    app.link.dropped = MOST
    sensing = app.sensing
    sensing.status[:] = [11] * 4
    sensing.tc_mc[:] = sensing.dark_mc[:] = [tc_mc] * 4
    sensing.cj_mc[:] = [cj_mc] * 4
    sensing.sr[:] = [255] * 4
    sensing.dark_age[:] = [MOST] * 4
    sensing.fresh = 15


@pytest.mark.parametrize(("tc_mc", "cj_mc"), [(-273150, -64000), (1825000, 191999)])
def test_a_row_of_the_longest_figures_fits_a_line(tc_mc: int, cj_mc: int) -> None:
    bench = in_state("standby")
    found = bench.line_lengths()
    bench.board.serial.rx += bench.host.to_send()
    bench.app.link.poll(0)
    extreme(bench, tc_mc, cj_mc)
    bench.app.report._tell_row()
    bench.rows.clear()
    bench.app.link.flush()
    bench.host.receive(bench.board.serial.take())
    assert found
    assert max(found) <= limits.LINE_MAX_BYTES
    row = bench.rows[-1]
    assert list(row) == [*report.COLUMNS, *report.PROBE_COLUMNS]
    assert (row["cycle"], row["probe3_mc"], row["dropped"], row["control_age_cycles"]) == (MOST, tc_mc, MOST, 9999)


@pytest.mark.parametrize("fault", [*HARD, *RESUMABLE])
def test_every_fault_fits_a_line_and_is_told_whole(fault: int) -> None:
    """With unit, name and remedy, whose commas are no separators."""
    bench = in_state("standby")
    found = bench.line_lengths()
    bench.app.count = bench.app.link._sequence = MOST - 50
    bench.app.safety.latch(fault, 3, -(1 << 29), 1 << 29)
    bench.app.report._tell_fault()
    bench.cycle(10)
    assert max(found) <= limits.LINE_MAX_BYTES
    row = faults.CATALOGUE[fault]
    told = [fields for fields in bench.faults if fields[1] == str(fault)]
    assert told[0][2:] == ["3", str(-(1 << 29)), str(1 << 29), row[4], plain(row[0]), plain(row[6])]


@pytest.mark.parametrize("number", [number for number, row in faults.CATALOGUE.items() if row[2]])
def test_every_alarm_is_told_as_it_comes_and_goes(number: int) -> None:
    bench = in_state("standby")
    found = bench.line_lengths()
    bench.app.count = bench.app.link._sequence = MOST - 50
    for active in (True, False):
        bench.app.alarms.set(number, active)
        bench.app.alarms.step(bench.app.count, False)
        bench.app.report.step()
        bench.host.receive(bench.board.serial.take())
    bench.cycle(10)
    assert max(found) <= limits.LINE_MAX_BYTES
    row = faults.CATALOGUE[number]
    told = [fields[1:] for fields in bench.alarms if fields[1] == str(number)]
    assert told == [[str(number), str(row[2]), on, "0", plain(row[0])] for on in ("1", "0")]


def test_every_cycle_is_told_and_a_sample_brings_the_probes() -> None:
    bench = in_state("heating")
    bench.cycle(10)
    bench.rows.clear()
    bench.cycle(40)
    cycles = [row["cycle"] for row in bench.rows]
    assert cycles == list(range(cycles[0], cycles[0] + 40))
    for row in bench.rows:
        assert ("probe0_mc" in row) == (row["cycle"] % 2 == 0)
        assert row["fault"] == row["dropped"] == 0


def test_states_are_told_with_their_reasons() -> None:
    bench = in_state("paused")
    bench.command("stop")
    bench.temperatures(37)
    bench.cycle(10)
    told = [(treatment.STATES[int(fields[1])], int(fields[2])) for fields in bench.states]
    assert told[:5] == [("self-test", 0), ("ready", 0), ("heating", 0), ("paused", 49), ("cooling", 49)]


def test_a_fault_is_told_with_cause_value_limit_and_remedy() -> None:
    bench = in_state("heating")
    bench.temperatures(40, 40, 43.5)
    bench.cycle(10)
    row = faults.CATALOGUE[13]
    assert bench.faults[-1][1:] == ["13", "2", "43500", "43000", row[4], plain(row[0]), plain(row[6])]
    assert bench.states[-1][1:] == [str(treatment.FAULT), "13"]


def test_a_fault_in_a_silence_is_told_afterwards() -> None:
    bench = in_state("heating")
    bench.host_listens = bench.board.serial.ready = False
    bench.cycle(60)
    bench.board.open("emergency stop")
    bench.cycle(60)
    assert bench.state == "fault"
    bench.host_listens = bench.board.serial.ready = True
    bench.cycle(60)
    assert [fields[1] for fields in bench.faults] == ["45", "50"]
    assert bench.states[-1][1:] == [str(treatment.FAULT), "50"]
    assert bench.rows[-1]["dropped"] > 0
    assert "74" in [fields[1] for fields in bench.alarms]


def test_a_host_that_reads_nothing_costs_no_more_than_its_credit() -> None:
    bench = in_state("standby")
    bench.host_listens = bench.board.serial.ready = False
    bench.board.serial.tx.clear()
    bench.cycle(100)
    assert len(bench.board.serial.tx) <= limits.CREDIT_BYTES


def test_status_tells_state_and_fault_again() -> None:
    bench = in_state("fault")
    bench.cycle(10)
    states, told = len(bench.states), len(bench.faults)
    assert bench.command("status") == (True, "")
    assert bench.states[states:][0][1:] == ["7", "50"]
    assert bench.faults[told:][0][1] == "50"


# Journal and store


def journal(bench: Bench) -> list[tuple[str, int]]:
    """Kind and number of every entry, the oldest first."""
    store = bench.store
    return [(store.journal(i)[2], store.journal(i)[3]) for i in reversed(range(store.journal_count()))]


def test_states_faults_and_alarms_that_matter_are_remembered() -> None:
    bench = in_state("fault")
    bench.cycle(3)
    entries = journal(bench)
    assert [number for kind, number in entries if kind == "S"] == [8, 1, 2, 7]
    assert [number for kind, number in entries if kind == "F"] == [50]
    assert [number for kind, number in entries if kind == "A"] == [50]  # not the saturation before: that is low


def test_the_journal_is_told_in_pages_from_the_newest() -> None:
    bench = in_state("complete")
    bench.cycle(20)
    count = bench.store.journal_count()
    assert count > 5
    at = 0
    while at < count:
        assert bench.command("journal", str(at)) == (True, "")
        bench.cycle(10)
        at += 8
    assert [int(fields[0]) for fields in bench.journal] == list(range(count))
    assert {fields[1] for fields in bench.journal} == {str(count)}
    expected = [[str(value) for value in bench.store.journal(i)] for i in range(count)]
    assert [fields[2:] for fields in bench.journal] == expected
    assert bench.command("journal", str(count)) == (True, "")
    assert len(bench.journal) == count


@pytest.mark.parametrize("text", ["", "x", "-1", "0,1", "12345"])
def test_the_journal_wants_a_number(text: str) -> None:
    assert Bench().command("journal", text) == (False, "journal: from which entry on; 0 is the newest")


def test_the_longest_entry_fits_a_line() -> None:
    bench = in_state("standby")
    found = bench.line_lengths()
    bench.store.section("counters")["boots"] = MOST
    for _ in range(120):
        bench.store.note("Z", MOST, -9999, -9999, -MOST, -MOST)
    bench.command("journal", "92")
    bench.cycle(20)
    assert len(bench.journal) == 8
    assert max(found) <= limits.LINE_MAX_BYTES


def guard_saves(bench: Bench) -> list[str]:
    """Saving is only for a device that is unarmed, cold and dark; the states in which it was done."""
    saved: list[str] = []

    def check() -> None:
        assert bench.state not in ARMED
        assert bench.duty == 0
        assert all(chip.tc_mc <= limits.HOT_MC for chip in bench.board.chips if chip.status == 0)
        saved.append(bench.state)

    bench.store.on_save = check
    return saved


def test_nothing_is_written_while_armed_or_hot_and_everything_afterwards() -> None:
    bench = Bench()
    saved = guard_saves(bench)
    bench.to_holding(hold_ms=5000)
    assert saved == []
    bench.cycle(100)
    assert bench.state == "cooling"
    bench.temperatures(42.9, 42)
    bench.cycle(30)
    assert bench.state == "complete"
    bench.cycle(200)
    assert saved == []
    assert bench.store.dirty
    bench.temperatures(40, 40)
    bench.cycle(25)
    assert saved == ["complete"]
    assert not bench.store.dirty
    bench.cycle(100)
    assert saved == ["complete"]


@pytest.mark.parametrize("state", treatment.STATES)
def test_what_waits_is_written_where_nothing_is_at_stake(state: str) -> None:
    bench = in_state(state)
    bench.temperatures(38, 38, 38, 38)
    bench.cycle(3)
    state = bench.state
    saved = guard_saves(bench)
    bench.store.note("S", 0, 0, 0, 0, 0)
    bench.cycle(30)
    if bench.state == state:
        assert bool(saved) == (state not in ARMED)


def test_it_is_written_once_for_many_changes() -> None:
    """Flash wears: a device that is left alone writes nothing."""
    bench = in_state("standby")
    bench.cycle(100)
    saves = bench.store.saves
    for _ in range(5):
        bench.store.note("S", 0, 0, 0, 0, 0)
    bench.cycle(1000)
    assert bench.store.saves == saves + 1


def test_a_store_that_cannot_be_written_is_told_bars_arming_and_is_tried_again() -> None:
    bench = in_state("standby")
    bench.cycle(30)
    bench.store.save_problem = "flash is full"
    bench.store.note("S", 0, 0, 0, 0, 0)
    saves = bench.store.saves
    bench.cycle(30)
    assert bench.store.saves == saves + 1
    assert bench.app.alarms.is_on(faults.STORE_FAILS)
    assert bench.command("arm") == (False, "store cannot be written")
    bench.cycle(1200)
    assert saves + 2 <= bench.store.saves <= saves + 4
    bench.store.save_problem = ""
    bench.cycle(700)
    assert not bench.app.alarms.is_on(faults.STORE_FAILS)
    assert not bench.store.dirty
    assert bench.command("arm") == (True, "")


def test_the_watchdog_waits_longer_while_it_is_written() -> None:
    bench = in_state("standby")
    bench.cycle(30)
    timeouts = bench.board.timeouts
    bench.app.watchdog = bench.board.watchdog(limits.WATCHDOG_MS)
    during: list[list[int]] = []
    bench.store.on_save = lambda: during.append(list(timeouts))
    bench.store.note("S", 0, 0, 0, 0, 0)
    bench.cycle(20)
    assert during == [[limits.WATCHDOG_MS, limits.SAVING_MS]]
    assert timeouts == [limits.WATCHDOG_MS, limits.SAVING_MS, limits.WATCHDOG_MS]


def test_treatments_light_and_energy_are_counted() -> None:
    bench = in_state("holding")
    bench.cycle(100)
    bench.command("stop")
    bench.temperatures(37)
    bench.cycle(20)
    counters = bench.store.section("counters")
    situation = bench.app.situation
    assert counters["treatments"] == 1
    assert counters["emission_s"] == situation.emission_ms // 1000 > 0
    assert counters["energy_j"] == situation.energy_mj // 1000 > 0


# Over a reset, over a loss of power


def trip(bench: Bench) -> None:
    bench.to_heating()
    bench.board.open("emergency stop", "footswitch")
    bench.cycle()
    bench.board.close("emergency stop")
    bench.cycle(2)


def cools(bench: Bench) -> None:
    bench.temperatures(37, 37, 37, 37)
    bench.cycle(40)
    assert not bench.store.dirty


def stays_and_clears(bench: Bench, fault: int) -> None:
    """Latched as long as nobody turns the key, and standby when somebody does."""
    bench.cycle(60)
    assert (bench.state, bench.fault()["fault"]) == ("fault", fault)
    assert bench.states[-1][1:] == ["7", str(fault)]
    assert str(fault) in [fields[1] for fields in bench.faults]
    assert bench.app.alarms.is_on(fault)
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


@pytest.mark.parametrize("resets", [1, 3])
def test_a_hard_fault_outlives_resets(resets: int) -> None:
    """Even one at once, while it is too hot to write anything."""
    bench = Bench()
    trip(bench)
    assert bench.store.saves == 0
    for _ in range(resets):
        bench = bench.restart()
    stays_and_clears(bench, faults.EMERGENCY_STOP)


def test_a_hard_fault_outlives_a_loss_of_power_with_its_figures() -> None:
    bench = in_state("heating")
    bench.temperatures(61, 40, 40, 40)
    bench.cycle(10)
    found = bench.fault()
    assert found == {"fault": 11, "where": 0, "value": 61000, "limit": 60000}
    cools(bench)
    bench = bench.restart(power_lost=True)
    assert bench.fault() == found
    stays_and_clears(bench, 11)


@pytest.mark.parametrize("power_lost", [False, True])
def test_a_fault_that_was_cleared_does_not_come_back(power_lost: bool) -> None:
    bench = Bench()
    trip(bench)
    cools(bench)
    bench.turn_key()
    cools(bench)
    bench = bench.restart(power_lost)
    bench.cycle(5)
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


def test_a_resumable_fault_does_not_outlive_a_reset_but_being_armed_does() -> None:
    bench = in_state("paused").restart()
    stays_and_clears(bench, faults.RESTARTED)


@pytest.mark.parametrize("state", treatment.STATES)
def test_a_restart_while_armed_is_a_fault_of_its_own(state: str) -> None:
    bench = in_state(state).restart()
    if state in ARMED:
        stays_and_clears(bench, faults.RESTARTED)
        cools(bench)
        bench = bench.restart()
    bench.cycle(5)
    expected = ("fault", 50) if state == "fault" else ("standby", 0)
    assert (bench.state, bench.fault()["fault"]) == expected


def test_a_restart_while_armed_outlives_further_resets_and_a_loss_of_power() -> None:
    bench = in_state("heating").restart()
    bench.cycle(2)
    bench = bench.restart()
    cools(bench)
    bench = bench.restart(power_lost=True)
    stays_and_clears(bench, faults.RESTARTED)


def test_after_a_reset_the_key_has_to_be_turned() -> None:
    bench = in_state("standby").restart()
    bench.cycle(20)
    bench.upload()
    bench.cycle(20)
    assert bench.command("arm") == (False, "key not turned since power-up")


def test_a_reset_with_the_key_off_is_cleared_by_turning_it_on_and_not_by_a_reset_again() -> None:
    bench = Bench()
    trip(bench)
    bench.board.open("key")
    bench.cycle(3)
    bench = bench.restart()
    bench.cycle(5)
    assert bench.state == "fault"
    bench.board.close("key")
    bench.cycle(3)
    assert bench.state == "standby"


def corrupt(bench: Bench) -> Bench:
    """The same device, whose store can no longer be read."""
    after = bench.restart()
    after.store.real.problem, after.store.real.state = "no bank of the store can be read", "corrupt"
    return _started(after)


def _started(bench: Bench) -> Bench:
    """Once more, with what was changed in its store."""
    return Bench(bench.firmware, type(bench.board)(bench.firmware, bench.board), bench.store)


BARRED: dict[int, Callable[[Bench], Bench]] = {
    faults.FIRMWARE_DIFFERS: lambda bench: bench.restart(problem="app.py differs"),
    faults.STORE_CORRUPT: corrupt,
}


@pytest.mark.parametrize("fault", BARRED)
@pytest.mark.parametrize("state", ["standby", "heating", "fault"])
def test_what_needs_service_is_not_cleared_by_the_key(fault: int, state: str) -> None:
    bench = BARRED[fault](in_state(state))
    for _ in range(3):
        bench.cycle(20)
        bench.turn_key()
        assert (bench.state, bench.fault()["fault"]) == ("fault", fault)
    assert bench.command("arm") == (False, "not while fault")


@pytest.mark.parametrize(
    "problem", ["app.py has 1 bytes, not 2", "b/drivers/max31856.py has 1000000 bytes instead of 1000000, or more"]
)
def test_the_host_is_told_which_file_differs(problem: str) -> None:
    bench = in_state("standby").restart(problem=problem)
    found = bench.line_lengths()
    bench.cycle(20)
    told = [fields[6] for fields in bench.faults if fields[1] == "61"]
    assert told[0] == "firmware differs from its manifest: " + plain(problem)
    assert max(found) <= limits.LINE_MAX_BYTES


@pytest.mark.parametrize("power_lost", [False, True])
def test_a_firmware_that_is_flashed_again_can_be_used_again(power_lost: bool) -> None:
    bench = in_state("standby").restart(problem="app.py differs")
    cools(bench)
    bench = bench.restart(power_lost)
    bench.cycle(5)
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


@pytest.mark.parametrize("power_lost", [False, True])
def test_a_store_that_was_set_up_anew_can_be_used_again(power_lost: bool) -> None:
    bench = corrupt(in_state("standby"))
    bench.cycle(20)
    bench.store.real.problem, bench.store.real.state, bench.store.real.dirty = "", "fresh", True
    bench.store.save()
    bench = bench.restart(power_lost)
    bench.cycle(5)
    bench.turn_key()
    assert (bench.state, bench.fault()["fault"]) == ("standby", 0)


def test_a_damaged_firmware_does_not_hide_what_was_latched_before() -> None:
    bench = Bench()
    trip(bench)
    cools(bench)
    bench = bench.restart(problem="app.py differs")
    cools(bench)
    bench = bench.restart()
    stays_and_clears(bench, faults.EMERGENCY_STOP)


@pytest.mark.parametrize("fault", [number for number in HARD if number not in faults.NEEDS_SERVICE])
def test_every_hard_fault_is_latched_at_once_where_a_reset_leaves_it(fault: int) -> None:
    bench = in_state("heating")
    bench.app.safety.latch(fault, 1, 2, 3)
    bench.cycle()
    assert bench.state == "fault"
    assert bench.board.scratch[:1] == [fault]
    latch = bench.store.section("latch")
    assert (latch["number"], latch["where"], latch["value"], latch["limit"]) == (fault, 1, 2, 3)
