"""A served device in the hands of stock tools: mpremote on its files in service, on every level."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from host.command import TIMEOUT_S, environment, run, start
from host.plans import changed, write
from sim.simulations import LEVELS

from imilt_sim.pico import image

MPREMOTE = Path(sys.executable).with_name("mpremote")

RP2040 = pytest.param(
    "rp2040", marks=[pytest.mark.rp2040, pytest.mark.skipif(not image.find(), reason=image.missing())]
)


@pytest.fixture
def port(tmp_path: Path, level: str) -> Iterator[str]:
    """Of a device in service."""
    plan = write(tmp_path, changed())
    with start("serve", plan, "--level", level, "--service", cwd=tmp_path) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.terminate()


def call(port: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(MPREMOTE), "connect", port, *words]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=2 * TIMEOUT_S)


def mpremote(port: str, *words: str, cwd: Path) -> str:
    done = call(port, *words, cwd=cwd)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def refused(port: str, *words: str, cwd: Path) -> str:
    done = call(port, *words, cwd=cwd)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip()


@pytest.mark.parametrize("level", [*LEVELS, RP2040])
@pytest.mark.slow
def test_mpremote_works_on_the_files_and_starts_the_device_again(port: str, tmp_path: Path) -> None:
    listed = mpremote(port, "ls", cwd=tmp_path)
    assert [name in listed for name in ("boot.py", "main.py", "a/")] == [True] * 3
    (tmp_path / "here.txt").write_bytes(bytes(range(256)) * 3)
    mpremote(port, "cp", "here.txt", ":there.txt", cwd=tmp_path)
    mpremote(port, "cp", ":there.txt", "back.txt", cwd=tmp_path)
    assert (tmp_path / "back.txt").read_bytes() == (tmp_path / "here.txt").read_bytes()
    told = mpremote(port, "exec", "import machine; print(6 * 7, machine.reset_cause())", cwd=tmp_path)
    assert told.split() == ["42", "1"]
    mpremote(port, "rm", ":there.txt", cwd=tmp_path)
    assert refused(port, "rm", ":there.txt", cwd=tmp_path).endswith("No such file or directory.")
    assert "there.txt" not in mpremote(port, "ls", cwd=tmp_path)
    assert run("hands", port, "open", "service", cwd=tmp_path).returncode == 0
    mpremote(port, "reset", cwd=tmp_path)
    with serial.Serial(port, timeout=TIMEOUT_S) as line:
        assert line.read_until(b"T,") != b""
        assert [cell.isdigit() for cell in line.readline().split(b",")[:3]] == [True] * 3
