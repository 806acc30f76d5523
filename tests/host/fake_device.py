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
UNIQUE_ID = "0011"
STATES = load("treatment").STATES
COLUMNS = load("report").COLUMNS
PROBE_COLUMNS = load("report").PROBE_COLUMNS
REASONS = load("control").REASONS
CATALOGUE = load("faults").CATALOGUE
FRESH_CYCLES = 50
SELF_TEST_CYCLES = 14
KEPT = 8
REACTION_CYCLES = 2
"""Hands act after the host has read that they may."""

WHOLE = ["hello", "status", "plan begin", "plan put", "plan commit", "arm", "start"]
"""The commands of a treatment, as `names` tells them."""
UNSIGNED = ("hello", "stop", "pause")


class FakeDevice:
    """`turn` runs cycles. What goes wrong is set before: `refusals`, `lose`, `hands`, `evidence`, `last_state`.

    Signed commands are checked as the firmware does. `commands` leaves out `beats` and `resends`, which come by
    themselves.
    """

    def __init__(self) -> None:
        self.hands = {"key", "ready", "footswitch", "confirm"}  # what the person at the device does
        self.refusals: dict[str, list[str]] = {}  # by command, what its next answers say is wrong
        self.late: set[str] = set()  # commands that come too late, once
        self.lose: Callable[[str, str], bool] = lambda kind, text: False  # lines that get lost on their way
        self.key = link.default_key(UNIQUE_ID)
        self.nonce = "00112233445566aa"
        self.key_turned = True
        self.evidence: list[int] = []  # numbers of what the hazards see now
        self.last_state = "complete"  # the programme stops there
        self.cycles_per_state = 5
        self.commands: list[tuple[str, str]] = []
        self.beats: list[int] = []  # the cycles in which they came
        self.resends: list[int] = []  # the lines asked for
        self.acknowledged: list[tuple[int, int]] = []
        self.rows: list[bytes] = []  # as sent
        self.prompts: list[str] = []
        self.alarms: dict[int, int] = {}  # that are on: number and priority
        self.cycle = 0
        self.state = "standby"
        self.end = 0
        self.host: Treatment | None = None
        self._sequence = 0
        self._highest = 0
        self._answers: dict[int, str] = {}
        self._kept: list[tuple[int, str, str]] = []
        self._in_state = 0
        self._asked = ""
        self._asked_at = 0
        self._key_asked = False
        self._out = b""

    def prompt(self, what: str) -> None:
        self.prompts.append(what)
        self._key_asked = what == "key"

    def send(self, kind: str, text: str) -> None:
        self._sequence += 1
        if kind in ("S", "F", "L", "W"):
            self._kept = [*self._kept, (self._sequence, kind, text)][-KEPT:]
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

    def enter(self, state: str, end: int | None = None) -> None:
        self.end = 0 if state in ("self-test", "heating") else self.end if end is None else end
        self.state = state
        self._asked = ""
        self._in_state = 0
        self.send("S", f"{self.cycle},{STATES.index(state)},{self.end}")

    def trip(self, number: int = 50) -> None:
        """A hard fault, told as the firmware does."""
        self.enter("fault", number)
        self.tell_fault(number)

    def hinder(self, number: int = 20) -> None:
        """A resumable fault, whose cause stays until it is taken out of `evidence`."""
        self.evidence.append(number)
        self.enter("paused" if self.state in ("heating", "holding") else "standby", number)
        self.tell_fault(number)

    def tell_fault(self, number: int) -> None:
        row = CATALOGUE[number]
        self.send("F", f"{self.cycle},{number},-1,0,0,{row[4]},{row[0]},{row[6].replace(',', ';')}")

    def alarm(self, number: int, on: bool = True) -> None:
        """An alarm of the catalogue, or 0 for the pause of the sound."""
        name, priority = (CATALOGUE[number][0], CATALOGUE[number][2]) if number else ("audio paused", 2)
        if number and on:
            self.alarms[number] = priority
        else:
            self.alarms.pop(number, None)
        self.send("L", f"{self.cycle},{number},{priority},{on:d},0,{name}")

    def restart(self) -> None:
        self.cycle = self._sequence = self._highest = self.end = 0
        self._answers.clear()
        self._kept.clear()
        self.nonce = "8899aabbccddeeff"
        self.state, self._asked, self._out = "standby", "", b""

    def names(self) -> list[str]:
        """The commands received, each told once where it came again and again."""
        told = [(name, text) for name, text in self.commands if text != "again"]
        words = [f"plan {text.split(',')[0]}" if name == "plan" else name for name, text in told]
        return [word for word, before in zip(words, ["", *words], strict=False) if word != before]

    def _send_row(self) -> None:
        top = max(self.alarms, key=lambda number: self.alarms[number], default=0)
        told = dict.fromkeys(COLUMNS, 0) | {
            "cycle": self.cycle,
            "state": STATES.index(self.state),
            "end": self.end,
            "evidence": self.evidence[0] if self.evidence else 0,
            "alarm": top,
        }
        row = ",".join(map(str, told.values()))
        self.rows.append(row.encode())
        self.send("T", row)
        self.cycle += 1

    def _act(self) -> None:
        """What happens by itself: hands that were asked for, and one state after the other."""
        self._in_state += 1
        if self._key_asked and "key" in self.hands:
            self._key_asked, self.key_turned = False, True
            if self.state in ("fault", "complete") and not self.evidence:
                self.enter("standby")
        if self._asked in self.hands and self.cycle >= self._asked_at + REACTION_CYCLES:
            self._use_hands()
        elif self.state == "self-test" and self._in_state >= SELF_TEST_CYCLES:
            self.enter("ready")
        programme = ("heating", "holding", "cooling", "complete")
        if self.state != self.last_state and self.state in programme[:-1] and self._in_state > self.cycles_per_state:
            after = programme[programme.index(self.state) + 1]
            self.enter(after, 1 if after == "cooling" and not self.end else None)

    def _use_hands(self) -> None:
        if self._asked == "ready":
            self.enter("self-test")
        elif not self.evidence:
            self.enter("heating")

    def _ask_for(self, what: str) -> None:
        self._asked, self._asked_at = what, self.cycle

    def _take(self, line: bytes) -> None:
        body = link.body_of(line)
        assert body is not None, line
        name, number, text = (body.decode() + ",").split(",", 2)
        text = text.rstrip(",")
        if name == "k":
            self.acknowledged.append((int(number), int(text)))
        elif name in UNSIGNED:
            self._carry_out(name, int(number), text)
        else:
            self._signed(name, int(number), body)

    def _signed(self, name: str, number: int, body: bytes) -> None:
        """Check a command as the firmware does, and carry it out once."""
        signed, _, tag = body.rpartition(b",")
        if tag.decode() != link.tag(self.key, self.nonce, signed):
            self.send("A", f"{number},0,{link.UNKNOWN}: say hello and sign with this device's key")
        elif number in self._answers:
            self.commands.append((name, "again"))
            self.send("A", self._answers[number])
        elif number <= self._highest:
            self.send("A", f"{number},0,{link.PASSED}: count on from {self._highest}")
        else:
            _, _, cycle, *arguments = signed.decode().split(",")
            if name in self.late or not 0 <= self.cycle - int(cycle) <= FRESH_CYCLES:
                self.late.discard(name)
                self.send("A", f"{number},0,{link.STALE}: it is cycle {self.cycle}")
                return
            self._highest = number
            self._carry_out(name, number, ",".join(arguments))

    def _carry_out(self, name: str, number: int, text: str) -> None:
        if name == "beat":
            self.beats.append(self.cycle)
            return
        if name != "resend":
            self.commands.append((name, text))
        waiting = self.refusals.get(name)
        problem = waiting.pop(0) if waiting else ""
        if not problem:
            problem = getattr(self, f"_{name}")(text) or ""
        answer = f"{number},{0 if problem else 1},{problem}"
        if name not in UNSIGNED:
            self._answers[number] = answer
        self.send("A", answer)

    def _hello(self, text: str) -> None:
        self.send("H", f"{link.PROTOCOL},0.1.0,rpi-pico,{UNIQUE_ID},{MANIFEST},{self.nonce},{self._highest}")
        words = {"columns": COLUMNS, "probe_columns": PROBE_COLUMNS, "frame_columns": ("cycle", "clean0_mc")}
        words |= {"states": STATES, "reasons": REASONS}
        for topic, names in words.items():
            for at in range(0, len(names), 8):
                self.send("N", f"{topic},{len(names)},{at},{','.join(names[at : at + 8])}")

    def _status(self, text: str) -> None:
        self.send("S", f"{self.cycle},{STATES.index(self.state)},{self.end}")
        if self.state == "fault":
            self.tell_fault(self.end)

    def _resend(self, text: str) -> str:
        self.resends.append(int(text))
        for number, kind, kept in self._kept:
            if number == int(text):
                self.send(kind, kept)
                return ""
        return "line is not kept"

    def _plan(self, text: str) -> None: ...

    def _against(self) -> list[tuple[int, str]]:
        key = [] if self.key_turned else [55]
        return [(number, CATALOGUE[number][0]) for number in [*self.evidence, *key]]

    def _why(self, text: str) -> None:
        against = self._against()
        for i, (number, name) in enumerate(against):
            self.send("W", f"{i},{len(against)},{number},{name}")

    def _arm(self, text: str) -> str:
        if self.state != "standby":
            return f"not while {self.state}"
        problem = "; ".join(name for _, name in self._against())
        self._ask_for("" if problem else "ready")
        return problem

    def _start(self, text: str) -> str:
        if self.state not in ("ready", "paused"):
            return f"not while {self.state}"
        problem = "; ".join(CATALOGUE[number][0] for number in self.evidence)
        self._ask_for("" if problem else "footswitch")
        return problem

    def _stop(self, text: str) -> None:
        """As the firmware: what was asked of hands is void, and light ends in cooling."""
        self._asked = ""
        if self.state in ("ready", "self-test"):
            self.enter("standby", 2)
        elif self.state in ("heating", "holding"):
            self.enter("cooling", 2)
        elif self.state == "paused":
            self.enter("cooling", self.end if self.end > 5 else 2)


def events(recorder: Recorder, kind: str) -> list[dict[str, Any]]:
    """The events of one kind in a record."""
    lines = (recorder.folder / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]
