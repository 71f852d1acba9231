"""A place to run stacsync as a user does: a configuration, the command line in a process of its own, and its store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pystac
from botocore.config import Config
from stacsync.app import open_app


class Store(Protocol):
    """What lies in the object store, read without stacsync."""

    def table(self) -> dict[str, Any]: ...

    def keys(self) -> list[str]: ...

    def read(self, key: str) -> bytes: ...


@dataclass
class FolderStore:
    root: Path

    def table(self) -> dict[str, Any]:
        return {"url": f"file://{self.root}"}

    def keys(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

    def read(self, key: str) -> bytes:
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None


@dataclass
class BucketStore:
    endpoint: str
    bucket: str = field(default_factory=lambda: f"b-{uuid4().hex[:12]}")
    prefix: str = "eo/catalog"

    def __post_init__(self) -> None:
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="AKIDLOOPBACK",
            aws_secret_access_key="made-up-store-secret",
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )
        self.client.create_bucket(Bucket=self.bucket)

    def table(self) -> dict[str, Any]:
        return {
            "url": f"s3://{self.bucket}/{self.prefix}",
            "endpoint_url": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "AKIDLOOPBACK",
            "secret_access_key": "made-up-store-secret",
        }

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        found = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return sorted(key.removeprefix(f"{self.prefix}/") for key in found)

    def read(self, key: str) -> bytes:
        with suppress(self.client.exceptions.NoSuchKey):
            return bytes(self.client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")["Body"].read())
        raise KeyError(key)


def toml(value: Any) -> str:
    """Write a value of a configuration."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


@dataclass
class Answer:
    """What a command said."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass
class Workspace:
    """A folder with a configuration and a ledger."""

    root: Path
    store: Store
    providers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    sections: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.db"

    @property
    def config(self) -> Path:
        """Write the configuration and return its path."""
        tables: dict[str, Mapping[str, Any]] = {
            "catalog": {"id": "acme-eo", "title": "ACME EO products"},
            "storage": self.store.table(),
            "ledger": {"url": f"sqlite:///{self.ledger}"},
            **self.sections,
            **{f"providers.{name}": table for name, table in self.providers.items()},
        }
        lines = [
            line
            for name, table in tables.items()
            for line in (f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items()), "")
        ]
        path = self.root / "stacsync.toml"
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        return path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "stacsync", *words]

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "STACSYNC_CONFIG": str(self.config), **more}

    def run(self, *words: str, timeout: float = 120, **environment: str) -> Answer:
        """Run a command of stacsync to its end."""
        done = subprocess.run(
            self.command(*words),
            env=self.environment(**environment),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of stacsync; what it logs goes to `log`."""
        with (self.root / "log").open("a") as log:
            return subprocess.Popen(
                self.command(*words),
                env=self.environment(**environment),
                cwd=self.root,
                stdout=log,
                stderr=log,
                text=True,
            )

    def sync(self, *jobs: str, dry_run: bool = False, force: bool = False, well: bool = True) -> Any:
        """Make a pass in this process and return its JSON; `well` is how it has to end."""
        app = open_app(self.config, writing=not dry_run)
        try:
            result = app.sync([], jobs, dry_run=dry_run, force=force)
        finally:
            app.close()
        failed = result["errors"] or [one for one in result["providers"].values() if one["failed"] or one["error"]]
        assert bool(failed) is not well, failed
        return json.loads(json.dumps(result))

    def rebuild(self) -> Any:
        app = open_app(self.config)
        try:
            return app.rebuild()
        finally:
            app.close()

    def forget_ledger(self) -> None:
        for path in self.root.glob("ledger.db*"):
            path.unlink()


def published(store: Store) -> dict[str, bytes]:
    """Return everything a reader can see: all objects but stacsync's own state."""
    return {key: store.read(key) for key in list(store.keys()) if not key.startswith(".stacsync/")}


class BrokenCatalog(AssertionError):
    """A reader met something that is not there, or not whole."""


def crawl(
    store: Store, *, assets: Callable[[str, dict[str, Any]], None] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk from the root over all links as a reader would; yield every document. Raises `BrokenCatalog`."""
    seen: set[str] = set()
    todo = ["catalog.json"]
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        document = _document(store, key)
        for link in document["links"]:
            if "://" in link["href"]:
                continue
            target = _resolve(key, link["href"])
            if link["rel"] in {"child", "item"}:
                todo.append(target)
            elif target not in seen:
                _document(store, target)
        for asset in document.get("assets", {}).values():
            if assets is not None and "://" not in asset["href"]:
                assets(_resolve(key, asset["href"]), asset)
        yield key, document


def _document(store: Store, key: str) -> dict[str, Any]:
    try:
        found = json.loads(store.read(key))
    except KeyError:
        raise BrokenCatalog(f"{key} is linked to and not there") from None
    except ValueError:
        raise BrokenCatalog(f"{key} is not whole") from None
    assert isinstance(found, dict)
    return found


def _resolve(key: str, href: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(key), href))  # noqa: PTH118, PTH120 - a key is no path of this machine


class StoreIO(pystac.StacIO):
    """Lets pystac read a store, so that it can be the judge of what is published."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def read_text(self, source: Any, *_: Any, **__: Any) -> str:
        return self.store.read(str(source).removeprefix("/")).decode()

    def write_text(self, *_: Any, **__: Any) -> None:
        raise PermissionError("a judge writes nothing")
