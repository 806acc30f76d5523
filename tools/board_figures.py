"""Writes docs/board-figures.md; `make board-figures`."""

from __future__ import annotations

import sys
from pathlib import Path

from imilt.errors import InputError
from imilt_sim.board_figures import CYCLES, measure
from imilt_sim.levels import check_level
from imilt_sim.pico import image

PAGE = Path(__file__).parent.parent / "docs" / "board-figures.md"
HEAD = f"""# What the firmware costs on a board

Written by `make board-figures`: the emulated RP2040 with {image.NAME}, times in its own time, over {CYCLES} cycles
while heating, each with its locked part under `heap_lock()`. A change of more than a tenth is to be seen in review.

"""


def main() -> int:
    try:
        check_level("rp2040")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = [("figure", "measured", "goal"), ("---",) * 3, *measure()]
    page = HEAD + "".join("| " + " | ".join(row) + " |\n" for row in rows)
    PAGE.write_text(page)
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
