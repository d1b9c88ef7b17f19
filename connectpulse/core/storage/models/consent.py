"""Who may be written to: consents given and suppressions that forbid it."""

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..base import BigId, CreatedAt, Owned, Table

ANY = "*"
"""A channel or purpose that stands for all of them."""


class Suppression(Owned, Table):
    """An address that must not be written to, on one channel and purpose or on any (`*`)."""

    __tablename__ = "pulse_suppression"
    __table_args__ = (
        UniqueConstraint("organisation_id", "scheme", "value", "channel", "purpose"),
        Index(None, "organisation_id", "created_at"),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[BigId]
    scheme: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(320))
    channel: Mapped[str] = mapped_column(String(20), default=ANY, server_default=ANY)
    purpose: Mapped[str] = mapped_column(String(20), default=ANY, server_default=ANY)
    reason: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[CreatedAt]


class Consent(Owned, Table):
    """A person's agreement to be written to, and how we know of it."""

    __tablename__ = "pulse_consent"
    __table_args__ = (UniqueConstraint("organisation_id", "scheme", "value", "channel", "purpose"),)

    id: Mapped[BigId]
    scheme: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(320))
    channel: Mapped[str] = mapped_column(String(20), default=ANY, server_default=ANY)
    purpose: Mapped[str] = mapped_column(String(20), default=ANY, server_default=ANY)
    evidence: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[CreatedAt]
