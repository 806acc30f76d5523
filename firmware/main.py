"""Starts the application. Every way out of here leaves the laser dark."""

import sys

import machine
import micropython

import board
from app import App


def main():
    micropython.alloc_emergency_exception_buf(100)
    # A monitor that attaches sends Ctrl-C: it must not end the loop while PWM keeps running.
    micropython.kbd_intr(-1)
    try:
        App(board.Board(), board.NAME).run()
    except Exception as error:
        board.dark()  # before printing, which can take half a second
        sys.print_exception(error)
    finally:
        board.dark()
        machine.reset()


main()
