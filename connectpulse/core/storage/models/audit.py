"""The action log: who did what to which object, written in the same transaction as the act."""

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import Json, OwnedApart, Table


class AuditEntry(OwnedApart, Table):
    """One act. It holds names and ids as they were and no foreign keys: it outlives what it tells of.

    `organisation_id` empty is an act on the platform itself.
    """

    __tablename__ = "pulse_audit"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(None, "object_type", "object_id", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger, active_history=True)  # type: ignore[assignment]
    verb: Mapped[str] = mapped_column(String(80))
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(String(200))
    actor_address: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_type: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_id: Mapped[str] = mapped_column(String(60), default="", server_default="")
    object_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    detail: Mapped[Json]
