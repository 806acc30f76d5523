"""Fills in the generated parts of docs/hardware.md and draws docs/wiring.svg; `make docs`.

The pins come from the board files, the figures of low-pass and monostable from the parts' values below.
"""

from __future__ import annotations

import math
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

TOP = Path(__file__).parent.parent
PAGE = TOP / "docs" / "hardware.md"
DRAWING = TOP / "docs" / "wiring.svg"
LOAD = runpy.run_path(str(TOP / "tools" / "firmware_modules.py"))["load"]
BOARDS = [LOAD("board"), *(LOAD(f"boards.{path.stem}") for path in sorted((TOP / "firmware" / "boards").glob("*.py")))]
PWM_HZ = LOAD("drivers.laser").PWM_HZ
LASER_MAX_MW = LOAD("limits").LASER_MAX_MW

# What each name of a board file means, once for all boards: direction and purpose.
OUT, IN, ANALOGUE = "out", "in, pull-up", "analogue in"
PINS = {
    "LASER_PWM": (OUT, f"laser power: PWM, {PWM_HZ // 1000} kHz, low-passed to the driver's set-point"),
    "LASER_ENABLE": (OUT, "laser enable: one rising edge for each healthy cycle, to the monostable"),
    "AIMING_BEAM": (OUT, "aiming beam"),
    "EMISSION_INDICATOR": (OUT, "emission indicator: on for 2 s before any light"),
    "BUZZER": (OUT, "buzzer: PWM, 400 Hz"),
    "ALARM_RED": (OUT, "red alarm lamp"),
    "ALARM_YELLOW": (OUT, "yellow alarm lamp"),
    "SPI_SCK": (OUT, "converters: clock"),
    "SPI_MOSI": (OUT, "converters: to them"),
    "SPI_MISO": ("in", "converters: from them"),
    "CHIP_SELECTS": (OUT, "chip select of converter"),
    "DATA_READY": (IN, "data ready (DRDY) of converter 0: low when a result waits"),
    "EMERGENCY_STOP": (IN, "emergency stop: opens when pressed"),
    "KEY": (IN, "key: closed when on"),
    "REMOTE": (IN, "remote interlock: closed when the door is"),
    "FIBRE": (IN, "fibre connector: closed when the fibre is in"),
    "COVER": (IN, "cover: closed when shut"),
    "FOOTSWITCH": (IN, "footswitch: closes when pressed"),
    "READY_BUTTON": (IN, "ready button: closes when pressed"),
    "SILENCE": (IN, "silence button: closes when pressed"),
    "SERVICE": (IN, "service: closed at power-up asks for service"),
    "PHOTODIODE_ADC": (ANALOGUE, "delivered power: photodiode at the fibre coupler"),
    "SUPPLY_ADC": (ANALOGUE, "supply voltage, divided"),
}
NOT_PINS = ("NAME", "OUTPUTS", "INPUTS")

# The low-pass between the PWM and the driver's set-point: two stages, the second ten times as high in impedance.
R1_OHM, C1_F = 1e3, 1e-6
R2_OHM, C2_F = 10e3, 100e-9
SUPPLY_V = 3.3
THRESHOLD = 5243 / 65535
"""Of full duty: below it the default calibration has no light."""

# The monostable: pulse width K·R·C and shortest time between edges, 74HC123 (NXP, Rev. 9: K 0.45 at 5 V, 0.55 at 2 V).
MONOSTABLE_OHM, MONOSTABLE_F = 430e3, 1e-6
MONOSTABLE_K = (0.45, 0.55)


# Pins


def pins(board: Any) -> list[tuple[int, str, str, str]]:
    """GPIO, name, direction and purpose of every pin that the board names, by GPIO. Raises KeyError for a new name."""
    found = []
    for name, value in vars(board).items():
        if not name.isupper() or name.startswith(("_", "SCRATCH_")) or name in NOT_PINS:
            continue
        direction, purpose = PINS[name]
        if isinstance(value, tuple):
            found += [(pin, f"{name}[{i}]", direction, f"{purpose} {i}") for i, pin in enumerate(value)]
        else:
            found.append((value, name, direction, purpose))
    return sorted(found)


def at_power_up(board: str, gpio: int) -> str:
    """What the chip makes of a pin until boot.py runs. Raises KeyError for a board that is not known here."""
    return {"rpi-pico": _rp2040, "esp32-s3": _esp32_s3}[board](gpio)


def _rp2040(gpio: int) -> str:
    """Every pad wakes with its pull-down: its register resets to 0x56 (data sheet, PADS_BANK0)."""
    return "input, pull-down"


