"""Who runs the platform, what it promises, and who agreed to that."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Table


class Operator(Table):
    """The legal entity that runs this platform: one row. What it holds is public."""

    __tablename__ = "pulse_operator"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1, autoincrement=False)
    legal_entity: Mapped[str] = mapped_column(String(200), default="", server_default="")
    address: Mapped[str] = mapped_column(String(500), default="", server_default="")
    email: Mapped[str] = mapped_column(String(320), default="", server_default="")
    phone: Mapped[str] = mapped_column(String(60), default="", server_default="")
    postal: Mapped[str] = mapped_column(String(500), default="", server_default="")
    privacy_inbox: Mapped[str] = mapped_column(String(320), default="", server_default="")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.legal_entity or "the operator"


class PolicyVersion(Table):
    """A version of the privacy policy: a draft as it is typed, or published and from then on unchangeable.

    `source` is what was typed. `text` is what was published: with its dates and the operator's contact block,
    in canonical form; `digest` is its SHA-256. Triggers refuse any change of a published row and any digest
    that does not fit its text.
    """

    __tablename__ = "pulse_policy_version"
    __table_args__ = (
        Index(
            "ix_pulse_policy_version_effective", "effective_on", "id",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        Index("uq_pulse_policy_version_draft", text("(1)"), unique=True,
              postgresql_where=text("published_at IS NULL")),
    )  # fmt: skip

    id: Mapped[BigId]
    source: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text, default="", server_default="")
    digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    summary: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    revised_on: Mapped[date | None] = mapped_column(Date)
    effective_on: Mapped[date | None] = mapped_column(Date)
    is_material: Mapped[bool] = mapped_column(default=True, server_default="true")
    created_at: Mapped[CreatedAt]
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def __repr__(self) -> str:
        return f"revision of {self.revised_on:%d %B %Y}" if self.revised_on else "draft of the policy"


class PolicyReminder(Table):
    """How far the reminder of a coming version is: its mails went to accounts up to `mailed_to`.

    It stands apart from the version, which is not changed once it is published.
    """

    __tablename__ = "pulse_policy_reminder"

    version_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("pulse_policy_version.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    mailed_to: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[CreatedAt]
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Acceptance(Table):
    """That somebody accepted a version of the policy: by a button, or by going on after its day had come."""

    __tablename__ = "pulse_acceptance"
    __table_args__ = (Index(None, "user_id", "digest", unique=True),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(10))
    network_address: Mapped[str] = mapped_column(String(60), default="", server_default="")
    accepted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
