"""Builds the drivers on a Raspberry Pi Pico. Another board is another such file."""

import machine
from machine import ADC, PWM, SPI, WDT, Pin

import limits
import pins
from drivers.interlock import Interlock
from drivers.laser import PWM_HZ, Laser
from drivers.max31856 import MAX31856
from drivers.power_meter import PowerMeter
from drivers.usb_serial import USBSerial

NAME = "rpi-pico"


class Board:
    """Everything the application acts through."""

    def __init__(self):
        enable = Pin(pins.LASER_ENABLE, Pin.OUT, value=0)
        pwm = PWM(Pin(pins.LASER_PWM), freq=PWM_HZ, duty_u16=0)
        self.laser = Laser(pwm, enable, limits.LASER_MAX_MW)
        spi = SPI(
            0,
            baudrate=2000000,
            polarity=0,
            phase=1,
            sck=Pin(pins.SPI_SCK),
            mosi=Pin(pins.SPI_MOSI),
            miso=Pin(pins.SPI_MISO),
        )
        self.chips = [MAX31856(spi, Pin(number, Pin.OUT, value=1)) for number in pins.CHIP_SELECTS]
        inputs = [Pin(number, Pin.IN, Pin.PULL_UP) for number in pins.INPUTS]
        self.interlock = Interlock(inputs, self.laser.dark)
        self.power_meter = PowerMeter(ADC(pins.PHOTODIODE_ADC))
        self.serial = USBSerial()

    def watchdog(self):
        """Start the watchdog: it cannot be stopped again, so only once the application runs."""
        return WDT(timeout=limits.WATCHDOG_MS)

    def unique_id(self):
        return "".join("%02x" % byte for byte in machine.unique_id())


def dark():
    """Every output off, whatever state the drivers are in: for the way out."""
    for number in pins.OUTPUTS:
        Pin(number, Pin.OUT, value=0)
