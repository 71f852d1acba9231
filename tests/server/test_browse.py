"""`browse` serves a catalog on loopback as readers need it, and nothing else."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from stacsync.errors import ConfigError
from stacsync.server import browse
from starlette.types import ASGIApp

ITEM = {
    "type": "Feature",
    "id": "a",
    "properties": {"title": "<img src=x onerror=alert(1)>"},
    "links": [],
    "assets": {},
}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    (folder / "hub/a").mkdir(parents=True)
    (folder / "catalog.json").write_text('{"type": "Catalog", "id": "c", "title": "Mine", "links": []}')
    (folder / "hub/a/a.json").write_text(json.dumps(ITEM))
    (folder / "hub/a/data.tif").write_bytes(bytes(range(256)) * 8)
    (folder / ".stacsync").mkdir()
    (folder / ".stacsync/lease.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("not for readers")
    (folder / "way-out.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    listening = browse._listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def port(catalog: Path) -> Iterator[int]:
    with serving(browse.application(str(catalog))[0]) as found:
        yield found


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def test_documents_and_files_have_their_types(port: int) -> None:
    """A Catalog is JSON, an Item GeoJSON, a raster TIFF."""
    types = {path: ask(port, path)[1]["content-type"] for path in ("/catalog.json", "/hub/a/a.json", "/hub/a/data.tif")}
    assert types == {
        "/catalog.json": "application/json",
        "/hub/a/a.json": "application/geo+json",
        "/hub/a/data.tif": "image/tiff; application=geotiff",
    }


def test_ranges_are_answered_and_readable_from_any_page(port: int) -> None:
    """A page from elsewhere gets the bytes that it asks for, and may read the headers that tell which."""
    status, headers, body = ask(port, "/hub/a/data.tif", Range="bytes=10-19", Origin="https://viewer.example")
    assert (status, headers["content-range"], body) == (206, "bytes 10-19/2048", bytes(range(10, 20)))
    assert headers["access-control-allow-origin"] == "*"
    assert {"Content-Range", "Accept-Ranges", "ETag"} <= set(headers["access-control-expose-headers"].split(", "))
    status, headers, _ = ask(
        port,
        "/hub/a/data.tif",
        "OPTIONS",
        Origin="https://viewer.example",
        Access_Control_Request_Method="GET",
        Access_Control_Request_Headers="range",
    )
    assert (status, headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/hub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/hub/a/..%5c..%5csecret.txt",
        "//etc/passwd",
        "/way-out.txt",
        "/.stacsync/lease.json",
        "/hub",
        "/nothing.json",
        "/a%00.json",
    ],
)
def test_nothing_outside_of_the_catalog_is_served(port: int, path: str) -> None:
    """No path leads out of the folder, to the state of stacsync, or to a listing."""
    status, _, body = ask(port, path)
    assert status == 404
    assert b"not for readers" not in body


def test_nothing_is_written(port: int) -> None:
    """Only GET and HEAD are answered."""
    assert [ask(port, "/catalog.json", method)[0] for method in ("PUT", "DELETE", "POST")] == [405] * 3
    assert ask(port, "/hub/a/data.tif", "HEAD")[1]["content-length"] == "2048"


def test_the_page_runs_its_own_script_alone(port: int) -> None:
    """The page names the root, asks nobody else, and its policy lets no other script run."""
    _, headers, body = ask(port, "/")
    page = body.decode()
    assert 'data-root="catalog.json"' in page
    assert not re.search(r"(src|href)=[\"']https?:", page)
    policy = headers["content-security-policy"]
    assert "script-src 'sha256-" in policy
    assert "'unsafe" not in policy


def test_a_catalog_elsewhere_is_fetched_through(catalog: Path) -> None:
    """An address is browsed too: its documents and ranges come with CORS although its server sends none."""

    class Plain(SimpleHTTPRequestHandler):
        def __init__(self, *told: Any) -> None:
            super().__init__(*told, directory=str(catalog.parent))

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Plain) as origin:
        thread = threading.Thread(target=origin.serve_forever)
        thread.start()
        try:
            app, root = browse.application(f"http://127.0.0.1:{origin.server_port}/catalog/catalog.json")
            with serving(app) as port:
                status, headers, body = ask(port, f"/{root}", Origin="https://viewer.example")
                assert (status, json.loads(body)["id"]) == (200, "c")
                assert headers["access-control-allow-origin"] == "*"
                assert ask(port, "/%2e%2e/secret.txt")[0] == 404
                assert ask(port, "/missing.json")[0] == 404
        finally:
            origin.shutdown()
            thread.join()


@contextmanager
def answering(handler: type[SimpleHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_catalog_elsewhere_leads_nowhere_else() -> None:
    """Redirects are followed on the catalog's own server; to another one, which may be of a private network, never."""
    asked = []

    class Private(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500, "PRIVATE")

        def log_message(self, *_: Any) -> None:
            pass

    with answering(Private) as private:

        class Leading(Private):
            def do_GET(self) -> None:
                target = {"/moved.json": "/there.json", "/out.json": f"http://127.0.0.1:{private}/admin"}.get(self.path)
                target = "/round.json" if self.path == "/round.json" else target
                self.send_response(302 if target else 200)
                if target:
                    self.send_header("Location", target)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        with answering(Leading) as origin, serving(browse.application(f"http://127.0.0.1:{origin}")[0]) as port:
            assert ask(port, "/moved.json")[::2] == (200, b"{}")
            status, _, body = ask(port, "/out.json")
            assert (status, asked) == (502, [])
            assert f"sends on to http://127.0.0.1:{private}/admin".encode() in body
            assert b"browse the catalog by the address" in body
            assert ask(port, "/round.json")[0] == 502


