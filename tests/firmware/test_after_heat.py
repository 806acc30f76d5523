"""The predictor of a probe's rise after a cut: what it learns, its bounds, and its integers at every extreme."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.firmware import FOLDER, load
from support.ranges import CHECKER, rewrite
from support.sim import require_vm

from imilt_sim.levels.micropython import vm_path

after_heat = load("after_heat")
RISE_MAX = after_heat.RISE_MAX_MC
LIT_TO_LEARN = 56
REST_MC = 37000
EXTREME_MC = (-(1 << 29), -273150, -1, 0, 36999, 37000, 45000, 100000, 2047992, (1 << 30) - 1)
EXTREME_MW = (-(1 << 29), -1, 0, 1, 255, 256, 800, 4000, 8000, 30000, (1 << 30) - 1)

Frame = tuple[int, int]
any_frame = st.tuples(
    st.integers(36000, 46000) | st.integers(-300000, 2100000) | st.sampled_from(EXTREME_MC),
    st.integers(0, 5000) | st.sampled_from(EXTREME_MW),
)


def fed(frames: Iterable[Frame], predictor: Any = None) -> Any:
    predictor = predictor or after_heat.AfterHeat()
    for mc, mw in frames:
        predictor.step(mc, mw)
    return predictor


class Probe:
    """A probe at rest whose light heats it at once and by the second, and whose conduction is what the test says."""

    def __init__(self, at_once_mc_per_w: float, warming_mc_per_j: float) -> None:
        self.at_once, self.warming = at_once_mc_per_w, warming_mc_per_j
        self.joules = self.conducted_mc = 0.0

    def frame(self, watts: float, conducted_mc_per_s: float = 0.0) -> Frame:
        self.joules += watts
        self.conducted_mc += conducted_mc_per_s
        rise = self.at_once * watts + self.warming * self.joules + self.conducted_mc
        return round(REST_MC + rise), round(watts * 1000)


def taught(probe: Probe, watts: float = 2.0) -> Any:
    """A predictor that has learnt what light does to `probe`; both come out of it with the light on."""
    predictor = fed([(REST_MC, 0)] * 30)
    ramp = [min(watts, 0.4 * (second + 1)) for second in range(LIT_TO_LEARN)]
    return fed((probe.frame(power) for power in ramp), predictor)


def climbing(slope: float, seconds: int = 200, watts: float = 2.0, at_once: float = 0.0) -> int:
    """The rise predicted on a taught probe that has risen by conduction at a constant slope, m°C/s, for long."""
    probe = Probe(at_once, 5.0)
    predictor = taught(probe, watts)
    return fed((probe.frame(watts, slope) for _ in range(seconds)), predictor).rise_mc


def test_nothing_is_expected_at_first() -> None:
    predictor = after_heat.AfterHeat()
    assert (predictor.rise_mc, predictor.taught) == (0, False)
    predictor.step(42000, 3000)
    assert predictor.rise_mc == 0


def test_untaught_it_goes_by_the_whole_slope() -> None:
    """Exactly: the slope's filter is two twelfths, a change counts for half a degree at most."""
    predictor = fed([(37000, 0), (37120, 0)])
    assert predictor.slope_q8 == 120 * 256 // 12 // 12
    assert predictor.rise_mc == 5 * 213 >> 8 == 4
    predictor = fed([(37000, 0), (41000, 0)])
    assert predictor.slope_q8 == 500 * 256 // 12 // 12
    assert predictor.rise_mc == 5 * 888 >> 8 == 17


@pytest.mark.parametrize(("at_once", "warming"), [(0.0, 0.0), (0.0, 10.0), (150.0, 0.0), (120.0, 5.0), (600.0, 25.0)])
@pytest.mark.parametrize("watts", [0.8, 2.4, 4.0])
def test_learns_what_light_does(at_once: float, warming: float, watts: float) -> None:
    probe = Probe(at_once, warming)
    predictor = taught(probe, watts)
    assert predictor.taught
    assert predictor.artefact_mc == pytest.approx(at_once * watts, rel=0.03, abs=15)
    after_a_minute = fed((probe.frame(watts) for _ in range(60)), predictor)
    assert after_a_minute.slope_q8 / 256 == pytest.approx(0, abs=0.4 + 0.03 * warming * watts)


