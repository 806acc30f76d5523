"""One treatment over the link: handshake, plan, arm, start, watch, end. The same for a real and a simulated device.

No port and no clock: bytes in, bytes out, and time is the device's own count of cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator

from imilt import keys, link
from imilt.errors import RunError
from imilt.plan import Plan
from imilt.record import Recorder
from imilt.telemetry import CYCLE_S, Telemetry, fault_text

_ANSWER_ROWS = 20
_TRIES = 5
_ARM_ROWS = 150
"""An armed device needs dark readings first: they come once a second, so 15 s is ample."""
_ARM_AGAIN_ROWS = 5
_HANDS_ROWS = 300
"""The device lets a request lapse after 30 s without hands at it."""
_FAULT_ROWS = 100
_STOP_ROWS = 30
_BEAT_ROWS = 10
"""A heartbeat a second: the device's lease on the host lasts for some of them."""
_SELF_TEST_ROWS = 50
_RESUME_ROWS = 3000
"""For five minutes the host waits for the cause of a pause to go away; then it stops the treatment."""
_LOOK_AGAIN_ROWS = 10
_TELL_AGAIN_ROWS = 100
_KEY_REASONS = {51, 55}
"""Numbers of the fault catalogue: the key is off, or was not turned since power-up."""
_CONFIRM = 73
_FIRST_FAULT = 10
_UNSIGNED = ("hello", "stop", "pause")

PROMPTS = {
    "key": "turn the key off and on",
    "ready": "press the ready button",
    "footswitch": "press and hold the footswitch; if it is down already, let go first",
    "release": "the footswitch may be released: the set-point is reached",
    "confirm": "press the footswitch briefly, to show that somebody is there",
}
"""What the person at the device is asked for."""

_KEY = "the key to be turned off and on"
_HANDS = {"ready": "somebody to press the ready button", "footswitch": "somebody to press and hold the footswitch"}

Condition = Callable[[], bool]
Wait = Generator[Condition, None, None]