@pytest.mark.parametrize("path", ["/page.html", "/picture.svg", "/catalog.json", "/nothing.html"])
def test_what_a_catalog_holds_runs_no_script(port: int, catalog: Path, path: str) -> None:
    """A provider's page or picture is shown in a sandbox: it runs nothing and belongs to no origin."""
    (catalog / "page.html").write_text("<script>alert(1)</script>")
    (catalog / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    headers = ask(port, path)[1]
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"


def test_only_names_of_this_machine_are_answered_to(port: int) -> None:
    """A page whose name was made to lead here (DNS rebinding) reads nothing."""
    for path in ("/", "/catalog.json"):
        assert ask(port, path, Host="rebound.example")[0] == 421
        assert ask(port, path, Host=f"localhost:{port}")[0] == 200


def test_stac_browser_is_served_where_it_is_installed(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build of STAC Browser is served beside the catalog; a folder without one is refused."""
    build = tmp_path / "build"
    build.mkdir()
    monkeypatch.setenv("STACSYNC_STAC_BROWSER", str(build))
    with pytest.raises(ConfigError, match=r"no index\.html"):
        browse.application(str(catalog))
    (build / "index.html").write_text("<title>STAC Browser</title>")
    with serving(browse.application(str(catalog))[0]) as port:
        assert b"STAC Browser" in ask(port, "/browser/")[2]
        assert ask(port, "/catalog.json")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_address_is_told_and_a_signal_ends_it(catalog: Path, tmp_path: Path, number: int) -> None:
    """`stacsync browse DIR` tells where it serves, answers there, and Ctrl-C or SIGTERM ends it with exit code 0."""
    command = [sys.executable, "-m", "stacsync", "browse", str(catalog)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=dict(os.environ)) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        assert ask(int(found.group(1)), "/catalog.json")[0] == 200
        running.send_signal(number)
        assert running.wait(20) == 0


PAGE_IN_NODE = """
const page = require('fs').readFileSync(0, 'utf8');
const script = page.match(/<script>([\\s\\S]*?)<\\/script>/)[1].split('window.addEventListener')[0]
  .replace('document.documentElement.dataset.root, document.baseURI', '"catalog.json", "http://127.0.0.1/"');
const told = new Function(script + `
  return ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "https://a.example/x", "x/y.json"]
    .map((href) => address(href, ROOT) && address(href, ROOT).href);`)();
console.log(JSON.stringify(told));
"""


def test_no_href_of_a_catalog_runs_as_script() -> None:
    """The page makes links of http and https addresses alone: whatever else a catalog names stays text."""
    html = Path(browse.__file__).with_name("browse.html").read_text()
    assert "innerHTML" not in html
    assert "insertAdjacentHTML" not in html
    assert re.search(r'\["http:", "https:"\]\.includes\(url\.protocol\)', html)
