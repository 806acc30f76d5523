"""The tissue's solvers against others that a user could install: writes docs/bench-tissue.md; `make bench-tissue`.

One problem for all: 5 W of a Gaussian source, 4 mm wide, in perfused tissue. Each solver gets the cheapest of its
settings that stays within RMS_C of the exact solution at 60, 300 and 1800 s. Then all run in turn, round by round, and
medians are compared. Every solver has a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from imilt.plan import load_plan
from imilt_sim.tissue import exact, speed
from imilt_sim.tissue.verify import MEDIUM, NORMAL_LOSS_PER_S

ROOT = Path(__file__).parent.parent
RMS_C = 0.05
CHECKED_S = (60, 300, 1800)
PATIENCE_S = 60.0
"""Of wall time for an accuracy check; what would take longer is checked up to the time before."""
ROUNDS, SPAN_WALL_S = 7, 0.3
WIDTH_MM, POWER_W, EDGE = 4.0, 5.0, 61
SIZES = (31, 61, 91, 121, 181)
FIGURES = {
    "power_w": POWER_W,
    "width_mm": WIDTH_MM,
    "loss_per_s": NORMAL_LOSS_PER_S,
    "diffusivity_mm2_s": MEDIUM.diffusivity_mm2_s,
    "capacity_j_mm3_k": MEDIUM.capacity_j_mm3_k,
}
EXPLICIT = [[EDGE, dt] for dt in (1.0, 0.5, 0.25, 0.1)]
RINGS = [[cell, dt] for cell in (2.0, 1.5, 1.0, 0.5) for dt in (1.0, 0.5, 0.25, 0.1, 0.05)]
IMPLICIT = [[cell, dt] for cell in (6.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.0) for dt in (10.0, 5.0, 2.0)]
SETTINGS: dict[str, list[list[float]]] = {
    "imilt": EXPLICIT,
    "Devito": EXPLICIT,
    "numpy": EXPLICIT,
    "py-pde": EXPLICIT,
    "FiPy": [[EDGE, dt] for dt in (10.0, 5.0, 2.0)],
    "imilt, rings": RINGS,
    "scikit-fem, rings": IMPLICIT,
    "scikit-fem, rings, matrix anew": [[4.0, 10.0], [4.0, 5.0], [3.0, 10.0]],
    "py-pde, rings": [[2.0, 1.0], [1.5, 1.0], [1.5, 0.5], [1.0, 1.0], [1.0, 0.5], [0.5, 0.25]],
    "FiPy, rings": [[1.5, 10.0], [1.0, 10.0], [1.0, 5.0]],
}
"""Cells along an edge or the size of a ring's section in mm, and step, s."""
PACKAGES = ("devito", "py-pde", "FiPy", "scikit-fem", "numpy", "numba")


class Failed(RuntimeError):
    """A solver could not do it; says why."""


class Worker:
    """A solver in a process of its own."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        counts = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = os.environ | dict.fromkeys(counts, str(threads)) | {"FIPY_SOLVERS": "scipy"}
        env["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT / ".bench", ROOT / "sim", ROOT / "host")))
        command = [sys.executable, str(Path(__file__).with_name("bench_rivals.py"))]
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Raises Failed with the solver's own words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"failed": "its process died"}
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer

    def make(self, setting: list[float]) -> dict[str, Any]:
        """A solver at rest."""
        return self.ask("make", name=self.name, config=setting, figures=FIGURES, first_s=setting[1] * 2)

    def end(self) -> None:
        """Of its process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Choice(NamedTuple):
    """A solver with its setting: how long its first call took, how wrong it is, and what a simulated second costs."""

    name: str
    setting: list[float]
    first_s: float
    rms_c: dict[int, float]
    cost: float


def truth(t_s: float) -> dict[str, list[float]]:
    """The exact solution over the distance."""
    r = np.linspace(0.0, 20.0, 401)
    rise = POWER_W * exact.gaussian_rise(r, t_s, WIDTH_MM, MEDIUM, NORMAL_LOSS_PER_S)
    return {"truth_r": r.tolist(), "truth_c": rise.tolist()}


def tried(worker: Worker, setting: list[float]) -> Choice | None:
    """A setting, if it is accurate enough."""
    first_s = worker.make(setting)["first_s"]
    rms_c: dict[int, float] = {}
    now, wall_s = 0, 0.0
    for t_s in CHECKED_S:
        if now and wall_s / now * (t_s - now) > PATIENCE_S:
            break
        wall_s += worker.ask("advance", seconds=t_s - now)["wall_s"]
        now = t_s
        rms_c[t_s] = worker.ask("error", **truth(t_s))["rms_c"]
        if not rms_c[t_s] <= RMS_C:
            return None
    return Choice(worker.name, setting, first_s, rms_c, wall_s / now)


