"""The house: settings, database, plugins and clock joined once, for the web, the worker and the commands."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import QueuePool

from .core import loader
from .core.domain.redaction import scrub
from .core.domain.settings import Settings
from .core.errors import Misconfigured
from .core.registry import Registry
from .core.services import duties, files, ways_out
from .core.services.action_log import denials
from .core.services.backups import plan as backups
from .core.services.notices import mail
from .core.services.rights import links
from .core.services.work import Actor, Clock, Work, utc_now
from .core.storage import folders, guard, migrate, partitions
from .core.storage.embedded import EmbeddedServer
from .core.storage.session import AWAY, PulseSession, is_read_only, lost_if_only_reading, make_engine, make_sessions
from .core.storage.stores import places
from .core.storage.trust import trust
from .core.storage.vault import keyring
from .core.wire import egress, names

log = structlog.get_logger(__name__)

_WILL_NOT_PASS = ("authentication failed", "does not exist", "pg_hba.conf", "no password supplied")
"""What PostgreSQL says where waiting is of no use."""

ONLY_READS = (
    "The database takes no changes: it is a replica, or closed by its operator. Point DATABASE_URL to the primary."
)

CLOSE_WITHIN = 2.0
"""Seconds for which a house that closes waits for other threads' units of work."""

T = TypeVar("T")
Waker = Callable[[str, int], None]


@dataclass(slots=True)
class House:
    """Everything that is made once. `waker` puts a task on the queue; faces and workers set it."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[PulseSession]
    registry: Registry
    clock: Clock
    waker: Waker
    closing: list[Callable[[], None]] = field(default_factory=list)
    """What is called before the house closes."""

    @contextmanager
    def work(self, actor: Actor, organisation: int | None = None) -> Iterator[Work]:
        """Open a unit of work; commit it at the end of the block, roll it back if the block raises."""
        with self.sessions() as session, lost_if_only_reading(session):
            guard.bind(session, organisation)
            work = Work(session, self.registry, self.clock, actor, organisation)
            yield work
            session.commit()
        self.wake(work)

    def wake(self, work: Work) -> None:
        """Wake the tasks a committed piece of work asked for."""
        for task, subject_id in work.wakes:
            self.waker(task, subject_id)
        work.wakes.clear()

    @property
    def migrations(self) -> dict[str, str]:
        """Plugin name -> migrations package, of the plugins that own tables."""
        plugins = self.registry.plugins
        return {name: info.migrations for name, info in plugins.items() if info.migrations}

    def upgrade(self) -> None:
        """Bring the database to the version of the code and make the coming partitions."""
        migrate.upgrade(self.engine, self.migrations)
        with self.engine.begin() as connection:
            partitions.ensure(connection, self.clock())

    def check_database(self) -> list[str]:
        """Return what keeps this code from running on this database, one sentence each."""
        with self.engine.connect() as connection:
            version = int(connection.scalar(text("SHOW server_version_num")) or 0)
        if version < 150000:
            return [f"PostgreSQL 15 or newer is needed; this is {version // 10000}."]
        with self.engine.connect() as connection:
            if connection.scalar(text("SELECT to_regclass(:mark)"), {"mark": backups.RESTORING}) is not None:
                return ["A restore was begun here and is not finished. Run `connectpulse restore` again."]
        faults = migrate.pending(self.engine, self.migrations)
        if faults:
            return [*faults, "Run `connectpulse upgrade`."]
        with self.engine.connect() as connection:
            missing = partitions.missing(connection, self.clock())
        return [f"Partition {name} is missing. Run `connectpulse upgrade`." for name in missing]

    def check_writes(self) -> list[str]:
        """Return the sentence that says that the database only reads, if it does; processes that serve wait for it."""
        return [ONLY_READS] if is_read_only(self.engine) else []

    def require_database(self) -> None:
        """Raise Misconfigured unless the database fits the code."""
        faults = self.check_database()
        if faults:
            raise Misconfigured(" ".join(faults))

    def wait_for_database(self) -> None:
        """Return once the database answers, takes writes and fits the code; raises Misconfigured if it is behind."""
        self.patiently(self._require_awake)

    def _require_awake(self) -> None:
        if self.check_writes():
            raise psycopg.OperationalError(ONLY_READS)
        self.require_database()

    def patiently(self, step: Callable[[], T]) -> T:
        """Return what `step` returns, repeated while the database does not answer; for processes that serve.

        A database that starts or fails over is waited for as long as the settings say. Raises what keeps it
        from answering once that time is over, or at once where waiting is of no use.
        """
        deadline = time.monotonic() + self.settings.database_wait
        while True:
            try:
                return step()
            except AWAY as error:
                said = str(error.orig if isinstance(error, OperationalError) else error)
                if time.monotonic() >= deadline or any(each in said for each in _WILL_NOT_PASS):
                    raise
                log.warning("database_away", error=scrub(said)[:200])
                self.engine.dispose()
                time.sleep(0.5)

    def close(self) -> None:
        """End what was begun for this house, then its connections to the database.

        What other threads do at this moment is waited for a little: a connection that is given back after
        the pool was emptied is closed by nobody.
        """
        for end in self.closing:
            end()
        pool, deadline = self.engine.pool, time.monotonic() + CLOSE_WITHIN
        while isinstance(pool, QueuePool) and pool.checkedout() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.engine.dispose()


def build(
    settings: Settings,
    *,
    entry_points: Iterable[EntryPoint] | None = None,
    clock: Clock = utc_now,
    pool_size: int = 10,
    pre_ping: bool = True,
) -> House:
    """Return the house for these settings; starts the embedded database if it is used."""
    keyring.set(settings.encryption_keys)
    trust.set(settings.trust_key)
    folders.use(settings.var_dir)
    links.use(settings.public_url)
    files.use(settings.file_limit_mb, settings.file_quota_mb)
    mail.use(settings.mail_url, settings.mail_from, settings.public_url)
    places.set(archive=settings.archive_url, backup=settings.backup_url, ledger=settings.ledger_url)
    backups.use(
        settings.backup_recipient, settings.backup_hour,
        (settings.backup_daily, settings.backup_weekly, settings.backup_monthly), settings.backup_every_hours,
        settings.backup_wal_days, settings.var_dir / "postgres",
    )  # fmt: skip
    egress.allow(*settings.egress_allow)
    names.ask_at(*settings.dns_servers)
    ways_out.use(settings.public_url)
    denials.start_over()
    url = settings.database_url or embedded_server(settings).ensure_running()
    registry = Registry()
    duties.register(registry)
    loader.load(registry, settings.muted_plugins, entry_points)
    engine = make_engine(url, pool_size, pre_ping=pre_ping)
    return House(settings, engine, make_sessions(engine), registry, clock, _sleep_on)


def embedded_server(settings: Settings) -> EmbeddedServer:
    """Return the server under `VAR_DIR`, which keeps its write-ahead log if that is to be put away."""
    return EmbeddedServer(settings.var_dir / "postgres", is_archiving=settings.backup_wal_days > 0)


def _sleep_on(task: str, subject_id: int) -> None:
    """The waker of a house without a queue: the sweeper will find the work."""
