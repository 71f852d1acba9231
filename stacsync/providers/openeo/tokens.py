"""Refresh tokens on disk: one small file that only its owner can read, replaced whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import orjson

from stacsync.errors import ConfigError, SignInFailed
from stacsync.logs import conceal


class TokenFile:
    """Keeps the newest refresh token of one provider (mode 0600).

    A token from the configuration is where it begins; the file remembers a hash of it, so that a new one in the
    configuration takes over from whatever was rotated since.
    """

    def __init__(self, path: Path, provider: str, configured: str | None = None) -> None:
        self.path = path
        self._provider = provider
        self._configured = configured

    def load(self) -> str:
        """Return the newest token. Raises `SignInFailed` when there is none."""
        token = self._stored() or self._configured
        if token is None:
            raise SignInFailed("nobody has signed in yet", f"run: stacsync login {self._provider}")
        conceal([token])
        return token

    def save(self, token: str) -> None:
        """Keep `token` instead of the one before, durably. Raises `ConfigError` when the file cannot be written."""
        conceal([token])
        content = orjson.dumps({"refresh_token": token, "configured": self._mark()})
        with self._explained():
            self._replace(content)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from using up the same token at the same time, where the system can.

        Raises `ConfigError` when the folder of the file takes no lock: a rotated token could not be kept there.
        """
        try:
            import fcntl  # noqa: PLC0415  # not on every system
        except ImportError:
            yield
            return
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            with self._explained():
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise ConfigError(
                f"the token file {self.path} cannot be written: {problem.strerror}",
                "make its folder writable, or name another file in auth.token_file",
            ) from problem

    def _stored(self) -> str | None:
        try:
            found = orjson.loads(self.path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return None
        if not isinstance(found, dict) or found.get("configured") != self._mark():
            return None
        token = found.get("refresh_token")
        return token if isinstance(token, str) and token else None

    def _mark(self) -> str | None:
        return sha256(self._configured.encode()).hexdigest() if self._configured else None

    def _replace(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            fresh.unlink()
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
