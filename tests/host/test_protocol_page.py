"""The page of the protocol has every command and every kind of line that the firmware knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.firmware import FOLDER, load

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
BY_THE_LINK = {"k", "beat", "resend"}


def firsts(part: str) -> set[str]:
    """The first words in code at the beginning of the rows of a part's tables."""
    cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-zA-Z-]+)", cell)}


def test_every_command_is_there_and_no_other() -> None:
    part = PAGE.partition("From the host, unsigned:")[2].partition("## Service")[0]
    assert firsts(part) == load("commands").ACTIONS.keys() | BY_THE_LINK


def test_every_service_command_is_there_and_no_other() -> None:
    part = PAGE.partition("## Service")[2].partition("## Signatures")[0]
    assert firsts(part) - {"service"} == load("service").ACTIONS.keys()


def test_every_kind_of_line_is_there_and_no_other() -> None:
    part = PAGE.partition("| from the device | fields |")[2].partition("From the host, unsigned:")[0]
    sources = [path.read_text() for path in FOLDER.glob("*.py")]
    sent = {kind for text in sources for kind in re.findall(r'(?:link\.send|_put)\("([A-Z])"', text)}
    assert firsts(part) == sent


@pytest.mark.parametrize("name", ["hello", "stop", "pause"])
def test_what_needs_no_signature_stands_among_it(name: str) -> None:
    unsigned = PAGE.partition("From the host, unsigned:")[2].partition("From the host, signed")[0]
    assert f"`{name},n" in unsigned
    assert name in load("commands")._UNSIGNED


def test_the_end_reasons_are_the_firmwares() -> None:
    treatment = load("treatment")
    words = {
        treatment.NOT_ENDED: "for none",
        treatment.ENDED_COMPLETE: "complete",
        treatment.ENDED_STOPPED: "stopped",
        treatment.PAUSED_BY_HOST: "paused by the host and not resumed",
        treatment.ENDED_READY_EXPIRED: "armed and not started",
    }
    for number, text in words.items():
        assert f"{number} {text}" in " ".join(PAGE.split()) or f"{number}\n{text}" in PAGE
