"""The record: rows as received, a chain of events, and files that are whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from host.plans import SHORT

from imilt.errors import InputError, RunError
from imilt.record import FIRST_PREVIOUS, Recorder
from imilt.run import Run


def test_the_plan_is_kept_byte_by_byte(tmp_path: Path) -> None:
    source = SHORT.replace("\n", "\r\n").encode()
    Recorder(tmp_path / "run", source).close()
    assert (tmp_path / "run" / "plan.toml").read_bytes() == source


def test_rows_are_kept_as_received_and_missing_cells_stay_empty(tmp_path: Path) -> None:
    with Recorder(tmp_path / "run", b"") as recorder:
        recorder.columns(["cycle", "state", "fresh", "probe0_mc"])
        recorder.row(b"0,1")
        recorder.row(b"1,1,1,37000")
    assert (tmp_path / "run" / "cycles.csv").read_text() == "cycle,state,fresh,probe0_mc\n0,1,,\n1,1,1,37000\n"


@pytest.mark.parametrize(("rows", "on_disk"), [(0, 0), (8, 0), (9, 10), (12, 10), (19, 20)])
def test_rows_are_handed_over_in_batches(recorder: Recorder, rows: int, on_disk: int) -> None:
    recorder.columns(["cycle"])
    for i in range(rows):
        recorder.row(b"%d" % i)
    file = recorder.folder / "cycles.csv"
    assert file.read_bytes().count(b"\n") == on_disk
    recorder.flush()
    assert file.read_bytes().count(b"\n") == rows + 1


def test_events_are_on_disk_at_once_and_chained(recorder: Recorder) -> None:
    previous = FIRST_PREVIOUS
    for i in range(3):
        recorder.event("note", i / 10, "ä°", number=i)
        line = (recorder.folder / "events.jsonl").read_bytes().splitlines()[i]
        event = json.loads(line)
        assert event["prev"] == previous
        assert (event["seq"], event["time_s"], event["kind"], event["text"]) == (i + 1, i / 10, "note", "ä°")
        previous = hashlib.sha256(line).hexdigest()


@pytest.mark.parametrize("tamper", ["edit", "remove", "insert", "swap"])
def test_a_changed_event_shows_in_the_chain(recorder: Recorder, tamper: str) -> None:
    for i in range(5):
        recorder.event("note", i, f"event {i}")
    file = recorder.folder / "events.jsonl"
    assert Run.load(recorder.folder).chain_ok
    lines = file.read_text().splitlines(keepends=True)
    if tamper == "edit":
        lines[1] = lines[1].replace("event 1", "event 9")
    elif tamper == "remove":
        del lines[2]
    elif tamper == "insert":
        lines.insert(2, lines[1])
    else:
        lines[1], lines[2] = lines[2], lines[1]
    file.write_text("".join(lines))
    assert Run.load(recorder.folder).broken_line in (2, 3)


def test_a_torn_last_line_is_left_out(recorder: Recorder) -> None:
    recorder.columns(["cycle"])
    recorder.row(b"0")
    recorder.flush()
    recorder.event("note", 0, "whole")
    for name in ("events.jsonl", "cycles.csv"):
        with (recorder.folder / name).open("ab") as file:
            file.write(b'{"seq": 2, "te')
    run = Run.load(recorder.folder)
    assert [event["text"] for event in run.events] == ["whole"]
    assert run.chain_ok
    assert len(run.cycles) == 1


@pytest.mark.parametrize("name", ["summary.json", "notes.txt", ".hidden"])
def test_a_folder_in_use_is_refused_and_untouched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=r"exists and is not empty; name another folder with --out or remove it"):
        Recorder(tmp_path, b"plan")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    Recorder(tmp_path, b"plan").close()
    assert {path.name for path in tmp_path.iterdir()} == {"plan.toml", "cycles.csv", "frames.csv", "events.jsonl"}


@pytest.mark.parametrize("where", ["file", "file/below", "file/far/below"])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=str(tmp_path)):
        Recorder(tmp_path / where, b"plan")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_appears_whole(recorder: Recorder) -> None:
    recorder.write_file("summary.json", b"{}")
    assert (recorder.folder / "summary.json").read_bytes() == b"{}"
    assert not list(recorder.folder.glob("*.part"))


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_file_that_fails_is_not_there_nor_is_a_part_of_it(
    recorder: Recorder, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.write_file("summary.json", b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    owner = os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, full)
    with pytest.raises(RunError, match=r"cannot be written any more: No space left on device"):
        recorder.write_file("summary.json", b"after")
    assert (recorder.folder / "summary.json").read_bytes() == b"before"
    assert not list(recorder.folder.glob("*.part"))


def test_a_folder_that_cannot_be_filled_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"cannot be written: No space left on device"):
        Recorder(tmp_path / "runs" / "run", b"plan")
    assert not list(tmp_path.iterdir())
