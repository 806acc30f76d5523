"""A full disk, a killed process and Ctrl-C in the middle of a run: the record stays and says why it ends."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from host.command import TIMEOUT_S, error_of, run, start
from host.plans import changed, short, write

from imilt.run import Run
from imilt_sim.tissue.plant import Plant

LONG = changed(("hold_min = 0.5", "hold_min = 60.0\nmax_emission_min = 90.0"))
GROWN_BYTES = 100_000
LEVELS = pytest.mark.parametrize("level", ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)])


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """The tissue's kernel lies in its cache, so that no process below has to write it there."""
    Plant(short()).advance(0, 0.0)


def check_readable(folder: Path, cwd: Path) -> Run:
    """The record reads up to where it ends, and a report can be made of it."""
    read = Run.load(folder)
    assert read.chain_ok
    assert len(read.cycles) > 200
    assert read.cycles.missing == 0
    assert [event["kind"] for event in read.events].count("state") >= 2
    done = run("report", folder, cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "report.html").stat().st_size > 10_000
    return read


def limited(bytes_per_file: int) -> Callable[[], None]:
    """As a disk that is full: no file of the process may grow beyond that."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_per_file, bytes_per_file))

    return limit


@LEVELS
def test_a_full_disk_ends_the_run_with_one_message(tmp_path: Path, level: str) -> None:
    done = run("simulate", write(tmp_path), "--level", level, "--out", "run", cwd=tmp_path, before=limited(40_000))
    message = error_of(done, 1)
    assert message.startswith("run: the record cannot be written any more: File too large; ")
    assert "imilt report" in message
    read = check_readable(tmp_path / "run", tmp_path)
    assert read.summary is None


def test_a_disk_too_full_for_the_report_keeps_the_run_whole(tmp_path: Path) -> None:
    done = run("simulate", write(tmp_path), "--out", "run", cwd=tmp_path, before=limited(300_000))
    message = error_of(done, 1)
    assert message == "run: the report cannot be written: File too large; `imilt report` tries again"
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {"plan.toml", "cycles.csv", "frames.csv", "events.jsonl", "truth.csv", "tissue.npz", "summary.json"}
    read = check_readable(tmp_path / "run", tmp_path)
    assert read.summary is not None
    assert read.summary["end_reason"] == "complete"


def started(tmp_path: Path, *more: str) -> subprocess.Popen[str]:
    """A long run, some rows of which are on disk."""
    process = start("simulate", write(tmp_path, LONG), "--out", "run", *more, cwd=tmp_path)
    cycles = tmp_path / "run" / "cycles.csv"
    give_up = time.monotonic() + TIMEOUT_S
    while not cycles.exists() or cycles.stat().st_size < GROWN_BYTES:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.005)
    return process


@LEVELS
def test_a_killed_run_reads_up_to_there(tmp_path: Path, level: str) -> None:
    with started(tmp_path, "--level", level) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == -signal.SIGKILL
    read = check_readable(tmp_path / "run", tmp_path)
    assert not read.complete
    assert read.plan is not None
    # A VM finds its pipe closed and ends by itself.
    assert len(children) == (level == "micropython")
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists() and not is_ending(pid)]


def is_ending(pid: str) -> bool:
    """True once a process is a zombie, which nobody here may collect."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


@LEVELS
def test_ctrl_c_ends_the_run_and_finishes_its_record(tmp_path: Path, level: str) -> None:
    with started(tmp_path, "--level", level) as process:
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to every process of the group
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert out.startswith("HOST: interrupted by the user")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["end_reason"], summary["end_code"]) == ("host", 3)
    assert summary["duration_s"] > 20
    assert (tmp_path / "run" / "report.html").exists()
    assert Run.load(tmp_path / "run").events[-1]["kind"] == "command"
