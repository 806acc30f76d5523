"""One trace: what gives the same bytes on every level, and the smallest change that does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from host.plans import SHORT, changed, short
from sim.boards import StandIns
from sim.simulations import BOTH_LEVELS, LEVELS, change_stand_in, changed_firmware, setup, simulate

from imilt.errors import InputError
from imilt.firmware import firmware_dir, firmware_sha256
from imilt_sim.levels import check_level, micropython

FAULTS = ["footswitch@15", "offset@30:1,3", "estop@50"]
UPSETS = ["brown-out@15:4900", "cold-junction@18:25", "host-silent@19:0.5", "pwm-stuck@22:0.5"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The short plan's trace."""
    return simulate(tmp_path_factory.mktemp("reference"))["trace_sha256"]


@BOTH_LEVELS
@pytest.mark.parametrize("again", [1, 2])
def test_the_same_seed_gives_the_same_trace_on_every_level(
    tmp_path: Path, reference: str, level: str, again: int
) -> None:
    summary = simulate(tmp_path, level=level)
    assert (summary["end_reason"], summary["level"]) == ("complete", level)
    assert summary["trace_sha256"] == reference


@pytest.mark.micropython
@pytest.mark.parametrize("faults", [FAULTS, UPSETS, ["power-cut@20:0.3"], ["hang@20.1"]], ids=lambda faults: faults[0])
def test_the_levels_agree_on_a_run_with_faults_to_the_last_byte(tmp_path: Path, faults: list[str]) -> None:
    ends = [simulate(tmp_path, level, level=level, faults=faults)["end_text"] for level in ("cpython", "micropython")]
    assert ends[0] == ends[1]
    assert ("restarted" in ends[0]) == (len(faults) == 1)
    for name in ("cycles.csv", "events.jsonl", "truth.csv"):
        one, other = ((tmp_path / level / name).read_bytes() for level in ("cpython", "micropython"))
        assert one == other, name


@BOTH_LEVELS
@pytest.mark.parametrize("boot_ms", [0, 137])
def test_the_time_to_boot_does_not_matter(
    tmp_path: Path, reference: str, monkeypatch: pytest.MonkeyPatch, level: str, boot_ms: int
) -> None:
    change_stand_in(monkeypatch, tmp_path, "vboard.py", "BOOT_MS = 300", f"BOOT_MS = {boot_ms}")
    assert simulate(tmp_path, level=level)["trace_sha256"] == reference


# Anything else shows


@BOTH_LEVELS
@pytest.mark.parametrize("seed", [0, 2, 2**63 - 1])
def test_another_seed_is_another_trace(tmp_path: Path, reference: str, level: str, seed: int) -> None:
    summary = simulate(tmp_path, level=level, seed=seed)
    assert summary["seed"] == seed
    assert summary["trace_sha256"] != reference


@BOTH_LEVELS
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SLEW_UP_MW_PER_S = const(500)", "SLEW_UP_MW_PER_S = const(499)"),
        ("COOLED_BELOW_SET_POINT_MC = const(3000)", "COOLED_BELOW_SET_POINT_MC = const(2500)"),
    ],
)
def test_one_changed_limit_is_another_trace(tmp_path: Path, reference: str, level: str, old: str, new: str) -> None:
    firmware = changed_firmware(tmp_path, "limits.py", old, new)
    summary = simulate(tmp_path, level=level, firmware=firmware)
    assert summary["trace_sha256"] != reference
    assert summary["firmware_sha256"] == firmware_sha256(firmware) != firmware_sha256(firmware_dir())


@BOTH_LEVELS
def test_a_remark_in_the_firmware_is_another_firmware_and_the_same_trace(
    tmp_path: Path, reference: str, level: str
) -> None:
    firmware = changed_firmware(tmp_path, "limits.py", "# Control\n", "# Control, as ever\n")
    summary = simulate(tmp_path, level=level, firmware=firmware)
    assert summary["firmware_sha256"] != firmware_sha256(firmware_dir())
    assert summary["trace_sha256"] == reference


@BOTH_LEVELS
def test_one_changed_optical_coefficient_is_another_trace(tmp_path: Path, reference: str, level: str) -> None:
    text = SHORT + "\n[tissue]\nabsorption_per_cm = 0.171\n"
    assert simulate(tmp_path, text=text, level=level)["trace_sha256"] != reference


@BOTH_LEVELS
def test_one_changed_bit_of_the_conversions_is_another_trace(tmp_path: Path, reference: str, level: str) -> None:
    summary = simulate(tmp_path, level=level, faults=["flip@20:0,0"])
    assert summary["trace_sha256"] != reference
    assert summary["end_reason"] == "complete"


def test_the_plans_remarks_are_not_in_the_trace(tmp_path: Path, reference: str) -> None:
    summary = simulate(tmp_path, text=changed(("schema = 1\n", "# a remark\nschema = 1\n")))
    assert summary["trace_sha256"] == reference


# Several at once


@pytest.mark.parametrize("inner", LEVELS)
def test_two_simulations_in_one_process_do_not_disturb_each_other(tmp_path: Path, reference: str, inner: str) -> None:
    """The second is built and run in the middle of the first, with another seed, plan and firmware."""
    (tmp_path / "inner").mkdir()
    firmware = changed_firmware(
        tmp_path / "inner", "limits.py", "SLEW_UP_MW_PER_S = const(500)", "SLEW_UP_MW_PER_S = const(100)"
    )
    nested: list[str] = []

    def run_another(treatment: object, row: bytes) -> None:
        if not nested:
            nested.append(
                simulate(
                    tmp_path / "inner",
                    level=inner,
                    seed=9,
                    firmware=firmware,
                    text=changed(("hold_min = 0.5", "hold_min = 0.6")),
                )["end_reason"]
            )

    assert simulate(tmp_path, on_frame=run_another)["trace_sha256"] == reference
    assert nested == ["complete"]


def test_two_devices_share_no_module() -> None:
    one, other = StandIns(), StandIns()
    for name in ("machine", "time", "sys", "vboard", "limits", "app", "drivers.laser"):
        assert one.module(name) is one.module(name)
        assert one.module(name) is not other.module(name)


# What cannot run


@pytest.mark.parametrize("level", ["", "rp2040x", "CPYTHON"])
def test_an_unknown_level_is_refused_with_those_that_are(level: str) -> None:
    with pytest.raises(InputError, match=rf"--level {level}: unknown; levels are cpython, micropython"):
        check_level(level)


def test_without_a_vm_the_level_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(micropython.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"no MicroPython VM found; .* or use --level cpython"):
        check_level("micropython")
    check_level("cpython")


def test_the_short_plan_is_the_one_that_is_simulated(tmp_path: Path) -> None:
    assert setup(tmp_path).plan.plan == short()
