"""Ask the indexes: DuckDB over Parquet files, in place or by ranges from the bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import duckdb

from stacsync.errors import ConfigError, StorageError
from stacsync.search import cql
from stacsync.search.mirrors import Published, chosen, published
from stacsync.search.query import Query, ranges
from stacsync.search.remote import PROTOCOL, StoreFiles
from stacsync.storage import Storage

_TOGETHER = 8
"""Indexes asked at a time."""


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """An Item that was found; they sort as results are listed: newest first, then by id."""

    age: int
    """Microseconds before 1970; an undated Item is the oldest."""
    item: str
    collection: str
    parquet: str
    """Where the index lies that it was found in."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What was found, newest first."""

    matches: list[Match]


def find(storage: Storage, query: Query) -> Matches:
    """Return the newest `limit` Items that match.

    Raises `ConfigError` for a filter that is none or an unknown Collection, `StorageError`.
    """
    tree = None if query.filter is None else cql.parse(query.filter)
    indexes = chosen(published(storage), query)
    with _Engine(storage) as engine:
        return Matches(_asked(engine, indexes, query, tree))


def _asked(engine: _Engine, indexes: Sequence[Published], query: Query, tree: Any) -> list[Match]:
    wanted = cql.properties_of(tree) if tree is not None else set()
    found: list[Match] = []
    known: set[str] = set()
    unfit: list[cql.Unfit] = []
    asked = 0
    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="search") as pool:
        for start in range(0, len(indexes), _TOGETHER):
            batch = indexes[start : start + _TOGETHER]
            if len(found) >= query.limit and -found[query.limit - 1].age > batch[0].last.timestamp() * 1_000_000:
                break
            for answer in pool.map(lambda one: engine.ask(one, query, tree), batch):
                asked += 1
                known |= answer.columns
                found += answer.matches
                unfit += [answer.unfit] if answer.unfit else []
            found = sorted(found)[: query.limit]
    _refuse(wanted - known, known, unfit, asked)
    return found


def _refuse(unknown: set[str], known: set[str], unfit: Sequence[cql.Unfit], asked: int) -> None:
    """Raise `ConfigError` when a filter cannot match anything anywhere: that is a slip of the pen."""
    if asked and unknown:
        names = ", ".join(sorted(name for name in known if name not in {"geometry", "bbox", "links", "assets"})[:40])
        raise ConfigError(f"no Item has a property {sorted(unknown)[0]!r} that can be searched", f"there are: {names}")
    if asked and len(unfit) == asked:
        raise ConfigError(f"the filter cannot match: {unfit[0]}", "compare numbers with numbers and text with 'text'")


@dataclass(frozen=True, slots=True)
class _Answer:
    matches: list[Match]
    columns: frozenset[str]
    unfit: cql.Unfit | None = None


class _Engine:
    """A DuckDB of its own, in memory, that loads nothing from elsewhere."""

    def __init__(self, storage: Storage) -> None:
        self._folder = Path(unquote(urlsplit(storage.url).path)) if storage.url.startswith("file:") else None
        self._url = storage.url
        self._duck = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        self._duck.execute("SET TimeZone = 'UTC'")
        if self._folder is None:
            self._duck.register_filesystem(StoreFiles(storage))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._duck.close()

    def ask(self, one: Published, query: Query, tree: Any) -> _Answer:
        """Ask one index. Raises `StorageError`, `ConfigError`."""
        path = f"{PROTOCOL}://{one.key}" if self._folder is None else str(self._folder / one.key)
        with self._explained(one), self._duck.cursor() as cursor:
            columns = {}
            if tree is not None:
                described = cursor.execute("DESCRIBE SELECT * FROM read_parquet($1)", [path]).fetchall()
                columns = {row[0]: row[1] for row in described}
            parameters: list[Any] = [path]
            try:
                where = _conditions(query, tree, columns, parameters)
            except cql.Unfit as unfit:
                return _Answer([], frozenset(columns), unfit)
            sql = _statement(where, query.limit)
            rows = cursor.execute(sql, parameters).fetchall()
        undated = 2**63
        matches = [
            Match(undated if moment is None else -moment, item, one.collection, one.key) for item, moment in rows
        ]
        return _Answer(matches, frozenset(columns))

    @contextmanager
    def _explained(self, one: Published) -> Iterator[None]:
        try:
            yield
        except duckdb.ConversionException as error:
            raise ConfigError(f"the filter cannot be applied: {_short(error)}", "compare like with like") from None
        except (duckdb.Error, OSError) as error:
            raise StorageError(
                f"the index {one.key} in {self._url} cannot be read: {_short(error)}",
                "search again: it may just have been replaced; if it stays, run `stacsync rebuild`",
            ) from None


def _statement(where: Sequence[str], limit: int) -> str:
    """Return the question of which rows hold; `where` is of names and signs of ours, every value is a parameter."""
    return (
        "SELECT id, epoch_us(coalesce(datetime, end_datetime)) AS moment FROM read_parquet($1) "  # noqa: S608 - as said
        f"WHERE {' AND '.join(where) or 'true'} ORDER BY moment DESC NULLS LAST, id LIMIT {limit}"
    )


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _conditions(query: Query, tree: Any, columns: dict[str, str], parameters: list[Any]) -> list[str]:
    found = []
    if query.bbox is not None:
        found.append(_inside(query.bbox, parameters))
    first, last = query.interval()
    if first is not None:
        parameters.append(first)
        found.append(f"coalesce(end_datetime, datetime, start_datetime) >= ${len(parameters)}")
    if last is not None:
        parameters.append(last)
        found.append(f"coalesce(start_datetime, datetime, end_datetime) <= ${len(parameters)}")
    if tree is not None:
        found.append(cql.Translation(columns, parameters).condition(tree))
    return found


def _inside(box: tuple[float, float, float, float], parameters: list[Any]) -> str:
    def put(number: float) -> str:
        parameters.append(number)
        return f"${len(parameters)}"

    south, north = put(box[1]), put(box[3])
    sides = []
    for west, east in ranges(box):
        low, high = put(west), put(east)
        plain = f"(bbox.xmin <= {high} AND bbox.xmax >= {low} AND bbox.xmin <= bbox.xmax)"
        sides.append(f"({plain} OR (bbox.xmin > bbox.xmax AND (bbox.xmin <= {high} OR bbox.xmax >= {low})))")
    return f"(bbox.ymin <= {north} AND bbox.ymax >= {south} AND ({' OR '.join(sides)}))"
