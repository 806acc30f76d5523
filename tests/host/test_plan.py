"""The plan: every range in and out, what must fit together, what the device takes, and what a user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from host.plans import BARE, DEFAULT, PLANS, SHORT, changed, load, short, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from support.firmware import load as load_firmware

from imilt.errors import InputError
from imilt.plan import HIGHEST_CAP_W, HIGHEST_LIMIT_C, Plan, Probe, Section, describe, find_plan, load_plan

CONTROL = {"role": "control", "radial_mm": 5.0}


def sections() -> dict[str, type[Section]]:
    """The sections of numbers by their name."""
    found = {name: field.annotation for name, field in Plan.model_fields.items()}
    models = {name: model for name, model in found.items() if isinstance(model, type) and issubclass(model, Section)}
    return models | {"probes": Probe}


def bounds(field: FieldInfo) -> tuple[float, float] | None:
    limits = {type(bound).__name__: bound for bound in field.metadata}
    return (limits["Ge"].ge, limits["Le"].le) if "Ge" in limits else None


RANGES = [
    (section, key, *limits)
    for section, model in sections().items()
    for key, field in model.model_fields.items()
    if (limits := bounds(field))
]


def with_value(section: str, key: str, value: Any) -> Plan:
    """The short plan with one value; that of a probe goes to a spare one far from everything."""
    if section == "probes":
        return short(probes=[CONTROL, {"role": "spare", "radial_mm": 20.0, "axial_mm": 20.0} | {key: value}])
    brief = {"hold_min": 0.5} if section == "treatment" else {}  # no emission is too short for it
    return short(**{section: brief | {key: value}})


@pytest.mark.parametrize(("section", "key", "low", "high"), RANGES)
def test_every_range_takes_its_ends_and_nothing_beyond(section: str, key: str, low: float, high: float) -> None:
    for value in (low, high):
        with_value(section, key, value)
    for value in (low - 1e-6, high + 1e-6, float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValidationError):
            with_value(section, key, value)


def test_every_number_has_a_range() -> None:
    assert len(RANGES) > 25
    for model in sections().values():
        for key, field in model.model_fields.items():
            number = "float" in str(field.annotation) and "tuple" not in str(field.annotation)
            assert not number or bounds(field), key


# What a user gets wrong


TWO_IN_ONE_PLACE = changed(("radial_mm = 13.0", "radial_mm = 5.2"))
BAD: dict[str, tuple[str, tuple[str, ...]]] = {
    "set-point 95 °C": (changed(("hold_min = 0.5", "set_point_c = 95.0")), ("treatment.set_point_c = 95.0", "50 °C")),
    "negative hold": (changed(("hold_min = 0.5", "hold_min = -1")), ("treatment.hold_min = -1", "0.5 min")),
    "two probes in one place": (TWO_IN_ONE_PLACE, ("probes[0] and probes[1]", "0.20 mm", "0.5 mm")),
    "unknown key": (changed(("hold_min = 0.5", "hold_mim = 0.5")), ("treatment.hold_mim", "unknown key")),
    "unknown section": (SHORT + "\n[laser]\npower_w = 3\n", ("laser", "unknown key")),
    "probe inside the fibre": (
        changed(("radial_mm = 5.0", "radial_mm = 0.5")),
        ("probes[0].radial_mm = 0.5", "1.0 mm"),
    ),
    "not a number": (changed(("hold_min = 0.5", "hold_min = nan")), ("treatment.hold_min", "finite")),
    "infinite": (changed(("hold_min = 0.5", "hold_min = inf")), ("treatment.hold_min", "finite")),
    "a text for a number": (changed(("hold_min = 0.5", 'hold_min = "5"')), ("treatment.hold_min", "number")),
    "a truth for a number": (changed(("hold_min = 0.5", "hold_min = true")), ("treatment.hold_min", "number")),
    "another schema": (changed(("schema = 1", "schema = 2")), ("schema = 2", "1")),
    "no control probe": (changed(('role = "control"', 'role = "spare"')), ("probes", "exactly one", "found 0")),
    "two control probes": (changed(('role = "guard"', 'role = "control"')), ("probes", "exactly one", "found 2")),
    "no probe": (SHORT[: SHORT.index("[[")], ("probes", "missing")),
    "five probes": (SHORT + '\n[[probes]]\nrole = "spare"\nradial_mm = 30.0\n' * 3, ("probes", "4")),
    "unknown role": (changed(('role = "guard"', 'role = "watch"')), ("probes[1].role = 'watch'", "guard")),
    "no name": (changed(('name = "Short"\n', "")), ("name", "missing")),
    "empty name": (changed(('"Short"', '""')), ("name", "1 character")),
    "limit too near": (changed(("radial_mm = 5.0", "radial_mm = 5.0\nlimit_c = 48.0")), ("probes[0].limit_c", "3 °C")),
    "a section that is a number": (SHORT.replace("[treatment]\nhold_min", "treatment"), ("treatment", "valid")),
    "a hold that the light cannot last for": (
        changed(("hold_min = 0.5", "hold_min = 2.0\nmax_emission_min = 1.0")),
        ("treatment.max_emission_min = 1.0", "hold_min = 2.0"),
    ),
    "cap its fibre cannot have": (
        SHORT + '\n[fibre]\nkind = "bare"\ncap_w = 3.5\n',
        ("fibre.cap_w = 3.5", "bare", "3 W"),
    ),
    "unknown type of thermocouple": (
        changed(("radial_mm = 5.0", 'radial_mm = 5.0\ntype = "C"')),
        ("probes[0].type = 'C'", "'K'", "'T'"),
    ),
    "unknown wish for a lost host": (
        SHORT + '\n[supervision]\non_lost_host = "wait"\n',
        ("supervision.on_lost_host = 'wait'", "'pause' or 'stop'"),
    ),
    "a lease that no host can keep": (
        SHORT + "\n[supervision]\nlease_s = 0.5\n",
        ("supervision.lease_s = 0.5", "1 s"),
    ),
    "limit its role cannot have": (
        changed(("radial_mm = 5.0", "radial_mm = 5.0\nlimit_c = 80.0")),
        ("probes[0].limit_c = 80.0", "65"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plan_is_told_with_file_field_value_and_limit(tmp_path: Path, name: str) -> None:
    text, told = BAD[name]
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'short.toml'}: ")
    assert "\n" not in message
    for part in told:
        assert part in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty; start from plans/pancreas-imilt.toml"),
        (b"  \n\n", "is empty"),
        (b"schema = \n", "is not valid TOML: "),
        (b"\x00\x01\xff\xfe", "is not valid TOML: "),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "is not valid TOML: "),
    ],
)
def test_a_file_that_is_no_plan_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        load_plan(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.toml", "", "x" * 300, "folder", "plan.toml/below"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write(tmp_path, name="plan.toml")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        find_plan(Path(name))


# What is right


@pytest.mark.parametrize("path", sorted(PLANS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_plan_that_comes_with_it_loads(path: Path) -> None:
    loaded = load_plan(path)
    assert loaded.source == path.read_bytes()
    assert loaded.plan.probes[loaded.plan.control_channel].role == "control"


def test_the_plans_source_and_hash_are_of_its_very_bytes(tmp_path: Path) -> None:
    one, other = load(tmp_path), load(tmp_path, SHORT + "# a remark\n")
    assert one.plan == other.plan
    assert one.sha256 != other.sha256


def test_the_cap_follows_the_fibre_unless_the_plan_says() -> None:
    assert load_plan(DEFAULT).plan.fibre.power_cap_w == 3.0
    assert load_plan(BARE).plan.fibre.power_cap_w == 2.0
    assert short(fibre={"cap_w": 1.2}).fibre.power_cap_w == 1.2


def test_a_probe_may_sit_in_front_of_the_fibre_but_not_in_it() -> None:
    ahead = {"role": "tip", "radial_mm": 0.0}
    short(probes=[CONTROL, ahead | {"axial_mm": 7.75}])
    with pytest.raises(ValidationError, match="inside the fibre"):
        short(probes=[CONTROL, ahead | {"axial_mm": 7.7}])


# What the device takes


def test_a_probe_may_truly_sit_elsewhere_but_not_in_the_fibre() -> None:
    off = CONTROL | {"radial_error_mm": -1.5, "axial_error_mm": 2.0}
    probe = short(probes=[off]).probes[0]
    assert (probe.true_radial_mm, probe.true_axial_mm) == (CONTROL["radial_mm"] - 1.5, 2.0)
    with pytest.raises(ValidationError, match=r"probes\[1\]\.radial_error_mm = -2\.0.* inside the fibre"):
        short(probes=[CONTROL, {"role": "tip", "radial_mm": 2.5, "radial_error_mm": -2.0}])


def test_where_a_probe_truly_sits_is_not_the_devices_to_know() -> None:
    assert short(probes=[CONTROL | {"radial_error_mm": 1.0}]).device_fields() == short(probes=[CONTROL]).device_fields()


def test_a_needle_is_thicker_than_a_bead_unless_the_plan_says() -> None:
    models = ({}, {"kind": "needle"}, {"kind": "needle", "radius_mm": 0.4})
    assert [short(probe_model=model).probe_model.body_radius_mm for model in models] == [0.1, 0.25, 0.4]


def taken_by_the_firmware(plan: Plan) -> Any:
    """The firmware's settings after the upload, or what it says is wrong."""
    settings = load_firmware("settings").Settings()
    for name, value in plan.device_fields().items():
        problem = settings.put(name, value)
        assert not problem, problem
    problem = settings.commit()
    assert not problem, problem
    return settings


