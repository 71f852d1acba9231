"""What Prometheus is told: the counters of this process, and the state of things as the ledger has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stacsync import __version__
from stacsync.app import now
from stacsync.errors import StacsyncError
from stacsync.ledger import JobState
from stacsync.ledger.glance import Glance
from stacsync.ledger.times import from_text
from stacsync.plan import NEAR_EXPIRY
from stacsync.server.service import Phase, Service, Tenure
from stacsync.server.snapshot import Snapshots


class Metrics:
    """Writes the exposition."""

    def __init__(self, service: Service, snapshots: Snapshots) -> None:
        """Collect from `service`."""
        self._state = CollectorRegistry()
        self._state.register(_State(service, snapshots))
        ProcessCollector(registry=self._state)
        self._counters = service.counters.registry

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics in the format that `accept` (the request header) asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        both = _Both(self._counters, self._state)
        return encode(both), content_type


class _Both:
    """Two registries as one."""

    def __init__(self, *registries: CollectorRegistry) -> None:
        self._registries = registries

    def collect(self) -> Iterator[Metric]:
        for registry in self._registries:
            yield from registry.collect()


class _State(Collector):
    """Gauges made at the moment they are asked for."""

    def __init__(self, service: Service, snapshots: Snapshots) -> None:
        self._service = service
        self._snapshots = snapshots

    def describe(self) -> list[Metric]:
        return []  # the registry would collect everything to find out the names

    def collect(self) -> Iterator[Metric]:
        service = self._service
        yield _labelled("build_info", "Version of stacsync", "version", {__version__: 1})
        phases = {phase.value: float(phase is service.phase) for phase in Phase}
        yield _labelled("phase", "1 for the phase that the daemon is in", "phase", phases)
        held, generation = service.lease
        yield _plain("lease_held", "Whether this process has the right to write the catalog", float(held))
        yield _plain("lease_generation", "How many holders of the lease there were in a row", generation)
        tenure = service.tenure
        if tenure is None:
            return
        try:
            yield from self._of(tenure)
        except StacsyncError:
            yield _plain("ledger_up", "Whether the ledger can be read", 0)
        else:
            yield _plain("ledger_up", "Whether the ledger can be read", 1)

    def _of(self, tenure: Tenure) -> Iterator[Metric]:
        told = self._snapshots.get()
        glance, at = Glance(tenure.parts.ledger.database), now()
        names = sorted(tenure.schedule.rhythms)
        providers = {name: told["providers"].get(name, {}) for name in names}
        yield from _jobs(providers)
        yield from _times(providers)
        backing = glance.backing_off(at)
        yield _per("jobs_backing_off", "Failed jobs that are left alone for now", {n: backing.get(n, 0) for n in names})
        yield _per("jobs_expiring", "Unpublished jobs that their provider deletes soon", _expiring(glance, names))
        moving = self._service.transfers.count()
        yield _per("transfers_in_flight", "Files on their way", {n: moving[n] for n in names})
        yield _per("pass_running", "Whether a pass is under way", {n: float(n in tenure.running) for n in names})
        rest = {n: float(bool(one.get("resting_until"))) for n, one in providers.items()}
        yield _per("breaker_open", "Whether a provider is left alone after failed passes", rest)
        failures = {n: float(one.get("failures_in_a_row", 0)) for n, one in providers.items()}
        yield _per("failed_passes_in_a_row", "Passes in a row in which a provider could not be reached", failures)
        yield _per("items", "Items in the catalog", {n: one.get("items", 0) for n, one in providers.items()})


def _jobs(providers: dict[str, Any]) -> Iterator[Metric]:
    metric = GaugeMetricFamily("stacsync_jobs", "Known jobs, by state", labels=["provider", "state"])
    for name, one in providers.items():
        for state in JobState:
            metric.add_metric([name, state.value], one.get("jobs", {}).get(state.value, 0))
    yield metric


def _times(providers: dict[str, Any]) -> Iterator[Metric]:
    at = now().timestamp()
    for key, metric, text in (
        ("last_success", "last_success", "a pass ended in which nothing failed"),
        ("last_complete", "last_complete_pass", "a pass went through, whatever single jobs did"),
        ("last_pass", "last_pass", "a pass ended, well or not"),
    ):
        moments = {
            name: moment.timestamp()
            for name, one in providers.items()
            if (moment := from_text(one.get(key))) is not None
        }
        yield _per(f"{metric}_timestamp_seconds", f"When {text} (Unix time)", moments)
        yield _per(f"{metric}_age_seconds", f"How long ago {text}", {n: max(0.0, at - t) for n, t in moments.items()})


def _expiring(glance: Glance, names: list[str]) -> dict[str, float]:
    found = [one.provider for one in glance.expiring(now(), NEAR_EXPIRY)]
    return {name: float(found.count(name)) for name in names}


def _per(name: str, text: str, values: dict[str, Any]) -> Metric:
    return _labelled(name, text, "provider", values)


def _labelled(name: str, text: str, label: str, values: dict[str, Any]) -> Metric:
    metric = GaugeMetricFamily(f"stacsync_{name}", text, labels=[label])
    for value, number in values.items():
        metric.add_metric([value], number)
    return metric


def _plain(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"stacsync_{name}", text, value=value)
