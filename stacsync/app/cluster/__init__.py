"""Transfers on the machines of a Dask cluster instead of threads of this process.

`link` is the connection to the scheduler, `hands` hands transfers over, `task` is what travels, `worker` is what runs
at the other end, `checking` tries all of it. The process that makes the passes stays the only one that reads and writes
the ledger and the catalog; workers write assets, and read the secrets for it from their own configuration.
"""

from __future__ import annotations

from stacsync.app.cluster.hands import ClusterHands
from stacsync.app.cluster.link import Link

__all__ = ["ClusterHands", "Link"]
