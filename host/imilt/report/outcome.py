"""What happened, in words: the first line, a paragraph for those who were not there, and what to beware of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imilt.episodes import pauses
from imilt.report.cards import BOILING_C
from imilt.report.figures import figures, light_step_c, number
from imilt.report.look import amount, clock, count, span
from imilt.run import Run

ENDED_COMPLETE = 1
FIRST_FAULT = 10
TELLING_C = 0.3
"""A mean error below this is no finding: it changes the dose by less than a quarter."""
GUARD_CEM43_MIN = 30.0
"""What 43 °C for 30 min gives: more is not spared (the guard probes' default limit rests on it)."""


@dataclass(frozen=True)
class Outcome:
    """`tone`: complete, differs (complete, but the tissue got something else), stopped, fault or interrupted."""

    tone: str
    line: str


def outcome(run: Run) -> Outcome:
    """The first line of the report."""
    if run.summary is None:
        return Outcome("interrupted", _interrupted(run))
    code = int(number(run.summary, "end_code") or 0)
    text = str(run.summary.get("end_text") or "").strip()
    if code == ENDED_COMPLETE:
        return Outcome("differs" if _differs(run.summary) else "complete", _complete(run.summary, text))
    if code >= FIRST_FAULT:
        told = text or _fault_text(run) or "the summary does not say which"
        return Outcome("fault", f"FAULT {code}: {told.removeprefix(f'fault {code}: ')}")
    reason = str(run.summary.get("end_reason") or "ended")
    told = "Given up by the host" if reason == "host" else reason.capitalize()
    return Outcome("stopped", f"{told}: {text}" if text else f"{told}{_where_it_stood(run)}")


def _differs(summary: dict[str, Any]) -> bool:
    mean, true = number(summary, "control_mean_c"), number(summary, "true_control_mean_c")
    return mean is not None and true is not None and abs(mean - true) >= TELLING_C


def _complete(summary: dict[str, Any], text: str) -> str:
    mean, hold, true = (number(summary, name) for name in ("control_mean_c", "hold_s", "true_control_mean_c"))
    if mean is None or hold is None:
        return f"Complete: {text}" if text else "Complete"
    line = f"Complete: held {amount(mean, '°C')} for {amount(hold / 60, 'min')} at the control probe"
    if true is None:
        return line
    if not _differs(summary):
        return f"{line}, and the tissue there was at {amount(true, '°C')}"
    return f"{line} as the firmware read it, but the tissue there was at {amount(true, '°C')}"


def _interrupted(run: Run) -> str:
    when = clock(run.cycles.duration_s) if len(run.cycles) else "0:00, before the first cycle"
    return f"Interrupted: the record ends without a summary at t={when}{_where_it_stood(run)}"


def _where_it_stood(run: Run) -> str:
    """The state of the last cycle, and how far the hold had come."""
    if not len(run.cycles):
        return ""
    state, held_min = int(run.cycles["state"][-1]), float(run.cycles["hold_ms"][-1]) / 60_000
    name = run.states[state] if 0 <= state < len(run.states) else f"number {state}"
    planned = f" of {run.plan.treatment.hold_min:.1f}" if run.plan else ""
    return f", in state {name}, after {held_min:.1f}{planned} min of hold"


def _fault_text(run: Run) -> str:
    return next((str(event.get("text", "")) for event in reversed(run.events) if event.get("kind") == "fault"), "")


def in_words(run: Run) -> list[str]:
    """What the figures mean, in plain sentences; the first one bears on the treatment itself."""
    values = figures(run)
    told = [_reading(run, values), _reach(values), _paused(run), _why_power(run)]
    return [sentence for sentence in told if sentence]


def _reading(run: Run, values: dict[str, Any]) -> str:
    """How far the control probe could be trusted, and what that made of the dose."""
    believed, true = number(values, "control_mean_c"), number(values, "true_control_mean_c")
    if believed is None:
        return ""
    if true is None:
        return _unknown_truth(light_step_c(run))
    dose, true_dose = number(values, "cem43_control_min"), number(values, "true_cem43_control_min")
    got = (
        f" and received {_minutes(true_dose)} instead of {_minutes(dose)} CEM43"
        if dose and true_dose is not None
        else ""
    )
    off = believed - true
    if abs(off) < TELLING_C:
        return (
            f"The control probe told the truth to within {amount(max(abs(off), 0.1), '°C')}: the tissue there was at"
            f" {amount(true, '°C')} and received {_minutes(true_dose)} CEM43."
        )
    side = "high" if off > 0 else "low"
    why = " because it absorbs light" if off > 0 and (light_step_c(run) or 0.0) > TELLING_C else ""
    told = f"The control probe read {amount(abs(off), '°C')} too {side}{why}"
    return f"{told}; the tissue there was at {amount(true, '°C')}{got}."


def _unknown_truth(step_c: float | None) -> str:
    told = "What the tissue at the control probe really felt is not known: a device has no truth to compare with."
    if step_c is None:
        return told
    return (
        f"{told} The probe read {amount(step_c, '°C')} more in the light than in the dark; how much of that was still"
        " in it when it was read in the dark, this record cannot tell."
    )


def _minutes(value: float | None) -> str:
    return amount(value, "min", 0 if value and value >= 10 else 1)


def _reach(values: dict[str, Any]) -> str:
    heating, emission = number(values, "heating_s"), number(values, "emission_s")
    if heating is not None:
        return f"The set-point's band was reached {span(heating)} after the first light."
    return (
        f"The set-point's band was never reached in {span(emission)} of light." if emission else "No light was emitted."
    )


def _paused(run: Run) -> str:
    """How often, for how long and for what."""
    found = pauses(run)
    if not found:
        return ""
    why = " and ".join(dict.fromkeys(pause.text for pause in found))
    length_s = sum(pause.length_s for pause in found)
    return f"It was paused {_times(len(found))}, for {span(length_s)} in all, because of: {why}."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _why_power(run: Run) -> str:
    """What else than the set-point decided the power for a good part of the time."""
    shares = {name: share for name, share in reason_shares(run, "heating", "holding") if name != run.reasons[1]}
    if not shares:
        return ""
    name, share = max(shares.items(), key=lambda item: item[1])
    return f"For {100 * share:.0f} % of the time with light the power was {_as_clause(name)}." if share >= 0.2 else ""


def _as_clause(reason: str) -> str:
    return f"nil, as the probe was {reason}" if reason == "warmer than wanted" else reason


def reason_shares(run: Run, *states: str) -> list[tuple[str, float]]:
    """Share of the time in the named states by why the power was what it was, in the firmware's order."""
    reasons = run.cycles["reason"][run.in_state(*states)]
    shares = [(name, float((reasons == i).mean()) if len(reasons) else 0.0) for i, name in enumerate(run.reasons)]
    return [(name, share) for name, share in shares if share >= 0.0005]


def cautions(run: Run) -> list[str]:
    """What a reader has to know before trusting the rest."""
    values = figures(run)
    return [*_tissue_cautions(run, values), *_record_cautions(run, values)]


def _tissue_cautions(run: Run, values: dict[str, Any]) -> list[str]:
    found = []
    hottest = number(values, "tissue_max_c")
    if hottest is not None and hottest > BOILING_C:
        found.append(
            f"The tissue reached {amount(hottest, '°C')}: from about 100 °C steam forms and may burst the tissue, which"
            " the simulation does not follow. Take what comes after with care."
        )
    if run.truth is not None and run.plan is not None:
        for i, probe in enumerate(run.plan.probes):
            dose = float(run.truth[f"cem43_site{i}_min"][-1])
            if probe.role == "guard" and dose >= GUARD_CEM43_MIN:
                found.append(f"The tissue at guard probe {i} received {_minutes(dose)} CEM43: it was not spared.")
    return found


def _record_cautions(run: Run, values: dict[str, Any]) -> list[str]:
    found = []
    if run.summary is None:
        found.append(
            "The record ends without a summary: its writer was stopped, or still writes. What is there is shown."
        )
    if run.broken_line is not None:
        found.append(
            f"The chain of events.jsonl is broken at line {run.broken_line}: it or a line before it was altered."
        )
    missing = max(run.cycles.missing, int(number(values, "missing_rows") or 0))
    if missing:
        found.append(f"{count(missing, 'row')} of cycles.csv {'is' if missing == 1 else 'are'} missing.")
    dropped = int(number(values, "dropped_rows") or 0)
    if dropped:
        found.append(f"The device dropped {count(dropped, 'line')} because the host did not read in time.")
    planned = (run.summary or {}).get("plan_sha256")
    if planned and run.plan_sha256 and planned != run.plan_sha256:
        found.append("plan.toml is not the plan that was run: its SHA-256 differs from the summary's.")
    if run.plan is None:
        found.append("There is no readable plan.toml: set-point, limits and geometry are not shown.")
    return found + list(run.problems)
