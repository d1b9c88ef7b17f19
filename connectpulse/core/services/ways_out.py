"""The link in a message that stops messages like it: one click, without signing in (RFC 8058), on any channel.

A link is made from the message's number with the key of trust, so it needs not be stored and names nobody. It works
as long as the message is kept.
"""

import hmac
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import select

from ..domain.redaction import HIDDEN
from ..domain.settings import LOOPBACK
from ..errors import NotFound
from ..storage import guard
from ..storage.models import Message, Organisation
from ..storage.trust import trust
from . import suppressions
from .work import Work, entered

PATH = "/stop"
_DIGITS = 32
"""Hexadecimal digits of proof: 128 bits."""
_STALE = "This link is too old, or not whole. Copy it as it stands in the message, or ask whoever wrote to you."


class WayOut(NamedTuple):
    """What a link stops: messages of an organisation on a channel to an address, shown in part."""

    organisation_id: int
    organisation: str
    channel: str
    address: str

    @property
    def shown(self) -> str:
        """The address as far as its owner needs it to know it again; whoever else has the link learns little."""
        name, at, host = self.address.partition("@")
        return f"{name[:2]}{HIDDEN}@{host}" if at else f"{name[:4]}{HIDDEN}{name[-2:]}"


class _Site:
    is_reached = True


def use(public_url: str) -> None:
    """Say where links begin from now on."""
    _Site.is_reached = urlsplit(public_url).hostname not in LOOPBACK


def is_reached() -> bool:
    """Return whether links lead to more than this machine."""
    return _Site.is_reached


def address(public_url: str, message_id: int) -> str:
    """Return the address at which the recipient of a message stops messages like it."""
    return f"{public_url}{PATH}/{_word(message_id)}"


def _word(message_id: int) -> str:
    name = f"{message_id:x}"
    proof = hmac.digest(trust.key("ways out"), name.encode(), "sha256").hex()
    return f"{name}-{proof[:_DIGITS]}"


def opened(word: str) -> int:
    """Return the message a link was made for; raise NotFound for a link we never made."""
    number = word.partition("-")[0]
    if not 0 < len(number) <= 16 or set(number) - set("0123456789abcdef"):
        raise NotFound(_STALE)
    if not hmac.compare_digest(_word(int(number, 16)).encode(), word.encode("utf-8", "replace")):
        raise NotFound(_STALE)
    return int(number, 16)


def find(work: Work, word: str) -> WayOut:
    """Return what a link stops. Platform work; raises NotFound for a link that is not ours or whose message is gone."""
    message_id = opened(word)
    with guard.platform_scope(work.session, "open a way out"):
        wanted = (
            select(Message.organisation_id, Organisation.name, Message.channel, Message.address)
            .join(Organisation, Organisation.id == Message.organisation_id)
            .where(Message.id == message_id)
        )
        row = work.session.execute(wanted).one_or_none()
    if row is None or not row[3] or row[2] not in work.registry.channels:
        raise NotFound(_STALE)
    return WayOut(*row)


def take(work: Work, word: str) -> WayOut:
    """Stop what a link stops; safe to do again. Raises NotFound as `find` does."""
    way = find(work, word)
    with entered(work, way.organisation_id):
        suppressions.stop(work, work.registry.channel(way.channel), way.address, source="the link in a message")
    return way
