"""The files of a record, read up to their last whole line: tables of numbers, and events with their hash chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imilt.errors import InputError

CHAIN_START = "0" * 64
"""What the first event carries in place of its predecessor's SHA-256."""


class Table:
    """Columns by name, all of one length. A file without rows has every column, empty."""

    def __init__(self, file: str, columns: dict[str, NDArray[Any]], rows: int) -> None:
        self._file, self._columns, self.rows = file, columns, rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name in self._columns:
            return self._columns[name]
        if self.rows == 0:
            return np.empty(0, np.int64)
        raise InputError(f"{self._file}: has no column '{name}'; it was written by another version of imilt")

    def __contains__(self, name: object) -> bool:
        return name in self._columns


def whole_lines(file: Path) -> list[bytes]:
    """The lines that end; the last one may be torn and is then left out."""
    return file.read_bytes().split(b"\n")[:-1]


def read_numbers(file: Path, cell: Callable[[bytes], Any]) -> tuple[list[str], list[list[Any]], int]:
    """Header, rows of a CSV of numbers without their empty ends, and how many rows were damaged."""
    lines = whole_lines(file)
    header = lines[0].decode(errors="replace").strip().split(",") if lines else []
    lengths = {len(header), header.index("fresh") if "fresh" in header else len(header)}
    rows = []
    for line in lines[1:]:
        try:
            row = [cell(text) for text in line.rstrip(b",\r").split(b",")]
        except ValueError:
            continue
        if len(row) in lengths:
            rows.append(row)
    return header, rows, max(len(lines) - 1, 0) - len(rows)


def new_table(file: Path, names: list[str], rows: list[list[Any]], kind: type[np.generic]) -> Table:
    columns = np.array(rows, kind).reshape(len(rows), len(names)).T
    return Table(str(file), dict(zip(names, np.ascontiguousarray(columns), strict=True)), len(rows))


def read_events(file: Path) -> tuple[list[dict[str, Any]], int | None]:
    """The events, and the line at which their chain breaks."""
    events, broken, expected = [], None, CHAIN_START
    for number, line in enumerate(whole_lines(file), 1):
        event = _event(line)
        if event.get("prev") != expected:
            broken = broken or number
        expected = hashlib.sha256(line).hexdigest()
        if event:
            events.append(event)
    return events, broken


def _event(line: bytes) -> dict[str, Any]:
    """The event of a line, or an empty one if it is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
