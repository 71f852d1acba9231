"""Several requests feed one batch collection: one STAC Collection, whatever the version, the order and the trouble."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.sentinelhub import HIDDEN, Hub, batch_collection, listening
from tests.kit.workspace import FolderStore, Workspace, published

SHARED = "22222222-2222-4222-8222-222222222222"
COLLECTION = f"sh/sh-{SHARED}/collection.json"
SPRING, SUMMER, AUTUMN = (
    ("2024-03-01T00:00:00Z", "2024-05-31T00:00:00Z"),
    ("2024-06-01T00:00:00Z", "2024-08-31T00:00:00Z"),
    ("2024-09-01T00:00:00Z", "2024-11-30T00:00:00Z"),
)
Opened = Callable[[str], Workspace]


class Second:
    """Requests of version 2, whose batch collections are BYOC collections."""

    api = "v2"

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        hub.account.service.byoc_collections[SHARED] = batch_collection(SHARED, "Fields of Corsica")
        self.listing: list[Any] = hub.account.service.tasks

    def feed(self, number: int, span: tuple[str, str], place: int) -> str:
        return self.hub.feed(number, SHARED, span, [400_000 + 20_000 * place, 410_000 + 20_000 * place])

    def spoil(self, number: int) -> Callable[[], None]:
        """Take away what the request cannot be told without; return what brings it back."""
        key = next(key for key in self.hub.objects if key.startswith(f"part-{number}/featureManifest"))
        kept = self.hub.objects.pop(key)
        return lambda: self.hub.objects.update({key: kept})


class First(Second):
    """Requests of version 1, with batch collections of its own."""

    api = "v1"

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        hub.account.service.batch_collections[SHARED] = batch_collection(SHARED, "Fields of Corsica")
        self.listing = hub.account.service.requests

    def feed(self, number: int, span: tuple[str, str], place: int) -> str:
        tiles = [(8.0 + 0.2 * place, "PROCESSED"), (8.1 + 0.2 * place, "PROCESSED")]
        request = self.hub.first_request(number, tiles)
        request["output"]["collectionId"] = SHARED
        request["processRequest"]["input"]["data"][0]["dataFilter"]["timeRange"] = {"from": span[0], "to": span[1]}
        return str(request["id"])

    def spoil(self, number: int) -> Callable[[], None]:
        request = next(one for one in self.listing if one["description"] == f"Request {number}")
        kept = self.hub.account.service.tiles.pop(request["id"])
        return lambda: self.hub.account.service.tiles.update({request["id"]: kept})


@pytest.fixture(params=[Second, First])
def service(request: pytest.FixtureRequest) -> Iterator[Second]:
    with listening() as hub:
        yield request.param(hub)


@pytest.fixture
def opened(service: Second, tmp_path: Path) -> Opened:
    """Return a catalog of its own, by name."""

    def make(name: str) -> Workspace:
        root = tmp_path / name
        root.mkdir()
        table = service.hub.settings(api=service.api)
        return Workspace(root, FolderStore(root / "catalog"), providers={"sh": table})

    return make


def document(workspace: Workspace, key: str = COLLECTION) -> dict[str, Any]:
    found = json.loads(workspace.store.read(key))
    assert isinstance(found, dict)
    return found


def items(workspace: Workspace) -> list[dict[str, Any]]:
    links = [link["href"] for link in document(workspace)["links"] if link["rel"] == "item"]
    return [document(workspace, f"sh/sh-{SHARED}/{href}") for href in links]


def around(found: list[dict[str, Any]]) -> list[float]:
    boxes = [item["bbox"] for item in found]
    return [
        min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes), max(box[3] for box in boxes),
    ]  # fmt: skip


def test_two_requests_make_one_collection(service: Second, opened: Opened) -> None:
    """All tiles of both are in it; extent and summaries are the union; the service's words and bands are told once."""
    jobs = [service.feed(1, SPRING, 0), service.feed(2, SUMMER, 3)]
    catalog = opened("both")
    catalog.sync()
    found = document(catalog)
    tiles = items(catalog)
    assert sorted(item["properties"]["stacsync:job_id"] for item in tiles) == sorted(jobs * 2)
    assert found["title"] == "Fields of Corsica"
    assert found["extent"]["spatial"]["bbox"] == [around(tiles)]
    assert found["extent"]["temporal"]["interval"] == [[SPRING[0], SUMMER[1]]]
    told = found["item_assets"]["default"]
    assert (told["bands"], told["data_type"], told["nodata"]) == ([{"name": "default"}], "uint8", 0)
    assert found["sh:novelty"] == {"kept": True}
    assert found["sh:collection_id"] == SHARED
    assert found["processing:expression"]["format"] == "evalscript"
    assert any("/processing/" in uri for uri in found["stac_extensions"])
    assert not [item for item in tiles if "processing:expression" in json.dumps(item)]
    assert {f"request-{job}" for job in jobs} <= found["assets"].keys()
    assert "stacsync:job_id" not in found
    assert [link["title"] for link in document(catalog, "sh/catalog.json")["links"] if link["rel"] == "child"] == [
        "Fields of Corsica"
    ]
    everything = b"".join(published(catalog.store).values())
    assert not [secret for secret in HIDDEN if secret.encode() in everything]
    assert catalog.run("verify", "--checksums").code == 0


