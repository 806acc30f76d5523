"""The plan as uploaded: every range at both ends, nothing half taken, nothing invented."""

from __future__ import annotations

from typing import Any

import pytest
from support.bench import PLAN
from support.firmware import load

settings, limits = load("settings"), load("limits")
PROBE_FIELDS = [name for name in settings.RANGES if name.startswith("probe")]


def uploaded(changes: dict[str, int] | None = None, leave_out: tuple[str, ...] = ()) -> Any:
    taken = settings.Settings()
    put(taken, {name: value for name, value in (PLAN | (changes or {})).items() if name not in leave_out})
    return taken


def put(taken: Any, fields: dict[str, int]) -> None:
    for name, value in fields.items():
        assert taken.put(name, value) == ""


def values(taken: Any) -> dict[str, int]:
    """What was taken, under the names of the upload."""
    shares = {f"share{i}_q10": share for i, share in enumerate(taken.shares_q10)}
    found = {name: getattr(taken, name) for name in settings.RANGES if name not in {*PROBE_FIELDS, *shares}} | shares
    for what, of_channel in (("role", taken.roles), ("type", taken.types), ("limit_mc", taken.limit_mc)):
        found |= {f"probe{i}_{what}": of_channel[i] for i in range(4)}
    return found


def test_nothing_is_taken_before_a_plan() -> None:
    taken = settings.Settings()
    assert not taken.complete
    assert taken.cap_mw == 0


def test_a_whole_plan_is_taken_as_it_is() -> None:
    taken = uploaded()
    assert not taken.complete
    assert taken.commit() == ""
    assert taken.complete
    assert values(taken) == PLAN


@pytest.mark.parametrize("name", settings.RANGES)
def test_both_bounds_are_inside_and_one_beyond_is_not(name: str) -> None:
    low, high = settings.RANGES[name]
    taken = settings.Settings()
    assert taken.put(name, low) == ""
    assert taken.put(name, high) == ""
    for value in (low - 1, high + 1, -(1 << 40), 1 << 40):
        assert taken.put(name, value) == f"{name} = {value}: allowed are {low} to {high}"


def test_ranges_are_the_hard_limits() -> None:
    assert settings.RANGES["cap_mw"][1] == max(limits.CAP_MAX_MW) <= 5000
    assert limits.CAP_MAX_MW == (3000, 5000, 3000)
    assert settings.RANGES["set_point_mc"] == (42000, 50000)
    assert settings.RANGES["energy_mj"][1] == limits.ENERGY_MAX_MJ
    assert settings.RANGES["emission_ms"][1] == limits.EMISSION_MAX_MS
    assert settings.RANGES["lowest_mc"][0] == limits.LOWEST_MIN_MC > 0


def test_an_unknown_name_is_refused() -> None:
    taken = settings.Settings()
    for name in ("", "cap", "probe4_role", "complete", "__class__", "_upload"):
        assert taken.put(name, 1) == "unknown parameter " + name


@pytest.mark.parametrize("name", [name for name in PLAN if not name.endswith("_role")])
def test_one_missing_value_is_named_and_nothing_is_taken(name: str) -> None:
    taken = uploaded(leave_out=(name,))
    assert taken.commit() == name + " is missing"
    assert not taken.complete
    assert taken.cap_mw == 0


def test_a_channel_without_a_role_needs_nothing_else() -> None:
    taken = uploaded(leave_out=tuple(f"probe{i}_{what}" for i in (1, 2, 3) for what in ("role", "type", "limit_mc")))
    assert taken.commit() == ""
    assert taken.roles == [1, 0, 0, 0]


@pytest.mark.parametrize("roles", [(0, 0, 0, 0), (2, 2, 3, 4), (1, 1, 3, 4), (1, 1, 1, 1)])
def test_exactly_one_control_probe(roles: tuple[int, ...]) -> None:
    lowest = {f"probe{i}_limit_mc": 41000 for i in range(4)}
    taken = uploaded(lowest | {f"probe{i}_role": role for i, role in enumerate(roles)})
    assert taken.commit() == "exactly one control probe is needed"


