"""Which firmware this is. The manifest is the SHA-256 over every file's name and content, as they lie on the device."""

import binascii
import hashlib
import os

PROTOCOL = 1
VERSION = "0.1.0"


def manifest():
    """The manifest in hexadecimal, over the working directory and its `drivers`; reads every file, so once at boot."""
    digest = hashlib.sha256()
    for folder in ("", "drivers/"):
        for name in sorted(os.listdir(folder or ".")):
            if name.endswith((".py", ".mpy")):
                digest.update((folder + name + "\n").encode())
                with open(folder + name, "rb") as file:
                    digest.update(file.read())
    return binascii.hexlify(digest.digest()).decode()
