"""What can be configured, read off the settings models: for `stacsync providers` and the reference. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from stacsync.settings import shape, values

_BY_CHECK = {
    values.size: "size",
    values.url: "URL",
    values.storage_url: "URL",
    values.ledger_url: "URL",
    values.cron: "crontab",
    values.host_port: "host:port",
}
_BY_TYPE = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    SecretStr: "secret",
    Path: "path",
    timedelta: "duration",
    datetime: "date or time",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One key of a table."""

    key: str
    """Dotted below its section; `[]` marks a list of tables."""
    type: str
    default: str
    """As it would be written in TOML, or "none"."""
    required: bool
    description: str
    when: str = ""
    """`auth.method = "basic"` when the key belongs to one of several tables."""

    @property
    def name(self) -> str:
        """The key with what it belongs to."""
        return f"{self.key} ({self.when})" if self.when else self.key

    @property
    def meaning(self) -> str:
        """The description as a sentence."""
        return self.description if self.description.endswith((".", "!", "?")) else f"{self.description}."


def rows(model: type[BaseModel], prefix: str = "", when: str = "") -> list[Row]:
    """Return every key of a table and of the tables in it, in the order of the model."""
    return list(_rows(model, prefix, when))


def _rows(model: type[BaseModel], prefix: str, when: str) -> Iterator[Row]:
    for key, info in shape.fields([model]).items():
        annotation: Any = info.annotation
        inner = shape.models(annotation)
        listed = shape.models(shape.element(annotation)) if shape.is_list(annotation) else []
        if listed:
            for table in listed:
                yield from _rows(table, f"{prefix}{key}[].", when)
        elif inner:
            for table in inner:
                yield from _rows(table, f"{prefix}{key}.", _condition(f"{prefix}{key}", table) if inner[1:] else when)
        else:
            yield Row(
                key=f"{prefix}{key}",
                type=type_of(annotation, info.metadata),
                default=default_of(info),
                required=info.is_required(),
                description=info.description or "",
                when=when,
            )


def _condition(path: str, table: type[BaseModel]) -> str:
    """Return what tells a table of a union from the others: its one key of a single allowed value."""
    for key, info in shape.fields([table]).items():
        allowed = shape.choices(info.annotation)
        if len(allowed) == 1:
            return f"{path}.{key} = {json.dumps(allowed[0])}"
    return table.__name__


def type_of(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """Return what a value may be, in a user's words."""
    for check in metadata:
        function = getattr(check, "func", None)
        if function in _BY_CHECK:
            return _BY_CHECK[function]
    found = []
    for part in _parts(annotation):
        literals = shape.choices(part)
        if hasattr(part, "__metadata__"):
            found.append(type_of(get_args(part)[0], part.__metadata__))
        elif literals:
            found.extend(json.dumps(value) for value in literals)
        elif shape.allows_list(part):
            found.append(f"list of {type_of(shape.element(part))}" if shape.element(part) else "list")
        else:
            found.append(_BY_TYPE.get(part, "text"))
    return " or ".join(dict.fromkeys(found))


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of an annotation, without None, each still with what is checked of it."""
    if hasattr(annotation, "__metadata__") or shape.choices(annotation) or shape.is_list(annotation):
        yield annotation
        return
    arguments = [part for part in get_args(annotation) if part is not type(None)]
    yield from arguments or [annotation]


def default_of(info: FieldInfo) -> str:
    """Return a key's default as it would be written in TOML; "none" when nothing is set, empty when it depends."""
    if info.is_required() or info.default_factory is not None or info.default is PydanticUndefined:
        return ""
    value = info.default
    if isinstance(value, timedelta):
        value = values.show_duration(value)
    elif type_of(info.annotation, info.metadata) == "size":
        value = values.show_size(value)
    if value is None:
        return "none"
    return json.dumps(
        list(value) if isinstance(value, tuple | frozenset | set) else value, ensure_ascii=False, default=str
    )