def test_four_probes_make_every_parameter_of_the_firmware_and_no_other() -> None:
    plan = load_plan(DEFAULT).plan
    assert len(plan.probes) == 4
    assert plan.device_fields().keys() == load_firmware("settings").RANGES.keys()


@pytest.mark.parametrize(("section", "key", "low", "high"), RANGES)
def test_the_firmware_takes_what_the_host_takes(section: str, key: str, low: float, high: float) -> None:
    for value in (low, high):
        taken_by_the_firmware(with_value(section, key, value))


@pytest.mark.parametrize("kind", ["bare", "diffuser", "radial"])
def test_the_firmware_takes_each_fibre_up_to_its_own_cap(kind: str) -> None:
    most = load_firmware("limits").CAP_MAX_MW[("bare", "diffuser", "radial").index(kind)]
    assert taken_by_the_firmware(short(fibre={"kind": kind, "cap_w": most / 1000})).cap_mw == most
    with pytest.raises(ValidationError, match=r"fibre\.cap_w"):
        short(fibre={"kind": kind, "cap_w": most / 1000 + 0.001})


def test_the_highest_values_are_the_firmwares_own() -> None:
    limits = load_firmware("limits")
    assert [round(1000 * watts) for watts in HIGHEST_CAP_W.values()] == list(limits.CAP_MAX_MW)
    assert [round(1000 * celsius) for celsius in HIGHEST_LIMIT_C.values()] == list(limits.PROBE_LIMIT_MAX_MC[1:])
    assert list(HIGHEST_CAP_W) == ["bare", "diffuser", "radial"]
    assert list(HIGHEST_LIMIT_C) == ["control", "tip", "guard", "spare"]