@pytest.mark.parametrize(("role", "highest"), [(1, 65000), (2, 95000), (3, 50000), (4, 95000)])
def test_the_role_bounds_the_limit(role: int, highest: int) -> None:
    channel = 0 if role == 1 else 2
    at_bound = {f"probe{channel}_role": role, f"probe{channel}_limit_mc": highest}
    assert uploaded(at_bound).commit() == ""
    if highest < 95000:
        at_bound[f"probe{channel}_limit_mc"] += 1
        problem = uploaded(at_bound).commit()
        assert problem == f"probe{channel}_limit_mc = {highest + 1}: its role allows {highest}"


def test_a_failed_commit_keeps_the_plan_before() -> None:
    taken = uploaded()
    taken.commit()
    taken.begin()
    put(taken, PLAN | {"cap_mw": 5000, "probe1_role": 1, "probe1_limit_mc": 41000})
    assert taken.commit() != ""
    assert taken.complete
    assert values(taken) == PLAN


def test_a_failed_commit_does_not_invent_what_is_missing() -> None:
    """A probe that gets its role only afterwards still needs its type and limit."""
    taken = uploaded(leave_out=("probe1_role", "probe1_type", "probe1_limit_mc", "ti_ms"))
    assert taken.commit() == "ti_ms is missing"
    put(taken, {"ti_ms": 110000, "probe1_role": 2})
    assert taken.commit() in ("probe1_type is missing", "probe1_limit_mc is missing")


def test_begin_forgets_the_upload_but_not_the_plan() -> None:
    taken = uploaded()
    taken.commit()
    taken.begin()
    assert taken.commit() == "set_point_mc is missing"
    assert values(taken) == PLAN


def test_committing_twice_is_the_same() -> None:
    taken = uploaded()
    assert [taken.commit(), taken.commit()] == ["", ""]
    assert values(taken) == PLAN


@pytest.mark.parametrize(("fibre", "most"), [(0, 3000), (1, 5000)])
def test_the_fibre_bounds_the_cap(fibre: int, most: int) -> None:
    assert uploaded({"fibre": fibre, "cap_mw": most}).commit() == ""
    if most < 5000:
        taken = uploaded({"fibre": fibre, "cap_mw": most + 1})
        assert taken.commit() == f"cap_mw = {most + 1}: this kind of fibre allows {most}"
        assert not taken.complete


def test_types_are_those_of_the_converters() -> None:
    types = load("drivers.reading").TYPES
    for i in range(4):
        assert settings.RANGES[f"probe{i}_type"] == (0, len(types) - 1)


def test_the_host_may_ask_for_less_of_everything_but_never_for_more_than_the_hard_limits() -> None:
    bounds = {
        "tolerance_mc": limits.TOLERANCE_MAX_MC,
        "hold_ms": limits.HOLD_MAX_MS,
        "kp_mw_per_c": limits.GAIN_MAX_MW_PER_C,
        "ti_ms": limits.INTEGRAL_TIME_MAX_MS,
        "feed_forward_mw": max(limits.CAP_MAX_MW),
        "lease_ms": limits.LEASE_MAX_MS,
        "confirm_ms": limits.CONFIRM_MAX_MS,
        "probe0_limit_mc": max(limits.PROBE_LIMIT_MAX_MC),
    }
    for name, highest in bounds.items():
        assert settings.RANGES[name][1] == highest
    assert all(high < 1 << 30 for _, high in settings.RANGES.values())


def test_feed_forward_above_the_cap_is_refused() -> None:
    """The law would stay at the cap at its set-point until the integral has wound down."""
    assert uploaded({"feed_forward_mw": 3000, "cap_mw": 3000}).commit() == ""
    assert uploaded({"feed_forward_mw": 3001, "cap_mw": 3000}).commit() != ""
