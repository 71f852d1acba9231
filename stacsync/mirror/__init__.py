"""The mirror: moves the bytes of assets and packages into the object store, whole, verified, and only once.

`mirror` is what a pass calls; `reuse` decides what need not move; `hands` says who moves the rest, `here` does in this
process; `remote` and `bucket` read, `carry` and `parts` write; `sniff` and `tiff` look at what arrived; `events` is
what a watcher is told.
"""

from stacsync.mirror.events import Observer
from stacsync.mirror.mirror import Mirror
from stacsync.mirror.order import PackageLimits, Sizes, Transfer

__all__ = ["Mirror", "Observer", "PackageLimits", "Sizes", "Transfer"]
