"""The VM's own `os`, with the Pico's flash in place of the host's disk, and what the unix port lacks."""

from os import *  # noqa: F403
from os import ilistdir as _ilistdir
from os import stat

_HIDDEN = ".standins"  # what vm_main mounts
_BLOCK_BYTES = 4096
_BLOCKS = 352


def ilistdir(path=""):
    return (entry for entry in _ilistdir(path) if entry[0] != _HIDDEN)


def listdir(path=""):
    return [entry[0] for entry in ilistdir(path)]


def sync():
    pass


def statvfs(path):
    """As on level cpython: 1408 KiB, of which every file takes whole blocks."""
    free = max(0, _BLOCKS - _used("/"))
    return (_BLOCK_BYTES, _BLOCK_BYTES, _BLOCKS, free, free, 0, 0, 0, 0, 255)


def _used(folder):
    blocks = 0
    for name in listdir(folder):
        path = folder + name
        mode, size = stat(path)[0], stat(path)[6]
        blocks += _used(path + "/") if mode & 0x4000 else (size + _BLOCK_BYTES - 1) // _BLOCK_BYTES
    return blocks
