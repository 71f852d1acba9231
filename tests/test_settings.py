"""The configuration: what is read from where, and how mistakes are told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, SecretStr, field_validator
from stacsync.errors import ConfigError
from stacsync.settings import CommonProvider, Section, Settings, Url, load, values

MINIMAL = '[catalog]\nid = "acme"\n[storage]\nurl = "s3://bucket/prefix"\n'
SECRET = "correct-horse-battery"


class Basic(Section):
    method: Literal["basic"]
    username: str
    password: SecretStr = Field(description="Password of that user")

    @field_validator("password")
    @classmethod
    def _tactless(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value().startswith("bad"):
            raise ValueError(f"{value.get_secret_value()} is a bad password")
        return value


class Stored(Section):
    method: Literal["stored"]
    token: SecretStr | None = None
    token_file: str | None = None


class House(CommonProvider):
    url: Url
    auth: Annotated[Basic | Stored, Field(discriminator="method")]
    collection: str | None = None
    collections: Literal["auto", "off"] | tuple[str, ...] = "auto"


class Lasting(CommonProvider):
    lasting_hrefs = True


MODELS: Mapping[str, type[CommonProvider]] = {"house": House, "lasting": Lasting}


def model_of(kind: str) -> type[CommonProvider]:
    if kind not in MODELS:
        raise ConfigError(f"unknown kind {kind!r}", "installed: house, lasting")
    return MODELS[kind]


def read(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    file = folder / "stacsync.toml"
    file.write_text(text)
    return load(file, env or {}, model_of)


def refusal(folder: Path, text: str, env: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, env)
    return str(caught.value)


HOUSE = (
    MINIMAL
    + '[providers.my-house]\nkind = "house"\nurl = "https://house.example/api/"\n'
    + f'[providers.my-house.auth]\nmethod = "basic"\nusername = "u"\npassword = "{SECRET}"\n'
)


def test_defaults(tmp_path: Path) -> None:
    """Two keys are enough; everything else has the documented default."""
    settings = read(tmp_path, MINIMAL)
    assert (settings.catalog.title, settings.catalog.license) == ("acme", "other")
    assert settings.ledger.url == "sqlite:///stacsync.db"
    assert (settings.schedule.every, settings.schedule.cron) == (timedelta(minutes=5), None)
    assert settings.schedule.jitter == timedelta(seconds=10)
    assert (settings.mirror.concurrency, settings.mirror.executor) == (16, "local")
    assert settings.mirror.max_asset_size == 50 * 2**30
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert (settings.log.level, settings.log.format) == ("info", "auto")
    assert (settings.raster.pictures, settings.targets, settings.providers) == (True, (), {})


def test_provider_tables_take_their_kinds_model(tmp_path: Path) -> None:
    """A provider's table becomes its kind's own model; URLs lose the slash at their end, globs may be one text."""
    text = HOUSE.replace(
        "[providers.my-house.auth]", 'include = ["a*", "b?"]\nsince = 2026-01-01\n[providers.my-house.auth]'
    )
    house = read(tmp_path, text).providers["my-house"]
    assert isinstance(house, House)
    assert house.url == "https://house.example/api"
    assert house.include == ("a*", "b?")
    assert house.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert isinstance(house.auth, Basic)
    assert house.auth.password.get_secret_value() == SECRET


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    """Variables override any key of the file, nested tables and list positions included; `_` stands for `-`."""
    env = {
        "STACSYNC_STORAGE__URL": "file:///srv/stac",
        "STACSYNC_MIRROR__CONCURRENCY": "4",
        "STACSYNC_RASTER__PICTURES": "false",
        "STACSYNC_PROVIDERS__MY_HOUSE__AUTH__PASSWORD": "another-secret",
        "STACSYNC_PROVIDERS__MY_HOUSE__EXCLUDE": "x*, y*",
        "STACSYNC_PROVIDERS__MY_HOUSE__COLLECTIONS": '["a", "b"]',
        "STACSYNC_TARGETS__0__URL": "https://api.example",
        "STACSYNC_TARGETS__0__TOKEN": "target-token",
        "STACSYNC_LOG__LEVEL": "",
        "STACSYNC_CONFIG": "elsewhere.toml",
        "STACSYNC_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    }
    settings = read(tmp_path, HOUSE, env)
    house = settings.providers["my-house"]
    assert isinstance(house, House)
    assert isinstance(house.auth, Basic)
    assert settings.storage.url == "file:///srv/stac"
    assert (settings.mirror.concurrency, settings.raster.pictures, settings.log.level) == (4, False, "info")
    assert house.auth.password.get_secret_value() == "another-secret"
    assert (house.exclude, house.collections) == (("x*", "y*"), ("a", "b"))
    assert settings.targets[0].token is not None
    assert settings.targets[0].token.get_secret_value() == "target-token"


def test_a_provider_from_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any file the environment can say everything."""
    monkeypatch.chdir(tmp_path)
    env = {
        "STACSYNC_CATALOG__ID": "acme",
        "STACSYNC_STORAGE__URL": "s3://bucket",
        "STACSYNC_PROVIDERS__H_1__KIND": "house",
        "STACSYNC_PROVIDERS__H_1__URL": "https://house.example",
        "STACSYNC_PROVIDERS__H_1__AUTH__METHOD": "basic",
        "STACSYNC_PROVIDERS__H_1__AUTH__USERNAME": "u",
        "STACSYNC_PROVIDERS__H_1__AUTH__PASSWORD": SECRET,
    }
    assert list(load(None, env, model_of).providers) == ["h-1"]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_any_value_may_come_from_a_file(tmp_path: Path, ending: str) -> None:
    """`<key>_file` reads the value from a file, in the file and in the environment, without its last line break."""
    secret, place = tmp_path / "password", tmp_path / "url"
    secret.write_bytes(f" {SECRET} {ending}".encode())
    place.write_text("https://other.example\n")
    text = HOUSE.replace(f'password = "{SECRET}"', f'password_file = "{secret}"')
    house = read(tmp_path, text, {"STACSYNC_PROVIDERS__MY_HOUSE__URL_FILE": str(place)}).providers["my-house"]
    assert isinstance(house, House)
    assert isinstance(house.auth, Basic)
    assert house.auth.password.get_secret_value() == f" {SECRET} "
    assert house.url == "https://other.example"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_variables_last_line_break_is_none_of_its_value(tmp_path: Path, ending: str) -> None:
    """Whoever makes a variable of a file leaves it there; keys and regions lose the spaces around them as well."""
    variables = {
        "STACSYNC_PROVIDERS__MY_HOUSE__AUTH__PASSWORD": f" {SECRET} {ending}",
        "STACSYNC_STORAGE__ACCESS_KEY_ID": f" AKID {ending}",
        "STACSYNC_STORAGE__SECRET_ACCESS_KEY": f"{SECRET}{ending}",
        "STACSYNC_STORAGE__REGION": f"eu-1{ending}",
        "STACSYNC_STORAGE__PUBLIC_URL": ending,
    }
    settings = read(tmp_path, HOUSE, variables)
    storage, house = settings.storage, settings.providers["my-house"]
    assert isinstance(house, House)
    assert isinstance(house.auth, Basic)
    assert house.auth.password.get_secret_value() == f" {SECRET} "
    assert (storage.access_key_id, storage.region, storage.public_url) == ("AKID", "eu-1", None)
    assert storage.secret_access_key is not None
    assert storage.secret_access_key.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("storage.access_key_id", f"AK\n{SECRET}"),
        ("storage.region", f"{SECRET} 1"),
        ("storage.secret_access_key", f"{SECRET}\n{SECRET}"),
        ("providers.my-house.auth.password", f"\n{SECRET}"),
    ],
)
def test_what_no_request_can_carry_is_refused(tmp_path: Path, key: str, value: str) -> None:
    """Control characters in secrets, and spaces in keys and regions, are told by the key alone, from wherever they come."""
    held = tmp_path / "value"
    held.write_text(value)
    name = "STACSYNC_" + key.upper().replace(".", "__").replace("-", "_")
    pair = {"STACSYNC_STORAGE__ACCESS_KEY_ID": "AK", "STACSYNC_STORAGE__SECRET_ACCESS_KEY": "made-up"}
    for source in ({name: value}, {f"{name}_FILE": str(held)}):
        told = refusal(tmp_path, HOUSE, {**{one: text for one, text in pair.items() if one != name}, **source})
        assert f"{key}: " in told
        assert "line break" in told
        assert SECRET not in told


