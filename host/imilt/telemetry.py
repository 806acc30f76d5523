"""What the device says: rows, states, names, answers and faults, checked and kept in the record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from imilt import link
from imilt.record import Recorder

CYCLE_S = 0.1
TOPICS = ("columns", "probe_columns", "frame_columns", "states", "reasons")
_IDENTITY = ("protocol", "version", "board", "uid", "manifest", "nonce", "highest")
_ALARM = ("cycle", "alarm", "priority", "on", "silenced")
PRIORITIES = ("", "low", "medium", "high")
PAUSED_BY_HOST = 4
_FAULT = ("cycle", "fault", "where", "value", "limit", "unit", "name", "remedy")


class Alarm(NamedTuple):
    """An alarm that is on, since the device's cycle `cycle`."""

    number: int
    priority: int
    name: str
    cycle: int

    @property
    def urgency(self) -> str:
        return PRIORITIES[self.priority]


class Telemetry:
    """Listens to one device. Time is the device's own count of cycles; there is no clock here.

    `state`, `end_code` and the alarms follow the rows too, so that a lost line does not hide them for long; `rows`
    counts what was received. `key_of` gives the key of a device by its unique id.
    """

    def __init__(self, recorder: Recorder, key_of: Callable[[str], bytes] = link.default_key) -> None:
        self.recorder = recorder
        self.names: dict[str, list[str]] = {}
        self.identity: dict[str, str] = {}
        self.fault: dict[str, str] = {}
        self.reasons: dict[int, str] = {}
        self.last_frame: dict[str, int] = {}
        self.sound_paused = False
        self.end_code = 0
        self.rows = 0
        self.missing_rows = 0
        self.restarted_after_s: float | None = None
        self.link = link.Link(self._row, self._line, key_of)
        self._asked: set[int] = set()  # numbers of the commands that are in the record
        self._answers: dict[int, str] = {}
        self._alarms: dict[int, Alarm] = {}
        self._alarm_cycle: dict[int, int] = {}  # of each alarm's newest change
        self._hash = hashlib.sha256()
        self._early_rows: list[bytes] = []
        self._recording = False
        self._last_cycle = -1
        self._last_row = b""
        self._state = b"0"
        self._state_cycle = 0
        self._name_parts: dict[str, dict[int, list[str]]] = {}
        self._name_counts: dict[str, int] = {}
        self._handlers = {
            "A": self._take_answer,
            "H": self._take_identity,
            "N": self._take_names,
            "S": self._take_state,
            "F": self._take_fault,
            "L": self._take_alarm,
            "W": self._take_reason,
            "E": self._take_frame,
        }

    @property
    def trace_sha256(self) -> str:
        """Over every row's payload as received."""
        return self._hash.hexdigest()

    @property
    def time_s(self) -> float:
        """Device time since its first cycle, s."""
        return (self._last_cycle + 1) * CYCLE_S

    @property
    def state(self) -> str:
        """The device's state by name; empty before the handshake told the names."""
        states = self.names.get("states")
        return states[int(self._state)] if states else ""

    @property
    def alarms(self) -> list[Alarm]:
        """The alarms that are on, the most urgent first and among equals the oldest.

        Of those that came before this host did only the first is known, by its number.
        """
        first = self.cell("alarm")
        if not (first or self._alarms):
            return []
        told = sorted(self._alarms.values(), key=lambda alarm: (-alarm.priority, alarm.cycle))
        if first and first not in self._alarms:
            told.insert(0, Alarm(first, 0, f"alarm {first}, which docs/faults.md names", 0))
        return told

    @property
    def paused_for(self) -> str:
        """Why the treatment is paused; empty in other states."""
        if self.state != "paused":
            return ""
        if self.end_code == PAUSED_BY_HOST:
            return "the host asked for it"
        return self.fault["name"] if self.fault_known else f"fault {self.end_code}"

    @property
    def fault_known(self) -> bool:
        """True if `fault` has the words to the number in `end_code`."""
        return self.fault.get("fault") == str(self.end_code)

    def cell(self, name: str) -> int:
        """A figure of the newest row, by its column; 0 before the first, and before the names are known."""
        columns = self.names.get("columns")
        if not columns or not self._last_row:
            return 0
        at = columns.index(name)
        return int(self._last_row.split(b",", at + 1)[at])

    def begin_record(self) -> None:
        """The names are known: write the header and what came before."""
        self.recorder.columns(self.names["columns"] + self.names["probe_columns"], self.names["frame_columns"])
        for row in self._early_rows:
            self.recorder.row(row)
        self._early_rows.clear()
        self._recording = True

    def event(self, kind: str, text: str, **more: object) -> None:
        self.recorder.event(kind, round(self.time_s, 3), text, **more)

    def names_whole(self) -> bool:
        """True when the handshake is complete: identity and every word of every topic."""
        whole = [sum(map(len, parts.values())) == self._name_counts[topic] for topic, parts in self._name_parts.items()]
        if not self.identity or len(whole) < len(TOPICS) or not all(whole):
            return False
        for topic, parts in self._name_parts.items():
            self.names[topic] = [word for _, words in sorted(parts.items()) for word in words]
        return True

    def _row(self, payload: bytes) -> None:
        cycle_text, state, rest = payload.split(b",", 2)
        cycle = int(cycle_text)
        if cycle != self._last_cycle + 1 and not self._follows(cycle):
            return
        self._last_cycle = cycle
        self.rows += 1
        self._last_row = payload
        self._hash.update(payload)
        self._hash.update(b"\n")
        if state != self._state:
            self._enter(state, int(rest.split(b",", 3)[2]), cycle)
        if self._alarms and self.names and not self.cell("alarm"):
            self._alarms.clear()
            self.sound_paused = False
        if self._recording:
            self.recorder.row(payload)
        else:
            self._early_rows.append(payload)

    def _follows(self, cycle: int) -> bool:
        """A row out of turn counts, unless it is repeated: rows before it were lost, or the device has restarted."""
        missing = cycle - self._last_cycle - 1
        if missing > 0 and self._last_cycle >= 0:
            self.missing_rows += missing
            self.event("warning", f"{missing} rows lost before cycle {cycle}")
        if missing < -1:
            self._state_cycle = 0
            self._alarm_cycle.clear()
            if self.restarted_after_s is None:
                self.restarted_after_s = self.time_s
        return missing != -1

    def _line(self, kind: str, fields: list[str]) -> None:
        handler = self._handlers.get(kind)
        if handler:
            handler(fields)

    def _take_answer(self, fields: list[str]) -> None:
        number, accepted, problem = fields
        self._answers[int(number)] = problem
        if accepted != "1" and int(number) in self._asked:
            self.event("answer", f"refused: {problem}")

    def _take_identity(self, fields: list[str]) -> None:
        self.identity = dict(zip(_IDENTITY, fields, strict=True))

    def _take_names(self, fields: list[str]) -> None:
        topic, count, at = fields[0], int(fields[1]), int(fields[2])
        self._name_counts[topic] = count
        self._name_parts.setdefault(topic, {})[at] = fields[3:]

    def _take_state(self, fields: list[str]) -> None:
        cycle, state, end = map(int, fields)
        self._enter(b"%d" % state, end, cycle)

    def _enter(self, state: bytes, end: int, cycle: int) -> None:
        """A new state, told by its own line or, if that was lost, by a row; the line may come late."""
        states = self.names.get("states")
        if states and int(state) >= len(states):
            raise ValueError(f"state {int(state)}")
        if state != self._state and cycle >= self._state_cycle:
            self._state = state
            self._state_cycle = cycle
            self.end_code = end
            name = self.state or str(int(state))
            self.event("state", name, cycle=cycle, state=name, end=end)

    def _take_fault(self, fields: list[str]) -> None:
        fault: dict[str, str] = dict(zip(_FAULT, fields, strict=True))
        numbers = {key: int(fault[key]) for key in ("cycle", "fault", "where", "value", "limit")}
        self.fault = fault
        self.event("fault", fault_text(fault), **(fault | numbers))

    def _take_alarm(self, fields: list[str]) -> None:
        numbers, name = dict(zip(_ALARM, map(int, fields[:-1]), strict=True)), fields[-1]
        alarm = Alarm(numbers["alarm"], numbers["priority"], name, numbers["cycle"])
        on = bool(numbers["on"])
        what = f"{name} ({alarm.urgency})" if alarm.number else name
        self.event("alarm", f"{what} {'on' if on else 'off'}", **numbers, name=name)
        # A line that was sent again comes after what it was followed by.
        if alarm.cycle < self._alarm_cycle.get(alarm.number, 0):
            return
        self._alarm_cycle[alarm.number] = alarm.cycle
        if not alarm.number:
            self.sound_paused = on
        elif on:
            self._alarms[alarm.number] = alarm
        else:
            self._alarms.pop(alarm.number, None)

    def _take_frame(self, fields: list[str]) -> None:
        """What is believed at the end of a frame; the next one tells it anew, so one that comes early is let go."""
        if self._recording:
            if len(fields) != len(self.names["frame_columns"]):
                raise ValueError(f"{len(fields)} figures of a frame")
            self.last_frame = dict(zip(self.names["frame_columns"], map(int, fields), strict=True))
            self.recorder.frame(",".join(fields).encode())

    def _take_reason(self, fields: list[str]) -> None:
        """One of the things that stand against arming, by its number."""
        index, _, number, text = fields
        if int(index) == 0:
            self.reasons = {}
        self.reasons[int(number)] = text


_SCALE = {"mC": (1000, "°C", 1), "mW": (1000, "W", 2), "mJ": (1_000_000, "kJ", 3), "mV": (1000, "V", 2)}


def fault_text(fault: dict[str, str]) -> str:
    """A fault in one sentence: number, name, channel, value, limit, remedy."""
    where = f" (channel {fault['where']})" if int(fault["where"]) >= 0 else ""
    return f"fault {fault['fault']}: {fault['name']}{where}{_figures(fault)}; {fault['remedy']}"


def _figures(fault: dict[str, str]) -> str:
    unit, value, limit = fault["unit"], int(fault["value"]), int(fault["limit"])
    if not unit:
        return ""
    scale, shown, digits = _time_scale(limit) if unit == "ms" else _SCALE.get(unit, (1, unit, 0))
    return f": {value / scale:.{digits}f} {shown}, limit {limit / scale:.{digits}f} {shown}"


def _time_scale(limit_ms: int) -> tuple[int, str, int]:
    """The unit that suits a limit: from milliseconds for a late cycle to minutes for a dose of light."""
    if limit_ms < 1000:
        return 1, "ms", 0
    return (1000, "s", 1) if limit_ms < 60_000 else (60_000, "min", 1)
