"""The simulated person at the device: acts on its contacts when the host asks for hands, never over the link."""

from __future__ import annotations

from imilt_sim import world as w

REACTION_S = 0.5
_PRESS_S = 0.3


class Operator:
    """Presses what is asked for, half a second later."""

    def __init__(self, world: w.World) -> None:
        self._world = world
        self._acts = {
            "ready": self._press_ready,
            "footswitch": self._hold_footswitch,
            "release": self._release_footswitch,
            "key": self._turn_key,
        }

    def prompt(self, what: str) -> None:
        self._world.after(REACTION_S, self._acts[what])

    def _press_ready(self) -> None:
        self._world.close(w.READY_BUTTON)
        self._world.after(_PRESS_S, lambda: self._world.open(w.READY_BUTTON))

    def _hold_footswitch(self) -> None:
        self._world.close(w.FOOTSWITCH)

    def _turn_key(self) -> None:
        """Off and on: clears a fault, and makes way for the next treatment."""
        self._world.open(w.KEY)
        self._world.after(_PRESS_S, lambda: self._world.close(w.KEY))

    def _release_footswitch(self) -> None:
        self._world.open(w.FOOTSWITCH)
