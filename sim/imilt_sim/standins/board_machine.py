"""Stand-in for `machine` as the rp2 port has it, acting on the virtual board."""

import vboard
import wiring

_BOARD = vboard.BOARD
PWRON_RESET = vboard.PWRON_RESET
WDT_RESET = vboard.WDT_RESET
_SYSTEM_HZ = 125000000
_TOP_MAX = 65534
_CHIP_MAX_HZ = 5000000
_SCRATCH_0 = 0x4005800C  # the RP2040's first watchdog scratch register
_SMALL_INT_BITS = 30  # of the board's integers, which need no room on the heap up to there


class Pin:
    IN = 0
    OUT = 1
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_FALLING = 4
    IRQ_RISING = 8

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self.id = id
        self._level = 0
        self._handler = None
        self._trigger = 0
        self._input = wiring.INPUTS.index(id) if id in wiring.INPUTS else -1
        self._chip = wiring.CHIP_SELECTS.index(id) if id in wiring.CHIP_SELECTS else -1
        self._output = wiring.OUTPUTS.index(id) if id in wiring.OUTPUTS else -1
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        self._mode = mode
        self._pull = pull
        if mode == Pin.OUT:
            _BOARD.pwm_pins.discard(self.id)
            self(value or 0)
        elif mode == Pin.IN and self._chip < 0:
            # The pin lets go of its line, and a pull-down holds what is an output at 0.
            _BOARD.pwm_pins.discard(self.id)
            self(0)

    def __call__(self, value=None):
        if value is None:
            if self._input >= 0 and self._mode != Pin.OUT:
                return 0 if _BOARD.inputs >> self._input & 1 else 1
            return self._read()
        level = 1 if value else 0
        self._level = level
        chip = self._chip
        if chip >= 0:  # chip select, active low
            if level == 0:
                _BOARD.selected = chip
            elif _BOARD.selected == chip:
                _BOARD.selected = -1
        elif self.id == wiring.LASER_ENABLE:
            _BOARD.write_enable(level)
        elif self.id in _BOARD.pwm_pins:
            pass  # the slice drives the pin, not this register
        elif self.id == wiring.LASER_PWM:
            # A plain output: the low-pass sees full duty or none.
            _BOARD.pwm_cc = (_BOARD.pwm_top + 1) * level
        elif self._output >= 0:
            _BOARD.write_output(self._output, level)
        return None

    value = __call__

    def on(self):
        self(1)

    def off(self):
        self(0)

    def _read(self):
        if self._mode == Pin.OUT:
            return self._level
        return 1 if self._pull == Pin.PULL_UP else 0

    def irq(self, handler=None, trigger=12, *, hard=False):
        self._handler = handler
        self._trigger = trigger
        _BOARD.irqs[self.id] = self

    def edge(self, level):
        """The input changed to `level`: run the handler if it waits for this edge."""
        if self._handler and self._trigger & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
            self._handler(self)


