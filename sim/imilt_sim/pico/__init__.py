"""The emulated Raspberry Pi Pico: the official MicroPython image on an RP2040, with what is wired to its pins."""
