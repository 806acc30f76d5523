"""What the device says: rows, states, names, answers and faults, checked and kept in the record."""

from __future__ import annotations

import hashlib

from imilt import link
from imilt.record import Recorder

CYCLE_S = 0.1
TOPICS = ("columns", "probe_columns", "states", "reasons")
_IDENTITY = ("protocol", "version", "board", "uid", "manifest")
_FAULT = ("cycle", "fault", "where", "value", "limit", "unit", "name", "remedy")


class Telemetry:
    """Listens to one device. Time is the device's own count of cycles; there is no clock here.

    `state` and `end_code` follow the rows, so that a lost line does not hide them; `rows` counts what was received.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.names: dict[str, list[str]] = {}
        self.identity: dict[str, str] = {}
        self.fault: dict[str, str] = {}
        self.end_code = 0
        self.rows = 0
        self.missing_rows = 0
        self.restarted_after_s: float | None = None
        self.link = link.Link(self._row, self._line)
        self._answers: dict[int, str] = {}
        self._hash = hashlib.sha256()
        self._early_rows: list[bytes] = []
        self._recording = False
        self._last_cycle = -1
        self._last_row = b""
        self._state = b"0"
        self._name_parts: dict[str, dict[int, list[str]]] = {}
        self._name_counts: dict[str, int] = {}
        self._handlers = {
            "A": self._take_answer,
            "H": self._take_identity,
            "N": self._take_names,
            "S": self._take_state,
            "F": self._take_fault,
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

    def begin_record(self) -> None:
        """The names are known: write the header and what came before."""
        self.recorder.columns(self.names["columns"] + self.names["probe_columns"])
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
        if missing < -1 and self.restarted_after_s is None:
            self.restarted_after_s = self.time_s
        return missing != -1

    def _line(self, kind: str, fields: list[str]) -> None:
        handler = self._handlers.get(kind)
        if handler:
            handler(fields)

    def _take_answer(self, fields: list[str]) -> None:
        number, accepted, problem = fields
        self._answers[int(number)] = problem
        if accepted != "1":
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
        """A new state, told by its own line or, if that was lost, by a row."""
        states = self.names.get("states")
        if states and int(state) >= len(states):
            raise ValueError(f"state {int(state)}")
        if state != self._state:
            self._state = state
            self.end_code = end
            name = self.state or str(int(state))
            self.event("state", name, cycle=cycle, state=name, end=end)

    def _take_fault(self, fields: list[str]) -> None:
        fault: dict[str, str] = dict(zip(_FAULT, fields, strict=True))
        numbers = {key: int(fault[key]) for key in ("cycle", "fault", "where", "value", "limit")}
        self.fault = fault
        self.event("fault", fault_text(fault), **(fault | numbers))


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
