"""Items as they are published, from recorded documents and from records made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from stacsync import stac
from stacsync.jobs import ItemRecord, LinkRecord
from tests.conftest import Golden
from tests.stac.making import asset, bare, item, made, mirrored, place, recording, square

COG = {"type": "image/tiff; application=geotiff"}
UTM60 = {
    "proj:code": "EPSG:32660",
    "proj:shape": [100, 200],
    "proj:transform": [1000.0, 0.0, 600000.0, 0.0, -1000.0, 1900000.0],
    "data_type": "float32",
    "nodata": float("nan"),
    "bands": [{"name": "ndvi", "statistics": {"minimum": -0.2, "maximum": 0.9, "mean": 0.4, "stddev": 0.1}}],
    "footprint": square(177.9, 16.2, 179.8, 17.2),
}


def composite() -> ItemRecord:
    """Three months of data over the antimeridian, with a thumbnail and a metadata file."""
    return bare(
        id="tile-7",
        collection="composites",
        title="Max NDVI",
        description="The highest NDVI of a season",
        start_datetime=datetime(2019, 4, 1, tzinfo=UTC),
        end_datetime=datetime(2019, 6, 30, tzinfo=UTC),
        updated=datetime(2025, 7, 2, 9, 0, 0, 500000, tzinfo=UTC),
        properties={"sh:tile_name": "01KAB", "expires": "2025-08-01 00:00:00+02:00", "userId": "u-1", "gsd": 1000},
        assets=(
            asset("ndvi", {"type": "application/octet-stream", "proj:bbox": [600000, 1800000, 800000, 1900000]}),
            asset("thumbnail", {"type": "image/png", "roles": ["thumbnail"]}),
            asset("gone", COG),
        ),
        links=(
            LinkRecord("via", "https://services.example/batch/tile-7"),
            LinkRecord("license", "javascript:alert(1)"),
        ),
        missing=("never-there.tif",),
    )


def netcdf() -> ItemRecord:
    """An asset that only its projection fields locate, of a job with a stated period."""
    source = recording("cdse_netcdf_collection")["assets"]["openEO.nc"]
    return bare(
        assets=(asset("openEO.nc", source),),
        start_datetime=datetime(2022, 7, 1, tzinfo=UTC),
        end_datetime=datetime(2022, 7, 31, tzinfo=UTC),
        datetime_source="collection",
    )


CASES = {
    "openeo_assets10": lambda: item(recording("openeo_assets10_item")),
    "openeo_items11": lambda: item(recording("openeo_items11_item")),
    "cdse_netcdf": netcdf,
    "vito_mlmodel": lambda: item(recording("vito_mlmodel_item")),
    "geopyspark_exported": lambda: item(recording("geopyspark_exported_item")),
    "geopyspark_undated": lambda: item(recording("geopyspark_undated_item")),
    "up42_stac": lambda: item(recording("up42_stac_search_page")["features"][0]),
    "pixxel_archive": lambda: item(recording("pixxel_archive_items")["features"][0]),
    "composite": composite,
    "bare": bare,
}


@pytest.mark.parametrize("case", CASES)
def test_items_are_published_as_their_golden_files_say(case: str, golden: Golden) -> None:
    """Whatever a service states becomes one valid Item, byte for byte the same each time."""
    record = CASES[case]()
    store = mirrored(record, ndvi=UTM60)
    store.pop("gone", None)
    document = stac.item_document(record, store, place(record))
    assert stac.validate(document) == []
    golden(f"items/{case}.json", stac.dumps(document))


def test_an_item_names_its_surroundings_and_nothing_of_the_service() -> None:
    """Structural links are relative, typed and titled; the service's own self, root and collection are gone."""
    links = made(item(recording("up42_stac_search_page")["features"][0]))["links"]
    assert [(link["rel"], link["href"], link["title"]) for link in links] == [
        ("root", "../../../catalog.json", "ACME EO products"),
        ("parent", "../collection.json", "A job"),
        ("collection", "../collection.json", "A job"),
    ]
    assert all(link["type"] == "application/json" for link in links)


