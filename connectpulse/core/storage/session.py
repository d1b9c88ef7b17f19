"""Engines and sessions. Every session carries the tenant guard."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection as PsycopgConnection
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from ..errors import Misconfigured
from . import guard, sealing, uses

AWAY = (OperationalError, psycopg.OperationalError, ReadOnlySqlTransaction)
"""What is raised while the database is away or only reads, by SQLAlchemy and by the driver under it: try again."""

_ONLY_READS = "25006"
"""What PostgreSQL calls a write to a replica."""


class PulseSession(Session):
    """A session under the tenant guard, which seals the action log when it commits; see `guard` and `sealing`."""


guard.install(PulseSession)
sealing.install(PulseSession)


@contextmanager
def lost_if_only_reading(session: Session) -> Iterator[None]:
    """Part with the connection if the driver under SQLAlchemy, which learns nothing of it, finds that it only reads."""
    try:
        yield
    except ReadOnlySqlTransaction:
        session.invalidate()
        raise


def make_engine(url: str, pool_size: int = 10, *, pre_ping: bool = True) -> Engine:
    """Return an engine for a PostgreSQL `url`, whatever driver the URL names.

    `pre_ping` spares a request the error of a connection that died in the pool; workers repeat instead.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise Misconfigured("DATABASE_URL must begin with postgresql://; no other database is supported.")
    engine = create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=pre_ping,
        hide_parameters=True,  # an error's text is logged and stored: it must not carry what was written
        connect_args={"application_name": "connectpulse", "options": "-c timezone=UTC -c jit=off"},
    )
    event.listen(engine, "handle_error", _away_where_read_only)
    return engine


def _away_where_read_only(context: ExceptionContext) -> OperationalError | None:
    """Take a database that only reads for one that is away, and its connections for lost.

    After a failover it is the old primary that only reads: a new connection reaches the new one.
    """
    if not is_only_reading(context.original_exception):
        return None
    context.is_disconnect = True
    return OperationalError(
        context.statement, None, context.original_exception, hide_parameters=True, connection_invalidated=True
    )


def is_only_reading(error: BaseException) -> bool:
    """Return whether an error says that the database takes no changes."""
    return isinstance(getattr(error, "orig", error), ReadOnlySqlTransaction)


def is_passing(error: Exception) -> bool:
    """Return whether a failure is the database's moment of weakness and not ours: repeat, do not give up."""
    if not isinstance(error, (DBAPIError, *AWAY)):
        return False
    told = error.orig if isinstance(error, DBAPIError) else error
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(told, "sqlstate", None) or ""
    is_silent = not state and isinstance(told, psycopg.OperationalError | psycopg.InterfaceError)
    return is_lost or is_silent or state == _ONLY_READS or state[:2] in {"08", "40", "53", "55", "57", "58"}


def is_read_only(engine: Engine) -> bool:
    """Return whether the database takes no writes, as a replica does, or a primary whose operator closed it.

    The connection that said so is not used again: the next may reach another server.
    """
    with engine.connect() as connection:
        only_reads = bool(connection.scalar(text("SELECT current_setting('transaction_read_only')::bool")))
        if only_reads:
            connection.invalidate()
        return only_reads


def make_sessions(engine: Engine) -> sessionmaker[PulseSession]:
    return sessionmaker(engine, class_=PulseSession, expire_on_commit=False)


def raw(session: Session) -> PsycopgConnection[Any]:
    """Return psycopg's connection under `session`'s transaction, for COPY and array parameters."""
    uses.check_raw(session)
    driver: Any = session.connection().connection.driver_connection
    connection: PsycopgConnection[Any] = driver
    return connection
