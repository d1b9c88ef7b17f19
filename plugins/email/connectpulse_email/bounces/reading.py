"""From a mail that came in to events: a report about a letter of ours, or what a person wrote."""

import logging
import re
from collections.abc import Sequence
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from typing import Final

from connectpulse.core.api import Inbound, Receipt

from . import replies, reports
from .reports import Keys

log = logging.getLogger(__name__)

LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a mail that are taken at most."""
_READ: Final = 2 * 1024 * 1024
"""Bytes of it that are read: reports stand at the beginning, what follows are other people's files."""
_BOUNDARY: Final = re.compile(rb"boundary[\s\d*]*=", re.IGNORECASE)
_MOST_BOUNDARIES: Final = 30
"""Each line is held against the boundaries of all parts it stands in."""
_DELIVERED: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")


def events(
    raw: bytes, keys: Keys, *, sender: str | None = None, recipients: Sequence[str] = ()
) -> list[Receipt | Inbound]:
    """Return what a mail tells; never raises for what strangers put in it.

    `sender` and `recipients` are those of its envelope, where it is known; else the headers name the recipients.
    """
    read = raw[:_READ]
    if len(_BOUNDARY.findall(read)) > _MOST_BOUNDARIES:  # parts within parts, to keep us busy
        log.warning("a mail of %d bytes has too many parts to be read", len(raw))
        return []
    try:
        return _events(message_from_bytes(read), keys, sender, list(recipients))
    except Exception as error:  # mail is anybody's: one that cannot be read must not come again and again
        log.warning("a mail of %d bytes was not read: %s", len(raw), type(error).__name__)
        return []


def _events(mail: Message, keys: Keys, sender: str | None, recipients: list[str]) -> list[Receipt | Inbound]:
    named = recipients or _named(mail)
    told = reports.read(mail, named, keys)
    if told:
        return list(told)
    is_returned = any(each.lower().startswith("b+") for each in named)
    if reports.is_report(mail) or is_returned or replies.is_automatic(mail, sender):
        return []
    written = replies.read(mail, named)
    return [written] if written is not None else []


def _named(mail: Message) -> list[str]:
    found = [str(each) for name in _DELIVERED for each in mail.get_all(name, ())]
    return list(dict.fromkeys(address for _, address in getaddresses(found) if "@" in address))[:50]
