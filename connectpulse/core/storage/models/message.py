"""The high-volume tables: dispatches, messages, references, receipts, and what people wrote back.

Messages, references and receipts are range-partitioned by time-ordered id. No index holds a message's
state, so that its updates stay heap-only. They carry no foreign keys: partitions must be dropped without
looking elsewhere, and rows must outlive what they refer to.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Json, OwnedApart, Table
from .campaign import UNITS

PARTITION_BY_ID = {"postgresql_partition_by": "RANGE (id)"}
BRIN = {"pages_per_range": 16, "autosummarize": "on"}
"""Rows come nearly in the order of their messages: an index of page ranges finds them and costs nothing."""


class Dispatch(OwnedApart, Table):
    """The queue: a few hundred messages of one campaign with consecutive ids, for one connection.

    `cursor` is the last id that a worker was allowed to hand over: it is committed before the bytes leave,
    so that after a crash the messages up to it are `unknown` and those beyond it are certainly not sent.
    `campaign_id` 0 stands for none (a test). `alternatives` are the connections to try, in order, should
    this one fail. Channel, purpose, sender and validity hold for all its messages: after `expires_at` none of
    them is handed over any more. `recent_seconds` set: its recipients must have written to us so lately.
    `version_id` is the template version they were made of; single messages of a shared content hold it themselves.
    `fallback` is the number of the campaign's fallback they are of, 0 for what is sent first; `onward` says after
    what endings another follows (`domain.fallback`), `onward_seconds` how long after it was handed over.
    """

    __tablename__ = "pulse_dispatch"
    __table_args__ = (
        Index(
            "ix_pulse_dispatch_ready",
            "connection_id",
            "campaign_id",
            "due_at",
            "id",
            postgresql_where=text("state = 'ready'"),
        ),
        Index("ix_pulse_dispatch_claimed", "lease_until", postgresql_where=text("state = 'claimed'")),
        Index("ix_pulse_dispatch_expiring", "expires_at", postgresql_where=text("state = 'ready'")),
        Index("ix_pulse_dispatch_done", "id", postgresql_where=text("state = 'done'")),
        Index(None, "campaign_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    campaign_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    connection_id: Mapped[int] = mapped_column(BigInteger)
    alternatives: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=list, server_default="{}")
    channel: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(String(20))
    sender: Mapped[str] = mapped_column(String(320))
    validity_minutes: Mapped[int]
    zone: Mapped[str | None] = mapped_column(String(64))
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    cursor: Mapped[int] = mapped_column(BigInteger)
    messages: Mapped[int]
    attempt: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    state: Mapped[str] = mapped_column(String(10), default="ready", server_default="ready")
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closes_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recent_seconds: Mapped[int | None]
    version_id: Mapped[int | None] = mapped_column(BigInteger)
    fallback: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    onward: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    onward_seconds: Mapped[int | None]
    worker: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class Message(OwnedApart, Table):
    """One message to one address, with the text that was or will be sent. `id` says when it was made.

    `state` is a `MessageState` number; `part_states` holds those of the parts where the provider reports on
    more than one. `quantity` was measured and `units` reserved for it; `billed` is the quantity the provider
    says it bills, where it says so. `category` is what `units` are the price of: as the channel said, or the provider
    where it billed another. `fallback` and `onward` are those of its dispatch; `previous_id` is the message
    its recipient came from.
    """

    __tablename__ = "pulse_message"
    __table_args__ = (
        Index(None, "campaign_id", "id"),
        Index(None, "organisation_id", "address", "id"),
        Index(None, "organisation_id", "id"),
        Index(None, "contact_id", "id"),
        PARTITION_BY_ID,
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    dispatch_id: Mapped[int | None] = mapped_column(BigInteger)
    connection_id: Mapped[int | None] = mapped_column(BigInteger)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[int] = mapped_column(SmallInteger)
    parts: Mapped[int] = mapped_column(SmallInteger)
    attempt: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    quantity: Mapped[int]
    units: Mapped[Decimal] = mapped_column(UNITS)
    step: Mapped[int] = mapped_column(default=1, server_default="1")
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(320))
    sender: Mapped[str] = mapped_column(String(320))
    body: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(String(60), default="", server_default="")
    code: Mapped[str] = mapped_column(String(40), default="", server_default="")
    part_states: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    billed: Mapped[int | None]
    category: Mapped[str] = mapped_column(String(40), default="", server_default="")
    fallback: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    onward: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    previous_id: Mapped[int | None] = mapped_column(BigInteger)


class Reference(OwnedApart, Table):
    """The provider's id of one part of a message in one `attempt`. Receipts are joined through it."""

    __tablename__ = "pulse_reference"
    __table_args__ = (
        PrimaryKeyConstraint("reference", "connection_id", "message_id"),
        Index("ix_pulse_reference_message", "message_id", postgresql_using="brin", postgresql_with=BRIN),
        {"postgresql_partition_by": "RANGE (message_id)"},
    )

    message_id: Mapped[int] = mapped_column(BigInteger)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(SmallInteger)
    reference: Mapped[str] = mapped_column(String(120))
    attempt: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")


