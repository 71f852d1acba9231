"""What the documentation says is so: its configuration is valid, its commands exist, its links lead somewhere."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import orjson
import pytest
import typer.main
from stacsync import registry
from stacsync.cli.app import app
from stacsync.testing import ProviderTests, context
from tests.kit.scripted import Asked, Reply, Script, reply, serving

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PROVIDERS = ROOT / "docs" / "providers.md"


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(page.read_text()) if language in languages]


def named(page: Path, number: int) -> str:
    return f"{page.name}-{number}"


CONFIGURATIONS = [
    pytest.param(body, id=named(page, number))
    for page in PAGES
    for number, body in enumerate(blocks(page, "toml"))
    if "[project" not in body
]
COMMANDS = [
    pytest.param(line, id=f"{page.name}: {line[:60]}")
    for page in PAGES
    for body in blocks(page, "sh", "console")
    for line in (one.strip().removeprefix("$ ") for one in body.splitlines())
    if line.startswith("stacsync ")
]


@pytest.mark.parametrize("body", CONFIGURATIONS)
def test_every_configuration_is_valid(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snippet of TOML is accepted as it stands, once what it leaves to the reader is there: secrets, catalog, store."""
    monkeypatch.chdir(tmp_path)
    table = tomllib.loads(body)
    needed = ""
    if "id" not in table.get("catalog", {}):
        assert "catalog" not in table
        needed += '[catalog]\nid = "acme"\n'
    if "storage" not in table:
        needed += f'[storage]\nurl = "file://{tmp_path}/catalog"\n'
    file = tmp_path / "stacsync.toml"
    file.write_text(f"{with_secrets(body, tmp_path)}\n{needed}")
    settings = registry.load_settings(file, {})
    assert set(settings.providers) == set(table.get("providers", {}))


def with_secrets(body: str, folder: Path) -> str:
    """Let every `<key>_file` name a file that is there."""
    secret = folder / "secret"
    secret.write_text("made-up-secret-of-the-docs")
    return re.sub(r'^(\w+_file) = "[^"]*"', rf'\1 = "{secret}"', body, flags=re.MULTILINE)


@cache
def commands() -> Any:
    return typer.main.get_command(app)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_there_is(line: str) -> None:
    """A line of a shell block names a command and options that the program has, with values that they take."""
    words = shlex.split(re.split(r"\s[|>]\s", line)[0], comments=True)[1:]
    if words[0].startswith("--"):
        assert words[0] in {name for option in commands().params for name in option.opts}
        return
    command = commands().commands[words[0]]
    arguments = [word.strip("[]").removesuffix("…") for word in words[1:] if word not in {"…"}]
    with command.make_context(words[0], arguments, resilient_parsing=False):
        pass


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading in it."""
    for href in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in href or href.startswith("mailto:"):
            continue
        name, _, anchor = href.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), href
        if anchor:
            assert anchor in anchors(target), href


def test_every_promise_names_tests_that_there_are() -> None:
    """Each promise of the page on reliability is held by tests that exist under that name."""
    lines = (ROOT / "docs" / "reliability.md").read_text().splitlines()
    promises = [line for line in lines if line.startswith("| ") and not line.startswith(("| ---", "| promise"))]
    assert promises
    for line in promises:
        found = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", line)
        assert found, line
        for file, name in found:
            assert name in functions_of(ROOT / file), f"{file}::{name}"


@cache
def functions_of(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_message_is_one_that_is_given() -> None:
    """The messages that operators may look up are those that the program gives."""
    text = (ROOT / "docs" / "operate.md").read_text()
    table = text.split("## What messages mean")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    sources = "\n".join(file.read_text() for file in (ROOT / "stacsync").rglob("*.py"))
    for row in rows:
        for message in re.findall(r"`([^`]+)`", row):
            for piece in re.split(r"…|catalog\.json|\d+", message):
                assert piece.strip() in sources, message


def module(body: str, file: Path) -> ModuleType:
    file.write_text(body)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    body = next(body for body in blocks(PROVIDERS, "python") if "KIND = ProviderKind" in body)
    made = module(body, tmp_path_factory.mktemp("example") / "stacsync_docs_runs.py")
    yield made
    del sys.modules[made.__name__]


RUNS: list[dict[str, Any]] = [
    {
        "id": f"r-{number}",
        "state": state,
        "name": f"Run {number}",
        "ended": f"2026-02-0{number}T00:00:00Z",
        "footprint": {"type": "Point", "coordinates": [10.0, 50.0]},
        "files": [{"name": "data.bin", "size": 9}],
    }
    for number, state in ((1, "done"), (2, "done"), (3, "running"))
]


@pytest.fixture
def service() -> Iterator[Script]:
    with serving() as script:

        def answer(asked: Asked) -> Reply:
            if asked.path.startswith("/signed/"):
                return Reply(200, b"the bytes")
            assert asked.headers["authorization"] == "Bearer made-up-token"
            if asked.path == "/runs":
                return reply(RUNS)
            assert asked.method == "POST"
            return reply({"url": f"{script.url}/signed{asked.path.removeprefix('/sign')}?signature=abc"})

        script.answer = answer
        yield script


class TestTheExample(ProviderTests):
    """The provider that the documentation shows keeps the contract of all providers."""

    expected_jobs: ClassVar[frozenset[str]] = frozenset({"r-1", "r-2"})
    secrets = ("made-up-token",)

    @pytest.fixture
    def provider(self, example: ModuleType, service: Script, tmp_path: Path) -> Any:
        settings = example.KIND.settings(url=service.url, token="made-up-token")
        return example.KIND.connect(settings, context("mine", state_dir=tmp_path))


def test_the_example_of_a_test_is_python() -> None:
    """The test that the documentation shows can be compiled, and the entry point names the group that is looked at."""
    body = next(body for body in blocks(PROVIDERS, "python") if "class TestRuns" in body)
    compile(body, "providers.md", "exec")
    (point,) = [body for body in blocks(PROVIDERS, "toml") if "[project" in body]
    assert set(tomllib.loads(point)["project"]["entry-points"]) == {registry.GROUP}


def test_every_kind_is_explained() -> None:
    """Each installed kind has a section with an example, in the order of the reference."""
    text = PROVIDERS.read_text()
    for kind in registry.names():
        assert f"\n## {kind}\n" in text
        assert f'kind = "{kind}"' in text


def test_json_blocks_are_json() -> None:
    """Whatever is shown as JSON can be read as such."""
    for page in PAGES:
        for body in blocks(page, "json"):
            orjson.loads(body)
