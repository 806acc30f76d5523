"""One treatment over the link: handshake, plan, arm, start, watch, end. The same for a real and a simulated device.

No port and no clock: bytes in, bytes out, and time is the device's own count of cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from imilt import link
from imilt.errors import RunError
from imilt.plan import Plan
from imilt.record import Recorder
from imilt.telemetry import Telemetry

_ANSWER_ROWS = 20
_TRIES = 5
_ARM_ROWS = 150
"""An armed device needs dark readings first: they come once a second, so 15 s is ample."""
_ARM_AGAIN_ROWS = 5
_HANDS_ROWS = 300
"""The device lets a request lapse after 30 s without hands at it."""
_FAULT_ROWS = 100
_STOP_ROWS = 30

Condition = Callable[[], bool]
Wait = Generator[Condition, None, None]


class Treatment(Telemetry):
    """Drives one treatment and keeps its record. `receive` is fed with the device's bytes and returns the host's.

    `on_prompt(what)` asks the person at the device for "ready", "footswitch" or "release"; `on_frame(treatment, row)`
    gets one row a second for display. `done` tells the end; `problem`, if the host had to give up, why.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        on_prompt: Callable[[str], None],
        on_frame: Callable[[Treatment, bytes], None] | None = None,
        expected_manifest: str | None = None,
    ) -> None:
        super().__init__(recorder)
        self.done = False
        self.problem = ""
        self._plan = plan
        self._on_prompt = on_prompt
        self._on_frame = on_frame
        self._expected_manifest = expected_manifest
        self._script = self._treat()
        self._condition: Condition = lambda: True
        self._began = False  # the device may be armed: whoever gives up from here on tells it to stop
        self._ending = False

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
        self._command("stop", "", why)
        self._end_with(self._stopped())

    def last_words(self) -> bytes:
        """A stop for the device when nothing can be recorded any more."""
        self.link.send("stop")
        return self.link.to_send()

    def _give_up(self, why: str, kind: str) -> None:
        self.problem = why
        self.done = True
        self.event(kind, why)

    # The script: each yielded condition is waited for

    def _next_step(self) -> None:
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
        yield from self._upload()
        yield from self._arm()
        yield from self._start()
        while self.state in ("heating", "holding", "paused"):
            yield from self._watch()
        yield lambda: self.state in ("complete", "standby")

    def _watch(self) -> Wait:
        """Wait for the next state of a running treatment; a pause is resumed with hands at the device."""
        if self.state == "holding":
            self._on_prompt("release")
        if self.state == "paused":
            yield from self._start()
        before = self.state
        yield lambda: self.state != before

    def _fault_told(self) -> Wait:
        """Stay for ten seconds: the fault's own line follows, and the record shows that it is dark."""
        yield self._after(_FAULT_ROWS)

    def _stopped(self) -> Wait:
        late = self._after(_STOP_ROWS)
        yield lambda: self.state in ("complete", "standby", "fault") or (late() and self.state == "ready")

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
        theirs, ours = self.identity["manifest"], self._expected_manifest
        if ours and theirs != ours:
            raise RunError(
                f"device runs firmware {theirs[:12]}, this tool carries {ours[:12]}:"
                " flash the device or install the matching tool"
            )

    def _upload(self) -> Wait:
        self._began = True
        yield from self._ask("plan", "begin")
        for chunk in _chunks([f"{name}={value}" for name, value in self._plan.device_fields().items()], 200):
            yield from self._ask("plan", "put," + chunk)
        yield from self._ask("plan", "commit")
        self.event("note", f"plan taken: {self._plan.name}")

    def _arm(self) -> Wait:
        """Ask until the first dark readings are there, then for the ready button."""
        give_up = self._after(_ARM_ROWS)
        while True:
            problem = yield from self._try("arm", moot=lambda: self.state != "standby")
            if not problem:
                break
            if give_up():
                raise RunError(f"the device cannot be armed: {problem}")
            yield self._after(_ARM_AGAIN_ROWS)
        yield from self._hands("ready", "press the ready button", "standby")

    def _start(self) -> Wait:
        before = self.state
        yield from self._ask("start", moot=lambda: self.state != before)
        yield from self._hands("footswitch", "press and hold the footswitch", before)

    def _hands(self, what: str, text: str, before: str) -> Wait:
        """Ask the person at the device, and wait until that has taken it out of the state `before`."""
        self.event("note", f"asked: {text}")
        self._on_prompt(what)
        late = self._after(_HANDS_ROWS)
        yield lambda: self.state != before or late()
        if self.state == before:
            raise RunError(f"nobody did: {text}")

    def _ask(self, name: str, text: str = "", moot: Condition = lambda: False) -> Wait:
        """Send a command that must be accepted. Raises RunError if it is refused."""
        problem = yield from self._try(name, text, moot)
        if problem:
            raise RunError(f"the device refused {name}: {problem}")

    def _try(self, name: str, text: str = "", moot: Condition = lambda: False) -> Generator[Condition, None, str]:
        """Send a command until it is answered, as commands are idempotent; returns what was wrong with it.

        When `moot` holds, what it asks for has happened and only the answer was lost.
        """
        for _ in range(_TRIES):
            sequence = self._command(name, text)
            late = self._after(_ANSWER_ROWS)
            yield lambda sequence=sequence, late=late: sequence in self._answers or moot() or late()
            if moot():
                return ""
            if sequence in self._answers:
                return self._answers[sequence]
        raise RunError(f"the device did not answer {name} in {_TRIES} tries")

    def _after(self, rows: int) -> Condition:
        """A condition that holds once so many rows more have come."""
        due = self.rows + rows
        return lambda: self.rows >= due

    def _command(self, name: str, text: str = "", why: str = "") -> int:
        sequence = self.link.send(name, text)
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
