"""The tables of e-mail."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, SmallInteger, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import BigId, CreatedAt, Encrypted, Json, Owned, OwnedApart, Table


class DomainKey(Owned, Table):
    """A key that an organisation signs a domain's letters with, published in DNS under its selector.

    `state` is waiting (not used yet: its record must be in DNS first), signing, or retired (its record stays in DNS
    for letters that are under way). `public_key` is what DNS shows, base64; `secrets` holds `private_key`, PEM.
    """

    __tablename__ = "email_domain"
    __table_args__ = (
        UniqueConstraint("organisation_id", "domain", "selector"),
        Index(
            "ix_email_domain_signing", "organisation_id", "domain", unique=True,
            postgresql_where=text("state = 'signing'"),
        ),
    )  # fmt: skip

    id: Mapped[BigId]
    domain: Mapped[str] = mapped_column(String(253))
    selector: Mapped[str] = mapped_column(String(63))
    algorithm: Mapped[str] = mapped_column(String(10))
    public_key: Mapped[str] = mapped_column(String(800))
    secrets: Mapped[dict[str, Any]] = mapped_column(Encrypted, nullable=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.domain


class SenderDomain(Owned, Table):
    """A domain that an organisation sends from, and what was last found about it in DNS.

    `findings` holds them under `found`, see `dns.findings`; `checked_at` is when, empty before the first time.
    """

    __tablename__ = "email_sender_domain"
    __table_args__ = (UniqueConstraint("organisation_id", "domain"),)

    id: Mapped[BigId]
    domain: Mapped[str] = mapped_column(String(253))
    bounce_domain: Mapped[str] = mapped_column(String(253), default="", server_default="")
    is_verified: Mapped[bool] = mapped_column(default=False, server_default="false")
    findings: Mapped[Json]
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.domain


class Choices(Owned, Table):
    """What an organisation chose about its letters. `needs_verified`: only domains in order may send campaigns."""

    __tablename__ = "email_choices"
    __table_args__ = (UniqueConstraint("organisation_id"),)

    id: Mapped[BigId]
    tracks_clicks: Mapped[bool] = mapped_column(default=False, server_default="false")
    tracks_opens: Mapped[bool] = mapped_column(default=False, server_default="false")
    needs_verified: Mapped[bool] = mapped_column(default=False, server_default="false")
    changed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    def __repr__(self) -> str:
        return "Choices about letters"


class EmailEvent(OwnedApart, Table):
    """That a letter was opened or a link of it clicked; `id` says when first, `times` how often.

    `link` is the number of the link in the campaign's content, from 1; 0 for opens. `is_bot`: a program's doing.
    """

    __tablename__ = "email_event"
    __table_args__ = (
        UniqueConstraint("message_id", "kind", "link", "is_bot"),
        Index(None, "organisation_id", "campaign_id"),
        Index(None, "contact_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=text("pulse_id()"))
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    times: Mapped[int] = mapped_column(default=1, server_default="1")
    link: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    kind: Mapped[str] = mapped_column(String(5))
    is_bot: Mapped[bool]
