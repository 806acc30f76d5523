"""One simulated treatment: firmware on a level, tissue, operator and host, tied together in simulated time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imilt.errors import RunError
from imilt.firmware import firmware_dir, firmware_sha256
from imilt.plan import LoadedPlan, Plan
from imilt.record import Recorder
from imilt.summary import write_summary
from imilt.treat import Treatment
from imilt_sim import levels
from imilt_sim.faults import MAX_RUN_S, Fault
from imilt_sim.operator import Operator
from imilt_sim.tissue.interface import TissueError
from imilt_sim.tissue.plant import Plant, patient
from imilt_sim.world import World

ROWS_PER_FLUSH = 600
"""A minute of treatment: a simulated one takes well under a second for that."""


SILENT_EXCHANGES = 200
"""A device that runs sends a row every cycle; this one boots for ever."""


@dataclass(frozen=True)
class Setup:
    """What is to be simulated."""

    plan: LoadedPlan
    level: str = "cpython"
    seed: int = 1
    faults: Sequence[Fault] = ()
    firmware: Path | None = None
    flash: Path | None = None
    """Where the device keeps its files; without one, in a folder that is removed after the run."""
    mpy: bool = False


class Simulation:
    """Builds everything for one run; `run` returns the summary."""

    world_type = World

    def __init__(self, setup: Setup, folder: Path, on_frame: Callable[[Treatment, bytes], None] | None = None) -> None:
        started = time.perf_counter()
        self._setup = setup
        plan = setup.plan.plan
        self._firmware = setup.firmware or firmware_dir()
        self.firmware_sha256 = firmware_sha256(self._firmware, mpy=levels.runs_mpy(setup.level, setup.mpy))
        self.plant = patient(plan)
        self.plant.advance(0, 0.0)  # compiles, or loads what was compiled, outside the timed loop
        self.recorder = Recorder(folder, setup.plan.source, ROWS_PER_FLUSH)
        self.treatment = Treatment(plan, self.recorder, self._prompt, on_frame, lambda board: (self.firmware_sha256,))
        self.truth = Truth(plan, self.recorder)
        self.world = self.world_type(plan, self.plant, setup.seed, self._console, self._second)
        self._operator = Operator(self.world)
        self._device = levels.device(setup.level, self.world.exchange, self._firmware, setup.flash, mpy=setup.mpy)
        for fault in setup.faults:
            self.world.at(fault.time_s, lambda fault=fault: self._strike(fault))
        self.startup_s = time.perf_counter() - started
        self._interrupted = False
        self._silent = 0
        self._struck: list[Fault] = []

    def run(self) -> dict[str, Any]:
        """Run to the end and write the summary. Raises RunError if the record cannot be kept."""
        started = time.perf_counter()
        with self.recorder:
            try:
                self._device.run()
            except TissueError as error:
                raise RunError(f"the simulated tissue: {error}") from error
            finally:
                self.recorder.flush()
            wall_s = time.perf_counter() - started
            self.truth.write(self.plant)
            return write_summary(self.recorder, self.treatment, self._facts(wall_s))

    def interrupt(self) -> None:
        """End at the next cycle; safe in a signal handler."""
        self._interrupted = True

    def _facts(self, wall_s: float) -> dict[str, Any]:
        setup, volumes = self._setup, self.plant.volumes_mm3()
        return {
            "level": setup.level,
            "seed": setup.seed,
            "faults": [fault.text for fault in setup.faults],
            "faults_not_reached": [fault.text for fault in setup.faults if fault not in self._struck],
            "plan_name": setup.plan.plan.name,
            "plan_sha256": setup.plan.sha256,
            "firmware_sha256": self.firmware_sha256,
            "tissue_max_c": self.plant.tissue_max_c,
            "ablated_volume_mm3": volumes["ablated"],
            "cem43_240_volume_mm3": volumes["cem43_240"],
            "walls": self.plant.walls(),
            "started": None,
            "startup_s": self.startup_s,
            "wall_s": wall_s,
            "realtime_factor": self.treatment.time_s / wall_s,
        }

    def _console(self, data: bytes, time_s: float) -> bytes:
        """The host's end of the line; ends the simulation when the treatment is over."""
        rows = self.treatment.rows
        answer = self.treatment.receive(data) if data else b""
        # A board that is left at its prompt echoes what it is sent: only rows count.
        self._silent = 0 if self.treatment.rows > rows else self._silent + 1
        if self._silent > SILENT_EXCHANGES and not self.treatment.done:
            self.treatment.abandon(f"the device fell silent after {self.treatment.time_s:.1f} s")
        if self._interrupted and not self.treatment.done:
            self.treatment.abandon("interrupted by the user")
        if self.treatment.done or time_s > MAX_RUN_S:
            self._device.power_off()
        return answer

    def _prompt(self, what: str) -> None:
        self._operator.prompt(what)

    def _strike(self, fault: Fault) -> None:
        fault.apply(self.world)
        self._struck.append(fault)
        self.recorder.event("operator", round(self.world.time_s, 3), f"fault injected: {fault.text}")

    def _second(self, world: World) -> None:
        power_w = world.mean_power_w()
        self.truth.sample(world, power_w)
        emitting = self.treatment.state in ("heating", "holding")
        if not emitting and self.truth.was_emitting:
            self.truth.keep_field(self.plant)
        self.truth.was_emitting = emitting


class Truth:
    """What is true in the tissue, second by second, for the report to set beside what the firmware believed."""

    def __init__(self, plan: Plan, recorder: Recorder) -> None:
        n = len(plan.probes)
        self._recorder = recorder
        self._rows: list[list[float]] = []
        self._field: dict[str, np.ndarray] = {}
        self.was_emitting = False
        names = [("site{}_c", n), ("junction{}_c", n), ("cem43_site{}_min", n)]
        columns = [pattern.format(i) for pattern, count in names for i in range(count)]
        self._header = ",".join(["time_s", "power_w", "tissue_max_c", *columns])

    def sample(self, world: World, power_w: float) -> None:
        plant = world.plant
        self._rows.append(
            [
                world.time_s,
                power_w,
                plant.tissue_max_c,
                *plant.site_c.tolist(),
                *plant.junction_c.tolist(),
                *plant.cem43_site_min.tolist(),
            ]
        )

    def keep_field(self, plant: Plant) -> None:
        """The temperature field as the light ends; the rest of the field is kept at the end of the run."""
        self._field["temperature_c"] = plant.field()["temperature_c"]

    def write(self, plant: Plant) -> None:
        """Write `truth.csv` and `tissue.npz`."""
        lines = [self._header] + [",".join(f"{value:.4f}" for value in row) for row in self._rows]
        self._recorder.write_file("truth.csv", ("\n".join(lines) + "\n").encode())
        packed = io.BytesIO()
        np.savez_compressed(packed, **{**plant.field(), **self._field})
        self._recorder.write_file("tissue.npz", packed.getvalue())
