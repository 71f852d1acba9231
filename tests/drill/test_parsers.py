"""Every parser against anything: an error of ours or a clean record, never anything else."""

from __future__ import annotations

import io
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stacsync import layout, registry, stac
from stacsync.catalog.reader import inside
from stacsync.demo.openeo import files
from stacsync.demo.sentinelhub import account
from stacsync.demo.up42 import first_job, today_job
from stacsync.errors import ConfigError, StacsyncError
from stacsync.http.response import Response, parse_json
from stacsync.http.retry import LONGEST, SHORTEST, retry_after
from stacsync.jobs import AssetRecord, Inline, ItemRecord, JobRecord, LinkRecord, MemberFact
from stacsync.logs import redact, redact_url
from stacsync.mirror import sniff
from stacsync.providers.openeo import links
from stacsync.providers.pixxel import inside as pixxel
from stacsync.providers.pixxel import words
from stacsync.providers.sentinelhub import wkb, zarr
from stacsync.providers.sentinelhub.manifest import Manifest
from stacsync.providers.up42.v1 import features
from stacsync.raster import facts_of
from stacsync.settings import load
from stacsync.storage.lease import Held
from tests.drill.hostile import NASTY, changed, changes
from tests.drill.test_hostile_answers import written

NOW = datetime(2026, 5, 1, tzinfo=UTC)
JOB = JobRecord(id="j", fingerprint="1", created=NOW, finished=NOW)
PLACE = stac.Place(
    provider="drill",
    kind="drill",
    provider_title="Drill",
    catalog_title="Drill",
    collection="c",
    collection_title="C",
    item_id="i",
    key="drill/c/i/i.json",
)
nasty = st.sampled_from(
    [value for value in NASTY if not callable(value)] + [value() for value in NASTY if callable(value)]
)
anything = st.recursive(
    nasty | st.text(max_size=30) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def manifests() -> tuple[bytes, bytes]:
    objects = account().objects
    manifest = next(data for key, data in sorted(objects.items()) if key.endswith(".gpkg"))
    execution = next(data for key, data in sorted(objects.items()) if key.endswith(".sqlite"))
    return manifest, execution


TIFF = files.geotiff(1, 500_000.0, 5_538_640.0)
MANIFEST, EXECUTION = manifests()
DATA_JSON = first_job(1, features=2).document
STAC_ITEM = today_job("p", 1, "http://127.0.0.1", scenes=1).items[0]
damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=40)), max_size=6)


def damaged(data: bytes, hits: list[tuple[float, bytes]], keep: float = 1.0) -> bytes:
    """Return bytes with some of them overwritten, and the end cut off."""
    found = bytearray(data)
    for where, noise in hits:
        at = int(where * len(found))
        found[at : at + len(noise)] = noise
    return bytes(found[: int(len(found) * keep)])


def _manifest(data: Any) -> None:
    hits, keep, which = (
        data.draw(damage),
        data.draw(st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.1])),
        data.draw(st.booleans()),
    )
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder) / "m.gpkg", Path(folder) / "e.sqlite"
        one.write_bytes(damaged(MANIFEST, hits if which else [], keep if which else 1))
        two.write_bytes(damaged(EXECUTION, [] if which else hits, 1 if which else keep))
        with suppress(StacsyncError), closing(Manifest(one, two)) as opened:
            opened.counts()
            for feature in opened.delivered():
                repr(feature)
            list(opened.extents())


def _wkb(data: Any) -> None:
    with suppress(wkb.GeometryError):
        wkb.polygons(
            data.draw(
                st.binary(max_size=200) | st.builds(lambda tail: b"\x01\x03\x00\x00\x00" + tail, st.binary(max_size=80))
            )
        )


def _data_json(data: Any) -> None:
    left_out: Counter[str] = Counter()
    document = changed(DATA_JSON, data.draw(changes)) if data.draw(st.booleans()) else data.draw(anything)
    with suppress(StacsyncError):
        for scene in features.scenes(features.parse(_text(document)), left_out):
            assert all(".." not in path.split("/") and not path.startswith("/") for path in scene.paths)
            _item(geometry=scene.geometry, bbox=scene.bbox, properties=scene.properties)