def test_dark_frames_in_between_delay_what_is_learnt_and_do_not_change_it() -> None:
    probe, predictor = Probe(150.0, 8.0), fed([(REST_MC, 0)] * 30)
    for second in range(LIT_TO_LEARN * 2 - 2):
        predictor.step(*probe.frame(0.0 if second % 2 else 2.0))
        assert not predictor.taught
    predictor.step(*probe.frame(2.0))
    assert predictor.taught
    assert predictor.artefact_mc == pytest.approx(300, abs=15)


def test_only_the_averaged_frames_teach() -> None:
    """Sixteen from the 13th and sixteen from the 41st frame of light on."""
    learnt = []
    for wild in (False, True):
        probe, predictor = Probe(150.0, 8.0), fed([(REST_MC, 0)] * 30)
        for second in range(LIT_TO_LEARN):
            mc, mw = probe.frame(2.0)
            counts = 12 <= second < 28 or 40 <= second < 56
            predictor.step(mc if counts or not wild else mc + 700, mw)
        learnt.append((predictor.artefact_mc, fed([probe.frame(2.0)] * 2, predictor).slope_q8))
    assert learnt[0] == learnt[1]


def test_once_taught_light_that_comes_and_goes_is_no_slope() -> None:
    probe = Probe(200.0, 2.0)
    predictor = taught(probe)
    for second in range(120):
        predictor.step(*probe.frame(0.0 if second // 10 % 2 else 3.0))
        assert predictor.rise_mc < 60


@pytest.mark.parametrize(("watts", "enough"), [(0.3, False), (0.5, True)])
def test_weak_light_teaches_nothing(watts: float, enough: bool) -> None:
    probe = Probe(150.0, 8.0)
    predictor = taught(probe, watts)
    assert predictor.taught is enough
    fed((probe.frame(watts) for _ in range(60)), predictor)
    assert predictor.taught is enough


def test_light_that_reads_low_or_grossly_high_is_bounded() -> None:
    cold = fed([(REST_MC, 0)] * 30 + [(REST_MC - 2000, 2000)] * LIT_TO_LEARN)
    assert (cold.taught, cold.artefact_mc) == (True, 0)
    hot = fed([(REST_MC, 0)] * 30 + [(REST_MC + 8000, 800)] * LIT_TO_LEARN)
    assert (hot.taught, hot.artefact_mc) == (True, 4095 * 800 >> 10)


@pytest.mark.parametrize("slope", [2, 5, 10, 20])
def test_a_slope_by_conduction_goes_on_for_a_minute(slope: int) -> None:
    assert climbing(slope) == pytest.approx(63 * slope, rel=0.05, abs=25)


def test_what_the_light_adds_to_the_reading_falls_at_once() -> None:
    assert climbing(20, at_once=200.0) == pytest.approx(climbing(20) - 350, abs=40)
    assert climbing(5, at_once=200.0) == 0


def test_steeper_is_never_less() -> None:
    rises = [climbing(slope) for slope in range(0, 60, 3)]
    assert rises == sorted(rises)
    assert rises[-1] == RISE_MAX == 1500
    assert rises[0] < 25


def test_less_is_expected_as_the_heat_arrives() -> None:
    """Once the light is off and the reading levels out, and none when it falls."""
    probe = Probe(100.0, 5.0)
    predictor = taught(probe)
    fed((probe.frame(2.0, 20.0) for _ in range(100)), predictor)
    at_cut = predictor.rise_mc
    rises = []
    for second in range(120):
        predictor.step(*probe.frame(0.0, max(0.0, 20.0 - second)))
        rises.append(predictor.rise_mc)
    assert at_cut > 700
    assert rises[30:] == sorted(rises[30:], reverse=True)
    assert rises[-1] < 20
    falling = fed((probe.frame(0.0, -5.0) for _ in range(60)), predictor)
    assert falling.rise_mc == 0


@pytest.mark.parametrize("spike_mc", [-20000, -1000, 1000, 20000, 2000000])
def test_one_wild_reading_counts_for_little(spike_mc: int) -> None:
    probe = Probe(0.0, 5.0)
    predictor = taught(probe)
    fed((probe.frame(2.0, 3.0) for _ in range(100)), predictor)
    before = predictor.rise_mc
    mc, mw = probe.frame(2.0, 3.0)
    predictor.step(mc + spike_mc, mw)
    assert abs(predictor.rise_mc - before) < 250
    rises = [fed([probe.frame(2.0, 3.0)], predictor).rise_mc for _ in range(120)]
    assert max(abs(rise - before) for rise in rises) < 250
    assert rises[-1] == pytest.approx(before, abs=10)


@given(st.lists(any_frame, max_size=150))
def test_any_readings_whatever_are_bounded(frames: list[Frame]) -> None:
    predictor = after_heat.AfterHeat()
    for mc, mw in frames:
        predictor.step(mc, mw)
        assert type(predictor.rise_mc) is int
        assert 0 <= predictor.rise_mc <= RISE_MAX


@given(st.integers(30000, 45000), st.lists(st.integers(0, 200), min_size=1, max_size=150), st.integers(0, 5000))
def test_a_reading_that_never_rises_expects_no_rise(start: int, falls: list[int], mw: int) -> None:
    readings = [start - total for total in itertools.accumulate(falls, initial=0)]
    predictor = after_heat.AfterHeat()
    for mc in readings:
        predictor.step(mc, mw)
        assert predictor.rise_mc == 0


@given(st.lists(any_frame, min_size=1, max_size=150))
def test_reset_forgets_everything(frames: list[Frame]) -> None:
    predictor = fed(frames)
    predictor.reset()
    assert vars(predictor) == vars(after_heat.AfterHeat())


# The board's integers


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    """The module with every operation checked for floats and for 31 bits; `seen` has what it met."""
    space: dict[str, Any] = {"const": int}
    exec(CHECKER, space)
    source = rewrite("control.py", (FOLDER / "after_heat.py").read_text())
    for line in ("from checked import checked\n", "from micropython import const\n"):
        assert line in source
        source = source.replace(line, "")
    exec(source, space)
    return space


def test_learning_stays_within_31_bits(checked: dict[str, Any]) -> None:
    """Every mixture of the least and the most power and excess in the four parts of what is learnt from."""
    excesses, powers = (-5000, 0, 8000, 63000), (1, 410, 4000, 30000)
    parts = list(itertools.product(excesses, powers))
    for early, late in itertools.product(parts, parts):
        frames = [(REST_MC, 0)] * 3
        for (excess, power), seconds in ((early, 28), (late, 28)):
            frames += [(REST_MC + excess, power)] * seconds
        frames += [(REST_MC + 63000, 8000), (REST_MC, 0), (0, 8000)] * 3
        predictor = fed(frames, checked["AfterHeat"]())
        assert 0 <= predictor.rise_mc <= RISE_MAX
    highest = max(high for _, high in checked["seen"].values())
    lowest = min(low for low, _ in checked["seen"].values())
    assert 500_000_000 < highest < 1 << 30
    assert lowest < -400_000_000


def test_extremes_stay_within_31_bits(checked: dict[str, Any]) -> None:
    for mc, other_mc, mw, other_mw in itertools.product(EXTREME_MC, EXTREME_MC, EXTREME_MW, (0, 8000)):
        frames = [(REST_MC, 0), (mc, mw), (other_mc, other_mw)] + [(mc, mw), (other_mc, other_mw)] * 2
        fed(frames, checked["AfterHeat"]())
    probe = Probe(600.0, 60.0)
    predictor = fed((probe.frame(8.0) for _ in range(LIT_TO_LEARN)), checked["AfterHeat"]())
    assert predictor.taught
    fed(itertools.islice(itertools.cycle(itertools.product(EXTREME_MC, EXTREME_MW)), 500), predictor)


@given(st.lists(any_frame, max_size=100))
def test_any_readings_stay_within_31_bits(checked: dict[str, Any], frames: list[Frame]) -> None:
    fed(frames, checked["AfterHeat"]())


@pytest.mark.micropython
def test_a_step_allocates_nothing(tmp_path: Path) -> None:
    """In the VM with its heap locked, from rest over learning to the end; and with the same result as here."""
    require_vm()
    script = tmp_path / "steps.py"
    script.write_text(
        "import micropython\n"
        "from after_heat import AfterHeat\n"
        "predictor = AfterHeat()\n"
        "def steps():\n"
        "    for second in range(300):\n"
        "        predictor.step(37000 + second * 40, 0 if second < 20 else 2400)\n"
        "micropython.heap_lock()\n"
        "predictor.reset()\n"
        "steps()\n"
        "micropython.heap_unlock()\n"
        "print(predictor.taught, predictor.rise_mc, predictor.slope_q8, predictor.artefact_mc)\n"
    )
    command = [vm_path(), "-c", f"import sys; sys.path.insert(0, {str(FOLDER)!r}); exec(open({str(script)!r}).read())"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    here = fed((37000 + second * 40, 0 if second < 20 else 2400) for second in range(300))
    assert done.stdout.split() == [str(v) for v in (True, here.rise_mc, here.slope_q8, here.artefact_mc)], done.stderr
