"""What the state of things is called, for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stacsync.logs import redact

_REMEDY = re.compile(r"^(?P<reason>.*\S) \((?P<remedy>(?:[^()]|\([^()]*\))*)\)$", re.DOTALL)


def headline(told: Mapping[str, Any]) -> dict[str, str]:
    """Return the one thing to know: `tone` (good, busy, warn, bad, idle), `text`, and `detail` which may be empty."""
    if told["phase"] != "active":
        return _inactive(told)
    if told["error"]:
        return _said("bad", "The ledger cannot be read", str(told["error"]))
    enabled = [one for one in told["providers"].values() if one.get("enabled")]
    down = sum(1 for one in enabled if one["state"]["tone"] == "bad")
    if down:
        which = (
            "No provider works" if down == len(enabled) else f"{down} of {count(len(enabled), 'provider')} in trouble"
        )
        return _said("bad", which, "What is published stays as it is; they are asked again by themselves.")
    return _attention(told) if told["failures"] or told["expiring"] else _calm(enabled)


def _calm(enabled: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    if not enabled:
        return _said("idle", "No provider is switched on", "Add a table [providers.NAME] to the configuration.")
    if any(one.get("running") for one in enabled):
        return _said("busy", "Working", "A pass is under way; all is well so far.")
    if all(one["last_pass"] is None for one in enabled):
        return _said("busy", "Getting ready", "The first passes are about to begin.")
    return _said("good", "All is well", "Everything that is finished is published.")


def _attention(told: Mapping[str, Any]) -> dict[str, str]:
    failed, expiring = len(told["failures"]), len(told["expiring"])
    parts = [f"{count(failed, 'job')} failed and {_is(failed)} tried again"] if failed else []
    if expiring:
        parts.append(f"the provider is about to delete the results of {count(expiring, 'job')}")
    jobs = {(one["provider"], one["job"]) for one in (*told["failures"], *told["expiring"])}
    number = count(len(jobs), "job")
    verb = "needs" if number.startswith("1 ") else "need"
    detail = "; ".join(parts)
    return _said(
        "warn", f"{number} {verb} attention", f"{detail[0].upper()}{detail[1:]}. Everything else is published."
    )


def _inactive(told: Mapping[str, Any]) -> dict[str, str]:
    if told["phase"] == "starting":
        return _said("busy", "Starting", "")
    if told["phase"] == "stopping":
        return _said("idle", "Stopping", "What is under way ends where it is safe; nothing is half-published.")
    if told["error"]:
        return _said("bad", "Cannot work right now", str(told["error"]))
    return _said(
        "idle",
        "Standing by",
        str(told["waiting_for"] or "Another process looks after this catalog; this one takes over when it ends."),
    )


def provider_state(one: Mapping[str, Any], *, active: bool) -> dict[str, str]:
    """Return `tone`, `text` and `detail` of one provider."""
    if not one.get("enabled", False):
        return _said("idle", "Switched off", "What it published stays.")
    if not active:
        return _said("idle", "Waiting", "")
    failures = int(one.get("failures_in_a_row", 0))
    if one.get("resting_until"):
        told = count(failures, "failed pass", "failed passes")
        return _said("bad", "Resting", f"Left alone for a while after {told} in a row.")
    return _said("bad", "Cannot be reached", str(one.get("error") or "")) if failures else _reached(one)


def _reached(one: Mapping[str, Any]) -> dict[str, str]:
    if one.get("running"):
        return _said("busy", "Pass under way", "")
    if one.get("last_pass") is None:
        return _said("idle", "Not asked yet", "")
    failed = sum(int(one["jobs"].get(state, 0)) for state in ("failed", "parked"))
    if failed:
        return _said("warn", f"{count(failed, 'job')} failing", "All others are published.")
    return _said("bad", "Last pass failed", str(one["error"])) if one.get("error") else _said("good", "All well", "")


def split_remedy(error: str) -> tuple[str, str]:
    """Return what is wrong and the way out of a message such as `str(StacsyncError)` makes; the latter may be empty."""
    match = _REMEDY.match(error)
    return (match["reason"], match["remedy"]) if match else (error, "")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return "1 job", "2,000 jobs"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def amount(number: float) -> str:
    """Return bytes for people: "3.2 GiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _said(tone: str, text: str, detail: str) -> dict[str, str]:
    return {"tone": tone, "text": text, "detail": redact(detail)}
