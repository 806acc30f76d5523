"""The store's files not as it left them, and flash that fails: the other bank or a problem, never a third content."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stores import content, files, loaded, saved, sections, store


def bank(text: bytes, generation: int, version: int = 1) -> bytes:
    """A bank with a fitting CRC, whatever it holds."""
    line = b"imilt-store %d %d %d " % (version, generation, len(text))
    return line + b"%08x\n" % crc32(text, crc32(line)) + text


@pytest.fixture(scope="module")
def two_banks(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """The files after three saves, a the newer, and what each holds."""
    folder = tmp_path_factory.mktemp("banks")
    older = content(saved(folder / "store", 2))
    memory = loaded(folder / "store")
    memory.count("boots", 1)
    assert memory.save() == ""
    return files(folder / "store"), {"a": content(memory), "b": older}


def loaded_from(folder: Path, banks: dict[str, bytes]) -> Any:
    folder.mkdir(exist_ok=True)
    for name in "ab":
        (folder / name).unlink(missing_ok=True)
        if name in banks:
            (folder / name).write_bytes(banks[name])
    return loaded(folder)


def assert_other_bank_or_same(memory: Any, damaged: str, held: dict[str, dict[str, Any]], same: bool) -> None:
    """`damaged` was changed, so the other one counts; unless the change means the same."""
    newest = "a" if same else {"a": "b", "b": "a"}[damaged]
    assert (memory.state, memory.problem) == ("good" if same else "recovered", "")
    assert content(memory) == held[newest]


Banks = tuple[dict[str, bytes], dict[str, dict[str, Any]]]


@given(st.sampled_from("ab"), st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=6))
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_of_one_bank_gives_the_other(
    two_banks: Banks, tmp_path: Path, damaged: str, flips: list[tuple[int, int]]
) -> None:
    banks, held = two_banks
    data = bytearray(banks[damaged])
    for at, bits in flips:
        data[at % len(data)] ^= bits
    line_end = banks[damaged].index(b"\n")
    # The CRC in capitals is the same number.
    same = data[: line_end - 8] + data[line_end - 8 : line_end].lower() + data[line_end:] == banks[damaged]
    memory = loaded_from(tmp_path / "store", banks | {damaged: bytes(data)})
    assert_other_bank_or_same(memory, damaged, held, same)


@pytest.mark.parametrize("damaged", ["a", "b"])
def test_every_single_bit_of_a_bank_counts(two_banks: Banks, tmp_path: Path, damaged: str) -> None:
    """In the line before the JSON each one, so that no bank can pass for a newer one or for another format."""
    banks, held = two_banks
    line_end = banks[damaged].index(b"\n")
    for i in range(8 * (line_end + 40)):
        data = bytearray(banks[damaged])
        data[i // 8] ^= 1 << i % 8
        capital = i % 8 == 5 and chr(data[i // 8]) in "ABCDEF" and line_end - 8 <= i // 8 < line_end
        memory = loaded_from(tmp_path / "store", banks | {damaged: bytes(data)})
        assert_other_bank_or_same(memory, damaged, held, capital)


@pytest.mark.parametrize("damaged", ["a", "b"])
def test_a_bank_cut_anywhere_gives_the_other(two_banks: Banks, tmp_path: Path, damaged: str) -> None:
    banks, held = two_banks
    for size in range(len(banks[damaged])):
        memory = loaded_from(tmp_path / "store", banks | {damaged: banks[damaged][:size]})
        assert_other_bank_or_same(memory, damaged, held, same=False)


@pytest.mark.parametrize("more", [b" ", b"\n", b"\0", bytes(10000)])
def test_a_bank_with_something_added_gives_the_other(two_banks: Banks, tmp_path: Path, more: bytes) -> None:
    banks, held = two_banks
    memory = loaded_from(tmp_path / "store", banks | {"a": banks["a"] + more})
    assert_other_bank_or_same(memory, "a", held, same=False)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda data: b"imilt-store 1 " + data))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_for_a_bank_give_the_other(two_banks: Banks, tmp_path: Path, data: bytes) -> None:
    banks, held = two_banks
    assert_other_bank_or_same(loaded_from(tmp_path / "store", banks | {"a": data}), "a", held, same=False)
    assert loaded_from(tmp_path / "store", {"b": data}).state == "corrupt"


def test_after_a_damaged_bank_the_next_save_mends_it(two_banks: Banks, tmp_path: Path) -> None:
    banks, _ = two_banks
    for damaged in "ab":
        memory = loaded_from(tmp_path / "store", banks | {damaged: b"damaged"})
        memory.note("R", 0, 0, 0, 0, 0)
        assert memory.save() == ""
        assert files(tmp_path / "store")[{"a": "b", "b": "a"}[damaged]] == banks[{"a": "b", "b": "a"}[damaged]]
        again = loaded(tmp_path / "store")
        assert again.state == "good"
        assert content(again) == content(memory)


KINDS: dict[str, Callable[[Banks], bytes | None]] = {
    "missing": lambda banks: None,
    "empty": lambda banks: b"",
    "damaged": lambda banks: b"damaged",
    "first": lambda banks: bank(banks[0]["a"].partition(b"\n")[2], 1),
    "later": lambda banks: bank(banks[0]["a"].partition(b"\n")[2], 9),
    "newest": lambda banks: bank(banks[0]["b"].partition(b"\n")[2], 10),
    "not allowed": lambda banks: bank(b'{"device":{}}', 11),
    "no JSON": lambda banks: bank(b"{", 12),
    "generation 0": lambda banks: bank(banks[0]["a"].partition(b"\n")[2], 0),
}
STATES = [
    ("missing", "missing", "fresh"),
    ("empty", "missing", "fresh"),  # the first save was cut short
    ("missing", "empty", "corrupt"),
    ("empty", "empty", "corrupt"),
    ("damaged", "missing", "corrupt"),
    ("missing", "damaged", "corrupt"),
    ("damaged", "damaged", "corrupt"),
    ("damaged", "empty", "corrupt"),
    ("not allowed", "missing", "corrupt"),
    ("not allowed", "no JSON", "corrupt"),
    ("generation 0", "missing", "corrupt"),
    ("first", "missing", "good"),
    ("first", "empty", "good"),  # the second save was cut short
    ("first", "damaged", "recovered"),
    ("later", "missing", "recovered"),
    ("later", "empty", "recovered"),
    ("missing", "later", "recovered"),
    ("empty", "later", "recovered"),
    ("missing", "first", "recovered"),
    ("first", "later", "good"),
    ("newest", "not allowed", "recovered"),
    ("no JSON", "newest", "recovered"),
    ("newest", "later", "good"),
    ("later", "newest", "good"),
]


@pytest.mark.parametrize(("a", "b", "state"), STATES)
def test_what_each_pair_of_files_means(two_banks: Banks, tmp_path: Path, a: str, b: str, state: str) -> None:
    made = {"a": KINDS[a](two_banks), "b": KINDS[b](two_banks)}
    memory = loaded_from(tmp_path / "store", {name: data for name, data in made.items() if data is not None})
    assert memory.state == state
    assert bool(memory.problem) == (state == "corrupt")
    if state in ("fresh", "corrupt"):
        assert content(memory) == sections.defaults()
    else:
        assert content(memory) == two_banks[1]["b" if "newest" in (a, b) else "a"]


def test_a_corrupt_store_is_not_written_over(tmp_path: Path) -> None:
    """Else the next boot would find a good store, with the defaults for a calibration."""
    memory = loaded_from(tmp_path / "store", {"a": b"damaged", "b": b"damaged too"})
    before = files(tmp_path / "store")
    memory.count("boots", 1)
    memory.note("F", 1, 2, 3, 4, 5)
    assert memory.save() == memory.problem != ""
    assert memory.dirty
    assert files(tmp_path / "store") == before


def test_service_starts_a_corrupt_store_over(tmp_path: Path) -> None:
    memory = loaded_from(tmp_path / "store", {"a": b"damaged", "b": bank(b"{", 500)})
    assert memory.put("device", {"name": "anew", "key": ""}) == ""
    assert memory.start_over() == ""
    assert (memory.state, memory.problem) == ("fresh", "")
    assert memory.save() == ""
    again = loaded(tmp_path / "store")
    assert again.state == "good"
    assert again.section("device")["name"] == "anew"


@pytest.mark.parametrize("left", ["a", "b"])
def test_a_start_over_that_is_cut_short_is_still_corrupt(tmp_path: Path, left: str) -> None:
    assert loaded_from(tmp_path / "store", {left: b"damaged"}).state == "corrupt"


def test_only_a_corrupt_store_can_be_started_over(tmp_path: Path) -> None:
    assert loaded(tmp_path / "store").start_over() == "the store is fresh"
    memory = saved(tmp_path / "store", 2)
    before = files(tmp_path / "store")
    assert loaded(tmp_path / "store").start_over() == "the store is good"
    assert memory.start_over() != ""
    assert files(tmp_path / "store") == before


@pytest.mark.parametrize("newer", ["a", "b"])
def test_a_newer_format_is_refused_and_kept(two_banks: Banks, tmp_path: Path, newer: str) -> None:
    banks, _ = two_banks
    for others in ({}, banks, {"a": b"", "b": b""}, {"a": b"damaged", "b": b"damaged"}):
        memory = loaded_from(tmp_path / "store", others | {newer: bank(b"whatever comes then", 99, version=2)})
        before = files(tmp_path / "store")
        assert memory.state == "corrupt"
        assert memory.problem.endswith(f"store/{newer} is of a newer format: install the newer firmware again")
        assert content(memory) == sections.defaults()
        memory.count("boots", 1)
        assert memory.save() == memory.start_over() == memory.problem
        assert files(tmp_path / "store") == before


# Flash that fails


def failing(error: BaseException, when: str) -> Callable[..., Any]:
    """`open` that fails: itself, at the third write, or at the close of what was written."""

    class File:
        def __init__(self, path: str, mode: str) -> None:
            if when == "open" and mode == "wb":
                raise error
            self.file = open(path, mode)  # noqa: SIM115 - closed in __exit__
            self.writes = 0

        def __enter__(self) -> File:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()
            if when == "close" and self.writes:
                raise error

        def write(self, data: bytes) -> None:
            self.writes += 1
            if when == "write" and self.writes == 3:
                raise error
            self.file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    return File


@pytest.mark.parametrize("when", ["open", "write", "close"])
@pytest.mark.parametrize("error", [OSError(28, "no space"), OSError(5), MemoryError("8192 bytes")])
@pytest.mark.parametrize("saves", [0, 1, 2])
def test_a_failing_save_tells_it_and_loses_nothing(
    error: BaseException, when: str, saves: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    memory = saved(folder, saves)
    older = content(memory)
    memory.note("F", 1, 2, 3, 4, 5)
    with monkeypatch.context() as patch:
        patch.setattr(store, "open", failing(error, when), raising=False)
        problem = memory.save()
        assert problem.startswith(f"{folder}/{'ab'[saves % 2]} cannot be written: ")
        assert memory.dirty
        assert memory.journal(0) == [saves, 1, "F", 2, 3, 4, 5]
    again = loaded(folder)
    if saves:
        assert again.problem == ""
        assert content(again) in (older, content(memory))
    assert memory.save() == ""
    assert content(loaded(folder)) == content(memory)


@pytest.mark.parametrize("spoil", ["first", "last", "shorter", "longer", "older"])
def test_what_does_not_read_back_is_not_saved(spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board's flash driver tells no errors: reading back is how they show."""
    folder = tmp_path / "store"
    memory = saved(folder, 3)
    kept = files(folder)

    class Spoiling:
        def __init__(self, path: str, mode: str) -> None:
            self.path, self.wrote = Path(path), mode == "wb"
            self.file = open(path, mode)  # noqa: SIM115 - closed in __exit__

        def __enter__(self) -> Any:
            return self.file

        def __exit__(self, *_: object) -> None:
            self.file.close()
            if self.wrote:
                data = self.path.read_bytes()
                spoiled = {
                    "first": b"I" + data[1:],
                    "last": data[:-1] + b")",
                    "shorter": data[:-1],
                    "longer": data + b"\n",
                    "older": kept[self.path.name],
                }
                self.path.write_bytes(spoiled[spoil])

    memory.note("F", 1, 2, 3, 4, 5)
    with monkeypatch.context() as patch:
        patch.setattr(store, "open", Spoiling, raising=False)
        assert memory.save() == f"{folder}/b does not read back as it was written"
        assert memory.dirty
    assert files(folder)["a"] == kept["a"]
    assert memory.save() == ""
    assert content(loaded(folder)) == content(memory)


def test_a_bank_that_cannot_be_read_counts_as_damaged(tmp_path: Path) -> None:
    memory = saved(tmp_path / "store", 2)
    wanted = content(memory)
    (tmp_path / "store" / "a").unlink()
    (tmp_path / "store" / "a").mkdir()
    again = loaded(tmp_path / "store")
    assert again.state == "recovered"
    assert content(again) == wanted
    again.note("R", 0, 0, 0, 0, 0)
    assert "cannot be written" in again.save()
    assert content(loaded(tmp_path / "store")) == wanted


def test_a_file_in_the_folders_place_is_corrupt_and_cannot_be_removed(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    memory = loaded(tmp_path / "store")
    assert memory.state == "corrupt"
    assert "cannot be removed" in memory.start_over()
    assert memory.problem
