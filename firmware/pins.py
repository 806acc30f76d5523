"""Which GPIO is what on the Raspberry Pi Pico. Slices 0-3 of the PWM halt on a soft reset, so the laser is on one."""

from micropython import const

LASER_PWM = const(2)
LASER_ENABLE = const(3)
OUTPUTS = (LASER_PWM, LASER_ENABLE)

SPI_SCK = const(18)
SPI_MOSI = const(19)
SPI_MISO = const(16)
CHIP_SELECTS = (17, 20, 21, 22)

# Normally closed contacts to ground: closed reads 0. In this order they are the bits of the input mask.
EMERGENCY_STOP = const(6)
KEY = const(7)
REMOTE_INTERLOCK = const(8)
FIBRE = const(9)
FOOTSWITCH = const(10)
READY_BUTTON = const(11)
INPUTS = (EMERGENCY_STOP, KEY, REMOTE_INTERLOCK, FIBRE, FOOTSWITCH, READY_BUTTON)

PHOTODIODE_ADC = const(26)