def test_a_variable_beats_the_files_key_file(tmp_path: Path) -> None:
    """A value from the environment replaces a `<key>_file` of the file, which is then not even read."""
    text = HOUSE.replace(f'password = "{SECRET}"', 'password_file = "/nowhere/at/all"')
    house = read(tmp_path, text, {"STACSYNC_PROVIDERS__MY_HOUSE__AUTH__PASSWORD": "given-here"}).providers["my-house"]
    assert isinstance(house, House)
    assert isinstance(house.auth, Basic)
    assert house.auth.password.get_secret_value() == "given-here"


def test_a_models_own_file_key_is_no_reference(tmp_path: Path) -> None:
    """A key that a model itself calls `…_file` keeps its text: nothing is read from there."""
    text = HOUSE.split("[providers.my-house.auth]", maxsplit=1)[0]
    text += '[providers.my-house.auth]\nmethod = "stored"\ntoken_file = "/var/lib/token"\n'
    house = read(tmp_path, text).providers["my-house"]
    assert isinstance(house, House)
    assert isinstance(house.auth, Stored)
    assert (house.auth.token, house.auth.token_file) == (None, "/var/lib/token")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """One refusal names every wrong key by its full path, says what is allowed, and proposes the nearest word."""
    text = """
[catalog]
titel = "x"
[[catalog.providers]]
name = "ACME"
roles = ["hots"]
[storage]
url = "http://bucket"
[schedule]
every = "soon"
[mirror]
concurrency = 0
max_asset_size = "big"
executor = "spark"
[server]
port = 70000
[log]
level = "loud"
[weather]
sunny = true
[providers.one]
kind = "hose"
[providers.two]
kind = "house"
url = "https://user:pw@house.example"
trusted_hosts = ["minio"]
[providers.two.auth]
method = "basik"
[providers.three]
kind = "house"
url = "https://house.example"
[providers.three.auth]
method = "basic"
username = "u"
[providers.Four]
kind = "lasting"
[providers.five]
enabled = true
"""
    told = refusal(tmp_path, text)
    for line in (
        "catalog.id: required",
        "catalog.titel: unknown key; did you mean `title`?",
        "catalog.providers[0].roles[0]: 'licensor', 'producer', 'processor' or 'host' is expected",
        "storage.url: s3://bucket/prefix or file:///folder",
        'schedule.every: a duration such as "30s"',
        "mirror.concurrency: greater than or equal to 1 is expected",
        'mirror.max_asset_size: a size such as "50GiB"',
        "mirror.executor: 'local' or 'dask' is expected",
        "server.port: less than or equal to 65535 is expected",
        "log.level: 'debug', 'info', 'warning' or 'error' is expected",
        "weather: unknown key",
        "providers.one.kind: unknown kind 'hose'",
        "providers.two.url: a URL must not hold a user or a password",
        'providers.two.trusted_hosts[0]: "host:port" is expected',
        "providers.two.auth.method: one of 'basic', 'stored' is expected",
        "providers.three.auth.password: required (password of that user)",
        "STACSYNC_PROVIDERS__THREE__AUTH__PASSWORD",
        "providers.Four: a provider's name holds lower-case letters",
        "providers.five.kind: required",
    ):
        assert line in told
    assert "user:pw" not in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (f'passwrd = "{SECRET}"', "providers.my-house.auth.passwrd: unknown key; did you mean `password`?"),
        (f'password = ["{SECRET}"]', "providers.my-house.auth.password"),
        (f'password = "{SECRET}"\ntoken = "{SECRET}"', "providers.my-house.auth.token: unknown key"),
        (f'password = "bad-{SECRET}"', "providers.my-house.auth.password"),
    ],
)
def test_a_refusal_never_shows_a_secret(tmp_path: Path, change: str, path: str) -> None:
    """Neither a secret under a wrong key, nor one of a wrong type, nor one that a check repeats, is shown."""
    told = refusal(tmp_path, HOUSE.replace(f'password = "{SECRET}"', change))
    assert path in told
    assert SECRET not in told


