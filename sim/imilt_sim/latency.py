"""A world for measuring delays: actions come at exact milliseconds, and the light is told to the millisecond.

The tissue still moves on its grid, with the power of the grid points. Traces differ from those of the ordinary world.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from imilt_sim.laser_driver import MONOSTABLE_MS
from imilt_sim.world import BoardPort, World


class LatencyWorld(World):
    """Times are ms since the grid's origin. `light_log` has (ms, W) and `output_log` (ms, mask) from each change on.

    What the firmware writes at a millisecond shows as it stands when that millisecond is over, as on the board no
    time passes but in sleep.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.light_log: list[tuple[int, float]] = [(0, 0.0)]
        self.output_log: list[tuple[int, int]] = [(0, 0)]
        self.now_ms = 0
        self._exact: list[tuple[int, int, Callable[[], None]]] = []

    def at_ms(self, time_ms: int, action: Callable[[], None]) -> None:
        """Run `action` at this millisecond, or at the next one if that is past."""
        heapq.heappush(self._exact, (max(time_ms, self.now_ms + 1), next(self._order), action))

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        self.at_ms(round(time_s * 1000), action)

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.at_ms(self.now_ms + round(delay_s * 1000), action)

    def exchange(self, board: BoardPort) -> None:
        if self._origin_ms is not None:
            self._note(board, board.now_ms - self._origin_ms)
        super().exchange(board)

    def _advance(self, board: BoardPort, origin_ms: int) -> None:
        target_ms = board.target_ms
        while True:
            stop_ms = min(target_ms, origin_ms + self._exact[0][0]) if self._exact else target_ms
            board.target_ms = stop_ms
            super()._advance(board, origin_ms)
            board.target_ms = target_ms
            before_ms, now_ms = self.now_ms, board.now_ms - origin_ms
            self.now_ms = now_ms
            lapse_ms = board.edge_ms + MONOSTABLE_MS - origin_ms
            if before_ms < lapse_ms < now_ms:
                self._note(board, lapse_ms)
            self._note(board, now_ms)
            if board.now_ms < stop_ms or self._act(board, now_ms) or stop_ms == target_ms:
                break
        board.adc_u16 = self._photodiode_u16(self.light_log[-1][1])

    def _act(self, board: BoardPort, now_ms: int) -> bool:
        """Run what is due; True if the board must see it at once."""
        while self._exact and self._exact[0][0] <= now_ms:
            heapq.heappop(self._exact)[2]()
        interrupted = self.interrupted
        if interrupted:
            self._strike(board)
        self._note(board, now_ms)
        return interrupted

    def _note(self, board: BoardPort, now_ms: int) -> None:
        """Keep what is new at this millisecond, and of several changes in one the last."""
        assert self._origin_ms is not None
        _keep(self.light_log, now_ms, self._light_w(board, self._origin_ms + now_ms))
        _keep(self.output_log, now_ms, board.outputs)


def _keep(log: list[tuple[int, Any]], now_ms: int, value: Any) -> None:
    if log[-1][1] == value:
        return
    if log[-1][0] == now_ms:
        log.pop()
    if not log or log[-1][1] != value:
        log.append((now_ms, value))
