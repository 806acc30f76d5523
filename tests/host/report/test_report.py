"""The report as a file: what it says first, what it shows, and that it opens without a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from host.plans import SHORT
from host.report.synthetic import Script, alarm, fault, write_run

from imilt.errors import InputError
from imilt.report import write_report

FAULT = {
    "end_reason": "fault",
    "end_code": 12,
    "end_text": "fault 12: over-temperature at the tip probe (channel 1): 95.3 °C, limit 95.0 °C; let it cool",
}
CURVES = ["Temperatures", "The control probe, close up", "Power, and why it was what it was"]
TISSUE = ["Temperature at the end of light", "Thermal dose, CEM43", "Damage Ω, skin set (Henriques)"]


class Page(HTMLParser):
    """What a reader sees: texts in order, apart from scripts and styles, and every address that would be fetched."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text and self._inside not in ("script", "style", "title"):
            self.texts.append(text)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def page(folder: Path, script: Script | None = None) -> Page:
    return Page(write_report(write_run(folder / "run", script)))


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page(tmp_path_factory.mktemp("complete"))


def test_first_line_is_the_outcome(complete: Page) -> None:
    assert complete.texts[0] == (
        "Complete: held 46.0 °C for 0.5 min at the control probe as the firmware read it, but the tissue there was"
        " at 44.0 °C"
    )
    assert "not a medical device" in complete.texts[1]


def test_believed_and_true_stand_side_by_side(complete: Page) -> None:
    assert "Control probe, mean firmware 46.00 °C tissue 44.00 °C difference −2.00 °C" in complete.text
    assert "Dose, CEM43 firmware 4.0 min tissue 1.0 min the tissue got 25 %" in complete.text
    assert "Overshoot firmware 0.20 °C tissue – the tissue never came into the band" in complete.text


def test_every_section_is_there(complete: Page) -> None:
    for title in [*CURVES, "Thermal dose at the control probe", *TISSUE, "Probes", "Events", "Where this comes from"]:
        assert title in complete.texts
    assert "7" * 64 in complete.texts
    assert "All 6 events, with commands and answers" in complete.text
    assert "nothing here is a basis for treating a patient" in complete.text


EVENTFUL = Script(
    self_test_s=1.4,
    pauses=((12.0, 5.0, 20),),
    told=(
        fault(12.0, 20, "probe open"),
        alarm(12.0, 20, True, "probe open"),
        alarm(13.0, 0, True, "audio paused"),
        alarm(15.0, 0, False, "audio paused"),
        alarm(17.0, 20, False, "probe open"),
        alarm(30.0, 50, True, "emergency stop pressed", 3),
        alarm(30.5, 50, False, "emergency stop pressed", 3),
        alarm(40.0, 50, True, "emergency stop pressed", 3),
        alarm(40.5, 50, False, "emergency stop pressed", 3),
    ),
)


def test_self_test_pauses_and_alarms_are_told(tmp_path: Path) -> None:
    shown = page(tmp_path, EVENTFUL)
    assert "Self-test of both ways to dark at 0:00: passed, no light with either of them alone." in shown.text
    assert "It was paused once, for 5.0 s in all, because of: probe open." in shown.text
    assert "Paused at For Because How it went on 0:12 5.0 s probe open resumed" in shown.text.replace("\u00a0", " ")
    table = shown.text.replace("\u00a0", " ").partition("Number Alarm Priority Times First at On for ")[2]
    rows = ["20 probe open medium 1 0:12 5.0 s", "50 emergency stop pressed high 2 0:30 1.0 s"]
    assert table.startswith(" ".join([*rows, "– audio paused medium 1 0:13 2.0 s"]))


def test_alarms_are_drawn_by_their_numbers(tmp_path: Path) -> None:
    text = write_report(write_run(tmp_path / "run", EVENTFUL)).read_text(encoding="utf-8")
    assert len(re.findall(r'role="img" aria-label="[^"]{20,}"', text)) == len(re.findall('class="plot', text)) == 9
    for lane in ('[0.5,"quiet"]', '[1.5,"50"]', '[2.5,"20"]'):
        assert lane in text


def test_a_self_test_that_was_not_passed_says_why(tmp_path: Path) -> None:
    told = (fault(1.2, 58, "self-test: light without the enable"),)
    folder = write_run(tmp_path / "run", Script(self_test_s=1.4, told=told))
    lines = (folder / "cycles.csv").read_text().splitlines()
    (folder / "cycles.csv").write_text("\n".join(lines[:13]) + "\n")
    shown = Page(write_report(folder))
    assert "not passed : fault 58: self-test: light without the enable; check it." in shown.text


def test_a_run_with_nothing_of_that_says_so_once_it_was_armed(tmp_path: Path, complete: Page) -> None:
    assert "Self-test, pauses and alarms" not in complete.texts
    shown = page(tmp_path, Script(self_test_s=1.4))
    assert "There was no pause." in shown.texts
    assert "There was no alarm." in shown.texts


