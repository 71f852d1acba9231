"""The control-plane session, on real sockets."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Timer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.errors import JobUnusable, SignInFailed, Stopped, Unavailable
from stacsync.http import HttpError, RateLimit, Session, SignInRefused, pages
from stacsync.http.retry import LONGEST, SHORTEST, backoff, retry_after
from stacsync.testing import context
from tests.kit.scripted import Asked, Reply, Script, reply, serving


class Sleeps:
    """Waiting that takes no time, and remembers how long it should have taken."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


class Counting:
    """Credentials that change with each renewal."""

    def __init__(self, renewable: bool = True) -> None:
        self.number = 1
        self.renewals = 0
        self.renewable = renewable

    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer token-{self.number}"}

    def refresh(self) -> bool:
        self.renewals += 1
        self.number += 1
        return self.renewable


@pytest.fixture
def script() -> Iterator[Script]:
    with serving() as found:
        yield found


@pytest.fixture
def other() -> Iterator[Script]:
    with serving() as found:
        yield found


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


def session(script: Script, sleeps: Sleeps | None = None, **options: Any) -> Session:
    base = options.pop("base", script.url)
    return Session(base, context=context(sleep=sleeps or Sleeps(), state_dir="."), **options)


def test_paths_are_below_the_base(script: Script) -> None:
    """A path is joined to the base address with its own path; an absolute address stays what it is."""
    found = session(script, base=f"{script.url}/api/v1/")
    found.get_json("/jobs", {"limit": 3, "state": ["a", "b"], "none": None})
    found.get_json(f"{script.url}/elsewhere?x=1", {"y": 2})
    assert [asked.path for asked in script.asked] == ["/api/v1/jobs?limit=3&state=a&state=b", "/elsewhere?x=1&y=2"]


@pytest.mark.parametrize("path", ["/jobs/../results", "/jobs/./results", "..", "/jobs/..?page=1"])
def test_an_id_that_leads_elsewhere_is_never_asked_for(script: Script, path: str) -> None:
    """A path with a step upwards in it, made of somebody's id, is refused before anything is sent."""
    with pytest.raises(JobUnusable, match="lead to another address"):
        session(script).get_json(path)
    assert script.asked == []


def test_json_is_read_with_its_oddities(script: Script) -> None:
    """NaN and infinities, which JSON does not know, are null; gzip is fine; an empty answer is None."""
    script.replies = [
        Reply(body=b'{"a": NaN, "b": [-Infinity, 1]}'),
        Reply(body=gzip.compress(b"[1]"), headers={"Content-Encoding": "gzip"}),
        Reply(204, b""),
    ]
    found = session(script)
    assert found.get_json("/") == {"a": None, "b": [None, 1]}
    assert found.get_json("/") == [1]
    assert found.get_json("/") is None


@pytest.mark.parametrize(
    ("body", "content_type", "word"),
    [
        (b"<!DOCTYPE html><p>Sign in</p>", "text/html", "web page"),
        (b"not json", "application/json", "no JSON"),
        (b"[" * 100_000, "application/json", "no JSON"),
        (b'{"NaN' + b"[" * 100_000, "application/json", "no JSON"),
    ],
)
def test_what_is_no_json_is_unavailable(script: Script, body: bytes, content_type: str, word: str) -> None:
    """A web page, garbage or bottomless nesting where JSON was due ends in one clear error, not in a crash."""
    script.replies = [Reply(body=body, headers={"Content-Type": content_type})]
    with pytest.raises(HttpError, match=word):
        session(script).get_json("/")


