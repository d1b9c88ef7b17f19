"""What Prometheus is told: how long work waits, what became of messages, how fast, and how connections are.

Every figure is one bounded query; none counts messages.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, text

from .core.domain.personal import Use
from .core.services import uses
from .core.services.work import SYSTEM
from .core.storage import guard, partitions
from .house import House

__all__ = ["CONTENT_TYPE", "SiteCollector", "exposition"]

CAMPAIGNS = 1_000
"""Messages are told of the newest campaigns, so many of them."""

_WAITING = """
SELECT coalesce(extract(epoch FROM now() - min(d.due_at)), 0) FROM pulse_dispatch d
LEFT JOIN pulse_campaign c ON c.id = d.campaign_id
WHERE d.state = 'ready' AND d.due_at < now() AND (d.campaign_id = 0 OR c.state = 'running')
"""
_JOBS = """
SELECT coalesce(extract(epoch FROM now() - min(run_at)), 0) FROM pulse_job
WHERE state IN ('waiting', 'running') AND run_at < now() AND (lease_until IS NULL OR lease_until < now())
"""
_MESSAGES = """
SELECT substr(name, 7), sum(amount) FROM pulse_counter
WHERE name LIKE 'state:%'
  AND (campaign_id = 0 OR campaign_id IN (SELECT id FROM pulse_campaign ORDER BY id DESC LIMIT :campaigns))
GROUP BY name ORDER BY name
"""
_RETENTION_AGE = """
SELECT extract(epoch FROM now() - coalesce(
    (SELECT started_at FROM pulse_retention_run WHERE table_name = '' AND is_done ORDER BY id DESC LIMIT 1),
    (SELECT anchored_at FROM pulse_retention_clock)))
"""
_RETENTION_STOPPED = "SELECT count(*) FROM pulse_retention_clock WHERE stopped_at IS NOT NULL"
_APPENDED = "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables WHERE relname = :partition"
_CONNECTIONS = """
SELECT id::text, is_active, coalesce(open_until > now(), false), EXISTS (
    SELECT 1 FROM pulse_connection_slot s
    WHERE s.connection_id = c.id AND s.state = 'connected' AND s.lease_until > now())
FROM pulse_connection c ORDER BY id LIMIT 1000
"""

_NEWEST_BACKUP = """
SELECT extract(epoch FROM now() - taken_at), size FROM pulse_backup WHERE state = 'done'
ORDER BY taken_at DESC LIMIT 1
"""


def exposition(house: House) -> bytes:
    """Return the site's metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SiteCollector(house))
    return generate_latest(registry)


class SiteCollector(Collector):
    """Reads the figures when it is asked, so that they are the same in whichever process that is."""

    def __init__(self, house: House) -> None:
        self._house = house

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is, is known when it is collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every figure, read in one transaction."""
        with (
            self._house.work(SYSTEM) as work,
            guard.platform_scope(work.session, "metrics"),
            uses.within(work, Use.REPORT),
        ):
            connection = work.session.connection()
            month = partitions.months(work.clock(), 0)[0]
            yield from _queues(connection)
            yield from _messages(connection)
            yield from _flow(connection, f"{month:%Y%m}")
            yield from _connections(connection)
            yield from _backups(connection)
            yield from _retention(connection)


def _queues(connection: Connection) -> Iterator[Metric]:
    said = "Seconds the oldest piece of work has been due without anybody taking it."
    age = GaugeMetricFamily("connectpulse_queue_age_seconds", said, labels=["queue"])
    age.add_metric(["dispatches"], _number(connection, _WAITING))
    age.add_metric(["jobs"], _number(connection, _JOBS))
    yield age


def _messages(connection: Connection) -> Iterator[Metric]:
    said = f"Messages of the newest {CAMPAIGNS} campaigns and of none, by state."
    messages = GaugeMetricFamily("connectpulse_messages", said, labels=["state"])
    for state, amount in connection.execute(text(_MESSAGES), {"campaigns": CAMPAIGNS}):
        messages.add_metric([state], float(amount))
    yield messages


def _flow(connection: Connection, month: str) -> Iterator[Metric]:
    """What was appended to this month's partitions: begins anew with each, as a counter may."""
    for name, table, said in (
        ("connectpulse_submitted", "pulse_reference", "Parts that providers took over."),
        ("connectpulse_receipts", "pulse_receipt", "Receipts that providers sent."),
    ):
        appended = _number(connection, _APPENDED, {"partition": f"{table}_p{month}"})
        yield CounterMetricFamily(name, said, value=appended)


def _retention(connection: Connection) -> Iterator[Metric]:
    """How long ago retention ran to its end, and whether it failed or stopped."""
    age = GaugeMetricFamily("connectpulse_retention_age_seconds", "Seconds since the last retention run.")
    age.add_metric([], _number(connection, _RETENTION_AGE))
    yield age
    stopped = GaugeMetricFamily("connectpulse_retention_stopped", "1 if the clock is in doubt and nothing is purged.")
    stopped.add_metric([], _number(connection, _RETENTION_STOPPED))
    yield stopped


def _connections(connection: Connection) -> Iterator[Metric]:
    faces = {
        name: GaugeMetricFamily(f"connectpulse_connection_{name}", said, labels=["connection"])
        for name, said in (
            ("paused", "1 if somebody has to act before it sends again."),
            ("circuit_open", "1 if it failed lately and other routes are taken."),
            ("up", "1 if a worker holds an open session."),
        )
    }
    for identity, is_active, is_open, is_up in connection.execute(text(_CONNECTIONS)):
        for face, value in zip(faces.values(), (not is_active, is_open, is_up), strict=True):
            face.add_metric([identity], float(value))
    yield from faces.values()


def _backups(connection: Connection) -> Iterator[Metric]:
    age = GaugeMetricFamily("connectpulse_backup_age_seconds", "Seconds since the moment the newest backup holds.")
    size = GaugeMetricFamily("connectpulse_backup_bytes", "Bytes of the newest backup.")
    for seconds, held in connection.execute(text(_NEWEST_BACKUP)):
        age.add_metric([], float(seconds))
        size.add_metric([], float(held))
    yield age
    yield size


def _number(connection: Connection, query: str, facts: Mapping[str, Any] | None = None) -> float:
    return float(connection.scalar(text(query), facts or {}) or 0)
