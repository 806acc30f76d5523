"""The world around the virtual board: tissue, light, leads and contacts, on a grid of points 20 ms apart.

Everything here changes only at grid points, whose origin lies 5 ms before the first conversion command, and the
board's outputs are sampled there and held. A board that finishes its cycle inside its 20 ms therefore sees and does
the same, however long it took to boot and whichever machine runs it.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Protocol

from imilt.plan import Plan
from imilt_sim.laser_driver import MONOSTABLE_MS, PHOTODIODE_NOISE_COUNTS, Diode, photodiode_u16, supply_u16
from imilt_sim.noise import KeyedNoise
from imilt_sim.tissue.plant import GRID_MS, Plant

ORIGIN_BEFORE_FIRST_CONVERSION_MS = 5
EMERGENCY_STOP, KEY, REMOTE, FIBRE, COVER, FOOTSWITCH, READY_BUTTON, SILENCE, SERVICE = (1 << i for i in range(9))
CHAIN = EMERGENCY_STOP | KEY | REMOTE | FIBRE | COVER
AIMING_BEAM, EMISSION_INDICATOR, ALARM_RED, ALARM_YELLOW, BUZZER = (1 << i for i in range(5))
CHANNELS = 4
OPEN, OVER_UNDER_VOLTAGE = 1, 2
"""What a converter's inputs can show besides a voltage, as bits of its fault status register."""
AMBIENT_C = 24.0
"""Temperature at the connectors, where the cold junctions are."""
SUPPLY_MV = 5000
_Q12 = 4096
_PHOTODIODE_STREAM = 100
_GRID_PER_S = 1000 // GRID_MS
_GRID_PER_CYCLE = 100 // GRID_MS


class BoardPort(Protocol):
    """What the world sees of a board, in whatever process it runs; `standins.vboard.Board` says what each means."""

    now_ms: int
    target_ms: int
    started: int
    conversion_ms: list[int]
    tx: bytearray
    inputs: int
    adc_u16: int
    supply_u16: int
    done: int
    absent: int
    hot_q12: list[int]
    cold_q12: list[int]
    input_faults: list[int]
    rx: bytearray
    rx_at: int
    pwm_cc: int
    pwm_top: int
    edge_ms: int
    outputs: int
    cut_ms: int
    hang: int


class Lead:
    """One probe's way to its converter: what the fault vocabulary acts on."""

    def __init__(self) -> None:
        self.input_faults = 0
        self.offset_c = 0.0
        self._drift = 0.0, 0.0, 0.0  # °C by when, s, and °C/h since
        self.shorted = False
        self.stalled = False
        self.stuck = False
        self.glitches = 0
        self.flipped_bits = 0
        self.conversions = 0

    def drift(self, c_per_h: float, from_s: float) -> None:
        """Read wrong by more and more from this time on; what has come about stays."""
        self._drift = self.drifted_c(from_s), from_s, c_per_h

    def drifted_c(self, time_s: float) -> float:
        """What the drift has come to."""
        so_far_c, from_s, c_per_h = self._drift
        return so_far_c + c_per_h * (time_s - from_s) / 3600


class _Batch:
    """Conversions that run together, from grid point `start` to `end`."""

    def __init__(self, probes: list[int], start: int, end: int) -> None:
        self.probes = probes
        self.start = start
        self.end = end
        self.integral_c_s: list[float] = []

    def forget(self, probe: int) -> None:
        """The converter was started anew: its earlier conversion never ends."""
        if probe in self.probes:
            self.probes.remove(probe)


