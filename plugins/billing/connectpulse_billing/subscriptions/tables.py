"""Plans, who is on which, what was asked for it, and when an organisation is told that its units run low."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from connectpulse.core.api import BigId, CreatedAt, Owned, Table

Money = Numeric(18, 2)
Units = Numeric(18, 4)
_MOMENT = DateTime(timezone=True)
WAITING, TRIAL, ACTIVE, GRACE, SUSPENDED, ENDED = "waiting", "trial", "active", "grace", "suspended", "ended"
PERIOD, CHANGE = "period", "change"


class Plan(Table):
    """What an organisation may subscribe to. From its first subscription on, its figures stay as they are.

    `fee` is for a period of `months` months, without taxes; `units` come with each period. No `channels` means
    all of them; None in `users` and `api_per_minute` means any number.
    """

    __tablename__ = "billing_plan"
    __table_args__ = (
        UniqueConstraint("name"),
        Index(None, "is_offered", "place"),
        CheckConstraint("months IN (1, 12) AND fee >= 0 AND units >= 0 AND trial_units >= 0", name="figures"),
        {"info": {"platform_reason": "What organisations may subscribe to; the operator offers it to all."}},
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    currency: Mapped[str] = mapped_column(String(3))
    fee: Mapped[Decimal] = mapped_column(Money)
    months: Mapped[int]
    units: Mapped[Decimal] = mapped_column(Units, default=Decimal(0), server_default="0")
    channels: Mapped[list[str]] = mapped_column(ARRAY(String(20)), default=list, server_default="{}")
    users: Mapped[int | None]
    api_per_minute: Mapped[int | None]
    trial_days: Mapped[int] = mapped_column(default=0, server_default="0")
    trial_units: Mapped[Decimal] = mapped_column(Units, default=Decimal(0), server_default="0")
    place: Mapped[int] = mapped_column(default=100, server_default="100")
    is_offered: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.name


class Subscription(Owned, Table):
    """An organisation on a plan; one of an organisation lives at a time.

    While it waits for its first payment, `period_end` is when it stops waiting. `anchor_day` is the day of the
    month on which periods begin, where the month has it. `due_at` is when it has to be looked at next.
    """

    __tablename__ = "billing_subscription"
    __table_args__ = (
        Index("uq_billing_subscription_live", "organisation_id", unique=True,
              postgresql_where=text("state <> 'ended'")),
        Index("ix_billing_subscription_due", "due_at", postgresql_where=text("state <> 'ended'")),
        Index(None, "organisation_id", "id"),
        Index(None, "plan_id"),
    )  # fmt: skip

    id: Mapped[BigId]
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_plan.id", ondelete="RESTRICT"))
    next_plan_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("billing_plan.id", ondelete="RESTRICT"))
    state: Mapped[str] = mapped_column(String(10))
    anchor_day: Mapped[int]
    period_start: Mapped[datetime] = mapped_column(_MOMENT)
    period_end: Mapped[datetime] = mapped_column(_MOMENT)
    cancels_at_end: Mapped[bool] = mapped_column(default=False, server_default="false")
    unpaid_since: Mapped[datetime | None] = mapped_column(_MOMENT)
    reminders: Mapped[int] = mapped_column(default=0, server_default="0")
    suspended_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    ended_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    due_at: Mapped[datetime] = mapped_column(_MOMENT)
    created_at: Mapped[CreatedAt]
    plan: Mapped[Plan] = relationship(foreign_keys=[plan_id], lazy="joined")
    next_plan: Mapped[Plan | None] = relationship(foreign_keys=[next_plan_id], lazy="joined")

    def __repr__(self) -> str:
        return f"subscription to {self.plan.name}" if self.plan else f"subscription {self.id}"


class Charge(Owned, Table):
    """What a subscription is asked to pay for: a period on a plan, or the rest of one on a dearer plan.

    It is open until it `begun_at`, or is void. One that costs nothing has no order, and is paid at once.
    """

    __tablename__ = "billing_charge"
    __table_args__ = (
        Index("uq_billing_charge_open", "subscription_id", "kind", unique=True,
              postgresql_where=text("begun_at IS NULL AND NOT is_void")),
        Index("uq_billing_charge_order", "order_id", unique=True, postgresql_where=text("order_id IS NOT NULL")),
        Index(None, "subscription_id", "id"),
        CheckConstraint("ends_at > starts_at", name="lasts"),
    )  # fmt: skip

    id: Mapped[BigId]
    subscription_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_subscription.id", ondelete="CASCADE"))
    plan_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("billing_plan.id", ondelete="RESTRICT"))
    kind: Mapped[str] = mapped_column(String(10))
    starts_at: Mapped[datetime] = mapped_column(_MOMENT)
    ends_at: Mapped[datetime] = mapped_column(_MOMENT)
    fee: Mapped[Decimal] = mapped_column(Money)
    currency: Mapped[str] = mapped_column(String(3))
    units: Mapped[Decimal] = mapped_column(Units)
    order_id: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(_MOMENT)
    paid_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    begun_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    is_void: Mapped[bool] = mapped_column(default=False, server_default="false")
    created_at: Mapped[CreatedAt]
    plan: Mapped[Plan] = relationship(lazy="joined")


class Alert(Owned, Table):
    """When an organisation is told that its units run low: below the greatest of what is set here.

    `percent` is of the units that came last, `days` of what was spent a day in the last week. `is_low` says that
    it was told of, and not yet well above again.
    """

    __tablename__ = "billing_alert"
    __table_args__ = (
        UniqueConstraint("organisation_id"),
        CheckConstraint("percent BETWEEN 0 AND 100 AND days BETWEEN 0 AND 90 AND units >= 0", name="bounds"),
    )

    id: Mapped[BigId]
    is_on: Mapped[bool] = mapped_column(default=True, server_default="true")
    percent: Mapped[int] = mapped_column(default=20, server_default="20")
    days: Mapped[int] = mapped_column(default=0, server_default="0")
    units: Mapped[Decimal] = mapped_column(Units, default=Decimal(0), server_default="0")
    is_low: Mapped[bool] = mapped_column(default=False, server_default="false")
    told_at: Mapped[datetime | None] = mapped_column(_MOMENT)
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return "low units"
