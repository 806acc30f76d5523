"""One treatment over the link: handshake, plan, arm, start, watch, end. The same for a real and a simulated device.

No port and no clock: bytes in, bytes out, and time is the device's own count of cycles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator

from imilt import link
from imilt.errors import RunError
from imilt.plan import Plan
from imilt.record import Recorder

CYCLE_S = 0.1
_ANSWER_ROWS = 20
_TRIES = 5
_ARM_ROWS = 150
"""An armed device needs dark readings first: they come once a second, so 15 s is ample."""
_HANDS_ROWS = 300
"""The device lets a request lapse after 30 s without hands at it."""

_ARM_AGAIN_ROWS = 5
Wait = Generator[Callable[[], bool], None, None]


class Treatment:
    """Drives one treatment and keeps its record. `receive` is fed with the device's bytes and returns the host's.

    `on_prompt(what)` asks the person at the device for "ready", "footswitch" or "release"; `on_frame(row)` gets one
    row a second for display, as integers in the order of `columns`.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        on_prompt: Callable[[str], None],
        on_frame: Callable[[Treatment, bytes], None] | None = None,
        expected_manifest: str | None = None,
    ) -> None:
        self.recorder = recorder
        self.names: dict[str, list[str]] = {}
        self.identity: dict[str, str] = {}
        self.state = ""
        self.end_code = 0
        self.fault: dict[str, str] = {}
        self.rows = 0
        self.missing_rows = 0
        self.done = False
        self.problem = ""
        self._plan = plan
        self._on_prompt = on_prompt
        self._on_frame = on_frame
        self._expected_manifest = expected_manifest
        self._hash = hashlib.sha256()
        self._answers: dict[int, str] = {}
        self._early_rows: list[bytes] = []
        self._last_cycle = -1
        self._link = link.Link(self._row, self._line)
        self._script = self._treat()
        self._condition: Callable[[], bool] = lambda: True
        self._recording = False
        self._name_counts: dict[str, int] = {}
        self._handlers = {
            "A": self._answer,
            "H": self._identity,
            "N": self._take_names,
            "S": self._state,
            "F": self._fault,
        }
        self._last_row = b""

    @property
    def trace_sha256(self) -> str:
        """Over every row's payload as received."""
        return self._hash.hexdigest()

    @property
    def time_s(self) -> float:
        """Device time since its first cycle, s."""
        return (self._last_cycle + 1) * CYCLE_S

    def receive(self, data: bytes) -> bytes:
        """Take the device's bytes; returns what to send. Raises RunError if the record cannot be kept."""
        rows = self.rows
        self._link.receive(data)
        while not self.done and self._condition():
            self._next_step()
        # A frame's first row has the dark samples.
        if self._on_frame and self._recording and self.rows > rows and self._last_cycle % 10 == 0:
            self._on_frame(self, self._last_row)
        return self._link.to_send()

    def abandon(self, why: str) -> None:
        """End here, on the host's side: the device is told to stop, and the record says why."""
        self.problem = why
        self.done = True
        self._event("note", why)
        self.stop(why)

    def stop(self, why: str) -> None:
        """Ask the device to stop: light off, then cooling. Always allowed."""
        self._command("stop", "", why)

    # The script: each yielded condition is waited for

    def _treat(self) -> Wait:
        yield from self._shake_hands()
        yield from self._upload()
        yield from self._arm()
        yield from self._start()
        while self.state in ("heating", "holding", "paused"):
            yield from self._watch()
        yield lambda: self.state in ("complete", "fault", "standby")

    def _watch(self) -> Wait:
        """Wait for the next state of a running treatment; a pause is resumed with hands at the device."""
        if self.state == "holding":
            self._on_prompt("release")
        if self.state == "paused":
            yield from self._start()
        before = self.state
        yield lambda: self.state != before

    def _next_step(self) -> None:
        try:
            self._condition = next(self._script)
        except StopIteration:
            self.done = True
        except RunError as error:
            self.problem = str(error)
            self.done = True

    def _shake_hands(self) -> Wait:
        yield from self._ask("hello", str(link.PROTOCOL))
        yield lambda: {"columns", "probe_columns", "states", "reasons"} <= self.names.keys()
        yield lambda: self._names_whole()
        theirs = self.identity["manifest"]
        if self._expected_manifest and theirs != self._expected_manifest:
            raise RunError(
                f"device runs firmware {theirs[:12]}, this tool carries {self._expected_manifest[:12]}:"
                " flash the device or install the matching tool"
            )
        self.recorder.columns(self.names["columns"] + self.names["probe_columns"])
        for row in self._early_rows:
            self.recorder.row(row)
        self._early_rows.clear()
        self._recording = True
        self._event("device", "firmware {version} on {board} {uid}".format(**self.identity), **self.identity)

    def _upload(self) -> Wait:
        yield from self._ask("plan", "begin")
        for chunk in _chunks([f"{name}={value}" for name, value in self._plan.device_fields().items()], 200):
            yield from self._ask("plan", "put," + chunk)
        yield from self._ask("plan", "commit")
        self._event("note", f"plan taken: {self._plan.name}")

    def _arm(self) -> Wait:
        """Ask until the first dark readings are there, then for the ready button."""
        give_up = self.rows + _ARM_ROWS
        while True:
            problem = yield from self._try("arm")
            if not problem:
                break
            if self.rows >= give_up:
                raise RunError(f"the device cannot be armed: {problem}")
            yield self._after(_ARM_AGAIN_ROWS)
        yield from self._hands("ready", "press the ready button", "ready")

    def _start(self) -> Wait:
        yield from self._ask("start")
        yield from self._hands("footswitch", "press and hold the footswitch", "heating")

    def _hands(self, what: str, text: str, state: str) -> Wait:
        """Ask the person at the device, and wait until the device has seen it."""
        self._event("note", f"asked: {text}")
        self._on_prompt(what)
        give_up = self.rows + _HANDS_ROWS
        yield lambda: self.state in (state, "fault") or self.rows >= give_up
        if self.state not in (state, "fault"):
            raise RunError(f"nobody did: {text}")

    def _ask(self, name: str, text: str = "") -> Wait:
        """Send a command that must be accepted. Raises RunError if it is refused."""
        problem = yield from self._try(name, text)
        if problem:
            raise RunError(f"the device refused {name}: {problem}")

    def _try(self, name: str, text: str = "") -> Generator[Callable[[], bool], None, str]:
        """Send a command until it is answered, as commands are idempotent; returns what was wrong with it."""
        for _ in range(_TRIES):
            sequence = self._command(name, text)
            late = self._after(_ANSWER_ROWS)
            yield lambda sequence=sequence, late=late: sequence in self._answers or late()
            if sequence in self._answers:
                return self._answers[sequence]
        raise RunError(f"the device did not answer {name} in {_TRIES} tries")

    def _after(self, rows: int) -> Callable[[], bool]:
        """A condition that holds once so many rows more have come."""
        due = self.rows + rows
        return lambda: self.rows >= due

    def _command(self, name: str, text: str = "", why: str = "") -> int:
        sequence = self._link.send(name, text)
        line = f"{name},{sequence}" + (f",{text}" if text else "")
        self._event("command", f"{name} {text}".strip() + (f": {why}" if why else ""), line=line)
        return sequence

    # What the device sends

    def _row(self, payload: bytes) -> None:
        cycle = int(payload[: payload.index(b",")])
        if cycle != self._last_cycle + 1:
            self._gap(cycle)
        self._last_cycle = cycle
        self.rows += 1
        self._last_row = payload
        self._hash.update(payload)
        self._hash.update(b"\n")
        if self._recording:
            self.recorder.row(payload)
        else:
            self._early_rows.append(payload)

    def _gap(self, cycle: int) -> None:
        if cycle < self._last_cycle:
            self.problem = f"the device restarted after {self.time_s:.1f} s"
            self._event("warning", self.problem)
            self.done = True
        elif self._last_cycle >= 0:
            self.missing_rows += cycle - self._last_cycle - 1
            self._event("warning", f"{cycle - self._last_cycle - 1} rows lost before cycle {cycle}")

    def _line(self, kind: str, fields: list[str]) -> None:
        handler = self._handlers.get(kind)
        if handler:
            handler(fields)

    def _answer(self, fields: list[str]) -> None:
        self._answers[int(fields[0])] = fields[2]
        if fields[1] != "1":
            self._event("answer", f"refused: {fields[2]}")

    def _identity(self, fields: list[str]) -> None:
        self.identity = dict(zip(("protocol", "version", "board", "uid", "manifest"), fields, strict=True))

    def _take_names(self, fields: list[str]) -> None:
        words = self.names.setdefault(fields[0], [])
        self._name_counts[fields[0]] = int(fields[1])
        words[int(fields[2]) :] = fields[3:]

    def _names_whole(self) -> bool:
        return all(len(words) == self._name_counts[topic] for topic, words in self.names.items())

    def _state(self, fields: list[str]) -> None:
        cycle, number, end = map(int, fields)
        self.state = self.names["states"][number] if "states" in self.names else str(number)
        self.end_code = end
        self._event("state", self.state, cycle=cycle, state=self.state, end=end)

    def _fault(self, fields: list[str]) -> None:
        keys = ("cycle", "fault", "where", "value", "limit", "unit", "name", "remedy")
        self.fault = dict(zip(keys, fields, strict=True))
        numbers = {key: int(self.fault[key]) for key in ("cycle", "fault", "where", "value", "limit")}
        self._event("fault", fault_text(self.fault), **(self.fault | numbers))

    def _event(self, kind: str, text: str, **more: object) -> None:
        self.recorder.event(kind, round(self.time_s, 3), text, **more)


def _chunks(words: list[str], size: int) -> list[str]:
    """Join words with commas into as few texts as fit `size` bytes each."""
    chunks = [words[0]]
    for word in words[1:]:
        if len(chunks[-1]) + 1 + len(word) > size:
            chunks.append(word)
        else:
            chunks[-1] += "," + word
    return chunks


_SCALE = {"mC": (1000, "°C", 1), "mW": (1000, "W", 2), "mJ": (1_000_000, "kJ", 3), "ms": (60_000, "min", 1)}


def fault_text(fault: dict[str, str]) -> str:
    """A fault in one sentence: number, name, channel, value, limit, remedy."""
    where = f" (channel {fault['where']})" if int(fault["where"]) >= 0 else ""
    return f"fault {fault['fault']}: {fault['name']}{where}{_figures(fault)}; {fault['remedy']}"


def _figures(fault: dict[str, str]) -> str:
    unit = fault["unit"]
    if not unit:
        return ""
    scale, shown, digits = _SCALE.get(unit, (1, unit, 0))
    value, limit = int(fault["value"]) / scale, int(fault["limit"]) / scale
    return f": {value:.{digits}f} {shown}, limit {limit:.{digits}f} {shown}"
