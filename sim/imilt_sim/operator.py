"""The simulated person at the device: acts on its contacts when the host asks for hands, never over the link."""

from __future__ import annotations

from imilt_sim import world as w

REACTION_S = 0.5
_PRESS_S = 0.3


class Operator:
    """Does what is asked for, half a second later."""

    def __init__(self, world: w.World) -> None:
        self._world = world
        self._acts = {
            "ready": lambda: world.press(w.READY_BUTTON, _PRESS_S),
            "footswitch": self._hold_footswitch,
            "release": self._release_footswitch,
            "key": self._turn_key,
            "confirm": lambda: world.press(w.FOOTSWITCH, _PRESS_S),
            "silence": lambda: world.press(w.SILENCE, _PRESS_S),
        }

    def prompt(self, what: str) -> None:
        self._world.after(REACTION_S, self._acts[what])

    def _hold_footswitch(self) -> None:
        """Anew, if the foot is still on it: a pedal that was down all the time is no answer."""
        self._release_footswitch()
        self._world.after(_PRESS_S, lambda: self._world.close(w.FOOTSWITCH))

    def _turn_key(self) -> None:
        """Off and on, or on if it is off: arming, clearing a fault and the next treatment each need it turned anew."""
        if not self._world.contacts & w.KEY:
            self._world.close(w.KEY)
            return
        self._world.open(w.KEY)
        self._world.after(_PRESS_S, lambda: self._world.close(w.KEY))

    def _release_footswitch(self) -> None:
        self._world.open(w.FOOTSWITCH)
