"""STAC documents in packages are stored without what they must not tell; every other file as it is."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.mirror.disclosure import disclosed
from stacsync.stac import clean

SIGNED = "https://storage.example/x.tif?X-Amz-Signature=abc"


def test_a_stac_document_loses_signed_addresses_and_names_of_accounts() -> None:
    """Links keep their places, what is signed becomes nothing, everything else stays."""
    document = {
        "type": "Feature",
        "stac_version": "0.1.0",
        "properties": {"gsd": 30, "created_by": "user-1"},
        "assets": {"a": {"href": SIGNED}, "b": {"href": "./b.tif"}},
    }
    stored = orjson.loads(disclosed(orjson.dumps(document)))
    assert stored["properties"] == {"gsd": 30}
    assert stored["assets"] == {"a": {}, "b": {"href": "./b.tif"}}
    assert stored["stac_version"] == "0.1.0"


@pytest.mark.parametrize(
    "data",
    [
        b'{"stac_version": "1.0.0",  "id": "no secret, odd   spacing"}',
        b'{"type": "Feature", "properties": {"owner": "a cadastre may say so"}}',
        b'{"stac_version": broken',
        b'["stac_version", "https://h.example/?sig=1"]',
        b'\x00\x01binary with "stac_version" in it',
        b"",
    ],
)
def test_other_files_are_stored_byte_for_byte(data: bytes) -> None:
    """A document without secrets, data, broken JSON and binary files are not touched."""
    assert disclosed(data) == data


VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.sampled_from(["plain", SIGNED, "Bearer abcdefghijklmnopqrstuvwx"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["href", "created_by", "token", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["properties", "assets", "links", "user_id"]), VALUES, max_size=4))
def test_nothing_is_left_to_disclose(body: dict[str, object]) -> None:
    """What is stored of a STAC document leaks nothing, and is stored alike when it is looked at again."""
    stored = disclosed(orjson.dumps({**body, "stac_version": "1.0.0"}))
    assert list(clean.leaks(orjson.loads(stored))) == []
    assert disclosed(stored) == stored
