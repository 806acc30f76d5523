"""Plans for simulated treatments: the default one, with its hold cut short."""

from __future__ import annotations

from pathlib import Path

from imilt.firmware import firmware_dir

DEFAULT = firmware_dir().parent / "plans" / "pancreas-imilt.toml"


def short_plan(folder: Path, *edits: tuple[str, str]) -> Path:
    """The default plan with a hold of half a minute and each (old, new) text replaced, as a file in `folder`."""
    text = DEFAULT.read_text()
    for old, new in (("hold_min = 30.0", "hold_min = 0.5"), *edits):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "plan.toml"
    path.write_text(text)
    return path
