"""A Raspberry Pi Pico: which GPIO is what, and the drivers built on it. Another board is another such file.

The top of this file is what `boot.py` needs to make every output safe: it imports nothing that could be damaged.
"""

import machine
from machine import Pin
from micropython import const

NAME = "rpi-pico"

# Slices 0-3 of the PWM halt on a soft reset while 4-7 run on, so the laser is on one of the first.
LASER_PWM = const(2)
LASER_ENABLE = const(3)
AIMING_BEAM = const(4)
EMISSION_INDICATOR = const(5)
BUZZER = const(13)
ALARM_RED = const(14)
ALARM_YELLOW = const(15)
OUTPUTS = (LASER_PWM, LASER_ENABLE, AIMING_BEAM, EMISSION_INDICATOR, BUZZER, ALARM_RED, ALARM_YELLOW)

SPI_SCK = const(18)
SPI_MOSI = const(19)
SPI_MISO = const(16)
CHIP_SELECTS = (17, 20, 21, 22)

# Contacts to ground: closed reads 0. In this order they are the bits of the input mask.
EMERGENCY_STOP = const(6)
KEY = const(7)
REMOTE = const(8)
FIBRE = const(9)
COVER = const(0)
FOOTSWITCH = const(10)
READY_BUTTON = const(11)
SILENCE = const(12)
SERVICE = const(1)
INPUTS = (EMERGENCY_STOP, KEY, REMOTE, FIBRE, COVER, FOOTSWITCH, READY_BUTTON, SILENCE, SERVICE)

PHOTODIODE_ADC = const(26)
SUPPLY_ADC = const(29)

_BUZZER_HZ = const(400)  # a square wave, whose harmonics the ear finds (IEC 60601-1-8, table 4)
# The watchdog's scratch registers outlive all but power-up and the RUN pin (RP2040 data sheet, 4.7). Addresses above
# 2^30 need the heap: made once, as they are used while it is locked.
_SCRATCH = tuple([0x4005800C + 4 * i for i in range(4)])
# What its slots are for.
SCRATCH_FAULT = const(0)
SCRATCH_BOOTS = const(1)
SCRATCH_SERVICE = const(2)
SCRATCH_ARMED = const(3)


def dark():
    """Every output off, whatever state the drivers are in: on the way in and out."""
    for number in OUTPUTS:
        # A soft reset can leave a PWM slice running: only taking the pin back makes it dark (micropython#9007).
        Pin(number, Pin.OUT, value=0)


def scratch_read(slot):
    return machine.mem32[_SCRATCH[slot]]


def scratch_write(slot, value):
    """`value` below 2^30."""
    machine.mem32[_SCRATCH[slot]] = value


def service_held():
    """True while the service input is closed."""
    return Pin(SERVICE, Pin.IN, Pin.PULL_UP)() == 0


class Board:
    """Everything the application acts through."""

    def __init__(self):
        from machine import ADC, PWM, SPI

        import limits
        from drivers.indicators import Indicators
        from drivers.interlock import Interlock
        from drivers.laser import PWM_HZ, Laser
        from drivers.max31856 import MAX31856
        from drivers.power_meter import PowerMeter
        from drivers.supply import Supply
        from drivers.usb_serial import USBSerial

        enable = Pin(LASER_ENABLE, Pin.OUT, value=0)
        pwm = PWM(Pin(LASER_PWM), freq=PWM_HZ, duty_u16=0)
        self.laser = Laser(pwm, enable, limits.LASER_MAX_MW)
        spi = SPI(
            0,
            baudrate=2000000,
            polarity=0,
            phase=1,
            sck=Pin(SPI_SCK),
            mosi=Pin(SPI_MOSI),
            miso=Pin(SPI_MISO),
        )
        self.chips = [MAX31856(spi, Pin(number, Pin.OUT, value=1)) for number in CHIP_SELECTS]
        self.interlock = Interlock([Pin(number, Pin.IN, Pin.PULL_UP) for number in INPUTS], self.laser.dark)
        self.power_meter = PowerMeter(ADC(PHOTODIODE_ADC))
        self.supply = Supply(ADC(SUPPLY_ADC))
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
