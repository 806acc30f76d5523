"""Stand-in for `time`: simulated ticks, which wrap at 2^30 as on the rp2 port."""

import vboard

_BOARD = vboard.BOARD
_PERIOD = 1 << 30


def ticks_ms():
    return _BOARD.now_ms & (_PERIOD - 1)


def ticks_us():
    return _BOARD.now_ms * 1000 & (_PERIOD - 1)


def ticks_add(ticks, delta):
    return ticks + delta & (_PERIOD - 1)


def ticks_diff(end, start):
    return (end - start + _PERIOD // 2 & (_PERIOD - 1)) - _PERIOD // 2


def sleep_ms(ms):
    if ms > 0:
        _BOARD.sleep_to(_BOARD.now_ms + ms)


def sleep_us(us):
    sleep_ms((us + 999) // 1000)


def sleep(seconds):
    sleep_ms(int(seconds * 1000))
