"""The probes in frames: what is read when, what is dark, what is believed, and how readings age and freeze."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import load
from support.stubs import Chip

sensing, limits, reading, sections = map(load, ("sensing", "limits", "drivers.reading", "sections"))
ROLES = (sensing.CONTROL, sensing.TIP, sensing.GUARD, sensing.SPARE)
TYPE_K, TYPE_T = reading.TYPE_K, reading.TYPE_T
NO_CALIBRATION = sections.defaults()["calibration"]
OK, NOT_READY, NO_RESPONSE, OPEN = reading.OK, reading.NOT_READY, reading.NO_RESPONSE, reading.OPEN
STATUSES = [status for status in range(12) if status != reading.NO_SAMPLE]


class Probes:
    """Sensing over four stub converters, stepped through its phases, in light or in the dark."""

    def __init__(self, roles: tuple[int, ...] = ROLES, calibration: Any = NO_CALIBRATION) -> None:
        self.chips = [Chip() for _ in range(4)]
        self.sensing: Any = sensing.Sensing(self.chips, calibration)
        self.sensing.configure(roles, (TYPE_T,) * 4)
        self.lit = False
        self.phase = 0

    def step(self) -> int:
        """One cycle; returns its phase."""
        phase = self.phase
        self.phase = (phase + 1) % limits.FRAME_CYCLES
        self.sensing.step(phase, self.lit)
        self.sensing.trigger(phase)
        return phase

    def to_phase(self, phase: int) -> None:
        """Step until `phase` was the last one."""
        while self.step() != phase:
            pass

    def dark(self, mc: int, channel: int = 0, status: int = OK) -> None:
        """A frame, at whose end this channel reads so much in the dark."""
        self.to_phase(8)
        self.chips[channel].tc_mc, self.chips[channel].status = mc, status
        self.to_phase(0)
        self.chips[channel].status = OK

    def believed(self, channel: int = 0) -> tuple[int, bool, bool, int]:
        s = self.sensing
        return s.dark_mc[channel], bool(s.rejected[channel]), bool(s.jumped[channel]), s.step_mc[channel]


@pytest.fixture
def probes() -> Probes:
    return Probes()


# Frames


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


def test_asked_is_every_cycle_in_which_the_converters_are_read(probes: Probes) -> None:
    """Whether they answer or not."""
    for status in (OK, NOT_READY, NO_RESPONSE):
        probes.to_phase(0)
        for chip in probes.chips:
            chip.status = status
        for _ in range(20):
            phase = probes.step()
            assert probes.sensing.asked == (phase % 2 == 0)
    probes.sensing.configure(ROLES, (TYPE_T,) * 4)
    for phase, asked in ((2, False), (3, False), (4, True)):
        probes.to_phase(phase)
        assert probes.sensing.asked == asked


def test_only_phase_zero_gives_dark_samples(probes: Probes) -> None:
    for cycle in range(50):
        probes.chips[0].tc_mc = 37000 + cycle
        phase = probes.step()
        assert probes.sensing.fresh_dark == (phase == 0 and cycle > 0)
        if cycle >= 10:
            assert probes.sensing.dark_mc[0] == 37000 + cycle // 10 * 10
            assert probes.sensing.dark_age[0] == cycle % 10
            assert probes.sensing.tc_mc[0] == 37000 + cycle // 2 * 2
            assert probes.sensing.age[0] == cycle % 2


def test_the_dark_slot_is_where_the_dark_conversion_is() -> None:
    assert limits.DARK_PHASE + limits.SLOT_CYCLES == limits.FRAME_CYCLES
    assert limits.DARK_PHASE % 2 == 0


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
    # What a finished conversion told stands until the next one is.
    assert seen.told[1] == (OK if status == NOT_READY else status)


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
    probes.to_phase(0)
    assert probes.sensing.dark_mc[0] == 44000


@given(st.lists(st.sampled_from([OK, OK, NOT_READY]), min_size=10, max_size=60))
def test_only_a_conversion_of_the_dark_slot_that_came_in_time_is_dark(statuses: list[int]) -> None:
    """A dark sample is one that was read at phase 0, where the conversion before it had come in time too."""
    probes, before, age = Probes(), OK, 0
    probes.to_phase(0)
    probes.to_phase(0)
    for i, status in enumerate(statuses, start=1):
        probes.chips[0].status = status
        probes.to_phase(2 * i % 10)
        age = 0 if 2 * i % 10 == 0 and status == before == OK else age + 2
        assert probes.sensing.dark_age[0] == age
        before = status


def test_channels_without_a_role_are_left_alone() -> None:
    probes = Probes((sensing.CONTROL, sensing.NONE, sensing.NONE, sensing.TIP))
    for _ in range(20):
        probes.step()
    assert probes.chips[1].log == probes.chips[2].log == ["configure"]
    assert probes.sensing.status[1] == reading.NO_SAMPLE
    assert probes.sensing.fresh & 6 == 0


# Setting up


def test_configure_sets_type_and_control_channel_and_forgets_readings(probes: Probes) -> None:
    probes.to_phase(0)
    probes.to_phase(0)
    seen = probes.sensing
    assert seen.control_ok()
    types = (TYPE_K, TYPE_T, TYPE_K, TYPE_T)
    assert seen.configure((sensing.TIP, sensing.SPARE, sensing.CONTROL, sensing.NONE), types) == -1
    assert tuple(chip.tc_type for chip in probes.chips) == types
    assert seen.control == 2
    assert seen.status == [reading.NO_SAMPLE] * 4
    assert min(seen.age) > limits.SAMPLE_MAX_AGE
    assert min(seen.dark_age) > limits.DARK_MAX_AGE
    assert not seen.control_ok()
    probes.step()
    assert seen.fresh == 0


def test_what_was_converted_under_the_old_plan_is_not_read(probes: Probes) -> None:
    """The first sample after `configure` is of a conversion begun after it."""
    probes.to_phase(0)
    probes.sensing.configure(ROLES, (TYPE_T,) * 4)
    for chip in probes.chips:
        chip.log.clear()
    probes.to_phase(2)
    assert [chip.log for chip in probes.chips] == [["trigger"]] * 4


@pytest.mark.parametrize("channel", range(4))
def test_a_converter_that_cannot_do_its_type_is_told(probes: Probes, channel: int) -> None:
    probes.chips[channel].types = range(TYPE_K)
    assert probes.sensing.configure(ROLES, (TYPE_K,) * 4) == channel
    assert probes.sensing.configure(ROLES, (TYPE_K - 1,) * 4) == -1
    unused = [role if i != channel else sensing.NONE for i, role in enumerate(ROLES)]
    assert probes.sensing.configure(unused, (TYPE_K,) * 4) == -1
    assert [chip.tc_type for chip in probes.chips] == [TYPE_K] * 4


def test_a_new_plan_forgets_what_was_odd_about_the_old_probes(probes: Probes) -> None:
    probes.lit = True
    for chip in probes.chips:
        chip.frozen = True
    for mc in (37000, 37000, 37000, 60000):
        probes.dark(mc)
    assert probes.sensing.rejected[0]
    assert min(probes.sensing.same) > 0
    probes.sensing.configure(ROLES, (TYPE_T,) * 4)
    assert probes.sensing.same == [0] * 4
    assert not any(probes.sensing.rejected)
    assert not any(probes.sensing.jumped)


# Calibration

OFFSET, SLOPE, QUADRATIC = 5000, 20000, 10000
"""The most that each coefficient may be."""


def calibration(channel: int, **values: int) -> Any:
    found = sections.defaults()["calibration"]
    found[channel].update(values)
    return found


@pytest.mark.parametrize("channel", range(4))
def test_calibration_corrects_its_own_channel(channel: int) -> None:
    probes = Probes(calibration=calibration(channel, offset_mc=-400, slope_ppm=5000))
    for chip in probes.chips:
        chip.tc_mc = 55000
    probes.to_phase(0)
    probes.to_phase(0)
    expected = [55000 - 400 + 50 if i == channel else 55000 for i in range(4)]
    assert probes.sensing.tc_mc == pytest.approx(expected, abs=2)
    assert probes.sensing.dark_mc == probes.sensing.tc_mc
    assert probes.sensing.cj_mc == [24000] * 4


@given(
    st.integers(-250000, 1800000) | st.integers(20000, 100000),
    st.integers(-OFFSET, OFFSET),
    st.integers(-SLOPE, SLOPE),
    st.integers(-QUADRATIC, QUADRATIC),
)
def test_calibration_is_that_of_the_store(mc: int, offset_mc: int, slope_ppm: int, quadratic: int) -> None:
    """Against the formula: within 2 m°C, about the middle of where tissue is treated."""
    values = {"offset_mc": offset_mc, "slope_ppm": slope_ppm, "quadratic_ppm_per_100c": quadratic}
    probes = Probes(calibration=calibration(0, **values))
    probes.chips[0].tc_mc = mc
    probes.to_phase(0)
    probes.to_phase(2)
    away = max(-100000, min(100000, mc - 45000))
    exact = mc + offset_mc + away * (slope_ppm + quadratic * away / 100000) / 1e6
    assert probes.sensing.tc_mc[0] == pytest.approx(exact, abs=2)


# What a dark sample has to be like to be believed

MOST = limits.RATE_MAX_MC[sensing.CONTROL]


def test_the_first_dark_sample_is_believed(probes: Probes) -> None:
    probes.dark(22000)
    assert probes.believed()[:3] == (22000, False, False)
    assert probes.sensing.dark_age[0] == 0


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_step_up_to_what_tissue_can_is_believed(probes: Probes, channel: int, sign: int) -> None:
    most = (10000, 20000, 10000, 10000)[channel]
    probes.dark(50000, channel)
    probes.dark(50000 + sign * most, channel)
    assert probes.believed(channel) == (50000 + sign * most, False, False, sign * most)


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_single_spike_is_rejected_and_forgotten(probes: Probes, channel: int, sign: int) -> None:
    spike = sign * ((10000, 45000, 10000, 10000)[channel] + 1)
    probes.dark(50000, channel)
    probes.dark(50000 + spike, channel)
    assert probes.believed(channel) == (50000, True, False, spike)
    assert probes.sensing.dark_age[channel] == 10
    assert probes.sensing.tc_mc[channel] == 50000 + spike
    probes.dark(50100, channel)
    assert probes.believed(channel) == (50100, False, False, 100)
    assert probes.sensing.dark_age[channel] == 0


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("off_mc", [-MOST, 0, MOST])
def test_a_jump_that_the_next_sample_confirms_is_accepted_and_told_once(probes: Probes, sign: int, off_mc: int) -> None:
    jump = 50000 + sign * 25000
    probes.dark(50000)
    probes.dark(jump)
    assert probes.believed()[:3] == (50000, True, False)
    probes.dark(jump + off_mc)
    assert probes.believed()[:3] == (jump + off_mc, False, True)
    assert probes.sensing.dark_age[0] == 0
    probes.dark(jump + off_mc)
    assert probes.believed() == (jump + off_mc, False, False, 0)


@pytest.mark.parametrize("far_mc", [-30000, MOST + 1, 40000])
def test_what_is_confirmed_has_to_agree_with_what_was_rejected(probes: Probes, far_mc: int) -> None:
    probes.dark(50000)
    probes.dark(80000)
    probes.dark(80000 + far_mc)
    assert probes.believed()[1:3] == (far_mc != -30000, False)


def test_a_probe_that_only_ever_disagrees_is_never_believed(probes: Probes) -> None:
    """However long: what no other sample confirms is noise, and noise does not grow true with age."""
    probes.dark(46000)
    for i in range(12):
        probes.dark((100000, 70000)[i % 2])
        assert probes.sensing.dark_mc[0] == 46000


def test_a_spike_without_a_status_of_its_own_does_not_count_as_the_next_sample(probes: Probes) -> None:
    """A bad reading between the two confirms nothing."""
    probes.dark(50000)
    probes.dark(80000)
    probes.dark(80000, status=OPEN)
    assert probes.believed()[:3] == (50000, True, False)


@given(st.lists(st.integers(20000, 100000), min_size=2, max_size=30))
def test_no_sample_is_believed_that_is_far_from_both_samples_before(samples: list[int]) -> None:
    """While the last one believed is not too old."""
    probes = Probes()
    probes.dark(samples[0])
    last, believed = samples[0], samples[0]
    for mc in samples[1:]:
        young = probes.sensing.dark_age[0] + limits.FRAME_CYCLES <= limits.DARK_MAX_AGE
        probes.dark(mc)
        if probes.sensing.dark_mc[0] == mc and young:
            assert abs(mc - believed) <= MOST or abs(mc - last) <= MOST
        believed, last = probes.sensing.dark_mc[0], mc
        assert not (probes.sensing.rejected[0] and probes.sensing.jumped[0])
        assert (probes.sensing.dark_age[0] == 0) == (not probes.sensing.rejected[0])


# Frozen


def test_a_converter_that_repeats_itself_is_counted_while_there_is_light(probes: Probes) -> None:
    probes.to_phase(0)
    probes.lit = True
    probes.chips[2].frozen = True
    for samples in range(1, 60):
        probes.to_phase(2 * samples % 10)
        assert probes.sensing.same == [0, 0, samples, 0]


def test_a_code_that_moves_is_not_frozen(probes: Probes) -> None:
    probes.lit = True
    for _ in range(20):
        probes.chips[0].frozen = True
        for _ in range(10):
            probes.step()
        assert probes.sensing.same[0] > 0
        probes.chips[0].frozen = False
        probes.step()
        probes.step()
        assert probes.sensing.same[0] == 0


def test_in_the_dark_a_steady_reading_is_no_wonder_and_a_frozen_one_not_forgiven(probes: Probes) -> None:
    probes.chips[0].frozen = True
    same = []
    for probes.lit in (False, True, False):
        for _ in range(20):
            probes.step()
        same.append(probes.sensing.same[0])
    assert same == [0, 10, 10]
    probes.chips[0].frozen = False
    probes.to_phase(0)
    assert probes.sensing.same[0] == 0


@pytest.mark.parametrize("status", [NOT_READY, NO_RESPONSE])
def test_readings_without_a_sample_neither_count_nor_reset(probes: Probes, status: int) -> None:
    probes.lit = True
    probes.chips[0].frozen = True
    probes.to_phase(8)
    same = probes.sensing.same[0]
    probes.chips[0].status = status
    probes.to_phase(6)
    assert probes.sensing.same[0] == same
    probes.chips[0].status = OK
    probes.to_phase(8)
    assert probes.sensing.same[0] == same + 1


def test_a_coarse_converter_may_repeat_itself(probes: Probes) -> None:
    """One that does not resolve its own noise."""
    probes.lit = True
    probes.chips[0].frozen, probes.chips[0].fine = True, False
    for _ in range(100):
        probes.step()
    assert probes.sensing.same == [0] * 4


def test_the_temperature_may_stand_still_while_the_code_moves(probes: Probes) -> None:
    """Frozen goes by the converter's last bit, not by what is rounded from it."""
    probes.lit = True
    for _ in range(100):
        probes.step()
    assert probes.sensing.tc_mc[0] == 37000
    assert max(probes.sensing.same) == 0


