"""Reports about letters: delivery status notifications (RFC 3464) and complaints (RFC 5965), read into receipts.

Whose letter a report is about must be proved by one of our own return addresses, be it the one the report came to
or the one in the headers it quotes. A report without proof is nobody's: anybody may have written it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from typing import Final, NamedTuple

from connectpulse.core.api import MessageState, Receipt

from ..smtp import codes
from . import verp

_STATUS: Final = re.compile(r"(?<!\w)(?<!\d\.)([245])\.(\d{1,3})\.(\d{1,3})\b(?!\.\w)")
"""An enhanced code (RFC 3463 section 2), and no piece of an address or of a host's name."""
_PLAIN: Final = re.compile(r"\b(5\d\d)[ -]")
_MOST_PARTS: Final = 100
_READ: Final = 8_000

ACTIONS: Final[Mapping[str, MessageState]] = {
    "failed": MessageState.UNDELIVERABLE,
    "delivered": MessageState.DELIVERED,
    "relayed": MessageState.SENT,
    "expanded": MessageState.SENT,
    "delayed": MessageState.SENT,
}
"""What the Action of a notification says of a letter (RFC 3464 section 2.3.3)."""

COMPLAINTS: Final[Mapping[str, str]] = {"abuse": "complained", "fraud": "complained", "opt-out": "opted_out"}
"""Feedback types after which nobody writes there again (RFC 5965 section 7.3); others are for people to read."""


class Keys(NamedTuple):
    """What our return addresses are known by."""

    domain: str
    key: str

    def read(self, address: str) -> str | None:
        """Return the reference in one of our return addresses."""
        return verp.read(address, self.domain, self.key)


def is_report(mail: Message) -> bool:
    """Return whether a mail is a machine's report."""
    return mail.get_content_type() == "multipart/report" or any(
        part.get_content_type() in ("message/delivery-status", "message/feedback-report") for part in parts(mail)
    )


def parts(mail: Message) -> Iterator[Message]:
    """Yield a mail's parts, its own first, no more than a report can have."""
    for count, part in enumerate(mail.walk()):
        if count >= _MOST_PARTS:
            return
        yield part


def read(mail: Message, recipients: Sequence[str], keys: Keys) -> list[Receipt]:
    """Return what a report says of our letter; empty where nothing proves that it is about one."""
    found = list(parts(mail))
    name = next((named for each in recipients if (named := keys.read(each))), None) or _quoted_name(found, keys)
    if name is None:
        return []
    feedback = next((each for each in found if each.get_content_type() == "message/feedback-report"), None)
    if feedback is not None:
        return _complaint(name, _fields(feedback))
    status = [each for each in found if each.get_content_type() == "message/delivery-status"]
    if status:
        return [receipt for each in status for receipt in _status(name, each)][:10]
    return _informal(name, mail, found)


def _status(name: str, part: Message) -> Iterator[Receipt]:
    for block in _blocks(part):
        action = _said(block, "Action").lower()
        state = ACTIONS.get(action)
        if state is None:
            continue
        diagnostic = _said(block, "Diagnostic-Code")
        yield _receipt(name, state, _code(_said(block, "Status"), diagnostic))


def _code(status: str, diagnostic: str) -> str:
    """Return the code that tells most: what the recipient's host said is better than a general one beside it."""
    said = _STATUS.search(diagnostic)
    own = _STATUS.search(status)
    if own is not None and (said is None or not own[0].endswith(".0.0")):
        return own[0]
    plain = _PLAIN.search(diagnostic)
    return said[0] if said else plain[1] if plain else own[0] if own else ""


def _receipt(name: str, state: MessageState, code: str) -> Receipt:
    if state is not MessageState.UNDELIVERABLE:
        return Receipt(name, state, code[:40], token=verp.token(name))
    plain = int(code) if code.isdigit() else 0
    found = codes.find("" if plain else code or "5.0.0", plain or 500)
    return Receipt(name, state, code[:40], found.reason, suppress=code in codes.HARD, token=verp.token(name))


def _complaint(name: str, fields: Mapping[str, str]) -> list[Receipt]:
    reason = COMPLAINTS.get(fields.get("feedback-type", "").strip().lower())
    if reason is None:
        return []
    return [Receipt(name, MessageState.DELIVERED, "feedback", reason, suppress=True, token=verp.token(name))]


def _informal(name: str, mail: Message, found: Sequence[Message]) -> list[Receipt]:
    """Read a notification in words alone, as old servers write them to the address their letters came from."""
    sender = str(mail.get("From", "")).lower()
    if "mailer-daemon" not in sender and "postmaster" not in sender:
        return []
    texts = [each for each in found if each.get_content_type() == "text/plain"]
    code = _STATUS.search(text_of(texts[0])[:_READ]) if texts else None
    if code is None or code[1] != "5":
        return []
    return [_receipt(name, MessageState.UNDELIVERABLE, code[0])]


def _quoted_name(found: Sequence[Message], keys: Keys) -> str | None:
    """Return the reference in the headers that a report quotes, or in its fields."""
    for part in found[1:]:
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            heads = _lines(text_of(part))
        elif kind == "message/feedback-report":
            heads = _fields(part)
        elif kind == "message/rfc822":
            inner = _blocks(part)
            heads = _heads(inner[0]) if inner else {}
        else:
            continue
        for header in ("return-path", "original-mail-from"):
            name = keys.read(heads.get(header, ""))
            if name is not None:
                return name
    return None


def _fields(part: Message) -> Mapping[str, str]:
    if part.is_multipart():
        return {name: text for block in _blocks(part) for name, text in _heads(block).items()}
    return _lines(text_of(part))


def _blocks(part: Message) -> list[Message]:
    """Return the messages inside a part, none where it holds a text."""
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _heads(message: Message) -> Mapping[str, str]:
    return {name.lower(): str(text).strip() for name, text in message.items()}


def _lines(text: str) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in text[:_READ].splitlines() if not line.startswith((" ", "\t")))
    return {name.strip().lower(): rest.strip() for name, colon, rest in pairs if colon}


def _said(block: Message, name: str) -> str:
    return str(block.get(name, "")).strip()


def text_of(part: Message) -> str:
    """Return a part's text, whatever its encoding claims to be."""
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")
