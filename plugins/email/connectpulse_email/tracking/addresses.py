"""Addresses that tell of a click or an open: signed, and with the target inside, so that none can be made up."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

from connectpulse.core.api import NotFound, site_key

CLICK, OPEN = "c", "o"
"""The doors: `/hooks/email/c/…` and `/hooks/email/o/…`."""
_DIGITS: Final = 32
"""Hexadecimal digits of proof: 128 bits."""
_STALE: Final = "This link is not whole. Copy it as it stands in the letter."


class Tracking(NamedTuple):
    """What is counted of an organisation's letters, and where this site is reached."""

    site: str
    clicks: bool
    opens: bool


class Click(NamedTuple):
    """What an address tells: the message, the number of the link in its content, and where it leads."""

    message_id: int
    link: int
    target: str


def click(site: str, message_id: int, link: int, target: str) -> str:
    """Return the address that counts a click and leads on to `target`."""
    written = urlsafe_b64encode(target.encode()).rstrip(b"=").decode()
    word = f"{message_id:x}-{link}"
    return f"{site}/hooks/email/{CLICK}/{word}-{_proof(CLICK, word, written)}/{written}"


def opened(site: str, message_id: int) -> str:
    """Return the address of the picture that counts an open."""
    word = f"{message_id:x}-0"
    return f"{site}/hooks/email/{OPEN}/{word}-{_proof(OPEN, word, '')}"


def read_click(rest: str) -> Click:
    """Return what the end of a click's address tells; raise NotFound for one we never made."""
    head, _, written = rest.partition("/")
    message_id, link = _read(CLICK, head, written)
    return Click(message_id, link, urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode())


def read_open(rest: str) -> int:
    """Return the message the end of a picture's address was made for; raise NotFound for one we never made."""
    return _read(OPEN, rest, "")[0]


def _read(door: str, head: str, written: str) -> tuple[int, int]:
    word, _, proof = head.rpartition("-")
    if not hmac.compare_digest(_proof(door, word, written).encode(), proof.encode("utf-8", "replace")):
        raise NotFound(_STALE)
    message_id, _, link = word.partition("-")
    return int(message_id, 16), int(link)


def _proof(door: str, word: str, written: str) -> str:
    said = f"{door} {word} {written}".encode("utf-8", "replace")
    return hmac.digest(site_key("email links"), said, "sha256").hex()[:_DIGITS]
