"""Tables of rates: cards, who has which, their versions, and the rates of each version.

A version that was published is never changed: triggers refuse it. Only its end is written once, when the
next one takes over. Times of one card's published versions never overlap: the database refuses it.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from connectpulse.core.api import BigId, CreatedAt, Owned, Table

UNITS = Numeric(18, 4)
_PLATFORM = {
    "info": {"owner": "billing", "platform_reason": "Prices are the operator's; an organisation holds a card."}
}


class RateCard(Table):
    """A list of prices under one name. The one that `is_default` holds for whoever has no other."""

    __tablename__ = "billing_rate_card"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("uq_billing_rate_card_default", "is_default", unique=True, postgresql_where=text("is_default")),
        _PLATFORM,
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    is_default: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[CreatedAt]


class RateHolding(Owned, Table):
    """The card an organisation has of its own. What it does not name is priced by the plan's card, or the default."""

    __tablename__ = "billing_rate_holding"
    __table_args__ = (UniqueConstraint("organisation_id"), Index(None, "card_id"))

    id: Mapped[BigId]
    card_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_rate_card.id", ondelete="RESTRICT"))
    created_at: Mapped[CreatedAt]


class PlanRates(Table):
    """The card that comes with a plan; `plan_id` is the plan's."""

    __tablename__ = "billing_plan_rates"
    __table_args__ = (UniqueConstraint("plan_id"), Index(None, "card_id"), _PLATFORM)

    id: Mapped[BigId]
    plan_id: Mapped[int] = mapped_column(BigInteger)
    card_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_rate_card.id", ondelete="RESTRICT"))
    created_at: Mapped[CreatedAt]


class RateVersion(Table):
    """A card's prices from `valid_from` until before `valid_to`. Without `published_at` it is a draft."""

    __tablename__ = "billing_rate_version"
    __table_args__ = (
        UniqueConstraint("card_id", "number"),
        Index("uq_billing_rate_version_draft", "card_id", unique=True, postgresql_where=text("published_at IS NULL")),
        CheckConstraint("published_at IS NULL OR valid_from IS NOT NULL", name="begins"),
        CheckConstraint("valid_to > valid_from", name="lasts"),
        _PLATFORM,
    )

    id: Mapped[BigId]
    card_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_rate_card.id", ondelete="RESTRICT"))
    number: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
    card: Mapped[RateCard] = relationship(lazy="joined")

    def __repr__(self) -> str:
        return f"version {self.number} of {self.card.name}" if self.card else f"version {self.number}"


class Rate(Table):
    """What one `per` costs in units, for addresses that begin with `prefix` (or of that domain; empty is any).

    `sender_kind` and `category` empty stand for any.
    """

    __tablename__ = "billing_rate"
    __table_args__ = (
        UniqueConstraint("version_id", "channel", "prefix", "sender_kind", "category"),
        Index(None, "version_id", "prefix"),
        CheckConstraint("units >= 0", name="units"),
        _PLATFORM,
    )

    id: Mapped[BigId]
    version_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_rate_version.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(String(20))
    prefix: Mapped[str] = mapped_column(String(253, collation="C"), default="", server_default="")
    sender_kind: Mapped[str] = mapped_column(String(40), default="", server_default="")
    category: Mapped[str] = mapped_column(String(40), default="", server_default="")
    per: Mapped[str] = mapped_column(String(20))
    units: Mapped[Decimal] = mapped_column(UNITS)

    def __repr__(self) -> str:
        return f"{self.channel} {self.prefix or 'any'}"
