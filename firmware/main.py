"""Starts the application. Every way out of here leaves the laser dark."""

import sys

import machine
import micropython

import board

_STARTS = 1  # scratch slots, as in boot.py
_SERVICE = 2
_CTRL_C = 3


def main():
    """Run the application until the next reset; in service, Ctrl-C ends it at the REPL instead."""
    micropython.alloc_emergency_exception_buf(100)
    service = board.service_held() or board.scratch_read(_SERVICE) != 0
    # A monitor that attaches sends Ctrl-C: it must not end the loop while PWM keeps running.
    micropython.kbd_intr(_CTRL_C if service else -1)
    board.scratch_write(_SERVICE, 0)
    board.scratch_write(_STARTS, board.scratch_read(_STARTS) + 1)
    resets = True
    try:
        # A bank that is damaged fails here, and counts as a start in vain.
        from app import App

        App(board.Board(), board.NAME, service).run()
    except KeyboardInterrupt:
        resets = not service
    except Exception as error:
        board.dark()  # before printing, which can take half a second
        sys.print_exception(error)
    finally:
        micropython.kbd_intr(-1)  # a second Ctrl-C must not come in between
        board.dark()
        if resets:
            machine.reset()


main()
