"""An openEO back-end for demonstrations and tests: it signs links that expire, rotates tokens and fails on request."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from stacsync.demo.openeo import documents
from stacsync.demo.openeo.answers import Answer, error, json_answer, ranged
from stacsync.demo.openeo.issuer import StandInIssuer
from stacsync.demo.openeo.jobs import GRAPH, StandInJob, demo_jobs

API = "/openeo/1.2"
PIECE = 1024 * 1024
JWT_CLASS = "https://api.openeo.org/1.3.0/authentication/jwt"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    """Without the query."""
    query: str = field(repr=False)
    authorization: str | None = field(repr=False)


@dataclass(slots=True)
class _Fault:
    pattern: re.Pattern[str]
    answer: Answer
    times: int


class OpenEOStandIn:
    """A back-end of its own thread on `port` of 127.0.0.1 (0: a free one); use it in a `with` statement.

    The user is `alice` with the password `alice123`; `settings()` is what a provider's table needs. `jobs` may be
    replaced while it runs. Links to files and Items are signed and work until `expire_links()`; `fail` makes the next
    requests of a path fail. Everything that arrived is in `seen`.
    """

    user, password = "alice", "alice123"

    def __init__(
        self, jobs: Sequence[StandInJob] | None = None, *, page_size: int = 100, jwt: bool = False, port: int = 0
    ) -> None:
        self.jobs: Sequence[StandInJob] = demo_jobs() if jobs is None else jobs
        self.page_size = page_size
        self.jwt = jwt
        self.missing_items: set[str] = set()
        """Names of Items whose documents are 404 although the results link to them."""
        self.seen: list[Seen] = []
        self.sent = 0
        """Bytes of answers, counted in pieces as they go out."""
        self._faults: list[_Fault] = []
        self._lock = Lock()
        self._era = 1
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.issuer = StandInIssuer(f"{self.url}/oidc")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def settings(self) -> dict[str, Any]:
        """Return the keys of a provider's table that reaches this back-end."""
        auth = {"method": "basic", "username": self.user, "password": self.password}
        return {"kind": "openeo", "url": self.url, "auth": auth}

    def expire_links(self) -> None:
        """Let every link that was signed so far answer 410 from now on."""
        with self._lock:
            self._era += 1

    def revoke_tokens(self) -> None:
        """Let every access token that was handed out so far be refused from now on."""
        self.issuer.revoke()

    def fail(
        self,
        pattern: str,
        status: int,
        *,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next `times` requests whose path matches `pattern` with this instead."""
        with self._lock:
            self._faults.append(_Fault(re.compile(pattern), Answer(status, body, headers or {}), times))

    def count(self, pattern: str) -> int:
        """Return how many requests came whose path matches `pattern`."""
        return sum(1 for request in self.seen if re.search(pattern, request.path))

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Return the answer to one request."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        with self._lock:
            self.seen.append(Seen(method, path, parts.query, headers.get("authorization")))
            for fault in self._faults:
                if fault.times > 0 and fault.pattern.search(path):
                    fault.times -= 1
                    return fault.answer
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/.well-known/openeo":
            version = {"url": f"{self.url}{API}", "api_version": "1.2.0", "production": True}
            return json_answer({"versions": [version]})
        if path.startswith("/oidc/"):
            return self.issuer.answer(path.removeprefix("/oidc"), headers, body)
        if not path.startswith(API):
            return error(404, "NotFound", "There is nothing here.")
        return self._api(path.removeprefix(API).rstrip("/") or "/", query, headers)

    def _api(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        public: dict[str, Callable[[], Answer]] = {
            "/": self._capabilities,
            "/credentials/oidc": lambda: json_answer({"providers": [self.issuer.entry()]}),
            "/credentials/basic": lambda: self._basic(headers),
        }
        if path in public:
            return public[path]()
        signed = re.fullmatch(
            r"/jobs/([^/]+)/results(?:/(assets|items|items11))?/([^/]+=*)/([0-9a-f]{32})(?:/(.*))?", path
        )
        if signed:
            job, kind, _, digest, name = signed.groups()
            return self._signed(job, kind or "", name or "", digest, headers)
        refused = self._refused(headers)
        return refused or self._private(path, query)

    def _private(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/jobs":
            size = min(int(query.get("limit", self.page_size)), self.page_size)
            return json_answer(documents.page(self.jobs, int(query.get("after", 0)), size, f"{self.url}{API}/jobs"))
        _, _, job_id, *rest = path.split("/")
        job = next((job for job in self.jobs if job.id == job_id), None)
        if job is None:
            return error(404, "JobNotFound", f"The batch job '{job_id}' does not exist.")
        if rest == ["results"]:
            if job.status != "finished":
                return error(400, "JobNotFinished", "Batch job has not finished computing the results yet.")
            return json_answer(documents.results(job, f"{self.url}{API}/jobs/{job.id}/results", self.sign))
        if not rest:
            return json_answer({**documents.listed(job), "process": {"process_graph": GRAPH}})
        return error(404, "NotFound", "There is nothing here.")

    def sign(self, job: str, kind: str, name: str) -> str:
        """Return an address that works until `expire_links`, as the common back-end driver makes them."""
        user = quote(base64.urlsafe_b64encode(self.user.encode()).decode(), safe="=")
        middle = f"/{kind}" if kind else ""
        last = f"/{quote(name)}" if name else ""
        digest = self._digest(job, kind, name, self._era)
        return f"{self.url}{API}/jobs/{quote(job)}/results{middle}/{user}/{digest}{last}?expires={4_000_000_000 + self._era}"

    def _digest(self, job: str, kind: str, name: str, era: int) -> str:
        return md5(f"{job}|{kind}|{name}|{era}".encode(), usedforsecurity=False).hexdigest()

    def _signed(self, job_id: str, kind: str, name: str, digest: str, headers: dict[str, str]) -> Answer:
        if digest != self._digest(job_id, kind, name, self._era):
            return error(410, "ResultLinkExpired", "The link to the batch job result has expired.")
        job = next((job for job in self.jobs if job.id == job_id), None)
        if job is None:
            return error(404, "JobNotFound", "The batch job does not exist.")
        if kind == "assets":
            file = next((file for file in job.files if file.name == name), None)
            return (
                ranged(file.data, file.media_type, headers) if file else error(404, "FilePathInvalid", "No such file.")
            )
        document = documents.item(job, name, self.sign) if kind else documents.results(job, self.url, self.sign)
        if document is None or name in self.missing_items or (kind == "items" and "/" in name):
            return error(404, "NotFound", "There is nothing here.")
        return json_answer(document)

    def _capabilities(self) -> Answer:
        classes = ["https://api.openeo.org/1.2.0", *([JWT_CLASS] if self.jwt else [])]
        return json_answer(
            {"api_version": "1.2.0", "id": "stand-in", "endpoints": [], "conformsTo": classes, "links": []}
        )

    def _basic(self, headers: dict[str, str]) -> Answer:
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if headers.get("authorization") != f"Basic {expected}":
            return error(403, "CredentialsInvalid", "Credentials are not correct.")
        return json_answer({"access_token": self.issuer.hand_out()})

    def _refused(self, headers: dict[str, str]) -> Answer | None:
        given = headers.get("authorization", "")
        if not given.startswith("Bearer "):
            return error(401, "AuthenticationRequired", "Unauthorized.")
        token = given.removeprefix("Bearer ")
        prefix, _, bare = token.rpartition("/")
        known = self.issuer.accepts(token if self.jwt else bare) and (self.jwt or prefix in {"basic/", "oidc/standin"})
        return None if known else error(403, "TokenInvalid", "Authorization token has expired or is invalid.")


def _handler(backend: OpenEOStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_HEAD(self) -> None:
            self._serve()

        def log_message(self, *_: object) -> None:
            """Say nothing: the demonstration speaks on the same terminal."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = backend.answer(self.command, self.path, headers, body)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                for start in range(0, len(answer.body), PIECE):
                    self.wfile.write(memoryview(answer.body)[start : start + PIECE])
                    backend.sent += min(PIECE, len(answer.body) - start)

    return Handler
