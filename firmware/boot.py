"""Makes every output safe, then picks the bank to start from: after three starts in vain, the other one.

What fails here ends at the REPL, in the dark, where the device can be flashed: main.py does not run then.
"""

import board

# A soft reset can leave a PWM slice running: only taking the pin back makes it dark (micropython#9007).
board.dark()

# In this scratch slot main.py counts the starts, and the firmware sets it to 0 once it runs: 1 to 3 starts of the bank
# in bank.txt, 4 for the change of banks, 5 to 7 starts of the other.
_STARTS = 1
_CHANGE = 4
_NONE_STARTS = 7


def choose():
    """Put the bank to start from on sys.path. Raises if none starts; after a reset by hand both are tried again."""
    import sys

    bank = named()
    starts = board.scratch_read(_STARTS)
    if starts == _CHANGE - 1 or starts >= _NONE_STARTS:
        board.scratch_write(_STARTS, 0)
        bank = "a" if bank == "b" else "b"
        if starts >= _NONE_STARTS or not name(bank):
            raise RuntimeError("no bank starts: flash the device")
        board.scratch_write(_STARTS, _CHANGE)
    sys.path.insert(0, bank)


def named():
    """The bank that bank.txt names; the first if it cannot be read."""
    try:
        with open("bank.txt", "rb") as file:
            return "b" if file.read(8).strip() == b"b" else "a"
    except OSError:
        return "a"


def name(bank):
    """Write `bank` into bank.txt, which at any moment names the old one or the new. False if it has no files."""
    import os

    try:
        os.stat(bank + "/manifest.txt")
    except OSError:
        return False
    with open("bank.new", "wb") as file:
        file.write(bank.encode())
    os.rename("bank.new", "bank.txt")
    return True


choose()
