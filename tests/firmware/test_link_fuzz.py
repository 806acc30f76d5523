"""Hostile bytes: for the whole application, for the fuzzer itself, and for the link in MicroPython's VM."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.bench import Bench, in_state
from support.firmware import FOLDER, load
from support.fuzz import Finding, Hostile, fuzz
from support.sim import require_vm
from support.stubs import Serial

from imilt_sim.levels.micropython import vm_path

BYTES = 150_000


def armed() -> Bench:
    return in_state("ready")


@pytest.mark.parametrize("make", [Bench, armed])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_light_no_error_and_no_growth_whatever_bytes_come(make: Callable[[], Bench], seed: int) -> None:
    """A fair part of each kind must get through, else it shows nothing."""
    report = fuzz(make, BYTES, seed, stops=make is Bench)
    assert report.bytes >= BYTES
    assert (report.armed_cycles > 200) == (make is armed)
    assert report.commands > (150 if make is Bench else 80)
    assert report.refused > 200
    assert report.bad_lines > 5000
    assert report.rows > 200


def test_the_same_seed_gives_the_same_run() -> None:
    first, second, other = (fuzz(Bench, 20_000, seed) for seed in (5, 5, 6))
    for report in (first, second, other):
        report.growth_bytes = 0
    assert first == second
    assert first != other


def raises(bench: Bench) -> None:
    """On an acknowledgement without a line."""
    acknowledge = bench.app.link.acknowledge

    def spoilt(sequence: int, extra: int) -> None:
        if sequence < 0:
            raise ValueError("no line")
        acknowledge(sequence, extra)

    bench.app.link.acknowledge = spoilt


def lights(bench: Bench) -> None:
    """Whoever asks to start."""
    set_mw = bench.board.laser.set_mw
    bench.app.hands.request_start = lambda: setattr(bench.board.laser, "set_mw", lambda mw: set_mw(mw + 100))


def pulses(bench: Bench) -> None:
    """Whoever asks to start."""

    def pulse() -> None:
        bench.board.enable(1)
        bench.board.enable(0)

    bench.app.hands.request_start = pulse


def leaks(bench: Bench) -> None:
    """What was refused is kept."""
    kept: list[bytes] = []
    check = bench.app.link.session.check

    def keep(body: bytes) -> bool:
        kept.append(body)
        return check(body)

    bench.app.link.session.check = keep


def garbles(bench: Bench) -> None:
    """Every fiftieth write loses its last byte."""
    serial = bench.board.serial
    write, writes = serial.write, iter(range(1 << 30))
    serial.write = lambda data: write(data if next(writes) % 50 else data[:-1])


def grows(bench: Bench) -> None:
    """The queue has no bound."""
    put = bench.app.link._put
    bench.app.link._put = lambda kind, text, room: put(kind, text, 1 << 30)


def goes_deaf(bench: Bench) -> None:
    """After five hundred commands."""
    check, checks = bench.app.link.session.check, iter(range(1 << 30))
    bench.app.link.session.check = lambda body: next(checks) < 500 and check(body)


DEFECTS: dict[Callable[[Bench], None], str] = {
    raises: "ValueError: no line",
    lights: "there is light",
    pulses: "the enable line had an edge",
    leaks: "memory grew by",
    garbles: "the device sent",
    grows: "the queue",
    goes_deaf: "what is signed is not understood any more",
}


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_the_fuzzer_finds_a_defect_and_says_where(defect: Callable[[Bench], None]) -> None:
    def spoilt() -> Bench:
        bench = armed()
        defect(bench)
        return bench

    with pytest.raises(Finding, match=rf"seed 1, cycle \d+, after \d+ of {BYTES} bytes: .*{DEFECTS[defect]}"):
        fuzz(spoilt, BYTES, 1, stops=False)


VM_SCRIPT = """
import binascii, gc, sys
sys.path.insert(0, sys.argv[1])
import auth, link

class Port:
    def __init__(self):
        self.rx = bytearray()
        self.at = self.crc = 0

    def read_line(self, line, limit):
        while limit > 0 and self.at < len(self.rx):
            byte = self.rx[self.at]
            self.at += 1
            if byte == 10:
                return True
            line.append(byte)
            limit -= 1
        return False

    def write(self, data):
        self.crc = binascii.crc32(data, self.crc)

    def trickle(self, data):
        self.write(data)
        return len(data)

port = Port()
device = link.Link(port, auth.Session(auth.default_key("stub"), "stub", 1))
crc = count = before = 0
for piece in open(sys.argv[2]):
    port.rx = port.rx[port.at:] + binascii.unhexlify(piece.strip())
    port.at = 0
    for command in device.poll(count):
        crc = binascii.crc32("|".join([str(field) for field in command]).encode(), crc)
        device.answer(command[1], "")
    device.send("T", str(count))
    device.flush()
    count += 1
    gc.collect()
    if count == 200:
        before = gc.mem_alloc()
print(crc, port.crc, device.bad_lines, device.refused, device.dropped, device.highest)
print(gc.mem_alloc() - before)
"""


def test_the_vm_takes_the_same_commands_from_the_same_bytes(tmp_path: Path) -> None:
    """MicroPython's strings and integers differ from CPython's in small ways; none of them shows. Nor does it grow."""
    require_vm()
    auth, link, binascii = load("auth"), load("link"), load("binascii")
    port: Any = Serial()
    device = link.Link(port, auth.Session(auth.default_key("stub"), "stub", 1))
    app = SimpleNamespace(link=device, unique_id="stub", count=0)
    hostile, pieces, crc, sent = Hostile(7, app), [], 0, b""
    while app.count < 1000:
        piece = hostile.piece() if len(port.rx) < 1000 else b""
        pieces.append(piece)
        port.rx += piece
        for command in device.poll(app.count):
            crc = binascii.crc32("|".join(map(str, command)).encode(), crc)
            device.answer(command[1], "")
        device.send("T", str(app.count))
        device.flush()
        sent += port.take()
        app.count += 1
    expected = [crc, binascii.crc32(sent), device.bad_lines, device.refused, device.dropped, device.highest]
    assert min(expected) > 0
    (tmp_path / "pieces").write_text("".join(piece.hex() + "\n" for piece in pieces))
    (tmp_path / "script.py").write_text(VM_SCRIPT)
    command = [vm_path(), str(tmp_path / "script.py"), str(FOLDER), str(tmp_path / "pieces")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    numbers = list(map(int, done.stdout.split()))
    assert numbers[:-1] == expected
    assert numbers[-1] < 20_000
