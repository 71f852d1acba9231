"""What is wrong with a configuration, said in the words of its user: full key path, what is allowed, never a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stacsync.settings import shape

Place = tuple[str | int, ...]


def told(error: ValidationError, model: type[BaseModel], prefix: Place = ()) -> dict[Place, str]:
    """Return what `model` refused, by the path that a user would write."""
    found: dict[Place, list[str]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # an echo of what is wrong with another key
        place, tables = _follow(model, detail)
        text = _hidden(_text(detail, tables, str(place[-1]) if place else ""), detail["input"])
        texts = found.setdefault((*prefix, *place), [])
        if text not in texts:
            texts.append(text)
    return {place: ", or ".join(texts) for place, texts in found.items()}


def dotted(place: Place) -> str:
    """Return a path as `targets[0].token`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: list[str]) -> str:
    """Return a hint at the known word that looks like `word`, with a space after it, or nothing."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`? " if close else ""


def _follow(model: type[BaseModel], detail: ErrorDetails) -> tuple[Place, list[type[BaseModel]]]:
    """Return the path without what pydantic adds for unions, and the tables that hold its last key."""
    place: list[str | int] = []
    annotation: Any = model
    tables = [model]
    for number, part in enumerate(detail["loc"]):
        tables = shape.models(annotation) or tables
        keys = shape.fields(tables)
        last = number == len(detail["loc"]) - 1
        if isinstance(part, int):
            place.append(part)
            annotation = shape.element(annotation)
        elif shape.models(annotation) and part in keys:
            place.append(part)
            tables = [table for table in tables if part in shape.fields([table])]
            annotation = keys[part].annotation
        elif last and detail["type"] == "extra_forbidden":
            place.append(part)
        elif shape.models(annotation):
            annotation = _tagged(annotation, part)
    if detail["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        place.append(str(detail.get("ctx", {}).get("discriminator", "")).strip("'"))
    inside = detail["type"] in {"extra_forbidden", "union_tag_invalid", "union_tag_not_found"}
    return tuple(place), shape.models(annotation) if inside else tables


def _tagged(annotation: Any, tag: str) -> Any:
    """Return the table of a union that pydantic means by `tag`."""
    for table in shape.models(annotation):
        if tag == table.__name__ or any(tag in shape.choices(info.annotation) for info in table.model_fields.values()):
            return table
    return annotation


def _text(detail: ErrorDetails, tables: list[type[BaseModel]], key: str) -> str:
    context: Mapping[str, Any] = detail.get("ctx", {})
    keys = shape.fields(tables)
    match detail["type"]:
        case "missing":
            description = keys[key].description if key in keys else None
            text = f"required{f' ({_small(description)})' if description else ''}"
        case "extra_forbidden":
            text = f"unknown key; {nearest(key, sorted(keys))}allowed: {', '.join(sorted(keys))}"
        case "union_tag_not_found":
            text = f"required: one of {_tags(tables, key)}"
        case "union_tag_invalid":
            text = f"one of {_tags(tables, key)} is expected"
        case "literal_error" | "enum":
            text = f"{context.get('expected', 'another value')} is expected"
        case "value_error" | "assertion_error":
            text = str(context.get("error", detail["msg"]))
        case "tuple_type" | "list_type":
            text = "a list is expected"
        case "string_too_short":
            text = "a text is expected, not nothing"
        case _:
            text = _expected(detail["msg"])
    return text


def _tags(tables: list[type[BaseModel]], key: str) -> str:
    infos = (shape.fields([table]).get(key) for table in tables)
    tags = [str(value) for info in infos if info is not None for value in shape.choices(info.annotation)]
    return ", ".join(f"'{tag}'" for tag in dict.fromkeys(tags))


def _expected(message: str) -> str:
    """Turn "Input should be a valid integer, …" into "a valid integer, … is expected"."""
    wanted = message.removeprefix("Input should be ")
    return f"{wanted.split(', ')[0]} is expected" if wanted != message else _small(message)


def _small(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _hidden(text: str, given: Any) -> str:
    """Take a given value out of a message, should a validator have repeated it."""
    return text.replace(given, "***") if isinstance(given, str) and len(given) >= 4 else text
