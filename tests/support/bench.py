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
    "fibre": 1,
    "lease_ms": 3000,
    "lease_stops": 0,
    "confirm_ms": 300000,
    "corrected": 0,
    "identified": 0,
    "stem_permille": 0,
    "share0_q10": 1024,
    **{f"share{i}_q10": 0 for i in range(1, 8)},
    "probe0_role": 1,
    "probe0_type": 7,
    "probe0_limit_mc": 60000,
    "probe1_role": 2,
    "probe1_type": 7,
    "probe1_limit_mc": 95000,
    "probe2_role": 3,
    "probe2_type": 7,
    "probe2_limit_mc": 43000,
    "probe3_role": 4,
    "probe3_type": 3,
    "probe3_limit_mc": 60000,
}


class Bench:
    """`cycle` turns it; `rows`, `answers`, `states`, `faults`, `alarms` and `reasons` are what the host received.

    The host says hello and sends a heartbeat ten times a second while it listens. `restart` gives the same device after
    a reset or a loss of power.
    """

    def __init__(
        self,
        firmware: Firmware | None = None,
        board: stubs.Board | None = None,
        store: stubs.Store | None = None,
        problem: str = "",
        service: bool = False,
    ) -> None:
        self.firmware = firmware or shared()
        self.board = board or stubs.Board(self.firmware)
        self.store = store or stubs.Store(self.firmware)
        self.app = self.firmware.load("app").App(self.board, "bench", service, (self.store, "0" * 64, problem, ""))
        self.treatment = self.firmware.load("treatment")
        self.report = self.firmware.load("report")
        self.host = Link(self._row, self._line)
        self.host_listens = True
        self.rows: list[dict[str, int]] = []
        self.answers: dict[int, tuple[bool, str]] = {}
        self.states: list[list[str]] = []
        self.faults: list[list[str]] = []
        self.alarms: list[list[str]] = []
        self.reasons: list[list[str]] = []
        self.journal: list[list[str]] = []
        self.shown: list[list[str]] = []
        self.lines: list[tuple[str, list[str]]] = []
        self.beats = True
        self.host.send("hello", "2")

    @property
    def state(self) -> str:
        return self.treatment.STATES[self.app.treatment.state]

    def restart(self, power_lost: bool = False, problem: str = "", service: bool = False) -> Bench:
        """The same device after a reset, or after power was lost; nothing has been turned yet."""
        board = stubs.Board(self.firmware, self.board, power_lost)
        return Bench(self.firmware, board, self.store.loaded_again(), problem, service)

    @property
    def duty(self) -> int:
        return self.board.pwm.duty

    def cycle(self, count: int = 1) -> None:
        for _ in range(count):
            if self.host_listens:
                if self.beats and self.host.can_sign:
                    self.host.send_signed("beat", self.app.count)
                self.board.serial.rx += self.host.to_send()
            self.app.cycle()
            self.follow_light()
            if self.host_listens:
                self.host.receive(self.board.serial.take())

    def follow_light(self) -> None:
        """The photodiode sees what the laser emits, and what leaks."""
        light = self.board.light
        light.turn()
        self.board.deliver_mw(light.mw + light.leak_mw)

    def to_phase(self, phase: int) -> None:
        """Cycle until the next cycle has `phase` in its frame."""
        while self.app.count % 10 != phase:
            self.cycle()

    def command(self, name: str, text: str = "") -> tuple[bool, str]:
        """Send one command, turn a cycle or a few, and return the answer."""
        if name in ("hello", "pause", "stop"):
            sequence = self.host.send(name, text)
        else:
            while not self.host.can_sign:
                self.cycle()
            sequence = self.host.send_signed(name, self.app.count, text)
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
        """A plan is taken, the key was turned and every probe has been read in the dark."""
        self.turn_key()
        self.upload(**changes)
        self.to_phase(1)
        self.cycle(10)

    def to_ready(self, **changes: int) -> None:
        self.to_standby_with_plan(**changes)
        assert self.command("arm") == (True, "")
        self.press("ready")
        assert self.state == "self-test"
        self.cycle(14)
        assert self.state == "ready"

    def to_heating(self, **changes: int) -> None:
        """Heating and lit: the first frame's power is out."""
        self.to_ready(**changes)
        self.resume()

    def to_holding(self, **changes: int) -> None:
        self.to_heating(**changes)
        self.temperatures(41.5)
        self.cycle(10)
        self.temperatures(45.5)
        self.cycle(20)
        assert self.state == "holding"
        assert self.duty > 0

    def resume(self) -> None:
        """From ready or paused to heating, and on until there is light."""
        self.board.open("footswitch")
        self.cycle()
        assert self.command("start") == (True, "")
        self.board.close("footswitch")
        self.cycle(2)
        assert self.state == "heating"
        self.cycle(30)
        self.to_phase(0)
        self.cycle()
        assert self.duty > 0

    def press(self, name: str) -> None:
        """Press a button for as long as it takes to be debounced."""
        self.board.close(name)
        self.cycle(2)
        self.board.open(name)

    def turn_key(self) -> None:
        """Off for long enough to be no bounce, and on again."""
        self.board.open("key")
        self.cycle(4)
        self.board.close("key")
        self.cycle(2)

    def line_lengths(self) -> list[int]:
        """Lengths of all lines that the device sends from now on, as they come."""
        lengths: list[int] = []
        receive = self.host.receive

        def measure(data: bytes) -> None:
            lengths.extend(len(line) + 1 for line in (bytes(self.host._rest) + data).split(b"\n")[:-1])
            receive(data)

        self.host.receive = measure  # type: ignore[method-assign]
        return lengths

    def _row(self, payload: bytes) -> None:
        values = [int(text) for text in payload.split(b",")]
        columns = self.report.COLUMNS
        names = columns + self.report.PROBE_COLUMNS if len(values) > len(columns) else columns
        self.rows.append(dict(zip(names, values, strict=True)))

    def _line(self, kind: str, fields: list[str]) -> None:
        if kind == "A":
            self.answers[int(fields[0])] = (fields[1] == "1", fields[2])
        kept = {"S": self.states, "F": self.faults, "L": self.alarms, "W": self.reasons} | {
            "J": self.journal,
            "V": self.shown,
        }
        if kind in kept:
            kept[kind].append(fields)
        self.lines.append((kind, fields))

    def fault(self) -> dict[str, Any]:
        """The latched fault as the application has it."""
        safety = self.app.safety
        return {"fault": safety.fault, "where": safety.where, "value": safety.value, "limit": safety.limit}


