"""Device keys: where they come from, and what a user is told about a file that holds none."""

from __future__ import annotations

from pathlib import Path

import pytest

from imilt.errors import InputError
from imilt.keys import load_keys
from imilt.link import default_key

KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without keys."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IMILT_KEYS", raising=False)
    return tmp_path / "home"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_every_device_has_its_default_key() -> None:
    assert load_keys()("696d") == default_key("696d") != default_key("696e")


def test_the_users_file_gives_a_device_its_own_key(home: Path) -> None:
    write(home / ".config" / "imilt" / "keys.toml", f'# mine\n696D = "{KEY.upper()}"\n"a.b" = "{KEY[::-1]}"\n')
    key_of = load_keys()
    assert key_of("696d") == bytes.fromhex(KEY)
    assert key_of("a.b") == bytes.fromhex(KEY[::-1])
    assert key_of("696e") == default_key("696e")


def test_another_file_may_be_named(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".config" / "imilt" / "keys.toml", "nonsense")
    monkeypatch.setenv("IMILT_KEYS", str(write(tmp_path / "others.toml", f'696d = "{KEY}"')))
    assert load_keys()("696d") == bytes.fromhex(KEY)


@pytest.mark.parametrize("text", ["", "# none yet\n"])
def test_a_file_may_be_empty(home: Path, text: str) -> None:
    write(home / ".config" / "imilt" / "keys.toml", text)
    assert load_keys()("696d") == default_key("696d")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'696d = "{KEY[1:]}"', "entry 1 is none of the form `unique id = "),
        (f'696d = "{KEY}"\n696e = "{KEY}0"', "entry 2 is none of the form"),
        ('696d = "' + "x" * 64 + '"', "entry 1 is none"),
        ("696d = 5", "entry 1 is none"),
        (f'[device]\n696d = "{KEY}"', "entry 1 is none"),
        (f'{KEY} = "696d"', "entry 1 is none"),
        (f"696d = {KEY}x", "is not valid TOML"),
        ("\x00", "is not valid TOML"),
    ],
)
def test_a_bad_file_is_told_in_one_line_that_quotes_no_key(home: Path, text: str, told: str) -> None:
    path = write(home / ".config" / "imilt" / "keys.toml", text)
    with pytest.raises(InputError) as caught:
        load_keys()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert told in message
    assert "\n" not in message
    assert KEY[1:17] not in message


def test_a_file_that_is_no_text_is_told(home: Path) -> None:
    path = write(home / ".config" / "imilt" / "keys.toml", "")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not valid TOML"):
        load_keys()


def test_a_named_file_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMILT_KEYS", str(tmp_path / "nowhere.toml"))
    with pytest.raises(InputError, match="is not there; IMILT_KEYS names the file"):
        load_keys()


def test_a_folder_in_its_place_is_told(home: Path) -> None:
    (home / ".config" / "imilt" / "keys.toml").mkdir(parents=True)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_keys()
