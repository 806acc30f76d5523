"""NOR flash in memory, whose power can go at any step; a block device for littlefs, in MicroPython's VM and on CPython.

A step is one erased sector or one programmed page. Erasing sets every bit, programming only clears bits.
"""

SECTOR = 4096
PAGE = 256
PARTS = 14
"""In how many ways a step can be left half done; at 0 nothing is done, at 8 all of it."""
EIO = 5


class Flash:
    """`image` is what survives. At step `cut` (from 1) only `part` of it is done, then the power is gone for good;
    at step `fail` nothing is done and an error is told, once, or from then on if `fail_on`."""

    def __init__(self, image, cut=0, part=0, fail=0, fail_on=False):
        self.image = image
        self.cut, self.part = cut, part
        self.fail, self.fail_on = fail, fail_on
        self.steps = []
        """The kind of every step so far, "e" or "p"."""
        self.overwrites = 0
        """Pages programmed where some bit could not become 1 again."""
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return -EIO
        at = block * SECTOR + offset
        buffer[:] = memoryview(self.image)[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset):
        at = block * SECTOR + offset
        done = 0
        while done < len(buffer):
            size = min(PAGE - (at + done) % PAGE, len(buffer) - done)
            before = bytes(self.image[at + done : at + done + size])
            wanted = both(before, bytes(buffer[done : done + size]))
            self.overwrites += wanted != bytes(buffer[done : done + size])
            if not self._step("p", at + done, before, wanted):
                return -EIO
            done += size
        return 0

    def ioctl(self, op, argument):
        if op == 4:
            return len(self.image) // SECTOR
        if op == 5:
            return SECTOR
        if op == 6:
            at = argument * SECTOR
            before = bytes(self.image[at : at + SECTOR])
            return 0 if self._step("e", at, before, b"\xff" * SECTOR) else -EIO
        return 0

    def _step(self, kind, at, before, after):
        """Carry out one step; False if it fails."""
        if self.dead:
            return False
        self.steps.append(kind)
        number = len(self.steps)
        if number == self.fail or (self.fail_on and number > self.fail):
            return False
        if number == self.cut:
            after = torn(kind, before, after, self.part)
            self.dead = True
        self.image[at : at + len(after)] = after
        return not self.dead


def both(a, b):
    """Bitwise and of two equally long strings of bytes."""
    return (int.from_bytes(a, "big") & int.from_bytes(b, "big")).to_bytes(len(a), "big")


def torn(kind, before, after, part):
    """What is there when the power goes during a step: a beginning, an end, or some of the bits."""
    size = len(before)
    if part <= 8:
        done = size * part // 8
        return after[:done] + before[done:]
    if part == 9:
        return before[: size // 2] + after[size // 2 :]
    if part <= 11:
        return some_bits(before, after, part)
    if kind == "e":  # chips clear every bit of a sector before they erase it
        return bytes(size) if part == 12 else bytes(size // 2) + before[size // 2 :]
    done = 1 if part == 12 else size - 1  # a page may end within its first or last byte
    return after[: done - 1] + some_bits(before[done - 1 : done], after[done - 1 : done], part) + before[done:]


def some_bits(before, after, seed):
    """`before` with some of the bits that differ already as in `after`; which ones, content and seed tell."""
    size = len(before)
    mask = bytearray(size)
    state = sum(after) + seed
    for i in range(size):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        mask[i] = state >> 16 & 255
    chosen = int.from_bytes(mask, "big")
    old, new = int.from_bytes(before, "big"), int.from_bytes(after, "big")
    return (old & ~chosen | new & chosen).to_bytes(size, "big")
