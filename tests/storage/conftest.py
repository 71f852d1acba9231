"""Real S3 servers on loopback: moto and Ceph's gateway (honour conditions), rclone with and without TLS (ignores them)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import boto3
import pytest
import trustme
from botocore.config import Config
from stacsync.storage import Storage, open_storage
from tests.kit.ceph import gateway

KEY_ID, SECRET, BUCKET = "AKIDLOOPBACK", "made-up-secret-of-the-tests", "catalogs"
KINDS = [
    "folder",
    "moto",
    "rclone-tls",
    pytest.param("rclone", marks=pytest.mark.real),
    pytest.param("ceph", marks=pytest.mark.real),
]
"""What every promise is tried on. rclone without TLS seldom answers otherwise than with it; Ceph is not on PyPI."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `open_storage` wants to know."""

    url: str
    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    ca_bundle: str | None = None


@pytest.fixture(autouse=True)
def _no_foreign_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended at once")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    private = trustme.CA()
    certificate = private.issue_cert("127.0.0.1", "localhost")
    private.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "cert.pem", append=True)
    return folder


@pytest.fixture(scope="session")
def moto() -> Iterator[Options]:
    port = _free_port()
    with _running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        yield _with_bucket(f"http://127.0.0.1:{port}", None)


@contextmanager
def _rclone(folder: Path, *more: str) -> Iterator[int]:
    port = _free_port()
    binary = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    serve = [binary, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}"]
    with _running([*serve, "--config", "/dev/null", *more, str(folder)], port):
        yield port


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    with _rclone(tmp_path_factory.mktemp("rclone")) as port:
        yield _with_bucket(f"http://127.0.0.1:{port}", None)


@pytest.fixture(scope="session")
def rclone_tls(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Options]:
    folder = tmp_path_factory.mktemp("rclone-tls")
    with _rclone(folder, "--cert", str(authority / "cert.pem"), "--key", str(authority / "key.pem")) as port:
        yield _with_bucket(f"https://127.0.0.1:{port}", str(authority / "ca.pem"))


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Options]:
    with gateway(tmp_path_factory.mktemp("ceph") / "cluster", KEY_ID, SECRET) as endpoint:
        yield _with_bucket(endpoint, None)


def _with_bucket(endpoint: str, ca_bundle: str | None) -> Options:
    options = Options(
        url=f"s3://{BUCKET}",
        endpoint_url=endpoint,
        region="us-east-1",
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        ca_bundle=ca_bundle,
    )
    client = boto_client(options)
    client.create_bucket(Bucket=BUCKET)
    client.close()
    return options


def boto_client(options: Options) -> Any:
    checks: dict[str, Any] = dict.fromkeys(
        ("request_checksum_calculation", "response_checksum_validation"), "when_required"
    )
    return boto3.client(
        "s3",
        endpoint_url=options.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        verify=options.ca_bundle,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, **checks),
    )


@pytest.fixture
def boto(moto: Options) -> Iterator[Any]:
    """A neighbour's own view of the moto server."""
    client = boto_client(moto)
    yield client
    client.close()


@pytest.fixture
def options_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Options]:
    """How to open a fresh place in a store of some kind."""

    def options(kind: str) -> Options:
        if kind == "folder":
            return Options(url=f"file://{tmp_path}/catalog")
        server: Options = request.getfixturevalue(kind.replace("-", "_"))
        known = {name: getattr(server, name) for name in ("region", "access_key_id", "secret_access_key", "ca_bundle")}
        return Options(url=f"s3://{BUCKET}/{uuid4().hex}/deep", endpoint_url=server.endpoint_url, **known)

    return options


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, options_of: Callable[[str], Options]) -> Iterator[Storage]:
    opened = open_storage(options_of(request.param), clock=lambda: datetime.now(UTC))
    yield opened
    opened.close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Start a WSGI application on a free port of loopback; return its address."""
    servers: list[WSGIServer] = []
    threads: list[Thread] = []

    def start(application: Any) -> str:
        server = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append(server)
        threads.append(thread)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join(5)


@pytest.fixture
def scripted(serve: Callable[[Any], str]) -> Iterator[Callable[..., Storage]]:
    """Open a store at a server that answers by a function (method, path, headers, body) -> (status, headers, body)."""
    opened: list[Storage] = []

    def start(
        answer: Callable[[str, str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]], **options: Any
    ) -> Storage:
        def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            headers = {
                name[5:].lower().replace("_", "-"): text for name, text in environ.items() if name.startswith("HTTP_")
            }
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            path = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else "")
            status, sent, data = answer(environ["REQUEST_METHOD"], path, headers, body)
            length = {} if "Content-Length" in sent else {"Content-Length": str(len(data))}
            start_response(f"{status} Told", list((sent | length).items()))
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]

        told = {"url": f"s3://{BUCKET}/p", "region": "us-east-1", "access_key_id": KEY_ID, "secret_access_key": SECRET}
        store = open_storage(
            Options(**told | {"endpoint_url": serve(application)} | options), sleep=lambda _seconds: None
        )
        opened.append(store)
        return store

    yield start
    for store in opened:
        store.close()
