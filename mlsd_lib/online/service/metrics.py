"""What the service counts, in Prometheus' text format; every service has a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    """The counters, gauges and histograms of one service.

    Labels come from fixed lists (route, status, arm, reason) and from the names of stored versions, never from what a
    client sends, so that their number stays small.

    Chapter: Online execution.

    >>> meters = Meters()
    >>> meters.shed.labels("queue_full").inc()
    >>> 'mlsd_shed_total{reason="queue_full"} 1.0' in meters.text().decode()
    True
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.answers = Counter(
            "mlsd_http_responses", "HTTP responses, by route and status.", ["route", "status"], registry=registry
        )
        self.latency = Histogram(
            "mlsd_http_seconds",
            "Seconds from a request's head to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.open = Gauge("mlsd_open", "Bodies being received or answered.", registry=registry)
        self.queue = Gauge("mlsd_queue", "Requests that wait for the worker.", registry=registry)
        self.served = Counter(
            "mlsd_requests", "Requests answered, by version and arm.", ["version", "arm"], registry=registry
        )
        self.shed = Counter(
            "mlsd_shed", "Bodies refused for lack of capacity, by reason.", ["reason"], registry=registry
        )
        self.hung_up = Counter("mlsd_hung_up", "Clients that left before their answer.", registry=registry)
        self.failed = Counter("mlsd_failed", "Bodies that a system could not answer.", registry=registry)
        self.batch = Histogram("mlsd_batch_requests", "Requests in one run.", buckets=SIZES, registry=registry)
        self.run = Histogram("mlsd_run_seconds", "Seconds of one run.", buckets=SECONDS, registry=registry)
        self.canary_failed = Counter(
            "mlsd_canary_failed", "Requests that the canary failed and the usual version answered.", registry=registry
        )
        self.shadow = Counter(
            "mlsd_shadow_requests",
            "Requests run in the shadow, by outcome: same list, other list, failed, or dropped for lack of time.",
            ["outcome"],
            registry=registry,
        )
        self.overlap = Histogram(
            "mlsd_shadow_overlap",
            "Share of the shown items that the shadow shows, too, a request.",
            buckets=(0.0, 0.2, 0.4, 0.6, 0.8, 0.999, 1.0),
            registry=registry,
        )
        self.shadow_run = Histogram(
            "mlsd_shadow_run_seconds", "Seconds of one run in the shadow.", buckets=SECONDS, registry=registry
        )
        self.releases = Counter(
            "mlsd_releases", "Changes of what is served, by kind and outcome.", ["kind", "outcome"], registry=registry
        )
        self.journalled = Counter("mlsd_journal_records", "Requests written to the journal.", registry=registry)
        self.journal_failed = Counter("mlsd_journal_failed", "Requests not written to the journal.", registry=registry)

    def text(self) -> bytes:
        """All of them, as a scraper reads them."""
        return generate_latest(self.registry)
