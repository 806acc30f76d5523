"""The official MicroPython image that the emulated board runs: found, or downloaded and checked."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from imilt.errors import InputError

NAME = "RPI_PICO-20250911-v1.26.1.uf2"
SHA256 = "fc2a8096e0d999d3caca11b34381854599d68aee3e905d3cccbd5247ca78d07c"
URL = f"https://micropython.org/resources/firmware/{NAME}"
VARIABLE = "PICO_UF2"
_TIMEOUT_S = 30


def cached() -> Path:
    """Where the image is kept between runs, whether it is there or not."""
    return Path.home() / ".cache" / "rp2040py" / NAME


def find() -> Path | None:
    """The image that PICO_UF2 names, else the one in the cache; None without one, and nothing is downloaded.

    Raises InputError if PICO_UF2 names no file, or if the cached one is not the official release.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise InputError(f"{VARIABLE}={named}: there is no such file; let it name {NAME}, or unset it")
        return Path(named)
    path = cached()
    if not path.is_file():
        return None
    if _sha256(path.read_bytes()) != SHA256:
        raise InputError(f"{path}: is not the official release (SHA-256 {SHA256}); remove it")
    return path


def get() -> Path:
    """The image, downloaded from micropython.org if need be. Raises InputError if it cannot be had."""
    return find() or _download(cached())


def missing() -> str:
    """How to get the image, for those who do without it."""
    return (
        f"level rp2040: the MicroPython image {NAME} is missing; put it there from {URL} ({cached()}), or let"
        f" {VARIABLE} name it"
    )


def _download(path: Path) -> Path:
    try:
        with urllib.request.urlopen(URL, timeout=_TIMEOUT_S) as answer:
            data = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise InputError(f"{missing()}; the download failed: {error}") from error
    if _sha256(data) != SHA256:
        raise InputError(f"{URL}: SHA-256 {_sha256(data)} instead of {SHA256}; nothing was kept")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; let {VARIABLE} name the image") from error
    return path


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
