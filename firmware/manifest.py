"""Are the files those that were built? Compares each with manifest.txt of the bank; see docs/hardware.md."""

import binascii
import hashlib
import os

from micropython import const

import bank

_CHUNK_BYTES = const(512)
_LINE_MAX_BYTES = const(160)
_FOLDERS = ("a", "b", "store")


def check():
    """(The manifest's SHA-256 in hexadecimal, which names this firmware, what is wrong or ""). Reads every file."""
    folder = bank.name()
    digest = hashlib.sha256()
    problem = ""
    known = set()
    chunk = bytearray(_CHUNK_BYTES)
    try:
        with open(folder + "/manifest.txt", "rb") as file:
            while True:
                line = file.readline(_LINE_MAX_BYTES)
                if not line:
                    break
                digest.update(line)
                problem = problem or _check_line(folder, line, known, chunk)
    except OSError:
        return "", "no manifest"
    try:
        problem = problem or _extra_in_root(known) or _extra_in(folder, known)
    except OSError:
        problem = "the flash cannot be read"
    return binascii.hexlify(digest.digest()).decode(), problem


def _check_line(folder, line, known, chunk):
    """What is wrong with the file that this line is about: `sha256  size  name`, `/name` for one in the root."""
    try:
        sha256, size, name = line.decode().split()
        path = name[1:] if name[0] == "/" else folder + "/" + name
        known.add(path)
        if not line.endswith(b"\n"):
            return "manifest.txt is garbled"
        return _check_file(path, sha256, int(size), chunk)
    except ValueError:
        return "manifest.txt is garbled"


def _check_file(path, sha256, size, chunk):
    digest = hashlib.sha256()
    view = memoryview(chunk)
    read = 0
    try:
        with open(path, "rb") as file:
            while True:
                count = file.readinto(chunk)
                if not count:
                    break
                digest.update(view[:count])
                read += count
    except OSError:
        return path + " is missing"
    if read != size:
        return "%s has %d bytes instead of %d" % (path, read, size)
    if binascii.hexlify(digest.digest()).decode() != sha256:
        return path + " was changed"
    return ""


def _extra_in_root(known):
    """The first entry, from the root, that was not built and that an import could find."""
    for name in sorted(os.listdir()):
        if name.endswith((".py", ".mpy")):
            if name not in known:
                return name + " does not belong there"
        elif _is_folder(name) and name not in _FOLDERS:
            return name + " does not belong there"
    return ""


def _extra_in(folder, known):
    """The first file in the bank that was not built."""
    for name in sorted(os.listdir(folder)):
        path = folder + "/" + name
        if _is_folder(path):
            problem = _extra_in(path, known)
            if problem:
                return problem
        elif path not in known and path != bank.name() + "/manifest.txt":
            return path + " does not belong there"
    return ""


def _is_folder(path):
    return os.stat(path)[0] & 0x4000 != 0
