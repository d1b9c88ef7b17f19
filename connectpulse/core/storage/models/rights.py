"""What people asked about their data, what was handed to them, and who was erased."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ..base import BigId, CreatedAt, Json, Moment, Table
from ..vault import Encrypted


class SubjectRequest(Table):
    """One request of one person. `organisation_id` empty: it concerns the whole platform, so the guard does not
    look at these rows; `rights.intake.find` does.

    `key` recognises the same request made twice. `plan` holds tables with counts and digests, never values;
    `stage` is how far carrying it out has come; `lease_until` keeps two workers from doing it at once.
    """

    __tablename__ = "pulse_subject_request"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("uq_pulse_subject_request_open", "key", unique=True,
              postgresql_where=text("state NOT IN ('done', 'refused', 'withdrawn')")),
        Index("ix_pulse_subject_request_approved", "id", postgresql_where=text("state = 'approved'")),
        Index(None, "address"),
    )  # fmt: skip

    id: Mapped[BigId]
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="received", server_default="received")
    source: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(64))
    scheme: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(320))
    name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    message: Mapped[str] = mapped_column(String(2000), default="", server_default="")
    wanted: Mapped[Json]
    proof: Mapped[str] = mapped_column(String(500), default="", server_default="")
    code_hash: Mapped[str] = mapped_column(String(64), default="", server_default="")
    code_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    code_tries: Mapped[int] = mapped_column(default=0, server_default="0")
    codes_sent: Mapped[int] = mapped_column(default=0, server_default="0")
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    plan: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    is_urgent: Mapped[bool] = mapped_column(default=False, server_default="false")
    stage: Mapped[str] = mapped_column(String(20), default="", server_default="")
    facts: Mapped[Json]
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    extension: Mapped[int] = mapped_column(default=0, server_default="0")
    extension_reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    certificate: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    received_at: Mapped[Moment]
    due_at: Mapped[Moment]
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    planned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return f"{self.kind} request {self.id}"


class SubjectPackage(Table):
    """A copy of somebody's data that lies encrypted in the archive store until it is fetched, once.

    `secret` holds the key it is encrypted with; taking that away makes the copy unreadable wherever it lies.
    """

    __tablename__ = "pulse_subject_package"
    __table_args__ = (Index(None, "request_id"), Index(None, "token_hash", unique=True))

    id: Mapped[BigId]
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    request_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_subject_request.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(10), default="ready", server_default="ready")
    name: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    secret: Mapped[dict[str, Any] | None] = mapped_column(Encrypted)
    token_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[Moment]
    fetched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class ErasedPerson(Table):
    """The keyed hash of an address that was erased, so that it is recognised and not written to again.

    `organisation_id` 0 means: for every organisation. `erasure` names the entry of the erasure ledger.
    """

    __tablename__ = "pulse_erased"
    __table_args__ = (PrimaryKeyConstraint("organisation_id", "hash", "erasure"), Index(None, "erasure"))

    organisation_id: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    erasure: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[CreatedAt]
