"""A treatment on the emulated board that is driven step by step, so that it can be looked at and disturbed anywhere."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from imilt.plan import find_plan
from imilt_sim.conformance import plan_text
from imilt_sim.laser_driver import MONOSTABLE_MS
from imilt_sim.levels.rp2040 import Device
from imilt_sim.pico.chip import NS_PER_MS
from imilt_sim.simulate import Setup, Simulation
from imilt_sim.standins import wiring
from imilt_sim.tissue.plant import GRID_MS

FINE_MS, COARSE_MS = 0.02, 0.1
"""How often the pins are looked at: within the first FINE_FOR_MS, and after."""
FINE_FOR_MS = 3.0
Result = TypeVar("Result")


class OnBoard:
    """The conformance plan on level rp2040, in `folder`; a context, at the end of which its record is closed.

    `firmware` replaces the project's own.
    """

    def __init__(self, folder: Path, firmware: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        plan = folder / "plan.toml"
        plan.write_text(plan_text())
        self.simulation = Simulation(Setup(find_plan(plan), "rp2040", firmware=firmware), folder / "run")
        device = self.simulation._device
        assert isinstance(device, Device)
        self.device, self.chip = device, device.chip
        self.edge_ns = float("-inf")
        edge = device._outputs._on_enable

        def noted() -> None:
            self.edge_ns = self.chip.now_ns
            edge()

        device._outputs._on_enable = noted
        device._pass_on(0)

    def __enter__(self) -> OnBoard:
        self.simulation.recorder.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self.simulation.recorder.__exit__(*failure)

    @property
    def state(self) -> str:
        """Of the treatment, as the device reports it."""
        return self.simulation.treatment.state

    def reach(self, state: str, within_s: float = 200.0) -> None:
        """Run until the device is there. Raises TimeoutError."""
        end_ns = self.chip.now_ns + within_s * 1e9
        while self.state != state:
            self.device.step()
            if self.chip.now_ns > end_ns:
                raise TimeoutError(f"the board is {self.state}, not {state}, after {within_s:g} s")

    def reach_light(self, within_s: float = 20.0) -> None:
        """Run until there is light. Raises TimeoutError."""
        end_ns = self.chip.now_ns + within_s * 1e9
        while not self.lit:
            self.run(GRID_MS)
            if self.chip.now_ns > end_ns:
                raise TimeoutError(f"no light within {within_s:g} s while {self.state}")

    def run(self, ms: float) -> None:
        """So much longer; the world acts at its grid points."""
        end_ns = self.chip.now_ns + ms * NS_PER_MS
        while self.device._point_ns() + GRID_MS * NS_PER_MS <= end_ns:
            self.device.step()
        self.chip.run_to(end_ns)

    @property
    def lit(self) -> bool:
        """At the pins: a set-point, and an edge on the enable that the monostable still holds."""
        held = self.chip.now_ns - self.edge_ns < MONOSTABLE_MS * NS_PER_MS
        return bool(held and self.device._outputs.duty(wiring.LASER_PWM)[0])

    def lit_for_ms(self, watched_ms: float) -> float:
        """From now on, until the last light within so long."""
        start_ns, last_ns = self.chip.now_ns, self.chip.now_ns
        run_to = self.chip.run_to

        def looking(time_ns: float) -> None:
            nonlocal last_ns
            while self.chip.now_ns < time_ns:
                every_ms = FINE_MS if self.chip.now_ns - start_ns < FINE_FOR_MS * NS_PER_MS else COARSE_MS
                before_ns = self.chip.now_ns
                run_to(min(time_ns, before_ns + every_ms * NS_PER_MS))
                if self.lit:
                    last_ns = self.chip.now_ns
                if self.chip.now_ns == before_ns:
                    return

        self.chip.run_to = looking
        self.run(watched_ms)
        self.chip.run_to = run_to
        return (last_ns - start_ns) / NS_PER_MS


def forked(work: Callable[[], Result]) -> Callable[[], Result]:
    """Start `work` in a copy of this process, with all that is emulated in it; what is returned waits for its result.

    Raises RuntimeError there if the copy failed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            answer = pickle.dumps((work(), ""))
        except BaseException as error:
            answer = pickle.dumps((None, f"{type(error).__name__}: {error}"))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writing)

    def wait() -> Result:
        with os.fdopen(reading, "rb") as pipe:
            result, problem = pickle.loads(pipe.read())
        os.waitpid(child, 0)
        if problem:
            raise RuntimeError(problem)
        return result

    return wait
