"""Device keys: what signs commands for a device that was given a key of its own, in a file of the user's."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from imilt.errors import InputError
from imilt.link import default_key

VARIABLE = "IMILT_KEYS"
"""Names another file than the usual one."""
USUAL = "~/.config/imilt/keys.toml"
REMEDY = f'write that key into {USUAL} as `unique id = "64 hexadecimal digits"`, or set another in service'

_KEY = re.compile(r"[0-9a-fA-F]{64}")


def load_keys() -> Callable[[str], bytes]:
    """Which key signs for a device, by its unique id: the file's, else the default one.

    Raises InputError for a file that is named but not there, and for one that is no table of keys; no key is quoted.
    """
    named = os.environ.get(VARIABLE, "")
    path = Path(os.path.expanduser(named or USUAL))
    try:
        keys = _keys(path, path.read_bytes())
    except FileNotFoundError as error:
        if named:
            raise InputError(f"{path}: is not there; {VARIABLE} names the file of device keys") from error
        keys = {}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; it holds the device keys") from error
    return lambda unique_id: keys.get(unique_id.lower()) or default_key(unique_id)


def _keys(path: Path, source: bytes) -> dict[str, bytes]:
    try:
        table = tomllib.loads(source.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not valid TOML: {error}") from error
    for number, key in enumerate(table.values(), 1):
        if not (isinstance(key, str) and _KEY.fullmatch(key)):
            raise InputError(f'{path}: entry {number} is none of the form `unique id = "64 hexadecimal digits"`')
    return {unique_id.lower(): bytes.fromhex(key) for unique_id, key in table.items()}
