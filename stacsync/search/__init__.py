"""The search index: `items.parquet` beside each Collection, kept with each publication.

`results.search` answers from it; the engine that this takes is loaded by nobody else.
"""

from __future__ import annotations

from stacsync.search.index import ParquetIndex
from stacsync.search.owed import failures
from stacsync.search.query import Query

__all__ = ["ParquetIndex", "Query", "failures"]
