"""The virtual board: pins, registers and simulated time. Runs on CPython and in the MicroPython VM alike.

Time passes only in `sleep_to`, through `exchange(board)`: the world takes the outputs below, moves time towards
`target_ms` and fills in the inputs. It may return early, when an input changes, so that interrupts run in order. A
loop that never sleeps therefore stops the simulation instead of being reset: let a firmware hang by sleeping for ever.

Resets, soft resets and the prompt follow `ports/rp2/main.c` and `shared/runtime/pyexec.c` of MicroPython v1.26.
"""

import wiring
from max31856_chip import Chip

NEVER = 0x7FFFFFFF
BOOT_MS = 300  # about what the interpreter takes to reach boot.py
SOFT_BOOT_MS = 40  # about the same after a soft reset, without the USB port
SCRATCHES = 4
CTRL_C = 3
_SLICES_THAT_HALT = 4  # `machine_pwm_deinit_all` stops the first four slices only

# What `machine.reset_cause` tells; the RP2040's watchdog carries out `machine.reset` too, so that looks like its own.
PWRON_RESET = 1
WDT_RESET = 3
# Why the board was reset.
POWER = 1
ASKED = 2
WATCHDOG = 3

_FAILED = 0  # how a script ended
_DONE = 1
_EXITED = 2
_FAILURES = (Exception, KeyboardInterrupt)


class Reset(BaseException):
    """The chip resets: everything in RAM is gone, pins are inputs."""


