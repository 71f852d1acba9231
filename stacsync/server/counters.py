"""What this process did so far, as Prometheus counters; no label names a job, an item or a file."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from stacsync.mirror.events import Event, Failed, Finished, JobFinished, Progress
from stacsync.sync import DocumentCounts

disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types; a second series per counter helps nobody
SECONDS = (0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 4 * 3600)


class Counters:
    """Counts on a registry of its own; safe to use from any thread."""

    def __init__(self) -> None:
        """Count from zero."""
        self.registry = CollectorRegistry()
        self._passes = self._counter("passes", "Passes that ended, by result", "result")
        self._seconds = Histogram(
            "stacsync_pass_seconds", "Duration of passes", ["provider"], buckets=SECONDS, registry=self.registry
        )
        self._jobs = self._counter("jobs_taken", "Jobs that were taken up, by the state they ended in", "state")
        self._assets = self._counter("assets", "Files and packages, by what came of them", "result")
        self._bytes = self._counter("bytes", "Bytes read from providers")
        self._documents = self._counter("documents", "Catalog documents, by what was done", "result")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"stacsync_{name}", text, ["provider", *labels], registry=self.registry)

    def observe(self, event: Event) -> None:
        """Take in one event of a pass."""
        match event:
            case JobFinished():
                self._jobs.labels(event.provider, event.state).inc()
            case Progress():
                self._bytes.labels(event.provider).inc(event.bytes)
            case Finished():
                self._assets.labels(event.provider, "reused" if event.reused else "transferred").inc()
            case Failed():
                self._assets.labels(event.provider, "failed").inc()
            case _:
                pass

    def passed(self, provider: str, result: str, seconds: float, documents: DocumentCounts) -> None:
        """Take in how a pass ended."""
        self._passes.labels(provider, result).inc()
        self._seconds.labels(provider).observe(seconds)
        self._documents.labels(provider, "written").inc(documents.written)
        self._documents.labels(provider, "deleted").inc(documents.deleted)
