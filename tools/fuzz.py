"""`make fuzz`: hostile bytes for the whole application on a board of stubs, ten million of them by default."""

import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.bench import Bench, in_state
from support.fuzz import Finding, Fuzzed, fuzz

STATES = {"standby": Bench, "ready": lambda: in_state("ready")}


def run(progress: Progress, state: str, total: int, seed: int) -> Fuzzed:
    """One state's share. Raises ClickException with what was found."""
    task = progress.add_task(state, total=total)
    try:
        # A stop would take an armed device out of its state at once.
        return fuzz(STATES[state], total, seed, lambda done: progress.update(task, completed=done), state == "standby")
    except Finding as finding:
        raise click.ClickException(f"{state}: {finding}") from finding


@click.command()
@click.option("--bytes", "total", default=10_000_000, show_default=True, help="how many to feed, half of them to each")
@click.option("--seed", default=1, show_default=True, help="the same seed gives the same bytes")
def main(total: int, seed: int) -> None:
    """Feed hostile bytes to a device in standby and to an armed one; exit code 1 and the place if anything is found."""
    started = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        reports = {state: run(progress, state, total // len(STATES), seed) for state in STATES}
    for state, report in reports.items():
        click.echo(f"{state}: {report}")
    click.echo(f"nothing found, in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
