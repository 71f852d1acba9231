"""Before the models see the configuration: values from files (`<key>_file`), and lists written as one text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from stacsync.settings import shape

LARGEST = 1024 * 1024
"""Bytes of a file that a value may be read from."""
SHORTEST = 6
"""Shorter secrets are not looked for in messages: hiding them would tear ordinary words."""


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Preparation:
    """Reads what the configuration leaves to files; notes what went wrong by its path instead of stopping."""

    def __init__(self) -> None:
        self.problems: dict[tuple[str | int, ...], str] = {}
        self._secrets: set[str] = set()

    def hide(self, text: str) -> str:
        """Return `text` without any secret that was read, should a check have repeated one."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def table(
        self, raw: Mapping[str, Any], allowed: list[type[BaseModel]], path: tuple[str | int, ...]
    ) -> dict[str, Any]:
        """Return a table with every value in place."""
        keys = shape.fields(shape.fitting(allowed, raw))
        ready: dict[str, Any] = {}
        for key, value in raw.items():
            stem = key.removesuffix("_file")
            if key in keys or stem == key or stem not in keys or shape.models(keys[stem].annotation):
                ready[key] = self._value(value, keys[key].annotation if key in keys else None, (*path, key))
            elif stem in raw:
                self.problems[*path, key] = f"given together with `{stem}`: give one of the two"
            else:
                self._from_file(ready, stem, value, keys[stem].annotation, path)
        return ready

    def _from_file(
        self, ready: dict[str, Any], key: str, name: Any, annotation: Any, path: tuple[str | int, ...]
    ) -> None:
        place = (*path, f"{key}_file")
        if not isinstance(name, str) or not name:
            self.problems[place] = "the path of a file is expected"
            return
        try:
            with Path(name).open("rb") as file:
                data = file.read(LARGEST + 1)
            if len(data) > LARGEST:
                self.problems[place] = f"{name} is larger than 1 MiB: the value alone is expected in it"
                return
            ready[key] = self._value(data.decode().rstrip("\r\n"), annotation, (*path, key))
        except UnicodeDecodeError:
            self.problems[place] = f"{name} is no UTF-8 text"
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file name"
            self.problems[place] = f"cannot read {_shown(name)}: {reason}"

    def _value(self, value: Any, annotation: Any, path: tuple[str | int, ...]) -> Any:
        if annotation is None:
            return value
        if isinstance(value, dict):
            allowed = shape.models(annotation)
            return self.table(value, allowed, path) if allowed else value
        if isinstance(value, list):
            inner = shape.element(annotation)
            return [self._value(part, inner, (*path, number)) for number, part in enumerate(value)]
        if isinstance(value, str) and SecretStr in shape.members(annotation):
            if not value.strip():
                self.problems[path] = "is empty: give the secret, or leave the key out"
            elif _CONTROL.search(value):
                self.problems[path] = (
                    "holds a line break or another control character: give the secret alone, on one line"
                )
            self._secrets.update([value] if len(value) >= SHORTEST else [])
            return value
        return self._listed(value, annotation, path) if isinstance(value, str) else value

    def _listed(self, text: str, annotation: Any, path: tuple[str | int, ...]) -> Any:
        """Return a text as a list where only a list will do: JSON, or parts between commas."""
        if text.lstrip().startswith("[") and shape.allows_list(annotation):
            try:
                return json.loads(text)
            except ValueError:
                self.problems[path] = 'a JSON list such as ["a", "b"] is expected'
                return []
        if shape.is_list(annotation) and not shape.models(shape.element(annotation)):
            return [part.strip() for part in text.split(",") if part.strip()]
        return text


def _shown(name: str) -> str:
    """Return a file's name if its folder is there; anything else may be the secret itself, in the wrong place."""
    folder = Path(name.partition("\0")[0]).parent
    known = folder.name and folder.is_dir()
    return repr(name) if known else "the file that it names (the path of a file is expected, not the value itself)"
