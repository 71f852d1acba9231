"""What travels to workers and back."""

from __future__ import annotations

import inspect
import pickle

import pytest
from stacsync import errors
from stacsync.app.cluster.task import Failure, Task, WorkerBug
from stacsync.errors import AssetGone, StacsyncError, Unavailable
from stacsync.http import HttpError
from stacsync.jobs import AssetRecord, JobRecord, Remote, identity
from stacsync.mirror.reuse import Choice

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, StacsyncError)]


def test_a_task_is_small_and_carries_nothing_that_only_a_listing_or_a_document_needs() -> None:
    """What a provider keeps in a job's details, and what is only published, stays at home."""
    job = JobRecord(id="j-1", fingerprint="f", title="hidden-title", details={"request": {"secret": "hidden-key"}})
    asset = AssetRecord(
        key="B04",
        source=Remote("assets/B04.tif"),
        filename="B04.tif",
        identity=identity("cdse", "j-1", "B04.tif"),
        description="hidden-description",
        extra={"alternate": {"href": "https://hidden.example"}},
    )
    sent = pickle.dumps(Task.of("s3://bucket/eo", "cdse", job, asset, Choice("cdse/c/i/B04.tif")))
    assert b"hidden" not in sent
    assert len(sent) < 2000
    back = pickle.loads(sent)
    assert (back.job.id, back.asset.source, back.asset.identity) == ("j-1", asset.source, asset.identity)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_an_error_comes_back_as_what_it_was(kind: type[StacsyncError]) -> None:
    """Whoever catches an error of a local transfer catches that of a worker's."""
    error = pickle.loads(pickle.dumps(Failure.of(kind("went wrong", "do this")))).error()
    assert (type(error), str(error)) == (kind, "went wrong (do this)")


def test_errors_that_know_more_come_back_as_the_kind_that_callers_know() -> None:
    """A special kind of an error of ours comes back as the nearest of the fixed ones."""

    class Special(AssetGone):
        def __init__(self) -> None:
            super().__init__("is gone")

    assert type(Failure.of(Special()).error()) is AssetGone
    assert type(Failure.of(HttpError("answered nonsense", status=200)).error()) is Unavailable


def test_a_bug_comes_back_without_what_it_may_have_quoted() -> None:
    """Text of a library can hold a signed address: its signature stays in the worker."""
    bug = ValueError("cannot read https://h.example/f.tif?X-Amz-Signature=0123456789abcdef0123")
    error = Failure.of(bug).error()
    assert isinstance(error, WorkerBug)
    assert "0123456789abcdef" not in str(error)
    assert str(error).startswith("ValueError: cannot read https://h.example/f.tif")
