"""Tokens: asked for when needed, renewed early, shared by threads, refused with a reason."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import parse_qs

import pytest
from stacsync.errors import SignInFailed, Unavailable
from stacsync.http import HttpError, Session
from stacsync.http.oauth import EARLY, Token, TokenEndpoint, TokenSource, client_credentials, password, refresh_token
from stacsync.testing import context
from tests.kit.scripted import Asked, Script, reply, serving


@pytest.fixture
def script() -> Iterator[Script]:
    with serving() as found:
        yield found


def endpoint(script: Script, **client: Any) -> TokenEndpoint:
    return TokenEndpoint(Session(script.url, context=context(state_dir=".")), f"{script.url}/token", **client)


def form(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}


def test_a_service_signs_in(script: Script) -> None:
    """A client's id and secret go into the form, and the token into the header."""
    script.replies = [reply({"access_token": "t1", "expires_in": 60})]
    source = client_credentials(endpoint(script, client_id="me", client_secret="s&=cret"), scope="a b")
    assert source.headers() == {"Authorization": "Bearer t1"}
    assert form(script.asked[0]) == {
        "grant_type": "client_credentials",
        "scope": "a b",
        "client_id": "me",
        "client_secret": "s&=cret",
    }


def test_the_other_way_is_tried(script: Script) -> None:
    """A server that wants the secret by HTTP Basic gets it so, and from then on at once."""
    basic = f"Basic {base64.b64encode(b'me:secret').decode()}"
    script.answer = lambda asked: (
        reply({"access_token": "t"})
        if asked.headers.get("authorization") == basic
        else reply({"error": "invalid_client"}, 401)
    )
    source = client_credentials(endpoint(script, client_id="me", client_secret="secret"))
    assert source.token() == "t"
    assert source.refresh()
    assert len(script.asked) == 3
    assert "client_secret" not in form(script.asked[-1])


def test_a_user_signs_in(script: Script) -> None:
    """Name and password go into the form; a client without a secret only names itself."""
    script.replies = [reply({"access_token": "t"})]
    password(endpoint(script, client_id="web"), "anna", "pw", scope="openid").token()
    assert form(script.asked[0]) == {
        "grant_type": "password",
        "username": "anna",
        "password": "pw",
        "scope": "openid",
        "client_id": "web",
    }


class Store:
    """A refresh token in memory."""

    def __init__(self) -> None:
        self.tokens = ["r0"]

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def load(self) -> str:
        return self.tokens[-1]

    def save(self, token: str) -> None:
        self.tokens.append(token)


def test_rotated_tokens_are_kept(script: Script) -> None:
    """A new refresh token replaces the old one; when none comes the old one stays."""
    script.replies = [reply({"access_token": "t1", "refresh_token": "r1"}), reply({"access_token": "t2"})]
    store = Store()
    source = refresh_token(endpoint(script, client_id="me"), store)
    assert source.token() == "t1"
    assert source.refresh()
    assert [form(asked)["refresh_token"] for asked in script.asked] == ["r0", "r1"]
    assert store.tokens == ["r0", "r1"]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_one_of_signing_in(script: Script, status: int) -> None:
    """What the token endpoint refuses is a matter of credentials, and its words are told."""
    script.replies = [reply({"error": "invalid_grant", "error_description": "Token is not active"}, status)]
    with pytest.raises(SignInFailed, match="not active") as found:
        client_credentials(endpoint(script, client_id="me", client_secret="topsecret")).token()
    assert "topsecret" not in str(found.value)
    assert isinstance(found.value, HttpError)
    assert found.value.code == "invalid_grant"


def test_a_dead_endpoint_is_no_refusal(script: Script) -> None:
    """A token endpoint that is down says nothing of the credentials."""
    script.replies = [reply({}, 503)]
    with pytest.raises(Unavailable) as found:
        client_credentials(endpoint(script, client_id="me", client_secret="s")).token()
    assert not isinstance(found.value, SignInFailed)


@pytest.mark.parametrize("answer", [[], {}, {"access_token": 3}])
def test_an_answer_without_token(answer: object) -> None:
    """An answer that holds no token is told as such."""
    with pytest.raises(SignInFailed, match="access_token"):
        Token.from_answer(answer)


@pytest.mark.parametrize("life", [None, "soon", [], {}])
def test_an_odd_life_is_none(life: object) -> None:
    """A life that is no number means that the server does not say."""
    assert Token.from_answer({"access_token": "t", "expires_in": life}).expires_in is None


def test_tokens_are_renewed_early() -> None:
    """A token is used for most of its life and renewed before its end, whatever the wall clock says."""
    now = [0.0]
    made: list[Token] = []

    def fetch() -> Token:
        made.append(Token(access=f"t{len(made)}", expires_in=100))
        return made[-1]

    source = TokenSource(fetch, monotonic=lambda: now[0])
    assert source.token() == "t0"
    now[0] = 100 * EARLY - 1
    assert source.token() == "t0"
    now[0] = 100 * EARLY
    assert source.token() == "t1"


def test_threads_share_a_token() -> None:
    """However many threads begin at once, one token is fetched."""
    made: list[Token] = []

    def fetch() -> Token:
        made.append(Token(access="t"))
        return made[-1]

    source = TokenSource(fetch)
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: source.token(), range(64))) == {"t"}
    assert len(made) == 1


def test_tokens_do_not_show() -> None:
    """A token is in no repr."""
    assert "secret" not in repr(Token(access="secret", refresh="secret"))
