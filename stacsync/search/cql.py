"""CQL2 filters as SQL on the columns of an index. The text is parsed by `cql2`; values only ever travel as parameters.

What is known: comparisons, `LIKE`, `BETWEEN`, `IN`, `IS NULL`, `AND`/`OR`/`NOT`, arithmetic, `CASEI`, `ACCENTI`, times with
`T_AFTER`, `T_BEFORE`, `T_EQUALS`, `T_DURING` and `T_INTERSECTS`, lists with `A_CONTAINS`, `A_CONTAINEDBY`, `A_EQUALS` and
`A_OVERLAPS`. A value that is missing matches nothing but `IS NULL`, as in SQL. Source: OGC 21-065r2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import cql2
import orjson

from stacsync.errors import ConfigError

_COMPARISONS = {"=": "=", "<>": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_SUMS = {"+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "^": "**", "div": "//"}
_LISTS = {"a_contains", "a_containedby", "a_equals", "a_overlaps"}
_TIMES = {"t_after", "t_before", "t_equals", "t_during", "t_intersects"}
_NAMED = {"number": "a number", "text": "text", "time": "a time", "bool": "true or false", "list": "a list"}


class Unfit(Exception):
    """The filter compares a property with what it never is; nothing matches."""


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of SQL and the kind of what it gives: number, text, time, bool, list, null or other."""

    sql: str
    kind: str


def parse(told: str) -> Any:
    """Return the tree of a filter, in CQL2's own JSON form. Raises `ConfigError`."""
    try:
        found = cql2.parse_json(told) if told.lstrip().startswith("{") else cql2.parse_text(told)
        return found.to_json()
    except Exception as error:  # noqa: BLE001 - the parser raises bare exceptions
        where = next((line.strip() for line in str(error).splitlines() if line.strip().startswith("-->")), "")
        place = f" ({where.removeprefix('-->').strip()}, line and column)" if where else ""
        raise ConfigError(
            f"the filter is no CQL2{place}: {told[:200]}", "write it like: \"eo:cloud_cover\" < 10 AND platform = 'x'"
        ) from None


def properties_of(tree: Any) -> set[str]:
    """Return the names of the properties that a filter asks for."""
    if isinstance(tree, Mapping):
        if isinstance(tree.get("property"), str):
            return {_plain(tree["property"])}
        return {name for value in tree.values() for name in properties_of(value)}
    return {name for value in tree for name in properties_of(value)} if isinstance(tree, list) else set()


def _plain(name: str) -> str:
    return name.removeprefix("properties.")