class PowerCut(Reset):
    """The board loses its power, and the converters with it."""


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
        self.conversion_ms = [0] * len(wiring.CHIP_SELECTS)
        self.tx = bytearray()
        # From the world
        self.inputs = 0  # bit set = contact closed
        self.adc_u16 = 0
        self.supply_u16 = 0
        self.done = 0  # bit set = this chip's conversion ended, with the values below
        self.absent = 0  # bit set = this chip does not answer
        self.hot_q12 = [0] * len(wiring.CHIP_SELECTS)  # °C times 4096
        self.cold_q12 = [0] * len(wiring.CHIP_SELECTS)
        self.input_faults = [0] * len(wiring.CHIP_SELECTS)
        self.rx = bytearray()
        self.rx_at = 0
        self.cut_ms = 0  # the power fails now, for so long
        self.hang = 0  # 1 = the firmware goes no further than where it sleeps now
        # Outside the chip: a reset does not reach the monostable, nor the converters while they have power.
        self.edge_ms = -NEVER
        self.frozen = False  # the chip was reset, and nothing that the firmware still does happens
        self.raw_prompt = False  # outlives a soft reset; main.py is not run then
        self._tx_kept = 0
        self._edge_kept = 0
        self._dark_ms = 0
        self._power_up()
        self.reset_pins()
        self._make_exceptions()

    def unlock_heap(self):
        """Where there is a heap to lock, its level replaces this."""

    def _make_exceptions(self):
        """Beforehand, as a firmware whose heap is locked is reset all the same."""
        self._reset = Reset()
        self._power_cut = PowerCut()

    def _power_up(self):
        """What is empty, or has its first value, when the power comes."""
        self.started = 0  # to the world: bit set = this chip began a conversion
        self.scratch = [0] * SCRATCHES
        self.chips = [Chip(self, i) for i in range(len(wiring.CHIP_SELECTS))]

    def reset_pins(self):
        """As after any reset of the chip: pins are inputs, pull-downs hold every output at 0, peripherals are off."""
        self.pwm_cc = 0
        self.pwm_top = 0xFFFF
        self.enable_level = 0
        self.outputs = 0  # bit set = output on
        self.pwm_pins = set()  # those that a PWM slice drives
        self.selected = -1
        self.irqs = {}
        self.timers = []
        self.watchdog_ms = 0
        self.watchdog_due_ms = NEVER
        self.interrupt_char = -1
        self._seen_inputs = self.inputs

    def sleep_to(self, target_ms):
        """Let time pass up to `target_ms`, running interrupts and timers and watching the watchdog."""
        if self.off:
            raise PowerOff()
        if self.frozen:
            raise self._reset
        while True:
            stop_ms = target_ms
            if self.timers:
                stop_ms = min(stop_ms, min([timer.due_ms for timer in self.timers]))
            if self.watchdog_due_ms < stop_ms:
                stop_ms = self.watchdog_due_ms
            self.target_ms = stop_ms
            if self.interrupt_char < 0:
                self.exchange(self)
                self._settle()
            else:
                self._exchange_listening()
            if self.hang:
                self._hang()
            if self.now_ms >= target_ms:
                return

    def _settle(self):
        """What the inputs bring about, in the firmware or in spite of it."""
        self.started = 0
        if self.cut_ms:
            self._lose_power()
        if self.done:
            self._finish_conversions()
        if self.inputs != self._seen_inputs:
            self._interrupt()
        if self.timers:
            self._run_timers()
        if self.now_ms >= self.watchdog_due_ms:
            self.reset(WATCHDOG)

    def reset(self, why):
        """From here on nothing that the firmware does on its way out happens: a real chip runs nothing more."""
        self._freeze(why)
        raise self._reset

    def _freeze(self, why):
        if self.frozen or self.off:
            return
        self.frozen = True
        self.reset_cause = PWRON_RESET if why == POWER else WDT_RESET
        self.absent = -1  # no transfer reaches the converters any more
        self._tx_kept = len(self.tx)
        self._edge_kept = self.edge_ms

    def thaw(self):
        """The firmware is gone: undo what it did after the reset."""
        self._make_exceptions()
        if self.frozen:
            self.frozen = False
            self.absent = 0
            self.tx = self.tx[: self._tx_kept]
            self.edge_ms = self._edge_kept
        self.hang = 0
        if self._dark_ms:
            self._power_up()
        self.raw_prompt = False
        self.reset_pins()

    def come_up(self):
        """From the reset, or from the moment the power failed, up to boot.py."""
        dark_ms, self._dark_ms = self._dark_ms, 0
        self.sleep_to(self.now_ms + dark_ms + BOOT_MS)
        self.reset_pins()
        # Before there is a USB port nothing can be sent to it.
        self.rx = bytearray()
        self.rx_at = 0

    def _lose_power(self):
        self._dark_ms, self.cut_ms = self.cut_ms, 0
        self._freeze(POWER)
        raise self._power_cut

    def _hang(self):
        """Interrupts still come, and the watchdog."""
        self.hang = 0
        while True:
            self.sleep_to(self.now_ms + 1000)

    def soft_reset(self):
        """The interpreter starts anew: pins keep what they are, and half of the PWM slices run on."""
        self.tx += b"MPY: soft reboot\r\n"
        self.irqs = {}
        self.timers = []
        if wiring.LASER_PWM in self.pwm_pins and (wiring.LASER_PWM >> 1) & 7 < _SLICES_THAT_HALT and self.pwm_cc:
            self.pwm_cc = self.pwm_top + 1  # halted wherever it was: high is the worst
        self.sleep_to(self.now_ms + SOFT_BOOT_MS)

    def _exchange_listening(self):
        """The interrupt character is looked for as bytes come in: what came before it is dropped."""
        unread = len(self.rx) - self.rx_at
        self.exchange(self)
        new = self.rx_at + unread
        end = len(self.rx)
        while end > new and self.rx[end - 1] != self.interrupt_char:
            end -= 1
        self._settle()
        if end > new:
            self.rx = self.rx[end:]
            self.rx_at = 0
            raise KeyboardInterrupt

    def feed_watchdog(self):
        self.watchdog_due_ms = self.now_ms + self.watchdog_ms

    def write_enable(self, level):
        if level and not self.enable_level:
            self.edge_ms = self.now_ms
        self.enable_level = level

    def write_output(self, index, level):
        """The output of this bit of the mask is on or off."""
        if level:
            self.outputs |= 1 << index
        else:
            self.outputs &= ~(1 << index)

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
            board.come_up()
            while True:
                _run_scripts(board, load)
                board.soft_reset()
        except Reset:
            board.thaw()
        except PowerOff:
            return


def _run_scripts(board, load):
    """Boot and main up to a soft reset. A boot.py that fails keeps main.py from running."""
    ended = _run_script(board, load, "boot")
    if ended == _DONE and not board.raw_prompt:
        ended = _run_script(board, load, "main")
    if ended != _EXITED:
        _prompt(board)


def _prompt(board):
    """Where the board stays when main.py is over, until a soft reset."""
    from prompt import Prompt  # here, as it needs stand-ins that need this module

    Prompt(board).run()


def _run_script(board, load, name):
    """What ends a script without a reset leaves pins, PWM and the watchdog as they are."""
    board.interrupt_char = CTRL_C
    try:
        load(name)
        return _DONE
    except SystemExit:
        return _EXITED
    except _FAILURES as error:
        board.unlock_heap()
        _tell(error)
        return _FAILED
    finally:
        board.unlock_heap()
        board.interrupt_char = -1


def _tell(error):
    import sys  # the stand-in, which needs this module

    sys.print_exception(error)
