"""Reading a run back: what each column means, and how much of a damaged record is still read."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from host.report.synthetic import Script, event_lines, write_run
from hypothesis import given
from hypothesis import strategies as st

from imilt.errors import InputError
from imilt.run import REASONS, STATES, Run

FIRMWARE = Path(__file__).parents[2] / "firmware"
KILLED = Script(heating_s=4.0, hold_s=4.0, summary=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "killed", KILLED)


def change(file: Path, old: bytes, new: bytes) -> None:
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new, 1))


def line(file: Path, number: int) -> bytes:
    return file.read_bytes().split(b"\n")[number]


def test_whole_run(folder: Path) -> None:
    run = Run.load(folder)
    assert run.complete
    assert run.chain_ok
    assert run.problems == ()
    assert len(run.cycles) == 600
    assert run.cycles.missing == 0
    assert run.cycles.duration_s == pytest.approx(60.0)
    assert run.plan is not None
    assert run.plan.name == "Short"
    assert run.truth is not None
    assert run.truth["time_s"][-1] == 60.0
    assert run.tissue is not None
    assert run.tissue["cem43_min"].shape == (80, 130)


def test_time_counts_from_the_first_row(folder: Path) -> None:
    run = Run.load(folder)
    assert run.cycles["cycle"][0] == 130
    assert run.cycles.time_s[:3] == pytest.approx([0.0, 0.1, 0.2])
    ready = next(event for event in run.events if event["kind"] == "state")
    assert ready["time_s"] == 13.0
    assert run.event_time_s(ready) == pytest.approx(0.0)
    assert run.event_time_s({"kind": "note"}) is None


def test_bright_and_dark_samples(folder: Path) -> None:
    cycles = Run.load(folder).cycles
    holding = cycles["state"] == STATES.index("holding")
    dark_rows, dark = cycles.fresh(0, dark=True)
    bright_rows, bright = cycles.fresh(0, dark=False)
    assert set(cycles.phase[dark_rows]) == {0}
    assert set(cycles.phase[bright_rows]) == {2, 4, 6, 8}
    assert dark[holding[dark_rows]] == pytest.approx(46.0)
    assert bright[holding[bright_rows]] == pytest.approx(47.0)
    assert len(cycles.fresh(0)[0]) == len(dark) + len(bright)


def test_filled_holds_the_last_sample(tmp_path: Path) -> None:
    cycles = Run.load(write_run(tmp_path / "run", Script(first_cycle=131))).cycles
    filled = cycles.filled(1)
    assert np.isnan(filled[0])
    assert np.all(filled[1:] == 38.0)
    assert np.isnan(cycles.control_c[:9]).all()
    assert np.isfinite(cycles.control_c[9:]).all()


def test_samples_of_a_faulty_probe_are_not_readings(folder: Path) -> None:
    assert len(Run.load(folder).cycles.fresh(2)[0]) == 0
    assert np.isnan(Run.load(folder).cycles.filled(2)).all()


def test_killed_run_reads_without_its_torn_ends(tmp_path: Path) -> None:
    killed = write_run(tmp_path / "run", KILLED)
    whole = Run.load(killed)
    assert not whole.complete
    assert whole.tissue is None
    for name, torn in (
        ("cycles.csv", b"311,3,1,0,0,3"),
        ("events.jsonl", b'{"seq": 9, "ti'),
        ("truth.csv", b"61.0,1."),
    ):
        with (killed / name).open("ab") as file:
            file.write(torn)
    run = Run.load(killed)
    assert len(run.cycles) == len(whole.cycles)
    assert run.events == whole.events
    assert run.chain_ok
    assert run.problems == ()


@given(st.data())
def test_cut_anywhere_reads_the_rows_before(killed: Path, data: st.DataObject) -> None:
    """A kill may come between any two bytes; what was written before is read, and nothing else."""
    kept: dict[str, int] = {}
    cut = killed.parent / "cut"
    cut.mkdir(exist_ok=True)
    for name in ("cycles.csv", "events.jsonl", "truth.csv"):
        content = (killed / name).read_bytes()
        content = content[: data.draw(st.integers(0, len(content)), label=name)]
        (cut / name).write_bytes(content)
        kept[name] = content.count(b"\n")
    run = Run.load(cut)
    assert len(run.cycles) == max(kept["cycles.csv"] - 1, 0)
    assert len(run.cycles["hold_ms"]) == len(run.cycles.time_s) == len(run.cycles.filled(0)) == len(run.cycles)
    assert run.cycles.missing == 0
    assert len(run.events) == kept["events.jsonl"]
    assert run.chain_ok
    assert (run.truth.rows if run.truth else 0) == max(kept["truth.csv"] - 1, 0)
    assert run.problems == ()


def test_altered_event_breaks_the_chain(folder: Path) -> None:
    change(folder / "events.jsonl", b'"text": "heating"', b'"text": "healing"')
    run = Run.load(folder)
    assert not run.chain_ok
    assert run.broken_line == 4  # the one after it
    assert len(run.events) == 6


@pytest.mark.parametrize(("gone", "told"), [(0, 1), (2, 3)])
def test_removed_event_breaks_the_chain(folder: Path, gone: int, told: int) -> None:
    file = folder / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    assert Run.load(folder).broken_line == told


def test_event_that_is_no_json_breaks_the_chain(folder: Path) -> None:
    (folder / "events.jsonl").write_bytes(event_lines([{"kind": "note"}])[0] + b"\n[]\nnonsense\n")
    run = Run.load(folder)
    assert len(run.events) == 1
    assert run.broken_line == 2


def test_lost_row_leaves_a_gap_in_time(folder: Path) -> None:
    file = folder / "cycles.csv"
    change(file, line(file, 100) + b"\n", b"")
    cycles = Run.load(folder).cycles
    assert cycles.missing == 1
    assert len(cycles) == 599
    assert cycles.duration_s == pytest.approx(60.0)


def test_restarted_device_goes_on(folder: Path) -> None:
    file = folder / "cycles.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:301] + lines[1:]))
    cycles = Run.load(folder).cycles
    assert np.all(np.diff(cycles.time_s) > 0.09)
    assert cycles.missing == 0


@pytest.mark.parametrize("damage", [b"nonsense", b"1,2,3", b"130,\xff", b""])
def test_damaged_row_is_left_out_and_told(folder: Path, damage: bytes) -> None:
    file = folder / "cycles.csv"
    change(file, line(file, 100), damage)
    run = Run.load(folder)
    assert len(run.cycles) == 599
    assert run.problems == ("cycles.csv: 1 damaged rows were left out",)


@pytest.mark.parametrize("name", ["summary.json", "plan.toml", "tissue.npz"])
def test_damaged_extra_is_left_out_and_told(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2] + b"[")
    run = Run.load(folder)
    assert len(run.problems) == 1
    assert name in run.problems[0]
    assert getattr(run, name.partition(".")[0]) is None


def test_summary_that_is_no_object(folder: Path) -> None:
    (folder / "summary.json").write_text("[]")
    assert Run.load(folder).problems == ("summary.json cannot be read and is left out: it is not a JSON object",)


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (("cycles.csv",), "it has no cycles.csv"),
        (("cycles.csv", "events.jsonl"), "it has no cycles.csv and no events.jsonl"),
    ],
)
def test_not_a_run(folder: Path, missing: tuple[str, ...], told: str) -> None:
    for name in missing:
        (folder / name).unlink()
    with pytest.raises(InputError, match=told) as error:
        Run.load(folder)
    assert "\n" not in str(error.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        Run.load(tmp_path / "nowhere")


def test_column_of_another_version(folder: Path) -> None:
    change(folder / "cycles.csv", b"hold_ms", b"held_ms")
    with pytest.raises(InputError, match="has no column 'hold_ms'"):
        Run.load(folder).cycles["hold_ms"]


@pytest.mark.parametrize(("module", "name", "here"), [("treatment", "STATES", STATES), ("control", "REASONS", REASONS)])
def test_names_are_the_firmwares(module: str, name: str, here: tuple[str, ...]) -> None:
    tree = ast.parse((FIRMWARE / f"{module}.py").read_text())
    told = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]
    assert told == [here]
