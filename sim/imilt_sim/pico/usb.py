"""The host's end of the emulated USB serial port: bytes out as they come, bytes in as the board asks for them."""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.usb.cdc import USBCDC

from imilt_sim.pico.chip import Chip


class UsbHost:
    """`on_data` gets what the board writes. `connected` tells that the board was set up since its last reset.

    The emulator answers a request for data with an empty packet when there is none, again every 10 µs; the board then
    never sleeps, and its program runs at a fifth of its speed. A real host says "not now": the request stays open
    until there is something. `reading`, if False, leaves what the board sends where it is, as a host does that has
    stopped.
    """

    def __init__(self, chip: Chip, on_data: Callable[[bytes], None]) -> None:
        self._usb = chip.mcu.usb_ctrl
        self._cdc = USBCDC(self._usb)
        self._cdc.on_serial_data = lambda data: on_data(bytes(data))
        self._cdc.on_device_connected = self._set_up
        self.connected = False
        self._waiting = bytearray()
        self._asked: int | None = None
        self._reading = True
        self._kept: list[tuple[int, bool]] = []
        assert self._usb.on_endpoint_read  # set by USBCDC
        self._answer_setup = self._usb.on_endpoint_read
        self._usb.on_endpoint_read = self._request
        self._ready = self._usb._indicate_buffer_ready
        self._usb._indicate_buffer_ready = self._sent
        self._forget = self._usb.on_reset
        self._usb.on_reset = self._reset

    def send(self, data: bytes) -> None:
        """Queue bytes for the board."""
        self._waiting += data
        self._answer()

    @property
    def reading(self) -> bool:
        return self._reading

    @reading.setter
    def reading(self, reads: bool) -> None:
        self._reading = reads
        if reads:
            kept, self._kept = self._kept, []
            for endpoint, out in kept:
                self._ready(endpoint, out)

    def _set_up(self) -> None:
        self.connected = True

    def _request(self, endpoint: int, size: int) -> None:
        """The board has room for `size` bytes."""
        if endpoint != self._cdc._out_endpoint:
            self._answer_setup(endpoint, size)
            return
        self._asked = size
        self._answer()

    def _answer(self) -> None:
        if self._asked is None or not self._waiting:
            return
        data, self._waiting = self._waiting[: self._asked], self._waiting[self._asked :]
        self._asked = None
        self._usb.endpoint_read_done(self._cdc._out_endpoint, bytes(data))

    def _sent(self, endpoint: int, out: bool) -> None:
        """A buffer of the board is free again, once a host took what was in it."""
        if not self._reading and not out and endpoint == self._cdc._in_endpoint:
            self._kept.append((endpoint, out))
        else:
            self._ready(endpoint, out)

    def _reset(self) -> None:
        """Off the bus: what was under way is lost."""
        self.connected = False
        self._asked = None
        self._waiting.clear()
        self._kept.clear()
        if self._forget:
            self._forget()
