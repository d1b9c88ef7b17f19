"""Canonical addresses: phone numbers in E.164, e-mail addresses, WhatsApp ids."""

import re
from collections.abc import Callable
from functools import lru_cache

import idna
import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from ..errors import Refused
from .phone import to_e164

_EMAIL = re.compile(
    r"^[^\s@<>()\[\],;:\\\"]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}$"
)
_BUSINESS_SCOPED = re.compile(r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$")


def email(value: str, region: str = "") -> str:
    """Return an e-mail address with its domain in lower-case ASCII; raise Refused if it cannot be one.

    A domain in another script is encoded as DNS knows it (RFC 5891).
    """
    compact = value.strip()
    if compact.lower().startswith("mailto:"):
        compact = compact[7:]
    local, _, domain = compact.rpartition("@")
    if not domain.isascii():
        compact = f"{local}@{_encoded(domain)}"
    if len(compact) > 254 or not _EMAIL.match(compact):
        raise Refused("E-mail address: it is not one, like name@example.com.")
    local, _, domain = compact.rpartition("@")
    return f"{local}@{domain.lower()}"


def _encoded(domain: str) -> str:
    """Return a domain as DNS knows it, empty where it has no such form."""
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""


def whatsapp(value: str, region: str) -> str:
    """Return a WhatsApp id: a phone number in E.164, or a business-scoped id as it is (PK.134…)."""
    return value.strip() if _BUSINESS_SCOPED.match(value.strip()) else to_e164(value, region)


SCHEMES: dict[str, Callable[[str, str], str]] = {"phone": to_e164, "email": email, "whatsapp": whatsapp}
BOTH = "+"
"""Joins schemes whose addresses stand in one column of a file: `phone+whatsapp`."""

SCHEME_TITLES = {"phone": "Phone number", "email": "E-mail address", "whatsapp": "WhatsApp id"}
COLUMN_TITLES = {f"phone{BOTH}whatsapp": "Phone number, also on WhatsApp"} | SCHEME_TITLES
"""What a column of a file may hold, by its schemes."""


def normalise(scheme: str, value: str, region: str) -> str:
    """Return the canonical form of an address of `scheme`; raise Refused saying what is wrong.

    `region` (ISO 3166) reads numbers written locally. The sentence never repeats the address.
    """
    try:
        read = SCHEMES[scheme]
    except KeyError:
        raise Refused(f"{scheme!r} is not a kind of address.") from None
    return read(value, region)


def zone(scheme: str, value: str) -> str | None:
    """Return the time zone a number belongs to, None where it could be several or is no number."""
    if scheme == "email" or not value.startswith("+"):
        return None
    try:
        return _zone_of_prefix(value[:8] + "0" * max(0, len(value) - 8))
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def _zone_of_prefix(prefix: str) -> str | None:
    zones = time_zones_for_number(phonenumbers.parse(prefix))
    return zones[0] if len(zones) == 1 and zones[0] != "Etc/Unknown" else None
