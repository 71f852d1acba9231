"""What a settings model allows, read off its annotations: fields, nested tables, lists. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_LISTS = (list, tuple, set, frozenset, Sequence)


def members(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of an annotation, without None and without `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from members(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for inner in get_args(annotation):
            yield from members(inner)
    elif annotation is not type(None):
        yield annotation


def models(annotation: Any) -> list[type[BaseModel]]:
    """Return the tables that an annotation allows: one, several (a union), or none."""
    return [member for member in members(annotation) if isinstance(member, type) and issubclass(member, BaseModel)]


def is_list(annotation: Any) -> bool:
    """Say whether an annotation allows lists and nothing else."""
    found = list(members(annotation))
    return bool(found) and all(_is_list(member) for member in found)


def allows_list(annotation: Any) -> bool:
    """Say whether an annotation allows lists, among others."""
    return any(_is_list(member) for member in members(annotation))


def element(annotation: Any) -> Any:
    """Return what the elements of a list, or the values of a free table, are; None when it is neither."""
    for member in members(annotation):
        arguments = get_args(member)
        if arguments and (_is_list(member) or get_origin(member) in {dict, Mapping}):
            return arguments[0] if _is_list(member) else arguments[1]
    return None


def fields(tables: Sequence[type[BaseModel]]) -> dict[str, FieldInfo]:
    """Return the keys that tables allow, by the name a user writes."""
    return {info.alias or name: info for table in tables for name, info in table.model_fields.items()}


def fitting(tables: list[type[BaseModel]], raw: Mapping[str, Any]) -> list[type[BaseModel]]:
    """Return those of a union's tables that `raw` can mean, judged by their keys of one allowed value (`method`)."""
    fits = [table for table in tables if all(_agrees(info, raw.get(key)) for key, info in fields([table]).items())]
    return fits or tables


def choices(annotation: Any) -> tuple[Any, ...]:
    """Return the values that an annotation of literals allows; nothing when others are allowed too."""
    found = list(members(annotation))
    if not found or any(get_origin(member) is not Literal for member in found):
        return ()
    return tuple(value for member in found for value in get_args(member))


def _agrees(info: FieldInfo, value: Any) -> bool:
    """Say whether a key of few allowed values agrees with what was given (nothing given agrees with a default)."""
    allowed = choices(info.annotation)
    if not allowed or not isinstance(value, str | None):
        return True
    return value in allowed or (value is None and not info.is_required())


def _is_list(member: Any) -> bool:
    return get_origin(member) in _LISTS or member in _LISTS
