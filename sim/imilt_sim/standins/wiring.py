"""How the virtual board is wired: the simulator's own statement, compared with the firmware's pins by a test."""

LASER_PWM = 2
LASER_ENABLE = 3
CHIP_SELECTS = (17, 20, 21, 22)
# Emergency stop, key, remote interlock, fibre, footswitch, ready button: closed contacts pull the input to 0.
INPUTS = (6, 7, 8, 9, 10, 11)
PHOTODIODE_ADC = 26
