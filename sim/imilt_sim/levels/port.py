"""The board as the world sees it, where it is not the stand-ins' own."""

from __future__ import annotations

from imilt_sim.standins import wiring

_CHIPS = len(wiring.CHIP_SELECTS)
_NEVER_MS = -0x7FFFFFFF


class Port:
    """What world.BoardPort asks for; the level fills it before each exchange, and reads it after."""

    def __init__(self) -> None:
        self.now_ms = self.target_ms = self.started = self.inputs = self.adc_u16 = self.done = self.absent = 0
        self.pwm_cc = self.pwm_top = self.rx_at = self.outputs = self.supply_u16 = self.cut_ms = self.hang = 0
        self.edge_ms = _NEVER_MS
        self.conversion_ms = [0] * _CHIPS
        self.hot_q12 = [0] * _CHIPS
        self.cold_q12 = [0] * _CHIPS
        self.input_faults = [0] * _CHIPS
        self.tx = bytearray()
        self.rx = bytearray()
