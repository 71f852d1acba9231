"""How a catalog looks: the picture of a Collection, and the publication score."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from stacsync.catalog.score import CHECKS, Score
from stacsync.raster import mosaic
from stacsync.raster.mosaic import Piece


def shown(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (20, 20)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, format="PNG")
    return target.getvalue()


def test_each_item_is_drawn_where_it_lies() -> None:
    """Of two Items side by side, the western one is on the left, and what lies between them is empty."""
    pieces = [
        Piece(bbox=(0.0, 0.0, 1.0, 1.0), picture=plain((220, 20, 20))),
        Piece(bbox=(3.0, 0.0, 4.0, 1.0), picture=plain((20, 20, 220))),
    ]
    data, shape = mosaic.drawn((0.0, 0.0, 4.0, 1.0), pieces)
    seen = shown(data)
    assert seen.shape[:2] == shape == (128, 512)
    assert seen[64, 40, 0] > 180
    assert seen[64, -40, 2] > 180
    assert seen[64, 256, 3] == 0


def test_the_picture_has_the_shape_of_its_ground() -> None:
    """At 60 degrees north a degree of longitude is half as long as one of latitude."""
    _, (rows, columns) = mosaic.drawn((10.0, 59.0, 14.0, 61.0), [Piece(bbox=(10.0, 59.0, 14.0, 61.0))])
    assert abs(rows - columns) <= 2


def test_a_broken_thumbnail_gives_an_outline() -> None:
    """What cannot be read is drawn as its footprint."""
    piece = Piece(bbox=(0.0, 0.0, 2.0, 2.0), picture=b"no picture at all")
    data, _ = mosaic.drawn((0.0, 0.0, 2.0, 2.0), [piece])
    assert (shown(data)[..., 3] > 0).all()


@settings(max_examples=20, deadline=None)
@given(
    st.floats(-179, 170),
    st.floats(-89, 80),
    st.floats(0, 8),
    st.floats(0, 8),
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=5),
)
def test_any_bbox_gives_a_small_picture(
    west: float, south: float, wide: float, high: float, corners: list[tuple[float, float]]
) -> None:
    """However thin a bbox is, and wherever Items lie, the picture is bounded, and the same each time."""
    box = (west, south, west + wide, south + high)
    pieces = [Piece(bbox=box), *(Piece(bbox=(x, y, x, y), picture=plain((9, 99, 9))) for x, y in corners)]
    data, shape = mosaic.drawn(box, pieces)
    assert max(shape) <= 512
    assert min(shape) >= 64
    assert mosaic.drawn(box, pieces) == (data, shape)


GOOD: dict[str, Any] = {
    "type": "Feature",
    "properties": {"title": "2025-06-04 NDVI"},
    "links": [{"rel": "root", "href": "../catalog.json", "title": "Root"}],
    "assets": {
        "ndvi": {
            "href": "a.tif",
            "type": "image/tiff; application=geotiff",
            "title": "NDVI",
            "roles": ["data"],
            "data_type": "float32",
            "bands": [{"statistics": {"minimum": 0, "maximum": 1}}],
            "file:size": 1,
            "file:checksum": "1220",
            "stacsync:source": "x",
        },
        "thumbnail": {"href": "a.webp", "type": "image/webp", "title": "Thumbnail", "roles": ["thumbnail"]},
    },
}


def told(document: dict[str, Any]) -> list[str]:
    score = Score()
    score.add("a.json", document)
    return [one.problem for one in score.advice()]


def test_a_good_item_has_the_full_score() -> None:
    """Nothing is advised where nothing is missing."""
    score = Score()
    score.add("a.json", GOOD)
    assert (score.value(), list(score.advice())) == (100, [])


def test_each_flaw_is_advised_by_itself() -> None:
    """What people would miss is named, once, with a remedy."""
    ndvi = GOOD["assets"]["ndvi"]

    def without(name: str) -> dict[str, Any]:
        return {**GOOD, "assets": {**GOOD["assets"], "ndvi": {key: ndvi[key] for key in ndvi if key != name}}}

    flaws = {
        "links without a title": {**GOOD, "links": [{"rel": "root", "href": "x"}]},
        "no thumbnail": {**GOOD, "assets": {"ndvi": ndvi}},
        "a float raster without statistics, which browsers draw black": without("bands"),
        "assets without roles": without("roles"),
        "assets without a title": without("title"),
        "mirrored files without size or checksum": without("file:checksum"),
        "a title that does not begin with a date": {**GOOD, "properties": {"title": "NDVI"}},
        "a derived_from link that nobody can follow": {
            **GOOD,
            "links": [*GOOD["links"], {"rel": "derived_from", "href": "s3://a/b", "title": "b"}],
        },
    }
    for problem, document in flaws.items():
        assert told(document) == [problem]
    assert all(check.remedy for check in CHECKS)


def test_a_bare_collection_loses_points_and_stays_examined() -> None:
    """World extent, no times, no organisations: all advised, the score is low and never negative."""
    bare = {
        "type": "Collection",
        "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
    }
    score = Score()
    score.add("c/collection.json", bare)
    problems = {one.problem for one in score.advice()}
    assert {"no organisations", "no keywords", "no license link", "no time at all"} <= problems
    assert "the whole world as its extent" in problems
    assert 0 <= score.value() < 50