@pytest.mark.parametrize(
    "href",
    [
        "https://b.example/x.json?X-Amz-Signature=00",
        "https://b.example/x.json?sig=00&se=2026",
        "https://user:word@b.example/x.json",
        "javascript:alert(1)",
        "/eodata/Sentinel-2/x.SAFE",
        "S2A_1",
        "https://b.example/a b",
        "ftp://b.example/x",
    ],
)
def test_links_that_cannot_be_published_are_dropped(href: str) -> None:
    """Signed addresses, other schemes, paths and mere ids never become links."""
    document = made(bare(links=(LinkRecord("derived_from", href), LinkRecord("via", "https://b.example/ok"))))
    assert [link["href"] for link in document["links"][3:]] == ["https://b.example/ok"]


def test_an_asset_that_was_to_be_mirrored_and_is_not_there_is_named_as_missing() -> None:
    """Readers see what is not there; no href dangles."""
    record = bare(assets=(asset("a.tif", COG), asset("b.tif", COG)), missing=("c.tif",))
    document = stac.item_document(record, {"a.tif": mirrored(record)["a.tif"]}, place(record))
    assert list(document["assets"]) == ["a.tif"]
    assert document["properties"]["stacsync:missing_assets"] == ["b.tif", "c.tif"]


def test_a_mirrored_asset_has_the_measured_size_and_checksum_whatever_the_service_says() -> None:
    """file:size and file:checksum are of the bytes that lie in the store."""
    record = bare(assets=(asset("a.tif", {**COG, "file:size": 1, "checksum:multihash": "90"}),))
    found = made(record)["assets"]["a.tif"]
    assert (found["file:size"], found["file:checksum"]) == (4096, "1220" + "ab" * 32)
    assert found["href"] == "a.tif"
    assert found["stacsync:source"] == record.assets[0].identity


def test_a_referenced_asset_keeps_its_address_unless_it_is_signed() -> None:
    """transfer = "reference" publishes s3 and https hrefs; a signature is never published."""
    plain = asset("a.tif", COG, mirrored=False, href="s3://bucket/a.tif", size=7)
    signed = asset("b.tif", COG, mirrored=False, href="https://b.example/b.tif?Signature=0")
    document = made(bare(assets=(plain, signed)))
    assert document["assets"]["a.tif"]["href"] == "s3://bucket/a.tif"
    assert document["assets"]["a.tif"]["file:size"] == 7
    assert document["properties"]["stacsync:missing_assets"] == ["b.tif"]


@pytest.mark.parametrize("href", ["http://a:b/x", "https://a.example/%zz", "https://[a/x", "javascript:alert(1)"])
def test_an_asset_with_a_broken_address_costs_only_itself(href: str) -> None:
    """An asset by reference whose address is none is left out; the Item is valid without it."""
    good = asset("a.tif", COG, mirrored=False, href="https://a.example/a.tif")
    found = made(bare(assets=(good, asset("b.tif", COG, mirrored=False, href=href))))
    assert list(found["assets"]) == ["a.tif"]
    assert stac.validate(found) == []


def test_the_files_own_header_corrects_the_grid_and_completes_the_bands() -> None:
    """Where service and header differ on the grid the header is right; names of bands stay the service's."""
    stated = {**COG, "proj:epsg": 4326, "proj:shape": [1, 1], "eo:bands": [{"name": "B04", "common_name": "RED"}]}
    facts = {
        "proj:code": "EPSG:32631",
        "proj:shape": [10, 10],
        "proj:transform": [10, 0, 500000, 0, -10, 5700000],
        "bands": [{"data_type": "uint16", "nodata": 0, "statistics": {"minimum": 1, "maximum": 9}}],
    }
    found = made(bare(assets=(asset("a.tif", stated),)), facts)["assets"]["a.tif"]
    assert (found["proj:code"], found["proj:shape"]) == ("EPSG:32631", [10, 10])
    assert found["proj:bbox"] == [500000, 5699900, 500100, 5700000]
    assert found["bands"] == [{"name": "B04", "eo:common_name": "red", "statistics": {"minimum": 1, "maximum": 9}}]
    assert (found["data_type"], found["nodata"]) == ("uint16", 0)


