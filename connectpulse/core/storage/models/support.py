"""What people ask the operator, and what was answered."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .. import ids
from ..base import CreatedAt, Table


class SupportRequest(Table):
    """A matter somebody brought up. `user_id` empty: it came from outside, by the public form.

    It belongs to the platform, whose operators answer; `organisation_id` says where the user was.
    """

    __tablename__ = "pulse_support_request"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(None, "email", "created_at"),
        Index("ix_pulse_support_request_waiting", "id", postgresql_where=text("state <> 'closed'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    reference: Mapped[str] = mapped_column(String(12), unique=True)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    name: Mapped[str] = mapped_column(String(128), default="", server_default="")
    email: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    messages: Mapped[list["SupportMessage"]] = relationship(
        order_by="SupportMessage.id", passive_deletes=True, cascade="all, delete-orphan", lazy="select"
    )

    def __repr__(self) -> str:
        return self.reference


class SupportMessage(Table):
    """One message of a support request, from whoever asked or from an operator."""

    __tablename__ = "pulse_support_message"
    __table_args__ = (Index(None, "request_id", "id"), Index(None, "email"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    request_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_support_request.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    author_name: Mapped[str] = mapped_column(String(128), default="", server_default="")
    email: Mapped[str] = mapped_column(String(320), default="", server_default="")
    is_answer: Mapped[bool] = mapped_column(default=False, server_default="false")
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
