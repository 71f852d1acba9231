"""The command line as a process: commands, options, exit codes, what goes where, and no tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.kit.commands import Command, Done, commands

ROOT = Path(__file__).parent.parent
SECRET = "correct-horse-battery"
OPTIONS = {
    "run": [],
    "sync": ["--job", "--dry-run", "--force", "--json"],
    "check": ["--json"],
    "status": ["--json"],
    "verify": ["--json", "--checksums"],
    "rebuild": [],
    "retire": ["--provider", "--job", "--delete-assets"],
    "login": ["PROVIDER"],
    "providers": [],
    "search": ["--bbox", "--datetime", "--collection", "--filter", "--limit", "--json", "--csv"],
    "browse": ["DIR|URL"],
    "demo": ["DIR"],
}
CONFIGURED = ("run", "sync", "check", "status", "verify", "rebuild", "search")


@pytest.fixture
def stacsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    with commands(tmp_path, monkeypatch, capsys) as run:
        yield run


def process(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
    """Run a command as a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STACSYNC_")}
    done = subprocess.run(
        [sys.executable, "-m", "stacsync", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_help_lists_every_command(stacsync: Command) -> None:
    """`--help` names all commands and exits 0; so does no argument at all, with exit 2 as any wrong usage."""
    done = stacsync("--help")
    assert done.code == 0
    assert all(f"  {command} " in done.out for command in OPTIONS)
    assert stacsync().code == 2


@pytest.mark.parametrize("command", OPTIONS)
def test_commands_take_their_options(stacsync: Command, command: str) -> None:
    """Each command explains itself and takes the options that are promised, `--config` among them."""
    done = stacsync(command, "--help")
    assert done.code == 0
    assert all(option in done.out for option in [*OPTIONS[command], "--config"])


def test_help_is_light() -> None:
    """`--help` imports neither settings nor tables nor any of what does the work."""
    code = (
        "import sys; from stacsync.cli.app import main; main(['--help']); "
        "heavy = {'pydantic', 'rich', 'structlog', 'boto3', 'obstore', 'sqlalchemy', 'requests', 'pystac', 'pyproj'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_version(stacsync: Command) -> None:
    """`--version` tells the version on stdout."""
    done = stacsync("--version")
    assert (done.code, done.out.split()[0]) == (0, "stacsync")


@pytest.mark.parametrize("arguments", [("--help",), ("providers",), ("--version",)])
def test_an_answer_that_finds_no_room_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where stdout is full the command says so in one sentence and exits 1, without a traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stacsync", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the answer cannot be written: No space left on device")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-"])
def test_a_command_works_whichever_streams_are_closed(tmp_path: Path, closed: str) -> None:
    """Nobody reads what it would say; the pass is made all the same, and the ledger is no stream's."""
    path = tmp_path / "stacsync.toml"
    path.write_text(f'[catalog]\nid = "a"\n[storage]\nurl = "file://{tmp_path}/catalog"\n')
    command = f"exec {sys.executable} -m stacsync sync {closed}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STACSYNC_CONFIG": str(path)}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "stacsync.db").read_bytes().startswith(b"SQLite format 3\0")


def test_a_terminal_of_few_characters_is_no_error(tmp_path: Path) -> None:
    """Where stdout takes ASCII alone, text comes with the rest escaped, and JSON is UTF-8 as JSON is."""
    title = "Ïle – Ж"
    (tmp_path / "stacsync.toml").write_text(
        f'[catalog]\nid = "{title}"\n[storage]\nurl = "file://{tmp_path}/catalog"\n'
        '[providers.p]\nkind = "pixxel"\nurl = "http://127.0.0.1:9"\napi_key = "made-up-key"\nenabled = false\n',
        encoding="utf-8",
    )
    environment = {"PYTHONIOENCODING": "ascii"}
    for arguments in (("sync",), ("status",), ("status", "--json"), ("providers",)):
        done = process(tmp_path, *arguments, env=environment)
        assert (done.code, "Traceback" in done.err) == (0, False), done.err
    assert "\\u2013" in process(tmp_path, "status", env=environment).out


