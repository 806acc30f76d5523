"""The device's memory: two banks, one file each, written in turn, so that one is whole whenever power goes.

A bank is one line - magic, format, generation, length of the rest, CRC-32 of all that - and then JSON. Later formats
keep that line, so that an older firmware knows a newer store from a damaged one.
"""

import binascii
import json
import os

from micropython import const

import sections

_FORMAT = const(1)
BANKS = ("a", "b")

_MAGIC = b"imilt-store"
_LINE_MAX = const(64)
_CHUNK = const(256)
# What was found instead of a generation, which counts from 1.
_MISSING = const(0)
_EMPTY = const(-1)
_DAMAGED = const(-2)
_NEWER = const(-3)


class Store:
    """`state` and `problem` are what `load` found; while there is a problem nothing is written over it.

    `dirty` tells whether `save` has anything to do. Saving stops everything for as long as the flash takes to erase
    some sectors: only while dark, cold and unarmed.
    """

    def __init__(self, folder="store"):
        self._paths = [folder + "/" + bank for bank in BANKS]
        self._folder = folder
        self._data = sections.defaults()
        self._bank = 1  # the one that holds the newest; the first save goes into the other
        self._generation = 0
        self.state = "fresh"
        self.problem = "the store was not loaded"
        self.dirty = False

    # Banks

    def load(self):
        """Take the newest good bank, else the defaults.

        `state` becomes "fresh" (never saved), "good", "recovered" (one bank is damaged, so what was newest may be
        lost) or "corrupt" (nothing can be used). The last comes with a `problem`: defaults are no calibration.
        """
        self._data = sections.defaults()
        self._bank, self._generation = 1, 0
        self.dirty = False
        found = [_generation(path) for path in self._paths]
        if _NEWER in found:
            self.state = "corrupt"
            self.problem = self._paths[found.index(_NEWER)] + " is of a newer format: install the newer firmware again"
            return
        self.state, self.problem = "fresh", ""
        for bank in (0, 1) if found[0] > found[1] else (1, 0):
            if found[bank] > 0:
                if self._take(bank, found):
                    return
                found[bank] = _DAMAGED
        # An empty first bank is a first save that was cut short; nothing else can be there without a good one.
        if found[1] != _MISSING or found[0] not in (_MISSING, _EMPTY):
            self.state = "corrupt"
            self.problem = "no bank of the store can be read: set the device up anew"

    def _take(self, bank, found):
        try:
            with open(self._paths[bank], "rb") as file:
                file.readline()
                data = json.load(file)
        except (OSError, ValueError):
            return False
        if sections.check_all(data):
            return False
        self._data = data
        self._bank, self._generation = bank, found[bank]
        # The second bank comes with the second save, which may have been cut short.
        first = bank == 0 and found[0] == 1 and found[1] in (_MISSING, _EMPTY)
        self.state = "good" if first or found[1 - bank] > 0 else "recovered"
        return True

    def save(self):
        """Write what has changed into the older bank and read it back; returns what went wrong, or nothing.

        Whatever goes wrong, the newer bank and what is in memory stay as they are, and `dirty` stays set.
        """
        if not self.dirty:
            return ""
        problem = self.problem or sections.check_all(self._data)
        if problem:
            return problem
        try:
            problem = self._write(1 - self._bank)
        except (OSError, MemoryError) as error:
            problem = "%s cannot be written: %s" % (self._paths[1 - self._bank], error)
        if not problem:
            self._bank = 1 - self._bank
            self._generation += 1
            self.dirty = False
        return problem

    def _write(self, bank):
        """In pieces, made anew for each pass: the whole text would need 8 KB at a time when memory is in crumbs."""
        size = 0
        for piece in self._pieces():
            size += len(piece)
        line = b"%s %d %d %d " % (_MAGIC, _FORMAT, self._generation + 1, size)
        crc = binascii.crc32(line)
        for piece in self._pieces():
            crc = binascii.crc32(piece, crc)
        line += b"%08x\n" % crc
        try:
            os.mkdir(self._folder)
        except OSError:
            pass  # it is there; if it cannot be, opening a file in it tells
        with open(self._paths[bank], "wb") as file:
            file.write(line)
            for piece in self._pieces():
                file.write(piece)
        with open(self._paths[bank], "rb") as file:
            same = file.read(len(line)) == line
            for piece in self._pieces():
                same = same and file.read(len(piece)) == piece
            same = same and not file.read(1)
        return "" if same else self._paths[bank] + " does not read back as it was written"

    def _pieces(self):
        """The JSON, a section or an entry of the journal at a time."""
        opening = "{"
        for name, _ in sections.CHECKS[:-1]:  # the journal is the last
            yield ('%s"%s":%s' % (opening, name, json.dumps(self._data[name]))).encode()
            opening = ","
        yield b',"journal":['
        opening = ""
        for entry in self._data["journal"]:
            yield ('%s[%d,%d,"%s",%d,%d,%d,%d]' % tuple([opening] + entry)).encode()
            opening = ","
        yield b"]}"

    def start_over(self):
        """Give up banks that cannot be read, when service says so: what is in memory is then what the next save writes.

        Returns what stands against it, or nothing.
        """
        if self.state != "corrupt":
            return "the store is " + self.state
        found = [_generation(path) for path in self._paths]
        if _NEWER in found:
            return self.problem
        for path, generation in zip(self._paths, found):
            if generation != _MISSING:
                try:
                    os.remove(path)
                except OSError as error:
                    return "%s cannot be removed: %s" % (path, error)
        self.state, self.problem = "fresh", ""
        self.dirty = True
        return ""

    # Sections

    def section(self, name):
        """The section itself, not a copy. Change it by `put`, so that it is checked and saved."""
        return self._data[name]

    def put(self, section, value):
        """Take a whole section; returns what is wrong with it, or nothing. The same again is no change."""
        if section == "journal":
            return "the journal is only added to"
        problem = sections.check(section, value)
        if problem:
            return problem
        live = self._data[section]
        # What is put back itself may have been changed in place.
        if value is live or value != live:
            self._data[section] = value
            self.dirty = True
        return ""

    def count(self, name, amount):
        """Add to a counter, up to where it ends."""
        counters = self._data["counters"]
        counters[name] = sections.clamp(counters[name] + max(amount, 0), 0, sections.COUNT_MAX)
        self.dirty = True

    # Journal

    def note(self, kind, cycle, number, where, value, limit):
        """Add an entry to the journal, whose oldest is dropped; what is out of bounds is brought within."""
        journal = self._data["journal"]
        while len(journal) >= sections.JOURNAL_MAX:
            journal.pop(0)
        journal.append(sections.entry(self._data["counters"]["boots"], cycle, kind, number, where, value, limit))
        self.dirty = True

    def journal_count(self):
        return len(self._data["journal"])

    def journal(self, i):
        """Entry `i`, 0 the newest: boot, cycle, kind, number, where, value, limit; None where there is none."""
        journal = self._data["journal"]
        return journal[len(journal) - 1 - i] if 0 <= i < len(journal) else None

    # Latched fault

    def latch(self, number, where, value, limit):
        """Remember a hard fault over power loss; the first one stays, for it is the cause."""
        latch = self._data["latch"]
        if latch["number"] or number <= 0:
            return
        latch["number"] = sections.clamp(number, 0, sections.CODE_MAX)
        latch["where"] = sections.clamp(where, -sections.CODE_MAX, sections.CODE_MAX)
        latch["value"] = sections.clamp(value, -sections.COUNT_MAX, sections.COUNT_MAX)
        latch["limit"] = sections.clamp(limit, -sections.COUNT_MAX, sections.COUNT_MAX)
        self.dirty = True

    def unlatch(self):
        """Forget the latched fault."""
        latch = self._data["latch"]
        if latch["number"]:
            for name in latch:
                latch[name] = 0
            self.dirty = True


def _generation(path):
    """The generation of the bank in this file if it is whole, else what is wrong with it."""
    try:
        with open(path, "rb") as file:
            return _verified(file)
    except OSError as error:
        return _MISSING if error.args[0] == 2 else _DAMAGED  # ENOENT


def _verified(file):
    data = file.read(_LINE_MAX)
    if not data:
        return _EMPTY
    end = data.find(b"\n")
    fields = data[:end].split(b" ")
    if end < 0 or len(fields) != 5 or fields[0] != _MAGIC:
        return _DAMAGED
    try:
        version, generation, size = int(fields[1]), int(fields[2]), int(fields[3])
        expected = int(fields[4], 16)
    except ValueError:
        return _DAMAGED
    crc = binascii.crc32(data[: end - len(fields[4])])
    data = data[end + 1 :]
    while data:
        crc = binascii.crc32(data, crc)
        size -= len(data)
        data = file.read(_CHUNK)
    if size or crc != expected or generation < 1:
        return _DAMAGED
    return generation if version == _FORMAT else _NEWER