def in_state(state: str) -> Bench:
    """A bench that has been brought to `state` by commands, hands and temperatures."""
    bench = Bench(service=state == "service")
    ways = {
        "standby": bench.to_standby_with_plan,
        "ready": bench.to_ready,
        "heating": bench.to_heating,
        "holding": bench.to_holding,
        "cooling": lambda: _to_cooling(bench),
        "complete": lambda: _to_complete(bench),
        "paused": lambda: _to_paused(bench),
        "fault": lambda: _to_fault(bench),
        "self-test": lambda: _to_self_test(bench),
        "service": lambda: None,
    }
    ways[state]()
    assert bench.state == state
    return bench


def _to_cooling(bench: Bench) -> None:
    bench.to_holding()
    bench.command("stop")


def _to_complete(bench: Bench) -> None:
    _to_cooling(bench)
    for control_c in (45.5, 41.5, 37):
        bench.temperatures(control_c)
        bench.cycle(10)


def _to_paused(bench: Bench) -> None:
    bench.to_heating()
    bench.board.open("footswitch")
    bench.cycle()


def _to_fault(bench: Bench) -> None:
    bench.to_heating()
    bench.board.open("emergency stop", "footswitch")
    bench.cycle()
    bench.board.close("emergency stop")


def _to_self_test(bench: Bench) -> None:
    bench.to_standby_with_plan()
    bench.command("arm")
    bench.press("ready")
