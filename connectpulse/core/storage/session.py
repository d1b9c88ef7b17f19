"""Engines and sessions. Every session carries the tenant guard."""

from typing import Any

from psycopg import Connection as PsycopgConnection
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

from ..errors import Misconfigured
from . import guard, sealing, uses


class PulseSession(Session):
    """A session under the tenant guard, which seals the action log when it commits; see `guard` and `sealing`."""


guard.install(PulseSession)
sealing.install(PulseSession)


def make_engine(url: str, pool_size: int = 10, *, pre_ping: bool = True) -> Engine:
    """Return an engine for a PostgreSQL `url`, whatever driver the URL names.

    `pre_ping` spares a request the error of a connection that died in the pool; workers repeat instead.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise Misconfigured("DATABASE_URL must begin with postgresql://; no other database is supported.")
    return create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=pre_ping,
        hide_parameters=True,  # an error's text is logged and stored: it must not carry what was written
        connect_args={"application_name": "connectpulse", "options": "-c timezone=UTC -c jit=off"},
    )


def make_sessions(engine: Engine) -> sessionmaker[PulseSession]:
    return sessionmaker(engine, class_=PulseSession, expire_on_commit=False)


def raw(session: Session) -> PsycopgConnection[Any]:
    """Return psycopg's connection under `session`'s transaction, for COPY and array parameters."""
    uses.check_raw(session)
    driver: Any = session.connection().connection.driver_connection
    connection: PsycopgConnection[Any] = driver
    return connection
