"""Makes every output safe before anything else runs: laser PWM pin and enable pin are plain outputs at 0."""

from machine import Pin

import pins

for number in pins.OUTPUTS:
    # A soft reset can leave a PWM slice running: only taking the pin back makes it dark (micropython#9007).
    Pin(number, Pin.OUT, value=0)
