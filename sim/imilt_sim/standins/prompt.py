"""The board's prompt, after shared/runtime/pyexec.c of MicroPython v1.26: a line at a time, and raw, as tools use it.

Raw paste is declined, as the protocol allows: what a tool sends then comes the plain way.
"""

import io
import sys  # the stand-in

CTRL_A, CTRL_B, CTRL_C, CTRL_D = range(1, 5)
_ENTER = 13
_BACKSPACES = (8, 127)
_SPACE = 32
PROMPT_MS = 100  # how often the prompt looks for a byte,
_BUSY_PROMPT_MS = 10  # and once somebody talks to it
_FAILURES = (Exception, KeyboardInterrupt)
_READY = b">>> "
_BANNER = b'MicroPython v1.26.1; Raspberry Pi Pico with RP2040\r\nType "help()" for more information.\r\n' + _READY
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_PASTE = b"\x05A"
_NO_PASTE = b"R\x00"


class Prompt:
    """`run` returns at a soft reset."""

    def __init__(self, board):
        self._board = board
        self._line = bytearray()
        self._names = {"__name__": "__main__"}
        self._look_ms = PROMPT_MS

    def run(self):
        """Take bytes until Ctrl-D on an empty line, or until a program exits."""
        self._greet()
        while True:
            byte = self._byte()
            if byte == CTRL_D and not self._line:
                return
            if self._take(byte):
                return

    def _greet(self):
        self._line = bytearray()
        self._board.tx += _RAW_BANNER if self._board.raw_prompt else _BANNER

    def _byte(self):
        board = self._board
        while board.rx_at >= len(board.rx):
            board.sleep_to(board.now_ms + self._look_ms)
        self._look_ms = _BUSY_PROMPT_MS
        board.rx_at += 1
        return board.rx[board.rx_at - 1]

    def _take(self, byte):
        """Whether what it brought about ends the prompt."""
        if byte == CTRL_A and self._board.raw_prompt and self._line == _PASTE:
            self._line = bytearray()
            self._board.tx += _NO_PASTE
        elif byte in (CTRL_A, CTRL_B):
            self._board.raw_prompt = byte == CTRL_A
            self._board.tx += b"" if self._board.raw_prompt else b"\r\n"
            self._greet()
        elif byte == CTRL_C:
            self._line = bytearray()
            self._board.tx += b"" if self._board.raw_prompt else b"\r\n" + _READY
        elif self._board.raw_prompt:
            return self._take_raw(byte)
        else:
            return self._take_line(byte)
        return False

    def _take_raw(self, byte):
        if byte != CTRL_D:
            self._line.append(byte)
            return False
        self._board.tx += b"OK"
        ends, error = self._execute(_run)
        self._board.tx += b"\x04" + error + b"\x04>"
        return ends

    def _take_line(self, byte):
        """One statement, or an expression whose value is shown."""
        board = self._board
        if byte != _ENTER:
            if byte in _BACKSPACES and self._line:
                self._line = self._line[:-1]
                board.tx += b"\x08 \x08"
            elif byte >= _SPACE and byte not in _BACKSPACES:
                self._line.append(byte)
                board.tx.append(byte)
            return False
        board.tx += b"\r\n"
        ends, error = self._execute(_run_and_show)
        board.tx += error + _READY
        return ends

    def _execute(self, run):
        """Whether the program asks for a soft reset, and its error's text."""
        board, code, error = self._board, bytes(self._line), io.StringIO()
        self._line = bytearray()
        board.interrupt_char = CTRL_C
        try:
            run(code.decode(), self._names)
        except SystemExit:
            return True, b""
        except _FAILURES as failure:
            board.unlock_heap()
            sys.print_exception(failure, error)
        finally:
            board.interrupt_char = -1
        return False, error.getvalue().encode().replace(b"\n", b"\r\n")


def _run(code, names):
    exec(compile(code, "<stdin>", "exec"), names)


def _run_and_show(code, names):
    try:
        expression = compile(code.strip(), "<stdin>", "eval")
    except SyntaxError:
        _run(code, names)
        return
    value = eval(expression, names)
    if value is not None:
        print(repr(value))


def port_print(*values, sep=" ", end="\n", file=None):
    """`print` of everything on the board."""
    text = sep.join([str(value) for value in values]) + end
    if file:
        file.write(text)
    else:
        sys.stdout.write(text)