class Receipt(Table):
    """A provider's word on a message, kept as evidence. `message_id` empty: not matched yet.

    `address` is whom it was about, and is kept until the message is found, which knows it as well. `named_id` is the
    message whose token it carries, kept as long.
    It belongs to the organisation of its message; until it is matched it belongs to the platform. Found by
    message, never by id: it needs no index on that.
    """

    __tablename__ = "pulse_receipt"
    __table_args__ = (
        Index("ix_pulse_receipt_message", "message_id", postgresql_using="brin", postgresql_with=BRIN),
        Index("ix_pulse_receipt_age", "id", postgresql_using="brin", postgresql_with=BRIN),
        Index("ix_pulse_receipt_orphan", "connection_id", "reference",
              postgresql_where=text("message_id IS NULL")),
        Index("ix_pulse_receipt_address", "address", postgresql_where=text("address <> ''")),
        PARTITION_BY_ID,
    )  # fmt: skip

    id: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    named_id: Mapped[int | None] = mapped_column(BigInteger)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    quantity: Mapped[int | None]
    state: Mapped[int] = mapped_column(SmallInteger)
    part: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    reference: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(320), default="", server_default="")
    code: Mapped[str] = mapped_column(String(40), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(60), default="", server_default="")
    suppress: Mapped[bool] = mapped_column(default=False, server_default="false")
    again_seconds: Mapped[int | None]
    category: Mapped[str] = mapped_column(String(40), default="", server_default="")

    __mapper_args__ = {"primary_key": [id]}  # noqa: RUF012 - read by the mapper once


class Attempt(OwnedApart, Table):
    """A handing-over that did not end in acceptance: retried, rerouted, refused or lost.

    `again`: it was accepted, and its receipt asked for another.
    """

    __tablename__ = "pulse_attempt"
    __table_args__ = (
        Index(None, "message_id"),
        Index("ix_pulse_attempt_age", "created_at", postgresql_using="brin", postgresql_with=BRIN),
        Index("ix_pulse_attempt_unknown", "connection_id", "id", postgresql_where=text("outcome = 'unknown'")),
    )

    id: Mapped[BigId]
    message_id: Mapped[int] = mapped_column(BigInteger)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(SmallInteger)
    outcome: Mapped[str] = mapped_column(String(20))
    error: Mapped[str] = mapped_column(String(20), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(60), default="", server_default="")
    code: Mapped[str] = mapped_column(String(40), default="", server_default="")
    created_at: Mapped[CreatedAt]


class Onward(OwnedApart, Table):
    """A message after which another may follow, from when it is handed over until that is decided.

    `waiting`: it moves on at `due_at`, empty while only its ending can decide. `moved`: `next_id` is the one message
    that followed. `ended`: nothing may be sent to its recipient any more, for `reason`.
    """

    __tablename__ = "pulse_onward"
    __table_args__ = (
        Index("ix_pulse_onward_due", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_pulse_onward_waiting", "campaign_id", postgresql_where=text("state = 'waiting'")),
    )

    message_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    fallback: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(String(10), default="waiting", server_default="waiting")
    reason: Mapped[str] = mapped_column(String(60), default="", server_default="")
    next_id: Mapped[int | None] = mapped_column(BigInteger)


class InboundMessage(OwnedApart, Table):
    """What a person sent us, and what we understood it as."""

    __tablename__ = "pulse_inbound"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index(None, "organisation_id", "address", "id"),
        Index(None, "connection_id", "reference"),
        Index(None, "contact_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(320))
    recipient: Mapped[str] = mapped_column(String(320))
    body: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(String(120), default="", server_default="")
    is_opt_out: Mapped[bool] = mapped_column(default=False, server_default="false")
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StrayMessage(Table):
    """What a person sent over a shared connection to an identity that is nobody's, or several organisations'.

    Platform administrators read it: one of theirs is meant, and a setting is missing that says who.
    """

    __tablename__ = "pulse_stray"
    __table_args__ = (Index(None, "connection_id", "reference"), Index(None, "address"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(320))
    recipient: Mapped[str] = mapped_column(String(320))
    body: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(String(120), default="", server_default="")
    is_opt_out: Mapped[bool] = mapped_column(default=False, server_default="false")
    owners: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CallbackRequest(Table):
    """A genuine webhook request, stored before it is answered, worked off in batches afterwards."""

    __tablename__ = "pulse_callback"
    __table_args__ = (Index("ix_pulse_callback_open", "id", postgresql_where=text("state = 'open'")),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    connection_id: Mapped[int] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(String(8))
    url: Mapped[str] = mapped_column(Text)
    headers: Mapped[Json]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    error: Mapped[str] = mapped_column(String(300), default="", server_default="")
    created_at: Mapped[CreatedAt]
