"""The operator of a served device, who sees only what goes over the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from imilt_sim.attendant import Attendant
from imilt_sim.world import World


class Hands:
    """In the operator's place; what is to happen later waits in `later`."""

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.world = cast(World, self)
        self.time_s = 0.0
        self.attendant = Attendant(self.world)
        self.attendant._operator = self  # type: ignore[assignment]

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """As the world's."""
        self.later.append((delay_s, action))

    def prompt(self, what: str) -> None:
        self.prompts.append(what)

    def asked(self, host: bytes = b"", device: bytes = b"") -> list[str]:
        """What the operator is asked for at once by these lines of the two sides, the host's first."""
        self.attendant.hear_host(host)
        self.attendant.hear_device(device)
        prompts, self.prompts = self.prompts, []
        return prompts

    def wait(self) -> list[str]:
        """What the operator is asked for once all delays are over."""
        later, self.later = self.later, []
        for _, action in sorted(later, key=lambda pair: pair[0]):
            action()
        return self.asked()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.mark.parametrize(("command", "prompt"), [(b"arm", "ready"), (b"start", "footswitch")])
def test_hands_follow_a_command_that_was_accepted(hands: Hands, command: bytes, prompt: str) -> None:
    assert hands.asked(b"k,1,0*0\n%s,5,70,00ff*0\n" % command) == []
    assert hands.asked(device=b"A,9,4,1,*0\n") == []
    assert hands.asked(device=b"A,10,5,1,*0\n") == [prompt]
    assert hands.asked(device=b"A,11,5,1,*0\n") == []


def test_a_refused_command_moves_no_hands(hands: Hands) -> None:
    assert hands.asked(b"arm,5,70,00ff*0\n", b"A,10,5,0,probe open*0\n") == []
    assert hands.asked(b"beat,6,70,00ff*0\n", b"A,11,6,1,*0\n") == []


def test_lines_may_come_in_pieces(hands: Hands) -> None:
    assert hands.asked(b"ar", b"S,1,50,3") == []
    assert hands.asked(b"m,5,70,00ff*0\n", b",0*00000000\nA,10,5,") == ["release"]
    assert hands.asked(device=b"1,*0\n") == ["ready"]


@pytest.mark.parametrize("number", [51, 55])
def test_the_key_is_turned_once_when_it_stands_against_arming(hands: Hands, number: int) -> None:
    why = b"W,3,0,2,20,probe open*0\nW,4,1,2,%d,key*0\n" % number
    assert hands.asked(device=why) == ["key"]
    assert hands.asked(device=why) == []
    hands.time_s += 10
    assert hands.asked(device=why) == ["key"]


def test_other_reasons_do_not_move_the_key(hands: Hands) -> None:
    assert hands.asked(device=b"W,3,0,1,20,probe open*0\n") == []


def test_presence_is_confirmed_when_the_device_asks(hands: Hands) -> None:
    assert hands.asked(device=b"L,3,900,73,2,1,0,presence to be confirmed*0\n") == ["confirm"]
    assert hands.asked(device=b"L,4,906,73,2,0,0,presence to be confirmed*0\n") == []
    assert hands.asked(device=b"L,5,906,20,2,1,0,probe open*0\n") == []


@pytest.mark.parametrize("state", range(10))
def test_the_foot_leaves_the_switch_where_it_need_not_hold_it(hands: Hands, state: int) -> None:
    holding, fault = 3, 7
    released = ["release"] if holding <= state <= fault else []
    assert hands.asked(device=b"T,1,0*0\nS,2,57,%d,0*0\n" % state) == released


@pytest.mark.parametrize(("state", "prompts"), [(0, []), (4, []), (5, ["key"]), (6, []), (7, ["key"]), (8, [])])
def test_the_key_is_turned_some_time_after_the_end(hands: Hands, state: int, prompts: list[str]) -> None:
    hands.asked(device=b"S,2,57,%d,0*0\n" % state)
    assert hands.wait() == prompts


def test_but_not_once_the_next_treatment_has_begun(hands: Hands) -> None:
    hands.asked(device=b"S,2,57,5,1*0\nS,3,90,0,1*0\nS,4,99,8,0*0\n")
    assert hands.wait() == []


def test_noise_moves_no_hands(hands: Hands) -> None:
    assert hands.asked(b"\x00\xff\narm\n\n", b"A\nS\nL,1\n,,,\n" + b"x" * 5000) == []