class Treatment(Telemetry):
    """Drives one treatment and keeps its record. `receive` is fed with the device's bytes and returns the host's.

    `on_prompt(what)` asks the person at the device for what PROMPTS lists; `on_frame(treatment, row)` gets one row a
    second for display, and `waiting_for` says what the treatment waits for, if anything. `done` tells the end;
    `problem`, if the host had to give up, why. `key_of` gives a device's key by its unique id.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        on_prompt: Callable[[str], None],
        on_frame: Callable[[Treatment, bytes], None] | None = None,
        firmware: Callable[[str], Collection[str]] | None = None,
        key_of: Callable[[str], bytes] = link.default_key,
    ) -> None:
        super().__init__(recorder, key_of)
        self.done = False
        self.problem = ""
        self.waiting_for = ""
        self._plan = plan
        self._on_prompt = on_prompt
        self._on_frame = on_frame
        self._firmware = firmware
        self._script = self._treat()
        self._condition: Condition = lambda: True
        self._began = False  # the device may be armed: whoever gives up from here on tells it to stop
        self._ending = False
        self._beat_row = 0
        self._confirming = False

    def receive(self, data: bytes) -> bytes:
        """Take the device's bytes; returns what to send. Raises RunError if the record cannot be kept."""
        rows = self.rows
        self.link.receive(data)
        if self.restarted_after_s is not None and not self.done:
            self._give_up(f"the device restarted after {self.restarted_after_s:.1f} s", "warning")
        if self._began and self.state == "fault" and not self._ending:
            self._end_with(self._fault_told())
        while not self.done and self._condition():
            self._next_step()
        if not self.done:
            self._beat()
            self._ask_for_lost_line()
            self._ask_to_confirm()
        # A frame's first row has the dark samples.
        if self._on_frame and self._recording and self.rows > rows and self._last_cycle % 10 == 0:
            self._on_frame(self, self._last_row)
        return self.link.to_send()

    def abandon(self, why: str) -> None:
        """End here, on the host's side: the device is told to stop, and the record says why."""
        self._give_up(why, "note")
        self._command("stop", "", why)

    def stop(self, why: str) -> None:
        """Ask the device to stop: light off, then cooling. Always allowed."""
        self._end_with(self._stopped(why))

    def last_words(self) -> bytes:
        """A stop for the device when nothing can be recorded any more."""
        self.link.send("stop")
        return self.link.to_send()

    def _beat(self) -> None:
        if self.link.can_sign and self.rows >= self._beat_row + _BEAT_ROWS:
            self._beat_row = self.rows
            self.link.send_signed("beat", self._cycle)

    def _ask_for_lost_line(self) -> None:
        """A state, a fault or an alarm comes again; a row is not kept, and the device says so."""
        if self.link.can_sign and self.link.lost:
            self.link.send_signed("resend", self._cycle, str(self.link.lost.popleft()))

    def _ask_to_confirm(self) -> None:
        """Once each time that the device wants to know whether somebody is there."""
        confirming = any(alarm.number == _CONFIRM for alarm in self.alarms)
        if confirming and not self._confirming:
            self._prompt("confirm")
        self._confirming = confirming

    def _prompt(self, what: str) -> None:
        """Ask the person at the device, on the record."""
        self.event("note", f"asked: {PROMPTS[what]}")
        self._on_prompt(what)

    def _give_up(self, why: str, kind: str) -> None:
        self.problem = why
        self.done = True
        self.event(kind, why)

    # The script: each yielded condition is waited for

    def _next_step(self) -> None:
        self.waiting_for = ""
        try:
            self._condition = next(self._script)
        except StopIteration:
            self.done = True
        except RunError as error:
            self._give_up(str(error), "note")
            if self._began:
                self._command("stop", "", str(error))

    def _end_with(self, script: Wait) -> None:
        self._ending = True
        self._script = script
        self._condition = lambda: True

    def _treat(self) -> Wait:
        yield from self._shake_hands()
        yield from self._clear()
        yield from self._upload()
        yield from self._arm()
        if self.state == "ready":
            yield from self._start()
        while self.state in ("heating", "holding", "paused"):
            yield from self._watch()
        yield lambda: self.state in ("complete", "standby")
        yield from self._reason_told()

    def _watch(self) -> Wait:
        """Wait for the next state of a running treatment; a pause is resumed with hands at the device."""
        before = self.state
        if before == "holding":
            self._prompt("release")
        if before == "paused":
            yield from self._resume()
        yield lambda: self.state != before

    def _fault_told(self) -> Wait:
        """Stay for ten seconds: the fault's own line follows, and the record shows that it is dark."""
        yield self._after(_FAULT_ROWS)

    def _reason_told(self) -> Wait:
        """The words to a fault come in a line of their own, after the state that it led to."""
        late = self._after(_ANSWER_ROWS)
        yield lambda: self.end_code < _FIRST_FAULT or self.fault_known or late()

    def _stopped(self, why: str) -> Wait:
        yield from self._ask("stop", why=why)
        late = self._after(_STOP_ROWS)
        yield lambda: self.state in ("complete", "standby", "fault") or (late() and self.state != "cooling")
        yield from self._reason_told()

    def _shake_hands(self) -> Wait:
        for _ in range(_TRIES):
            yield from self._ask("hello", str(link.PROTOCOL))
            late = self._after(_ANSWER_ROWS)
            yield lambda late=late: self.names_whole() or late()
            if self.names_whole():
                break
        else:
            raise RunError(f"the device did not say who it is in {_TRIES} tries")
        self._check_manifest()
        self.begin_record()
        self.event("device", "firmware {version} on {board} {uid}".format(**self.identity), **self.identity)

    def _check_manifest(self) -> None:
        if self._firmware is None:
            return
        theirs, board = self.identity["manifest"], self.identity["board"]
        ours = self._firmware(board)
        if theirs not in ours:
            carried = " or ".join(one[:12] for one in ours) or "none"
            raise RunError(
                f"device runs firmware {theirs[:12]}, this tool carries {carried} for board {board}:"
                " flash the device or install the matching tool"
            )

    def _clear(self) -> Wait:
        """What ended before, or was latched, is cleared with the key. Raises RunError if that does not help."""
        yield from self._ask("status")
        if self.state in ("fault", "complete"):
            yield from self._reason_told()
            self._prompt("key")
            late = self._after(_HANDS_ROWS)
            yield from self._wait(_KEY, lambda: self.state == "standby" or late())
        if self.state != "standby":
            why = fault_text(self.fault) if self.fault else f"it is in {self.state}"
            raise RunError(f"the device is not ready for a treatment: {why}")
        self.fault = {}
        self.end_code = 0

    def _upload(self) -> Wait:
        self._began = True
        yield from self._ask("plan", "begin")
        for chunk in _chunks([f"{name}={value}" for name, value in self._plan.device_fields().items()], 180):
            yield from self._ask("plan", "put," + chunk)
        yield from self._ask("plan", "commit")
        self.event("note", f"plan taken: {self._plan.name}")

    def _arm(self) -> Wait:
        """Ask until the first dark readings are there, then for the ready button; the self-test follows."""
        give_up = self._after(_ARM_ROWS)
        key_asked = False
        while problem := (yield from self._try("arm", moot=lambda: self.state != "standby")):
            if give_up():
                raise RunError(f"the device cannot be armed: {problem}")
            yield from self._ask("why")
            key_wanted = not self.reasons.keys().isdisjoint(_KEY_REASONS)
            if key_wanted and not key_asked:
                key_asked = True
                self._prompt("key")
                give_up = self._after(_HANDS_ROWS)
            yield from self._wait(_KEY if key_wanted else f"this to end: {problem}", self._after(_ARM_AGAIN_ROWS))
        yield from self._hands("ready", "standby")
        late = self._after(_SELF_TEST_ROWS)
        yield from self._wait("the self-test", lambda: self.state != "self-test" or late())
        if self.state == "self-test":
            raise RunError(f"the self-test did not end within {_SELF_TEST_ROWS * CYCLE_S:.0f} s")

    def _start(self) -> Wait:
        """Ask for the footswitch. What the device sees against it, goes away or takes it back to standby."""
        while problem := (yield from self._try("start", moot=lambda: self.state != "ready")):
            yield from self._wait(f"this to end: {problem}", self._after(_LOOK_AGAIN_ROWS))
        yield from self._hands("footswitch", "ready")

    def _resume(self) -> Wait:
        """Once the cause of a pause is gone, ask for the footswitch. What takes too long ends with a stop, which the
        device counts as an end by what it was paused for."""
        late = self._after(_RESUME_ROWS)
        while self.state == "paused" and not late():
            problem = yield from self._try("start", moot=lambda: self.state != "paused")
            if self.state != "paused":
                return
            if problem:
                yield from self._wait(f"this to end: {problem}", self._new_evidence())
            else:
                self._prompt("footswitch")
                lapsed = self._after(_HANDS_ROWS)
                yield from self._wait(_HANDS["footswitch"], lambda lapsed=lapsed: self.state != "paused" or lapsed())
        if self.state == "paused":
            yield from self._ask("stop", why=f"paused for too long: {self.paused_for}")

    def _new_evidence(self) -> Condition:
        """Holds when the device sees nothing or something else than now, at most once a second, or after ten anyway."""
        seen, early, late = self.cell("evidence"), self._after(_LOOK_AGAIN_ROWS), self._after(_TELL_AGAIN_ROWS)
        return lambda: self.state != "paused" or late() or (early() and (self.cell("evidence") != seen or not seen))

    def _hands(self, what: str, before: str) -> Wait:
        """Ask the person at the device, and wait until that has taken it out of the state `before`."""
        if self.state != before:
            return
        self._prompt(what)
        late = self._after(_HANDS_ROWS)
        yield from self._wait(_HANDS[what], lambda: self.state != before or late())
        if self.state == before:
            against = yield from self._against()
            raise RunError(f"nobody did: {_HANDS[what].removeprefix('somebody to ')}{against}")

    def _against(self) -> Generator[Condition, None, str]:
        """What the device has against going on, for a message; empty if nothing."""
        self.reasons = {}
        yield from self._try("why")
        return "; the device says: " + ", ".join(self.reasons.values()) if self.reasons else ""

    def _wait(self, what: str, condition: Condition) -> Wait:
        """Wait, and say for what."""
        self.waiting_for = what
        yield condition

    def _ask(self, name: str, text: str = "", moot: Condition = lambda: False, why: str = "") -> Wait:
        """Send a command that must be accepted. Raises RunError if it is refused."""
        problem = yield from self._try(name, text, moot, why)
        if problem.startswith(link.UNKNOWN):
            raise RunError(f"the device {self.identity['uid']} has another key than this host: {keys.REMEDY}")
        if problem:
            raise RunError(f"the device refused {name}: {problem}")

    def _try(
        self, name: str, text: str = "", moot: Condition = lambda: False, why: str = ""
    ) -> Generator[Condition, None, str]:
        """Send a command until it is answered, as commands are idempotent; returns what was wrong with it.

        When `moot` holds, what it asks for has happened and only the answer was lost.
        """
        sequence = 0
        for _ in range(_TRIES):
            sequence = self._command(name, text, why, sequence)
            late = self._after(_ANSWER_ROWS)
            yield lambda sequence=sequence, late=late: sequence in self._answers or moot() or late()
            if moot():
                return ""
            problem = self._answers.pop(sequence, link.STALE)
            if problem.startswith(link.PASSED):
                sequence = 0
            elif not problem.startswith(link.STALE):
                return problem
            # One that came too late was not carried out: it is signed again, under the same number.
        raise RunError(f"the device did not answer {name} in {_TRIES} tries")

    def _after(self, rows: int) -> Condition:
        """A condition that holds once so many rows more have come."""
        due = self.rows + rows
        return lambda: self.rows >= due

    @property
    def _cycle(self) -> int:
        """What signed commands carry as the newest cycle that the device has told."""
        return max(self._last_cycle, 0)

    def _command(self, name: str, text: str = "", why: str = "", number: int = 0) -> int:
        if name in _UNSIGNED:
            sequence = self.link.send(name, text)
        else:
            sequence = self.link.send_signed(name, self._cycle, text, number)
        self._asked.add(sequence)
        line = f"{name},{sequence}" + (f",{text}" if text else "")
        self.event("command", f"{name} {text}".strip() + (f": {why}" if why else ""), line=line)
        return sequence


def _chunks(words: list[str], size: int) -> list[str]:
    """Join words with commas into as few texts as fit `size` bytes each."""
    chunks = [words[0]]
    for word in words[1:]:
        if len(chunks[-1]) + 1 + len(word) > size:
            chunks.append(word)
        else:
            chunks[-1] += "," + word
    return chunks
