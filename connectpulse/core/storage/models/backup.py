"""What is known of backups, and what drills found. The files themselves lie in the backup store."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Json, Table


class Backup(Table):
    """One backup: asked for, being made, made, failed, or gone from the store again.

    `trigger` says what asked for it: schedule, panel, command, or found where only the store knew of it. `size`
    and `digest` are of the encrypted file, `dump_size` is what PostgreSQL wrote so far. `taken_at` is the moment
    whose state it holds.
    """

    __tablename__ = "pulse_backup"
    __table_args__ = (
        Index(
            "uq_pulse_backup_open", text("(true)"), unique=True,
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        Index("ix_pulse_backup_done", "taken_at", postgresql_where=text("state = 'done'")),
    )  # fmt: skip

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    trigger: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    taken_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    worker: Mapped[str | None] = mapped_column(String(80))
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    size: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dump_size: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[CreatedAt]


class Drill(Table):
    """What a drill found when it restored a backup into a scratch server. `report` is the signed report's content."""

    __tablename__ = "pulse_drill"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    backup: Mapped[str] = mapped_column(String(80))
    is_passed: Mapped[bool]
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    report: Mapped[Json]
    created_at: Mapped[CreatedAt]
