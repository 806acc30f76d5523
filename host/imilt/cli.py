"""The `imilt` command. Heavy modules are imported where they are used, so that `imilt --help` stays quick."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from imilt import __version__
from imilt.errors import EXIT_INPUT, EXIT_RUN, InputError, RunError

LEVELS = ("cpython", "micropython", "rp2040")


class ExampleCommand(click.Command):
    """A command whose help ends with examples, which stand in its docstring after a line `Examples:`."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        text, _, examples = (self.help or "").partition("Examples:")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(" ".join(text.split()))
        if examples:
            with formatter.section("Examples"):
                for line in filter(None, (line.strip() for line in examples.splitlines())):
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Speed(click.FloatRange):
    """A finite number in a range; `nan` is in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if number != number:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="imilt")
def cli() -> None:
    """Simulate, run, record and explain immunostimulating interstitial laser thermotherapy (imILT).

    Research software, not a medical device.
    """


@cli.command(cls=ExampleCommand)
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--level", type=click.Choice(LEVELS), default="cpython", show_default=True, help="What runs the firmware."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Of all noise.")
@click.option("--fault", "faults", multiple=True, metavar="NAME@T[:ARGS]", help="Inject a fault at T seconds.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder  [default: a new one in runs/]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary alone, as JSON, on standard output.")
@click.option("--report/--no-report", default=True, show_default=True, help="Write report.html into the folder.")
def simulate(
    plan: Path, level: str, seed: int, faults: tuple[str, ...], out: Path | None, as_json: bool, report: bool
) -> None:
    """Run one treatment: the real firmware, simulated tissue, a simulated operator at the inputs.

    Ends with 0 if the treatment was completed, 1 if it ended otherwise, 2 if the input is bad.

    Examples:
    imilt simulate plans/pancreas-imilt.toml --seed 1
    imilt simulate plans/pancreas-imilt.toml --level micropython --json
    imilt simulate plans/pancreas-imilt.toml --fault estop@600 --fault offset@300:1,4.5
    """
    from imilt_sim.command import simulate as run

    summary = run(plan, level, seed, faults, out, as_json, report)
    if summary["end_reason"] != "complete":
        sys.exit(EXIT_RUN)


@cli.command(cls=ExampleCommand)
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--level", type=click.Choice(LEVELS), default="cpython", show_default=True, help="What runs the firmware."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Of all noise.")
@click.option("--fault", "faults", multiple=True, metavar="NAME@T[:ARGS]", help="Inject a fault at T seconds.")
@click.option("--speed", type=Speed(0.1, 1000), default=1.0, show_default=True, help="Times real time, at most.")
@click.option("--flash", type=click.Path(path_type=Path, file_okay=False), help="Keep the device's files in here.")
@click.option("--operator/--no-operator", default=True, show_default=True, help="Somebody who does as it says.")
@click.option("--service", is_flag=True, help="Power up with the service contact closed.")
def serve(
    plan: Path,
    level: str,
    seed: int,
    faults: tuple[str, ...],
    speed: float,
    flash: Path | None,
    operator: bool,
    service: bool,
) -> None:
    """Offer a simulated device on a pseudo-terminal, to be used like a real one. Ends with Ctrl-C.

    The plan tells the patient and where the probes sit; the treatment itself is uploaded by the host as ever. The
    simulated operator presses the ready button and the footswitch whenever the device waits for them; `imilt hands`
    does anything else to it. In service, mpremote works on its files.

    Examples:
    imilt serve plans/pancreas-imilt.toml
    imilt treat plans/pancreas-imilt.toml --port /dev/pts/3
    imilt serve plans/pancreas-imilt.toml --level rp2040 --service
    mpremote connect /dev/pts/3 ls
    """
    from imilt_sim.serve import serve as run

    run(plan, level, seed, faults, speed, flash, operator, service)


@cli.command(cls=ExampleCommand)
@click.argument("port")
@click.argument("action", nargs=-1, required=True)
def hands(port: str, action: tuple[str, ...]) -> None:
    """Do something to a device that `imilt serve` offers at PORT: pull its probes, press its stops.

    ACTION is `open CONTACT`, `close CONTACT`, `press BUTTON`, `turn key`, `mend PROBE`, or a fault as `--fault` takes
    it, without its time. It happens at once.

    Examples:
    imilt hands /dev/pts/3 open estop
    imilt hands /dev/pts/3 close estop
    imilt hands /dev/pts/3 press ready
    imilt hands /dev/pts/3 pulled-out:1,25
    imilt hands /dev/pts/3 power-cut:1
    """
    from imilt_sim.hands import ask

    ask(port, " ".join(action))


@cli.command(cls=ExampleCommand)
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--port", required=True, help="Serial port of the device, e.g. /dev/ttyACM0.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder  [default: a new one in runs/]")
@click.option("--json", "as_json", is_flag=True, help="Print the summary alone, as JSON, on standard output.")
def treat(plan: Path, port: str, out: Path | None, as_json: bool) -> None:
    """Run one treatment on a device. Hands at the device are needed: key, ready button, footswitch. Ctrl-C stops it.

    Commands are signed with the device's default key, or with the one that ~/.config/imilt/keys.toml (or the file that
    IMILT_KEYS names) has for its unique id.

    Examples:
    imilt treat plans/pancreas-imilt.toml --port /dev/ttyACM0
    """
    from imilt.device import treat as run

    summary = run(plan, port, out, as_json)
    if summary["end_reason"] != "complete":
        sys.exit(EXIT_RUN)


@cli.command(cls=ExampleCommand)
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Write report.html of a recorded run, also of one that was interrupted, and print its path.

    Examples:
    imilt report runs/pancreas-imilt-1
    """
    from imilt.report import write_report

    try:
        click.echo(write_report(run))
    except OSError as error:
        raise RunError(f"{run}: the report cannot be written: {error.strerror}; make room and try again") from error


