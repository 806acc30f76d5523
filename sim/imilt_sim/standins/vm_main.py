"""Entry point in the MicroPython VM: the virtual board over two pipes, the stand-ins, then the firmware."""

import builtins
import os
import struct
import sys

import micropython

_STANDINS = "/.standins"


def _confine():
    """The board's flash, the working directory, becomes all that there is; the stand-ins lie beside it, unlisted.

    The VM puts the folder of this file first in its path; here it is searched last.
    """
    root, standins = os.VfsPosix(os.getcwd()), os.VfsPosix(sys.path[0])
    os.umount("/")
    os.mount(root, "/")
    os.mount(standins, _STANDINS)
    os.chdir("/")
    sys.path[:] = ["", ".frozen", _STANDINS]


_confine()

import vboard  # noqa: E402

_REQUEST = "<IIiHHBB4HH"
_REPLY = "<IHHHBBIBH4i4i4B"
_in = sys.stdin.buffer
_out = sys.stdout.buffer
_PATH = list(sys.path)
_request = bytearray(struct.calcsize(_REQUEST))
_reply = bytearray(struct.calcsize(_REPLY))


def _exchange(board):
    try:
        nothing = bytearray()
    except MemoryError:
        # A firmware that hangs in its locked part sleeps with the heap locked; the world's side must not mind.
        micropython.heap_unlock()
        _exchange(board)
        micropython.heap_lock()
        return
    duration = board.conversion_ms
    struct.pack_into(
        _REQUEST,
        _request,
        0,
        board.now_ms,
        board.target_ms,
        board.edge_ms,
        board.pwm_cc,
        board.pwm_top,
        board.started,
        board.outputs,
        duration[0],
        duration[1],
        duration[2],
        duration[3],
        len(board.tx),
    )
    _out.write(_request + board.tx if board.tx else _request)
    board.tx = nothing
    if _in.readinto(_reply) != len(_reply):
        board.off = True
        raise vboard.PowerOff()
    _take(board, struct.unpack(_REPLY, _reply))


def _take(board, values):
    board.now_ms, board.inputs, board.adc_u16, board.supply_u16, board.done, board.absent = values[:6]
    board.cut_ms, board.hang, waiting = values[6:9]
    if board.done:
        board.hot_q12 = values[9:13]
        board.cold_q12 = values[13:17]
        board.input_faults = values[17:21]
    if waiting:
        board.rx = board.rx[board.rx_at :] + _in.read(waiting)
        board.rx_at = 0


def _unlock_heap():
    micropython.heap_lock()
    while micropython.heap_unlock():
        pass


def _load(name):
    """Import as after a reset: nothing of the firmware is left from before."""
    if name == "boot":
        sys.path[:] = _PATH
        for loaded in list(sys.modules):
            if loaded not in _permanent:
                del sys.modules[loaded]
    __import__(name)


vboard.BOARD = vboard.Board(_exchange)
vboard.BOARD.unlock_heap = _unlock_heap
for _name in ("machine", "select", "time", "sys"):
    sys.modules[_name] = __import__("board_" + _name)
for _name in ("micropython", "os"):
    sys.modules[_name] = __import__("vm_" + _name)
builtins.print = __import__("prompt").port_print
_permanent = list(sys.modules)
try:
    vboard.power_on(vboard.BOARD, _load)
except Exception as error:
    # Standard output is the pipe; an uncaught error would be printed into it.
    sys.print_exception(error, sys.stderr)
    sys.exit(1)
