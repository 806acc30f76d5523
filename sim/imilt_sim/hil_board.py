"""Runs on the board, in service, sent there by `make hil`: tries the drivers on their wires and prints what it finds.

For a loop-back bench only, without a laser: it drives set-point and enable without any of the safety's limits.
"""

import binascii
import time

import board
from drivers import reading
from store import Store

_REGISTERS = 10
_STEP_MS = 5
_EDGES = 5
_EDGE_MS = 100
_DARK_MW = 100
_POWERS_MW = (0, 1000, 2000, 5000)
_WAIT_MS = 400


def registers(chip):
    """The configuration as the chip has it, in hexadecimal digits."""
    ask, answer = bytearray(1 + _REGISTERS), bytearray(1 + _REGISTERS)
    chip._select(0)
    chip._spi.write_readinto(ask, answer)
    chip._select(1)
    return binascii.hexlify(bytes(answer[1:])).decode()


def convert(chip):
    """How long a conversion takes, ms, and the status of its result."""
    chip.trigger()
    since_ms = time.ticks_ms()
    while True:
        time.sleep_ms(_STEP_MS)
        status = chip.read()
        lasted_ms = time.ticks_diff(time.ticks_ms(), since_ms)
        if status != reading.NOT_READY or lasted_ms > _WAIT_MS:
            return lasted_ms, status


def light(laser, mw):
    """As the firmware does for healthy cycles."""
    laser.set_mw(mw)
    for _ in range(_EDGES):
        laser.pulse_enable()
        time.sleep_ms(_EDGE_MS)


def dark_after_ms(meter):
    since_ms = time.ticks_ms()
    lasted_ms = 0
    while meter.read_mw() > _DARK_MW and lasted_ms < _WAIT_MS:
        time.sleep_ms(_STEP_MS)
        lasted_ms = time.ticks_diff(time.ticks_ms(), since_ms)
    return lasted_ms


def tell(name, *values):
    print(",".join(["hil", name] + [str(value) for value in values]))


def calibrated():
    """The board with its own laser table, as the firmware uses it."""
    store = Store()
    store.load()
    laser = store.section("laser")
    b = board.Board()
    b.laser.calibrate(laser["points"])
    b.power_meter.full_scale_mw = laser["full_scale_mw"]
    return b


def main():
    b = calibrated()
    for i in range(len(b.chips)):
        chip = b.chips[i]
        for tc_type in (reading.TYPE_K, reading.TYPE_T):
            chip.configure(tc_type)
            tell("registers", i, tc_type, registers(chip))
        tell("conversion", i, *convert(chip))
        tell("junctions", i, chip.tc_mc, chip.cj_mc)
    for mw in _POWERS_MW:
        light(b.laser, mw)
        tell("power", mw, b.power_meter.read_mw())
    b.laser.dark()
    tell("dark-duty", dark_after_ms(b.power_meter))
    light(b.laser, _POWERS_MW[2])
    tell("dark-enable", dark_after_ms(b.power_meter))
    b.laser.dark()
    tell("end")


main()