@dataclass(slots=True)
class Translation:
    """A filter for one index, whose columns are of these SQL types; `parameters` are those of the whole statement."""

    columns: Mapping[str, str]
    parameters: list[Any]

    def condition(self, tree: Any) -> str:
        """Return the SQL of a filter; `parameters` holds its values. Raises `Unfit`, or `ConfigError`."""
        found = self._term(tree)
        if found.kind not in {"bool", "null"}:
            raise ConfigError("the filter is no condition", "compare something: gsd <= 10")
        return found.sql

    def _term(self, tree: Any) -> Term:
        if isinstance(tree, Mapping) and "op" in tree:
            return self._operation(str(tree["op"]), list(tree.get("args", ())))
        if isinstance(tree, Mapping) and "property" in tree:
            return self._property(_plain(str(tree["property"])))
        if isinstance(tree, Mapping) and ("timestamp" in tree or "date" in tree):
            return self._time(tree.get("timestamp", tree.get("date")))
        return self._value(tree)

    def _value(self, value: Any) -> Term:
        if isinstance(value, bool):
            return Term("true" if value else "false", "bool")
        if isinstance(value, (int, float)):
            return Term(self._parameter(float(value) if abs(value) >= 2**63 else value), "number")
        if isinstance(value, str):
            return Term(self._parameter(value), "text")
        if isinstance(value, list):
            return Term(f"[{', '.join(self._term(one).sql for one in value)}]", "list")
        if value is None:
            return Term("NULL", "null")
        raise _unknown("a geometry or interval in this place")

    def _parameter(self, value: Any) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def _property(self, name: str) -> Term:
        kind = self.columns.get(name)
        return Term("NULL", "null") if kind is None else Term(quoted(name), kind_of(kind))

    def _time(self, told: Any) -> Term:
        try:
            moment = datetime.fromisoformat(str(told))
        except ValueError:
            raise ConfigError(
                f"the filter has no time where it says {str(told)[:50]!r}", "write 2026-01-31T12:00:00Z"
            ) from None
        return Term(self._parameter(moment if moment.tzinfo else moment.replace(tzinfo=UTC)), "time")

    def _operation(self, name: str, args: list[Any]) -> Term:
        name = name.lower()
        if name in {"and", "or", "not", "isnull"}:
            return Term(self._logic(name, args), "bool")
        if name in {"casei", "accenti"}:
            inner = self._of(args[0], "text")
            return Term(f"{'lower' if name == 'casei' else 'strip_accents'}({inner.sql})", inner.kind)
        if name in _COMPARISONS:
            return self._compared(_COMPARISONS[name], *args)
        if name in _SUMS:
            return self._sum(_SUMS[name], args)
        return self._predicate(name, args)

    def _logic(self, name: str, args: list[Any]) -> str:
        if name == "isnull":
            return f"({self._term(args[0]).sql} IS NULL)"
        each = [self.condition(one) for one in args]
        return f"(NOT {each[0]})" if name == "not" else f"({f' {name.upper()} '.join(each)})"

    def _predicate(self, name: str, args: list[Any]) -> Term:
        if name == "between":
            low, high = self._compared(">=", args[0], args[1]), self._compared("<=", args[0], args[2])
            return Term(f"({low.sql} AND {high.sql})", "bool")
        if name == "in":
            each = [self._compared("=", args[0], one).sql for one in args[1]]
            return Term(f"({' OR '.join(each) or 'false'})", "bool")
        if name == "like":
            text, pattern = self._of(args[0], "text"), self._of(args[1], "text")
            return Term(f"({text.sql} LIKE {pattern.sql} ESCAPE '\\')", "bool")
        if name in _LISTS:
            return self._lists(name, *args)
        if name in _TIMES:
            return self._temporal(name, *args)
        if name.startswith("s_"):
            raise ConfigError(f"filters on places ({name}) are not supported", "use --bbox")
        raise _unknown(name)

    def _of(self, tree: Any, kind: str) -> Term:
        found = self._term(tree)
        if found.kind not in {kind, "null"}:
            raise Unfit(f"{_told(tree)} is not {_NAMED[kind]}")
        return Term(f"CAST({found.sql} AS VARCHAR)", kind) if found.kind == "null" and kind == "text" else found

    def _compared(self, sign: str, left: Any, right: Any) -> Term:
        one, other = self._timely(left, right), self._timely(right, left)
        if "null" not in {one.kind, other.kind} and one.kind != other.kind:
            raise Unfit(f"{_told(left)} is never like {_told(right)}")
        return Term(f"({one.sql} {sign} {other.sql})", "bool")

    def _timely(self, tree: Any, beside: Any) -> Term:
        """Return a term; text beside a time is a time."""
        time = (
            isinstance(beside, Mapping) and kind_of(self.columns.get(_plain(str(beside.get("property"))), "")) == "time"
        )
        return self._time(tree) if time and isinstance(tree, str) else self._term(tree)

    def _sum(self, sign: str, args: list[Any]) -> Term:
        return Term(f"({f' {sign} '.join(self._of(one, 'number').sql for one in args)})", "number")

    def _lists(self, name: str, left: Any, right: Any) -> Term:
        one, other = self._of(left, "list").sql, self._of(right, "list").sql
        contains, contained = f"list_has_all({one}, {other})", f"list_has_all({other}, {one})"
        found = {
            "a_contains": contains,
            "a_containedby": contained,
            "a_equals": f"({contains} AND {contained})",
            "a_overlaps": f"list_has_any({one}, {other})",
        }
        return Term(found[name], "bool")

    def _temporal(self, name: str, left: Any, right: Any) -> Term:
        start, end, first, last = (
            partial(self._bound, one, last=late) for one in (left, right) for late in (False, True)
        )
        found: dict[str, Callable[[], str]] = {  # only what is used becomes a parameter
            "t_after": lambda: f"({start()} > {last()})",
            "t_before": lambda: f"({end()} < {first()})",
            "t_equals": lambda: f"({start()} = {first()} AND {end()} = {last()})",
            "t_during": lambda: f"({start()} > {first()} AND {end()} < {last()})",
            "t_intersects": lambda: f"({start()} <= {last()} AND {end()} >= {first()})",
        }
        return Term(found[name](), "bool")

    def _bound(self, tree: Any, *, last: bool) -> str:
        """Return the SQL of the first or last instant of a time, a date or an interval."""
        if isinstance(tree, Mapping) and "interval" in tree:
            end = tree["interval"][int(last)]
            return f"'{'' if last else '-'}infinity'::TIMESTAMPTZ" if end == ".." else self._bound(end, last=last)
        if isinstance(tree, Mapping) and "date" in tree:
            tree = tree["date"]
        if isinstance(tree, str):
            return self._time(f"{tree}T23:59:59.999999" if last and len(tree) == 10 else tree).sql
        return self._of(tree, "time").sql


def _told(tree: Any) -> str:
    if isinstance(tree, Mapping) and "property" in tree:
        return str(tree["property"])
    return orjson.dumps(tree).decode()[:60]


def _unknown(what: str) -> ConfigError:
    return ConfigError(f"the filter uses {what}, which is not supported", "see docs/search.md for what is")


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def kind_of(sql_type: str) -> str:
    """Return the kind of an SQL type."""
    if sql_type.endswith("[]"):
        return "list"
    if sql_type.startswith("TIMESTAMP"):
        return "time"
    return {"BIGINT": "number", "DOUBLE": "number", "VARCHAR": "text", "BOOLEAN": "bool"}.get(sql_type, "other")
