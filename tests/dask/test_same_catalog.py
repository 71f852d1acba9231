"""A pass on a real scheduler and real workers publishes what one process does, and tells the scheduler no secret."""

from __future__ import annotations

import base64
import re

import pytest
from stacsync.demo.openeo import OpenEOStandIn
from tests.dask.conftest import Place
from tests.kit.cluster import Cluster, Tap
from tests.kit.workspace import published


def secrets(openeo: OpenEOStandIn) -> set[bytes]:
    """Return what nobody but a provider, the store and ourselves may see."""
    signed = {match[1] for one in openeo.seen if (match := re.search(r"/([0-9a-f]{32})(?:/|$)", one.path))}
    assert signed, "no signed address was used"
    user = base64.b64encode(openeo.user.encode()).decode()
    words = {openeo.password, f"/{user}/", "stand-in-access-", "expires=", "Bearer", "Basic", "made-up-store-secret"}
    return {word.encode() for word in {*signed, *words, "AKIDLOOPBACK"}}


@pytest.mark.slow
def test_what_workers_mirror_is_what_one_process_mirrors_and_no_secret_meets_the_scheduler(
    place: Place, cluster: Cluster, openeo: OpenEOStandIn
) -> None:
    """Byte by byte the same catalog; on all lines of the scheduler there is no password, no token and no signed address."""
    alone = place("alone", openeo)
    expected = alone.sync()
    openeo.seen.clear()
    with Tap(cluster.address) as tap:
        shared = place("shared", openeo, tap.address)
        cluster.work("one", "two", config=shared.config, scheduler=tap.address)
        found = shared.sync()
    assert found["assets"] == expected["assets"]
    assert found["assets"]["transferred"] > 0
    assert published(shared.store) == published(alone.store)
    heard = bytes(tap.heard)
    assert b"openEO_2025-06" in heard, "the line was not listened to"
    assert not {word for word in secrets(openeo) if word in heard}
