"""The mirror: moves the bytes of assets and packages into the object store, whole, verified, and only once."""

from stacsync.mirror.events import Observer
from stacsync.mirror.order import PackageLimits, Sizes, Transfer

__all__ = ["Observer", "PackageLimits", "Sizes", "Transfer"]
