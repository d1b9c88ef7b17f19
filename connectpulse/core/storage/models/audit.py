"""The action log: who did what to which object, written in the same transaction as the act, and chained."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Json, Moment, OwnedApart, Table


class AuditEntry(OwnedApart, Table):
    """One act. It holds names and ids as they were and no foreign keys: it outlives what it tells of.

    `organisation_id` empty is an act on the platform itself. Rows are written by `sealing` only, and the
    database refuses every change but one: a name is emptied together with its salt. `detail` is kept as it
    was written, byte for byte, because its digest is sealed.
    """

    __tablename__ = "pulse_audit"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(None, "organisation_id", "verb", "id"),
        Index(None, "organisation_id", "actor_id", "id"),
        Index(None, "object_type", "object_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger, active_history=True)  # type: ignore[assignment]
    verb: Mapped[str] = mapped_column(String(80))
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(String(200))
    actor_address: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_type: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_id: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    request_id: Mapped[str] = mapped_column(String(32), default="", server_default="")
    seal: Mapped[bytes] = mapped_column(LargeBinary)
    actor_digest: Mapped[bytes] = mapped_column(LargeBinary)
    object_digest: Mapped[bytes] = mapped_column(LargeBinary)
    actor_salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    object_salt: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditHead(Table):
    """Where the chain of one organisation begins and ends; organisation 0 is the platform. See `chain.Head`."""

    __tablename__ = "pulse_audit_head"

    organisation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    start_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    start_entries: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    start_seal: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("decode(repeat('00', 32), 'hex')"))
    last_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    entries: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    seal: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("decode(repeat('00', 32), 'hex')"))
    mac: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheck(Table):
    """How far the last check of a chain has come, and what it found; organisation 0 is the platform.

    `state` is running, holds or broken. `at_id` and `seal` are the last entry that was looked at.
    """

    __tablename__ = "pulse_audit_check"

    organisation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(10), default="running", server_default="running")
    started_at: Mapped[Moment]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    at_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    seal: Mapped[bytes] = mapped_column(LargeBinary)
    entries: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    erased: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    told: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    fault_id: Mapped[int | None] = mapped_column(BigInteger)
    fault: Mapped[str] = mapped_column(String(500), default="", server_default="")


class AuditDraft(Table):
    """The checkpoint that is being put into the ledger's store: `content` is what it says, signed. One row at most.

    It is written down before it is put, and put again if whoever put it was killed.
    """

    __tablename__ = "pulse_audit_draft"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[CreatedAt]


class AuditSearch(Table):
    """A search in the action log that somebody keeps by a name; theirs alone."""

    __tablename__ = "pulse_audit_search"
    __table_args__ = (Index(None, "user_id", "name", unique=True),)

    id: Mapped[BigId]
    user_id: Mapped[int] = mapped_column(Integer, ForeignKey("ab_user.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[Json]
    created_at: Mapped[CreatedAt]
