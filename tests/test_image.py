"""The image: its recipe is sound, what it copies is there, and its steps give a working stacsync without any secret inside."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "Dockerfile").read_text()


def steps(name: str) -> list[str]:
    """Return the arguments of every instruction of that name, continued lines joined."""
    joined = RECIPE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.split(maxsplit=1)[:1] == [name]]


def test_the_recipe_passes_its_linter() -> None:
    """hadolint finds nothing to say about the Dockerfile."""
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    """Each source of a COPY exists and is let through by .dockerignore."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for step in steps("COPY"):
        if step.startswith("--from"):
            continue
        for source in step.split()[:-1]:
            assert (ROOT / source).exists()
            assert source in allowed


def test_the_service_runs_as_nobody_in_particular() -> None:
    """The last stage drops root, names its only writable folder, starts stacsync directly, and asks it for its health."""
    assert steps("USER") == ["10001:10001"]
    assert steps("VOLUME") == ["/var/lib/stacsync"]
    assert steps("ENTRYPOINT") == ['["stacsync"]']
    assert steps("CMD") == ['["run"]']
    assert steps("HEALTHCHECK")[0].endswith('CMD ["stacsync", "health"]')


def test_the_lock_holds_every_dependency_with_hashes() -> None:
    """What the image installs is pinned to exact files, and is all that the project asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=;! ]", one)[0].lower() for one in project["dependencies"]}
    lock = (ROOT / "requirements.run.lock").read_text()
    pinned = {line.split("==")[0].split("[")[0] for line in lock.splitlines() if re.match(r"[a-z0-9]", line)}
    assert wanted <= pinned
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_nothing_is_installed_without_a_hash() -> None:
    """Every package that the recipe fetches is held to its hash; the wheel itself is built without fetching anything."""
    installs = [step for run in steps("RUN") for step in run.split("&&") if " install " in step and "pip" in step]
    assert installs
    assert all("--require-hashes" in step or "--no-index" in step for step in installs)
    assert all("--no-build-isolation" in run for run in steps("RUN") if "pip wheel" in run)
    assert len(steps("FROM")) == sum("${BASE}" in step for step in steps("FROM"))


@pytest.mark.real
@pytest.mark.timeout(290)
def test_its_steps_give_a_working_stacsync(tmp_path: Path) -> None:
    """The recipe's installs, run in clean environments, give a command that works with nothing else set."""
    home, builder = tmp_path / "venv", tmp_path / "builder"
    for place, lock in ((home, "requirements.run.lock"), (builder, "requirements.build.lock")):
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        hashed = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(ROOT / lock)]
        subprocess.run([place / "bin" / "pip", *hashed], check=True)
    (tmp_path / "build").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / "build" / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["cp", "-r", ROOT / "stacsync", tmp_path / "build"], check=True)
    wheel = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(tmp_path / "wheels"),
    ]
    subprocess.run([builder / "bin" / "pip", *wheel, tmp_path / "build"], check=True)
    made = list((tmp_path / "wheels").glob("*.whl"))
    subprocess.run([home / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", *made], check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [home / "bin" / "stacsync", "providers"],
        cwd=empty,
        env={"PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "sentinelhub" in done.stdout
    assert list(empty.iterdir()) == []
