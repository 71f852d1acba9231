"""Serve in a thread of its own, so that the page answers whatever the daemon is busy with."""

from __future__ import annotations

import socket
from threading import Thread

import uvicorn

from stacsync.errors import ConfigError
from stacsync.server.application import HEADERS, application
from stacsync.server.connections import CONNECTIONS, Punctual
from stacsync.server.guards import Local, Secured, is_loopback
from stacsync.server.service import Service
from stacsync.settings import Server

STOP_SECONDS = 3.0


class Handle:
    """A server that runs."""

    def __init__(self, server: uvicorn.Server, thread: Thread, address: str) -> None:
        """Hold what is needed to stop it."""
        self._server = server
        self._thread = thread
        self.address = address
        """Where it listens: `http://127.0.0.1:8080`."""

    def stop(self) -> None:
        """Answer what was asked already, then listen no more."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)


def start(settings: Server, service: Service) -> Handle:
    """Serve `service` where `settings` say. Raises `ConfigError` when nobody can listen there."""
    listening = _listen(settings)
    host, port = listening.getsockname()[:2]
    shown = application(service)
    config = uvicorn.Config(
        Secured(Local(shown, settings.host) if is_loopback(host) else shown, HEADERS),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        http=Punctual,
        ws="none",
        limit_concurrency=CONNECTIONS + 1,  # reached by requests alone: connections make room for each other
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]}, name="server", daemon=True)
    thread.start()
    return Handle(server, thread, f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _listen(settings: Server) -> socket.socket:
    """Return a listening socket: whoever asks from now on is answered, or waits."""
    place = f"[server] {settings.host}:{settings.port}"
    listening: socket.socket | None = None
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        if listening is not None:
            listening.close()
        reason = error.strerror or str(error)
        raise ConfigError(
            f"{place}: cannot listen there: {reason}", "choose another server.port (0: any free one) or server.host"
        ) from None
    return listening
