"""What is offered: packages, taxes, vouchers, and the gateways one pays through. All belong to the platform."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from connectpulse.core.api import BigId, CreatedAt, Encrypted, Json, Owned, Table

Units = Numeric(18, 4)
Money = Numeric(18, 2)


def _of_the_platform(reason: str) -> dict[str, dict[str, str]]:
    return {"info": {"platform_reason": reason}}


class Package(Table):
    """Units for a price without taxes. What was sold keeps its own figures, so a package may change."""

    __tablename__ = "billing_package"
    __table_args__ = (
        Index(None, "is_offered", "currency", "place"),
        _of_the_platform("what every organisation may buy"),
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    units: Mapped[Decimal] = mapped_column(Units)
    price: Mapped[Decimal] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    place: Mapped[int] = mapped_column(default=100, server_default="100")
    is_offered: Mapped[bool] = mapped_column(default=True, server_default="true")
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    expires_days: Mapped[int | None]
    created_at: Mapped[CreatedAt]


class Tax(Table):
    """A rate that holds from a day on, for one legal entity or, with none, for all."""

    __tablename__ = "billing_tax"
    __table_args__ = (Index(None, "legal_entity_id", "valid_from"), _of_the_platform("the law's rates"))

    id: Mapped[BigId]
    legal_entity_id: Mapped[int | None] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(60))
    percent: Mapped[Decimal] = mapped_column(Numeric(7, 4))
    currency: Mapped[str] = mapped_column(String(3), default="", server_default="")
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    created_at: Mapped[CreatedAt]


class Voucher(Table):
    """Units for whoever knows the code, of which only a keyed hash is kept."""

    __tablename__ = "billing_voucher"
    __table_args__ = (UniqueConstraint("code_hash"), _of_the_platform("what any organisation may redeem"))

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    code_hash: Mapped[str] = mapped_column(String(64))
    hint: Mapped[str] = mapped_column(String(4))
    units: Mapped[Decimal] = mapped_column(Units)
    most_uses: Mapped[int]
    uses: Mapped[int] = mapped_column(default=0, server_default="0")
    is_open: Mapped[bool] = mapped_column(default=True, server_default="true")
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    units_expire_days: Mapped[int | None]
    created_at: Mapped[CreatedAt]


class Redemption(Owned, Table):
    """A voucher used by an organisation: once, however often it is tried."""

    __tablename__ = "billing_redemption"
    __table_args__ = (
        UniqueConstraint("voucher_id", "organisation_id"),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[BigId]
    voucher_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_voucher.id", ondelete="CASCADE"))
    units: Mapped[Decimal] = mapped_column(Units)
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Gateway(Table):
    """The settings of a way to pay; secrets apart and sealed."""

    __tablename__ = "billing_gateway"
    __table_args__ = (_of_the_platform("the operator's own accounts at gateways"),)

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(40), unique=True)
    settings: Mapped[Json]
    secrets: Mapped[dict[str, Any]] = mapped_column(Encrypted, nullable=True)
    is_open: Mapped[bool] = mapped_column(default=False, server_default="false")
    place: Mapped[int] = mapped_column(default=100, server_default="100")
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    is_working: Mapped[bool | None]
    created_at: Mapped[CreatedAt]


class PaymentEvent(Table):
    """What a gateway told us, verified and stored before anything is done about it; without personal facts."""

    __tablename__ = "billing_payment_event"
    __table_args__ = (
        UniqueConstraint("gateway", "event_id"),
        Index("ix_billing_payment_event_waiting", "due_at", postgresql_where=text("state = 'waiting'")),
        Index(None, "gateway", "reference"),
        Index(None, "gateway", "payment_reference"),
        _of_the_platform("what gateways tell, before it is known whom it is about"),
    )

    id: Mapped[BigId]
    gateway: Mapped[str] = mapped_column(String(40))
    event_id: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(100))
    payment_reference: Mapped[str] = mapped_column(String(200), default="", server_default="")
    item: Mapped[str] = mapped_column(String(200), default="", server_default="")
    amount: Mapped[Decimal | None] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3), default="", server_default="")
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    answer: Mapped[str] = mapped_column(String(300), default="", server_default="")
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    occurred_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