def chosen(name: str) -> Choice | str:
    """The cheapest setting that is accurate enough, or why there is none."""
    worker, found, why = Worker(name, 1), [], "no setting was accurate enough"
    for setting in SETTINGS[name]:
        if found and name == "FiPy":
            break  # its first that is accurate has the longest steps, and each takes minutes
        try:
            found.append(tried(worker, setting))
        except Failed as failure:
            why = str(failure)
        found = [choice for choice in found if choice]
    worker.end()
    return min(found, key=lambda choice: choice.cost) if found else why


def measured(settings: dict[str, list[float]], costs: dict[str, float], threads: int) -> dict[str, list[float]]:
    """Wall seconds per simulated second, a round after the other."""
    workers = {name: Worker(name, threads) for name in settings}
    walls: dict[str, list[float]] = {name: [] for name in settings}
    for name, setting in settings.items():
        workers[name].make(setting)
    for _ in range(ROUNDS):
        for name, setting in settings.items():
            steps = max(1, round(SPAN_WALL_S / (costs[name] * setting[1])))
            wall_s = workers[name].ask("advance", seconds=steps * setting[1])["wall_s"]
            walls[name].append(wall_s / (steps * setting[1]))
    for worker in workers.values():
        worker.end()
    return walls


def over_sizes(threads: int) -> dict[str, list[float]]:
    """Nanoseconds per cell and step at each of SIZES, interleaved, medians."""
    names = ("stream", "imilt", "Devito", "numpy")
    found: dict[str, list[float]] = {name: [] for name in names}
    for n in SIZES:
        guess = {name: (n**3) * (5e-9 if name == "numpy" else 1e-9) for name in names}
        walls = measured({name: [n, 1.0] for name in names}, guess, threads)
        for name in names:
            found[name].append(statistics.median(walls[name]) / n**3 * 1e9)
    return found


def rows(head: list[str], body: list[list[str]]) -> str:
    """A table in Markdown."""
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [head, ["---"] * len(head), *body])


def comparison(choices: dict[str, Choice | str], walls: dict[int, dict[str, list[float]]]) -> str:
    """Every solver: its setting, its error, and the time for a treatment of 1800 s."""
    head = ["solver", "cell, step", "first call", "RMS, °C, at 60, 300, 1800 s", "1800 s take, 1 thread", "2 threads"]
    body = []
    for name, choice in choices.items():
        if isinstance(choice, str):
            body.append([name, "–", "–", choice, "–", "–"])
            continue
        first, dt = choice.setting
        cell = f"{first:g} mm" if "rings" in name else "1 mm"
        errors = ", ".join(f"{choice.rms_c[t]:.3f}" if t in choice.rms_c else "not run" for t in CHECKED_S)
        times = [told_s(1800 * statistics.median(walls[threads][name])) for threads in (1, 2)]
        body.append([name, f"{cell}, {dt:g} s", told_s(choice.first_s), errors, *times])
    return rows(head, body)


