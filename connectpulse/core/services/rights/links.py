"""Words that open something: the code that proves an address, the links to a request's page and to a copy.

Links to pages are made from the request's number with the key of trust, so that they need not be stored and
cannot be guessed. Codes and links that work once are random, and only their hashes are kept.
"""

import hmac
import secrets

from ...errors import NotFound
from ...storage.trust import trust

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 8


def code() -> str:
    """Return a fresh code of eight letters and digits that cannot be mistaken for each other: 39 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH))


def typed(code: str) -> str:
    """Return a code as it was meant: in capitals, without what people put between."""
    return "".join(each for each in code.upper() if each.isalnum())[:32]


def token() -> str:
    """Return a fresh word of 256 bits for a link that works once."""
    return secrets.token_urlsafe(32)


def hashed(purpose: str, word: str) -> str:
    """Return what is kept of a code or token."""
    return hmac.new(trust.key("subject links"), f"{purpose}|{word}".encode(), "sha256").hexdigest()


def page(purpose: str, number: int) -> str:
    """Return the word for the page of one request (`confirm`, `status`) or organisation (`form`)."""
    return f"{number}-{hashed(purpose, str(number))[:32]}"


def opened(purpose: str, word: str) -> int:
    """Return the number a page's word was made for; raise NotFound for a word we never made."""
    number, _, _ = word.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotFound("This link is not one of ours. Copy it whole from the message you got.")
    if not hmac.compare_digest(page(purpose, int(number)).encode(), word.encode("utf-8", "replace")):
        raise NotFound("This link is not one of ours. Copy it whole from the message you got.")
    return int(number)


class Address:
    """The site's public address, set once at start: links in mail begin with it."""

    url = ""


def use(public_url: str) -> None:
    """Begin links with `public_url` from now on."""
    Address.url = public_url.rstrip("/")


def form_url(organisation_id: int | None) -> str:
    """Return where people ask for their rights: of one organisation, or of the platform."""
    tail = f"/{page('form', organisation_id)}" if organisation_id is not None else ""
    return f"{Address.url}/privacy/request{tail}"


def confirm_url(request_id: int) -> str:
    return f"{Address.url}/privacy/confirm/{page('confirm', request_id)}"


def status_url(request_id: int) -> str:
    return f"{Address.url}/privacy/status/{page('status', request_id)}"


def package_url(token: str) -> str:
    return f"{Address.url}/privacy/package/{token}"
