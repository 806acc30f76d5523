"""Where the firmware's files are, and their hash."""

import hashlib
from pathlib import Path


def firmware_dir() -> Path:
    """The firmware's folder: inside the installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "_firmware"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "firmware"


def firmware_sha256(folder: Path) -> str:
    """SHA-256 over every file's name and content, as the firmware itself computes its manifest."""
    digest = hashlib.sha256()
    for sub in ("", "drivers/"):
        for path in sorted((folder / sub).glob("*.py"), key=lambda path: path.name):
            digest.update(f"{sub}{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