def told_s(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def goals(walls: dict[int, dict[str, list[float]]], tiers: dict[str, float]) -> str:
    """Ratios and speeds beside what was wanted of them."""
    body = []
    for text, ours, other, threads, wanted in (
        ("3-D linear, of the in-cache limit", "stream", "imilt", 1, 0.5),
        ("3-D linear, of the in-cache limit", "stream", "imilt", 2, 0.5),
        ("3-D linear, times Devito", "Devito", "imilt", 1, 1.5),
        ("3-D linear, times Devito", "Devito", "imilt", 2, 1.5),
        ("3-D linear, times py-pde", "py-pde", "imilt", 1, 100.0),
        ("3-D linear, times FiPy", "FiPy", "imilt", 1, 5000.0),
        ("axisymmetric, times scikit-fem", "scikit-fem, rings", "imilt, rings", 1, 10.0),
        ("axisymmetric, times scikit-fem, matrix anew", "scikit-fem, rings, matrix anew", "imilt, rings", 1, 10.0),
        ("axisymmetric, times FiPy", "FiPy, rings", "imilt, rings", 1, 1000.0),
    ):
        told = walls[threads]
        if ours in told and other in told:
            ratio = statistics.median(a / b for a, b in zip(told[ours], told[other], strict=True))
            body.append([f"{text}, {speed.counted(threads)}", f"{ratio:.3g}", *verdict(ratio, wanted)])
        else:
            body.append([text, "not measured", f"{wanted:g}", "–"])
    for name, factor in tiers.items():
        wanted = next((goal for start, goal in TIER_GOALS.items() if name.startswith(start)), None)
        body.append([f"{name}, times real time", f"{factor:.2g}", *(verdict(factor, wanted) if wanted else ("–", "–"))])
    return rows(["", "measured", "goal", ""], body)


TIER_GOALS = {"linear": 1e7, "spherical": 3e5, "cohort": 1e5, "3-D": 3e3}


def verdict(value: float, wanted: float) -> tuple[str, str]:
    return f"{wanted:g}", "met" if value >= wanted else "missed"


def draw(per_cell: dict[int, dict[str, list[float]]]) -> Figure:
    """Cost per cell over the grid's size."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    for axes, (threads, found) in zip(figure.subplots(1, 2, sharey=True), per_cell.items(), strict=True):
        for name, costs in found.items():
            axes.loglog(SIZES, costs, "--" if name == "stream" else "o-", label=name)
        axes.set(xlabel="cells along an edge", title=f"{speed.counted(threads)}")
        axes.set_xticks(SIZES, [str(n) for n in SIZES])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("ns per cell and step")
    figure.axes[0].legend(fontsize=7)
    return figure


def per_cell_table(per_cell: dict[int, dict[str, list[float]]]) -> str:
    body = [
        [f"{name}, {speed.counted(threads)}", *(f"{cost:.2f}" for cost in costs)]
        for threads, found in per_cell.items()
        for name, costs in found.items()
    ]
    return rows(["ns per cell and step", *(f"{n}³" for n in SIZES)], body)


def machine() -> str:
    """Processor and cores."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{model[0].partition(':')[2].strip() if model else 'unknown processor'}, {os.cpu_count()} cores"


def versions() -> str:
    worker = Worker("imilt", 1)
    told = [f"{name} {worker.ask('version', package=name)['version']}" for name in PACKAGES]
    worker.end()
    return ", ".join(told)


PAGE = """# Speed of the tissue

Written by `make bench-tissue`, which takes about ten minutes and installs the others into `.bench`.
Measured on {machine}; {versions}.

One problem for all: {power:g} W of a Gaussian source of {width:g} mm in tissue perfused like normal pancreas, known
exactly. In 3-D every solver has {edge}³ cells of 1 mm, else it may choose; each has the cheapest of its settings that
stays within {rms:g} °C (RMS within 15 mm of the middle) of the exact solution. All then run in turn, {rounds} rounds,
medians; where 1800 s would take minutes a shorter span is timed. `stream` is the memory's limit: the four arrays of a
step read and written without the neighbours. "Matrix anew": what scikit-fem takes once properties change with
temperature, as they do in every step of `imilt, rings`. "Not run": an error that would have taken over a minute to
compute; the field is steady from 300 s on.

{comparison}
{goals}
The tiers are those of [physics.md](physics.md), on the default plan; a diffuser, or a bare fibre in the spherical tier.

{per_cell}
![Cost per cell over the size of the grid](bench-tissue.svg)
"""


def main() -> None:
    mpl.rcParams.update({"svg.hashsalt": "imilt", "svg.fonttype": "none", "axes.titlesize": 9, "font.size": 8})
    choices: dict[str, Choice | str] = {}
    for name in SETTINGS:
        choices[name] = chosen(name)
        print(name, choices[name], flush=True)
    able = {name: choice for name, choice in choices.items() if isinstance(choice, Choice)}
    settings = {"stream": [EDGE, able["imilt"].setting[1]]} | {n: choice.setting for n, choice in able.items()}
    costs = {"stream": able["imilt"].cost} | {name: choice.cost for name, choice in able.items()}
    walls = {threads: measured(settings, costs, threads) for threads in (1, 2)}
    per_cell = {threads: over_sizes(threads) for threads in (1, 2)}
    plan = load_plan(ROOT / "plans" / "pancreas-imilt.toml").plan
    tiers = {name: statistics.median(values) for name, values in speed.speeds(speed.tiers(plan)).items()}
    draw(per_cell).savefig(ROOT / "docs" / "bench-tissue.svg", metadata={"Date": None, "Creator": None})
    page = PAGE.format(
        machine=machine(),
        versions=versions(),
        power=POWER_W,
        width=WIDTH_MM,
        edge=EDGE,
        rms=RMS_C,
        rounds=ROUNDS,
        comparison=comparison(choices, walls),
        goals=goals(walls, tiers),
        per_cell=per_cell_table(per_cell),
    )
    (ROOT / "docs" / "bench-tissue.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