def test_opens_without_a_network(complete: Page) -> None:
    assert complete.addresses == []
    assert not {"link", "img", "iframe", "base"} & set(complete.tags)
    assert "noscript" in complete.tags


def test_every_figure_has_its_words(tmp_path: Path) -> None:
    text = write_report(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    assert len(re.findall(r'role="img" aria-label="[^"]{20,}"', text)) == len(re.findall('class="plot', text)) == 8


def test_fault_comes_first(tmp_path: Path) -> None:
    shown = page(tmp_path, Script(last_state=7, summary=FAULT))
    assert shown.texts[0] == (
        "FAULT 12: over-temperature at the tip probe (channel 1): 95.3 °C, limit 95.0 °C; let it cool"
    )


def test_killed_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(summary=None))
    with (folder / "cycles.csv").open("ab") as file:
        file.write(b"799,3,1")
    shown = Page(write_report(folder))
    assert shown.texts[0].startswith("Interrupted: the record ends without a summary at t=1:00, in state complete")
    assert "the tissue there was at 44.0 °C" in shown.text
    assert not set(TISSUE) & set(shown.texts)


def test_device_has_no_tissue(tmp_path: Path) -> None:
    shown = page(tmp_path, Script(simulated=False))
    assert shown.texts[0] == "Complete: held 46.0 °C for 0.5 min at the control probe"
    assert "a device has no truth to compare with" in shown.text
    assert "read 1.0 °C more in the light than in the dark" in shown.text
    assert "Control probe, mean firmware 46.00 °C Time within tolerance" in shown.text
    for absent in [*TISSUE, "tissue", "dashed: the undisturbed tissue", "Highest in the tissue", "Ablated volume"]:
        assert absent not in shown.texts
    assert set(CURVES) <= set(shown.texts)


@pytest.mark.parametrize("header", [True, False])
def test_run_without_a_cycle(tmp_path: Path, header: bool) -> None:
    folder = write_run(tmp_path / "run", Script(summary=None))
    content = (folder / "cycles.csv").read_bytes()
    (folder / "cycles.csv").write_bytes(content[: content.index(b"\n") + 1] if header else b"")
    (folder / "truth.csv").unlink()
    shown = Page(write_report(folder))
    assert "before the first cycle" in shown.texts[0]
    assert not set(CURVES) & set(shown.texts)
    assert "Events" in shown.texts


def test_first_cycle_alone(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Script(first_cycle=131, summary=None))
    content = (folder / "cycles.csv").read_bytes()
    (folder / "cycles.csv").write_bytes(b"".join(content.splitlines(keepends=True)[:2]))
    assert set(CURVES) <= set(Page(write_report(folder)).texts)


def test_run_without_its_plan(tmp_path: Path) -> None:
    shown = page(tmp_path, Script(plan="nonsense"))
    assert "There is no readable plan.toml" in shown.text
    assert "Power, and why it was what it was" in shown.texts
    assert "Temperatures" not in shown.texts
    assert set(TISSUE) <= set(shown.texts)


def test_tissue_without_a_field_loses_its_panel(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    with np.load(folder / "tissue.npz") as fields:
        kept = {name: fields[name] for name in fields.files if name != "omega_skin"}
    np.savez(folder / "tissue.npz", **kept)
    shown = Page(write_report(folder))
    assert TISSUE[0] in shown.texts
    assert TISSUE[2] not in shown.texts


def test_nothing_in_it_is_random(tmp_path: Path) -> None:
    text = write_report(write_run(tmp_path / "run")).read_text(encoding="utf-8")
    assert "figure-1" in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}", text)


def test_long_run_stays_small(tmp_path: Path) -> None:
    path = write_report(write_run(tmp_path / "run", Script(heating_s=240.0, hold_s=1800.0)))
    assert path.stat().st_size < 3_000_000


def test_what_others_wrote_is_text(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    shown = page(tmp_path, Script(plan=SHORT.replace('"Short"', f'"{evil}"'), summary={"plan_name": evil}))
    folder = tmp_path / "run"
    assert evil in shown.texts[1]
    assert "<script>alert" not in (folder / "report.html").read_text(encoding="utf-8")


def test_writes_the_report_alone(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    before = {path.name for path in folder.iterdir()}
    assert write_report(folder) == folder / "report.html"
    assert {path.name for path in folder.iterdir()} == before | {"report.html"}


def test_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path / "run")
    before = {path.name for path in folder.iterdir()}

    def full(draft: Path, text: str, encoding: str) -> None:
        draft.write_bytes(text.encode(encoding)[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(folder)
    assert {path.name for path in folder.iterdir()} == before


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not the folder of a run"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []
