"""Stand-in for `micropython` on CPython, where nothing can be locked; the VM has the real one."""


def const(value):
    return value


def heap_lock():
    pass


def heap_unlock():
    pass


def kbd_intr(char):
    pass


def alloc_emergency_exception_buf(size):
    pass
