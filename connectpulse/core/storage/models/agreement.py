"""Agreements with those to whom connections disclose what is sent."""

from datetime import date

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from ..base import BigId, CreatedAt, Table


class Agreement(Table):
    """A confidentiality or processing agreement that lets a connection be used until `expires_on`, that day included.

    It outlives its connection: `connection_name` says which one it was. `contact` and `email` are whom to ask.
    """

    __tablename__ = "pulse_agreement"
    __table_args__ = (Index(None, "connection_id", "expires_on"), Index(None, "email"))

    id: Mapped[BigId]
    connection_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("pulse_connection.id", ondelete="SET NULL")
    )
    connection_name: Mapped[str] = mapped_column(String(120))
    party: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(120))
    agreed_on: Mapped[date] = mapped_column(Date)
    expires_on: Mapped[date] = mapped_column(Date)
    contact: Mapped[str] = mapped_column(String(200), default="", server_default="")
    email: Mapped[str] = mapped_column(String(320), default="", server_default="")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return f"{self.reference} with {self.party}"
