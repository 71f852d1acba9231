"""The lease on real S3 servers: one that honours conditions and one that ignores them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from stacsync.errors import LeaseHeld
from stacsync.storage import Storage
from stacsync.storage.lease import KEY, Lease


def test_one_holder_at_a_time(store: Storage) -> None:
    """On every store a lease is got, renewed, refused to a second and given back without a trace."""
    first, second = (Lease(store, clock=lambda: datetime.now(UTC), sleep=time.sleep, settle=0.05) for _ in range(2))
    assert first.acquire() == 1
    first.renew()
    with pytest.raises(LeaseHeld):
        second.acquire()
    first.ensure()
    first.release()
    assert store.head(KEY) is None
    assert second.acquire() == 1
    second.release()
