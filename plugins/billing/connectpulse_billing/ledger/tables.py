"""The books: entries that never change, totals that are folded from them, lots, and the terms campaigns ran under."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Numeric, SmallInteger, String, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import BigId, CreatedAt, OwnedApart, Table

UNITS = Numeric(18, 4)
ACCOUNTS = ("available", "reserved", "spent", "expired", "issued", "borne")
"""The accounts every entry is booked on. The last two are the platform's, and hold what the others lack."""


class _Amounts:
    """What is on, or what is booked on, each of an organisation's accounts and the platform's two against it."""

    available: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    reserved: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    spent: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    expired: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    issued: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    borne: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")


_SUMS_TO_ZERO = " + ".join(ACCOUNTS) + " = 0"


class Account(_Amounts, OwnedApart, Table):
    """The running totals of one organisation, without the deltas that are not folded in yet.

    `issued` is less than zero: what the platform gave out. `borne` is less than zero: what messages cost beyond
    what the organisation had, which the platform bears until it can be taken from what comes back.
    """

    __tablename__ = "billing_account"
    __table_args__ = (
        CheckConstraint("available >= 0", name="not_negative"),
        CheckConstraint(_SUMS_TO_ZERO, name="sums_to_zero"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    organisation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    created_at: Mapped[CreatedAt]

    @hybrid_property
    def id(self) -> int:
        """The organisation's id, by which lists page."""
        return self.organisation_id


class Entry(_Amounts, OwnedApart, Table):
    """One booking: units that moved between accounts, with what caused it. The database refuses to change it.

    `kind` is grant, reverse, reserve, settle or expire. Entries of messages name their campaign, or the day on which
    single ones were made (UTC), the states they went between and how many; the messages themselves are the detail.
    `source` and `reference` say what a grant or reversal is for, and are there once. `owed` is what a reversal could
    not take; an entry of source `owed` takes some of that away again, and its reference begins with the id of that
    reversal.
    """

    __tablename__ = "billing_entry"
    __table_args__ = (
        CheckConstraint(_SUMS_TO_ZERO, name="sums_to_zero"),
        Index(None, "organisation_id", "id"),
        Index(None, "campaign_id", postgresql_where=text("campaign_id IS NOT NULL")),
        Index(None, "day", "organisation_id", postgresql_where=text("day IS NOT NULL")),
        Index("ix_billing_entry_owing", "organisation_id", "id", postgresql_where=text("owed <> 0 OR borne <> 0")),
        Index(
            "uq_billing_entry_cause", "organisation_id", "kind", "source", "reference",
            unique=True, postgresql_where=text("source <> ''"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=text("pulse_id()"))
    kind: Mapped[str] = mapped_column(String(10))
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(String(20), default="", server_default="")
    before: Mapped[int | None] = mapped_column(SmallInteger)
    after: Mapped[int | None] = mapped_column(SmallInteger)
    messages: Mapped[int] = mapped_column(default=0, server_default="0")
    quantity: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    source: Mapped[str] = mapped_column(String(20), default="", server_default="")
    reference: Mapped[str] = mapped_column(String(80), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    day: Mapped[date | None]
    owed: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    created_at: Mapped[CreatedAt]


class Delta(_Amounts, OwnedApart, Table):
    """What an entry changes that was booked without taking the account's row; folded into it soon."""

    __tablename__ = "billing_delta"
    __table_args__ = (CheckConstraint("available >= 0", name="gives_back"), Index(None, "organisation_id"))

    id: Mapped[BigId]


class Opening(_Amounts, OwnedApart, Table):
    """The sum of an organisation's entries that retention has removed."""

    __tablename__ = "billing_opening"

    organisation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    created_at: Mapped[CreatedAt]


class Lot(OwnedApart, Table):
    """Units that came together and expire together. `remaining` are available; `gone` expired or were reversed."""

    __tablename__ = "billing_lot"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND gone >= 0 AND remaining + gone <= units", name="within"),
        Index(None, "organisation_id", "id"),
        Index("uq_billing_lot_cause", "organisation_id", "source", "reference", unique=True),
        Index("ix_billing_lot_expiring", "expires_at", postgresql_where=text("remaining > 0")),
    )

    id: Mapped[BigId]
    source: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(80))
    units: Mapped[Decimal] = mapped_column(UNITS)
    remaining: Mapped[Decimal] = mapped_column(UNITS)
    gone: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class _Charges:
    """Whether each ending that is nobody's success is charged."""

    undeliverable: Mapped[bool] = mapped_column(default=False, server_default="false")
    expired: Mapped[bool] = mapped_column(default=False, server_default="false")
    unknown: Mapped[bool] = mapped_column(default=False, server_default="false")


class Policy(_Charges, OwnedApart, Table):
    """A version of what is charged where a message was not delivered. Organisation 0 is the platform's default."""

    __tablename__ = "billing_policy"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[BigId]
    created_at: Mapped[CreatedAt]


class Terms(_Charges, OwnedApart, Table):
    """The policy that was in force when a campaign first reserved units; it holds for all its messages."""

    __tablename__ = "billing_terms"

    campaign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    policy_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Difference(OwnedApart, Table):
    """Something that two records say differently, as the last reconciliation found it.

    One with an `order_id` is a payment that did not fit its order: what was asked for, and what came in `currency`
    under the gateway's `reference`. No reconciliation removes it.
    """

    __tablename__ = "billing_difference"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("uq_billing_difference_payment", "order_id", "kind", "reference", unique=True,
              postgresql_where=text("order_id IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(20))
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    day: Mapped[date | None]
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="", server_default="")
    reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    expected: Mapped[Decimal] = mapped_column(UNITS)
    found: Mapped[Decimal] = mapped_column(UNITS)
    created_at: Mapped[CreatedAt]