def test_an_endless_answer_is_refused(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a listing longer than the bound, compressed or not."""
    monkeypatch.setattr("stacsync.http.response.BODY_LIMIT", 1000)
    monkeypatch.setattr("stacsync.http.response.join.__defaults__", (1000,))
    script.replies = [Reply(body=gzip.compress(b"0" * 100_000), headers={"Content-Encoding": "gzip"})]
    with pytest.raises(HttpError, match="more than"):
        session(script).get_json("/")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_troubles_are_tried_again(script: Script, sleeps: Sleeps, status: int) -> None:
    """Throttling and server errors are tried again, after a pause."""
    script.replies = [reply({}, status), reply({}, status), reply({"ok": 1})]
    assert session(script, sleeps).get_json("/") == {"ok": 1}
    assert len(sleeps.slept) == 2


def test_other_refusals_are_not_tried_again(script: Script, sleeps: Sleeps) -> None:
    """A 404 is an answer: it is told at once, with the provider's own code and words."""
    script.replies = [reply({"code": "JobNotFound", "message": "The batch job 'x' does not exist."}, 404)]
    with pytest.raises(HttpError) as found:
        session(script, sleeps).get_json("/jobs/x")
    assert (found.value.status, found.value.code) == (404, "JobNotFound")
    assert "does not exist" in str(found.value)
    assert sleeps.slept == []


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        (
            {"error": {"status": 429, "code": "RATE_LIMIT_EXCEEDED", "message": "Slow down"}},
            "RATE_LIMIT_EXCEEDED",
            "Slow",
        ),
        ({"error": "invalid_grant", "error_description": "expired"}, "invalid_grant", "expired"),
        ({"title": "Bad", "detail": "field x"}, None, "field x"),
        (["odd"], None, "answers 400"),
    ],
)
def test_errors_are_read_in_all_their_shapes(script: Script, document: object, code: str | None, words: str) -> None:
    """Each provider tells its errors in another shape; code and message are found in all of them."""
    script.replies = [reply(document, 400)]
    with pytest.raises(HttpError, match=words) as found:
        session(script).get_json("/")
    assert found.value.code == code


def test_errors_tell_no_secret(script: Script) -> None:
    """Signed addresses and tokens in an error body do not reach the message, and a long body is cut."""
    script.replies = [reply({"message": "see https://s3.example/x?X-Amz-Signature=abcdef " + "x" * 5000}, 400)]
    with pytest.raises(HttpError) as found:
        session(script).get_json("/secret?token=topsecret")
    assert "abcdef" not in str(found.value) + found.value.body
    assert "topsecret" not in str(found.value)
    assert len(str(found.value)) < 600


def test_it_gives_up_in_the_end(script: Script, sleeps: Sleeps) -> None:
    """A server that stays down is asked five times, not for ever."""
    script.replies = [reply({}, 503)]
    with pytest.raises(HttpError) as found:
        session(script, sleeps).get_json("/")
    assert found.value.status == 503
    assert len(script.asked) == 5


def test_a_used_up_quota_is_told_with_what_every_provider_has(script: Script, sleeps: Sleeps) -> None:
    """The way out of a 429 names no setting that other kinds of providers know nothing of."""
    script.replies = [reply({}, 429)]
    with pytest.raises(HttpError) as found:
        session(script, sleeps).get_json("/")
    assert "schedule" in found.value.remedy
    assert "requests_per_minute" not in found.value.remedy


def test_it_keeps_to_its_deadline(script: Script, sleeps: Sleeps) -> None:
    """Pauses that would end after the deadline are not begun."""
    script.replies = [reply({}, 503, Retry_After="100")]
    with pytest.raises(HttpError):
        session(script, sleeps, deadline=150).get_json("/")
    assert len(script.asked) == 2


def test_a_slow_drip_does_not_hold_it_for_ever(script: Script) -> None:
    """A server that sends a byte now and then is left when the time is over."""
    script.replies = [Reply(body=b"0" * 10_000, slow=0.01)]
    with pytest.raises(Unavailable):
        session(script, deadline=0.2, timeout=(1, 0.5)).get_json("/")


def test_broken_connections_are_tried_again(script: Script, sleeps: Sleeps) -> None:
    """A body that breaks off is asked for again."""
    script.replies = [Reply(body=b'{"a": 12345}', cut=3), reply({"ok": 1})]
    assert session(script, sleeps).get_json("/") == {"ok": 1}


