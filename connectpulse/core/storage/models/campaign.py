"""Campaigns, their audiences, what they were quoted at, and how far they are."""

from datetime import datetime, time
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..base import BigId, CreatedAt, Json, Owned, OwnedApart, Table
from .contact import ContactList
from .template import Sender, TemplateVersion

UNITS = Numeric(18, 4)


class Campaign(Owned, Table):
    """One content to one audience. `cursor` is the last contact that was expanded into a message.

    `is_out_of_units` on a paused one: it goes on by itself once there are units, and what is paid for goes out.
    """

    __tablename__ = "pulse_campaign"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("ix_pulse_campaign_live", "state", postgresql_where=text("state IN ('running', 'scheduled')")),
        Index("ix_pulse_campaign_out_of_units", "organisation_id", postgresql_where=text("is_out_of_units")),
        UniqueConstraint("organisation_id", "id"),
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    channel: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(String(20))
    template_version_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("pulse_template_version.id", ondelete="RESTRICT")
    )
    sender_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("pulse_sender.id", ondelete="RESTRICT"))
    timezone: Mapped[str] = mapped_column(String(64))
    scheduled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    start_within_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    window_start: Mapped[time | None] = mapped_column(Time)
    window_end: Mapped[time | None] = mapped_column(Time)
    window_days: Mapped[list[int]] = mapped_column(
        JSONB, default=lambda: list(range(7)), server_default="[0, 1, 2, 3, 4, 5, 6]"
    )
    rate_per_second: Mapped[int | None]
    validity_minutes: Mapped[int] = mapped_column(default=1440, server_default="1440")
    state: Mapped[str] = mapped_column(String(20), default="draft", server_default="draft")
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    fingerprint: Mapped[str] = mapped_column(String(64), default="", server_default="")
    price_version: Mapped[str] = mapped_column(String(120), default="", server_default="")
    cursor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    is_expanded: Mapped[bool] = mapped_column(default=False, server_default="false")
    is_out_of_units: Mapped[bool] = mapped_column(default=False, server_default="false")
    served_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    launched_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    launched_by_id: Mapped[int | None]
    approved_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[CreatedAt]
    launched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    template_version: Mapped[TemplateVersion | None] = relationship(lazy="joined")
    sender: Mapped[Sender | None] = relationship(lazy="joined")
    lists: Mapped[list["CampaignList"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )
    fallbacks: Mapped[list["Fallback"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin", order_by="Fallback.number"
    )


class Fallback(Owned, Table):
    """The channel a campaign's recipients go on to, from 1: after these `outcomes` of the one before, or where it
    was not delivered `after_minutes` after it was handed over (empty: only its ending counts)."""

    __tablename__ = "pulse_fallback"
    __table_args__ = (PrimaryKeyConstraint("campaign_id", "number"),)

    campaign_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_campaign.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(SmallInteger)
    channel: Mapped[str] = mapped_column(String(20))
    template_version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("pulse_template_version.id", ondelete="RESTRICT")
    )
    sender_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("pulse_sender.id", ondelete="RESTRICT"))
    outcomes: Mapped[list[str]] = mapped_column(JSONB)
    after_minutes: Mapped[int | None]
    price_version: Mapped[str] = mapped_column(String(120), default="", server_default="")
    template_version: Mapped[TemplateVersion] = relationship(lazy="joined")
    sender: Mapped[Sender | None] = relationship(lazy="joined")


class CampaignList(Owned, Table):
    """A list a campaign goes to, or one whose members it leaves out."""

    __tablename__ = "pulse_campaign_list"
    __table_args__ = (
        PrimaryKeyConstraint("campaign_id", "list_id"),
        ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["pulse_contact_list.organisation_id", "pulse_contact_list.id"],
            ondelete="CASCADE",
        ),
    )

    campaign_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_campaign.id", ondelete="CASCADE"))
    list_id: Mapped[int] = mapped_column(BigInteger)
    is_excluded: Mapped[bool] = mapped_column(default=False, server_default="false")
    contact_list: Mapped[ContactList] = relationship(
        primaryjoin="CampaignList.list_id == ContactList.id",
        foreign_keys="CampaignList.list_id",
        lazy="joined",
        viewonly=True,
    )


class Quote(Owned, Table):
    """What launching a campaign would mean, counted over its whole audience, for one `fingerprint`.

    `price_version` names the prices it rests on, `least_units` is what its cheapest message takes. `zones` counts
    recipients by time zone, where a sending window asks for it. `units` is the least: everybody is reached by the
    first message; `most_units` what it takes if nobody ever is. `fallbacks` holds, by number, how many begin there,
    how many may come to it, and its price version.
    """

    __tablename__ = "pulse_quote"
    __table_args__ = (Index(None, "campaign_id", "id"),)

    id: Mapped[BigId]
    campaign_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_campaign.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20), default="counting", server_default="counting")
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    cursor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    audience: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    recipients: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    parts: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    units: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    least_units: Mapped[Decimal | None] = mapped_column(UNITS)
    most_units: Mapped[Decimal] = mapped_column(UNITS, default=Decimal(0), server_default="0")
    fallbacks: Mapped[Json]
    skipped: Mapped[Json]
    missing: Mapped[Json]
    unpriced: Mapped[Json]
    connections: Mapped[Json]
    price_version: Mapped[str] = mapped_column(String(120), default="", server_default="")
    zones: Mapped[Json]
    sample: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Counter(OwnedApart, Table):
    """A change to a campaign's figures. Appended without locking anything, squashed into one row later.

    `name` is `state:<state>`, `reason:<reason>`, `skipped:<reason>`, `parts` or `units`; where a campaign has
    fallbacks also `<number>:state:<state>`, 0 for what is sent first, and `<number>:moved` for who came to one.
    """

    __tablename__ = "pulse_counter"
    __table_args__ = (Index(None, "campaign_id", "name"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(80))
    amount: Mapped[Decimal] = mapped_column(UNITS)
