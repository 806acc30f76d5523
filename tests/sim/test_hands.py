"""`imilt hands`: what its words do to a served device, and what it says of words without sense."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from host.command import refusal_of, run
from sim.boards import Bench

from imilt.errors import InputError
from imilt_sim import world as w
from imilt_sim.hands import CONTACTS, Hands, address, ask, parse_action


def done(words: str, seconds: float = 0.1) -> w.World:
    """A world in which these words came true that long ago."""
    bench = Bench()
    bench.begin()
    bench.world.soon(parse_action(words, 2))
    bench.pass_all_ms(round(seconds * 1000))
    return bench.world


@pytest.mark.parametrize("name", CONTACTS)
def test_a_contact_opens_and_closes(name: str) -> None:
    assert not done(f"open {name}").contacts & CONTACTS[name]
    assert done(f"close {name}").contacts & CONTACTS[name]


def test_a_button_is_pressed_and_let_go() -> None:
    assert done("press ready").contacts & w.READY_BUTTON
    assert not done("press ready", 0.5).contacts & w.READY_BUTTON


def test_the_key_is_turned_off_and_on() -> None:
    assert not done("turn key").contacts & w.KEY
    assert done("turn key", 0.5).contacts & w.KEY


def test_a_fault_strikes_at_once_and_is_mended() -> None:
    world = done("open:1")
    assert world.leads[1].input_faults == w.OPEN
    world.mend(1)
    assert world.leads[1].input_faults == 0
    assert done("absent:0").absent == 1
    world = done("absent:0")
    world.mend(0)
    assert world.absent == 0


def test_before_the_first_cycle_it_happens_at_once() -> None:
    bench = Bench()
    bench.world.soon(parse_action("close service", 2))
    assert bench.world.contacts & w.SERVICE
    bench.world.soon(parse_action("power-cut:2", 2))
    bench.pass_ms(0)
    assert bench.port.cut_ms == 2000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("open door", "open door: unknown; there are estop, key"),
        ("press estop", "press estop: unknown; there are footswitch, ready, silence"),
        ("mend 2", "mend 2: which probe? There are 0 to 1"),
        ("mend", "which probe?"),
        ("dance", "unknown fault 'dance'"),
        ("open:7", "probe = 7: allowed are 0 to 1"),
        ("turn", "actions are open CONTACT"),
        ("", "actions are open CONTACT"),
        ("estop@3", "actions are open CONTACT"),
    ],
)
def test_words_without_sense_are_refused(words: str, told: str) -> None:
    with pytest.raises(InputError, match=told.replace("?", r"\?")):
        parse_action(words, 2)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.usefixtures("sockets")
def test_words_go_over_the_socket_of_the_port() -> None:
    bench = Bench()
    hands = Hands("/dev/pts/77", 2)
    asked = threading.Thread(target=ask, args=("/dev/pts/77", "open fibre"))
    asked.start()
    while bench.world.contacts & w.FIBRE:
        hands.take(bench.world)
    asked.join()
    with pytest.raises(InputError, match="open door: unknown"):
        ask("/dev/pts/77", "open door")
    hands.close()
    assert not address("/dev/pts/77").exists()


def test_without_a_device_it_says_so(tmp_path: Path) -> None:
    told = refusal_of(run("hands", "/dev/pts/nowhere", "open", "estop", cwd=tmp_path))
    assert told == "/dev/pts/nowhere: no device is served there; `imilt serve` tells its port"
