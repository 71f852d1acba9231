"""From a file and the environment to checked settings, with every mistake told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, SecretStr, SerializeAsAny, ValidationError

from stacsync.errors import ConfigError
from stacsync.settings import environment
from stacsync.settings.prepare import Preparation
from stacsync.settings.problems import Place, dotted, told
from stacsync.settings.providers import CommonProvider
from stacsync.settings.sections import (
    Catalog,
    Ledger,
    Log,
    Mirror,
    Raster,
    Schedule,
    Section,
    Server,
    Storage,
    Target,
)
from stacsync.settings.values import PROVIDER_NAME

PLACES = (Path("stacsync.toml"), Path("/etc/stacsync/stacsync.toml"))
"""Where the file is looked for when nothing names one."""

ModelOf = Callable[[str], type[CommonProvider]]
"""Kind -> model of its settings; raises `ConfigError` for a kind that is not installed."""


class Settings(Section):
    """Everything that can be configured, checked."""

    catalog: Catalog = Field(description="The published catalog")
    storage: Storage = Field(description="Where the catalog and the mirrored files live")
    ledger: Ledger = Field(default_factory=Ledger, description="What was done already")
    schedule: Schedule = Field(default_factory=Schedule, description="When `run` looks for finished jobs")
    mirror: Mirror = Field(default_factory=Mirror, description="How files are copied")
    raster: Raster = Field(default_factory=Raster, description="What is read from mirrored rasters")
    server: Server = Field(default_factory=Server, description="The status page of `run`")
    targets: tuple[Target, ...] = Field(default=(), description="STAC APIs that take the items too")
    log: Log = Field(default_factory=Log, description="What is logged, to stderr")
    providers: dict[str, SerializeAsAny[CommonProvider]] = Field(
        default_factory=dict, description="The configured providers, by name"
    )

    def secrets(self) -> Iterator[str]:
        """Yield every secret in clear, for `stacsync.logs.conceal` alone."""
        yield from _secrets(self)
        password = urlsplit(self.ledger.url).password
        if password:
            yield from {password, unquote(password)}


def find(path: Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the file to read: `path`, else `STACSYNC_CONFIG`, else the first of `PLACES` that exists, else None.

    Raises `ConfigError` when a file that was named does not exist, or when there is nothing to read at all.
    """
    named = path or (Path(env["STACSYNC_CONFIG"]) if env.get("STACSYNC_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            problem = "is no file" if named.exists() else "does not exist"
            raise ConfigError(f"the configuration {named} {problem}", "name another with --config or STACSYNC_CONFIG")
        return named
    found = next((place for place in PLACES if place.is_file()), None)
    if found is None and not environment.overrides(env):
        looked = " and ".join(str(place) for place in PLACES)
        raise ConfigError(f"no configuration: looked for {looked}", "name one with --config or STACSYNC_CONFIG")
    return found


def load(path: Path | None, env: Mapping[str, str], model_of: ModelOf) -> Settings:
    """Return the checked settings. Raises `ConfigError` that tells every mistake by its key's full path."""
    file = find(path, env)
    raw, origins, misplaced = environment.overlay(_read(file) if file else {}, env)
    preparation = Preparation()
    settings, problems = _checked(raw, model_of, preparation)
    lines = [*misplaced, *(_line(place, preparation.hide(text), origins) for place, text in problems.items())]
    if settings is None or lines:
        where = str(file) if file else "the environment"
        count = "1 setting is wrong" if len(lines) == 1 else f"{len(lines)} settings are wrong"
        raise ConfigError("\n".join([f"{where}: {count}", *(f"  {line}" for line in lines)]))
    return settings


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return tomllib.load(stream)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is no TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no TOML: it is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error


def _checked(
    raw: dict[str, Any], model_of: ModelOf, preparation: Preparation
) -> tuple[Settings | None, dict[Place, str]]:
    """Return the settings, if they can be built at all, and every problem by its place."""
    tables = raw.pop("providers", {})
    ready = preparation.table({"catalog": {}, "storage": {}, **raw}, [Settings], ())
    problems: dict[Place, str] = {}
    providers: dict[str, CommonProvider] = {}
    if isinstance(tables, dict):
        for name, table in tables.items():
            provider, found = _provider(name, table, model_of, preparation)
            problems |= found
            if provider is not None:
                providers[name] = provider
    else:
        problems["providers",] = "tables such as [providers.NAME] are expected"
    try:
        settings = Settings(**ready, providers=providers)
    except ValidationError as error:
        return None, _without_echo(told(error, Settings) | problems, preparation.problems)
    return settings, _without_echo(problems | _crossed(providers), preparation.problems)


def _provider(
    name: str, table: Any, model_of: ModelOf, preparation: Preparation
) -> tuple[CommonProvider | None, dict[Place, str]]:
    place: Place = ("providers", name)
    problems: dict[Place, str] = {}
    if not PROVIDER_NAME.fullmatch(name):
        problems[place] = "a provider's name holds lower-case letters, digits and hyphens, and starts with no hyphen"
    if not isinstance(table, dict):
        return None, {**problems, place: f"a table [providers.{name}] is expected"}
    kind = table.get("kind", "")
    if not isinstance(kind, str):
        return None, {**problems, (*place, "kind"): "a text is expected"}
    try:
        model = model_of(kind)
    except ConfigError as error:
        problems[*place, "kind"] = str(error) if "kind" in table else f"required; {error.remedy}"
        return None, problems
    try:
        return model.model_validate(preparation.table(table, [model], place)), problems
    except ValidationError as error:
        return None, problems | told(error, model, place)


def _crossed(providers: Mapping[str, CommonProvider]) -> dict[Place, str]:
    """Return what providers take from each other."""
    problems: dict[Place, str] = {}
    owners: dict[str, str] = {}
    for name, provider in providers.items():
        collection = getattr(provider, "collection", None)
        if isinstance(collection, str) and owners.setdefault(collection, name) != name:
            problems["providers", name, "collection"] = (
                f"the provider `{owners[collection]}` fills this collection already: a collection has one source"
            )
    return problems


def _without_echo(found: dict[Place, str], unread: dict[Place, str]) -> dict[Place, str]:
    """Leave out that a value is missing when the file to read it from is what is wrong."""
    silent = {(*place[:-1], str(place[-1]).removesuffix("_file")) for place in unread}
    return {place: text for place, text in found.items() if place not in silent} | unread


def _line(place: Place, text: str, origins: Mapping[Place, str]) -> str:
    source = origins.get(place)
    if source is None and text.startswith(("required", "is missing")):
        return f"{dotted(place)}: {text}; set it in the file or as {environment.variable(place)}, or name a file with {place[-1]}_file"
    return f"{dotted(place)}: {text}{f' (from {source})' if source else ''}"


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _secrets(inner)
