"""The report of a run: one HTML file that opens without a network, for the clinician and the engineer alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from imilt.report import cards, outcome, section, tables, traces
from imilt.report.canvas import Canvas
from imilt.report.figures import figures
from imilt.report.look import tie
from imilt.run import Run

FILE = "report.html"
_RANDOM_NAME = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def write_report(run_dir: Path) -> Path:
    """Write report.html into a run's folder, whole or not at all, and return its path.

    Raises InputError if the folder is no run's, OSError if it cannot be written.
    """
    page = render(Run.load(run_dir))
    target, draft = run_dir / FILE, run_dir / f".{FILE}"
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def render(run: Run) -> str:
    """The report as HTML."""
    models = _models(run)
    script, boxes = _embedded(models)
    values = figures(run)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            title=_title(run),
            outcome=outcome.outcome(run),
            sentences=outcome.in_words(run),
            cautions=outcome.cautions(run),
            pairs=cards.pairs(values),
            singles=cards.singles(values),
            figures={name: Markup(box) for name, box in boxes.items()},
            sections=[look for look in section.LOOKS if look.name in boxes],
            reasons=tables.reason_rows(run),
            reason_key=tables.reason_key(run),
            self_tests=tables.self_test_rows(run),
            pauses=tables.pause_rows(run),
            alarms=tables.alarm_rows(run),
            probes=tables.probe_rows(run),
            events=tables.event_rows(run, drawn_only=True),
            all_events=tables.event_rows(run, drawn_only=False),
            provenance=tables.provenance(run),
            library=Markup(Resources(mode="inline", components=["bokeh"]).render() if models else ""),
            script=Markup(script),
        )
    )


def _embedded(models: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The figures' script and their places in the page, which Bokeh names at random: numbered, the same record gives
    the same bytes."""
    if not models:
        return "", {}
    script, boxes = components(models)
    for number, name in enumerate(dict.fromkeys(_RANDOM_NAME.findall(script))):
        script = script.replace(name, f"figure-{number}")
        boxes = {key: box.replace(name, f"figure-{number}") for key, box in boxes.items()}
    return script, boxes


def _environment() -> Environment:
    loader = PackageLoader("imilt", "report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["tie"] = tie
    return environment


def _title(run: Run) -> str:
    named = (run.summary or {}).get("plan_name") or (run.plan.name if run.plan else "")
    return str(named or run.path.name)


def _models(run: Run) -> dict[str, Any]:
    """The figures for which there is data, by name."""
    models: dict[str, Any] = {}
    if len(run.cycles):
        canvas = Canvas(run)
        if run.plan is not None:
            models |= {"temperatures": traces.temperatures(canvas), "close_up": traces.close_up(canvas)}
        models |= {"power": traces.power(canvas), "reasons": traces.reasons(canvas), "dose": traces.dose(canvas)}
        alarms = traces.alarm_strip(canvas)
        models |= {"alarms": alarms} if alarms else {}
    return models | section.panels(run.tissue, run.plan)
