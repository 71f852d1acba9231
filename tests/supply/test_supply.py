"""What is delivered with stacsync is named, pinned by hash, and never called well without an answer."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from tests.supply import audit
from tests.supply.bill import UNKNOWN, bill, licence
from tests.supply.lock import ROOT, RUN, read

LOCKS = (RUN, ROOT / "requirements.lock")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_by_hash(lock: Path) -> None:
    """Each line of a lock names one version and the SHA-256 of its files."""
    packages = read(lock)
    assert len({one.name for one in packages}) > 30
    assert all(re.fullmatch(r"[0-9a-f]{64}", found) for one in packages for found in one.hashes)


def test_what_runs_is_a_part_of_what_is_tested() -> None:
    """The versions that are delivered are those that the tests ran with."""
    tested = {(one.name, one.version) for one in read(LOCKS[1])}
    assert {(one.name, one.version) for one in read(RUN)} <= tested


def test_every_direct_dependency_is_locked_and_bounded() -> None:
    """Each dependency of pyproject.toml has a lowest version, and is in the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {re.sub(r"[-_.]+", "-", one.name).lower() for one in read(RUN)}
    for line in project["dependencies"]:
        found = re.match(r"([a-z0-9-]+)(?:\[.*\])?>=\d", line)
        assert found, line
        assert found.group(1) in locked


def test_the_bill_of_materials() -> None:
    """It names every package with its version and licence, once, and comes out the same each time."""
    packages = read(RUN)
    made = bill(packages)
    assert json.dumps(made) == json.dumps(bill(packages))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert len({one["purl"] for one in made["components"]}) == len(packages)
    assert made["dependencies"][0]["dependsOn"] == [one["bom-ref"] for one in made["components"]]
    assert licence("requests").startswith("Apache")
    assert UNKNOWN not in {licence(one.name) for one in packages}


def test_silence_is_no_answer() -> None:
    """What the advisory service says nothing of is told as not audited, with an exit code of its own."""
    silent = audit.read({"dependencies": [{"name": "a", "skip_reason": "not found"}]})
    assert (silent.code, silent.audited) == (3, 0)
    assert "cannot be reached" in silent.told()
    some = audit.read({"dependencies": [{"name": "a", "skip_reason": "x"}, {"name": "b", "version": "1", "vulns": []}]})
    assert some.code == 3
    assert "NOT AUDITED: a" in some.told()


def test_a_weakness_is_told() -> None:
    """A known weakness ends with 1 and names the version that mends it."""
    flaw = {"id": "PYSEC-1", "fix_versions": ["2"]}
    found = audit.read({"dependencies": [{"name": "a", "version": "1", "vulns": [flaw]}]})
    assert found.code == 1
    assert "a 1: PYSEC-1, mended in 2" in found.told()
    assert audit.read({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}).code == 0


def test_a_program_without_an_answer(tmp_path: Path) -> None:
    """When the auditor itself fails, nothing counts as audited."""
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho oops >&2\nexit 1\n")
    program.chmod(0o755)
    found = audit.audit(program, RUN, ("a", "b"))
    assert (found.code, found.silent) == (3, ("a", "b"))
