"""The example configuration and the reference: complete, true and current."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from stacsync import registry
from stacsync.cli import reference
from stacsync.settings import CommonProvider, Settings, shape

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config" / "stacsync.example.toml"
OPTION = re.compile(r"#(?=[a-z_]+ = |\[)")
INSTEAD = re.compile(r"^(\w+) = .*instead of `(\w+)`")


def uncommented(folder: Path, *, alternatives: bool) -> str:
    """Return the example with every option switched on; of two that exclude each other the first, or the second."""
    bundle = folder / "private-ca.pem"
    bundle.touch()
    lines = [OPTION.sub("", line, count=1) for line in EXAMPLE.read_text().splitlines()]
    kept: list[str] = []
    for line in lines:
        if match := INSTEAD.match(line):
            if not alternatives:
                continue
            place = max(number for number, one in enumerate(kept) if one.startswith(f"{match[2]} = "))
            del kept[place]
        kept.append(line)
    return "\n".join(kept).replace("/etc/ssl/private-ca.pem", str(bundle))


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "stacsync.toml"
    file.write_text(text)
    return registry.load_settings(file, {})


def given(model: BaseModel) -> Iterator[tuple[type[BaseModel], str, Any]]:
    """Yield every key that was given, with its table and value, however deep."""
    for key in model.model_fields_set:
        value = getattr(model, key)
        yield type(model), key, value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]:
            if isinstance(inner, BaseModel):
                yield from given(inner)


def tables(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a table's model and those of all tables in it."""
    yield model
    for info in shape.fields([model]).values():
        for inner in [*shape.models(info.annotation), *shape.models(shape.element(info.annotation))]:
            yield from tables(inner)


def test_the_example_loads_as_it_is(tmp_path: Path) -> None:
    """Copied without a change, the example is a valid configuration without providers."""
    assert loaded(tmp_path, EXAMPLE.read_text()).providers == {}


@pytest.mark.parametrize("alternatives", [False, True])
def test_the_example_loads_with_every_option_on(tmp_path: Path, *, alternatives: bool) -> None:
    """Every option of the example has a valid value, and every installed kind an example."""
    settings = loaded(tmp_path, uncommented(tmp_path, alternatives=alternatives))
    assert {one.kind for one in settings.providers.values()} == set(registry.names())


def test_the_example_is_complete(tmp_path: Path) -> None:
    """Every key of every section and of every kind stands in the example."""
    shown = {
        (table, key)
        for alternatives in (False, True)
        for table, key, _ in given(loaded(tmp_path, uncommented(tmp_path, alternatives=alternatives)))
    }
    kinds = [kind.settings for kind in registry.kinds().values()]
    common = {key for table, key in shown if table in kinds} & set(CommonProvider.model_fields)
    assert common == set(CommonProvider.model_fields)
    tops: list[type[BaseModel]] = [Settings, *kinds]
    expected = {(table, key) for top in tops for table in tables(top) for key in table.model_fields}
    missing = {(table.__name__, key) for table, key in expected - shown if key not in common}
    assert missing == set()


def test_the_example_tells_defaults_truly(tmp_path: Path) -> None:
    """An option shows its default, unless its line says what the default is, or that it has none."""
    lines = EXAMPLE.read_text().splitlines()
    for table, key, value in given(loaded(tmp_path, uncommented(tmp_path, alternatives=False))):
        info = table.model_fields[key]
        default = info.get_default(call_default_factory=False)
        if info.default_factory or info.is_required() or default in (None, ()) or isinstance(value, SecretStr):
            continue
        told = any(line.startswith(f"#{key} = ") and "default:" in line for line in lines)
        assert value == default or told, f"{table.__name__}.{key} shows {value!r}, and its default is {default!r}"


def test_required_options_say_so(tmp_path: Path) -> None:
    """Every required key of the example is marked as required, at least where it is shown first."""
    text = EXAMPLE.read_text()
    for table, key, _ in given(loaded(tmp_path, uncommented(tmp_path, alternatives=False))):
        if table.model_fields[key].is_required() and not issubclass(table, Settings):
            assert re.search(rf"^#?{key} = .*# required|^#?\[+.*\b{key}\]", text, re.MULTILINE), (
                f"{table.__name__}.{key}"
            )


def test_the_example_is_plain_toml() -> None:
    """The file as it is can be read by any TOML reader."""
    assert set(tomllib.loads(EXAMPLE.read_text())) >= {"catalog", "storage"}


def test_the_reference_is_current() -> None:
    """docs/reference.md is what the models say: `python -m stacsync.cli.reference > docs/reference.md`."""
    assert (ROOT / "docs" / "reference.md").read_text() == reference.render()
