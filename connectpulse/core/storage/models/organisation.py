"""Organisations (the tenants) and who belongs to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..base import BigId, CreatedAt, Json, Owned, Table


class Organisation(Table):
    """A tenant. Its country reads local numbers, its zone is the default for schedules and windows.

    `opt_out_words` join or, with `replaces_opt_out_words`, replace those of a channel. `opt_out_replies` are the
    texts that confirm an opt-out, by language (`en`, `ur`, ...). `shares_opt_outs`: one channel's hold on all.
    `range_limit`: so many messages of no campaign an hour to one range of numbers, then no more; None only warns.
    `closes_at` set means: closed by its owner, and erased from then on; `closed_at` when that was done.
    """

    __tablename__ = "pulse_organisation"
    # By code point (COLLATE "C"): the migration says so, and comparing with the database does not see collations.
    __table_args__ = (Index("ix_pulse_organisation_name", text("lower(name)"), "id"),)

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    country: Mapped[str] = mapped_column(String(2))
    timezone: Mapped[str] = mapped_column(String(64))
    is_suspended: Mapped[bool] = mapped_column(default=False, server_default="false")
    needs_approval: Mapped[bool] = mapped_column(default=False, server_default="false")
    rate_per_second: Mapped[int | None]
    closes_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    opt_out_words: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    replaces_opt_out_words: Mapped[bool] = mapped_column(default=False, server_default="false")
    opt_out_replies: Mapped[Json]
    range_limit: Mapped[int | None]
    shares_opt_outs: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[CreatedAt]


class Membership(Owned, Table):
    """A user's role in an organisation. `role` is one of `web.security.roles`."""

    __tablename__ = "pulse_membership"
    __table_args__ = (UniqueConstraint("user_id", "organisation_id"), Index(None, "organisation_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[CreatedAt]
    user: Mapped[Any] = relationship("User", lazy="joined")

    def __repr__(self) -> str:
        return f"{self.user.username} ({self.role})"
