"""The virtual board: pins, registers and simulated time. Runs on CPython and in the MicroPython VM alike.

Time passes only in `sleep_to`, through `exchange(board)`: the world takes the outputs below, moves time towards
`target_ms` and fills in the inputs. It may return early, when an input changes, so that interrupts run in order.
"""

import wiring
from max31856_chip import Chip

NEVER = 0x7FFFFFFF
BOOT_MS = 300  # about what the interpreter takes to reach boot.py
PWRON_RESET = 1
WDT_RESET = 3


class Reset(BaseException):
    """The chip resets: everything in RAM is gone, pins are inputs."""


class PowerOff(BaseException):
    """The simulation ends."""


class Board:
    def __init__(self, exchange):
        self.exchange = exchange
        self.now_ms = 0
        self.off = False
        self.reset_cause = PWRON_RESET
        # To the world
        self.target_ms = 0
        self.started = 0  # bit set = this chip began a conversion
        self.conversion_ms = [0] * len(wiring.CHIP_SELECTS)
        self.tx = bytearray()
        # From the world
        self.inputs = 0  # bit set = contact closed
        self.adc_u16 = 0
        self.done = 0  # bit set = this chip's conversion ended, with the values below
        self.absent = 0  # bit set = this chip does not answer
        self.hot_q12 = [0] * len(wiring.CHIP_SELECTS)  # °C times 4096
        self.cold_q12 = [0] * len(wiring.CHIP_SELECTS)
        self.input_faults = [0] * len(wiring.CHIP_SELECTS)
        self.rx = bytearray()
        self.rx_at = 0
        # Powered apart from the microcontroller: a reset does not clear them.
        self.chips = [Chip(self, i) for i in range(len(wiring.CHIP_SELECTS))]
        self.reset_pins()

    def reset_pins(self):
        """As after any reset: pins are inputs, pull-downs hold laser and enable at 0, peripherals are off."""
        self.resetting = False
        self.pwm_cc = 0
        self.pwm_top = 0xFFFF
        self.enable_level = 0
        self.edge_ms = -NEVER
        self.selected = -1
        self.irqs = {}
        self.timers = []
        self.watchdog_ms = 0
        self.watchdog_due_ms = NEVER
        self._seen_inputs = self.inputs

    def sleep_to(self, target_ms):
        """Let time pass up to `target_ms`, running interrupts and timers and watching the watchdog."""
        while True:
            stop_ms = target_ms
            if self.timers:
                stop_ms = min(stop_ms, min([timer.due_ms for timer in self.timers]))
            if self.watchdog_due_ms < stop_ms:
                stop_ms = self.watchdog_due_ms
            self.target_ms = stop_ms
            self.exchange(self)
            self.started = 0
            if self.done:
                self._finish_conversions()
            if self.inputs != self._seen_inputs:
                self._interrupt()
            if self.timers:
                self._run_timers()
            if self.now_ms >= self.watchdog_due_ms:
                self.reset(WDT_RESET)
            if self.now_ms >= target_ms:
                return

    def reset(self, cause):
        """A real chip runs nothing more: what the firmware does on its way out does not change the cause."""
        if not self.resetting and not self.off:
            self.resetting = True
            self.reset_cause = cause
        raise Reset()

    def feed_watchdog(self):
        self.watchdog_due_ms = self.now_ms + self.watchdog_ms

    def write_enable(self, level):
        if level and not self.enable_level:
            self.edge_ms = self.now_ms
        self.enable_level = level

    def select(self, index, level):
        """Chip select of converter `index`, active low."""
        if level == 0:
            self.selected = index
        elif self.selected == index:
            self.selected = -1

    def _finish_conversions(self):
        done = self.done
        self.done = 0
        for i in range(len(self.chips)):
            if done >> i & 1:
                self.chips[i].finish(self.hot_q12[i], self.cold_q12[i], self.input_faults[i])

    def _interrupt(self):
        changed = self.inputs ^ self._seen_inputs
        self._seen_inputs = self.inputs
        for i in range(len(wiring.INPUTS)):
            if changed >> i & 1:
                pin = self.irqs.get(wiring.INPUTS[i])
                if pin:
                    pin.edge(0 if self.inputs >> i & 1 else 1)

    def _run_timers(self):
        for timer in list(self.timers):
            if self.now_ms >= timer.due_ms:
                timer.expire()


BOARD = None  # the stand-ins act on this one; set before they are imported


def power_on(board, load):
    """Run the firmware until the simulation ends: `load(name)` imports one module afresh after each reset."""
    while not board.off:
        try:
            board.sleep_to(board.now_ms + BOOT_MS)
            board.reset_pins()
            load("boot")
            load("main")
        except Reset:
            board.reset_pins()  # dark at once, not only after booting
        except PowerOff:
            return
