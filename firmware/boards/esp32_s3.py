"""An ESP32-S3 (MicroPython from 1.26): which GPIO is what, and the drivers built on it. On the device, `board.py`.

As firmware/board.py, the top is what `boot.py` needs. What differs from the Pico:

- A reset of the CPU leaves the PWM and the pins as they are (esp-idf, `esp_restart`): until boot.py runs, only the
  monostable makes it dark. So it does after a crash or the watchdog.
- There are no hard interrupts: a contact's opening is heard when the interpreter next looks, not in the middle of what
  runs in C. The contacts open the enable chain without the firmware.
- The pins are all but two of those that are free: strapping pins (0, 3, 45, 46), USB (19, 20), flash and PSRAM (26-37)
  are left alone, and 44, which a USB bridge on the board may drive. So one converter only has its data-ready line.
"""

import machine
from machine import Pin
from micropython import const

NAME = "esp32-s3"

# Floating at reset and driven low only while the power comes up (data sheet 2.2, tables 2-1 and 2-2): never high
# behind a pull-down resistor.
LASER_PWM = const(4)
LASER_ENABLE = const(5)
AIMING_BEAM = const(6)
EMISSION_INDICATOR = const(7)
BUZZER = const(15)
ALARM_RED = const(16)
ALARM_YELLOW = const(17)
OUTPUTS = (LASER_PWM, LASER_ENABLE, AIMING_BEAM, EMISSION_INDICATOR, BUZZER, ALARM_RED, ALARM_YELLOW)

SPI_SCK = const(12)
SPI_MOSI = const(11)
SPI_MISO = const(13)
# The last one is the UART's output: what the chip writes there while it starts selects a MAX31855, which only reads.
CHIP_SELECTS = (10, 14, 9, 43)
DATA_READY = const(8)  # of the first converter

# Contacts to ground: closed reads 0. In this order they are the bits of the input mask.
EMERGENCY_STOP = const(21)
KEY = const(38)
REMOTE = const(39)
FIBRE = const(40)
COVER = const(41)
FOOTSWITCH = const(42)
READY_BUTTON = const(47)
SILENCE = const(48)
SERVICE = const(18)
INPUTS = (EMERGENCY_STOP, KEY, REMOTE, FIBRE, COVER, FOOTSWITCH, READY_BUTTON, SILENCE, SERVICE)

PHOTODIODE_ADC = const(1)
SUPPLY_ADC = const(2)

_BUZZER_HZ = const(400)  # a square wave, whose harmonics the ear finds (IEC 60601-1-8, table 4)
# Slow enough that the bus waits half a clock before it reads: at full speed this port ignores the phase.
_SPI_HZ = const(500000)
_FULL_SCALE_MV = const(1100)

# What its slots are for.
SCRATCH_FAULT = const(0)
SCRATCH_BOOTS = const(1)
SCRATCH_SERVICE = const(2)
SCRATCH_ARMED = const(3)
_SLOTS = const(4)
_CHECK = const(16)  # after four bytes a slot, the lowest first

# RTC memory outlives every reset but that of the power and the EN pin, which leave it without its mark: it then reads
# as empty (ports/esp32/machine_rtc.c). After a brown-out it may hold anything: hence the check. It is read here, once,
# and written whole from one buffer: writing allocates nothing, reading does.
_rtc = machine.RTC()
_image = bytearray(_CHECK + 1)


def _sum_of(image):
    """Of the slots, and never 0: memory that was cleared does not pass."""
    total = 0
    for i in range(_CHECK):
        total += image[i]
    return total % 255 + 1


def _recall():
    kept = _rtc.memory()
    if len(kept) == len(_image) and kept[_CHECK] == _sum_of(kept):
        _image[:] = kept


_recall()


def dark():
    """Every output off, whatever state the drivers are in: on the way in and out."""
    for number in OUTPUTS:
        # Takes the pin back from the PWM, which a reset of the CPU leaves running.
        Pin(number, Pin.OUT, value=0)


def scratch_read(slot):
    at = 4 * slot
    return _image[at] | _image[at + 1] << 8 | _image[at + 2] << 16 | (_image[at + 3] & 0x3F) << 24


