"""The VM's own `micropython`, completed by what the rp2 port has and the unix port lacks."""

from micropython import *  # noqa: F403


def alloc_emergency_exception_buf(size):
    pass
