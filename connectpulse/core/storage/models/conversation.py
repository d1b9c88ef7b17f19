"""Conversations with people who write back, and the answers that are written again and again."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Owned, Table

OPEN, DONE = "open", "done"


class Thread(Owned, Table):
    """How a conversation stands: one for each contact, and one for each address that is nobody's.

    It holds no text: `inbound_id` names what was written last, `answer_id` the last answer, `last_id` the later of
    both. `unread` counts what was written since somebody of the organisation looked; `waiting_since` is when the
    first of it came that nobody answered, empty where no answer is owed. `scheme` and `address` are where the person
    wrote from last.
    """

    __tablename__ = "pulse_thread"
    __table_args__ = (
        Index("uq_pulse_thread_contact", "contact_id", unique=True, postgresql_where=text("contact_id IS NOT NULL")),
        Index("uq_pulse_thread_stranger", "organisation_id", "scheme", "address", unique=True,
              postgresql_where=text("contact_id IS NULL")),
        Index(None, "organisation_id", "scheme", "address"),
        Index(None, "organisation_id", "state", "last_id"),
        Index("ix_pulse_thread_assigned", "assigned_to", "organisation_id", "state", "last_id",
              postgresql_where=text("assigned_to IS NOT NULL")),
        Index("ix_pulse_thread_unassigned", "organisation_id", "last_id",
              postgresql_where=text("state = 'open' AND assigned_to IS NULL")),
        Index("ix_pulse_thread_waiting", "organisation_id", "last_id",
              postgresql_where=text("waiting_since IS NOT NULL")),
        Index("ix_pulse_thread_unread", "organisation_id", postgresql_where=text("unread > 0")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    contact_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("pulse_contact.id", ondelete="CASCADE"))
    scheme: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(320))
    state: Mapped[str] = mapped_column(String(10), default=OPEN, server_default=OPEN)
    unread: Mapped[int] = mapped_column(default=0, server_default="0")
    waiting_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_id: Mapped[int] = mapped_column(BigInteger)
    inbound_id: Mapped[int | None] = mapped_column(BigInteger)
    answer_id: Mapped[int | None] = mapped_column(BigInteger)
    answered_by: Mapped[int | None] = mapped_column(BigInteger)
    assigned_to: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]


class CannedAnswer(Owned, Table):
    """A text that is written again and again; `channel` empty offers it on all of them."""

    __tablename__ = "pulse_canned_answer"
    __table_args__ = (UniqueConstraint("organisation_id", "title"),)

    id: Mapped[BigId]
    title: Mapped[str] = mapped_column(String(120))
    channel: Mapped[str] = mapped_column(String(20), default="", server_default="")
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.title
