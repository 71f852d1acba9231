"""The search index: `items.parquet` beside each Collection, and the search over what is published."""

from __future__ import annotations

from stacsync.search.engine import find
from stacsync.search.index import ParquetIndex
from stacsync.search.owed import failures
from stacsync.search.query import Query
from stacsync.search.results import search

__all__ = ["ParquetIndex", "Query", "failures", "find", "search"]
