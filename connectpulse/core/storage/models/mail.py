"""What the house tells people: mail on its way out, and notices in the panel."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, PrimaryKeyConstraint, String, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import CreatedAt, Table
from ..vault import Encrypted


class Mail(Table):
    """A mail of the site's own. `content` holds text and html, encrypted, and is emptied once it is sent."""

    __tablename__ = "pulse_mail"
    __table_args__ = (
        Index("ix_pulse_mail_due", "due_at", postgresql_where=text("state = 'waiting'")),
        Index(None, "recipient"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    recipient: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(200))
    content: Mapped[dict[str, Any] | None] = mapped_column(Encrypted)
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Notice(Table):
    """Something people should know: for one user, or for whoever holds one of `roles` where it belongs.

    `organisation_id` empty is a notice of the platform. `key` names the matter: while a notice of it is open
    (`ended_at` empty), another is not posted. `link` is an address within the panel. The role `*` is everybody.

    `is_binding` goes out by mail whatever its readers chose. `mailed_to` is the last account whose mail was
    decided on, `mailed_at` when all were.
    """

    __tablename__ = "pulse_notice"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(None, "user_id", "id", postgresql_where=text("user_id IS NOT NULL")),
        Index("ix_pulse_notice_platform", "id", postgresql_where=text("user_id IS NULL AND organisation_id IS NULL")),
        Index("ix_pulse_notice_unmailed", "id", postgresql_where=text("mailed_at IS NULL")),
        Index("uq_pulse_notice_open", "key", unique=True, postgresql_where=text("ended_at IS NULL AND key <> ''")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(40)), default=list, server_default="{}")
    level: Mapped[str] = mapped_column(String(10), default="info", server_default="info")
    kind: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text, default="", server_default="")
    link: Mapped[str] = mapped_column(String(300), default="", server_default="")
    key: Mapped[str] = mapped_column(String(120), default="", server_default="")
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    is_binding: Mapped[bool] = mapped_column(default=False, server_default="false")
    mailed_to: Mapped[int] = mapped_column(default=0, server_default="0")
    mailed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class NoticeRead(Table):
    """That somebody has seen a notice."""

    __tablename__ = "pulse_notice_read"
    __table_args__ = (PrimaryKeyConstraint("user_id", "notice_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    notice_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_notice.id", ondelete="CASCADE"))
    read_at: Mapped[CreatedAt]


class NoticeChoice(Table):
    """What somebody wants by mail: `each` at once, `digest` once a day, or `never`, for each sort of notice.

    `reminders` are mails that say a second time what a notice said; they are never in a digest.

    `digested_to` is the last notice their digests have told of, `digested_at` when the last one was due.
    """

    __tablename__ = "pulse_notice_choice"
    __table_args__ = (Index(None, "digested_at", "user_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    alarms: Mapped[str] = mapped_column(String(10), default="each", server_default="each")
    updates: Mapped[str] = mapped_column(String(10), default="digest", server_default="digest")
    news: Mapped[str] = mapped_column(String(10), default="never", server_default="never")
    reminders: Mapped[str] = mapped_column(String(10), default="each", server_default="each")
    digested_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    digested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    created_at: Mapped[CreatedAt]