def _esp32_s3(gpio: int) -> str:
    """Data sheet, tables 2-1 and 2-2."""
    if gpio == 43:
        return "the UART's output: text while it starts"
    if gpio == 18:
        return "floating; 60 µs low, 60 µs high"
    if gpio == 39:
        return "input, pull-up"
    return "floating; 60 µs low" if gpio <= 17 else "floating"


def pin_tables() -> str:
    parts = []
    for board in BOARDS:
        rows = [
            f"| {gpio} | `{name}` | {direction} | {purpose} | {at_power_up(board.NAME, gpio)} |"
            for gpio, name, direction, purpose in pins(board)
        ]
        head = f"**{board.NAME}**\n\n| GPIO | name | direction | what | on power-up |\n|---|---|---|---|---|\n"
        parts.append(head + "\n".join(rows) + "\n")
    return "\n".join(parts)


# Figures


def gain(hz: float) -> float:
    """Of the low-pass, the load of the second stage on the first included."""
    s = 2j * math.pi * hz
    return abs(1 / (1 + s * (R1_OHM * C1_F + R2_OHM * C2_F + R1_OHM * C2_F) + s * s * R1_OHM * C1_F * R2_OHM * C2_F))


def corner_hz() -> float:
    """Where the low-pass is down by 3 dB."""
    low, high = 1.0, float(PWM_HZ)
    while high - low > 0.1:
        middle = (low + high) / 2
        low, high = (middle, high) if gain(middle) > math.sqrt(0.5) else (low, middle)
    return low


def ripple_v() -> float:
    """Peak to peak behind the low-pass, at its worst: the fundamental at half duty; what is above is gone."""
    return 4 / math.pi * SUPPLY_V * gain(PWM_HZ)


def fall_s(end: float) -> float:
    """From full duty to 0: how long until the set-point has fallen to `end` of full scale."""
    a, b = R1_OHM * C1_F * R2_OHM * C2_F, R1_OHM * C1_F + R2_OHM * C2_F + R1_OHM * C2_F
    root = math.sqrt(b * b - 4 * a)
    slow, fast = (b - root) / (2 * a), (b + root) / (2 * a)
    time_s = 0.0
    while (fast * math.exp(-slow * time_s) - slow * math.exp(-fast * time_s)) / (fast - slow) > end:
        time_s += 1e-5
    return time_s


def retrigger_s() -> float:
    """Edges closer than this do not prolong the pulse (the same data sheet, at 5 V; its units are ns, kohm and pF)."""
    kohm, pf = MONOSTABLE_OHM / 1e3, MONOSTABLE_F * 1e12
    return 1e-9 * (30 + 0.19 * kohm * pf**0.9 + 13 * kohm**1.05)


def figures() -> str:
    ripple_mw = ripple_v() / SUPPLY_V * LASER_MAX_MW
    shortest, longest = (k * MONOSTABLE_OHM * MONOSTABLE_F for k in MONOSTABLE_K)
    rows = [
        ("low-pass", f"{R1_OHM / 1e3:g} kΩ, {C1_F * 1e6:g} µF, then {R2_OHM / 1e3:g} kΩ, {C2_F * 1e9:g} nF"),
        ("its corner", f"{corner_hz():.0f} Hz"),
        ("ripple at half duty", f"{ripple_v() * 1e3:.2f} mV peak to peak of {SUPPLY_V} V: {ripple_mw:.0f} mW of 25 W"),
        ("from full power to no light", f"{fall_s(THRESHOLD) * 1e3:.1f} ms, a cycle being 100 ms"),
        ("monostable", f"{MONOSTABLE_OHM / 1e3:g} kΩ, {MONOSTABLE_F * 1e6:g} µF film"),
        ("its pulse", f"{shortest * 1e3:.0f} to {longest * 1e3:.0f} ms by the supply: measure it, 250 ms at most"),
        ("its shortest time between edges", f"{retrigger_s() * 1e3:.0f} ms; they come every 100 ms"),
    ]
    return "| | |\n|---|---|\n" + "".join(f"| {what} | {figure} |\n" for what, figure in rows)


PARTS = {"pins": pin_tables, "figures": figures}


