"""A treatment on the emulated board that is driven step by step, so that it can be looked at and disturbed anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imilt.plan import find_plan
from imilt_sim.conformance import plan_text
from imilt_sim.levels.rp2040 import Device
from imilt_sim.simulate import Setup, Simulation


class OnBoard:
    """The conformance plan on level rp2040, in `folder`; a context, at the end of which its record is closed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        plan = folder / "plan.toml"
        plan.write_text(plan_text())
        self.simulation = Simulation(Setup(find_plan(plan), "rp2040"), folder / "run")
        device = self.simulation._device
        assert isinstance(device, Device)
        self.device, self.chip = device, device.chip
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
