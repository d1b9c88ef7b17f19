"""The API's door: keys of organisations, what was asked with them, and answers that can be given again."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from .. import ids
from ..base import BigId, CreatedAt, Moment, Owned, OwnedApart, Table
from ..vault import Encrypted


class ApiKey(Owned, Table):
    """A key that a machine of an organisation signs its requests with.

    The key itself is shown once and not kept: `digest` is its HMAC-SHA256, `prefix` its beginning, for people to
    recognise it by. `networks` are CIDR blocks it may be used from, empty for any.
    """

    __tablename__ = "pulse_api_key"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[BigId]
    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(20))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    networks: Mapped[list[str]] = mapped_column(ARRAY(String(43)), default=list, server_default="{}")
    rate_per_minute: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[Moment | None]
    revoked_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class ApiRequest(OwnedApart, Table):
    """One request to the API, or one callback of a provider: no query, no body, no token.

    `route` is the pattern of the address, `agent` what the header User-Agent says about browser and system.
    Partitioned by day, so that a day is dropped when its time is over. `organisation_id` is empty for a request
    without a known key and for callbacks, which belong to the platform.
    """

    __tablename__ = "pulse_api_request"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        Index("ix_pulse_api_request_key", "key_id", "id", postgresql_where=text("key_id IS NOT NULL")),
        Index(None, "address"),
        Index("ix_pulse_api_request_failed", "organisation_id", "id", postgresql_where=text("status >= 400")),
        {"postgresql_partition_by": "RANGE (id)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, server_default=ids.ID_DEFAULT)
    organisation_id: Mapped[int | None] = mapped_column(BigInteger, active_history=True)  # type: ignore[assignment]
    key_id: Mapped[int | None] = mapped_column(BigInteger)
    connection_id: Mapped[int | None] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(String(10))
    route: Mapped[str] = mapped_column(String(120))
    status: Mapped[int] = mapped_column(SmallInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    milliseconds: Mapped[int] = mapped_column(Integer)
    address: Mapped[str] = mapped_column(String(60))
    agent: Mapped[str] = mapped_column(String(120), default="", server_default="")
    request_id: Mapped[str] = mapped_column(String(40))


class ApiAnswer(Owned, Table):
    """The answer to a request that carried an Idempotency-Key, so that the same request gets the same answer.

    Written in the transaction of the request's effect: neither is there without the other. `word` and `request`
    are digests of the Idempotency-Key and of the request it came with.
    """

    __tablename__ = "pulse_api_answer"
    __table_args__ = (UniqueConstraint("key_id", "word"), Index(None, "created_at"))

    id: Mapped[BigId]
    key_id: Mapped[int] = mapped_column(ForeignKey("pulse_api_key.id", ondelete="CASCADE"))
    word: Mapped[bytes] = mapped_column(LargeBinary)
    request: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    body: Mapped[dict[str, Any] | None] = mapped_column(Encrypted)
    created_at: Mapped[CreatedAt]
