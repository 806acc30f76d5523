"""When dark windows come: near the set-point, one breath long, with pauses that differ."""

from __future__ import annotations

from itertools import pairwise

from support.firmware import load

windows = load("windows")


def dark_frames(near: list[bool]) -> list[int]:
    """Frames that had no light: `dark` told at the end of the one before."""
    it, dark, found = windows.Windows(), False, []
    for n, close in enumerate(near):
        if dark:
            found.append(n)
        it.frame(close)
        dark = it.dark
    return found


def starts(frames: list[int]) -> list[int]:
    return [n for n in frames if n - 1 not in frames]


def test_none_before_the_set_point_is_near() -> None:
    assert dark_frames([False] * 600) == []


def test_the_first_comes_with_it_but_not_before_twenty_seconds_of_light() -> None:
    assert 20 < dark_frames([True] * 60)[0] <= 25
    assert 100 <= dark_frames([False] * 100 + [True] * 60)[0] <= 104


def test_each_is_a_breath_and_their_pauses_grow_and_differ() -> None:
    frames = dark_frames([True] * 3000)
    begins = starts(frames)
    assert len(frames) == windows.FRAMES * len(begins) or frames[-1] == 2999
    pauses = [b - a for a, b in pairwise(begins)]
    assert all(30 <= pause <= 45 for pause in pauses[:4])
    assert all(480 <= pause <= 495 for pause in pauses[4:])


def test_an_interrupted_window_teaches_nothing() -> None:
    it = windows.Windows()
    while not it.dark:
        it.frame(True)
    it.interrupt()
    assert not it.dark
    for _ in range(3):
        it.frame(True)
        assert not it.ended
