"""Starts a back-end of the common openEO driver, which nobody here wrote, from a virtual environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

ROOT = Path(__file__).parents[2]
APP = Path(__file__).parent / "openeo_app"
VENV = ROOT / ".venvs" / "openeo-driver"
PACKAGES = ("openeo-driver==0.136.0a4", "oidc-provider-mock==0.3.4", "authlib<1.10", "httpx<1")
"""Pre-releases of the driver are all there is, and of nothing else is one wanted. It pins libraries that we have newer,
hence the other environment."""


@dataclass(frozen=True)
class RealBackend:
    """A running back-end."""

    url: str
    issuer: str
    files: Path
    """What its jobs delivered: `<job>/<file>`."""

    def refresh_token(self, client_id: str = "tests") -> str:
        """Sign `alice` in at the issuer, as a browser would, and return a refresh token."""
        landing = "http://127.0.0.1:1/landing"
        question = {"client_id": client_id, "response_type": "code", "redirect_uri": landing, "scope": "openid"}
        answer = requests.post(
            f"{self.issuer}/oauth2/authorize", params=question, data={"sub": "alice"}, allow_redirects=False, timeout=10
        )
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": landing, "client_id": client_id}
        found = requests.post(f"{self.issuer}/oauth2/token", data=form, auth=(client_id, "any"), timeout=10).json()
        return str(found["refresh_token"])

    def official_client(self) -> dict[str, Any]:
        """Return the jobs and files that the official client sees."""
        done = subprocess.run(
            [python(), str(APP / "client.py"), self.url], capture_output=True, check=True, text=True, timeout=120
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def python() -> str:
    """Return the interpreter of the driver's environment, which is made when it is not there."""
    found = VENV / "bin" / "python"
    if not (VENV / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (VENV / ".ready").touch()
    return str(found)


@contextmanager
def real_backend(folder: Path, link_seconds: int = 3600) -> Iterator[RealBackend]:
    """Run a back-end whose signed links work for `link_seconds`; it ends with the block."""
    with (folder / "backend.log").open("w") as errors:
        process = subprocess.Popen(
            [python(), "-W", "ignore", str(APP / "serve.py"), str(folder), str(link_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        with process:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "backend.log").read_text()[-3000:]
            told = json.loads(line)
            try:
                yield RealBackend(url=told["url"], issuer=told["issuer"], files=folder)
            finally:
                process.terminate()
