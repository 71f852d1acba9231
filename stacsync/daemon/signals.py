"""Signals as events. A thread takes them in, so that no handler ever runs in the middle of something.

A handler that sets a `threading.Event` while the main thread is about to wait for that very event would wait for
itself; and blocking signals for `sigwait` is no way either, since libraries start threads of their own that do not.
So the interpreter writes each signal's number to a socket, whichever thread it reached, and a thread of ours reads it.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from threading import Event, Thread, Timer

DEADLINE_SECONDS = 28.0
"""From being asked to stop to the end at the latest: containers are killed after 30 seconds."""
_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """`stop` is set by SIGTERM and SIGINT, `reload` by SIGHUP; `asked` by any of them."""

    def __init__(self, on_stop: Callable[[], None], give_up: Callable[[], None]) -> None:
        """`on_stop` is called as soon as a stop is asked for, `give_up` when the deadline after it has passed."""
        self.stop = Event()
        self.reload = Event()
        self.asked = Event()
        self._on_stop = on_stop
        self._give_up = give_up

    def listen(self) -> None:
        """Listen from now on, for as long as the process lives. Call it in the main thread."""
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in _NUMBERS:
            signal.signal(number, lambda *_: None)  # without a handler of ours the number is not written
        Thread(target=self._wait, name="signals", daemon=True).start()

    def _wait(self) -> None:
        while numbers := self._reader.recv(64):
            for number in numbers:
                if number in _NUMBERS:
                    self.take(number)

    def take(self, number: int) -> None:
        """Take in one signal."""
        if number == signal.SIGHUP:
            self.reload.set()
        elif not self.stop.is_set():
            self.stop.set()
            last = Timer(DEADLINE_SECONDS, self._give_up)
            last.daemon = True
            last.start()
            self._on_stop()
        self.asked.set()

    def pause(self, seconds: float) -> None:
        """Wait a while, or until a signal comes."""
        self.asked.wait(seconds)
        self.asked.clear()


def leave_at_once() -> None:
    """End the process without waiting for anybody: what is under way can be lost, and the lease ends by itself."""
    os._exit(0)
