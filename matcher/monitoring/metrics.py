"""Numbers for Prometheus. Labels are templates, methods, statuses and states: never a party."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from linkage.errors import LinkageError
from matcher.logs.lines import RequestLine, log_fault
from matcher.monitoring.state import ServiceState

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts the requests of this process, and asks for the state of the service when it is read.

    What the state can't be had for is left out, and ``concord_up`` is 0.
    """

    def __init__(self, state: Callable[[], ServiceState]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        labels = ["method", "route"]
        self._requests = Counter(
            "concord_requests", "Requests answered.", [*labels, "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "concord_request_seconds", "How long requests took.", labels,
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._received = Counter(
            "concord_received_bytes", "Bytes of bodies.", labels, registry=self._registry
        )
        self._registry.register(_StateCollector(state))

    def count(self, line: RequestLine) -> None:
        """Count a request that was answered."""
        self._requests.labels(line.method, line.route, str(line.status)).inc()
        self._seconds.labels(line.method, line.route).observe(line.seconds)
        if line.received:
            self._received.labels(line.method, line.route).inc(line.received)

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self._registry)


class _StateCollector(Collector):
    def __init__(self, state: Callable[[], ServiceState]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        try:
            state = self._state()
        except LinkageError as error:
            log_fault(error)
            yield GaugeMetricFamily("concord_up", _UP, value=0)
            return
        yield GaugeMetricFamily("concord_up", _UP, value=1)
        yield from _of_state(state)


_UP = "Whether the database answers."


def _of_state(state: ServiceState) -> Iterator[Metric]:
    for name, help_, counts in (
        ("concord_jobs", "Jobs by state.", state.jobs),
        ("concord_runs", "Runs by state.", state.runs),
        ("concord_uploads", "Uploads by state.", state.uploads),
    ):
        family = GaugeMetricFamily(name, help_, labels=["state"])
        for label, count in counts.items():
            family.add_metric([label], count)
        yield family
    yield CounterMetricFamily(
        "concord_run_seconds",
        "How long finished runs took, from being queued to their end, in all.",
        value=state.run_seconds,
    )
    yield GaugeMetricFamily("concord_log_events", "Events in the log.", value=state.log_size)
    if state.checkpoint_age is not None:
        yield GaugeMetricFamily(
            "concord_checkpoint_age_seconds", "Since the newest event.", value=state.checkpoint_age
        )
