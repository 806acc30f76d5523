"""docs/physics.md against what the package says today: the parts that are quick to work out again."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt.plan import ProbeModel, Tissue
from imilt_sim.physics.command import points_row
from imilt_sim.physics.points import results
from imilt_sim.physics.setup import case_names, load_case, load_setup, presets
from imilt_sim.physics.trial import at_rest, perform

PAGE = (Path(__file__).parents[3] / "docs" / "physics.md").read_text()
STALE = "docs/physics.md is stale: run `make physics`"


@pytest.mark.parametrize("name", case_names())
def test_every_case_is_told_with_every_point(name: str) -> None:
    setup = load_case(name)
    assert setup.note in PAGE, STALE
    for point in setup.points:
        assert f"| {point.name} | " in PAGE, STALE


@pytest.mark.parametrize("name", ["V1", "V2"])
def test_quick_cases_are_told_as_they_come_out(name: str) -> None:
    setup = load_case(name)
    for result in results(setup, {run.name: perform(setup, run) for run in setup.all_runs}):
        assert f"| {' | '.join(points_row(result))} |" in PAGE, STALE


def test_parameters_are_told_with_their_sources() -> None:
    for section, model in (("tissue", Tissue), ("probe_model", ProbeModel)):
        for key, field in model.model_fields.items():
            (line,) = (line for line in PAGE.splitlines() if f"`{section}.{key}`" in line)
            assert field.description, key
            assert field.description in line, STALE
            assert field.default is None or f"| {field.default} |" in line, STALE


def test_the_example_is_a_set_up_and_names_every_preset(tmp_path: Path) -> None:
    text = PAGE.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "example.toml"
    path.write_text(text)
    setup = load_setup(path)
    assert results(setup, {run.name: at_rest(setup, run) for run in setup.all_runs})
    assert all(name in text for name in presets())
