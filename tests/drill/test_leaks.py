"""Marked secrets through every failure: none is found again anywhere, and none reaches a host that it does not belong to."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import pytest
from stacsync.app import open_app
from stacsync.demo.openeo import OpenEOStandIn
from stacsync.demo.up42 import StandIn
from tests.drill.conftest import few
from tests.kit.commands import Command, commands
from tests.kit.scripted import Asked, Reply, reply, serving
from tests.kit.workspace import FolderStore, Workspace

MARK = "Zq7Marked"
"""Part of every secret; nothing else holds it."""


NAMES = ("User", "ClientId", "ProjectId", "Mail", "SourceId")


def secret(name: str) -> str:
    return f"{MARK}{name}x9f3K2"


@dataclass
class Evil:
    """Hands out marked tokens, then answers everything in one bad way, telling us back what we sent."""

    way: str
    foreign: str
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        if self.way != "token" and ("token" in path or path.endswith("/credentials/basic")):
            token = secret("Token")
            return reply(
                {"access_token": token, "token_type": "bearer", "expires_in": 300, "data": {"accessToken": token}}
            )
        if path == "/.well-known/openeo":
            return reply({"versions": [{"url": f"{self.url}/api", "api_version": "1.2.0", "production": True}]})
        if path in {"/api", "/api/"}:
            return reply({"api_version": "1.2.0", "id": "evil", "endpoints": [], "links": []})
        return self._badly(asked)

    def _badly(self, asked: Asked) -> Reply:  # noqa: PLR0911  one return a way
        sent = asked.headers.get("authorization", "") or asked.headers.get("x-api-key", "")
        bare = sent.split()[-1] if sent else ""
        words = (
            f"hello {bare}, you asked {self.url}{asked.path} with {sent} and {asked.body.decode('utf-8', 'replace')}"
        )
        match self.way:
            case "redirect":
                return Reply(302, b"", {"Location": f"{self.foreign}/stolen?by={len(self.asked)}"})
            case "redirect307":
                return Reply(307, b"", {"Location": f"{self.foreign}/stolen"})
            case "next":
                links = [{"rel": "next", "href": f"{self.foreign}/next"}]
                return reply({"jobs": [], "data": [], "links": links, "next": f"{self.foreign}/next", "results": []})
            case "html":
                return Reply(200, f"<html>{words}</html>".encode(), {"Content-Type": "text/html"})
            case "nojson":
                return Reply(200, words.encode(), {"Content-Type": "application/json"})
            case "cut":
                return Reply(200, orjson.dumps({"message": words}), {}, cut=5)
            case "token":
                return reply({"error": "invalid_grant", "error_description": words, "message": words}, 400)
            case status:
                detail = {"code": bare or "X", "message": words, "error": {"code": 400, "message": words}}
                return reply(detail, int(status), X_Sent=bare)


WAYS = (
    "token",
    "400",
    "401",
    "403",
    "404",
    "410",
    "422",
    "500",
    "html",
    "nojson",
    "cut",
    "next",
    "redirect",
    "redirect307",
)


def tables(url: str) -> dict[str, Mapping[str, Any]]:
    """Return a table of every kind, each with secrets of its own."""
    return {
        "o-basic": {
            "kind": "openeo",
            "url": url,
            "auth": {"method": "basic", "username": secret("User"), "password": secret("Password")},
        },
        "s": {
            "kind": "sentinelhub",
            "url": url,
            "token_url": f"{url}/token",
            "client_id": secret("ClientId"),
            "client_secret": secret("ClientSecret"),
            "source": {
                "endpoint_url": url,
                "region": "r",
                "access_key_id": secret("SourceId"),
                "secret_access_key": secret("SourceKey"),
            },
        },
        "u-first": {
            "kind": "up42",
            "api": "v1",
            "url": url,
            "project_id": secret("ProjectId"),
            "project_api_key": secret("ProjectKey"),
        },
        "u-today": {
            "kind": "up42",
            "url": url,
            "auth_url": url,
            "username": secret("Mail"),
            "password": secret("Word"),
        },
        "p": {"kind": "pixxel", "url": url, "api_key": secret("ApiKey")},
        "p-raw": {"kind": "pixxel", "url": url, "api_key": secret("RawKey"), "auth_scheme": "raw"},
    }


def shapes(text: str) -> set[str]:
    """Return the ways in which a marked secret may be written."""
    plain = {text, quote(text), quote_plus(text)}
    encoded = set()
    for shift in range(3):  # base64 of a text that holds the mark, wherever it begins
        data = base64.b64encode(b"x" * shift + MARK.encode()).decode()
        encoded.add(data[4:11])
    return plain | encoded


def leaks(texts: dict[str, str]) -> list[str]:
    """Return where the mark is found."""
    return [
        f"{place}: …{text[max(0, text.find(shape) - 80) : text.find(shape) + 40]}…"
        for place, text in texts.items()
        for shape in shapes(MARK)
        if shape in text
    ]


def files(root: Path) -> dict[str, str]:
    """Return all files of a workspace but its configuration and the folder of tokens, as text."""
    return {
        str(path.relative_to(root)): path.read_bytes().decode("latin-1")
        for path in root.rglob("*")
        if path.is_file() and path.name != "stacsync.toml"
    }


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with commands(tmp_path, monkeypatch, capsys) as run:
        yield run


@pytest.mark.promise("no secret is ever written: logs at debug, ledger, store, messages; none reaches a foreign host")
@pytest.mark.parametrize("way", few(WAYS, "token", "403", "redirect"))
@pytest.mark.timeout(300)
def test_marked_secrets_stay_secret(
    way: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, tried: Callable[[int], None]
) -> None:
    """Against a server that tells us back what we sent, in every bad way, nothing marked is written down anywhere."""
    monkeypatch.setattr("stacsync.app.parts.Parts.sleep", lambda _self, _seconds: None)
    with ExitStack() as stack:
        foreign = stack.enter_context(serving())
        script = stack.enter_context(serving())
        evil = Evil(way, foreign.url, script.url)
        script.answer = evil
        place = foreign.url.removeprefix("http://")
        providers: dict[str, Mapping[str, Any]] = {
            name: {**table, "trusted_hosts": [place]} for name, table in tables(script.url).items()
        }
        workspace = Workspace(
            tmp_path,
            FolderStore(tmp_path / "catalog"),
            providers=providers,
            sections={"log": {"level": "debug", "format": "json"}},
        )
        config = ["--config", str(workspace.config)]
        texts: dict[str, str] = {}
        for words in (
            ("sync", "--json"),
            ("sync",),
            ("check",),
            ("check", "--json"),
            ("status", "--json"),
            ("providers",),
        ):
            done = command(*words, *config)
            texts[f"{' '.join(words)} out"] = done.out
            texts[f"{' '.join(words)} err"] = done.err
        assert len(evil.asked) >= len(providers)
        texts |= files(tmp_path)
        assert leaks(texts) == []
        stolen = {f"foreign {one.path}": f"{one.headers} {one.body!r} {one.path}" for one in foreign.asked}
        assert leaks(stolen) == []
    tried(len(providers) * 6)


@pytest.mark.promise("no secret is ever written: logs at debug, ledger, store, messages; none reaches a foreign host")
def test_no_repr_tells_a_secret(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """repr of settings, parts, providers, sessions and records shows nothing that signs in."""
    with OpenEOStandIn() as openeo, StandIn() as up42, serving() as script:
        up42.fill()
        providers = tables(script.url) | {"real-o": openeo.settings(), "real-u": up42.first_settings()}
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers=providers)
        app = open_app(workspace.config)
        try:
            shown: dict[str, str] = {"settings": repr(app.parts.settings), "parts": repr(vars(app.parts))}
            for name in providers:
                shown[name] = _everything(app.parts.provider(name))
            for name in ("real-o", "real-u"):
                provider = app.parts.provider(name)
                for job in provider.finished_jobs():
                    result = provider.describe(job)
                    shown[f"{name} {job.id}"] = repr(job) + repr(result)
                    for package in result.packages:
                        shown[f"{name} package"] = repr(provider.sign(package, job, fresh=False))
                    if not result.packages:
                        shown[f"{name} items"] = repr(list(result.items({})))
                    result.close()
        finally:
            app.close()
        for name in NAMES:  # of accounts: these sign nobody in, and a person reads which is configured
            shown = {place: text.replace(secret(name), "") for place, text in shown.items()}
        assert leaks(shown) == []
        for text in shown.values():
            for one in (openeo.password, up42.first.key, "X-Goog-Signature", "?expires="):
                assert one not in text
        tried(len(shown))


def _everything(value: object, depth: int = 3) -> str:
    """Return repr of an object and of what it holds, some levels deep."""
    shown = [repr(value)]
    if depth and hasattr(value, "__dict__"):
        shown += [
            _everything(inner, depth - 1) if type(inner).__module__.startswith("stacsync") else ""
            for inner in vars(value).values()
        ]
    return "\n".join(shown)


@pytest.mark.promise("no secret is ever written: logs at debug, ledger, store, messages; none reaches a foreign host")
def test_a_process_shows_no_secret(tmp_path: Path, tried: Callable[[int], None]) -> None:
    """The arguments of a running process name the configuration, never what is in it; files of ours are for us alone."""
    with serving() as script:
        workspace = Workspace(tmp_path, FolderStore(tmp_path / "catalog"), providers=tables(script.url))
        process = workspace.start("sync", "--json")
        shown = ""
        while process.poll() is None:
            shown += Path(f"/proc/{process.pid}/cmdline").read_bytes().decode("latin-1")
            time.sleep(0.02)
        assert "stacsync" in shown
        assert leaks({"arguments": shown, **files(tmp_path)}) == []
        for path in tmp_path.glob("ledger.db*"):
            assert path.stat().st_mode & 0o077 == 0, path
    tried(1)
