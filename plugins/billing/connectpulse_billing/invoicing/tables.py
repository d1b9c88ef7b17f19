"""Who sells, whom they sell to, and the numbered documents that are written once and never changed."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import BigId, CreatedAt, Owned, Table

Money = Numeric(18, 2)
INVOICE, CORRECTION = "invoice", "correction"
ENGLISH, ENGLISH_AND_URDU = "en", "en+ur"
"""The languages of what is printed beside sums and parties."""
PSEUDONYM = "^Person [0-9A-F]{12}$"
"""What the name of a buyer who was erased looks like; the database lets it be put in, and nothing else."""
CORRECTED = "C"
"""What stands between the prefix and the number of a correction."""


class LegalEntity(Table):
    """A company that sells: it stands on its invoices, and numbers them without gaps. It belongs to the platform.

    `next_invoice` and `next_correction` are taken by the transaction that writes the document, which holds the
    row until it ends: a number that is taken and not used does not exist.
    """

    __tablename__ = "billing_legal_entity"
    __table_args__ = (
        UniqueConstraint("prefix"),
        {"info": {"owner": "billing", "platform_reason": "The companies that sell are the operator's."}},
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(160))
    seat: Mapped[str] = mapped_column(String(500), default="", server_default="")
    currency: Mapped[str] = mapped_column(String(3))
    ntn: Mapped[str] = mapped_column(String(20), default="", server_default="")
    strn: Mapped[str] = mapped_column(String(20), default="", server_default="")
    prefix: Mapped[str] = mapped_column(String(10))
    bank_details: Mapped[str] = mapped_column(String(500), default="", server_default="")
    footer: Mapped[str] = mapped_column(String(500), default="", server_default="")
    labels: Mapped[str] = mapped_column(String(5), default=ENGLISH, server_default=ENGLISH)
    is_active: Mapped[bool] = mapped_column(default=True, server_default="true")
    next_invoice: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    next_correction: Mapped[int] = mapped_column(BigInteger, default=1, server_default="1")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.name


class Buyer(Owned, Table):
    """What stands on an organisation's invoices: its name before the tax office, its address and its numbers.

    `is_person` means that a person buys in their own name; then an erasure takes all of it.
    """

    __tablename__ = "billing_buyer"
    __table_args__ = (UniqueConstraint("organisation_id"),)

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(160))
    address: Mapped[str] = mapped_column(String(500), default="", server_default="")
    ntn: Mapped[str] = mapped_column(String(20), default="", server_default="")
    strn: Mapped[str] = mapped_column(String(20), default="", server_default="")
    email: Mapped[str] = mapped_column(String(320), default="", server_default="")
    is_person: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return "billing details"  # the action log is kept when the name is not


class Mailing(Owned, Table):
    """That somebody had a document mailed once more."""

    __tablename__ = "billing_mailing"
    __table_args__ = (Index(None, "invoice_id", "created_at"),)

    id: Mapped[BigId]
    invoice_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Invoice(Owned, Table):
    """An invoice, or the correction of one. The database refuses to change it, but for one thing.

    `seller` and `buyer` are what stood there on that day; `buyer` has an `email` where a person bought, by which
    they are found, and a pseudonym once they are erased. `lines` have title, quantity, price, net, tax and
    taxes, each sum as text with two places. Sums of a correction are what it takes back, not below zero.
    """

    __tablename__ = "billing_invoice"
    __table_args__ = (
        UniqueConstraint("entity_id", "kind", "sequence"),
        UniqueConstraint("number"),
        Index(None, "organisation_id", "id"),
        Index("uq_billing_invoice_order", "order_id", unique=True, postgresql_where=text("kind = 'invoice'")),
        Index(None, "corrects_id", postgresql_where=text("corrects_id IS NOT NULL")),
        Index("ix_billing_invoice_buyer_name", text("(buyer ->> 'name')")),
        Index("ix_billing_invoice_buyer_email", text("(buyer ->> 'email')")),
    )

    id: Mapped[BigId]
    entity_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_legal_entity.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(10))
    sequence: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[str] = mapped_column(String(30))
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    corrects_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    currency: Mapped[str] = mapped_column(String(3))
    net: Mapped[Decimal] = mapped_column(Money)
    tax: Mapped[Decimal] = mapped_column(Money)
    total: Mapped[Decimal] = mapped_column(Money)
    seller: Mapped[dict[str, str]] = mapped_column(JSONB)
    buyer: Mapped[dict[str, str]] = mapped_column(JSONB)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.number

    @property
    def title(self) -> str:
        """What people call the document."""
        return "Invoice" if self.kind == INVOICE else "Credit note"
