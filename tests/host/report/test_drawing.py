"""What is drawn: curves that keep their extremes, frames, and a cross-section to scale."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from host.fake_device import COLUMNS
from host.plans import BARE, DEFAULT
from host.report.synthetic import Script, tissue, write_run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from imilt.plan import load_plan
from imilt.report import pixels, section
from imilt.report.frames import MAX_ROWS, frame_table, thin
from imilt.run import Run, segments

CURVES = npst.arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e3, 1e3) | st.just(float("nan")))


@given(CURVES, st.integers(1, 20))
def test_thinning_keeps_the_extremes(y: np.ndarray, buckets: int) -> None:
    x = np.arange(len(y), dtype=np.float64)
    thin_x, thin_y = thin(x, y, buckets)
    known = y[np.isfinite(y)]
    assert len(thin_x) == len(thin_y) <= max(4 * buckets, 0)
    assert np.all(np.diff(thin_x) > 0)
    assert np.array_equal(y[thin_x.astype(int)], thin_y)
    if len(known):
        assert (thin_y.min(), thin_y.max()) == (known.min(), known.max())
        assert (thin_y[0], thin_y[-1]) == (known[0], known[-1])


@given(npst.arrays(np.int64, st.integers(0, 50), elements=st.integers(0, 2)))
def test_segments_tile_the_values(values: np.ndarray) -> None:
    found = list(segments(values))
    rebuilt = [code for first, after, code in found for _ in range(first, after)]
    assert rebuilt == values.tolist()
    assert all(a[2] != b[2] for a, b in pairwise(found))


def test_one_row_per_frame(tmp_path: Path) -> None:
    table = frame_table(Run.load(write_run(tmp_path / "run")))
    assert len(table["min"]) == 60
    holding = np.array(table["state"]) == "holding"
    assert table["dark0"][holding] == pytest.approx(46.0)
    assert table["warm0"][holding] == pytest.approx(47.0)
    assert table["true0"][holding] == pytest.approx(44.0, abs=0.01)
    for name in ("wanted", "allowed", "delivered"):
        assert table[name][holding] == pytest.approx(2.0)


def test_one_odd_cycle_stays_in_the_frames(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(heating_s=600.0, hold_s=4000.0))
    lines = (folder / "cycles.csv").read_bytes().split(b"\n")
    row = lines[30_005].split(b",")
    row[COLUMNS.index("delivered_mw")] = b"4321"
    lines[30_005] = b",".join(row)
    (folder / "cycles.csv").write_bytes(b"\n".join(lines))
    table = frame_table(Run.load(folder))
    assert len(table["min"]) <= MAX_ROWS + 1
    assert table["highest"].max() == pytest.approx(4.321)


@pytest.mark.parametrize("plan", [DEFAULT, BARE])
def test_section_is_symmetric_and_holds_the_whole_plan(plan: Path) -> None:
    loaded = load_plan(plan).plan
    cut = pixels.cut(tissue(), loaded)
    field = cut.fields["temperature_c"]
    assert field.shape == (len(cut.z_mm), len(cut.x_mm))
    assert np.array_equal(field, field[:, ::-1])
    assert np.isfinite(field).all()
    for probe in loaded.probes:
        assert cut.x_mm[0] < -probe.radial_mm
        assert probe.radial_mm < cut.x_mm[-1]
        assert cut.z_mm[0] < probe.axial_mm < cut.z_mm[-1]


@pytest.mark.parametrize(
    ("field", "level", "radius_mm"),
    [("temperature_c", 50.0, 20 / 3), ("cem43_min", 100.0, 6.0), ("omega_skin", 1.0, 3.0)],
)
def test_contours_lie_where_the_field_says(field: str, level: float, radius_mm: float) -> None:
    lines = pixels.contour_lines(pixels.cut(tissue(), load_plan(DEFAULT).plan), field, level)
    assert np.hypot(*np.concatenate(lines).T) == pytest.approx(radius_mm, abs=0.15)


def test_panels_are_to_scale() -> None:
    plan = load_plan(DEFAULT).plan
    for fig in section.panels(tissue(), plan).values():
        across = (fig.x_range.end - fig.x_range.start) / fig.frame_width
        down = (fig.y_range.start - fig.y_range.end) / fig.frame_height
        assert across == pytest.approx(down, rel=0.01)


def test_panels_without_a_plan_or_fields() -> None:
    assert list(section.panels(tissue(), None)) == ["temperature", "cem43", "damage"]
    assert section.panels(None, None) == {}
    assert section.panels({"r_mm": np.arange(3.0), "z_mm": np.arange(3.0)}, None) == {}
