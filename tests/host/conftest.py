"""What the tests of the host tool share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from host.fake_device import MANIFEST, FakeDevice
from host.plans import SHORT, short, skip_without_vm

from imilt.link import default_key
from imilt.plan import Plan
from imilt.record import Recorder
from imilt.treat import Treatment


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(tmp_path / "run", SHORT.encode()) as opened:
        yield opened


class Connect(Protocol):
    def __call__(
        self,
        device: FakeDevice,
        plan: Plan | None = None,
        manifest: str = MANIFEST,
        key_of: Callable[[str], bytes] = default_key,
    ) -> Treatment: ...


@pytest.fixture
def connect(recorder: Recorder) -> Connect:
    """Put a treatment at the other end of a device's line."""

    def joined(
        device: FakeDevice,
        plan: Plan | None = None,
        manifest: str = MANIFEST,
        key_of: Callable[[str], bytes] = default_key,
    ) -> Treatment:
        device.host = Treatment(plan or short(), recorder, device.prompt, None, lambda board: (manifest,), key_of)
        return device.host

    return joined


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def treatment(device: FakeDevice, connect: Connect) -> Treatment:
    """The host's end of the device's line."""
    return connect(device)


@pytest.fixture(autouse=True)
def _needs_vm(request: pytest.FixtureRequest) -> None:
    """Skip what is marked so where there is no MicroPython VM."""
    skip_without_vm(request)