def scratch_write(slot, value):
    """`value` below 2^30."""
    for i in range(4 * slot, 4 * slot + 4):
        _image[i] = value & 0xFF
        value >>= 8
    _image[_CHECK] = _sum_of(_image)
    _rtc.memory(_image)


def service_held():
    """True while the service input is closed."""
    return Pin(SERVICE, Pin.IN, Pin.PULL_UP)() == 0


class _Contact:
    """An input as the interlock knows it, whose interrupt is as hard as this port has them."""

    IRQ_RISING = Pin.IRQ_RISING

    def __init__(self, number):
        self._pin = Pin(number, Pin.IN, Pin.PULL_UP)

    def __call__(self):
        return self._pin()

    def irq(self, handler, trigger, hard):
        self._handler = handler
        self._pin.irq(handler=self._tell, trigger=trigger)

    def _tell(self, pin):
        self._handler(self)


class _Meter:
    """An analogue input behind a divider, which reads 65535 at 1.1 V: in this range the chip's own calibration is
    within 6 mV, in the one up to 2.9 V within 50 mV (data sheet, table 5-6)."""

    def __init__(self, number):
        self._adc = machine.ADC(Pin(number), atten=machine.ADC.ATTN_2_5DB)

    def read_u16(self):
        uv = self._adc.read_uv()  # pyright: ignore[reportAttributeAccessIssue] - the stubs are the Pico's
        return uv // 1000 * 65535 // _FULL_SCALE_MV


class Board:
    """Everything the application acts through."""

    def __init__(self):
        from machine import PWM, SoftSPI

        import limits
        from drivers import reading
        from drivers.indicators import Indicators
        from drivers.interlock import Interlock
        from drivers.laser import PWM_HZ, Laser
        from drivers.max31855 import MAX31855
        from drivers.max31856 import MAX31856
        from drivers.power_meter import PowerMeter
        from drivers.supply import Supply
        from drivers.usb_serial import USBSerial

        enable = Pin(LASER_ENABLE, Pin.OUT, value=0)
        pwm = PWM(Pin(LASER_PWM), freq=PWM_HZ, duty_u16=0)
        self.laser = Laser(pwm, enable, limits.LASER_MAX_MW)
        # Not the hardware's: for another phase, as the MAX31855 needs it, it is taken down and set up anew each time.
        spi = SoftSPI(
            baudrate=_SPI_HZ,
            polarity=0,
            phase=1,
            sck=Pin(SPI_SCK),
            mosi=Pin(SPI_MOSI),
            miso=Pin(SPI_MISO),
        )
        selects = [Pin(number, Pin.OUT, value=1) for number in CHIP_SELECTS]
        # With its wire off it reads high: no result is ready, which is a fault, and none is believed.
        ready = Pin(DATA_READY, Pin.IN, Pin.PULL_UP)
        self.chips = [
            MAX31856(spi, selects[0], ready=ready),
            MAX31856(spi, selects[1]),
            MAX31856(spi, selects[2]),
            MAX31855(spi, selects[3], reading.TYPE_K),
        ]
        self.interlock = Interlock([_Contact(number) for number in INPUTS], self.laser.dark)
        self.power_meter = PowerMeter(_Meter(PHOTODIODE_ADC))
        self.supply = Supply(_Meter(SUPPLY_ADC))
        self.indicators = Indicators(
            Pin(ALARM_RED, Pin.OUT, value=0),
            Pin(ALARM_YELLOW, Pin.OUT, value=0),
            PWM(Pin(BUZZER), freq=_BUZZER_HZ, duty_u16=0),
            Pin(EMISSION_INDICATOR, Pin.OUT, value=0),
            Pin(AIMING_BEAM, Pin.OUT, value=0),
        )
        self.serial = USBSerial()

    def watchdog(self, timeout_ms):
        """Start the watchdog, which cannot be stopped again, or give it another timeout; the newest one is fed."""
        return machine.WDT(timeout=timeout_ms)

    def unique_id(self):
        return "".join("%02x" % byte for byte in machine.unique_id())

    def scratch_read(self, slot):
        return scratch_read(slot)

    def scratch_write(self, slot, value):
        scratch_write(slot, value)

    def reset(self):
        machine.reset()
