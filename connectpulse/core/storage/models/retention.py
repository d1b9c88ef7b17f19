"""What retention keeps of itself: holds, archives, runs, chosen times, and the clock it trusts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, Integer, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import CreatedAt, OwnedApart, Table
from ..vault import Encrypted

_SECONDS = Numeric(14, 3, asdecimal=False)


class Hold(Table):
    """A legal hold: what it covers is neither purged, archived, anonymised nor erased until it is lifted.

    `kind` is `subject` (a person: an address, a contact or a user), `organisation`, or `class` (the records of
    `table_name`). `organisation_id` empty holds in every organisation.
    """

    __tablename__ = "pulse_hold"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("ix_pulse_hold_standing", "id", postgresql_where=text("lifted_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(20))
    table_name: Mapped[str] = mapped_column(String(63), default="", server_default="")
    scheme: Mapped[str] = mapped_column(String(20), default="", server_default="")
    value: Mapped[str] = mapped_column(String(320), default="", server_default="")
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(500))
    placed_by: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[CreatedAt]
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def __repr__(self) -> str:
        return f"hold {self.id}"


class Archive(Table):
    """The catalogue of archives: one encrypted Parquet file of one organisation, table and month of rows.

    `key` holds the file's own key, encrypted with the site's. `generation` counts how often the file was
    written anew, `digest` is the SHA-256 of its bytes. `first_at` and `last_at` are the ages of its rows.
    Whoever writes a file anew holds it as its `writer` until `lease_until`.
    """

    __tablename__ = "pulse_archive"
    __table_args__ = (Index(None, "organisation_id", "table_name", "month"), Index(None, "last_at"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    table_name: Mapped[str] = mapped_column(String(63))
    month: Mapped[str] = mapped_column(String(7))
    name: Mapped[str] = mapped_column(String(300), unique=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    generation: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    key: Mapped[dict[str, Any]] = mapped_column(Encrypted)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
    rewritten_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    writer: Mapped[str] = mapped_column(String(40), default="", server_default="")
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class MergedFile(Table):
    """An archive file whose rows lie in another one now: no key opens it, and it is kept for the backups' sake.

    A catalogue that is restored from before the merge still knows the file and has its key.
    """

    __tablename__ = "pulse_merged_file"
    __table_args__ = (Index(None, "merged_at"), Index(None, "organisation_id"))

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    kept_in: Mapped[str] = mapped_column(String(300))
    merged_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ArchiveExport(OwnedApart, Table):
    """Rows of archives that somebody asked for: gathered by workers, fetched once by whoever asked.

    `after_id` is the last file read, of the `files_total` files up to `until_id`. `parts` name the encrypted pieces
    in the archive store, `secret` holds their key: without it nobody reads them.
    """

    __tablename__ = "pulse_archive_export"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("ix_pulse_archive_export_open", "id", postgresql_where=text("state IN ('running', 'ready')")),
        Index(None, "address"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    asked_by: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10), default="running", server_default="running")
    table_name: Mapped[str] = mapped_column(String(63))
    address: Mapped[str] = mapped_column(String(320), default="", server_default="")
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    until_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    after_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    files_total: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    files_done: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    rows: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    parts: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    secret: Mapped[dict[str, Any] | None] = mapped_column(Encrypted)
    reason: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    fetched_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def __repr__(self) -> str:
        return f"export {self.id}"


class RetentionRun(Table):
    """What one run did for one rule; `table_name` empty is the run as a whole.

    `digest` is a SHA-256 over the digests of the archives it wrote. A rule that had nothing to do leaves no
    row of its own: the run as a whole says that it was looked at.
    """

    __tablename__ = "pulse_retention_run"
    __table_args__ = (Index(None, "table_name", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    table_name: Mapped[str] = mapped_column(String(63), default="", server_default="")
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    cutoff: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    found: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    archived: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    deleted: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    anonymised: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    dropped: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    digest: Mapped[str] = mapped_column(String(64), default="", server_default="")
    error: Mapped[str] = mapped_column(String(500), default="", server_default="")
    seconds: Mapped[float] = mapped_column(_SECONDS, default=0.0, server_default="0")
    is_done: Mapped[bool] = mapped_column(default=False, server_default="false")


class RuleChoice(Table):
    """Another time to keep the rows of one table, chosen within the rule's bounds.

    `organisation_id` empty is the platform's choice for all that have none of their own.
    """

    __tablename__ = "pulse_rule_choice"
    __table_args__ = (
        Index(
            "uq_pulse_rule_choice", text("coalesce(organisation_id, 0)"), "table_name", unique=True,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    table_name: Mapped[str] = mapped_column(String(63))
    days: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.table_name


class RetentionClock(Table):
    """The one row that says what time retention last believed, and whether it has stopped believing.

    `boot` and `uptime` tie the time `anchored_at` to a clock nobody can set. `runner` holds a run's lease.
    """

    __tablename__ = "pulse_retention_clock"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    anchored_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    boot: Mapped[str] = mapped_column(String(60), default="", server_default="")
    uptime: Mapped[float] = mapped_column(_SECONDS, default=0.0, server_default="0")
    stopped_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    runner: Mapped[str] = mapped_column(String(80), default="", server_default="")
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    run_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
