"""The command as users call it: bad input, help, exit codes and machine-readable output."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click
import pytest
from host.command import IMILT, environment, refusal_of, run
from host.plans import SHORT, changed, write
from host.test_plan import BAD

from imilt.cli import cli


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The short plan, in a folder of its own."""
    return write(tmp_path_factory.mktemp("plans"))


# Bad input: exit code 2, one message, nothing written


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("simulate", "set-point 95 °C"),
        ("simulate", "negative hold"),
        ("simulate", "two probes in one place"),
        ("simulate", "unknown key"),
        ("simulate", "probe inside the fibre"),
        ("simulate", "not a number"),
        ("simulate", "infinite"),
        ("simulate", "another schema"),
        ("plan check", "unknown key"),
        ("serve", "negative hold"),
    ],
)
def test_a_bad_plan_is_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, command: str, name: str
) -> None:
    text, told = BAD[name]
    path = write(tmp_path_factory.mktemp("plans"), text)
    message = refusal_of(run(*command.split(), path, cwd=tmp_path))
    assert message.startswith(f"{path}: ")
    for part in told:
        assert part in message
    assert not names_in(tmp_path)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("simulate", "missing"),
        ("simulate", "empty"),
        ("simulate", "broken"),
        ("simulate", "binary"),
        ("simulate", "folder"),
        ("plan check", "binary"),
        ("serve", "missing"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, command: str, kind: str
) -> None:
    path = tmp_path_factory.mktemp("plans") / "plan.toml"
    content = {"empty": b"", "broken": b"schema = ", "binary": bytes(range(256))}.get(kind)
    if content is not None:
        path.write_bytes(content)
    elif kind == "folder":
        path.mkdir()
    message = refusal_of(run(*command.split(), path, cwd=tmp_path))
    assert message.startswith(f"{path}: ")
    assert not names_in(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--level", "x"], ("--level", "'x'", "cpython", "micropython")),
        (["--seed", "abc"], ("--seed", "'abc'", "integer")),
        (["--seed", "-1"], ("--seed", "-1", "9223372036854775807")),
        (["--seed", str(2**63)], ("--seed", "9223372036854775807")),
        (["--fault", "meteor@5"], ("--fault meteor@5", "unknown fault 'meteor'", "estop", "over-power")),
        (["--fault", "estop"], ("--fault estop", "NAME@SECONDS", "estop@600")),
        (["--fault", "estop@-5"], ("--fault estop@-5", "NAME@SECONDS")),
        (["--fault", "estop@nan"], ("--fault estop@nan", "NAME@SECONDS")),
        (["--fault", "estop@" + "9" * 400], ("--fault estop@9999",)),
        (["--fault", "estop@5:1"], ("--fault estop@5:1", "0 arguments")),
        (["--fault", "offset@5:1"], ("--fault offset@5:1", "2 arguments (probe, celsius)")),
        (["--fault", "offset@5:1,warm"], ("--fault offset@5:1,warm", "probe, celsius must be numbers")),
        (["--fault", "open@5:2"], ("--fault open@5:2", "probe = 2", "0 to 1")),
        (["--fault", "open@5:0.5"], ("--fault open@5:0.5", "probe = 0.5", "0 to 1")),
        (["--fault", "offset@5:0,nan"], ("--fault offset@5:0,nan", "celsius = nan", "-200 to 200")),
        (["--fault", "flip@5:0,19"], ("--fault flip@5:0,19", "bit = 19", "0 to 18")),
        (["--fault", "brown-out@5:1"], ("--fault brown-out@5:1", "millivolts = 1", "1800 to 5500")),
        (["--fault", "over-power@5:11"], ("--fault over-power@5:11", "factor = 11", "0 to 10")),
        (["--wrong"], ("--wrong",)),
        (["more"], ("more",)),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, plan: Path, arguments: list[str], told: tuple[str, ...]) -> None:
    message = refusal_of(run("simulate", plan, *arguments, cwd=tmp_path))
    for part in told:
        assert part in message
    assert not names_in(tmp_path)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_speed_that_cannot_be_is_refused(tmp_path: Path, plan: Path, speed: str) -> None:
    assert "--speed" in refusal_of(run("serve", plan, "--speed", speed, cwd=tmp_path))


@pytest.mark.parametrize("command", ["simulate", "treat", "serve"])
def test_a_missing_argument_is_told(tmp_path: Path, command: str) -> None:
    assert "PLAN" in refusal_of(run(command, cwd=tmp_path)).upper()


