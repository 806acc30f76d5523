"""The installed `imilt` command in a process of its own, and what every failure of it looks like."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

IMILT = Path(sys.executable).with_name("imilt")
TIMEOUT_S = 30.0


def environment() -> dict[str, str]:
    """As a user has it, but without colours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV_")} | {"NO_COLOR": "1"}


def run(
    *arguments: str | Path, cwd: Path, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(IMILT), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(), preexec_fn=before, capture_output=True, text=True, timeout=TIMEOUT_S
    )


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """The same, left running, in a process group of its own as a shell would give it."""
    command = [str(IMILT), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=cwd, env=environment(), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def error_of(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one plain message of a command that failed with `code`; states and prompts may stand before it."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    *_, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert done.stderr.count("error: ") == 1
    return last.removeprefix("error: ")


def refusal_of(done: subprocess.CompletedProcess[str]) -> str:
    """The message of bad input: exit code 2, one line on standard error, nothing on standard output."""
    message = error_of(done, 2)
    assert done.stderr == f"error: {message}\n"
    assert done.stdout == ""
    return message
