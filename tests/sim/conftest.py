"""What the tests of the simulator share."""

from __future__ import annotations

import pytest
from host.plans import skip_without_vm
from sim.boards import Bench, StandIns


@pytest.fixture
def stand_ins() -> StandIns:
    """Fresh stand-ins on a virtual board of their own."""
    return StandIns()


@pytest.fixture
def bench() -> Bench:
    """A world whose grid has just begun."""
    started = Bench()
    started.begin()
    return started


@pytest.fixture(autouse=True)
def _needs_vm(request: pytest.FixtureRequest) -> None:
    """Skip what is marked so where there is no MicroPython VM."""
    skip_without_vm(request)