def dumped(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {dumped(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dumped(inner) for inner in value) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


KEYS = st.sampled_from(
    [
        *("catalog", "storage", "schedule", "mirror", "providers", "targets", "auth", "method", "kind", "url", "every"),
        *("cron", "since", "title", "max_asset_size", "port", "url_file", "trusted_hosts", "collections", "password"),
        *("ca_bundle", "include", "p", "0", ""),
    ]
)
TEXTS = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=20)
WORDS = st.sampled_from(
    ["house", "basic", "5m", "999999999d", "* * * * *", "*/0 * * * 9", "http://[", "s3://b", "9GiB", "/"]
)
VALUES = st.recursive(
    TEXTS
    | WORDS
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.dates()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, TEXTS | WORDS, max_size=3))
def test_nothing_but_a_refusal_comes_of_nonsense(tmp_path: Path, raw: dict[str, Any], env: dict[str, str]) -> None:
    """Whatever stands in the file and the environment, the answer is settings or a `ConfigError`, never a crash."""
    file = tmp_path / "stacsync.toml"
    file.write_text("".join(f"{json.dumps(key)} = {dumped(value)}\n" for key, value in raw.items()))
    variables = {f"STACSYNC_PROVIDERS__P__{key.upper()}": value for key, value in env.items()}
    with contextlib.suppress(ConfigError):
        for provider in load(file, variables, model_of).providers.values():
            assert all(":" in host for host in provider.trusted())