@pytest.mark.parametrize("port", ["/dev/nothing-there", "plan.toml", ".", ""])
def test_a_port_that_cannot_be_opened_is_told_and_nothing_written(tmp_path: Path, plan: Path, port: str) -> None:
    write(tmp_path, name="plan.toml")
    message = refusal_of(run("treat", plan, "--port", port, cwd=tmp_path))
    assert f"--port {port}" in message
    assert names_in(tmp_path) == {"plan.toml"}


def test_a_bad_file_of_keys_is_refused_before_anything_is_done(
    tmp_path: Path, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = write(tmp_path, "696d = 5\n", "keys.toml")
    monkeypatch.setenv("IMILT_KEYS", str(keys))
    message = refusal_of(run("treat", plan, "--port", "/dev/nothing-there", cwd=tmp_path))
    assert message.startswith(f"{keys}: entry 1 ")
    assert names_in(tmp_path) == {"keys.toml"}


def test_a_folder_in_use_is_refused_and_untouched(tmp_path: Path, plan: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    message = refusal_of(run("simulate", plan, "--out", tmp_path, cwd=tmp_path))
    assert message == f"{tmp_path}: exists and is not empty; name another folder with --out or remove it"
    assert names_in(tmp_path) == {"notes.txt"}
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("out", ["file", "file/below", "x" * 300])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, plan: Path, out: str) -> None:
    (tmp_path / "file").write_text("mine")
    assert out[:9] in refusal_of(run("simulate", plan, "--out", out, cwd=tmp_path))
    assert names_in(tmp_path) == {"file"}


@pytest.mark.parametrize("name", [".", "/", "", "x" * 300])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    assert "cannot be read" in refusal_of(run("simulate", name, cwd=tmp_path))
    assert not names_in(tmp_path)


@pytest.mark.parametrize("what", ["missing", "empty", "file"])
def test_a_report_of_what_is_no_run_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "empty":
        path.mkdir()
    elif what == "file":
        path.write_text("mine")
    message = refusal_of(run("report", path, cwd=tmp_path))
    assert message.startswith(f"{path}: ")


@pytest.mark.parametrize("arguments", [["bogus"], ["plan", "bogus"], ["completion", "tcsh"]], ids=" ".join)
def test_an_unknown_command_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    assert arguments[-1] in refusal_of(run(*arguments, cwd=tmp_path))


# Help


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        here = (*path, name)
        found += commands(command, here) if isinstance(command, click.Group) else [here]
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_the_help_of_every_command_shows_an_example(tmp_path: Path, path: tuple[str, ...]) -> None:
    done = run(*path, "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    example = done.stdout.partition("Examples:\n")[2].partition("\n\n")[0]
    assert f"imilt {' '.join(path)}" in example


@pytest.mark.parametrize("arguments", [[], ["plan"]], ids=["imilt", "imilt plan"])
def test_a_group_alone_shows_its_commands_and_is_no_error_message(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Commands:" in done.stderr
    assert "error: " not in done.stderr


def test_a_reader_that_leaves_early_is_no_failure(tmp_path: Path) -> None:
    """`imilt plan describe | head -1`, with a reader that left before the first line."""
    with subprocess.Popen(
        ["/bin/sh", "-c", f'"{IMILT}" plan describe | true'], stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.communicate(timeout=60)[1] == ""


# Output


def test_json_stands_alone_on_standard_output(tmp_path: Path, plan: Path) -> None:
    done = run("simulate", plan, "--json", "--no-report", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert printed.pop("run") == "run"
    assert printed == json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "holding" in done.stderr


def test_a_run_that_ends_otherwise_exits_with_1_and_says_why_first(tmp_path: Path, plan: Path) -> None:
    done = run("simulate", plan, "--no-report", "--fault", "estop@20", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("FAULT: fault 50: emergency stop pressed")
    assert json.loads((tmp_path / "runs" / "short-1" / "summary.json").read_text())["end_reason"] == "fault"


@pytest.mark.parametrize("name", ["short.toml", "a[1].toml", "a b.toml"])
def test_runs_are_numbered_by_their_plan(tmp_path: Path, name: str) -> None:
    write(tmp_path, changed(("hold_min = 0.5", "hold_min = 0.5\nmax_emission_min = 1.0"), text=SHORT), name)
    for number in (1, 2):
        done = run("simulate", name, "--no-report", "--fault", "key@5", cwd=tmp_path)
        assert done.returncode == 1, done.stderr
        assert (tmp_path / "runs" / f"{Path(name).stem}-{number}" / "summary.json").exists()
