"""Every event that hands, host or world can cause, in every state: where it leads, and that it is dark there.

The tables are written here, not taken from the firmware.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from support.bench import Bench, in_state
from support.firmware import load
from support.stubs import CONTACTS

treatment, limits, reading = load("treatment"), load("limits"), load("drivers.reading")
frame = load("link").frame
STATES = treatment.STATES
EMITTING = ("heating", "holding")
NEVER = 10**6

Act = Callable[[Bench], "Bench | None"]
Leads = dict[str, str]

NOWHERE: Leads = {}
HARD: Leads = dict.fromkeys(["self-test", "ready", "heating", "holding", "paused", "cooling"], "fault")
"""What ends a treatment: from wherever it is armed."""
RESUMABLE: Leads = {"self-test": "standby", "ready": "standby", "heating": "paused", "holding": "paused"}
"""What a person can go on from."""
LIT_HARD: Leads = {"heating": "fault", "holding": "fault"}
LIT_RESUMABLE: Leads = {"heating": "paused", "holding": "paused"}
AT_REST: Leads = {"self-test": "standby", "ready": "standby"}
"""What only matters before there was any light."""
KEY_TURNED: Leads = dict.fromkeys([*HARD, "complete", "fault"], "standby")
STOPPED: Leads = {
    "self-test": "standby",
    "ready": "standby",
    "heating": "complete",
    "holding": "cooling",
    "paused": "complete",
}
"""By way of cooling; but only the one that holds is warm here."""
ON: Leads = {"self-test": "ready"}
"""What takes longer than the self-test and hinders nothing."""


class Event(NamedTuple):
    act: Act
    leads: Leads
    cycles: int = 6


def say(name: str, text: str = "") -> Act:
    """A command, and its answer whatever it is."""

    def act(bench: Bench) -> None:
        bench.command(name, text)

    return act


def raw(data: bytes) -> Act:
    def act(bench: Bench) -> None:
        bench.board.serial.rx += data

    return act


def replay(name: str) -> Act:
    """A signed command is sent again, byte for byte, when it was carried out and taken back long ago."""

    def act(bench: Bench) -> None:
        while not bench.host.can_sign:
            bench.cycle()
        bench.host.send_signed(name, bench.app.count)
        line = bench.host._outbox[-1]
        bench.cycle()
        bench.app.hands.forget()
        bench.board.serial.rx += line
        bench.cycle(2)
        bench.board.close("ready", "footswitch")

    return act


def close(*names: str) -> Act:
    return lambda bench: bench.board.close(*names)


def opens(*names: str) -> Act:
    return lambda bench: bench.board.open(*names)


def chatter(name: str) -> Act:
    def act(bench: Bench) -> None:
        bench.board.open(name)
        bench.board.close(name)

    return act


def asked(command: str, button: str) -> Act:
    def act(bench: Bench) -> None:
        bench.cycle()
        bench.command(command)
        bench.board.close(button)

    return act


def status(channel: int, value: int, cycles: int = NEVER) -> Act:
    def act(bench: Bench) -> None:
        if bench.app.count % 2:
            bench.cycle()
        bench.board.chips[channel].status = value
        if cycles < NEVER:
            bench.cycle(cycles)
            bench.board.chips[channel].status = reading.OK

    return act


def reads(channel: int, celsius: float) -> Act:
    def act(bench: Bench) -> None:
        bench.board.chips[channel].tc_mc = round(celsius * 1000)

    return act


def cold(channel: int, celsius: float) -> Act:
    def act(bench: Bench) -> None:
        bench.board.chips[channel].cj_mc = round(celsius * 1000)

    return act


def freezes(bench: Bench) -> None:
    bench.board.chips[1].frozen = True


def rises_in_the_dark(bench: Bench) -> None:
    for celsius in (43, 49.5):
        bench.temperatures(celsius)
        bench.cycle(10)


def light(**how: int) -> Act:
    def act(bench: Bench) -> None:
        for name, value in how.items():
            setattr(bench.board.light, name, value)
        bench.cycle()  # what the photodiode sees now

    return act


def supply(mv: int, cycles: int = NEVER) -> Act:
    def act(bench: Bench) -> None:
        bench.board.supply_mv(mv)
        if cycles < NEVER:
            bench.cycle(cycles)
            bench.board.supply_mv(5000)

    return act


def late(ms: int, cycles: int) -> Act:
    def act(bench: Bench) -> None:
        bench.app.situation.late_ms = ms
        bench.cycle(cycles)
        bench.app.situation.late_ms = 0

    return act


def gone(bench: Bench) -> None:
    bench.host_listens = bench.board.serial.ready = False


def beats_stop(bench: Bench) -> None:
    bench.beats = False


def set_(path: str, value: int) -> Act:
    """What would take hours otherwise."""

    def act(bench: Bench) -> None:
        part: object = bench.app
        *parts, last = path.split(".")
        for name in parts:
            part = getattr(part, name)
        setattr(part, last, value)

    return act


def spend(name: str) -> Act:
    def act(bench: Bench) -> None:
        setattr(bench.app.situation, name, getattr(bench.app.settings, name) or NEVER)

    return act


def warm(bench: Bench) -> None:
    """The control probe comes to its set-point, if there is light for it."""
    if bench.state in EMITTING:
        bench.temperatures(41.5)
        bench.cycle(10)
        bench.temperatures(46)


def cool(bench: Bench) -> None:
    for control_c in (41.5, 37):
        bench.temperatures(min(control_c, bench.board.chips[0].tc_mc / 1000))
        bench.cycle(10)


def service_asked(bench: Bench) -> None:
    """It leads to a reset, and only from where nothing can be lit."""
    bench.board.close("service")
    bench.cycle(2)
    bench.command("service", "enter")
    assert (bench.board.resets > 0) == (bench.state in ("standby", "fault"))


def turn_key(bench: Bench) -> None:
    bench.turn_key()


def turn_key_with_the_remote_open(bench: Bench) -> None:
    bench.board.open("remote")
    bench.cycle(2)
    bench.turn_key()


EVENTS: dict[str, Event] = {
    # The host
    "hello": Event(say("hello", "2"), NOWHERE),
    "hello in another protocol": Event(say("hello", "1"), NOWHERE),
    "plan": Event(say("plan", "begin"), NOWHERE),
    "plan without end": Event(say("plan", "commit"), NOWHERE),
    "arm": Event(say("arm"), NOWHERE),
    "start": Event(say("start"), NOWHERE),
    "pause": Event(say("pause"), {"self-test": "standby", **LIT_RESUMABLE}),
    "stop": Event(say("stop"), STOPPED),
    "why": Event(say("why"), NOWHERE, 2),
    "silence": Event(say("silence"), NOWHERE),
    "status": Event(say("status"), NOWHERE),
    "journal": Event(say("journal", "0"), NOWHERE),
    "service": Event(say("service", "enter"), NOWHERE),
    "service with its input held": Event(service_asked, NOWHERE),
    "service without entering": Event(say("service", "name,x"), NOWHERE),
    "fire": Event(say("fire"), NOWHERE),
    "stop without a number": Event(raw(frame("stop")), STOPPED),
    "pause with anything after it": Event(raw(frame("pause,x,\x7f")), {"self-test": "standby", **LIT_RESUMABLE}),
    "arm unsigned": Event(raw(frame("arm,9000,1")), NOWHERE),
    "start with a forged signature": Event(raw(frame("start,9000,20,0123456789abcdef")), NOWHERE),
    "a line of nothing": Event(raw(bytes(range(256)) * 4 + b"\n"), NOWHERE, 2),
    "the host goes": Event(gone, RESUMABLE, 40),
    "beats stop": Event(beats_stop, RESUMABLE, 40),
    # Hands
    **{f"{name} is pressed unasked": Event(close(name), NOWHERE) for name in CONTACTS[5:]},
    "arm, and the ready button": Event(asked("arm", "ready"), {"standby": "self-test"}, 4),
    "arm, and the footswitch": Event(asked("arm", "footswitch"), NOWHERE, 4),
    "start, and the footswitch": Event(asked("start", "footswitch"), {"ready": "heating", "paused": "heating"}, 4),
    "start, and the ready button": Event(asked("start", "ready"), NOWHERE, 4),
    "arm taken back, replayed": Event(replay("arm"), NOWHERE, 3),
    "start taken back, replayed": Event(replay("start"), NOWHERE, 3),
    "the footswitch opens": Event(opens("footswitch"), {"heating": "paused"}),
    "the footswitch chatters": Event(
        lambda bench: chatter("footswitch")(bench) if bench.board.is_closed("footswitch") else None,
        {"heating": "paused"},
    ),
    **{f"{name} opens": Event(opens(name), HARD, 3) for name in CONTACTS[:5]},
    **{f"{name} chatters": Event(chatter(name), HARD, 2) for name in CONTACTS[:5] if name != "key"},
    "the key is turned off and on": Event(turn_key, KEY_TURNED),
    "the key is turned with the remote open": Event(turn_key_with_the_remote_open, HARD),
    # Probes
    **{
        f"probe {channel} tells {value}": Event(status(channel, value), RESUMABLE, 27)
        for channel in (0, 2)
        for value in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    },
    **{f"probe {channel} tells 2 once": Event(status(channel, 2, 2), NOWHERE, 4) for channel in range(4)},
    "no probe is ready once": Event(status(0, 5, 2), NOWHERE, 4),
    "the control probe is too hot": Event(reads(0, 61), HARD, 8),
    "the tip is too hot": Event(reads(1, 96), HARD, 8),
    "a guard is too hot": Event(reads(2, 43.1), HARD, 8),
    "a spare is too hot": Event(reads(3, 60.1), HARD, 8),
    "a probe is too cold": Event(reads(3, 29.9), RESUMABLE, 30),
    "the control probe is above its set-point in the dark": Event(
        rises_in_the_dark, AT_REST | {"heating": "fault", "holding": "fault", "paused": "fault", "cooling": "fault"}, 80
    ),
    "the tip jumps": Event(reads(1, 85), RESUMABLE, 25),
    "probes differ at rest": Event(reads(1, 40.1), AT_REST, 30),
    "cold junctions differ": Event(cold(1, 29.1), RESUMABLE, 30),
    "a probe freezes": Event(freezes, ON | LIT_RESUMABLE, 100),
    # Light and supply
    "it leaks": Event(light(leak_mw=300), HARD | {"standby": "fault", "complete": "fault"}, 12),
    "it leaks little": Event(light(leak_mw=150), {"self-test": "fault"}, 8),
    "the enable sticks": Event(light(stuck_enabled=True), {"self-test": "fault"}, 8),
    "the power sticks": Event(light(stuck_mw=2500), {"self-test": "fault", **LIT_HARD}, 12),
    "twice the light": Event(light(percent=200), LIT_HARD, 10),
    "a tenth of the light": Event(light(percent=10), ON | LIT_RESUMABLE, 40),
    "the supply is low": Event(supply(4399), RESUMABLE, 10),
    "the supply is low once": Event(supply(4399, 1), NOWHERE, 4),
    # Time
    "a cycle is late": Event(late(400, 1), NOWHERE, 4),
    "cycles are late": Event(late(51, 8), RESUMABLE, 1),
    "energy is spent": Event(spend("energy_mj"), HARD, 2),
    "emission time is spent": Event(spend("emission_ms"), HARD, 2),
    "it is left alone": Event(
        set_("treatment.cycles_in_state", NEVER), {"ready": "standby", "paused": "complete", "cooling": "complete"}, 2
    ),
    "nobody confirms": Event(set_("hands.unconfirmed_ms", NEVER), {"holding": "paused"}, 2),
    "it is warm enough": Event(warm, ON | {"heating": "holding"}, 24),
    "it was held": Event(set_("treatment.hold_ms", NEVER), {"holding": "cooling"}, 2),
    "it cools": Event(cool, ON | {"cooling": "complete"}, 12),
    # Starting again
    "reset": Event(Bench.restart, HARD | {"service": "standby", "complete": "standby"}),
    "reset twice": Event(lambda bench: bench.restart().restart(), HARD | {"service": "standby", "complete": "standby"}),
    "reset into service": Event(lambda bench: bench.restart(service=True), dict.fromkeys(STATES, "service")),
    "reset with another firmware": Event(
        lambda bench: bench.restart(problem="app.py differs"), dict.fromkeys(STATES, "fault")
    ),
    "power is lost": Event(lambda bench: bench.restart(power_lost=True), dict.fromkeys(STATES, "standby")),
}


@pytest.mark.parametrize("name", EVENTS)
def test_event_in_every_state(name: str) -> None:
    event = EVENTS[name]
    for state in STATES:
        bench = in_state(state)
        darkness = _watch(bench)
        after = event.act(bench) or bench
        if after is not bench:
            darkness = _watch(after)
        after.cycle(event.cycles)
        assert (state, after.state) == (state, event.leads.get(state, state))
        assert darkness == []
        assert after.state in (*EMITTING, "self-test") or after.duty == 0


def _watch(bench: Bench) -> list[str]:
    """Every cycle that was lit, or gave an edge, where neither may be."""
    found: list[str] = []
    turn = bench.app.cycle

    def cycle() -> None:
        edges = bench.board.enable.edges
        turn()
        duty, edge = bench.duty > 0, bench.board.enable.edges > edges
        if bench.state not in (*EMITTING, "self-test") and (duty or edge):
            found.append(f"{bench.state} in cycle {bench.app.count}: duty {duty}, edge {edge}")
        if bench.state == "self-test" and duty and edge:
            found.append(f"self-test in cycle {bench.app.count}")

    bench.app.cycle = cycle
    return found


def test_how_much_is_walked() -> None:
    count = len(EVENTS) * len(STATES)
    print(count, "pairs of state and event")
    assert count >= 1000
