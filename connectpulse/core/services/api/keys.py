"""Keys of the API: made and shown once, checked with every request, revoked at once.

A key is 256 random bits. What is kept of it is its HMAC-SHA256, under a key that is not in the database: whoever
reads the table can neither use a key nor try one. There is nothing to guess, so the check needs no slow hash.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from sqlalchemy import or_, select

from ...domain.scopes import SCOPES
from ...errors import Refused
from ...storage import guard
from ...storage.models import ApiKey
from ...storage.trust import trust
from .. import audit, records
from ..work import Work

MOST_NETWORKS = 50
_PURPOSE = "api keys"
_SHAPE = re.compile(r"pulse_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_TABLE = ApiKey.__table__
_KNOWN = select(
    _TABLE.c.id, _TABLE.c.organisation_id, _TABLE.c.name, _TABLE.c.prefix, _TABLE.c.scopes, _TABLE.c.networks,
    _TABLE.c.rate_per_minute, _TABLE.c.expires_at, _TABLE.c.revoked_at,
)  # fmt: skip


class BadKey(Refused):
    """There is no such key, or it is not good any more."""


class WrongNetwork(Refused):
    """A good key, used from an address that is not on its list."""

    def __init__(self, key: "Known") -> None:
        super().__init__("This key may not be used from your network address.")
        self.key = key


@dataclass(frozen=True, slots=True)
class Draft:
    """What a key is made or changed with. `networks` are CIDR blocks or addresses, empty for any."""

    name: str
    scopes: Sequence[str]
    rate_per_minute: int
    networks: Sequence[str] = ()
    expires_at: datetime | None = None


class Known(NamedTuple):
    """A good key, as a request carries it with it."""

    id: int
    organisation_id: int
    name: str
    prefix: str
    scopes: frozenset[str]
    networks: tuple[str, ...]
    rate_per_minute: int
    expires_at: datetime | None


def create(work: Work, draft: Draft) -> tuple[ApiKey, str]:
    """Make a key; return its row and the key itself, which nobody can show again."""
    networks = _checked(work, draft)
    prefix = "pulse_" + "".join(secrets.choice(_LETTERS) for _ in range(8))
    token = f"{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKey(
        name=draft.name, prefix=prefix, digest=digest(token), scopes=sorted(set(draft.scopes)), networks=networks,
        rate_per_minute=draft.rate_per_minute, expires_at=draft.expires_at,
    )  # fmt: skip
    facts = {"prefix": prefix, "scopes": row.scopes, "networks": networks}
    return records.create(work, row, "api_key.created", **facts), token


def change(work: Work, row: ApiKey, draft: Draft) -> ApiKey:
    """Change what a key may do; raise Refused for one that was revoked."""
    if row.revoked_at is not None:
        raise Refused("This key was revoked. Make a new one.")
    row.networks = _checked(work, draft)
    row.name, row.scopes, row.rate_per_minute = draft.name, sorted(set(draft.scopes)), draft.rate_per_minute
    row.expires_at = draft.expires_at
    return records.update(work, row, "api_key.updated")


def revoke(work: Work, key_id: int) -> ApiKey:
    """End a key at once and for good; a key that is revoked already stays as it is."""
    row = records.find(work, ApiKey, key_id, lock=True)
    if row.revoked_at is None:
        row.revoked_at = work.clock()
        work.session.flush()
        audit.record(work, "api_key.revoked", row, prefix=row.prefix)
    return row


def good(work: Work) -> list[tuple[str, str]]:
    """Return name and prefix of every key that opens something, of all organisations, the oldest first.

    The caller holds a scope of the platform.
    """
    wanted = select(ApiKey.name, ApiKey.prefix).where(
        ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > work.clock())
    )
    return [(row[0], row[1]) for row in work.session.execute(wanted.order_by(ApiKey.id))]


def digest(token: str) -> bytes:
    """Return what is kept of a key."""
    return hmac.digest(trust.key(_PURPOSE), token.encode(), "sha256")


def check(work: Work, token: str, address: str) -> Known:
    """Return the key behind `token`; raise BadKey or WrongNetwork.

    One look at an index; a key that was revoked a moment ago is refused, because nothing is remembered.
    """
    if not _SHAPE.fullmatch(token):
        raise BadKey("This is no key of this site. Keys begin with pulse_ and are shown once, when they are made.")
    with guard.platform_scope(work.session, "find out whose key this is"):
        row = work.session.execute(_KNOWN.where(_TABLE.c.digest == digest(token))).one_or_none()
    if row is None:
        raise BadKey("There is no such key.")
    if row.revoked_at is not None:
        raise BadKey("This key was revoked. Ask an administrator of your organisation for a new one.")
    if row.expires_at is not None and row.expires_at <= work.clock():
        raise BadKey("This key has expired. Ask an administrator of your organisation for a new one.")
    known = Known(*row[:4], frozenset(row.scopes), tuple(row.networks), row.rate_per_minute, row.expires_at)
    if not is_within(address, known.networks):
        raise WrongNetwork(known)
    return known


def is_within(address: str, networks: Sequence[str]) -> bool:
    """Return whether `address` lies in one of `networks`; no networks allow every address."""
    if not networks:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(block) for block in networks)


def _checked(work: Work, draft: Draft) -> list[str]:
    """Return the networks in one way of writing; raise Refused with every fault."""
    faults: dict[str, str] = {}
    if not draft.scopes:
        faults["scopes"] = "What it may do: choose at least one."
    if unknown := sorted(set(draft.scopes) - set(SCOPES)):
        faults["scopes"] = f"What it may do: there is no {', '.join(unknown)}."
    if draft.expires_at is not None and draft.expires_at <= work.clock():
        faults["expires_on"] = "Good until: this is over already."
    networks: list[str] = []
    try:
        networks = _networks(draft.networks)
    except ValueError as fault:
        faults["networks"] = str(fault)
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal
    return networks


def _networks(typed: Sequence[str]) -> list[str]:
    found: list[str] = []
    for each in typed:
        try:
            block = ip_network(each.strip(), strict=False)
        except ValueError:
            raise ValueError(f"Networks: {each[:50]!r} is no address; write it like 203.0.113.0/24.") from None
        if str(block) not in found:
            found.append(str(block))
    if len(found) > MOST_NETWORKS:
        raise ValueError(f"Networks: at most {MOST_NETWORKS}.")
    return found
