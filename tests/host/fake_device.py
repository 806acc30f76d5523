"""A device made of a script: it answers as told, sends one row a cycle, and its hands act when they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.firmware import load

from imilt import link
from imilt.record import Recorder
from imilt.treat import Treatment

MANIFEST = "ab" * 32
STATES = load("treatment").STATES
COLUMNS = load("app").App.COLUMNS
PROBE_COLUMNS = load("app").App.PROBE_COLUMNS
REASONS = load("control").REASONS
STATE_COLUMN = COLUMNS.index("state")
END_COLUMN = COLUMNS.index("end")


WHOLE = ["hello", "plan begin", "plan put", "plan commit", "arm", "start"]
"""The commands of a treatment, as `names` tells them."""


class FakeDevice:
    """`turn` runs cycles. What goes wrong is set before: `refusals`, `lose`, `hands`, `last_state`."""

    def __init__(self) -> None:
        self.hands = {"ready", "footswitch"}  # what the person at the device does
        self.refusals: dict[str, list[str]] = {}  # by command, what its next answers say is wrong
        self.lose: Callable[[str, str], bool] = lambda kind, text: False  # lines that get lost on their way
        self.answers_hello = True
        self.last_state = "complete"  # the programme stops there
        self.cycles_per_state = 5
        self.commands: list[tuple[str, str]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.rows: list[bytes] = []  # as sent
        self.prompts: list[str] = []
        self.cycle = 0
        self.state = "standby"
        self.end = 0
        self.host: Treatment | None = None
        self._sequence = 0
        self._in_state = 0
        self._asked = ""
        self._out = b""

    def prompt(self, what: str) -> None:
        self.prompts.append(what)

    def send(self, kind: str, text: str) -> None:
        self._sequence += 1
        if not self.lose(kind, text):
            self._out += link.frame(f"{kind},{self._sequence},{text}")

    def raw(self, data: bytes) -> None:
        """Put bytes on the line as they are."""
        self._out += data

    def turn(self, cycles: int = 1) -> None:
        assert self.host
        for _ in range(cycles):
            self.take(self.host.receive(self.cycled()))

    def cycled(self) -> bytes:
        """One cycle: what the device sends in it."""
        self._act()
        self._send_row()
        data, self._out = self._out, b""
        return data

    def take(self, data: bytes) -> None:
        """Take what the host sent."""
        for line in data.splitlines():
            self._take(line)

    def run(self, cycles: int = 1000) -> None:
        """Until the treatment is done."""
        assert self.host
        for _ in range(cycles):
            if self.host.done:
                return
            self.turn()
        raise AssertionError(f"not done after {cycles} cycles, in state {self.state}, commands {self.commands[-5:]}")

    def run_to(self, state: str) -> None:
        for _ in range(100):
            if self.state == state:
                return
            self.turn()
        raise AssertionError(f"never {state}, but {self.state}")

    def enter(self, state: str) -> None:
        self.state = state
        self._in_state = 0
        self.send("S", f"{self.cycle},{STATES.index(state)},{self.end}")

    def trip(self, number: int = 50, name: str = "emergency stop pressed") -> None:
        """A fault, told as the firmware does."""
        self.end = number
        self._asked = ""
        self.enter("fault")
        self.send("F", f"{self.cycle},{number},-1,0,0,,{name},release it")

    def restart(self) -> None:
        self.cycle = self._sequence = self.end = 0
        self.state, self._asked, self._out = "standby", "", b""

    def names(self) -> list[str]:
        """The commands received, each told once where it came again and again."""
        words = [f"plan {text.split(',')[0]}" if name == "plan" else name for name, text in self.commands]
        return [word for word, before in zip(words, ["", *words], strict=False) if word != before]

    def _send_row(self) -> None:
        values = [0] * len(COLUMNS)
        values[0], values[STATE_COLUMN], values[END_COLUMN] = self.cycle, STATES.index(self.state), self.end
        row = ",".join(map(str, values))
        self.rows.append(row.encode())
        self.send("T", row)
        self.cycle += 1

    def _act(self) -> None:
        """What happens by itself: hands that were asked for, and one state after the other."""
        self._in_state += 1
        if self._asked in self.hands:
            self.enter({"ready": "ready", "footswitch": "heating"}[self._asked])
            self._asked = ""
        programme = ("heating", "holding", "cooling", "complete")
        if self.state != self.last_state and self.state in programme[:-1] and self._in_state > self.cycles_per_state:
            after = programme[programme.index(self.state) + 1]
            if after == "cooling":
                self.end = 1
            self.enter(after)

    def _take(self, line: bytes) -> None:
        body = link.body_of(line)
        assert body is not None, line
        name, number, text = (body.decode() + ",").split(",", 2)
        text = text.rstrip(",")
        if name == "k":
            self.acknowledged.append((int(number), int(text)))
            return
        self.commands.append((name, text))
        waiting = self.refusals.get(name)
        problem = waiting.pop(0) if waiting else ""
        if not problem:
            problem = getattr(self, f"_{name}")(text) or ""
        self.send("A", f"{number},{0 if problem else 1},{problem}")

    def _hello(self, text: str) -> None:
        self.send("H", f"1,0.1.0,rpi-pico,0011,{MANIFEST}")
        words = {"columns": COLUMNS, "probe_columns": PROBE_COLUMNS, "states": STATES, "reasons": REASONS}
        for topic, names in words.items():
            for at in range(0, len(names), 8):
                self.send("N", f"{topic},{len(names)},{at},{','.join(names[at : at + 8])}")

    def _plan(self, text: str) -> None: ...

    def _arm(self, text: str) -> str:
        if self.state != "standby":
            return f"not while {self.state}"
        self._asked = "ready"
        return ""

    def _start(self, text: str) -> str:
        if self.state not in ("ready", "paused"):
            return f"not while {self.state}"
        self._asked = "footswitch"
        return ""

    def _stop(self, text: str) -> None:
        """As the firmware: what was asked of hands is void, and light ends in cooling."""
        self._asked = ""
        if self.state == "ready":
            self.enter("standby")
        elif self.state in ("heating", "holding", "paused"):
            self.end = 2
            self.enter("cooling")


def events(recorder: Recorder, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in a record."""
    lines = (recorder.folder / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]
