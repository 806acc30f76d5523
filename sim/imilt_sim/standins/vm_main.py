"""Entry point in the MicroPython VM: the virtual board over two pipes, the stand-ins, then the firmware."""

import struct
import sys

import micropython
import vboard

_REQUEST = "<IIiHHB4HH"
_REPLY = "<IBHBBBH4i4i4B"
_in = sys.stdin.buffer
_out = sys.stdout.buffer
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
    board.now_ms, board.inputs, board.adc_u16, board.done, board.absent, _, waiting = values[:7]
    if board.done:
        board.hot_q12 = values[7:11]
        board.cold_q12 = values[11:15]
        board.input_faults = values[15:19]
    if waiting:
        board.rx = board.rx[board.rx_at :] + _in.read(waiting)
        board.rx_at = 0


def _load(name):
    """Import as after a reset: nothing of the firmware is left from before."""
    if name == "boot":
        for loaded in list(sys.modules):
            if loaded not in _permanent:
                del sys.modules[loaded]
    __import__(name)


vboard.BOARD = vboard.Board(_exchange)
for _name in ("machine", "select", "time", "sys"):
    sys.modules[_name] = __import__("board_" + _name)
sys.modules["micropython"] = __import__("vm_micropython")
_permanent = list(sys.modules)
try:
    vboard.power_on(vboard.BOARD, _load)
except Exception as error:
    # Standard output is the pipe; an uncaught error would be printed into it.
    sys.print_exception(error, sys.stderr)
    sys.exit(1)
