"""Whole treatments: the plans that come with it, what their records hold, and what happens when something breaks."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host.plans import BARE, DEFAULT, SHORT, changed
from sim.simulations import BOTH_LEVELS, change_stand_in, changed_firmware, setup, simulate

from imilt.errors import InputError, RunError
from imilt.plan import load_plan
from imilt.run import Run
from imilt_sim.simulate import Setup, Simulation
from imilt_sim.world import World


def run(plan: Path, folder: Path) -> tuple[dict[str, Any], Run]:
    return Simulation(Setup(load_plan(plan)), folder).run(), Run.load(folder)


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Run]:
    return run(DEFAULT, tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Run]:
    return run(BARE, tmp_path_factory.mktemp("bare"))


# The plans that come with it


def test_the_default_plan_is_held_for_half_an_hour(default: tuple[dict[str, Any], Run]) -> None:
    summary, _ = default
    assert (summary["end_reason"], summary["end_code"]) == ("complete", 1)
    assert summary["hold_s"] >= 1800
    assert summary["overshoot_c"] <= 1.0
    assert summary["control_sd_c"] <= 0.3
    assert summary["control_mean_c"] == pytest.approx(46.0, abs=0.3)
    assert summary["tissue_max_c"] < 100.0
    assert (summary["missing_rows"], summary["dropped_rows"]) == (0, 0)


def test_the_tissue_is_as_warm_as_believed(default: tuple[dict[str, Any], Run]) -> None:
    """Light heats the probe itself by some degrees, and what is believed is the tissue without them."""
    summary, record = default
    assert summary["true_control_mean_c"] == pytest.approx(summary["control_mean_c"], abs=0.3)
    assert 0.8 * 240 < summary["true_cem43_control_min"] < 1.5 * 240
    assert summary["true_control_sd_c"] <= 0.25
    assert summary["true_overshoot_c"] <= 1.0
    rows, dark_c = record.cycles.fresh(0, dark=True)
    assert np.mean(dark_c[record.in_state("holding")[rows]]) > summary["true_control_mean_c"] + 0.5


def test_the_record_is_whole(default: tuple[dict[str, Any], Run]) -> None:
    summary, record = default
    assert record.chain_ok
    assert not record.problems
    assert record.cycles.missing == 0
    assert record.summary == summary
    assert record.cycles.duration_s == pytest.approx(summary["duration_s"])
    assert np.all(np.diff(record.cycles["energy_mj"]) >= 0)


def test_the_frames_last_slot_is_dark(default: tuple[dict[str, Any], Run]) -> None:
    _, record = default
    dark = record.cycles.phase >= 8
    assert record.cycles["allowed_mw"][dark].max() == 0
    assert record.cycles["allowed_mw"][~dark].max() > 1000


def test_the_truth_fits_the_plan_and_the_record(default: tuple[dict[str, Any], Run]) -> None:
    summary, record = default
    assert record.truth is not None
    n = 4
    header = (record.path / "truth.csv").read_text().partition("\n")[0]
    assert header.split(",") == (
        ["time_s", "power_w", "tissue_max_c"]
        + [f"site{i}_c" for i in range(n)]
        + [f"junction{i}_c" for i in range(n)]
        + [f"cem43_site{i}_min" for i in range(n)]
    )
    assert record.truth["time_s"].tolist() == [float(i) for i in range(1, record.truth.rows + 1)]
    assert record.truth.rows == int(summary["duration_s"])
    assert record.truth["tissue_max_c"][-1] == pytest.approx(summary["tissue_max_c"], abs=1e-3)
    energy_j = record.truth["power_w"].sum()
    assert energy_j == pytest.approx(summary["energy_j"], rel=0.03)
    # A junction is never cooler than its site, but for the lag.
    assert (record.truth["junction0_c"] - record.truth["site0_c"]).min() > -0.2
    assert record.truth["cem43_site0_min"][-1] == pytest.approx(summary["true_cem43_control_min"])


def test_what_the_firmware_believes_is_the_junctions_dark_temperature(default: tuple[dict[str, Any], Run]) -> None:
    _, record = default
    assert record.truth is not None
    rows, believed = record.cycles.fresh(0, dark=True)
    junction = np.interp(record.cycles.time_s[rows], record.truth["time_s"], record.truth["junction0_c"])
    held = record.in_state("holding")[rows]
    # At whole seconds the light has just come back on: the truth there is at least as warm.
    assert np.abs(believed[held] - junction[held]).mean() < 1.5


def test_the_tissue_fits_the_plan(default: tuple[dict[str, Any], Run]) -> None:
    summary, record = default
    assert record.tissue is not None
    fields = record.tissue
    shape = (len(fields["r_mm"]), len(fields["z_mm"]))
    for name in ("temperature_c", "peak_c", "cem43_min", "omega_skin", "omega_bhk", "volume_mm3"):
        assert fields[name].shape == shape
        assert np.isfinite(fields[name]).all()
    assert fields["peak_c"].max() == pytest.approx(summary["tissue_max_c"])
    assert (fields["temperature_c"] <= fields["peak_c"] + 1e-9).all()
    assert fields["temperature_c"].max() > 45  # as the light ended, not after cooling
    assert fields["r_mm"][0] < 1.0
    assert fields["z_mm"][0] < -10 < 10 < fields["z_mm"][-1]


def test_the_bare_fibre_is_held_too_and_is_hotter_at_its_face(
    bare: tuple[dict[str, Any], Run], default: tuple[dict[str, Any], Run]
) -> None:
    summary, record = bare
    assert (summary["end_reason"], summary["missing_rows"]) == ("complete", 0)
    assert summary["tissue_max_c"] > default[0]["tissue_max_c"]
    assert record.cycles["allowed_mw"].max() <= 2000
    assert [probe["role"] for probe in summary["probes"]] == ["control", "tip", "guard"]


def test_the_facts_of_the_run_are_in_its_summary(default: tuple[dict[str, Any], Run]) -> None:
    summary, _ = default
    loaded = load_plan(DEFAULT)
    assert (summary["level"], summary["seed"], summary["faults"]) == ("cpython", 1, [])
    assert (summary["plan_name"], summary["plan_sha256"]) == (loaded.plan.name, loaded.sha256)
    assert len(summary["trace_sha256"]) == 64
    assert summary["realtime_factor"] > 1
    assert summary["wall_s"] > 0


# Short of the goal


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("hold_min = 0.5\nmax_energy_kj = 0.1", 41),
        ("hold_min = 1.0\nmax_emission_min = 1.0", 42),
    ],
)
def test_a_limit_of_the_plan_ends_it(tmp_path: Path, change: str, code: int) -> None:
    summary = simulate(tmp_path, text=changed(("hold_min = 0.5", change)))
    assert (summary["end_reason"], summary["end_code"]) == ("fault", code)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not empty"):
        simulate(tmp_path)


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    simulation = Simulation(setup(tmp_path), tmp_path / "run", lambda treatment, row: simulation.interrupt())
    summary = simulation.run()
    assert (summary["end_reason"], summary["end_text"]) == ("host", "interrupted by the user")


# Something breaks


@BOTH_LEVELS
def test_a_firmware_that_fails_in_a_cycle_ends_it_as_restarted(
    tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    failing = "        phase = self.count % limits.FRAME_CYCLES\n"
    firmware = changed_firmware(
        tmp_path, "app.py", failing, failing + "        if self.count == 70:\n            raise ValueError('broken')\n"
    )
    summary = simulate(tmp_path, level=level, firmware=firmware)
    assert summary["end_reason"] == "host"
    assert summary["end_text"] == "the device restarted after 7.0 s"
    assert "ValueError: broken" in capfd.readouterr().err
    assert len(Run.load(tmp_path / "run").cycles) >= 70


@BOTH_LEVELS
def test_a_firmware_that_hangs_is_reset_by_its_watchdog(tmp_path: Path, level: str) -> None:
    failing = "        phase = self.count % limits.FRAME_CYCLES\n"
    hang = "        if self.count == 70:\n            time.sleep_ms(100000)\n"
    firmware = changed_firmware(tmp_path, "app.py", failing, failing + hang)
    summary = simulate(tmp_path, level=level, firmware=firmware)
    assert summary["end_text"] == "the device restarted after 7.0 s"


NEVER_STARTS = ("app.py", "        self.board_name = board_name\n", "        raise ValueError('broken')\n")
MAIN_RESETS = ("main.py", "        App(board.Board(), board.NAME, service).run()\n", "        machine.reset()\n")
BOOT_RESETS = ("boot.py", "import board\n", "import machine\nimport board\n\nmachine.reset()\n")


@pytest.mark.parametrize(
    ("level", "change"),
    [
        ("cpython", NEVER_STARTS),
        ("cpython", MAIN_RESETS),
        ("cpython", BOOT_RESETS),
        pytest.param("micropython", NEVER_STARTS, marks=pytest.mark.micropython),
    ],
)
def test_a_firmware_that_never_gets_to_a_cycle_ends_it(
    tmp_path: Path, level: str, change: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchanges = [0]
    exchange = World.exchange

    def counted(world: World, board: Any) -> None:
        exchanges[0] += 1
        assert exchanges[0] < 300, "the device boots for ever"
        exchange(world, board)

    monkeypatch.setattr(World, "exchange", counted)
    firmware = changed_firmware(tmp_path, *change)
    with contextlib.suppress(RunError):
        assert simulate(tmp_path, level=level, firmware=firmware)["end_reason"] == "host"


@BOTH_LEVELS
@pytest.mark.parametrize("error", [RuntimeError("broken"), RunError("disk full"), OSError(28, "No space left")])
def test_what_fails_in_the_world_comes_out_as_it_is(tmp_path: Path, level: str, error: Exception) -> None:
    """The firmware has handlers of its own, which must not see it."""

    def fail(treatment: object, row: bytes) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        simulate(tmp_path, on_frame=fail, level=level)
    assert caught.value is error


@BOTH_LEVELS
def test_ctrl_c_comes_out_of_a_simulation_too(tmp_path: Path, level: str) -> None:
    """As a user of the library presses it, without the command's own handler."""

    def interrupt(treatment: object, row: bytes) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, on_frame=interrupt, level=level)


@pytest.mark.micropython
def test_a_vm_that_dies_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    change_stand_in(
        monkeypatch, tmp_path, "vboard.py", "            board.come_up()\n", "            board.come_down()\n"
    )
    with pytest.raises(RunError, match=r"the MicroPython VM ended with code 1"):
        simulate(tmp_path, level="micropython")
    assert "AttributeError" in capfd.readouterr().err


@BOTH_LEVELS
def test_a_firmware_that_cannot_be_imported_is_told(
    tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    firmware = changed_firmware(tmp_path, "limits.py", "CYCLE_MS = const(100)", "CYCLE_MS = const(100")
    summary = simulate(tmp_path, level=level, firmware=firmware)
    assert summary["end_reason"] == "host"
    assert "fell silent" in summary["end_text"]
    assert "SyntaxError" in capfd.readouterr().err


def test_another_manifest_than_the_devices_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imilt_sim.simulate.firmware_sha256", lambda folder, mpy: "00" * 32)
    summary = simulate(tmp_path, text=SHORT)
    assert summary["end_reason"] == "host"
    assert "flash the device" in summary["end_text"]
