"""The registry: kinds are found by name, built in or from plugins, and odd ones are refused with the reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stacsync import registry
from stacsync.errors import ConfigError
from stacsync.logs import redact
from stacsync.provider import ProviderKind
from stacsync.settings import CommonProvider

SOURCE = """
from stacsync.provider import ProviderKind
from stacsync.settings import CommonProvider
{body}
"""
GOOD = "KIND = ProviderKind(name={name!r}, summary='A plugin', settings=CommonProvider, connect=lambda settings, context: None)"

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin: a module with some body, and package metadata that names an entry point into it."""

    def write(name: str, body: str, point: str = "") -> None:
        (tmp_path / f"plugin_{name}.py").write_text(SOURCE.format(body=body))
        info = tmp_path / f"stacsync_{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: stacsync-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[stacsync.providers]\n{name} = plugin_{name}{point}\n")

    monkeypatch.syspath_prepend(str(tmp_path))
    return write


def test_the_four_kinds_are_built_in() -> None:
    """openEO, Pixxel, Sentinel Hub and UP42 are there, each with a line about itself and settings of its own."""
    kinds = registry.kinds()
    assert {"openeo", "pixxel", "sentinelhub", "up42"} <= set(kinds)
    for name, kind in kinds.items():
        assert isinstance(kind, ProviderKind)
        assert kind.name == name
        assert kind.summary
        assert issubclass(kind.settings, CommonProvider)


def test_every_key_of_every_kind_is_described() -> None:
    """No key is without an explanation, since that is all a user sees of it."""
    from stacsync.cli.describe import rows  # noqa: PLC0415 - the registry itself does not need it

    for kind in registry.kinds().values():
        assert [row.key for row in rows(kind.settings) if not row.description] == []


@pytest.mark.parametrize("point", ["", ":KIND"])
def test_a_plugin_is_found_by_its_entry_point(install: Install, point: str) -> None:
    """A package may bring a kind: its entry point names the module, or the `ProviderKind` itself."""
    install("weather", GOOD.format(name="weather"), point)
    assert "weather" in registry.names()
    assert registry.kind("weather").summary == "A plugin"


def test_a_plugins_settings_are_read(install: Install, tmp_path: Path) -> None:
    """A provider of a plugin's kind is configured like any other."""
    install("harvest", GOOD.format(name="harvest"), "")
    config = tmp_path / "stacsync.toml"
    config.write_text('[catalog]\nid = "a"\n[storage]\nurl = "s3://b0"\n[providers.mine]\nkind = "harvest"\n')
    with pytest.raises(ConfigError, match=r"providers\.mine\.colour: unknown key"):
        registry.load_settings(config, {"STACSYNC_PROVIDERS__MINE__COLOUR": "red"})
    assert registry.load_settings(config, {}).providers["mine"].kind == "harvest"


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("empty", "", "exports no ProviderKind as KIND"),
        ("wrong", "KIND = 'wrong'", "exports no ProviderKind as KIND"),
        ("alias", GOOD.format(name="other"), "is registered as 'alias' but calls itself 'other'"),
        ("broken", "import no_such_module_anywhere", "cannot be imported: ModuleNotFoundError"),
        ("openeo", GOOD.format(name="openeo"), "the kind 'openeo' is built in, and the package stacsync-openeo brings"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused(install: Install, name: str, body: str, told: str) -> None:
    """A plugin that is broken, empty or takes another's name is refused with the reason, when it is asked for."""
    install(name, body, "")
    assert name in registry.names()
    with pytest.raises(ConfigError, match=told):
        registry.kind(name)


def test_an_unknown_kind_lists_the_known_ones() -> None:
    """A misspelt kind is answered with the nearest one and the list."""
    with pytest.raises(ConfigError) as caught:
        registry.kind("sentinel-hub")
    assert "did you mean 'sentinelhub'?" in caught.value.remedy
    assert "openeo, pixxel, sentinelhub, up42" in caught.value.remedy


@pytest.mark.parametrize("name", ["S3cr3tValue-9f8e7d6c5b", "9f8e7d6c5b" * 4, "a secret", "sh\x1b[2J"])
def test_what_looks_like_no_kind_is_not_shown(name: str) -> None:
    """It may be a secret in the wrong place."""
    with pytest.raises(ConfigError) as refused:
        registry.kind(name)
    assert str(refused.value).startswith("unknown kind (installed: ")
    assert name not in str(refused.value)


def test_configured_secrets_are_hidden_from_then_on(tmp_path: Path) -> None:
    """Reading a configuration tells the logs every secret in it."""
    config = tmp_path / "stacsync.toml"
    config.write_text(
        '[catalog]\nid = "a"\n[storage]\nurl = "s3://b0"\naccess_key_id = "x"\nsecret_access_key = "quite-plain-words"\n'
    )
    registry.load_settings(config, {})
    assert redact("answer: quite-plain-words") == "answer: ***"


def test_names_import_no_kind() -> None:
    """Listing the names of kinds imports none of them."""
    code = "import sys; from stacsync import registry; registry.names(); print([m for m in sys.modules if 'providers.' in m and m.startswith('stacsync.providers')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
