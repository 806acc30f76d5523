"""The probes in frames: what is read when, what is dark, how readings age, and what a bad one leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from support.firmware import load
from support.stubs import Chip

sensing, limits, chip_driver = load("sensing"), load("limits"), load("drivers.max31856")
ROLES = (sensing.CONTROL, sensing.TIP, sensing.GUARD, sensing.SPARE)
OK, NOT_READY, NO_RESPONSE, OPEN = chip_driver.OK, chip_driver.NOT_READY, chip_driver.NO_RESPONSE, chip_driver.OPEN
STATUSES = range(chip_driver.NO_RESPONSE + 1)


class Probes:
    """Sensing over four stub converters, stepped through its phases."""

    def __init__(self, roles: tuple[int, ...] = ROLES) -> None:
        self.chips = [Chip() for _ in range(4)]
        self.sensing: Any = sensing.Sensing(self.chips)
        self.sensing.configure(roles, (1, 1, 1, 0))
        self._phase = 0

    def step(self) -> int:
        """One cycle; returns its phase."""
        phase = self._phase
        self._phase = (phase + 1) % limits.FRAME_CYCLES
        self.sensing.step(phase)
        self.sensing.trigger(phase)
        return phase

    def to_phase(self, phase: int) -> None:
        """Step until `phase` was the last one."""
        while self.step() != phase:
            pass


@pytest.fixture
def probes() -> Probes:
    return Probes()


def test_every_even_phase_reads_and_starts_again(probes: Probes) -> None:
    for chip in probes.chips:
        chip.log.clear()
    for cycle in range(30):
        phase = probes.step()
        expected = [] if phase % 2 else ["trigger"] if cycle == 0 else ["read", "trigger"]
        for chip in probes.chips:
            assert chip.log == expected
            chip.log.clear()
        assert probes.sensing.fresh == (0xF if "read" in expected else 0)


def test_only_phase_zero_gives_dark_samples(probes: Probes) -> None:
    for cycle in range(50):
        probes.chips[0].tc_mc = cycle
        phase = probes.step()
        assert probes.sensing.fresh_dark == (phase == 0 and cycle > 0)
        if cycle >= 10:
            assert probes.sensing.dark_mc[0] == cycle // 10 * 10
            assert probes.sensing.dark_age[0] == cycle % 10
            assert probes.sensing.tc_mc[0] == cycle // 2 * 2
            assert probes.sensing.age[0] == cycle % 2


def test_the_dark_slot_is_where_the_dark_conversion_is() -> None:
    assert limits.DARK_PHASE + limits.SLOT_CYCLES == limits.FRAME_CYCLES


@pytest.mark.parametrize("status", STATUSES)
def test_a_reading_without_a_sample_keeps_values_and_ages(probes: Probes, status: int) -> None:
    probes.to_phase(0)
    probes.to_phase(0)
    chip, seen = probes.chips[1], probes.sensing
    chip.status, chip.tc_mc, chip.cj_mc, chip.sr = status, 50000, 30000, 7
    probes.to_phase(0)
    assert seen.status[1] == status
    sampled = status not in (NOT_READY, NO_RESPONSE)
    assert (seen.tc_mc[1], seen.cj_mc[1], seen.sr[1]) == ((50000, 30000, 7) if sampled else (37000, 24000, 0))
    assert seen.fresh == (0xF if sampled else 0xD)
    assert (seen.age[1] == 0) == sampled
    assert (seen.dark_age[1] == 0) == (status == OK)
    assert seen.dark_mc[1] == (50000 if status == OK else 37000)


@pytest.mark.parametrize("late_phase", [0, 2, 4, 6, 8])
def test_a_conversion_that_was_late_does_not_pass_for_dark(probes: Probes, late_phase: int) -> None:
    """Not finished at phase 8, it was begun in the light: what is read at phase 0 then is no dark sample."""
    probes.to_phase(0)
    probes.to_phase((late_phase - 1) % 10)
    probes.chips[0].status = NOT_READY
    probes.step()
    probes.chips[0].status = OK
    probes.chips[0].tc_mc = 44000
    probes.to_phase(0)
    assert (probes.sensing.dark_mc[0] == 44000) == (late_phase != 8)


def test_channels_without_a_role_are_left_alone() -> None:
    probes = Probes((sensing.CONTROL, sensing.NONE, sensing.NONE, sensing.TIP))
    for _ in range(20):
        probes.step()
    assert probes.chips[1].log == probes.chips[2].log == ["configure"]
    assert probes.sensing.status[1] == chip_driver.NO_SAMPLE
    assert probes.sensing.fresh & 6 == 0


def test_configure_sets_type_and_control_channel_and_forgets_readings(probes: Probes) -> None:
    probes.to_phase(0)
    probes.to_phase(0)
    seen = probes.sensing
    assert seen.control_ok()
    seen.configure((sensing.TIP, sensing.SPARE, sensing.CONTROL, sensing.NONE), (0, 1, 0, 1))
    assert [chip.tc_type for chip in probes.chips] == [3, 7, 3, 7]
    assert seen.control == 2
    assert seen.status == [chip_driver.NO_SAMPLE] * 4
    assert min(seen.age) > limits.SAMPLE_MAX_AGE
    assert min(seen.dark_age) > limits.DARK_MAX_AGE
    assert not seen.control_ok()
    probes.step()
    assert seen.fresh == 0


def test_what_was_converted_under_the_old_plan_is_not_read(probes: Probes) -> None:
    """The first sample after `configure` is of a conversion begun after it."""
    probes.to_phase(0)
    probes.sensing.configure(ROLES, (1, 1, 1, 1))
    for chip in probes.chips:
        chip.log.clear()
    probes.to_phase(2)
    assert [chip.log for chip in probes.chips] == [["trigger"]] * 4


@pytest.mark.parametrize("age", [0, limits.DARK_MAX_AGE, limits.DARK_MAX_AGE + 1])
@pytest.mark.parametrize("status", STATUSES)
def test_control_is_believed_only_fresh_and_well(probes: Probes, age: int, status: int) -> None:
    probes.sensing.dark_age[0], probes.sensing.status[0] = age, status
    assert probes.sensing.control_ok() == (status == OK and age <= limits.DARK_MAX_AGE)


def test_hottest_dark_of_a_role() -> None:
    probes = Probes((sensing.CONTROL, sensing.TIP, sensing.TIP, sensing.GUARD))
    for chip, mc in zip(probes.chips, (60000, 50000, 55000, 58000), strict=True):
        chip.tc_mc = mc
    probes.to_phase(0)
    probes.to_phase(0)
    assert probes.sensing.hottest_dark_mc(sensing.TIP) == 55000
    assert probes.sensing.hottest_dark_mc(sensing.SPARE) < -273000


def test_a_tip_without_dark_samples_does_not_pass_for_cold(probes: Probes) -> None:
    """Its bright samples still come: absorbed light only ever reads high, so they may stand in."""
    probes.to_phase(0)
    for _ in range(40):
        probes.chips[1].status = NOT_READY if probes._phase == 0 else OK
        probes.chips[1].tc_mc = 93000
        probes.step()
    assert probes.sensing.age[1] <= limits.SAMPLE_MAX_AGE
    assert probes.sensing.hottest_dark_mc(sensing.TIP) >= 93000
