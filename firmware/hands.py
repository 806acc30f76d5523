"""Hands at the device: what its buttons, footswitch and key mean, and for how long a request waits for them.

Pure: the debounced contacts in, once a cycle. A button that was already closed when the host asked is no answer, and
neither is one that sticks: only what was open a cycle ago counts as pressed.
"""

import limits
from drivers import interlock


class Hands:
    """`key_turned`: since power-up the key was turned from off to on, as a manual reset."""

    def __init__(self):
        self.key_turned = False
        self.pressed = 0
        self.unconfirmed_ms = 0
        self._inputs = interlock.KEY  # so that only a key that is seen off counts as turned on
        self._key_off_cycles = 0
        self._key_was_off = False
        self._arm_age = self._start_age = limits.REQUEST_MAX_AGE

    def step(self, inputs):
        """One cycle with these closed contacts."""
        self.pressed = inputs & ~self._inputs
        self._inputs = inputs
        self._follow_key()
        if self.pressed & interlock.FOOTSWITCH:
            self.unconfirmed_ms = 0
        elif self.unconfirmed_ms <= limits.CONFIRM_MAX_MS:
            self.unconfirmed_ms += limits.CYCLE_MS
        if self._arm_age < limits.REQUEST_MAX_AGE:
            self._arm_age += 1
        if self._start_age < limits.REQUEST_MAX_AGE:
            self._start_age += 1

    def _follow_key(self):
        """A contact that bounces was not turned by anyone: off is what stays off for a while."""
        if not self._inputs & interlock.KEY:
            if self._key_off_cycles < limits.KEY_OFF_CYCLES:
                self._key_off_cycles += 1
            if self._key_off_cycles == limits.KEY_OFF_CYCLES:
                self._key_was_off = True
            return
        if self._key_off_cycles == limits.KEY_OFF_CYCLES:
            self.key_turned = True
        self._key_off_cycles = 0

    def request_arm(self):
        self._arm_age = 0

    def request_start(self):
        self._start_age = 0

    def forget(self):
        """A stop, a pause or a fault voids what was asked before."""
        self._arm_age = self._start_age = limits.REQUEST_MAX_AGE

    def arms(self):
        """The ready button, in answer to a request."""
        return self._arm_age < limits.REQUEST_MAX_AGE and self.pressed & interlock.READY_BUTTON

    def starts(self):
        """The footswitch, in answer to a request."""
        return self._start_age < limits.REQUEST_MAX_AGE and self.pressed & interlock.FOOTSWITCH

    def forget_key(self):
        """From here on the key has to be turned off before turning it on means anything."""
        self._key_off_cycles = 0
        self._key_was_off = False

    def clears(self):
        """The key was turned off and on, with every contact closed. With one open it clears nothing, and has to be
        turned again."""
        if not self._inputs & interlock.KEY or not self._key_was_off:
            return False
        self._key_was_off = False
        return self._inputs & interlock.CHAIN == interlock.CHAIN
