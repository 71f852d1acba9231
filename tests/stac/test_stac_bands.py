"""Bands of any version as the bands of STAC 1.1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacsync.stac import bands
from stacsync.stac.upgrade import fields_of
from tests.stac.making import asset, bare, made

NAMES = st.sampled_from(["B02", "B03", "B04", None])
VALUES = (
    st.none() | st.floats() | st.integers() | st.text(max_size=4) | st.booleans() | st.lists(st.integers(), max_size=2)
)
KEYS = st.sampled_from(
    [
        "common_name",
        "center_wavelength",
        "full_width_half_max",
        "nodata",
        "data_type",
        "statistics",
        "unit",
        "scale",
        "offset",
        "sampling",
        "aliases",
        "gsd",
        "eo:common_name",
        "raster:scale",
        "description",
        "spatial_resolution",
    ]
)
BANDS = st.lists(
    st.dictionaries(
        KEYS, VALUES | st.dictionaries(st.sampled_from(["minimum", "mean", "count"]), VALUES), max_size=5
    ).flatmap(lambda band: NAMES.map(lambda name: {**band, "name": name})),
    max_size=4,
)


@given(BANDS, BANDS, BANDS)
def test_whatever_bands_are_stated_the_item_is_valid(eo: Any, raster: Any, common: Any) -> None:
    """Any three lists together give one list that core and extensions accept."""
    stated = {"eo:bands": eo, "raster:bands": raster, "bands": common}
    found = made(bare(assets=(asset("a.tif", stated),)))["assets"]["a.tif"]
    assert not {"eo:bands", "raster:bands"} & found.keys()


@given(BANDS, BANDS)
def test_upgrading_twice_changes_nothing(eo: Any, raster: Any) -> None:
    """What is published reads back as itself."""
    once = fields_of({"eo:bands": eo, "raster:bands": raster})
    assert fields_of(once) == once


def test_three_lists_become_one() -> None:
    """Fields of the same band stand together; the statistics stay with their band, in wavelengths of micrometres."""
    found = bands.upgraded(
        {
            "bands": [{"name": "B04"}, {"name": "B08"}],
            "eo:bands": [{"name": "B04", "common_name": "red", "center_wavelength": 665}, {"name": "B08", "gsd": None}],
            "raster:bands": [{"name": "B08", "statistics": {"minimum": 0, "maximum": 9, "mean": None}}],
        }
    )
    assert found == {
        "bands": [
            {"name": "B04", "eo:common_name": "red", "eo:center_wavelength": 0.665},
            {"name": "B08", "statistics": {"minimum": 0, "maximum": 9}},
        ]
    }


def test_lists_without_names_are_matched_by_place() -> None:
    """raster:bands usually has no names."""
    stated = {"eo:bands": [{"name": "a"}, {"name": "b"}], "raster:bands": [{"unit": "m"}, {"unit": "s"}]}
    assert bands.upgraded(stated)["bands"] == [{"name": "a", "unit": "m"}, {"name": "b", "unit": "s"}]


def test_what_all_bands_share_moves_up() -> None:
    """data_type and nodata stand once, at the asset."""
    stated = {"raster:bands": [{"data_type": "uint16", "nodata": 0, "unit": "m"}, {"data_type": "uint16", "nodata": 0}]}
    assert bands.upgraded(stated) == {"data_type": "uint16", "nodata": 0, "bands": [{"unit": "m"}, {}]}


def test_a_lone_nameless_band_is_the_asset_itself() -> None:
    """Nothing but the asset's own values: no bands list is needed."""
    assert bands.upgraded({"raster:bands": [{"data_type": "Float32", "nodata": "NaN"}]}) == {
        "data_type": "float32",
        "nodata": "nan",
    }


def test_statistics_of_the_header_come_with_the_names_of_the_service() -> None:
    """Names as stated, figures as measured."""
    found = bands.with_facts({"bands": [{"name": "x"}, {"name": "y"}]}, {"bands": [{"statistics": {"minimum": 1}}, {}]})
    assert found["bands"] == [{"name": "x", "statistics": {"minimum": 1}}, {"name": "y"}]


def test_a_list_of_all_bands_on_a_file_of_one_is_not_taken_for_its_own() -> None:
    """The header says one band: only the band that it names is described."""
    stated = {"bands": [{"name": "B04", "eo:common_name": "red"}, {"name": "B08", "eo:common_name": "nir"}]}
    assert bands.with_facts(stated, {"bands": [{"name": "B08"}]})["bands"] == [{"name": "B08", "eo:common_name": "nir"}]
    assert "bands" not in bands.with_facts(stated, {"bands": [{"data_type": "uint8"}]})


@pytest.mark.parametrize(("stated", "published"), [(float("nan"), "nan"), ("-inf", "-inf"), ("-9999", -9999.0), (0, 0)])
def test_no_data_values_survive_json(stated: object, published: object) -> None:
    """NaN is a common no-data value, and no JSON number."""
    assert made(bare(assets=(asset("a.tif", {"nodata": stated}),)))["assets"]["a.tif"]["nodata"] == published