@pytest.mark.parametrize(
    ("stated", "sniffed", "published"),
    [
        (None, "image/png", "image/png"),
        ("application/octet-stream", "text/csv", "text/csv"),
        ("image/tiff; application=geotiff", "image/tiff; application=geotiff; profile=cloud-optimized", "sniffed"),
        ("application/x-netcdf", "application/x-hdf5", "application/x-netcdf"),
        ("image/jpeg", "image/png", "image/png"),
        ("text/csv", None, "text/csv"),
    ],
)
def test_the_media_type_is_the_stated_one_unless_the_bytes_know_better(
    stated: str | None, sniffed: str | None, published: str
) -> None:
    """Bytes decide where the service says nothing, too little, or plainly another picture format."""
    assert stac.asset.media_type(stated, sniffed) == (sniffed if published == "sniffed" else published)


@pytest.mark.parametrize(
    ("properties", "gone"),
    [
        ({"gsd": "ten"}, "gsd"),
        ({"license": 5}, None),
        ({"providers": "ACME"}, None),
        ({"keywords": "one"}, "keywords"),
        ({"platform": ["a"]}, "platform"),
        ({"instruments": "msi"}, "instruments"),
        ({"created": "yesterday"}, None),
        ({"description": ""}, "description"),
    ],
)
def test_one_odd_value_costs_only_itself(properties: dict[str, Any], gone: str | None) -> None:
    """A property that the core schema refuses is dropped; the Item is published with the rest."""
    found = made(bare(properties={**properties, "constellation": "c"}))["properties"]
    assert found["constellation"] == "c"
    assert gone is None or gone not in found


def test_nothing_secret_survives_in_any_field() -> None:
    """Accounts, users, tokens and signed addresses are dropped from properties and assets, however deep."""
    jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
    hidden = {
        "up42-system:account_id": "a-1",
        "user_id": "alice",
        "note": f"Bearer {jwt}",
        "deep": {"list": [{"href": "https://h.example/x?X-Amz-Signature=00", "token": jwt, "kept": 1}]},
    }
    record = bare(properties=hidden, assets=(asset("a.tif", {**COG, **hidden}),), description=f"see {jwt}")
    text = stac.dumps(made(record)).decode()
    assert '"kept": 1' in text
    for secret in ("a-1", "alice", "eyJ", "Signature", "h.example"):
        assert secret not in text


def test_validation_says_readably_what_is_wrong() -> None:
    """A message names the place and the fault."""
    document = made(bare())
    document["properties"]["datetime"] = "2025-01-01 10:00"
    assert any(problem.startswith("properties/datetime: ") for problem in stac.validate(document))
    del document["links"]
    assert any("'links' is a required property" in problem for problem in stac.validate(document))


def test_an_item_without_any_time_is_refused_and_not_dated() -> None:
    """No instant is invented: validation refuses the Item."""
    record = bare(created=None)
    assert stac.validate(stac.item_document(record, {}, place(record))) != []


def test_equal_inputs_give_equal_bytes_whatever_their_order() -> None:
    """Order of properties, assets and links in the source does not matter."""
    record = composite()
    turned = bare(
        **{name: getattr(record, name) for name in ("id", "collection", "title", "description", "missing", "updated")},
        start_datetime=record.start_datetime,
        end_datetime=record.end_datetime,
        properties=dict(list(record.properties.items())[::-1]),
        assets=record.assets[::-1],
        links=record.links[::-1],
    )
    assert stac.dumps(made(record)) == stac.dumps(made(turned))
