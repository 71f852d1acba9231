"""Keys and attributes, whatever comes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stacsync.errors import ConfigError, StorageError
from stacsync.storage import keys, open_storage
from stacsync.storage.folder import FolderStorage
from stacsync.storage.options import bucket_of, folder_of, scheme_of

TRICKY = st.lists(st.sampled_from(["..", ".", "", "a", "b.json", "\\", "%2e%2e", "\0", "ü", "~", " "]), max_size=6).map(
    "/".join
)
NAMES = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12).filter(
    lambda name: name not in {".", ".."} and "/" not in name and "\\" not in name and name.isprintable()
)


@given(st.one_of(TRICKY, st.text(max_size=40)))
def test_no_key_leaves_the_root(key: str) -> None:
    """Whatever text is taken for a key names a place below the root, and no two keys name the same place."""
    if keys.valid(key):
        joined = os.path.normpath(f"/root/{key}")
        assert joined == f"/root/{key}"
        assert not key.startswith("/")


@settings(max_examples=40)
@given(st.lists(NAMES, min_size=1, max_size=4).map("/".join), st.binary(max_size=64))
def test_every_key_of_plain_names_works(key: str, data: bytes) -> None:
    """A key of printable names is written, found in its place, listed and deleted without a trace."""
    with TemporaryDirectory() as folder:
        store = FolderStorage(Path(folder), clock=lambda: datetime.now(UTC))
        store.put(key, data, content_type="text/plain")
        assert store.get(key) == data
        assert (Path(folder) / key).read_bytes() == data
        assert [found.key for found in store.list()] == [key]
        store.delete([key])
        assert list(store.list()) == []
        assert [path.name for path in Path(folder).iterdir()] == [".stacsync"]


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5))
def test_attributes_survive_as_one_ascii_line(attributes: dict[str, str]) -> None:
    """Any short texts become one line that an HTTP header can carry, and come back."""
    packed = keys.pack(attributes)
    assert packed is None or (packed.isascii() and packed.isprintable())
    assert keys.unpack(packed) == attributes


@given(st.one_of(st.text(), st.binary()))
def test_foreign_attributes_are_none(text: str | bytes) -> None:
    """What somebody else left in our place is never an error."""
    assert isinstance(keys.unpack(text), dict)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3:",
        "s3://",
        "s3://a@b/c",
        "s3://bkt/a/../b",
        "s3://bkt/?x=1",
        "file://host/x",
        "file://",
        "/srv/x",
        "https://x/y",
        "s3://b:9/x",
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str) -> None:
    """A wrong storage.url is refused at once, naming the setting and what is allowed, never the text itself."""

    class Options:
        endpoint_url = region = access_key_id = secret_access_key = ca_bundle = None

        def __init__(self, url: str) -> None:
            self.url = url

    with pytest.raises(ConfigError, match=r"storage\.url: .*file:///absolute/folder"):
        open_storage(Options(url))


def test_urls() -> None:
    """A bucket's URL tells bucket and prefix, with or without slashes; a folder's its path, unquoted."""
    assert bucket_of("s3://bkt") == bucket_of("s3://bkt/") == ("bkt", "")
    assert bucket_of("s3://bkt/a/b/") == ("bkt", "a/b")
    assert folder_of("file:///srv/a%20b") == Path("/srv/a b")
    assert folder_of("file://localhost/srv") == Path("/srv")
    assert scheme_of("s3://bkt/x") == "s3"


def test_too_many_attributes_are_refused() -> None:
    """The limit is told."""
    with pytest.raises(StorageError, match=str(keys.ATTRIBUTES_LIMIT)):
        keys.pack({"x": "y" * keys.ATTRIBUTES_LIMIT})
