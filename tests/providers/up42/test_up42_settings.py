"""What a UP42 table takes and refuses, and the small pure parts: envelopes, tokens, addresses, names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from stacsync.errors import SignInFailed
from stacsync.providers.up42.names import slug, without_private
from stacsync.providers.up42.settings import Up42Settings
from stacsync.providers.up42.times import instant
from stacsync.providers.up42.v1.client import read_token
from stacsync.providers.up42.v1.envelope import EnvelopeError, is_refusal, unwrap
from stacsync.providers.up42.v2.addresses import own, public

V2 = {"kind": "up42", "username": "me@example.com", "password": "a-password"}
V1 = {"kind": "up42", "api": "v1", "project_id": "p", "project_api_key": "a-project-key"}
BASE = "https://api.up42.com"


def test_defaults_of_v2() -> None:
    """A name and a password are enough."""
    settings = Up42Settings.model_validate(V2)
    assert (settings.api, settings.url, settings.grouping) == ("v2", BASE, "process")
    assert settings.token_url == "https://auth.up42.com/realms/public/protocol/openid-connect/token"
    assert settings.give_up_after == timedelta(days=3)
    assert settings.originals is False
    assert "a-password" not in repr(settings)
    assert "me@example.com" not in repr(settings)


def test_defaults_of_v1() -> None:
    """A project and its key are enough."""
    settings = Up42Settings.model_validate(V1)
    assert (settings.grouping, settings.every_task) == ("workflow", False)
    assert settings.token_url == "https://api.up42.com/oauth/token"
    assert "a-project-key" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://auth.sa.up42.com", "https://auth.sa.up42.com/realms/public/protocol/openid-connect/token"),
        ("https://a.example/realms/public", "https://a.example/realms/public/protocol/openid-connect/token"),
        ("https://a.example/own/token", "https://a.example/own/token"),
    ],
)
def test_auth_url_in_three_lengths(given: str, asked: str) -> None:
    """`auth_url` may be the service, its realm or the token endpoint itself."""
    assert Up42Settings.model_validate({**V2, "auth_url": given}).token_url == asked


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"kind": "up42"}, "username"),
        ({"kind": "up42", "username": "me"}, "password"),
        ({"kind": "up42", "api": "v1"}, "project_id"),
        ({**V1, "project_api_key": None}, "project_api_key"),
        ({**V2, "project_id": "p"}, "project_id"),
        ({**V2, "tasks": "all"}, "tasks"),
        ({**V1, "username": "me"}, "username"),
        ({**V1, "workspace_id": "w"}, "workspace_id"),
        ({**V1, "originals": True}, "originals"),
        ({**V1, "give_up_after": "1h"}, "give_up_after"),
        ({**V1, "stac_path": "/stac"}, "stac_path"),
        ({**V1, "collection_by": "process"}, "collection_by"),
        ({**V2, "collection_by": "workflow"}, "collection_by"),
        ({**V2, "api": "v3"}, "api"),
        ({**V2, "give_up_after": "soon"}, "give_up_after"),
        ({**V2, "colour": "blue"}, "colour"),
    ],
)
def test_refused_tables(table: dict[str, Any], key: str) -> None:
    """A missing key, one of the other API or an unknown one is refused by its name, and no value is shown."""
    with pytest.raises(ValidationError) as refusal:
        Up42Settings.model_validate(table)
    assert (key,) in [error["loc"] for error in refusal.value.errors()]
    assert "a-password" not in str(refusal.value)


def test_api_in_capitals() -> None:
    """`V1` means `v1`."""
    assert Up42Settings.model_validate({**V1, "api": "V1"}).api == "v1"


@pytest.mark.parametrize("nothing", [None, {}, "None", ""])
def test_no_error_in_all_spellings(nothing: Any) -> None:
    """ "No error" is written in several ways, and left out."""
    assert unwrap({"error": nothing, "data": [1]}) == [1]
    assert unwrap({"data": []}) == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (404, 404),
        ("404", 404),
        ("RESOURCE_NOT_FOUND", 404),
        ("UNAUTHORIZED", 401),
        ("TOO_MANY_REQUESTS", 429),
        ("VALIDATION_ERROR", 400),
        ("BRAND_NEW", None),
        (None, None),
        (True, None),
    ],
)
def test_error_codes(code: Any, status: int | None) -> None:
    """Codes are numbers, digits or words; each means the same status."""
    with pytest.raises(EnvelopeError) as error:
        unwrap({"data": None, "error": {"code": code, "message": "no"}})
    assert error.value.status == status


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"error": "broken"}, {"error": {}}])
def test_no_envelope(answer: Any) -> None:
    """What is no envelope is an error, not an empty answer."""
    with pytest.raises(EnvelopeError):
        unwrap(answer)


def test_refusal_in_a_good_status() -> None:
    """An answer of status 200 that says UNAUTHORIZED is told from one that only talks about errors."""
    assert is_refusal(b'{"error":{"code":"UNAUTHORIZED","message":"ACCESS_TOKEN_EXPIRED"}}')
    assert is_refusal(b'{"error":{"code":401}}')
    assert not is_refusal(b'{"error":{"code":404}}')
    assert not is_refusal(b'{"error":null,"data":[]}')
    assert not is_refusal(b'"error"')
    assert not is_refusal(b'{"error":')


def test_recorded_token(recording: Callable[[str], Any]) -> None:
    """The token is read from either of its places and lives five minutes unless told otherwise."""
    answer = recording("legacy_token_and_fixtures.json")["token"]
    assert (read_token(answer).access, read_token(answer).expires_in) == ("token_123", 300)
    assert read_token({"data": answer["data"]}).access == "token_123"
    assert read_token({"access_token": "t", "expires_in": 60}).expires_in == 60
    assert "token_123" not in repr(read_token(answer))


@pytest.mark.parametrize("answer", [None, {}, {"data": {}}, {"error": {"code": 401, "message": "Bad credentials"}}])
def test_answers_without_a_token(answer: Any) -> None:
    """An answer without a token is a failed sign-in."""
    with pytest.raises(SignInFailed):
        read_token(answer)


@pytest.mark.parametrize(
    ("href", "base", "asked"),
    [
        ("/v2/processing/jobs?page=2", BASE, f"{BASE}/v2/processing/jobs?page=2"),
        ("http://api.up42.com/v2/x?limit=1", BASE, f"{BASE}/v2/x?limit=1"),
        ("https://api.up42.com/v2/x", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v2/x"),
        ("http://gateway.example/v2/x", "https://gateway.example:8443", "https://gateway.example:8443/v2/x"),
        ("http://127.0.0.1:8000/v2/x", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v2/x"),
        ("http://127.0.0.1:9999/v2/x", "http://127.0.0.1:8000", None),
        ("https://tracker.example/v2/x", BASE, None),
        ("https://api.up42.com.tracker.example/x", BASE, None),
        ("https://api.up42.com@tracker.example/x", BASE, None),
        ("https://me:secret@api.up42.com/x", BASE, None),
        ("s3://api.up42.com/x", BASE, None),
        ("http://[", BASE, None),
    ],
)
def test_own_addresses(href: str, base: str, asked: str | None) -> None:
    """Links to the API are asked at the configured address, never over plainer transport; others are not its own."""
    assert own(href, base) == asked


@pytest.mark.parametrize(
    ("href", "shown"),
    [
        ("https://tiles.example/a.tif", True),
        ("http://tiles.example/a.tif?band=1", True),
        ("https://tiles.example/a.tif?X-Amz-Signature=abc", False),
        ("https://tiles.example/a.tif?token=abcdefgh", False),
        ("https://me:secret@tiles.example/a.tif", False),
        ("s3://bucket/a.tif", False),
        ("a.tif", False),
        ("https://[", False),
    ],
)
def test_public_addresses(href: str, shown: bool) -> None:
    """Only absolute http(s) addresses without user, signature or token may be published."""
    assert public(href) == (href if shown else None)


@given(st.text(max_size=40), st.text(max_size=40))
def test_slugs(one: str, other: str) -> None:
    """A slug is safe, and different names have different ones."""
    assert slug(one).replace("-", "").replace(".", "").replace("_", "").isalnum() or slug(one) == one
    assert (slug(one) == slug(other)) == (one == other)


def test_private_fields() -> None:
    """Fields that name accounts, workspaces or people go, at any depth and in any spelling."""
    given = {
        "up42-system:account_id": 1,
        "accountID": 1,
        "a": [{"userId": 1, "workspace_id": 1, "b": 2}],
        "createdBy": {},
    }
    assert without_private(given) == {"a": [{"b": 2}]}


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_instants_of_anything(value: Any) -> None:
    """Whatever is given, the answer is a time in UTC or none."""
    moment = instant(value)
    assert moment is None or moment.utcoffset() == timedelta(0)
