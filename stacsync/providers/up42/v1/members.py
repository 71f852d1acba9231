"""Which files of an archive a path of `data.json` means. Pure.

Paths are relative to the folder `output/` of a job's archive; the archives of orders have no such folder. A path names a
file, or a folder and then every file below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from stacsync.errors import JobUnusable
from stacsync.jobs import MemberFact

TOP = "output/"
METADATA = "data.json"


def is_metadata(path: str) -> bool:
    """Tell whether a member is the archive's `data.json`, at the top or in its top folder."""
    return path == METADATA or (path.count("/") == 1 and path.endswith(f"/{METADATA}"))


def wanted(paths: Iterable[str], unwanted: set[str]) -> Callable[[str], bool]:
    """Return which members to mirror: `data.json` and all below `paths`. Every other member is put in `unwanted`."""
    named = frozenset(paths)

    def wants(member: str) -> bool:
        if is_metadata(member) or any(_is_below(form, named) for form in _forms(member)):
            return True
        unwanted.add(member)
        return False

    return wants


class Members:
    """The files that came out of an archive, by the paths that `data.json` calls them."""

    def __init__(self, facts: Sequence[MemberFact]) -> None:
        self._files: dict[str, MemberFact] = {}
        self._folders: dict[str, list[tuple[str, MemberFact]]] = {}
        self.metadata = next((fact for fact in sorted(facts, key=_depth) if is_metadata(fact.path)), None)
        files = [fact for fact in facts if not is_metadata(fact.path)]
        for rank in (0, 1):
            for fact in files:
                for form in _forms(fact.path)[rank : rank + 1]:
                    self._add(form, fact)

    def find(self, path: str) -> Mapping[str, MemberFact]:
        """Return the files that `path` means, by their path below it; a file that it names itself is below it as "".

        Raises `JobUnusable` when there are none: the archive and its `data.json` do not belong together.
        """
        if path in self._files:
            return {"": self._files[path]}
        below = self._folders.get(path)
        if not below:
            raise JobUnusable(
                f"data.json names {path!r}, which is not in the job's archive",
                "nothing of the job is published; look at the job's results at UP42",
            )
        return {name.removeprefix(f"{path}/"): fact for name, fact in sorted(below, key=lambda entry: entry[0])}

    def unclaimed(self, claimed: Iterable[MemberFact]) -> int:
        """Return how many files no feature names."""
        keys = {fact.key for fact in claimed}
        return len({fact.key for fact in self._files.values()} - keys)

    def _add(self, form: str, fact: MemberFact) -> None:
        if form in self._files:
            return
        self._files[form] = fact
        parts = form.split("/")
        for depth in range(1, len(parts)):
            self._folders.setdefault("/".join(parts[:depth]), []).append((form, fact))


def _forms(member: str) -> tuple[str, ...]:
    """Return the paths by which `data.json` may call a member, the likeliest first: without the top folder, as it is."""
    inner = member.partition("/")[2]
    if member.startswith(TOP):
        return (inner, member)
    return (member, inner) if inner else (member,)


def _is_below(path: str, named: frozenset[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:depth]) in named for depth in range(1, len(parts) + 1))


def _depth(fact: MemberFact) -> int:
    return fact.path.count("/")
