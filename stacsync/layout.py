"""Every id, key and href of the catalog, made in this one place. Pure.

A *key* is a place below the storage root: `/`-separated segments of `[A-Za-z0-9._-]`, none empty, none starting with a
dot, at most 1,024 bytes in all. An *href* is how one document names another: relative, without a leading `./`.

    catalog.json                                             the root
    collections.json                                         every Collection, for search servers
    <provider>/catalog.json                                  a configured provider
    <provider>/by-month/<yyyy-mm>/…/catalog.json             its Collections by month, once they are many
    <provider>/<collection>/collection.json
    <provider>/<collection>/items.parquet
    <provider>/<collection>/preview.webp                     where its Items lie, and what they look like
    <provider>/<collection>/by-month/<yyyy-mm>/…/catalog.json    its Items by month, once they are many
    <provider>/<collection>/<item>/<item>.json               an Item, with its assets beside it
    <provider>/<collection>/assets/<job>/…                   files that belong to a Collection as a whole
    <provider>/packages/<job>/<package>/…                    files that came out of a package, in their own tree
    .stacsync/…                                              our own state: lease, edition, probes, uploads; nobody links to it
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256

ROOT = "catalog.json"
COLLECTIONS = "collections.json"
STATE = ".stacsync"
ZARR_METADATA = frozenset({".zmetadata", ".zgroup", ".zattrs", ".zarray", "zarr.json"})
"""Files of a Zarr store that tell readers what is there."""
UPLOAD_NOTES = f"{STATE}/upload-notes"
EDITION = f"{STATE}/edition"
"""Names the edition of the catalog that the store holds."""
SEGMENT_LIMIT = 180
"""Bytes: keys are ASCII."""
KEY_LIMIT = 1024
"""Bytes of a whole key, as S3 has it."""
MADE_HERE = frozenset({"items.parquet", "preview.webp"})
"""Names of files that are made of a Collection's Items, and never mirrored."""
RESERVED = frozenset(
    {
        "assets",
        "by-month",
        "packages",
        "catalog.json",
        "collection.json",
        "collections.json",
        *MADE_HERE,
    }
)
"""Names that documents of ours take beside items and assets; a foreign name that equals one gets a suffix."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MARK = re.compile(r"(?=[0-9a-f]{0,7}[a-f])[0-9a-f]{8}")
_MARKED = re.compile(rf"-{_MARK.pattern}(\.[^.]{{1,8}})?$")


def digest(text: str, length: int = 8) -> str:
    """Return the first `length` hex digits of the SHA-256 of `text`."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def mark(text: str) -> str:
    """Return eight hex digits of the SHA-256 of `text`, at least one of them a letter."""
    found = _MARK.search(digest(text, 64))
    return found[0] if found else f"{digest(text, 7)}a"


def segment(name: str) -> str:
    """Return `name` as one safe path segment; different names give different segments.

    A name that is already safe stays as it is. Any other is cleaned and gets a hash of the original, so that `a:b` and
    `a/b` stay apart; so does one that looks as if it had such a hash (a letter among its hex digits: no date does). The
    result is never empty, never starts with a dot, and is no reserved name.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    clean = _UNSAFE.sub("-", plain).strip(".-")
    safe = clean and clean == name and len(clean) <= SEGMENT_LIMIT and clean.lower() not in RESERVED
    if safe and not _MARKED.search(clean):
        return clean
    stem, dot, suffix = clean.rpartition(".")
    if not dot or not 0 < len(suffix) <= 8:
        stem, dot, suffix = clean, "", ""
    stem = stem[: SEGMENT_LIMIT - 18].rstrip(".-")
    return f"{stem or 'x'}-{mark(name)}{dot}{suffix}"


def file_segments(files: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a safe segment for each file of a folder, none of them in `taken`; `files` are wished names by asset key.

    No two files share one, on case-blind file systems neither: a name that several wish gets the key of each in front.
    The order in which they are given does not matter.
    """
    plain = {key: posixpath.basename(name) if name.startswith("/") else name for key, name in files.items()}
    often = Counter(name.lower() for name in plain.values())
    wished = sorted((f"{key}-{name}" if often[name.lower()] > 1 else name, key) for key, name in plain.items())
    used = {name.lower() for name in taken}
    chosen: dict[str, str] = {}
    for name, key in wished:
        chosen[key] = _free(segment(name), name, used)
        used.add(chosen[key].lower())
    return chosen


def _free(candidate: str, name: str, used: Collection[str]) -> str:
    """Return `candidate`, with a hash of `name` where it is used already: another one until it is free."""
    stem, dot, suffix = candidate.rpartition(".") if "." in candidate else (candidate, "", "")
    found, seed = candidate, name
    while found.lower() in used:
        found = f"{stem}-{mark(seed)}{dot}{suffix}"
        seed += "\x1f"
    return found


