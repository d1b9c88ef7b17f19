"""What people write back: who wrote, and what of it is theirs."""

import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Final

from connectpulse.core.api import Inbound, Refused

from ..document import read_aloud
from ..senders import normalise
from .reports import parts, text_of

_MOST: Final = 4_000
_READ: Final = 200_000
"""Characters of a text that are looked at."""
_QUOTE: Final = re.compile(
    r"^\s*+(?:>|-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|message d'origine)"
    r"|_{10,}\s*$|on .{6,120} wrote:\s*$|am .{6,120} schrieb.{0,80}:\s*$|le .{6,120} a écrit\s*:\s*$"
    r"|el .{6,120} escribió:\s*$|.{6,120} نے لکھا:?\s*$|from: .+@)",
    re.IGNORECASE,
)
_SIGNATURE: Final = re.compile(r"^--\s?$")
_MACHINES: Final = re.compile(
    r"(?<![a-z])(?:mailer-daemon|postmaster|(?:no|do-?not)-?reply)(?![a-z])|^bounces?(?![a-z])", re.IGNORECASE
)
"""Words in the local part of an address; `bounce` only where it begins with that, as return addresses do."""


def is_automatic(mail: Message, envelope_sender: str | None) -> bool:
    """Return whether a machine wrote a mail (RFC 3834): out of office, lists, bounces."""
    if envelope_sender == "":
        return True
    if str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().lower() != "no":
        return True
    if str(mail.get("Precedence", "")).strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return True
    named = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "Feedback-ID")
    if any(name in mail for name in named if name != "X-Auto-Response-Suppress"):
        return True
    return _MACHINES.search(parseaddr(str(mail.get("From", "")))[1].partition("@")[0]) is not None


def read(mail: Message, recipients: list[str]) -> Inbound | None:
    """Return what a person wrote, None where nobody can be told to have written anything."""
    try:
        address = normalise(parseaddr(str(mail.get("From", "")))[1])
    except Refused:
        return None
    text = own_words(body(mail)) or _subject(mail)
    if not text or not recipients:
        return None
    return Inbound(address, recipients[0], text[:_MOST], str(mail.get("Message-ID", "")).strip()[:120], _sent_at(mail))


def body(mail: Message) -> str:
    """Return a mail's text: its first plain part that shows something, or what its HTML says."""
    html = ""
    for part in parts(mail):
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and _shows(text := text_of(part)[:_READ]):
            return text
        if kind == "text/html" and not html:
            html = text_of(part)[:_READ]
    return read_aloud(html) if html else ""


def _shows(text: str) -> bool:
    return any(sign.isprintable() and sign != " " for sign in text)


def own_words(text: str) -> str:
    """Return what was written anew: without the quoted letter below it, and without a signature."""
    kept: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        is_theirs = not _QUOTE.match(line[:300]) and not _SIGNATURE.match(line)
        if kept and not is_theirs:
            break
        if is_theirs and (kept or line.strip()):
            kept.append(line.rstrip())
    return "".join(sign for sign in "\n".join(kept).strip() if sign.isprintable() or sign in "\n\t\u200c\u200d")


def _subject(mail: Message) -> str:
    raw = str(mail.get("Subject", ""))
    try:
        return own_words(str(make_header(decode_header(raw))))
    except (LookupError, ValueError):
        return own_words(raw)


def _sent_at(mail: Message) -> datetime | None:
    """Return when it was written, as it says itself; never in the future."""
    try:
        told = parsedate_to_datetime(str(mail.get("Date", "")))
        told = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
        return min(told.astimezone(UTC), datetime.now(UTC))
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
