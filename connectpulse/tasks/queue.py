"""The queue: huey on PostgreSQL or Redis/Valkey, signed, results off, and periodic tasks on one worker only.

huey is at-most-once: a task that runs when its worker is killed is lost. Nothing may depend on a task being
run; whatever must happen is a row that a sweeper finds.
"""

from threading import Lock
from typing import Any

import psycopg
import structlog
from huey import Huey, PostgresHuey, PriorityRedisHuey
from huey.serializer import SignedSerializer
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from ..core.domain.settings import Settings

log = structlog.get_logger(__name__)

_SCHEDULER_LOCK = 0x7363686564  # "sched"


class Scheduler:
    """The election of the one worker that runs periodic tasks: whoever holds an advisory lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def is_elected(self) -> bool:
        """Return whether this process is the scheduler; tries to become it if nobody is."""
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                self._connection.rollback()
                return True
            return self._stand()
        except DBAPIError:
            self.resign()
            return False

    def _stand(self) -> bool:
        connection = self._engine.connect()
        won = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _SCHEDULER_LOCK}))
        connection.rollback()
        if won:
            self._connection = connection
            log.info("scheduler_elected")
        else:
            connection.close()
        return won

    def resign(self) -> None:
        """Let another worker be elected."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


class _PulseQueue(Huey):
    """What our queues have in common: periodic tasks only where `scheduler` is elected."""

    scheduler: Scheduler | None = None

    def read_periodic(self, timestamp: Any) -> Any:
        """Return the periodic tasks that are due, on the elected worker; none elsewhere."""
        if self.scheduler is None or not self.scheduler.is_elected():
            return []
        return super().read_periodic(timestamp)


class PostgresQueue(_PulseQueue, PostgresHuey):
    """The queue in the site's own database."""

    connections: "_Connections"

    def close(self) -> None:
        """Close every connection; for when nothing will be put or taken any more."""
        self.connections.close()


class _Connections:
    """Opens huey's connections, one per thread, and closes what huey leaves to the garbage collector."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._opened: list[psycopg.Connection[Any]] = []
        self._lock = Lock()

    def __call__(self) -> "psycopg.Connection[Any]":
        made = psycopg.connect(self._dsn)
        with self._lock:
            self._opened = [each for each in self._opened if not each.closed]
            self._opened.append(made)
        return made

    def close(self) -> None:
        for each in self._opened:
            each.close()


class RedisQueue(_PulseQueue, PriorityRedisHuey):
    """The queue in Redis or Valkey."""

    def close(self) -> None:
        """Close the connections of the pool."""
        self.storage.pool.disconnect()


def make_queue(settings: Settings, database_url: str) -> PostgresQueue | RedisQueue:
    """Return the queue for these settings; on PostgreSQL it connects at once, and makes its tables."""
    options = {
        "results": False,
        "serializer": SignedSerializer(secret=settings.secret_key, salt="connectpulse"),
    }
    if settings.huey_url:
        return RedisQueue("connectpulse", url=settings.huey_url, **options)
    connections = _Connections(database_url.replace("postgresql+psycopg://", "postgresql://"))
    made = PostgresQueue("connectpulse", connection=connections, **options)
    made.connections = connections
    return made
