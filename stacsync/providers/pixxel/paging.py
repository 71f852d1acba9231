"""The three ways in which the API's listings page: by offset, by number, and not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from stacsync.errors import Unavailable
from stacsync.http import Session
from stacsync.logs import get_logger
from stacsync.providers.pixxel.words import key_of

PAGE = 50
MOST_PAGES = 10_000
_MAYBE_NO_PAGE = (400, 404, 422)
_LOG = get_logger(__name__)
Row = dict[str, Any]


class Seen:
    """Rows that came already: an API that ignores paging answers the same rows for ever."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def new(self, rows: list[Row]) -> list[Row]:
        """Return those of `rows` that did not come before."""
        found = []
        for row in rows:
            key = key_of(row.get("id")) or orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()
            if key not in self._seen:
                self._seen.add(key)
                found.append(row)
        return found

    def __len__(self) -> int:
        return len(self._seen)


def rows_of(answer: object, key: str) -> list[Row]:
    """Return the objects under `key` of an answer, or of an answer that is the bare list."""
    rows = answer.get(key) if isinstance(answer, Mapping) else answer
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def by_offset(session: Session, path: str, key: str, params: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows of every page, to the stated total or a page without anything new. Raises `Unavailable`."""
    seen, offset = Seen(), 0
    for _ in range(MOST_PAGES):
        answer = session.get_json(path, {**params, "offset": offset, "limit": PAGE})
        rows = rows_of(answer, key)
        new = seen.new(rows)
        yield from new
        offset += len(rows)
        total = stated_total(answer)
        if not new or total == offset:
            return
    raise _endless(path)


def by_number(session: Session, path: str, key: str) -> Iterator[Row]:
    """Yield the rows of every page, to a page without anything new. Raises `Unavailable`.

    Whether pages count from 0 or from 1 is nowhere said: page 0 is asked for when those from 1 on hold less than the
    stated count, or nothing at all.
    """
    seen, count = Seen(), None
    for page in range(1, MOST_PAGES):
        answer = session.get_json(path, {"page_num": page, "page_size": PAGE})
        count = _count(answer) if page == 1 else count
        new = seen.new(rows_of(answer, key))
        yield from new
        if not new:
            break
    else:
        raise _endless(path)
    if len(seen) < (1 if count is None else count):
        first = session.get_json(path, {"page_num": 0, "page_size": PAGE}, accept_statuses=_MAYBE_NO_PAGE)
        yield from seen.new(rows_of(first, key))
    if count is not None and len(seen) < count:
        _LOG.warning("pixxel.short_listing", path=path, stated=count, listed=len(seen))


def unpaged(session: Session, path: str, key: str) -> Iterator[Row]:
    """Yield the rows of a listing that has no paging by its description, and of further pages if it has some all the same.

    Page sizes are round numbers: after any other number of rows nothing more is asked for. Raises `Unavailable`.
    """
    seen, offset = Seen(), 0
    for _ in range(MOST_PAGES):
        place = {"offset": offset, "limit": PAGE} if offset else {}
        answer = session.get_json(path, place)
        rows = rows_of(answer, key)
        new = seen.new(rows)
        yield from new
        offset += len(rows)
        total = stated_total(answer)
        if not new or total == offset or (total is None and len(rows) % 10):
            return
    raise _endless(path)


def stated_total(answer: object) -> int | None:
    """Return the total that an answer's `pagination` states, None without one."""
    pagination = answer.get("pagination") if isinstance(answer, Mapping) else None
    total = pagination.get("total") if isinstance(pagination, Mapping) else None
    return total if type(total) is int else None


def _count(answer: object) -> int | None:
    count = answer.get("count") if isinstance(answer, Mapping) else None
    return count if type(count) is int else None


def _endless(path: str) -> Unavailable:
    return Unavailable(f"{path} has more than {MOST_PAGES} pages", "name the workflows to take")
