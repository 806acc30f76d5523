"""`make safe-exit`: what counts as safe, the copies it makes, and what a soft reset leaves at the pins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imilt.firmware import firmware_dir
from imilt_sim.on_board import forked
from imilt_sim.pico import image
from imilt_sim.safe_exit import EVENTS, GOES_ON, finding, interruptible_firmware, verdict

STOP = EVENTS[0]
KEY = next(event for event in EVENTS if event.limit_ms == GOES_ON)


def test_the_worst_point_counts() -> None:
    assert verdict(STOP, [(0.2, False), (0.9, False)]) == ("0.90", True)
    assert verdict(STOP, [(0.2, False), (1.1, False)]) == ("1.10", False)


def test_a_key_must_not_end_the_treatment_at_any_point() -> None:
    assert verdict(KEY, [(400.0, True)] * 2) == ("goes on", True)
    assert verdict(KEY, [(400.0, True), (0.0, False)]) == ("did not go on", False)


def test_a_copy_does_its_work_elsewhere() -> None:
    waits = [forked(lambda n=n: (n, os.getpid())) for n in range(3)]
    results = [wait() for wait in waits]
    assert [n for n, _ in results] == [0, 1, 2]
    assert os.getpid() not in [pid for _, pid in results]


def test_a_copy_that_fails_is_told() -> None:
    wait = forked(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        wait()


def test_the_interruptible_firmware_differs_in_one_line(tmp_path: Path) -> None:
    made = interruptible_firmware(tmp_path / "made")
    old, new = ((folder / "main.py").read_text().splitlines() for folder in (firmware_dir(), made))
    assert [b.strip() for a, b in zip(old, new, strict=True) if a != b] == ["micropython.kbd_intr(_CTRL_C)"]


@pytest.mark.rp2040
@pytest.mark.slow
@pytest.mark.skipif(not image.find(), reason=image.missing())
def test_a_soft_reset_of_the_official_image_leaves_pwm_on_and_boot_ends_it() -> None:
    assert finding() == {"the official image alone": [True, True], "with boot.py": [False, False]}