def _pixxel(data: Any) -> None:
    documents = [changed(STAC_ITEM, data.draw(changes)), changed(DATA_JSON, data.draw(changes)), data.draw(anything)]
    facts = []
    for number, document in enumerate(documents):
        text = _text(document)
        facts.append(
            MemberFact(path=f"{number}/x.json", key="k", size=len(text), sha256="0" * 64, media_type=None, head=text)
        )
    setting = pixxel.Setting(job=JOB, collection="c", item="i", title=None, package="p", source="s")
    with suppress(StacsyncError):
        for record in pixxel.items(setting, facts):
            _converted(record)


def _words(data: Any) -> None:
    value = data.draw(anything)
    for read in (words.moment, words.text, words.key_of, words.raw_json, words.objects):
        read(value)
    if isinstance(value, str):
        words.plain(value)


def _item_document(data: Any) -> None:
    fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=5))
    _item(
        geometry=data.draw(anything),
        bbox=data.draw(st.none() | st.tuples(*[st.floats()] * 4)),
        title=data.draw(st.none() | st.text(max_size=40)),
        properties=fields,
        links=tuple(
            LinkRecord(rel="about", href=href) for href in data.draw(st.lists(st.text(max_size=30), max_size=2))
        ),
        assets=(
            AssetRecord(
                key=data.draw(st.text(min_size=1, max_size=10)),
                source=Inline(b""),
                filename=data.draw(st.text(max_size=20)),
                identity="x",
                media_type=data.draw(st.none() | st.text(max_size=10)),
                extra=fields,
                mirrored=False,
                href=data.draw(st.sampled_from([value for value in NASTY if isinstance(value, str)])),
            ),
        ),
    )


FIELDS = (
    "proj:epsg", "proj:code", "proj:shape", "proj:bbox", "proj:geometry", "proj:transform", "proj:centroid", "eo:bands", "bands",
    "raster:bands", "eo:cloud_cover", "gsd", "created", "updated", "datetime", "start_datetime", "end_datetime", "license", "providers",
    "platform", "instruments", "statistics", "nodata", "cube:dimensions", "file:size", "title", "description", "keywords", "roles",
)  # fmt: skip


def _item(**fields: Any) -> None:
    _converted(ItemRecord(id="i", collection="c", job_id="j", datetime=NOW, **fields))


def _converted(record: ItemRecord) -> None:
    document = stac.item_document(record, {}, PLACE)
    stac.validate(document)
    text = stac.dumps(document)
    assert b"NaN" not in text or b'"' in text
    for link in document["links"]:
        assert not link["href"].lower().startswith(("javascript:", "data:", "file:"))
    for asset in document["assets"].values():
        assert not asset["href"].lower().startswith(("javascript:", "data:", "file:"))


def _retry_after(data: Any) -> None:
    found = retry_after({"Retry-After": data.draw(st.text(max_size=40) | st.sampled_from(DATES))}, NOW)
    assert found is None or SHORTEST <= found <= LONGEST


DATES = (
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thu, 01 Jan 0001 00:00:00 -2359",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "0x10",
    "١٢",
    "9" * 5000,
)


def _settings(data: Any) -> None:
    table = changed(tomllib.loads(CONFIG), data.draw(changes)) if data.draw(st.booleans()) else data.draw(anything)
    text = _toml(table) if isinstance(table, dict) else data.draw(st.text(max_size=200))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stacsync.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        variables = data.draw(
            st.dictionaries(
                st.sampled_from(VARIABLES), st.text(st.characters(exclude_characters="\x00"), max_size=20), max_size=2
            )
        )
        with suppress(ConfigError):
            load(path, variables, lambda name: registry.kind(name).settings)  # type: ignore[arg-type,return-value]  # kinds of ours extend CommonProvider


CONFIG = """
[catalog]
id = "c"
[storage]
url = "s3://b/p"
endpoint_url = "https://s3.example.com"
access_key_id = "a"
secret_access_key = "b"
[ledger]
url = "sqlite:///x.db"
[schedule]
every = "5m"
[server]
listen = "127.0.0.1:8080"
[providers.p]
kind = "pixxel"
api_key = "k"
[providers.o]
kind = "openeo"
url = "https://openeo.example.com"
since = "2025-01-01"
auth = { method = "basic", username = "u", password = "p" }
"""
VARIABLES = (
    "STACSYNC_CATALOG__ID",
    "STACSYNC_STORAGE__URL",
    "STACSYNC_PROVIDERS__P__API_KEY",
    "STACSYNC_X",
    "STACSYNC___",
    "STACSYNC_LOG__LEVEL",
)


