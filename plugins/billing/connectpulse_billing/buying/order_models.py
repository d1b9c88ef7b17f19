"""Orders and everything about one: lines, taxes, attempts to pay, proofs, and money that went back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from connectpulse.core.api import BigId, CreatedAt, Encrypted, Json, Owned, Table

from .models import Money, Units


def _order() -> Any:
    return mapped_column(BigInteger, ForeignKey("billing_order.id", ondelete="CASCADE"))


class Order(Owned, Table):
    """What an organisation wants to buy. `reference` makes placing it again the same order.

    `net`, `tax` and `total` are sums of the lines; `reversed` is the money that went back so far.
    """

    __tablename__ = "billing_order"
    __table_args__ = (
        UniqueConstraint("organisation_id", "purpose", "reference"),
        Index(None, "organisation_id", "id"),
        Index("ix_billing_order_open", "expires_at", postgresql_where=text("state IN ('placed', 'awaiting')")),
    )

    id: Mapped[BigId]
    purpose: Mapped[str] = mapped_column(String(30))
    reference: Mapped[str] = mapped_column(String(100))
    legal_entity_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(15), default="placed", server_default="placed")
    currency: Mapped[str] = mapped_column(String(3))
    net: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    total: Mapped[Decimal] = mapped_column(Money)
    reversed: Mapped[Decimal] = mapped_column(Money, default=Decimal(0), server_default="0")
    gateway: Mapped[str] = mapped_column(String(40), default="", server_default="")
    payment_reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    placed_by: Mapped[int | None] = mapped_column(BigInteger)
    placed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    paid_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
    lines: Mapped[list["OrderLine"]] = relationship(
        order_by="OrderLine.id", passive_deletes=True, cascade="all, delete-orphan", lazy="select"
    )

    def __repr__(self) -> str:
        return f"Order {self.id}"


class OrderLine(Owned, Table):
    """A line of an order. `units` are those of the whole line; they expire so many days after they are granted."""

    __tablename__ = "billing_order_line"
    __table_args__ = (Index(None, "order_id"),)

    id: Mapped[BigId]
    order_id: Mapped[int] = _order()
    title: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int]
    units: Mapped[Decimal] = mapped_column(Units)
    price: Mapped[Decimal] = mapped_column(Money)
    net: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    expires_days: Mapped[int | None]
    subject: Mapped[str] = mapped_column(String(100), default="", server_default="")
    taxes: Mapped[list["OrderTax"]] = relationship(
        order_by="OrderTax.id", passive_deletes=True, cascade="all, delete-orphan", lazy="select"
    )


class OrderTax(Owned, Table):
    """A tax on one line, at the rate of the day it was ordered."""

    __tablename__ = "billing_order_tax"
    __table_args__ = (Index(None, "line_id"), Index(None, "order_id"))

    id: Mapped[BigId]
    order_id: Mapped[int] = _order()
    line_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_order_line.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    percent: Mapped[Decimal] = mapped_column(Units)
    amount: Mapped[Decimal] = mapped_column(Money)


class Attempt(Owned, Table):
    """One try to pay an order through a gateway. It is stored before the gateway hears of it.

    `asking_until` says that the gateway is being asked how the payer goes on: meanwhile nobody asks it again.
    """

    __tablename__ = "billing_attempt"
    __table_args__ = (
        UniqueConstraint("gateway", "reference"),
        Index(None, "gateway", "payment_reference"),
        Index(None, "order_id"),
        Index("ix_billing_attempt_due", "inquire_at", postgresql_where=text("inquire_at IS NOT NULL")),
    )

    id: Mapped[BigId]
    order_id: Mapped[int] = _order()
    gateway: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(100))
    foreign_reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    payment_reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    amount: Mapped[Decimal] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    step: Mapped[Json]
    asking_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    inquiries: Mapped[int] = mapped_column(default=0, server_default="0")
    inquire_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class Proof(Owned, Table):
    """What somebody uploaded to show that a transfer was made; the file is only stored encrypted."""

    __tablename__ = "billing_proof"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "uploaded_by"),
        Index(None, "decided_by"),
        Index(None, "state", "id"),
        Index("uq_billing_proof_bank_reference", "bank_reference", unique=True,
              postgresql_where=text("bank_reference <> ''")),
    )  # fmt: skip

    id: Mapped[BigId]
    order_id: Mapped[int] = _order()
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any]] = mapped_column(Encrypted, nullable=True, deferred=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    bank_reference: Mapped[str] = mapped_column(String(100), default="", server_default="")
    answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    uploaded_by: Mapped[int | None] = mapped_column(BigInteger)
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return f"Proof for order {self.order_id}"


class Reversal(Owned, Table):
    """Money of an order that went back, or is asked to: by us, by the gateway, or in a dispute.

    `units` were taken back for it, `owed` could not be, because they were spent.
    """

    __tablename__ = "billing_reversal"
    __table_args__ = (UniqueConstraint("order_id", "source", "reference"),)

    id: Mapped[BigId]
    order_id: Mapped[int] = _order()
    source: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(200))
    amount: Mapped[Decimal] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    units: Mapped[Decimal] = mapped_column(Units, default=Decimal(0), server_default="0")
    owed: Mapped[Decimal] = mapped_column(Units, default=Decimal(0), server_default="0")
    state: Mapped[str] = mapped_column(String(10), default="done", server_default="done")
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
