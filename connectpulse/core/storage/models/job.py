"""Durable work: what must happen is a row here; the queue only wakes whoever looks."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from ..base import BigId, CreatedAt, Table


class Job(Table):
    """A long piece of work on one subject, done in steps under a lease. A kill resumes at the last step."""

    __tablename__ = "pulse_job"
    __table_args__ = (
        Index(
            "uq_pulse_job_open",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("ix_pulse_job_open", "run_at", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    id: Mapped[BigId]
    kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    run_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    worker: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str] = mapped_column(String(500), default="", server_default="")
    created_at: Mapped[CreatedAt]


class Duty(Table):
    """A duty of a plugin that comes round, and how it went the last time: `ended_at` is empty while it runs."""

    __tablename__ = "pulse_duty"

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    begun_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[CreatedAt]


class Pace(Table):
    """When the next message of a campaign or organisation with a rate may go; exact over all workers."""

    __tablename__ = "pulse_pace"

    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
