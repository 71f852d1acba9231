"""`stacsync status`: what the ledger knows."""

from __future__ import annotations

from typing import Any

import typer

from stacsync.cli.options import Config, Json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(*, json: Json = False, config: Config = None) -> None:
    """Show per provider and job: state, last pass, last error, next attempt."""
    from stacsync.cli.output import emit  # noqa: PLC0415 - kept out of `--help`
    from stacsync.cli.session import opened  # noqa: PLC0415 - the same

    with opened(config, writing=False) as app:
        result = app.status()
    emit(result) if json else _show(result)


def _show(result: dict[str, Any]) -> None:
    from stacsync.cli.output import console, moment, safe, table  # noqa: PLC0415 - kept out of `--help`

    out = console()
    rows = [
        (
            name,
            one["kind"],
            ", ".join(f"{number} {state}" for state, number in sorted(one["jobs"].items()) if number) or "–",
            moment(one["last_pass"]),
            moment(one["last_success"]),
            moment(one["next_pass"]),
            safe(one["error"], "red") if one["error"] else "–",
        )
        for name, one in result["providers"].items()
    ]
    out.print(table("", ("provider", "kind", "jobs", "last pass", "last success", "next pass", "error"), rows))
    if result["failures"]:
        failures = [
            (one["provider"], one["job"], one["attempts"], moment(one["next_attempt"]), safe(one["error"], "red"))
            for one in result["failures"]
        ]
        columns = ("provider", "job", "attempts", "next attempt", "error")
        out.print(table("Failed, tried again", columns, failures, numbers=("attempts",)))
    for target in result.get("targets", ()):
        _show_target(target)
    if late := result.get("indexes"):
        told = [(one["provider"], one["collection"], one["attempts"], safe(one["error"], "red")) for one in late]
        heads = ("provider", "collection", "attempts", "error")
        out.print(table("Search indexes out of date, tried again", heads, told, numbers=("attempts",)))
    if aside := result.get("set_aside"):
        reasons = [(one["provider"], one["job"], one["state"], one["reason"]) for one in aside]
        out.print(table("Waiting, skipped or retired", ("provider", "job", "state", "reason"), reasons))
    if left := result.get("left_out"):
        parts = [
            (name, job, ", ".join(f"{number} × {why}" for why, number in sorted(without.items())))
            for name, jobs in left.items()
            for job, without in jobs.items()
        ]
        out.print(table("Published without", ("provider", "job", "left out"), parts))


def _show_target(target: dict[str, Any]) -> None:
    from stacsync.cli.output import console, moment, safe, table  # noqa: PLC0415 - kept out of `--help`

    out = console()
    out.print(
        safe(f"target {target['url']}: {target['pushed']} items there, {target['pending']} to send"), soft_wrap=True
    )
    if target["error"]:
        again = moment(target["next_attempt"])
        out.print(safe("failed: ", "red") + safe(target["error"]) + safe(f"; tried again {again}"), soft_wrap=True)
    if target["refused"]:
        rows = [(one["provider"], one["collection"], one["item"] or "–", one["reason"]) for one in target["refused"]]
        out.print(table("Refused by the target", ("provider", "collection", "item", "reason"), rows))