class PWM:
    """Divider, TOP and rounded compare value as the rp2 port computes them at 125 MHz."""

    def __init__(self, pin, freq=-1, *, duty_u16=-1):
        self._pin = pin.id
        self._top = _TOP_MAX
        self._divider_q4 = 16
        self._duty_u16 = 0
        self._compare = 0
        if freq != -1:
            self.freq(freq)
        if duty_u16 != -1:
            self.duty_u16(duty_u16)
        _BOARD.pwm_pins.add(self._pin)
        self._drive(self._compare)

    def freq(self, value=None):
        if value is None:
            ticks_q4 = self._divider_q4 * (self._top + 1)
            return (16 * _SYSTEM_HZ + ticks_q4 // 2) // ticks_q4
        top = (_SYSTEM_HZ + value // 2) // value
        if top < _TOP_MAX:
            self._divider_q4 = 16
        else:
            most = _TOP_MAX * value
            self._divider_q4 = (16 * _SYSTEM_HZ + most - 1) // most
            per_tick = self._divider_q4 * value
            top = (16 * _SYSTEM_HZ + per_tick // 2) // per_tick
            if self._divider_q4 >= 256 * 16:
                raise ValueError("freq too small")
        self._top = top - 1
        return self.duty_u16(self._duty_u16)

    def duty_u16(self, value=None):
        period = self._top + 1
        if value is None:
            return (self._compare * 65535 + period // 2) // period
        self._duty_u16 = value
        self._compare = (value * period + 32767) // 65535
        self._drive(self._compare)
        return None

    def _drive(self, compare):
        """A pin that was taken back as a plain one no longer shows its slice."""
        if self._pin not in _BOARD.pwm_pins:
            return
        if self._pin == wiring.LASER_PWM:
            _BOARD.pwm_cc = compare
            _BOARD.pwm_top = self._top
        elif self._pin in wiring.OUTPUTS:
            _BOARD.write_output(wiring.OUTPUTS.index(self._pin), compare)

    def deinit(self):
        """The slice halts where its counter is: the pin may stay high, so the worst is assumed."""
        if self._compare:
            self._drive(self._top + 1)


class SPI:
    """The bus of the converters: they answer in modes 1 and 3 up to 5 MHz, else the line floats high."""

    def __init__(self, id, baudrate=1000000, *, polarity=0, phase=0, bits=8, sck=None, mosi=None, miso=None):
        self._works = phase == 1 and bits == 8 and baudrate <= _CHIP_MAX_HZ

    def write(self, out):
        chip = self._chip()
        if chip is not None:
            chip.transfer(out, None)

    def write_readinto(self, out, answer):
        chip = self._chip()
        if chip is not None:
            chip.transfer(out, answer)
        else:
            for i in range(len(answer)):
                answer[i] = 0xFF

    def readinto(self, answer, write=0x00):
        self.write_readinto(bytes([write] * len(answer)), answer)

    def read(self, count, write=0x00):
        answer = bytearray(count)
        self.readinto(answer, write)
        return bytes(answer)

    def _chip(self):
        selected = _BOARD.selected
        if selected < 0 or not self._works or _BOARD.absent >> selected & 1:
            return None
        return _BOARD.chips[selected]


class ADC:
    def __init__(self, pin):
        number = pin if isinstance(pin, int) else pin.id
        self._channel = number if number < 5 else number - 26
        if not 0 <= self._channel < 5:
            raise ValueError("Pin doesn't have ADC capabilities")

    def read_u16(self):
        if self._channel == wiring.PHOTODIODE_ADC - 26:
            return _BOARD.adc_u16
        return _BOARD.supply_u16 if self._channel == wiring.SUPPLY_ADC - 26 else 0


class _Memory:
    """`mem32`, of which there are the scratch registers only."""

    def __getitem__(self, address):
        return _BOARD.scratch[self._index(address)]

    def __setitem__(self, address, value):
        index = self._index(address)
        if not 0 <= value < 1 << _SMALL_INT_BITS:
            raise ValueError(f"{value} would be read back as an integer on the heap")
        if not _BOARD.frozen:
            _BOARD.scratch[index] = value

    def _index(self, address):
        offset = address - _SCRATCH_0
        if offset & 3 or not 0 <= offset < 4 * vboard.SCRATCHES:
            raise ValueError(f"there is nothing at {hex(address)}")
        return offset >> 2


mem32 = _Memory()


class WDT:
    """Cannot be stopped; 8388 ms at most on the RP2040."""

    def __init__(self, id=0, timeout=5000):
        if not 1 <= timeout <= 8388:
            raise ValueError("timeout exceeds 8388")
        _BOARD.watchdog_ms = timeout
        self.feed = _BOARD.feed_watchdog
        self.feed()


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, *, mode=PERIODIC, freq=-1, period=-1, callback=None):
        self.due_ms = vboard.NEVER
        if callback:
            self.init(mode=mode, freq=freq, period=period, callback=callback)

    def init(self, *, mode=PERIODIC, freq=-1, period=-1, callback=None):
        self.deinit()
        self._period_ms = int(1000 // freq) if freq != -1 else period
        self._mode = mode
        self._callback = callback
        self.due_ms = _BOARD.now_ms + self._period_ms
        _BOARD.timers.append(self)

    def expire(self):
        if self._mode == Timer.PERIODIC:
            self.due_ms += self._period_ms
        else:
            self.deinit()
        self._callback(self)

    def deinit(self):
        if self in _BOARD.timers:
            _BOARD.timers.remove(self)


def reset():
    _BOARD.reset(vboard.ASKED)


def soft_reset():
    """As on the board: an exception, which unwinds the firmware first."""
    raise SystemExit


def reset_cause():
    return _BOARD.reset_cause


def unique_id():
    return b"imiltsim"