def test_nobody_there_is_unavailable(sleeps: Sleeps) -> None:
    """A refused connection is tried again and then told with a reason and without the query."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable, match="refused") as found:
        Session(url, context=context(sleep=sleeps, state_dir=".")).get_json("/x?token=topsecret")
    assert len(sleeps.slept) == 4
    assert "topsecret" not in str(found.value)


def test_waiting_can_be_stopped(script: Script) -> None:
    """A pause between two attempts ends when the process is asked to stop."""
    stop = Event()
    stop.set()
    script.replies = [reply({}, 503)]
    with pytest.raises(Stopped):
        Session(script.url, context=context(stop=stop, state_dir=".")).get_json("/")


def test_accepted_statuses_are_answers(script: Script) -> None:
    """A status that the caller expects is no error and not tried again, even if it usually would be."""
    script.replies = [reply({"x": 1}, 404), reply({"x": 1}, 503)]
    found = session(script)
    assert found.get_json("/", accept_statuses={404}) is None
    assert found.request("GET", "/", accept_statuses={503}).json() == {"x": 1}


def test_credentials_stay_at_their_origin(script: Script, other: Script) -> None:
    """Neither the token nor a caller's own header goes to another origin, by link or by redirect."""
    script.answer = lambda asked: (
        Reply(302, b"", {"Location": f"{other.url}/landed"}) if asked.path == "/go" else reply({})
    )
    trusted = [other.url.removeprefix("http://")]
    found = session(script, auth=Counting(), trusted=trusted)
    found.get_json("/go", headers={"X-Api-Key": "k"})
    found.get_json(f"{other.url}/direct", headers={"X-Api-Key": "k"})
    assert script.asked[0].headers["authorization"] == "Bearer token-1"
    assert [asked.path for asked in other.asked] == ["/landed", "/direct"]
    for asked in other.asked:
        assert "authorization" not in asked.headers
        assert "x-api-key" not in asked.headers


def test_private_addresses_are_not_asked(script: Script, other: Script) -> None:
    """A provider cannot send us to a machine inside our own network."""
    script.replies = [Reply(302, b"", {"Location": f"{other.url}/admin"})]
    with pytest.raises(Unavailable, match="not asked"):
        session(script).get_json("/")
    assert other.asked == []


def test_a_post_is_not_carried_to_another_host(script: Script, other: Script) -> None:
    """What is posted is meant for the provider alone."""
    script.replies = [Reply(307, b"", {"Location": f"{other.url}/"})]
    with pytest.raises(Unavailable, match="another host"):
        session(script, trusted=[other.url.removeprefix("http://")]).post_json("/", json={"secret": 1})
    assert other.asked == []


def test_redirects_end(script: Script) -> None:
    """Five redirects are followed, a circle is not."""
    script.replies = [Reply(302, b"", {"Location": "/again"})]
    with pytest.raises(Unavailable, match="redirects more than 5"):
        session(script).get_json("/")
    assert len(script.asked) == 6


def test_a_redirected_post_becomes_a_get(script: Script) -> None:
    """303 says where to look; 308 says to post it there."""
    script.replies = [
        Reply(303, b"", {"Location": "/seen"}),
        reply({}),
        Reply(308, b"", {"Location": "/there"}),
        reply({}),
    ]
    found = session(script)
    found.post_json("/", json={"a": 1})
    found.post_json("/", data={"a": "1"})
    assert [(asked.method, asked.path, asked.body) for asked in script.asked] == [
        ("POST", "/", b'{"a":1}'),
        ("GET", "/seen", b""),
        ("POST", "/", b"a=1"),
        ("POST", "/there", b"a=1"),
    ]


def test_a_refused_token_is_renewed_once(script: Script) -> None:
    """401 leads to one renewal and one more try."""
    script.answer = lambda asked: (
        reply({"ok": 1}) if asked.headers["authorization"] == "Bearer token-2" else reply({}, 401)
    )
    auth = Counting()
    assert session(script, auth=auth).get_json("/") == {"ok": 1}
    assert auth.renewals == 1


def test_many_threads_renew_once(script: Script) -> None:
    """Sixteen requests that are refused with the same token lead to one renewal, not to sixteen."""
    script.answer = lambda asked: (
        reply({"ok": 1}) if asked.headers["authorization"] == "Bearer token-2" else reply({}, 401)
    )
    auth = Counting()
    found = session(script, auth=auth)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _: found.get_json("/"), range(16))) == [{"ok": 1}] * 16
    assert auth.renewals == 1