def test_the_order_of_passes_does_not_matter(service: Second, opened: Opened) -> None:
    """Either request first, or both at once, or the ledger lost in between: the same bytes."""
    service.feed(1, SPRING, 0), service.feed(2, SUMMER, 3)
    both = list(service.listing)
    at_once, forth, back = opened("at-once"), opened("forth"), opened("back")
    at_once.sync()
    for catalog, one in ((forth, both[0]), (back, both[1])):
        service.listing[:] = [one]
        catalog.sync()
        assert len(items(catalog)) == 2
        service.listing[:] = both
        catalog.sync()
    back.forget_ledger()
    back.sync()
    assert published(forth.store) == published(at_once.store)
    assert published(back.store) == published(at_once.store)


def test_a_third_request_extends_the_union(service: Second, opened: Opened) -> None:
    """A later request adds its tiles and stretches the extents; those before keep their bytes."""
    service.feed(1, SPRING, 0), service.feed(2, SUMMER, 3)
    catalog = opened("grows")
    catalog.sync()
    before = {key: body for key, body in published(catalog.store).items() if key.endswith(".json")}
    assert catalog.sync()["documents"]["written"] == 0
    service.feed(3, AUTUMN, 6)
    catalog.sync()
    found, tiles = document(catalog), items(catalog)
    assert len(tiles) == 6
    assert found["extent"]["spatial"]["bbox"] == [around(tiles)]
    assert found["extent"]["temporal"]["interval"] == [[SPRING[0], AUTUMN[1]]]
    after = published(catalog.store)
    assert [key for key in before if after[key] != before[key] and not key.endswith("collection.json")] in (
        [],
        ["collections.json"],
    )


def test_one_that_fails_costs_itself_alone(service: Second, opened: Opened) -> None:
    """What the other made is published and sound; once the failing one is whole again, nothing tells that it ever failed."""
    service.feed(1, SPRING, 0)
    failing = service.feed(2, SUMMER, 3)
    calm, troubled = opened("calm"), opened("troubled")
    calm.sync()
    mend = service.spoil(2)
    result = troubled.sync(well=service.api == "v1")
    assert result["providers"]["sh"]["published"] == 1
    assert len(items(troubled)) == 2
    assert document(troubled)["extent"]["temporal"]["interval"] == [list(SPRING)]
    assert troubled.run("verify").code == 0
    assert failing in troubled.run("status", "--json").stdout
    mend()
    troubled.sync(failing)
    assert published(troubled.store) == published(calm.store)


def test_requests_that_the_service_forgets_keep_their_items(service: Second, opened: Opened) -> None:
    """The service deletes old requests; what they made stays published, and the union stays whole."""
    service.feed(1, SPRING, 0), service.feed(2, SUMMER, 3)
    catalog = opened("lasting")
    catalog.sync()
    before = published(catalog.store)
    del service.listing[0]
    catalog.sync()
    assert published(catalog.store) == before
