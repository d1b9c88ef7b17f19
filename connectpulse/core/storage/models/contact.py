"""Contacts, their addresses and fields, and the lists they are on."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ..base import BigId, CreatedAt, Json, Owned, Table


class Contact(Owned, Table):
    """A person of an organisation. `fields` holds the custom fields as text, by name.

    `restricted_at` set means: kept, and not to be written to until lifted. `import_id` is the last file that
    told of it.
    """

    __tablename__ = "pulse_contact"
    __table_args__ = (
        Index("ix_pulse_contact_name", "organisation_id", text("lower(name)"), "id"),
        Index("ix_pulse_contact_recent", "organisation_id", "id"),
        Index(
            "ix_pulse_contact_restricted",
            "organisation_id",
            "restricted_at",
            postgresql_where=text("restricted_at IS NOT NULL"),
        ),
    )

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    fields: Mapped[Json]
    timezone: Mapped[str | None] = mapped_column(String(64))
    restricted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    import_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
    addresses: Mapped[list["Address"]] = relationship(
        back_populates="contact", cascade="all, delete-orphan", order_by="Address.position", lazy="selectin"
    )


class Address(Owned, Table):
    """Where a contact is reached: a scheme and its canonical value, held by one contact per organisation."""

    __tablename__ = "pulse_address"
    __table_args__ = (UniqueConstraint("organisation_id", "scheme", "value"), Index(None, "contact_id"))

    id: Mapped[BigId]
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_contact.id", ondelete="CASCADE"))
    scheme: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(320))
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[CreatedAt]
    contact: Mapped[Contact] = relationship(back_populates="addresses")


class CustomField(Owned, Table):
    """A field that contacts of an organisation may have; its name is what templates substitute."""

    __tablename__ = "pulse_custom_field"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(63))
    label: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20), default="text", server_default="text")
    created_at: Mapped[CreatedAt]

    def __repr__(self) -> str:
        return self.label


class ContactList(Owned, Table):
    """A named set of contacts. `size` is kept by the services that change membership, `changes` counts how often."""

    __tablename__ = "pulse_contact_list"
    __table_args__ = (UniqueConstraint("organisation_id", "name"), UniqueConstraint("organisation_id", "id"))

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(500), default="", server_default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    changes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_at: Mapped[CreatedAt]


class ListMember(Owned, Table):
    """One contact on one list. The primary key pages a list in contact order."""

    __tablename__ = "pulse_list_member"
    __table_args__ = (PrimaryKeyConstraint("list_id", "contact_id"), Index(None, "contact_id"))

    list_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_contact_list.id", ondelete="CASCADE"))
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_contact.id", ondelete="CASCADE"))


class Import(Owned, Table):
    """A file on its way into contacts. The counters and `offset` move in the same transaction as the rows."""

    __tablename__ = "pulse_import"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[BigId]
    list_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("pulse_contact_list.id", ondelete="SET NULL"))
    filename: Mapped[str] = mapped_column(String(255))
    encoding: Mapped[str] = mapped_column(String(40))
    delimiter: Mapped[str] = mapped_column(String(4))
    has_header: Mapped[bool] = mapped_column(default=True, server_default="true")
    header: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    mapping: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    region: Mapped[str] = mapped_column(String(2))
    consent: Mapped[str] = mapped_column(String(500), default="", server_default="")
    state: Mapped[str] = mapped_column(String(20), default="mapping", server_default="mapping")
    reason: Mapped[str] = mapped_column(String(500), default="", server_default="")
    bytes_total: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    lines_done: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    updated: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    duplicates: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    rejected: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    suppressed: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    created_by: Mapped[str] = mapped_column(String(200), default="", server_default="")
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    contact_list: Mapped[ContactList | None] = relationship(lazy="joined")

    def __repr__(self) -> str:
        return self.filename


class ImportChunk(Owned, Table):
    """A piece of an uploaded file as UTF-8, kept until its import is over; any worker can read it."""

    __tablename__ = "pulse_import_chunk"
    __table_args__ = (PrimaryKeyConstraint("import_id", "number"),)

    import_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_import.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportFault(Owned, Table):
    """A row of a file that was not taken, with its line and the reason in plain words."""

    __tablename__ = "pulse_import_fault"
    __table_args__ = (Index(None, "import_id", "line"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    import_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("pulse_import.id", ondelete="CASCADE"))
    line: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[str] = mapped_column(String(200), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(300))