class World:
    """Advances with the board that calls `exchange`; the host's end of the serial line is `console`."""

    def __init__(
        self,
        plan: Plan,
        plant: Plant,
        seed: int,
        console: Callable[[bytes, float], bytes],
        on_second: Callable[[World], None],
    ) -> None:
        self.plant = plant
        self.diode = Diode()
        self.contacts = CHAIN & ~KEY
        self.outputs = 0  # as the board has them
        self.absent = 0
        self.ambient_c = AMBIENT_C
        self.supply_mv = SUPPLY_MV
        self.enable_stuck = False  # open: neither the monostable nor the chain darkens
        self.photodiode_gain = 1.0
        self.passes = 1.0  # of the light behind the photodiode, what leaves the fibre
        self.read_as = list(range(CHANNELS))  # by converter: the probe that is plugged in there
        self.leads = [Lead() for _ in range(CHANNELS)]
        for lead in self.leads[len(plan.probes) :]:
            lead.input_faults = OPEN  # nothing is plugged in there
        self._drift_c_per_h = plan.probe_model.drift_c_per_h
        for lead in self.leads[: len(plan.probes)]:
            lead.drift(self._drift_c_per_h, 0.0)
        self.interrupted = False  # an action changed what the board must see at once
        self._console = console
        self._on_second = on_second
        self._probe_noise = [KeyedNoise(seed, i, plan.probe_model.noise_c * _Q12) for i in range(CHANNELS)]
        self._photodiode_noise = KeyedNoise(seed, _PHOTODIODE_STREAM, PHOTODIODE_NOISE_COUNTS)
        self._origin_ms: int | None = None
        self.grid = 0
        self.power_w = 0.0  # as sampled at the last grid point
        self._actions: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._next_action = 1 << 60
        self._energy_j = 0.0
        self._batches: list[_Batch] = []
        self._cut_ms = 0
        self._hang = False
        self._withheld: bytes | None = None
        self._host_heard = 0  # the grid point from which on it is

    @property
    def time_s(self) -> float:
        """Simulated time since the grid's origin, s."""
        return self.grid * GRID_MS / 1000

    @property
    def begun(self) -> bool:
        """The board has begun its first conversion, and with it the grid."""
        return self._origin_ms is not None

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Run `action` at the first grid point not before `time_s`, and never before the next one."""
        # A time that means a grid point may lie a rounding error after it.
        point = max(self.grid + 1, math.ceil(time_s * _GRID_PER_S - 1e-6))
        heapq.heappush(self._actions, (point, next(self._order), action))
        self._next_action = self._actions[0][0]

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        self.at(self.time_s + delay_s, action)

    def soon(self, action: Callable[[World], None]) -> None:
        """Run `action` at the next grid point; at once as long as there is no grid."""
        if self.begun:
            self.after(0.0, lambda: action(self))
        else:
            action(self)

    def close(self, contacts: int) -> None:
        """Close these contacts: key turned on, button pressed, door shut."""
        self.contacts |= contacts
        self.interrupted = True

    def open(self, contacts: int) -> None:
        """Open these contacts; those of the chain darken the laser in hardware at once."""
        self.contacts &= ~contacts
        self.interrupted = True

    def press(self, contacts: int, for_s: float) -> None:
        """Close these contacts for a while."""
        self.close(contacts)
        self.after(for_s, lambda: self.open(contacts))

    def bounce(self, contacts: int, *pauses_s: float) -> None:
        """Change these contacts over now, and again after each of these pauses: an even number of them leaves them
        changed."""
        self.contacts ^= contacts
        self.interrupted = True
        if pauses_s:
            self.after(pauses_s[0], lambda: self.bounce(contacts, *pauses_s[1:]))

    def mend(self, probe: int) -> None:
        """A new probe in the old one's place, with its converter: where it sits is as before."""
        self.leads[probe] = lead = Lead()
        lead.drift(self._drift_c_per_h, self.time_s)
        self.absent &= ~(1 << probe)

    def cut_power(self, for_s: float) -> None:
        """Take the board's power away for so long, and the converters' with it; the laser has its own."""
        self._cut_ms = round(for_s * 1000)
        self.interrupted = True

    def hang(self) -> None:
        """Let the firmware go no further than where it sleeps now: only interrupts and its watchdog still come."""
        self._hang = True
        self.interrupted = True

    def silence_host(self, for_s: float) -> None:
        """Hold back what the host sends for so long; then it comes all at once."""
        self._withheld = self._withheld or b""
        cycles = -(-(self.grid + round(for_s * _GRID_PER_S)) // _GRID_PER_CYCLE)
        self._host_heard = cycles * _GRID_PER_CYCLE  # the board listens once a cycle

    @property
    def supply_mv(self) -> float:
        """The supply's voltage, of which the board sees a third."""
        return self._supply_mv

    @supply_mv.setter
    def supply_mv(self, millivolts: float) -> None:
        self._supply_mv = millivolts
        self._supply_u16 = supply_u16(millivolts)

    def mean_power_w(self) -> float:
        """Mean optical power since the last call a second ago, W."""
        energy, self._energy_j = self._energy_j, 0.0
        return energy

    def exchange(self, board: BoardPort) -> None:
        """Take the board's outputs, move time towards its target and give it its inputs."""
        answer = self._console(bytes(board.tx), self.time_s)
        board.tx = bytearray()
        self.outputs = board.outputs
        if self._withheld is not None:
            answer = self._withhold(answer)
        if answer:
            self._give(board, answer)
        if self._origin_ms is None:
            if not board.started:
                board.now_ms = board.target_ms
                if self.interrupted:
                    self._strike(board)
                self._give_inputs(board)
                return
            self._origin_ms = board.now_ms - ORIGIN_BEFORE_FIRST_CONVERSION_MS
        if board.started:
            self._start(board)
        self._advance(board, self._origin_ms)
        self._give_inputs(board)

    def _give_inputs(self, board: BoardPort) -> None:
        board.inputs = self.contacts
        board.supply_u16 = self._supply_u16
        board.absent = self.absent

    def _withhold(self, answer: bytes) -> bytes:
        assert self._withheld is not None
        kept = self._withheld + answer
        silent = self.grid < self._host_heard
        self._withheld = kept if silent else None
        return b"" if silent else kept

    @staticmethod
    def _give(board: BoardPort, line: bytes) -> None:
        """Append what the host sent; what the board has read is dropped."""
        board.rx = board.rx[board.rx_at :] + line
        board.rx_at = 0

    def _start(self, board: BoardPort) -> None:
        """Conversions began: they see the junctions from the next grid point on."""
        by_time: dict[int, list[int]] = {}
        for i, lead in enumerate(self.leads):
            if board.started >> i & 1:
                for batch in self._batches:
                    batch.forget(i)
                lead.conversions += 1
                by_time.setdefault(board.conversion_ms[i], []).append(i)
        for lasts_ms, probes in by_time.items():
            end = self.grid - (-(lasts_ms + ORIGIN_BEFORE_FIRST_CONVERSION_MS) // GRID_MS)
            self._batches.append(_Batch(probes, self.grid + 1, end))

    def _advance(self, board: BoardPort, origin_ms: int) -> None:
        last = (board.target_ms - origin_ms) // GRID_MS
        # What the board has done since shows at the next grid point; later ones follow from the stops.
        changed = self._light_w(board, origin_ms + (self.grid + 1) * GRID_MS) != self.power_w
        while self.grid < last:
            stop = self.grid + 1 if changed else self._next_stop(board, origin_ms, last)
            changed = False
            self._step(stop - self.grid)
            self._at_grid_point(board)
            interrupted = self.interrupted
            if interrupted:
                self._strike(board)
            self.power_w = self._light_w(board, origin_ms + self.grid * GRID_MS)
            if interrupted:
                board.now_ms = max(board.now_ms, origin_ms + self.grid * GRID_MS)
                board.adc_u16 = self._photodiode_u16(self.power_w)
                return
        board.adc_u16 = self._photodiode_u16(self.power_w)
        board.now_ms = board.target_ms

    def _strike(self, board: BoardPort) -> None:
        """An action changed something that the board must see, or feel, at once."""
        self.interrupted = False
        if self._cut_ms:
            board.cut_ms, self._cut_ms = self._cut_ms, 0
            board.pwm_cc = board.outputs = self.outputs = 0
        if self._hang:
            board.hang, self._hang = 1, False

    def _light_w(self, board: BoardPort, board_ms: int) -> float:
        """Optical power from the outputs as they are: the chain closed and the monostable still open at that time."""
        shut = board_ms - board.edge_ms >= MONOSTABLE_MS or self.contacts & CHAIN != CHAIN
        if shut and not self.enable_stuck:
            return 0.0
        return self.diode.power_w(board.pwm_cc, board.pwm_top)

    def _photodiode_u16(self, power_w: float) -> int:
        return photodiode_u16(power_w * self.photodiode_gain, self._photodiode_noise[self.grid])

    def _next_stop(self, board: BoardPort, origin_ms: int, last: int) -> int:
        """The next grid point at which something can change."""
        if self.power_w and not self.enable_stuck:
            last = min(last, -(-(board.edge_ms + MONOSTABLE_MS - origin_ms) // GRID_MS))
        if self._next_action < last:
            last = self._next_action
        for batch in self._batches:
            change = batch.start if self.grid < batch.start else batch.end
            if change < last:
                last = change
        return last

    def _step(self, count: int) -> None:
        """Advance tissue and probes; whole seconds are told."""
        while count:
            to_second = _GRID_PER_S - self.grid % _GRID_PER_S
            part = count if count < to_second else to_second
            self.plant.advance(part, self.power_w * self.passes)
            self._energy_j += self.power_w * part * GRID_MS / 1000
            self.grid += part
            count -= part
            if part == to_second:
                self._on_second(self)

    def _at_grid_point(self, board: BoardPort) -> None:
        while self._next_action <= self.grid:
            heapq.heappop(self._actions)[2]()
            self._next_action = self._actions[0][0] if self._actions else 1 << 60
        for batch in self._batches:
            if self.grid == batch.start:
                batch.integral_c_s = self.plant.junction_integral_c_s.tolist()
            elif self.grid == batch.end:
                self._finish(board, batch)
        if self._batches and self._batches[0].end <= self.grid:
            self._batches = [batch for batch in self._batches if batch.end > self.grid]

    def _finish(self, board: BoardPort, batch: _Batch) -> None:
        """Conversions end: each result is its junction's mean over the time between."""
        seconds = (batch.end - batch.start) * GRID_MS / 1000
        sums_c_s = zip(self.plant.junction_integral_c_s.tolist(), batch.integral_c_s, strict=True)
        means_c = [(end - start) / seconds for end, start in sums_c_s]
        means_c += [self.ambient_c] * (CHANNELS - len(means_c))
        cold_q12 = round(self.ambient_c * _Q12)
        for i in batch.probes:
            lead = self.leads[i]
            if lead.stalled:
                continue
            board.done |= 1 << i
            if lead.stuck:
                continue  # what the board was given last stands
            board.hot_q12[i] = self._hot_q12(i, lead, means_c[self.read_as[i]])
            board.cold_q12[i] = cold_q12
            board.input_faults[i] = lead.input_faults
            if lead.glitches:
                lead.glitches -= 1
                board.input_faults[i] |= OPEN

    def _hot_q12(self, i: int, lead: Lead, mean_c: float) -> int:
        """What the converter's input shows, 1/4096 °C, with noise and whatever the lead does to it."""
        hot_c = self.ambient_c if lead.shorted else mean_c
        wrong_c = lead.offset_c + lead.drifted_c(self.time_s)
        return (round((hot_c + wrong_c) * _Q12) + self._probe_noise[i][lead.conversions]) ^ lead.flipped_bits