def test_settings_never_show_a_secret(tmp_path: Path) -> None:
    """Printing settings, or turning them into JSON, hides every secret; `secrets` lists them for the logs to hide."""
    text = HOUSE.replace("[storage]\n", f'[storage]\naccess_key_id = "AK"\nsecret_access_key = "{SECRET}2"\n')
    text += f'[[targets]]\nurl = "https://api.example"\ntoken = "{SECRET}3"\n'
    text += '[ledger]\nurl = "postgresql://me:p%40w@db/stacsync"\n'
    settings = read(tmp_path, text)
    assert "p%40w" not in f"{settings!r} {settings}"
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()} {settings.providers!r}"
    assert set(settings.secrets()) == {SECRET, f"{SECRET}2", f"{SECRET}3", "p%40w", "p@w"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[schedule]\nevery = "5m"\ncron = "* * * * *"\n', "schedule: `every` and `cron` exclude each other"),
        ('[mirror]\nexecutor = "dask"\n', "needs `dask_scheduler`"),
        ('[mirror]\ndask_scheduler = "tcp://s:1"\n', "`dask_scheduler` does nothing"),
        ('[ledger]\nurl = "mysql://host/db"\n', "ledger.url: sqlite:///file"),
        ('[schedule]\ncron = "61 * * * *"\n', "schedule.cron: a crontab expression"),
        ('[schedule]\nevery = "0s"\n', "schedule.every: at least 1s"),
        ('[schedule]\njitter = "-1s"\n', "schedule.jitter: a duration"),
        ('[providers.p]\nkind = "lasting"\nevery = "1m"\ncron = "* * * * *"\n', "providers.p: `every` and `cron`"),
        ("[storage.deep]\na = 1\n", "storage.deep: unknown key"),
        ("providers = 3\n", "providers"),
        ("[providers]\np = 3\n", "providers.p: a table [providers.p] is expected"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """Contradictions, impossible values and odd shapes are refused with the reason."""
    base = f"{text}{MINIMAL}" if text.startswith("providers =") else f"{MINIMAL}{text}"
    assert told in refusal(tmp_path, base)


def test_half_a_pair_of_keys_is_refused(tmp_path: Path) -> None:
    """An access key without its secret, or the other way round, would silently mean other credentials."""
    told = refusal(tmp_path, f'{MINIMAL}secret_access_key = "{SECRET}"\n')
    assert "storage: `access_key_id` and `secret_access_key` belong together" in told
    assert SECRET not in told


def test_reference_is_for_lasting_hrefs_only(tmp_path: Path) -> None:
    """`transfer = "reference"` is refused where hrefs expire, and taken where they last."""
    asked = 'transfer = "reference"\n'
    told = refusal(tmp_path, HOUSE.replace("[providers.my-house.auth]", f"{asked}[providers.my-house.auth]"))
    assert "providers.my-house.transfer: only hrefs of kind sentinelhub last" in told
    settings = read(tmp_path, f'{MINIMAL}[providers.p]\nkind = "lasting"\n{asked}')
    assert settings.providers["p"].transfer == "reference"


def test_two_providers_cannot_fill_one_collection(tmp_path: Path) -> None:
    """The same explicit collection id at two providers is refused, naming both."""
    one = 'kind = "house"\nurl = "https://h.example"\ncollection = "s2"\nauth = {method = "stored"}\n'
    told = refusal(tmp_path, f"{MINIMAL}[providers.a]\n{one}[providers.b]\n{one}")
    assert "providers.b.collection: the provider `a` fills this collection already" in told


@pytest.mark.parametrize("value", [SECRET, f"/{SECRET}", f"/nowhere/{SECRET}", f"{SECRET}\\u0000", SECRET * 100])
def test_a_secret_where_a_files_name_belongs_is_not_shown(tmp_path: Path, value: str) -> None:
    """What is no path in a folder that exists may be the secret itself: its key alone is told, in file and environment."""
    told = refusal(tmp_path, HOUSE.replace(f'password = "{SECRET}"', f'password_file = "{value}"'))
    assert "providers.my-house.auth.password_file: cannot read the file that it names" in told
    assert SECRET not in told
    variable = {"STACSYNC_PROVIDERS__MY_HOUSE__AUTH__PASSWORD_FILE": value.replace("\\u0000", "")}
    assert SECRET not in refusal(tmp_path, HOUSE, variable)


@pytest.mark.parametrize("address", [f"tcp://u:{SECRET}@s:8786", SECRET, f"u:{SECRET}@s:8786", "s"])
def test_a_schedulers_address_holds_no_secret(tmp_path: Path, address: str) -> None:
    """User and password, and what is no address at all, are refused and not shown."""
    told = refusal(tmp_path, f'{MINIMAL}[mirror]\nexecutor = "dask"\ndask_scheduler = "{address}"\n')
    assert 'mirror.dask_scheduler: an address such as "tcp://scheduler:8786"' in told
    assert SECRET not in told


@pytest.mark.parametrize("address", ["tcp://scheduler:8786", "tls://[::1]:8786", "scheduler:8786", "tcp://scheduler"])
def test_a_schedulers_address_has_any_form_that_dask_takes(tmp_path: Path, address: str) -> None:
    """With or without a protocol."""
    mirror = f'[mirror]\nexecutor = "dask"\ndask_scheduler = "{address}"\n'
    assert read(tmp_path, MINIMAL + mirror).mirror.dask_scheduler == address


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing, double, binary or huge value file is one line; the value is not called missing as well."""
    binary, huge = tmp_path / "binary", tmp_path / "huge"
    binary.write_bytes(b"\xff\xfe")
    huge.write_bytes(b"x" * (2 << 20))
    missing = tmp_path / "missing"
    told = refusal(tmp_path, HOUSE.replace(f'password = "{SECRET}"', f'password_file = "{missing}"'))
    assert f"providers.my-house.auth.password_file: cannot read '{missing}': No such file or directory" in told
    assert "auth.password:" not in told
    told = refusal(tmp_path, HOUSE + 'password_file = "/nowhere"\n')
    assert "auth.password_file: given together with `password`" in told
    assert "no UTF-8" in refusal(tmp_path, HOUSE.replace(f'password = "{SECRET}"', f'password_file = "{binary}"'))
    assert "larger than 1 MiB" in refusal(
        tmp_path, HOUSE.replace(f'password = "{SECRET}"', f'password_file = "{huge}"')
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("STACSYNC_STORAGE__URL__X", "STACSYNC_STORAGE__URL__X: storage.url is no table"),
        ("STACSYNC_STORAG__URL", "storag: unknown key; did you mean `storage`?"),
        ("STACSYNC_TARGETS__7__URL", "STACSYNC_TARGETS__7__URL: a number from 0 to 0 is expected"),
        ("STACSYNC_SERVER__PORT", "server.port: a valid integer is expected (from STACSYNC_SERVER__PORT)"),
        ("STACSYNC_STORAGE____URL", "STACSYNC_STORAGE____URL: one of its parts is empty"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, told: str) -> None:
    """A variable that names nothing, or holds a bad value, is told by its own name."""
    assert told in refusal(tmp_path, MINIMAL, {name: "x"})


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config` comes first, then STACSYNC_CONFIG, then ./stacsync.toml; a named file must exist."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no configuration"):
        load(None, {}, model_of)
    for name in ("stacsync", "by-env", "by-option"):
        (tmp_path / f"{name}.toml").write_text(MINIMAL.replace("acme", name))
    assert load(None, {}, model_of).catalog.id == "stacsync"
    assert load(None, {"STACSYNC_CONFIG": "by-env.toml"}, model_of).catalog.id == "by-env"
    assert load(Path("by-option.toml"), {"STACSYNC_CONFIG": "by-env.toml"}, model_of).catalog.id == "by-option"
    with pytest.raises(ConfigError, match=r"missing\.toml does not exist"):
        load(Path("missing.toml"), {}, model_of)


def test_bad_toml_is_told_by_its_line(tmp_path: Path) -> None:
    """A syntax error names the file and the line."""
    told = refusal(tmp_path, "[catalog]\nid = acme\n")
    assert "stacsync.toml is no TOML" in told
    assert "line 2" in told


def test_a_providers_schedule_overrides_the_common_one(tmp_path: Path) -> None:
    """A provider's `cron` replaces the common `every`, its `jitter` alone leaves the rest."""
    text = f'{MINIMAL}[schedule]\nevery = "1h"\n[providers.a]\nkind = "lasting"\ncron = "0 6 * * 1-5"\n'
    text += '[providers.b]\nkind = "lasting"\njitter = "1m"\n'
    settings = read(tmp_path, text)
    a, b = (settings.providers[name].schedule(settings.schedule) for name in "ab")
    assert (a.every, a.cron, a.jitter) == (None, "0 6 * * mon,tue,wed,thu,fri", timedelta(seconds=10))
    assert (b.every, b.cron, b.jitter) == (timedelta(hours=1), None, timedelta(minutes=1))


def test_own_urls_are_trusted(tmp_path: Path) -> None:
    """The host and port of a provider's own URLs may be private, and those that `trusted_hosts` names."""
    text = HOUSE.replace(
        "[providers.my-house.auth]", 'trusted_hosts = ["MinIO.internal:9000"]\n[providers.my-house.auth]'
    )
    assert read(tmp_path, text).providers["my-house"].trusted() == {"house.example:443", "minio.internal:9000"}


def test_where_tokens_are_kept(tmp_path: Path) -> None:
    """Rotated tokens lie beside a SQLite ledger, else in the working folder, else where `state_dir` says."""
    folders = {
        'url = "sqlite:////var/lib/stacsync/l.db"': Path("/var/lib/stacsync"),
        'url = "postgresql://db/stacsync"': Path(),
        'state_dir = "/state"': Path("/state"),
    }
    for line, folder in folders.items():
        assert read(tmp_path, f"{MINIMAL}[ledger]\n{line}\n").ledger.folder == folder


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("250ms", 0.25), (45, 45), ("2 d", 172800)],
)
def test_durations(text: object, seconds: float) -> None:
    """Durations are numbers with units, added up; a bare number counts seconds."""
    assert values.duration(text) == timedelta(seconds=seconds)


