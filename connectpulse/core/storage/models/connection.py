"""Connections to providers, the sessions workers hold on them, and the routes that choose among them.

These belong to the platform: the operator contracts with providers. A connection or route that names an
organisation serves that one only.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..base import BigId, CreatedAt, Json, Table
from ..vault import Encrypted


class Connection(Table):
    """A provider with stored settings and encrypted credentials.

    `window` is the most messages handed over whose outcome is not recorded yet, `sessions` how many workers
    may hold the connection at once, `rate_per_second` the parts per second over all of them. `token` guards
    its callback address. `open_until` set means the circuit is open and other routes are taken. `is_trial` says
    that it leads to a simulator or a sandbox, where nobody is written to and no agreement is needed.
    """

    __tablename__ = "pulse_connection"

    id: Mapped[BigId]
    organisation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("pulse_organisation.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(120), unique=True)
    channel: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(40))
    settings: Mapped[Json]
    secrets: Mapped[dict[str, Any]] = mapped_column(Encrypted, default=dict, nullable=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    window: Mapped[int] = mapped_column(default=100, server_default="100")
    sessions: Mapped[int] = mapped_column(default=1, server_default="1")
    rate_per_second: Mapped[int | None]
    is_trial: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    paused_reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    open_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    last_ok_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[CreatedAt]
    slots: Mapped[list["ConnectionSlot"]] = relationship(
        order_by="ConnectionSlot.slot", passive_deletes=True, lazy="select"
    )


class ConnectionSlot(Table):
    """One session of a connection, held by one worker under a lease."""

    __tablename__ = "pulse_connection_slot"
    __table_args__ = (PrimaryKeyConstraint("connection_id", "slot"),)

    connection_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_connection.id", ondelete="CASCADE"))
    slot: Mapped[int]
    worker: Mapped[str] = mapped_column(String(80))
    lease_until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(String(20), default="connecting", server_default="connecting")
    detail: Mapped[str] = mapped_column(String(300), default="", server_default="")
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Route(Table):
    """A rule that sends messages over a connection: the lowest `priority` that matches goes first.

    `prefix` and `sender` empty match anything; among equals the longest prefix, then `weight` decides.
    """

    __tablename__ = "pulse_route"
    __table_args__ = (Index(None, "channel", "priority"),)

    id: Mapped[BigId]
    organisation_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("pulse_organisation.id", ondelete="CASCADE")
    )
    channel: Mapped[str] = mapped_column(String(20))
    connection_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_connection.id", ondelete="CASCADE"))
    priority: Mapped[int] = mapped_column(default=10, server_default="10")
    weight: Mapped[int] = mapped_column(default=1, server_default="1")
    prefix: Mapped[str] = mapped_column(String(20), default="", server_default="")
    sender: Mapped[str] = mapped_column(String(320), default="", server_default="")
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[CreatedAt]
    connection: Mapped[Connection] = relationship(lazy="joined")

    def __repr__(self) -> str:
        numbers = f"{self.prefix}…" if self.prefix else "all numbers"
        return f"{numbers}{' from ' + self.sender if self.sender else ''} over {self.connection.name}"