@pytest.mark.parametrize("renewable", [True, False])
def test_a_refused_account_fails_to_sign_in(script: Script, renewable: bool) -> None:
    """When renewal does not help, the error is one of signing in, with a hint at the credentials."""
    script.replies = [reply({"code": "AuthenticationRequired", "message": "Unauthorized."}, 401)]
    with pytest.raises(SignInFailed, match="credentials") as found:
        session(script, auth=Counting(renewable)).get_json("/")
    assert isinstance(found.value, SignInRefused)
    assert found.value.code == "AuthenticationRequired"


def test_a_refusal_elsewhere_says_nothing_of_our_token(script: Script, other: Script) -> None:
    """401 from a host that a redirect led to does not use up our credentials."""
    script.replies = [Reply(302, b"", {"Location": f"{other.url}/"})]
    other.replies = [reply({}, 401)]
    auth = Counting()
    with pytest.raises(HttpError):
        session(script, auth=auth, trusted=[other.url.removeprefix("http://")]).get_json("/")
    assert auth.renewals == 0


def test_stopping_ends_an_answer_that_comes_slowly(script: Script) -> None:
    """An answer that is still arriving is left when the process is asked to stop."""
    stop = Event()
    script.replies = [Reply(body=b"0" * 10_000, slow=0.01)]
    found = Session(script.url, context=context(stop=stop, state_dir="."))
    timer = Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        found.get_json("/")
    timer.join()


def test_what_counts_as_refused_can_be_told(script: Script) -> None:
    """Some providers refuse a token with 403 and a code."""
    script.answer = lambda asked: (
        reply({}) if asked.headers["authorization"] == "Bearer token-2" else reply({"code": "TokenInvalid"}, 403)
    )
    auth = Counting()
    session(script, auth=auth, is_refused=lambda answer: answer.code == "TokenInvalid").get_json("/")
    assert auth.renewals == 1


def test_cookies_and_netrc_are_not_used(script: Script, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing signs us in behind our back."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    script.replies = [reply({}, Set_Cookie="session=1"), reply({})]
    found = session(script)
    found.get_json("/")
    found.get_json("/")
    assert all("authorization" not in asked.headers and "cookie" not in asked.headers for asked in script.asked)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "unit", "seconds"),
    [
        ("7", "seconds", 7.0),
        ("1.5", "seconds", 1.5),
        ("2500", "milliseconds", 2.5),
        ("Thu, 01 Jan 2026 00:00:30 GMT", "seconds", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", "milliseconds", 30.0),
        ("Thu, 01 Jan 2020 00:00:30 GMT", "seconds", SHORTEST),
        ("86400", "seconds", LONGEST),
        ("-3", "seconds", SHORTEST),
        ("inf", "seconds", LONGEST),
        ("nan", "seconds", None),
        ("soon", "seconds", None),
        ("", "seconds", None),
    ],
)
def test_retry_after_is_understood(header: str, unit: Any, seconds: float | None) -> None:
    """Seconds, milliseconds where a provider counts them, and HTTP dates, within bounds."""
    assert retry_after({"Retry-After": header}, NOW, unit) == seconds


@given(st.text(max_size=40))
def test_no_header_breaks_it(text: str) -> None:
    """Whatever the header holds, there is a pause within bounds or none."""
    found = retry_after({"Retry-After": text}, NOW)
    assert found is None or SHORTEST <= found <= LONGEST


@given(st.integers(0, 50), st.none() | st.floats(SHORTEST, LONGEST))
def test_pauses_are_bounded(attempt: int, hint: float | None) -> None:
    """A pause is never shorter than what was asked for, and never longer than two minutes."""
    pause = backoff(attempt, hint)
    assert (hint or SHORTEST) <= pause <= LONGEST


