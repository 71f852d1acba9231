"""Tries a cluster: the scheduler, and on each worker what transfers need there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from stacsync import layout
from stacsync.app.cluster.link import Link
from stacsync.app.cluster.worker import inspect
from stacsync.logs import redact
from stacsync.provider import CheckLine
from stacsync.storage import Storage


def check_lines(link: Link, storage: Storage, providers: Sequence[str]) -> Iterator[CheckLine]:
    """Tell of the scheduler, and of each worker that cannot move files. Raises `ClusterLost` or `StorageError`."""
    workers = link.workers()
    if not workers:
        yield CheckLine(
            subject="dask",
            ok=False,
            message=f"the scheduler {link.address} has no worker",
            remedy=f"start some: dask worker {link.address}",
        )
        return
    troubles = [
        line for address, answer in _answers(link, storage, providers).items() for line in _bad(address, answer)
    ]
    yield from troubles
    threads = sum(workers.values())
    told = f"{link.address}: {len(workers)} worker{'s' * (len(workers) > 1)}, {threads} transfers at once"
    if troubles:
        yield CheckLine(subject="dask", ok=True, message=told)
    else:
        yield CheckLine(
            subject="dask", ok=True, message=f"{told}; each opens its configuration and writes {storage.url}"
        )


def _answers(link: Link, storage: Storage, providers: Sequence[str]) -> dict[str, Any]:
    note, told = f"{layout.STATE}/probes/{uuid4().hex}", os.urandom(16)
    storage.put(note, told, content_type="application/octet-stream")
    try:
        answers: dict[str, Any] = link.client().run(
            inspect, storage.url, note, told, list(providers), version("stacsync"), on_error="return"
        )
    except OSError as error:
        raise link.lost() from error
    finally:
        storage.delete([note])
    return answers


def _bad(worker: str, answer: Any) -> Iterator[CheckLine]:
    if isinstance(answer, BaseException):
        message = redact(f"cannot run stacsync: {type(answer).__name__}: {answer}"[:300])
        yield CheckLine(subject=f"dask worker {worker}", ok=False, message=message, remedy="install stacsync there")
        return
    for line in answer:
        if not line.ok:
            yield CheckLine(
                subject=f"dask worker {worker}: {line.subject}", ok=False, message=line.message, remedy=line.remedy
            )