@cli.command(cls=ExampleCommand)
@click.argument("setup", type=click.Path(path_type=Path), required=False)
@click.option("--case", metavar="NAME", help="A measured case that comes with imilt: V1, V2, V5, V6, V10 or CILA.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, with the courses over time.")
def physics(setup: Path | None, case: str | None, as_json: bool) -> None:
    """Run the simulated tissue alone: a measured case, or a set-up of your own, told in a TOML file.

    A set-up holds tissue, fibre, power over time and probes; out come temperatures, artefacts, volumes and axes of
    the lesions, beside what was measured if the set-up tells it. docs/physics.md lists its keys.

    Examples:
    imilt physics --case V1
    imilt physics my-setup.toml --json
    """
    from imilt_sim.physics.command import physics as run

    run(setup, case, as_json)


@cli.group("plan")
def plan_group() -> None:
    """Check plans and list what they may hold."""


@plan_group.command("check", cls=ExampleCommand)
@click.argument("plan", type=click.Path(path_type=Path))
def plan_check(plan: Path) -> None:
    """Say whether a plan holds; exit code 2 and one plain message if not.

    Examples:
    imilt plan check plans/pancreas-imilt.toml
    """
    from imilt.plan import find_plan

    loaded = find_plan(plan)
    click.echo(f"{loaded.path}: {loaded.plan.name}: holds")


@plan_group.command("describe", cls=ExampleCommand)
def plan_describe() -> None:
    """List every parameter of a plan with its default, unit, range and source.

    Examples:
    imilt plan describe
    """
    from imilt.plan import describe

    for line in describe():
        click.echo(line)


@cli.command(cls=ExampleCommand)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion(shell: str) -> None:
    """Print the shell's completion script.

    Examples:
    eval "$(imilt completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "imilt", "_IMILT_COMPLETE").source())


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; every failure that is the user's to mend is one line on standard error."""
    try:
        cli.main(arguments, prog_name="imilt", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_INPUT)
    except (InputError, click.ClickException) as error:
        _fail(error.format_message() if isinstance(error, click.ClickException) else str(error), EXIT_INPUT)
    except RunError as error:
        _fail(str(error), EXIT_RUN)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", EXIT_RUN)


def _fail(message: str, code: int) -> None:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)