def test_a_wished_pause_holds_everybody(script: Script, sleeps: Sleeps) -> None:
    """What one thread was told to wait, the others wait too: they share the quota."""
    script.replies = [reply({}, 429, Retry_After="9"), reply({}), reply({})]
    found = session(script, sleeps, monotonic=lambda: 1000.0)
    found.get_json("/")
    found.get_json("/")
    assert sum(1 for pause in sleeps.slept if pause >= 9) >= 2


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.floats(0.5, 600), st.integers(1, 60))
def test_no_minute_sees_more_than_the_limit(per_minute: float, requests: int) -> None:
    """In any window of a minute at most so many requests begin, and none waits longer than it has to."""
    clock = Clock()
    limit = RateLimit(per_minute, clock.sleep, clock)
    begun = []
    for _ in range(requests):
        limit.wait()
        begun.append(clock.now)
    allowed = max(1, int(per_minute))
    for first, after in zip(begun, begun[allowed:], strict=False):
        assert after - first >= 60 * allowed / per_minute - 1e-6
    assert begun[-1] - begun[0] <= 60 / per_minute * requests + 1e-6


def test_without_a_limit_nobody_waits() -> None:
    """No limit, no pause, no waiting."""
    clock = Clock()
    limit = RateLimit(None, clock.sleep, clock)
    for _ in range(1000):
        limit.wait()
    assert clock.now == 100.0


def listing(*hrefs: str | None) -> tuple[list[str], Any]:
    asked: list[str] = []
    links = list(hrefs)

    def fetch(url: str) -> str | None:
        asked.append(url)
        return links.pop(0)

    return asked, fetch


def test_pages_are_followed_to_the_end() -> None:
    """Relative and absolute `next` links are followed until there is none."""
    asked, fetch = listing("?page=2", "/jobs?page=3", "https://h.example/jobs?page=4", None)
    assert len(list(pages("https://h.example/jobs", fetch, lambda page: page))) == 4
    assert asked[1:] == [f"https://h.example/jobs?page={number}" for number in (2, 3, 4)]


def test_pages_do_not_go_in_circles() -> None:
    """A page that leads back to one already read ends the listing with an error, after what came was used."""
    _, fetch = listing("?page=2", "?page=1", "?page=2")
    seen: list[str | None] = []
    with pytest.raises(Unavailable, match="circle"):
        seen.extend(pages("https://h.example/jobs?page=1", fetch, lambda page: page))


def test_pages_stay_at_home() -> None:
    """A next page on another host is not asked for."""
    asked, fetch = listing("https://evil.example/jobs")
    with pytest.raises(Unavailable, match="another host"):
        list(pages("https://h.example/jobs", fetch, lambda page: page))
    assert len(asked) == 1


def test_pages_written_with_http_are_asked_over_https() -> None:
    """A back-end behind a TLS proxy may write http; the page is asked where the first one was."""
    asked, fetch = listing("http://h.example/jobs?page=2", None)
    list(pages("https://h.example/jobs", fetch, lambda page: page))
    assert asked[1] == "https://h.example/jobs?page=2"


def test_pages_are_bounded() -> None:
    """A listing that never ends is left with an error."""
    count = iter(range(10**6))
    with pytest.raises(Unavailable, match="more than 50 pages"):
        list(pages("https://h.example/", lambda _: None, lambda _: f"?page={next(count)}", limit=50))


def test_requests_say_who_asks(script: Script) -> None:
    """The provider sees which program asks."""
    session(script).get_json("/")
    asked: Asked = script.asked[0]
    assert asked.headers["user-agent"].startswith("stacsync/")


@pytest.mark.parametrize(
    "proxy", ["http://garbage:99999", "::::", "not a url", "u:hunter22@@x:9", "http://[", "socks5://x:1"]
)
def test_a_proxy_that_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """The remedy names the variable that is wrong, not the provider's url; what it holds is not shown."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(Unavailable, match="the proxy that the environment names") as refused:
        Session("http://provider.example", context=context(state_dir=".")).get_json("/jobs")
    assert "http_proxy" in refused.value.remedy
    assert "url" not in refused.value.remedy
    assert proxy not in str(refused.value)


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that is not there."""
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="through the proxy: connection refused") as refused:
        Session("http://provider.example", context=context(sleep=Sleeps(), state_dir=".")).get_json("/jobs")
    assert refused.value.remedy == "check all_proxy and the network"


def test_a_url_that_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is well is not to blame."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="the address is malformed") as refused:
        Session("http://.provider.example", context=context(state_dir=".")).get_json("/jobs")
    assert refused.value.remedy == "check the configured url"
