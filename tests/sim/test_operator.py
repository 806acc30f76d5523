"""The simulated hands: what they do, and when, for each thing that they are asked for."""

from __future__ import annotations

import pytest
from sim.boards import Bench

from imilt_sim.operator import Operator
from imilt_sim.world import CHAIN, FOOTSWITCH, KEY, READY_BUTTON, SILENCE

OFF = CHAIN & ~KEY


def acts(bench: Bench, prompt: str) -> list[tuple[float, int]]:
    """(s after the prompt, contacts) of every change within two seconds."""
    world, seen = bench.world, []
    begin_s, before = world.time_s, world.contacts
    Operator(world).prompt(prompt)
    for _ in range(100):
        bench.pass_all_ms(20)
        if world.contacts != before:
            before = world.contacts
            seen.append((round(world.time_s - begin_s, 3), before))
    return seen


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("ready", [(0.5, CHAIN | READY_BUTTON), (0.8, CHAIN)]),
        ("silence", [(0.5, CHAIN | SILENCE), (0.8, CHAIN)]),
        ("confirm", [(0.5, CHAIN | FOOTSWITCH), (0.8, CHAIN)]),
        ("footswitch", [(0.8, CHAIN | FOOTSWITCH)]),
        ("release", []),
        ("key", [(0.5, OFF), (0.8, CHAIN)]),
    ],
)
def test_each_prompt_is_followed_after_half_a_second(
    bench: Bench, prompt: str, expected: list[tuple[float, int]]
) -> None:
    assert acts(bench, prompt) == expected


def test_a_foot_on_the_pedal_is_lifted_before_it_presses_anew(bench: Bench) -> None:
    bench.world.close(FOOTSWITCH)
    assert acts(bench, "footswitch") == [(0.5, CHAIN), (0.8, CHAIN | FOOTSWITCH)]


def test_the_footswitch_is_let_go_of(bench: Bench) -> None:
    bench.world.close(FOOTSWITCH)
    assert acts(bench, "release") == [(0.5, CHAIN)]


def test_a_key_that_is_off_is_turned_on(bench: Bench) -> None:
    bench.world.open(KEY)
    assert acts(bench, "key") == [(0.5, CHAIN)]


def test_an_unknown_prompt_is_a_mistake_of_the_host(bench: Bench) -> None:
    with pytest.raises(KeyError):
        Operator(bench.world).prompt("whistle")