def _toml(value: Any) -> str:
    lines = []
    for name, table in value.items():
        if isinstance(table, dict):
            lines.append(f"[{_inline(name)}]")
            lines += [f"{_inline(key)} = {_inline(inner)}" for key, inner in table.items() if inner is not None]
        else:
            lines.insert(0, f"{_inline(name)} = {_inline(table)}")
    return "\n".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_inline(key)} = {_inline(inner)}" for key, inner in value.items()) + "}"
    return written(value).decode()


def _tiff(data: Any) -> None:
    with suppress(Exception):  # it may raise anything: its caller takes that for "says nothing"
        facts_of(io.BytesIO(damaged(TIFF, data.draw(damage), data.draw(st.sampled_from([1.0, 0.8, 0.3])))))


def _sniff(data: Any) -> None:
    sniff.media_type(data.draw(st.binary(max_size=300)) + b"", data.draw(st.text(max_size=20)))
    sniff.media_type(damaged(TIFF, data.draw(damage)), "x.tif")


def _zarr(data: Any) -> None:
    with suppress(StacsyncError):
        zarr.arrays(_text(changed(ZARR, data.draw(changes))))


ZARR = {
    "metadata": {
        ".zgroup": {"zarr_format": 2},
        "B04/.zarray": {"chunks": [1, 2, 2], "shape": [1, 4, 4], "dtype": "<u2", "fill_value": 0},
        "B04/.zattrs": {"_ARRAY_DIMENSIONS": ["time", "y", "x"]},
    },
    "zarr_consolidated_format": 1,
}


def _json(data: Any) -> None:
    body = data.draw(st.binary(max_size=100)) if data.draw(st.booleans()) else _text(data.draw(anything))
    with suppress(StacsyncError):
        parse_json(body, "https://example.com/x")
    with suppress(StacsyncError):
        Response(status=400, url="https://example.com", headers={}, body=body).json()


def _addresses(data: Any) -> None:
    text = data.draw(st.text(max_size=60) | st.sampled_from([value for value in NASTY if isinstance(value, str)]))
    redact(text)
    redact_url(text)
    inside("a/b.json", text)
    links.unsigned(text)
    links.is_signed(text)
    links.name_of(text)
    links.filename_of(text)
    links.expiry(text)
    links.absolute(text, "https://example.com/a", "https://example.com")
    stac.clean.public_href(text)
    assert layout.segment(text)
    keys = layout.asset_keys("p", "c", "i", {"a": text, "b": text, "c": text.upper(), text: f"{text}/x"})
    assert len(set(keys.values())) == len(keys)
    assert all(len(key) <= layout.KEY_LIMIT and ".." not in key.split("/") for key in keys.values())


def _lease(data: Any) -> None:
    Held.read(data.draw(st.binary(max_size=60)) if data.draw(st.booleans()) else _text(data.draw(anything)), None)


def _text(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        return _whole(document)


def _whole(document: Any) -> bytes:
    with suppress(TypeError, AttributeError):
        return written(document)
    return b"{}"


PARSERS: Mapping[str, Callable[[Any], None]] = {
    "feature manifest and execution database": _manifest,
    "WKB": _wkb,
    "data.json": _data_json,
    "package documents": _pixxel,
    "words": _words,
    "item_document": _item_document,
    "Retry-After": _retry_after,
    "settings": _settings,
    "TIFF header": _tiff,
    "first bytes": _sniff,
    "Zarr metadata": _zarr,
    "JSON answers": _json,
    "addresses and names": _addresses,
    "lease object": _lease,
}


@pytest.mark.promise("whatever a parser reads, only errors of ours or clean records come out")
@pytest.mark.parametrize(
    "examples", [pytest.param(60, id="sampled"), pytest.param(2500, id="all", marks=pytest.mark.real)]
)
@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.timeout(1800)
def test_any_input(name: str, examples: int, tried: Callable[[int], None]) -> None:
    """Random, damaged and tampered input raises nothing but errors of ours."""
    count = 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def attempt(data: Any) -> None:
        nonlocal count
        count += 1
        PARSERS[name](data)

    attempt()
    tried(count)