def test_the_types_are_the_firmwares_own() -> None:
    types = get_args(Probe.model_fields["type"].annotation)
    assert "".join(types) == load_firmware("drivers.reading").TYPES
    for code, letter in enumerate(types):
        plan = short(probes=[CONTROL | {"type": letter}])
        assert taken_by_the_firmware(plan).types[0] == code


@pytest.mark.parametrize(("wish", "stops"), [("pause", 0), ("stop", 1)])
def test_what_is_to_be_done_about_a_lost_host_arrives(wish: str, stops: int) -> None:
    settings = taken_by_the_firmware(short(supervision={"on_lost_host": wish, "lease_s": 2.5, "confirm_min": 4.0}))
    assert (settings.lease_stops, settings.lease_ms, settings.confirm_ms) == (stops, 2500, 240_000)


@given(
    st.sampled_from(["control", "tip", "guard", "spare"]),
    st.floats(41.0, 95.0),
    st.floats(42.0, 50.0),
)
def test_the_firmware_takes_every_limit_that_the_host_takes(role: str, limit_c: float, set_point_c: float) -> None:
    probe = {"role": role, "radial_mm": 9.0, "limit_c": limit_c}
    try:
        plan = short(treatment={"set_point_c": set_point_c}, probes=[probe] + [CONTROL] * (role != "control"))
    except ValidationError:
        return
    assert taken_by_the_firmware(plan).limit_mc[0] == round(limit_c * 1000)


def test_the_device_gets_integers_in_the_units_of_their_names() -> None:
    fields = short(treatment={"set_point_c": 45.5, "hold_min": 2.5, "max_energy_kj": 1.5}).device_fields()
    assert all(type(value) is int for value in fields.values())
    assert (fields["set_point_mc"], fields["hold_ms"], fields["energy_mj"]) == (45500, 150_000, 1_500_000)
    assert (fields["probe0_role"], fields["probe1_role"]) == (1, 3)
    assert (fields["probe0_type"], fields["probe0_limit_mc"], fields["probe1_limit_mc"]) == (7, 60000, 43000)


# What `imilt plan describe` lists


def test_describe_lists_every_parameter_with_unit_range_and_source() -> None:
    lines = list(describe())
    for section, model in sections().items():
        heads = [i for i, line in enumerate(lines) if line.lstrip("\n[").startswith(f"{section}]")]
        assert len(heads) == 1, section
        body = {line.split()[0]: line for line in lines[heads[0] + 1 : heads[0] + 1 + len(model.model_fields)]}
        assert body.keys() == model.model_fields.keys()
        for key, field in model.model_fields.items():
            limits, choices = bounds(field), get_args(field.annotation)
            if limits:
                check_described(body[key], field, limits)
            elif get_origin(field.annotation) is Literal:
                assert ", ".join(choices) in body[key]
                assert ("required" if field.is_required() else f"= {field.default}") in body[key]


def test_describe_says_what_stands_in_place_of_nothing() -> None:
    lines = {line.split()[0]: line for line in describe() if line.strip()}
    assert "= by kind" in lines["cap_w"]
    assert "= by role" in lines["limit_c"]
    assert "None" not in "".join(lines.values())


def check_described(line: str, field: FieldInfo, limits: tuple[float, float]) -> None:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    assert f" {extra['unit']} " in line + " ", line
    assert f"{limits[0]:g} to {limits[1]:g}" in line
    if not field.is_required():
        assert field.description, f"no source: {line}"
        otherwise, _, source = field.description.partition(": ")
        default, told = (otherwise, source) if field.default is None else (field.default, field.description)
        assert f"= {default} " in line
        assert line.endswith(told)
    else:
        assert " required " in line
