"""`check` asks as a browser does, and says what to do when readers cannot see the catalog."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from stacsync.app import reach

CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Content-Range, ETag"}


@contextmanager
def answering(status: int, headers: Mapping[str, str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Origin"]
            assert self.headers["Range"] == "bytes=0-0"
            self.send_response(status)
            for name, value in {"Content-Length": "1", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/eo"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "headers", "verdicts"),
    [
        (206, CORS, [True, True, True]),
        (200, CORS, [True, False, True]),
        (206, {}, [True, True, False]),
        (206, {"Access-Control-Allow-Origin": "https://elsewhere.example"}, [True, True, False]),
        (206, {"Access-Control-Allow-Origin": "*"}, [True, True, True, True]),
        (403, CORS, [False]),
        (404, CORS, [True]),
    ],
)
def test_each_thing_that_readers_need_has_a_line(status: int, headers: Mapping[str, str], verdicts: list[bool]) -> None:
    """Access, ranges and CORS are judged apart; whatever is missing comes with what to do."""
    with answering(status, headers) as url:
        told = list(reach.lines(url))
    assert [line.ok for line in told] == verdicts
    assert all(line.remedy for line in told if not line.ok)
    assert not any(line.required for line in told)


def test_an_address_where_nobody_listens_is_told() -> None:
    """No exception, but a line that names the setting."""
    with answering(200, {}) as url:
        pass
    (line,) = reach.lines(url)
    assert not line.ok
    assert "storage.public_url" in line.remedy
