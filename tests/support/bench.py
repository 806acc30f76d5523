"""The whole application on a board of stubs, with the real host's end of the link: turned cycle by cycle."""

from __future__ import annotations

from typing import Any

from imilt.link import Link
from support import stubs
from support.firmware import Firmware, shared

PLAN = {
    "set_point_mc": 46000,
    "tolerance_mc": 1000,
    "lowest_mc": 30000,
    "hold_ms": 60000,
    "emission_ms": 3600000,
    "energy_mj": 12000000,
    "cap_mw": 3000,
    "kp_mw_per_c": 350,
    "ti_ms": 110000,
    "feed_forward_mw": 1500,
    "probe0_role": 1,
    "probe0_type": 1,
    "probe0_limit_mc": 60000,
    "probe1_role": 2,
    "probe1_type": 1,
    "probe1_limit_mc": 95000,
    "probe2_role": 3,
    "probe2_type": 1,
    "probe2_limit_mc": 43000,
    "probe3_role": 4,
    "probe3_type": 0,
    "probe3_limit_mc": 60000,
}


class Bench:
    """`cycle` turns it; `rows`, `answers`, `states` and `faults` are what the host received."""

    def __init__(self, firmware: Firmware | None = None) -> None:
        self.firmware = firmware or shared()
        self.board = stubs.Board(self.firmware)
        self.app = self.firmware.load("app").App(self.board, "bench")
        self.treatment = self.firmware.load("treatment")
        self.host = Link(self._row, self._line)
        self.host_listens = True
        self.rows: list[dict[str, int]] = []
        self.answers: dict[int, tuple[bool, str]] = {}
        self.states: list[list[str]] = []
        self.faults: list[list[str]] = []

    @property
    def state(self) -> str:
        return self.treatment.STATES[self.app.treatment.state]

    @property
    def duty(self) -> int:
        return self.board.pwm.duty

    def cycle(self, count: int = 1) -> None:
        for _ in range(count):
            if self.host_listens:
                self.board.serial.rx += self.host.to_send()
            self.app.cycle()
            self.follow_light()
            if self.host_listens:
                self.host.receive(self.board.serial.take())

    def follow_light(self) -> None:
        """The photodiode sees what is commanded, as with a sound laser."""
        self.board.deliver_mw(self.app.allowed_mw if self.duty else 0)

    def to_phase(self, phase: int) -> None:
        """Cycle until the next cycle has `phase` in its frame."""
        while self.app.count % 10 != phase:
            self.cycle()

    def command(self, name: str, text: str = "") -> tuple[bool, str]:
        """Send one command, turn a cycle or a few, and return the answer."""
        sequence = self.host.send(name, text)
        for _ in range(30):
            self.cycle()
            if sequence in self.answers:
                return self.answers[sequence]
        raise AssertionError(f"no answer to {name}")

    def upload(self, **changes: int) -> None:
        fields = PLAN | changes
        self.command("plan", "begin")
        items = [f"{name}={value}" for name, value in fields.items()]
        for i in range(0, len(items), 6):
            assert self.command("plan", "put," + ",".join(items[i : i + 6])) == (True, "")
        assert self.command("plan", "commit") == (True, "")

    def temperatures(self, *celsius: float) -> None:
        for chip, c in zip(self.board.chips, celsius, strict=False):
            chip.tc_mc = round(c * 1000)

    def to_standby_with_plan(self, **changes: int) -> None:
        """A plan is taken and every probe has been read in the dark."""
        self.upload(**changes)
        self.to_phase(1)
        self.cycle(10)

    def to_ready(self, **changes: int) -> None:
        self.to_standby_with_plan(**changes)
        assert self.command("arm") == (True, "")
        self.press("ready")
        assert self.state == "ready"

    def to_heating(self, **changes: int) -> None:
        """Heating and lit: the first frame's power is out."""
        self.to_ready(**changes)
        self.resume()

    def to_holding(self, **changes: int) -> None:
        self.to_heating(**changes)
        self.temperatures(45.5)
        self.cycle(20)
        assert self.state == "holding"
        assert self.duty > 0

    def resume(self) -> None:
        """From ready or paused to heating."""
        assert self.command("start") == (True, "")
        self.board.close("footswitch")
        self.cycle()
        assert self.state == "heating"
        self.to_phase(0)
        self.cycle()
        assert self.duty > 0

    def press(self, name: str) -> None:
        """Press a button for one cycle."""
        self.board.close(name)
        self.cycle()
        self.board.open(name)

    def turn_key(self) -> None:
        """Off for a cycle, and on again."""
        self.board.open("key")
        self.cycle()
        self.board.close("key")
        self.cycle()

    def _row(self, payload: bytes) -> None:
        values = [int(text) for text in payload.split(b",")]
        names = self.app.COLUMNS + self.app.PROBE_COLUMNS if len(values) > len(self.app.COLUMNS) else self.app.COLUMNS
        self.rows.append(dict(zip(names, values, strict=True)))

    def _line(self, kind: str, fields: list[str]) -> None:
        if kind == "A":
            self.answers[int(fields[0])] = (fields[1] == "1", fields[2])
        elif kind == "S":
            self.states.append(fields)
        elif kind == "F":
            self.faults.append(fields)

    def fault(self) -> dict[str, Any]:
        """The latched fault as the application has it."""
        safety = self.app.safety
        return {"fault": safety.fault, "where": safety.where, "value": safety.value, "limit": safety.limit}


def in_state(state: str) -> Bench:
    """A bench that has been brought to `state` by commands, hands and temperatures."""
    bench = Bench()
    ways = {
        "standby": bench.to_standby_with_plan,
        "ready": bench.to_ready,
        "heating": bench.to_heating,
        "holding": bench.to_holding,
        "cooling": lambda: _to_cooling(bench),
        "complete": lambda: _to_complete(bench),
        "paused": lambda: _to_paused(bench),
        "fault": lambda: _to_fault(bench),
    }
    ways[state]()
    assert bench.state == state
    return bench


def _to_cooling(bench: Bench) -> None:
    bench.to_holding()
    bench.command("stop")


def _to_complete(bench: Bench) -> None:
    _to_cooling(bench)
    bench.temperatures(37)
    bench.cycle(20)


def _to_paused(bench: Bench) -> None:
    bench.to_heating()
    bench.board.open("footswitch")
    bench.cycle()


def _to_fault(bench: Bench) -> None:
    bench.to_heating()
    bench.board.open("emergency stop", "footswitch")
    bench.cycle()
    bench.board.close("emergency stop")
