"""The record of a run, append-only: what is in it survives a full disk and a killed process.

`cycles.csv` holds the device's rows as received, `frames.csv` what it believes every second while armed,
`events.jsonl` what happened, each line carrying the hash of the one before; events are forced to disk one by one, rows
in batches. `summary.json` is written last and whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from imilt.errors import InputError, RunError

FIRST_PREVIOUS = "0" * 64


class Recorder:
    """Writes one run's folder. Raises RunError if it cannot be written any more; what is there stays readable."""

    def __init__(self, folder: Path, plan_source: bytes, rows_per_flush: int = 10) -> None:
        """Create the folder with the plan in it. Raises InputError if there is a run already or it cannot be made."""
        made: list[Path] = []
        try:
            if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
                raise InputError(f"{folder}: exists and is not empty; name another folder with --out or remove it")
            made = [path for path in (folder, *folder.parents) if not path.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "plan.toml").write_bytes(plan_source)
            self._cycles = (folder / "cycles.csv").open("wb")
            self._frames = (folder / "frames.csv").open("wb")
            self._events = (folder / "events.jsonl").open("wb")
        except OSError as error:
            _unmake(folder, made)
            raise InputError(f"{folder}: cannot be written: {error.strerror}; choose another with --out") from error
        self.folder = folder
        self._rows_per_flush = rows_per_flush
        self._rows = 0
        self._commas = 0
        self._sequence = 0
        self._previous = FIRST_PREVIOUS

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def columns(self, names: list[str], of_frames: Sequence[str] = ()) -> None:
        """Write the headers; rows and frames follow."""
        self._commas = len(names) - 1
        self._write_row(",".join(names).encode())
        if of_frames:
            self.frame(",".join(of_frames).encode())

    def row(self, payload: bytes) -> None:
        """Append one row. Cells that the device left out at the end of a row stay empty: nothing new was read."""
        missing = self._commas - payload.count(b",")
        self._write_row(payload + b"," * missing if missing else payload)

    def frame(self, payload: bytes) -> None:
        """Append what the device believes at the end of a frame."""
        try:
            self._frames.write(payload + b"\n")
        except OSError as error:
            raise self._lost(error) from error

    def _write_row(self, line: bytes) -> None:
        try:
            self._cycles.write(line + b"\n")
            self._rows += 1
            if self._rows % self._rows_per_flush == 0:
                self._cycles.flush()
                self._frames.flush()
        except OSError as error:
            raise self._lost(error) from error

    def event(self, kind: str, time_s: float, text: str, **more: object) -> None:
        """Append one event and force it to disk."""
        self._sequence += 1
        entry = {"seq": self._sequence, "time_s": time_s, "kind": kind, "text": text, **more, "prev": self._previous}
        line = json.dumps(entry, ensure_ascii=False).encode()
        self._previous = hashlib.sha256(line).hexdigest()
        try:
            self._events.write(line + b"\n")
            self._events.flush()
            os.fsync(self._events.fileno())
        except OSError as error:
            raise self._lost(error) from error

    def write_file(self, name: str, content: bytes) -> None:
        """Write a further file of the run, whole or not at all."""
        temporary = self.folder / (name + ".part")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / name)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._lost(error) from error

    def flush(self) -> None:
        """Hand every row to the operating system."""
        try:
            self._cycles.flush()
            self._frames.flush()
        except OSError as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Close the files. Rows still in the buffer were handed over by `flush`, which tells a failure."""
        for file in (self._cycles, self._frames, self._events):
            with contextlib.suppress(OSError):  # a full disk fails again here, after `_lost` has told it
                file.close()

    def _lost(self, error: OSError) -> RunError:
        return RunError(
            f"{self.folder}: the record cannot be written any more: {error.strerror}; it ends here, and what is in it"
            " can be read with `imilt report`; make room and run again"
        )


def _unmake(folder: Path, made: list[Path]) -> None:
    """Leave nothing of a run that could not begin: its files, and the folders made for it, innermost first."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir() if made else ():
            path.unlink()
        for path in made:
            path.rmdir()
