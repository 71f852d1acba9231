"""Tell systemd how we are (sd_notify protocol: datagrams to the socket that $NOTIFY_SOCKET names)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Sends states to systemd; does nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where to send and how often systemd wants to hear from us."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog = environment.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(watchdog) / 2_000_000 if watchdog.isdigit() else None
        """Seconds between two signs of life, half of what systemd allows; None: it does not ask."""

    def ready(self) -> None:
        """Say that the service is up."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say in a few words what is going on (`systemctl status` shows it)."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Give a sign of life."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is going down."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        # A supervisor that cannot be told must not stop the work.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message.encode(), address)