@given(st.integers(min_value=0, max_value=10**11))
def test_durations_survive_being_shown(milliseconds: int) -> None:
    """What is shown for a duration is read back as the same one."""
    span = timedelta(milliseconds=milliseconds)
    assert values.duration(values.show_duration(span)) == span


@given(st.integers(min_value=0, max_value=2**60))
def test_sizes_survive_being_shown(number: int) -> None:
    """What is shown for a size is read back as the same number of bytes."""
    assert values.size(values.show_size(number)) == number


@pytest.mark.parametrize(
    ("text", "count"), [("50GiB", 50 * 2**30), ("500MB", 5 * 10**8), ("1.5 KiB", 1536), ("12", 12), (7, 7)]
)
def test_sizes(text: object, count: int) -> None:
    """Binary and decimal units mean what they say."""
    assert values.size(text) == count


@pytest.mark.parametrize(
    ("days", "names"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("5-7", "fri,sat,sun"),
        ("fri-sun", "fri,sat,sun"),
        ("SUN-TUE", "sun,mon,tue"),
        ("*/2", "sun,tue,thu,sat"),
        ("1-5/2,6", "mon,wed,fri,sat"),
        ("*", "*"),
        ("sat", "sat"),
    ],
)
def test_days_of_a_crontab_are_those_of_cron(days: str, names: str) -> None:
    """0 and 7 are Sunday, as in every crontab."""
    assert values.cron(f"0 0 * * {days}") == f"0 0 * * {names}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@daily",
        "* * * *",
        "* * * * 8",
        "* * * * 5-1",
        "* * * * mon-fri/0",
        "* * * * 1/2",
        "0 0 31 2 *",
        "0 0 1 * 1",
    ],
)
def test_a_crontab_that_means_nothing_is_refused(text: str) -> None:
    """Wrong fields, days that never come, and what crontabs and schedulers read differently are refused."""
    with pytest.raises(ValueError, match="is expected"):
        values.cron(text)
