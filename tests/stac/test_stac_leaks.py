"""What must never be published is found wherever in a document it stands, whatever stands around it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.stac.clean import leaks

TEXT = st.text(st.sampled_from('ab:",{}[]\\ \n\t\u2028é/'), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
SECRETS: list[tuple[str, Any]] = [
    ("password", "x"),
    (":password", "x"),
    ("x:userId", 1),
    ('acc"ess_token', "x"),
    ("note", "see https://h.example/a?X-Amz-Signature=0f"),
    ("note", "Authorization:\nBearer abcdefghijklmnopqrstuvwxyz"),
    ("note", "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl"),
    ("note", 'say "https://user:word@h.example/"'),
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
@given(before=JSON, after=JSON, beside=st.dictionaries(TEXT, JSON, max_size=4))
def test_a_secret_is_found_anywhere(key: str, value: Any, before: Any, after: Any, beside: dict[str, Any]) -> None:
    """Among neighbours of every shape, deep in lists and objects, it is told once at least."""
    document = {"a": before, "list": ["s", {**beside, key: value}, after]}
    assert [place for place in leaks(document) if place.startswith("/list/1/")]


@given(JSON)
def test_harmless_documents_are_let_pass(document: Any) -> None:
    """Made of letters that spell no secret, no document is accused."""
    assert list(leaks({"a": document})) == []
