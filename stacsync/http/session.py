"""The control-plane session: small JSON over HTTP, asked for politely, within bounds, and never telling a secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from threading import Lock
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3

from stacsync import __version__
from stacsync.errors import JobUnusable, Stopped, Unavailable
from stacsync.http import origins
from stacsync.http.addresses import Addresses, AddressRefused, HostUnknown
from stacsync.http.call import REDIRECTS, SAFE_METHODS, Auth, Call, encode, secrets_in
from stacsync.http.limits import RateLimit
from stacsync.http.response import HttpError, Response, error_of, join
from stacsync.http.retry import RETRIED, Unit, backoff, retry_after
from stacsync.http.transport import Unreachable, explain, transport
from stacsync.logs import conceal_passing, redact_url
from stacsync.provider import Context

ATTEMPTS = 5
DEADLINE = 300.0
HOPS = 5
USER_AGENT = f"stacsync/{__version__}"
Params = Mapping[str, Any]
_STEPS = frozenset({".", ".."})


class Session:
    """Talks to one provider's control plane; one per provider, used from any thread.

    - Credentials (those of `auth` and any header a caller passes) go to the exact origin of `base_url` alone. Other
      origins are asked without them, by GET, and only if they are public https or listed in `trusted` ("host:port").
    - Redirects are followed by hand, at most five.
    - 429, 500, 502, 503, 504, refused connections and timeouts are tried again, at most five times and for at most
      `deadline` seconds in all, with full jitter and as `Retry-After` asks. Waiting raises `Stopped` when asked to stop.
    - A 401 (or what `is_refused` recognises) leads to one `auth.refresh()` and one more try, then to `SignInRefused`.
    - Answers are read up to 64 MiB.
    - `requests_per_minute` bounds how often requests begin; sessions that share a quota share one `limit` instead.

    Everything that goes wrong is an `Unavailable`: `HttpError` when there was an answer.
    """

    def __init__(  # noqa: PLR0913  # one knob per promise above, all by keyword
        self,
        base_url: str,
        *,
        context: Context,
        auth: Auth | None = None,
        requests_per_minute: float | None = None,
        limit: RateLimit | None = None,
        retry_after_unit: Unit = "seconds",
        timeout: tuple[float, float] = (10, 60),
        deadline: float = DEADLINE,
        trusted: Collection[str] = (),
        is_refused: Callable[[Response], bool] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.auth = auth
        self._context = context
        self._unit = retry_after_unit
        self._timeout = timeout
        self._deadline = deadline
        self._addresses = Addresses(frozenset(trusted) | {origins.host_port(base_url)})
        self._is_refused = is_refused or (lambda response: response.status == 401)
        self._monotonic = monotonic
        self._limit = limit or RateLimit(requests_per_minute, context.sleep, monotonic)
        self._refreshing = Lock()
        self._http = transport()

    def url(self, path: str, params: Params | None = None) -> str:
        """Return the absolute URL of `path` below `base_url`; an absolute URL stays what it is.

        Raises `JobUnusable` for a path that would lead elsewhere: an id of somebody's is "." or "..".
        """
        if "://" not in path and not _STEPS.isdisjoint(path.partition("?")[0].split("/")):
            raise JobUnusable("its id would lead to another address of the provider", "ask the provider for another id")
        absolute = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        given = {name: value for name, value in (params or {}).items() if value is not None}
        if not given:
            return absolute
        return f"{absolute}{'&' if '?' in absolute else '?'}{urlencode(given, doseq=True)}"

    def get_json(
        self,
        path_or_url: str,
        params: Params | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept_statuses: Collection[int] = (),
    ) -> Any:
        """Return the JSON behind `path_or_url`, or None when it answers one of `accept_statuses`. Raises `Unavailable`."""
        response = self.request("GET", path_or_url, params=params, headers=headers, accept_statuses=accept_statuses)
        return _content(response)

    def post_json(
        self,
        path_or_url: str,
        *,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        accept_statuses: Collection[int] = (),
    ) -> Any:
        """Post `json` (or the form `data`) and return the JSON answer, None for one of `accept_statuses` or an empty body.

        Posts are tried again like any request, so post only what may arrive twice. Raises `Unavailable`.
        """
        response = self.request(
            "POST", path_or_url, params=params, headers=headers, json=json, data=data, accept_statuses=accept_statuses
        )
        return _content(response)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        accept_statuses: Collection[int] = (),
    ) -> Response:
        """Return the answer if its status is 2xx or one of `accept_statuses`, else raise `HttpError`.

        Raises `Unavailable` when nobody answers, `SignInFailed` when the credentials are refused, `Stopped`.
        """
        sent, body = encode(headers or {}, json, data)
        call = Call(method.upper(), self.url(path_or_url, params), sent, body, accept_statuses)
        signed = self._signature(call)
        response = self._insist(call, signed)
        if self._refused(call, response) and self._renewed(signed):
            response = self._insist(call, self._signature(call))
        if response.status in accept_statuses or 200 <= response.status < 300:
            return response
        raise error_of(response, refused=self._refused(call, response))

    def close(self) -> None:
        """Release the connections."""
        self._http.close()

    def _signature(self, call: Call) -> Mapping[str, str]:
        ours = self.auth is not None and origins.same_origin(call.url, self.base_url)
        return self.auth.headers() if ours and self.auth else {}

    def _refused(self, call: Call, response: Response) -> bool:
        ours = self.auth is not None and origins.same_origin(response.url, self.base_url)
        return ours and response.status not in call.accepted and self._is_refused(response)

    def _renewed(self, signed: Mapping[str, str]) -> bool:
        """Renew the credentials once, however many threads were refused with the same ones."""
        if self.auth is None:
            return False
        with self._refreshing:
            return dict(self.auth.headers()) != dict(signed) or self.auth.refresh()

    def _insist(self, call: Call, signed: Mapping[str, str]) -> Response:
        """Ask until there is an answer worth handing on, the attempts are used up or the time is over."""
        spent = 0.0
        for attempt in range(ATTEMPTS):
            if self._context.stop.is_set():
                raise Stopped("asked to stop before a request was sent")
            self._limit.wait()
            begun = self._monotonic()
            hint: float | None = None
            answer: Response | Unavailable
            try:
                answer = self._follow(call, signed, begun + self._deadline - spent)
            except Unreachable as problem:
                answer = Unavailable(problem.message, problem.remedy)
            else:
                if answer.status not in RETRIED or answer.status in call.accepted or self._refused(call, answer):
                    return answer
                hint = retry_after(answer.headers, self._context.clock(), self._unit)
            delay = backoff(attempt, hint)
            spent += self._monotonic() - begun + delay
            if attempt == ATTEMPTS - 1 or spent > self._deadline:
                break
            if hint is not None:
                self._limit.pause(hint)
            self._context.sleep(delay)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    def _follow(self, call: Call, signed: Mapping[str, str], until: float) -> Response:
        for _ in range(HOPS + 1):
            response = self._send(call, signed, until)
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location:
                return response
            call = call.redirected(response.status, location)
        where = redact_url(call.url)
        raise HttpError(f"{where} redirects more than {HOPS} times", "check the configured url", status=response.status)

    def _send(self, call: Call, signed: Mapping[str, str], until: float) -> Response:
        headers = self._admit(call, signed)
        try:
            with self._http.request(
                call.method,
                call.url,
                headers={"Accept": "application/json", "User-Agent": USER_AGENT, **headers},
                data=call.body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = join(self._chunks(answer, call.url, until), call.url, answer.status_code)
                return Response(status=answer.status_code, url=call.url, headers=answer.headers, body=body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as problem:
            raise explain(call.url, problem, self._timeout) from None

    def _admit(self, call: Call, signed: Mapping[str, str]) -> Mapping[str, str]:
        """Return the headers that may go to this URL, or refuse to go there at all."""
        if origins.same_origin(call.url, self.base_url):
            headers = {**signed, **call.headers}
            conceal_passing(secrets_in(headers))  # answers may quote them
            return headers
        try:
            self._addresses.of(call.url)
        except HostUnknown as problem:
            raise Unreachable(problem.message, "check the network") from None
        except AddressRefused as problem:
            message = f"{redact_url(self.base_url)} points to an address that is not asked: {problem.message}"
            raise HttpError(message, problem.remedy, status=0) from None
        if call.method not in SAFE_METHODS:
            message = f"{redact_url(self.base_url)} wants a {call.method} sent to another host, {redact_url(call.url)}"
            raise HttpError(message, "check the configured url", status=0)
        return {}

    def _chunks(self, answer: requests.Response, url: str, until: float) -> Iterator[bytes]:
        while chunk := answer.raw.read1(65536, decode_content=True):  # what is there, however little
            if self._context.stop.is_set():
                raise Stopped("asked to stop while an answer was being read")
            if self._monotonic() > until:
                raise Unreachable(f"{redact_url(url)} answers too slowly", "try again later")
            yield chunk


def _content(response: Response) -> Any:
    if not 200 <= response.status < 300 or not response.body:
        return None
    return response.json()
