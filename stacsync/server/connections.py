"""Connections that bring no request: they are ended, and never keep one that does from being answered."""

from __future__ import annotations

from asyncio import BaseTransport, TimerHandle
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 64
"""Connections held at once; one more ends the one that waits longest."""
REQUEST_SECONDS = 5.0
"""Within which a request must have arrived whole, from the connection or its first byte on."""


class Punctual(H11Protocol):
    """uvicorn's protocol, which by itself waits for ever for a request that was begun, or was not."""

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take what uvicorn gives."""
        super().__init__(*given, **named)
        self.since = self.loop.time()
        """Since when it waits for a request, or answers one."""
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Make room for the connection, and wait for its first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # narrowed there as well
        self._make_room()
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came: from its first byte on a request has so long to be there whole."""
        self._await_request()
        super().data_received(data)
        if self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self.since = self.loop.time()
            self._settle()

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _settle(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _make_room(self) -> None:
        held = [one for one in self.connections if isinstance(one, Punctual)]
        if len(held) > CONNECTIONS:
            last = min(held, key=lambda one: (one.answering, one.since))
            self.connections.discard(last)  # now: what is still to be told of its end comes after others were counted
            last.transport.abort()

    @property
    def answering(self) -> bool:
        """Whether a request is being answered: such a connection is the last to make room."""
        return self.cycle is not None and not self.cycle.response_complete
