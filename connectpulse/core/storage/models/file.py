"""Files an organisation keeps for its templates, and which version of a template uses which."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from ..base import BigId, CreatedAt, Owned, Table


class File(Owned, Table):
    """A file of an organisation, each content once. `digest` is its SHA-256; `content` is read when asked for.

    `used_at` is when it was last kept, or a template that has it was last written.
    """

    __tablename__ = "pulse_file"
    __table_args__ = (
        UniqueConstraint("organisation_id", "digest"),
        Index(None, "organisation_id", "id"),
        Index(None, "used_at"),
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
    created_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[CreatedAt]
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class FileUse(Owned, Table):
    """A version of a template has a file."""

    __tablename__ = "pulse_file_use"
    __table_args__ = (PrimaryKeyConstraint("version_id", "file_id"), Index(None, "file_id"))

    version_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_template_version.id", ondelete="CASCADE"))
    file_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_file.id", ondelete="CASCADE"))