def provider_key(provider: str) -> str:
    """Return the key of a provider's Catalog."""
    return f"{provider}/catalog.json"


def collection_folder(provider: str, collection: str) -> str:
    """Return the folder of a Collection, without a trailing slash."""
    return f"{provider}/{segment(collection)}"


def collection_key(provider: str, collection: str) -> str:
    """Return the key of a Collection."""
    return f"{collection_folder(provider, collection)}/collection.json"


def parquet_key(provider: str, collection: str) -> str:
    """Return the key of a Collection's search index."""
    return f"{collection_folder(provider, collection)}/items.parquet"


def preview_key(provider: str, collection: str) -> str:
    """Return the key of a Collection's own picture."""
    return f"{collection_folder(provider, collection)}/preview.webp"


def picture_key(asset_key: str) -> str | None:
    """Return the key of the picture that is made of the raster at `asset_key`, beside it; None when it would be too long."""
    key = f"{asset_key}.thumbnail.webp"
    return key if len(key) <= KEY_LIMIT else None


def item_folder(provider: str, collection: str, item: str) -> str:
    """Return the folder of an Item and its assets, without a trailing slash; `item` is its published id, a segment."""
    return f"{collection_folder(provider, collection)}/{item}"


def item_key(provider: str, collection: str, item: str) -> str:
    """Return the key of an Item, see `item_folder`."""
    return f"{item_folder(provider, collection, item)}/{item}.json"


def asset_keys(provider: str, collection: str, item: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the key of each file of an Item, by asset key as `files` names them; no two are equal, none is the Item's."""
    folder = item_folder(provider, collection, item)
    chosen = file_segments(files, taken=[posixpath.basename(item_key(provider, collection, item))])
    return {name: f"{folder}/{chosen[name]}" for name in chosen}


def collection_assets_folder(provider: str, collection: str, job: str) -> str:
    """Return the folder of the files that a job gives to a Collection itself, without a trailing slash."""
    return f"{collection_folder(provider, collection)}/assets/{segment(job)}"


def collection_asset_keys(provider: str, collection: str, job: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the key of each file that a job gives to a Collection itself, by asset key; no two are equal."""
    folder = collection_assets_folder(provider, collection, job)
    return {name: f"{folder}/{chosen}" for name, chosen in file_segments(files).items()}


def package_folder(provider: str, job: str, package: str) -> str:
    """Return the folder that the members of a job's package are unpacked into; their tree is kept below it."""
    return f"{provider}/packages/{segment(job)}/{segment(package)}"


def member_key(folder: str, path: str) -> str:
    """Return the key of a package's member by its clean relative path; different paths never give the same key."""
    return "/".join([folder, *(segment(part) for part in path.split("/"))])


def package_note(provider: str, job: str, package: str) -> str:
    """Return the key of the note that tells which members of a package were unpacked, and from which version of it."""
    return f"{STATE}/packages/{provider}/{segment(job)}/{segment(package)}.json"


def folder_note(key: str) -> str:
    """Return the key of the note that tells from which version of its source the folder asset at `key` is made."""
    return f"{STATE}/folders/{digest(key, 32)}.json"


def upload_note(key: str) -> str:
    """Return the key of the note that tells of the upload under way to `key`, where no ledger can."""
    return f"{UPLOAD_NOTES}/{digest(key, 32)}.json"


def index_state(provider: str, collection: str) -> str:
    """Return the key of what is remembered of a large search index, so that a change is merged into it."""
    return f"{STATE}/index/{provider}/{segment(collection)}.parquet"


def branch_key(parent: str, path: Iterable[str]) -> str:
    """Return the key of a sub-catalog of the Collection or provider document at `parent`: path is ("2025-06", "a", …)."""
    return posixpath.join(posixpath.dirname(parent), "by-month", *path, "catalog.json")


def versioned(key: str, identity: str) -> str:
    """Return `key` with a mark of the source's identity: where a changed asset goes while the old one is still read."""
    folder, name = posixpath.split(key)
    stem, dot, suffix = name.partition(".")
    return posixpath.join(folder, f"{stem}-{identity[:8]}{dot}{suffix}")


def href(from_key: str, to_key: str) -> str:
    """Return the relative href by which the document at `from_key` names `to_key`."""
    base, target = from_key.split("/")[:-1], to_key.split("/")
    shared = 0
    while shared < min(len(base), len(target) - 1) and base[shared] == target[shared]:
        shared += 1
    return "/".join([*[".."] * (len(base) - shared), *target[shared:]])


def resolve(from_key: str, relative: str) -> str:
    """Return the key that `relative` means in the document at `from_key`; the inverse of `href`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(from_key), relative))
