"""Set-ups: what is refused, and what presets and defaults make of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt.errors import InputError
from imilt.plan import Tissue
from imilt_sim.physics.setup import Setup, SetupTissue, case_names, load_case, load_setup, presets

GOOD = """
schema = 1
name = "Mine"
[tissue]
preset = "pancreas-ex-vivo"
[fibre]
kind = "bare"
radius_mm = 0.2
[[power]]
power_w = 2.0
duration_s = 5.0
[[probes]]
name = "near"
radial_mm = 3.0
"""

BAD = {
    "negative perfusion": (
        ("[fibre]", "perfusion_per_s = -0.01\n[fibre]"),
        ("tissue.perfusion_per_s = -0.01", "0 1/s"),
    ),
    "not a number": (("power_w = 2.0", "power_w = nan"), ("power[0].power_w", "nan")),
    "infinite": (("duration_s = 5.0", "duration_s = inf"), ("power[0].duration_s", "inf")),
    "probe outside": (("radial_mm = 3.0", "radial_mm = 31.0"), ("probes[0].radial_mm = 31.0", "30 mm")),
    "probe far along": (("radial_mm = 3.0", "radial_mm = 3.0\naxial_mm = -36.0"), ("probes[0].axial_mm", "-35 mm")),
    "probe in the fibre": (
        ("radial_mm = 3.0", "radial_mm = 0.1\naxial_mm = -1.0"),
        ("probes[0].radial_mm = 0.1", "inside the fibre", "0.2 mm"),
    ),
    "unknown preset": (('"pancreas-ex-vivo"', '"brain"'), ("tissue", "'brain'", "pancreas-ex-vivo")),
    "unknown key": (("[fibre]", "[fibre]\ncolour = 1"), ("fibre.colour", "unknown key")),
    "unknown kind": (('name = "near"', 'name = "near"\nkind = "eye"'), ("probes[0].kind = 'eye'", "thermocouple")),
    "too long": (("duration_s = 5.0", "duration_s = 7201.0"), ("power[0].duration_s = 7201.0", "7200 s")),
    "no power": (("[[power]]\npower_w = 2.0\nduration_s = 5.0", ""), ("[[power]]", "[[runs]]")),
    "two of a name": (
        ("[[probes]]", '[[probes]]\nname = "near"\nradial_mm = 4.0\n[[probes]]'),
        ("probes", "'near' is given twice"),
    ),
    "loop without a probe": (("[fibre]", '[loop]\nprobe = "far"\n[fibre]'), ("loop.probe = 'far'", "[[probes]]")),
    "another schema": (("schema = 1", "schema = 2"), ("schema",)),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_good_set_up_holds(tmp_path: Path) -> None:
    setup = load_setup(written(tmp_path, GOOD))
    assert setup.tissue.of_plan().body_c == 20.0
    assert setup.tissue.of_plan().normal_perfusion_per_s == setup.tissue.of_plan().tumour_perfusion_per_s == 0.0
    assert [run.energy_j for run in setup.all_runs] == [10.0]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_set_up_is_refused(tmp_path: Path, name: str) -> None:
    (old, new), told = BAD[name]
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        load_setup(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    for part in told:
        assert part in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"name = ", bytes(range(256))])
def test_a_file_that_is_no_set_up_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.toml: "):
        load_setup(path)


def test_the_users_keys_go_over_the_presets() -> None:
    tissue = SetupTissue.model_validate({"preset": "liver", "absorption_per_cm": 0.7, "perfusion_per_s": 0.001})
    assert tissue.of_plan().absorption_per_cm == 0.7
    assert tissue.of_plan().reduced_scattering_per_cm == presets()["liver"]["reduced_scattering_per_cm"]
    assert tissue.of_plan().normal_perfusion_per_s == 0.001


@pytest.mark.parametrize("name", presets())
def test_presets_are_tissues(name: str) -> None:
    assert isinstance(SetupTissue.model_validate({"preset": name}).of_plan(), Tissue)


def test_one_set_of_parameters_serves_all_cases() -> None:
    allowed = {"body_c", "tumour_perfusion_per_s", "normal_perfusion_per_s"}
    default = Tissue()
    for name in case_names():
        tissue = load_case(name).tissue.of_plan()
        assert {key for key in Tissue.model_fields if getattr(tissue, key) != getattr(default, key)} <= allowed


def test_every_case_tells_its_source() -> None:
    assert case_names() == ["V1", "V2", "V5", "V6", "V10", "CILA"]
    assert all(load_case(name).source for name in case_names())
    with pytest.raises(InputError, match="no such case; one of V1"):
        load_case("V3")


@pytest.mark.parametrize(
    ("goal", "span"),
    [
        ({"measured": 10.0, "within": 2.0}, (8.0, 12.0)),
        ({"measured": 10.0, "percent": 20.0}, (8.0, 12.0)),
        ({"measured": [10.0, 20.0], "factor": 2.0}, (5.0, 40.0)),
        ({"measured": "grows", "at_least": 1.0}, (1.0, float("inf"))),
        ({"measured": "grows"}, None),
        ({"measured": 10.0}, None),
    ],
)
def test_goals(goal: dict[str, object], span: tuple[float, float] | None) -> None:
    point = {"name": "x", "quantity": "hottest_c", "unit": "°C"} | goal
    setup = Setup.model_validate(
        {"schema": 1, "name": "x", "power": [{"power_w": 1.0, "duration_s": 1.0}], "points": [point]}
    )
    assert setup.points[0].goal() == (pytest.approx(span) if span else None)
