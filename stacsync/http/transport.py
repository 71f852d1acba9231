"""How requests go out, and what it means when they do not arrive."""

from __future__ import annotations

import os
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

from stacsync.errors import Unavailable
from stacsync.logs import redact_url


class Unreachable(Unavailable):
    """Nobody answered, or not to the end; worth another try."""


def transport() -> requests.Session:
    """Return a requests session that adds nothing of its own: no netrc sign-in, no cookies, no retries."""
    http = requests.Session()
    http.auth = lambda prepared: prepared
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    http.verify = os.environ.get("SSL_CERT_FILE") or True
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=16, max_retries=0)
    http.mount("https://", adapter)
    http.mount("http://", adapter)
    return http


def explain(url: str, problem: Exception, timeout: tuple[float, float]) -> Unavailable:
    """Say what went wrong without the library's words, which hold whole URLs."""
    where = redact_url(url) or "an odd address"
    if isinstance(problem, requests.exceptions.SSLError):
        return Unavailable(
            f"the TLS certificate of {where} is not trusted", "name your authority's file in SSL_CERT_FILE"
        )
    if isinstance(problem, requests.Timeout | urllib3.exceptions.TimeoutError):
        return Unreachable(f"{where} did not answer within {timeout[1]:g} s", "try again later")
    if isinstance(problem, ValueError) and _misses_proxy(url, problem):
        message = f"{where} cannot be asked: the proxy that the environment names is no http or https address"
        return Unavailable(message, f"correct {_variables(url)}, or list the host in NO_PROXY")
    if isinstance(problem, requests.exceptions.ProxyError):
        message = f"{where} cannot be reached through the proxy: {_reason(problem)}"
        return Unreachable(message, f"check {_variables(url)} and the network")
    if isinstance(problem, ValueError):
        return Unavailable(f"{where} cannot be asked: the address is malformed", "check the configured url")
    return Unreachable(f"{where} cannot be reached: {_reason(problem)}", "check the url and the network")


def _reason(problem: BaseException) -> str:
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror.lower()
        seen = seen.__cause__ or seen.__context__
    return "the connection broke off"


def _misses_proxy(url: str, problem: ValueError) -> bool:
    """Say whether the environment names a proxy for `url` that is none."""
    if isinstance(problem, requests.exceptions.InvalidProxyURL):
        return True
    try:
        proxy = select_proxy(url, get_environ_proxies(url))
    except ValueError:  # it is the address itself
        return False
    try:
        parts = urllib3.util.parse_url(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
    except ValueError:
        return True
    return parts is not None and not (parts.scheme in {"http", "https"} and parts.host)


def _variables(url: str) -> str:
    """Return the names of the variables that set a proxy for `url`."""
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    found = [form for name in names for form in (name, name.upper()) if os.environ.get(form)]
    return " and ".join(found) or "the proxy"
