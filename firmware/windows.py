"""When to look longer without light: dark windows of one breath, which tell self-heating from warm tissue.

The first comes as the probe nears its set-point, some more in the first minutes, then one every few minutes, as what
they teach has hardly changed since. Their pauses differ by a second, so that they do not keep meeting the same part of
a breath.
"""

from micropython import const

FRAMES = const(4)  # one breath at 15 a minute
NEAR_MC = const(3000)
_PAUSES = (30, 31, 32, 33, 480, 481, 482, 483)
_AFTER_LIGHT = const(20)  # frames of light before the first, two breaths before any other


class Windows:
    """`dark`: the next frame is to have no light. `ended`: with the last frame a window has; `breath`: or a breath."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.dark = self.ended = self.breath = False
        self._left = 0
        self._since = 0  # frames since the last breath or window ended
        self._wait = -1  # frames to the next window; below 0: not yet near
        self._lit = 0
        self._count = 0

    def interrupt(self):
        """No light is wanted for now: a window that was on teaches nothing."""
        self.dark = self.ended = self.breath = False
        self._left = self._since = 0

    def frame(self, near):
        """Once a frame while light is wanted; `near`: the control probe is close to the set-point."""
        self.ended = self.breath = False
        if self._left:
            self._in_window()
            return
        self._lit += 1
        self._since += 1
        if self._wait < 0 and near and self._lit > _AFTER_LIGHT:
            self._wait = 0
        elif self._wait > 0:
            self._wait -= 1
        if self._since >= FRAMES:
            self.breath = True
            self._since = 0
            if self._wait == 0 and self._lit >= 2 * FRAMES:
                self._left = FRAMES
                self.dark = True

    def _in_window(self):
        self._left -= 1
        if self._left:
            return
        self.dark = False
        self.ended = True
        self._since = 0
        self._lit = 0
        self._wait = _PAUSES[self._count]
        self._count += 1
        if self._count == len(_PAUSES):
            self._count = 4
