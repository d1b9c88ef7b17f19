"""Acts that need a second person: what was asked, by whom, and what was decided."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import Json, Table


class Decision(Table):
    """An act that one person asked for and another decides (four eyes). `facts` is what the act is done with.

    `organisation_id` empty is an act on the platform. It holds names as they were: it outlives accounts.
    """

    __tablename__ = "pulse_decision"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(
            "uq_pulse_decision_open", "act", "subject_id", unique=True, postgresql_where=text("state = 'open'")
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    act: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str] = mapped_column(String(300))
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    facts: Mapped[Json]
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    asked_by: Mapped[int] = mapped_column(BigInteger)
    asked_by_name: Mapped[str] = mapped_column(String(200))
    decided_by: Mapped[int | None] = mapped_column(BigInteger)
    decided_by_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer: Mapped[str] = mapped_column(String(500), default="", server_default="")
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    def __repr__(self) -> str:
        return self.title