def filled(page: str) -> str:
    """The page with its generated parts anew. Raises ValueError if a part's marks are missing."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: written by `make docs` -->\n", f"<!-- end of {name} -->"
        before, found, rest = page.partition(begin)
        old, closed, after = rest.partition(end)
        if not found or not closed or begin in rest or end in after or "<!--" in old:
            raise ValueError(f"docs/hardware.md: the marks of '{name}' do not stand there once")
        page = before + begin + part() + end + after
    return page


# The drawing

INK, LIGHT, HARD = "#1f2328", "#0969da", "#cf222e"


class Drawing:
    """Boxes and lines on white; `text` of the whole is SVG."""

    def __init__(self, width: int, height: int) -> None:
        style = f'font-family="sans-serif" font-size="13" text-anchor="middle" fill="{INK}"'
        tip = 'viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>',
            f'<defs><marker id="tip" {tip}><path d="M0 0L8 4L0 8z"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
        ]

    def box(self, x: int, y: int, width: int, height: int, *lines: str, color: str = INK) -> None:
        shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4"'
        self.parts.append(f'{shape} fill="none" stroke="{color}" stroke-width="1.5"/>')
        first = y + height // 2 + 5 - 8 * (len(lines) - 1)
        for i, line in enumerate(lines):
            self.label(x + width // 2, first + 16 * i, line)

    def label(self, x: int, y: int, text: str, anchor: str = "middle") -> None:
        self.parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, *points: tuple[int, int], arrow: bool = True, dashed: bool = False) -> None:
        path = " ".join(f"{x},{y}" for x, y in points)
        extra = (' marker-end="url(#tip)"' if arrow else "") + (' stroke-dasharray="5 4"' if dashed else "")
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5"{extra}/>')

    @property
    def text(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def drawing() -> str:
    """The two ways to dark, with the Pico's pins."""
    pico = BOARDS[0]
    d = Drawing(860, 330)
    d.box(10, 20, 110, 290)
    d.label(65, 40, "controller")
    for y, gpio in ((85, pico.LASER_PWM), (165, pico.LASER_ENABLE), (285, pico.PHOTODIODE_ADC)):
        d.label(112, y + 5, f"GPIO {gpio}", "end")
    d.label(112, 240, "GPIO " + ", ".join(str(pin) for pin in pico.INPUTS[:3]), "end")
    d.label(112, 256, ", ".join(str(pin) for pin in pico.INPUTS[3:5]), "end")
    # Way 1: the set-point
    d.line((120, 85), (175, 85))
    d.label(147, 76, "PWM")
    d.box(175, 60, 110, 50, "low-pass", "two stages")
    d.line((285, 85), (590, 85))
    d.label(440, 76, "way 1, set-point: no current at 0 V")
    # Way 2: the enable
    d.line((120, 165), (175, 165))
    d.label(147, 156, "edges")
    d.box(175, 140, 110, 50, "monostable", "250 ms")
    chain = ("stop", "key", "door", "fibre", "cover")
    x = 285
    for i, name in enumerate(chain):
        d.line((x, 165), (x + 12, 165), arrow=False)
        d.box(x + 12, 150, 42, 30, name, color=HARD)
        d.line((x + 33, 180), (x + 33, 245), arrow=False, dashed=True)
        x += 54
        if i == len(chain) - 1:
            d.line((x, 165), (590, 165))
    d.line((x - 21, 245), (120, 245), dashed=True)
    d.label(215, 238, "second poles")
    d.label(570, 140, "way 2, enable: no current while low or open", "end")
    d.box(590, 60, 100, 130, "laser", "driver")
    # Light
    d.line((690, 125), (725, 125))
    d.box(725, 100, 120, 50, "diode, coupler", "fibre", color=LIGHT)
    d.line((785, 150), (785, 260))
    d.box(690, 260, 155, 50, "photodiode", "and amplifier", color=LIGHT)
    d.line((690, 285), (120, 285))
    d.label(400, 304, "delivered power")
    for y in (85, 165):
        _pull_down(d, 140, y)
    _pull_down(d, 567, 165)
    return d.text


def _pull_down(d: Drawing, x: int, y: int) -> None:
    """A resistor to ground."""
    d.line((x, y), (x, y + 6), arrow=False)
    d.parts.append(f'<rect x="{x - 3}" y="{y + 6}" width="6" height="14" fill="#fff" stroke="{INK}"/>')
    d.line((x, y + 20), (x, y + 25), arrow=False)
    d.line((x - 6, y + 25), (x + 6, y + 25), arrow=False)


def outputs() -> Iterator[tuple[Path, str]]:
    """Every file that this writes, with its text."""
    yield PAGE, filled(PAGE.read_text())
    yield DRAWING, drawing()


if __name__ == "__main__":
    for path, text in outputs():
        path.write_text(text)