def test_a_pass_of_nobody_says_so(stacsync: Command, tmp_path: Path) -> None:
    """Without any provider a pass is no failure, but it says that nothing is configured."""
    (tmp_path / "stacsync.toml").write_text(
        f'[catalog]\nid = "c"\n[storage]\nurl = "file://{tmp_path}/catalog"\n[ledger]\nurl = "sqlite:///{tmp_path}/l.db"\n'
    )
    done = stacsync("sync", "--config", str(tmp_path / "stacsync.toml"))
    assert done.code == 0
    assert "no provider is configured" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("sync", "--fast"),
        ("search", "--limit", "many"),
        ("search", "--limit", "0"),
        ("search", "--bbox", "1,2,3"),
        ("search", "--bbox", "-10,60,5,50"),
        ("search", "--datetime", "yesterday"),
        ("search", "--json", "--csv"),
        ("retire",),
        ("login",),
        ("browse", "no-such-folder"),
        ("browse", "ftp://host/catalog.json"),
    ],
)
def test_wrong_usage_exits_2(stacsync: Command, arguments: tuple[str, ...]) -> None:
    """Wrong usage is one message on stderr and exit 2; stdout stays empty."""
    done = stacsync(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert "Error" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", CONFIGURED)
def test_no_configuration_exits_2(stacsync: Command, command: str) -> None:
    """Without any configuration a command says where it looked and exits 2."""
    done = stacsync(command)
    assert (done.code, done.out) == (2, "")
    assert "no configuration: looked for stacsync.toml" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", [*CONFIGURED, "providers", "demo", "browse"])
def test_a_wrong_configuration_exits_2(stacsync: Command, tmp_path: Path, command: str) -> None:
    """A wrong key is refused with its full path, without a traceback and without the secret's value."""
    (tmp_path / "wrong.toml").write_text(
        '[catalog]\nid = "a"\n[storage]\nurl = "file:///nowhere"\n'
        f'[providers.cdse]\nkind = "openeo"\nurl = "https://o.example"\n[providers.cdse.auth]\nmethod = "basic"\nusername = "u"\npasswort = "{SECRET}"\n'
    )
    done = stacsync(command, "--config", "wrong.toml")
    assert (done.code, done.out) == (2, "")
    assert "wrong.toml: 2 settings are wrong" in done.err
    assert "providers.cdse.auth.passwort: unknown key; did you mean `password`?" in done.err
    assert "providers.cdse.auth.password: required" in done.err
    assert SECRET not in done.err
    assert "Traceback" not in done.err


def test_environment_and_file_secrets_reach_the_process(tmp_path: Path) -> None:
    """STACSYNC_CONFIG names the file; a value file that a variable names completes it. `python -m stacsync` is the command."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "my.toml").write_text(
        '[catalog]\nid = "a"\n[storage]\nurl = "s3://b0"\n[providers.p-1]\nkind = "pixxel"\n'
    )
    arguments = ("browse",)
    refused = process(tmp_path, *arguments, env={"STACSYNC_CONFIG": "my.toml"})
    assert refused.code == 2
    assert "providers.p-1.api_key: required" in refused.err
    env = {"STACSYNC_CONFIG": "my.toml", "STACSYNC_PROVIDERS__P_1__API_KEY_FILE": "secret"}
    taken = process(tmp_path, *arguments, env=env)
    assert taken.code == 2
    assert "the configured storage has no storage.public_url" in taken.err
    assert SECRET not in taken.out + taken.err


def test_providers_shows_every_kind(stacsync: Command) -> None:
    """`providers` needs no configuration and tells each kind's keys, defaults and what is required."""
    done = stacsync("providers")
    assert (done.code, done.err) == (0, "")
    for word in (
        "openeo:",
        "pixxel:",
        "sentinelhub:",
        "up42:",
        "auth.password",
        "trusted_hosts",
        "required",
        "duration",
    ):
        assert word in done.out
    assert "\x1b[" not in done.out


def test_unexpected_errors_are_logged_without_a_raw_traceback() -> None:
    """A bug ends with exit 1 and one JSON line on stderr where no terminal is."""
    code = (
        "import sys; from stacsync.cli import app\n"
        "def bug(): raise RuntimeError('https://h.example/a?sig=SECRET')\n"
        "app.app.command('bug')(bug)\nsys.exit(app.main(['bug']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["event"] == "stacsync.unexpected_error"
    assert "sig=SECRET" not in json.loads(done.stderr)["exception"][0]["exc_value"]
