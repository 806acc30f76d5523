"""How the virtual board is wired: the simulator's own statement, compared with the firmware's pins by a test."""

LASER_PWM = 2
LASER_ENABLE = 3
BUZZER = 13
# Aiming beam, emission indicator, red, yellow, buzzer: in this order they are the bits of the output mask.
OUTPUTS = (4, 5, 14, 15, BUZZER)
CHIP_SELECTS = (17, 20, 21, 22)
# Emergency stop, key, remote interlock, fibre, cover, footswitch, ready, silence, service: in this order they are the
# bits of the input mask. A closed contact pulls its input to 0.
INPUTS = (6, 7, 8, 9, 0, 10, 11, 12, 1)
PHOTODIODE_ADC = 26
SUPPLY_ADC = 29
