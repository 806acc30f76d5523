"""What the firmware costs on the emulated board; the page's other figures are printed by `make board-figures`."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt_sim.board_figures import CYCLE_MS, first_cycle_ms, heap, watched
from imilt_sim.on_board import OnBoard
from imilt_sim.pico import image

pytestmark = [pytest.mark.rp2040, pytest.mark.skipif(not image.find(), reason=image.missing())]


def test_everything_loaded_leaves_100_kib_of_heap() -> None:
    free, used = heap()
    assert free >= 100 * 1024
    assert used > 50 * 1024


def test_the_board_is_up_in_two_seconds_and_a_host_that_takes_nothing_costs_no_cycle(tmp_path: Path) -> None:
    with OnBoard(tmp_path) as board:
        board.reach("standby")
        watched(board, 10)
        assert first_cycle_ms(board.device) < 2000
        deaf = watched(board, 30, reading=False)
    assert len(deaf.period_ms) == 30
    assert sum(deaf.period_ms) == pytest.approx(30 * CYCLE_MS, abs=5.0)
    assert max(deaf.busy_us) < 50_000
