"""Insert-or-replace that both databases understand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows` (all with the same columns), replacing those columns where the primary key is already there."""
    if not rows:
        return
    statement = _statement(connection.dialect.name, table, tuple(rows[0]))
    connection.execute(statement, [{name: _storable(value) for name, value in row.items()} for row in rows])


def inserting(dialect_name: str, table: Table) -> Any:
    """Return the INSERT of a dialect, which can say what to do where the key is there already."""
    if dialect_name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - most ledgers are files

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def _statement(dialect_name: str, table: Table, names: tuple[str, ...]) -> Any:
    """Return the statement for these columns; making one costs more than running it."""
    statement: Any = inserting(dialect_name, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


def _storable(value: Any) -> Any:
    """Return `value` without the one character that PostgreSQL cannot keep in text."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
