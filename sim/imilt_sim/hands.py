"""`imilt hands`: somebody else's hands at a served device, over a socket that belongs to its port."""

from __future__ import annotations

import os
import queue
import socketserver
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from imilt.errors import InputError, RunError
from imilt_sim import world as w
from imilt_sim.faults import parse_fault

Act = Callable[[w.World], None]
CONTACTS = {
    "estop": w.EMERGENCY_STOP,
    "key": w.KEY,
    "interlock": w.REMOTE,
    "fibre": w.FIBRE,
    "cover": w.COVER,
    "footswitch": w.FOOTSWITCH,
    "ready": w.READY_BUTTON,
    "silence": w.SILENCE,
    "service": w.SERVICE,
}
_BUTTONS = ("footswitch", "ready", "silence")
_PRESS_S = 0.3
_FORMS = (
    "open CONTACT, close CONTACT, press BUTTON, turn key, mend PROBE, or a fault as --fault takes it without its time"
)
_ANSWER_S = 10.0
_LINE_MAX_BYTES = 200


def address(port: str) -> Path:
    """The socket that belongs to a served port."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"imilt-{os.getuid()}"
    return folder / f"{port.strip('/').replace('/', '-')}.sock"


def parse_action(words: str, probes: int) -> Act:
    """What `words` ask for, at once. Raises InputError."""
    verb, _, rest = words.strip().partition(" ")
    if verb in ("open", "close", "press") and rest:
        return _at_contact(verb, rest)
    if (verb, rest) == ("turn", "key"):
        return _turn_key
    if verb == "mend":
        return _mend(rest, probes)
    name, colon, arguments = words.strip().partition(":")
    try:
        return parse_fault(f"{name}@0{colon}{arguments}", probes).apply
    except InputError as error:
        reason = str(error).partition(": ")[2]
        raise InputError(f"{words!r}: {reason}; actions are {_FORMS}") from error


def _at_contact(verb: str, name: str) -> Act:
    known = _BUTTONS if verb == "press" else tuple(CONTACTS)
    if name not in known:
        raise InputError(f"{verb} {name}: unknown; there are {', '.join(known)}")
    contact = CONTACTS[name]
    if verb == "press":
        return lambda world: world.press(contact, _PRESS_S)
    return (lambda world: world.open(contact)) if verb == "open" else (lambda world: world.close(contact))


def _turn_key(world: w.World) -> None:
    """Off, if it is on, and on."""
    world.open(w.KEY)
    world.after(_PRESS_S, lambda: world.close(w.KEY))


def _mend(probe: str, probes: int) -> Act:
    if not probe.isdecimal() or int(probe) >= probes:
        raise InputError(f"mend {probe}: which probe? There are 0 to {probes - 1}")
    return lambda world: world.mend(int(probe))


class Hands:
    """Listens at the socket of `port` until `close`; `take` carries out what has come, in the caller's thread."""

    def __init__(self, port: str, probes: int) -> None:
        self._probes = probes
        self._waiting: queue.SimpleQueue[tuple[Act, threading.Event]] = queue.SimpleQueue()
        path = address(port)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # of a server that was killed
        self._path = path
        self._server = socketserver.ThreadingUnixStreamServer(str(path), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, world: w.World) -> None:
        """Carry out everything that waits."""
        while not self._waiting.empty():
            act, done = self._waiting.get()
            world.soon(act)
            done.set()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def _answer(self, words: str) -> str:
        try:
            act = parse_action(words, self._probes)
        except InputError as error:
            return f"error: {error}"
        done = threading.Event()
        self._waiting.put((act, done))
        return "done" if done.wait(_ANSWER_S) else "error: the device takes no time for it"

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        hands = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = _ANSWER_S

            def handle(self) -> None:
                words = self.rfile.readline(_LINE_MAX_BYTES).decode(errors="replace")
                self.wfile.write(hands._answer(words).encode())

        return Handler


def ask(port: str, words: str) -> None:
    """Let the device that is served at `port` feel `words`. Raises InputError for words without sense."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(2 * _ANSWER_S)
        try:
            line.connect(str(address(port)))
        except OSError as error:
            raise InputError(f"{port}: no device is served there; `imilt serve` tells its port") from error
        try:
            line.sendall(f"{words}\n".encode())
            answer = line.makefile().read()
        except OSError as error:
            raise RunError(f"{port}: the served device does not answer") from error
    if answer.startswith("error: "):
        raise InputError(answer.removeprefix("error: "))
    if answer != "done":
        raise RunError(f"{port}: the served device has ended")
