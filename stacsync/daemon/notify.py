"""Tell systemd how we are (sd_notify protocol: datagrams to the socket that $NOTIFY_SOCKET names)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread


class Notifier:
    """Sends states to systemd; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where to send and how often systemd wants to hear from us."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(watchdog) / 2_000_000 if watchdog.isdigit() and int(watchdog) else None
        """Seconds between two signs of life, half of what systemd allows; None: it does not ask."""
        self._ended = Event()

    def ready(self) -> None:
        """Say that the service is up."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say in a few words what is going on (`systemctl status` shows it)."""
        self._send("STATUS=" + " ".join(text.split()))

    def reloading(self) -> None:
        """Say that the configuration is read again; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def keep_alive(self, healthy: Callable[[], bool]) -> None:
        """Give signs of life from now on, in a thread, as long as `healthy()` says so; only if systemd asks for them."""
        if self._address and self.watchdog_seconds is not None:
            Thread(target=self._beat, args=(self.watchdog_seconds, healthy), name="watchdog", daemon=True).start()

    def stopping(self) -> None:
        """Say that the service is going down; signs of life go on until `close`."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Give no more signs of life."""
        self._ended.set()

    def _beat(self, seconds: float, healthy: Callable[[], bool]) -> None:
        while not self._ended.wait(seconds):
            if healthy():
                self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        # A supervisor that cannot be told must not stop the work.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), address)