# Questions


@pytest.mark.parametrize("age", [0, limits.DARK_MAX_AGE, limits.DARK_MAX_AGE + 1])
@pytest.mark.parametrize("status", STATUSES)
def test_control_is_believed_only_fresh_and_well(probes: Probes, age: int, status: int) -> None:
    probes.sensing.dark_age[0], probes.sensing.status[0] = age, status
    assert probes.sensing.control_ok() == (status == OK and age <= limits.DARK_MAX_AGE)


def test_believed_is_the_dark_sample_and_the_bright_one_when_that_is_too_old(probes: Probes) -> None:
    probes.chips[1].tc_mc = 50000
    probes.to_phase(0)
    probes.to_phase(0)
    probes.sensing.tc_mc[1] = 56000
    for probes.sensing.dark_age[1], mc in ((limits.DARK_MAX_AGE, 50000), (limits.DARK_MAX_AGE + 1, 56000)):
        assert probes.sensing.believed_mc(1) == mc


@pytest.mark.parametrize("channel", range(4))
@pytest.mark.parametrize(("mc", "hot"), [(37000, False), (limits.HOT_MC, False), (limits.HOT_MC + 1, True)])
def test_hot_is_any_probe_in_use_that_is_warmer_than_a_body_at_rest(channel: int, mc: int, hot: bool) -> None:
    probes = Probes()
    probes.chips[channel].tc_mc = mc
    probes.to_phase(0)
    probes.to_phase(2)
    assert probes.sensing.hot() == hot
    probes.sensing.roles[channel] = sensing.NONE
    assert not probes.sensing.hot()


def test_a_probe_beyond_its_converters_threshold_is_hot(probes: Probes) -> None:
    probes.chips[1].tc_mc, probes.chips[1].status = 115000, reading.HIGH
    probes.to_phase(0)
    probes.to_phase(2)
    assert probes.sensing.hot()


def test_what_is_read_of_a_broken_probe_is_not_hot(probes: Probes) -> None:
    probes.chips[1].tc_mc, probes.chips[1].status = 115000, OPEN
    probes.to_phase(0)
    probes.to_phase(2)
    assert not probes.sensing.hot()
