"""Canonical addresses: phone numbers in E.164, e-mail addresses, WhatsApp ids.

The rules for numbers are those of the `phonenumbers` library (Google's metadata). An import asks a million
times, so the patterns of a region are compiled once and tried before the full parser.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc, PhoneNumberFormat, ValidationResult
from phonenumbers.timezone import time_zones_for_number

from ..errors import Refused

_SEPARATORS = str.maketrans("", "", " -.()/\u00a0\u200e\u200f\u202a\u202c")
_EMAIL = re.compile(
    r"^[^\s@<>()\[\],;:\\\"]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}$"
)
_DIGITS = re.compile(r"^\d+$")

_POSSIBLE = {
    ValidationResult.TOO_SHORT: "is too short for a phone number",
    ValidationResult.TOO_LONG: "is too long for a phone number",
    ValidationResult.INVALID_COUNTRY_CODE: "begins with a country code that does not exist",
    ValidationResult.INVALID_LENGTH: "does not have the length of a phone number",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


def phone(value: str, region: str) -> str:
    """Return `value` as E.164 (+923001234567); `region` (ISO 3166) reads numbers written locally.

    Raises Refused saying what is wrong with it.
    """
    compact = value.translate(_SEPARATORS)
    rules = _rules(region)
    if rules is not None:
        national = rules.national_part(compact)
        if national is not None and rules.pattern.match(national):
            return rules.prefix + national
    return _parse_phone(value, compact, region)


def email(value: str, region: str = "") -> str:
    """Return an e-mail address with its domain in lower case; raise Refused if it cannot be one."""
    compact = value.strip()
    if compact.lower().startswith("mailto:"):
        compact = compact[7:]
    if len(compact) > 254 or not _EMAIL.match(compact):
        raise Refused(f"{_shown(value)} is not an e-mail address.")
    local, _, domain = compact.rpartition("@")
    return f"{local}@{domain.lower()}"


def whatsapp(value: str, region: str) -> str:
    """Return a WhatsApp id: a phone number in E.164, or a business-scoped id as it is (PK.134…)."""
    if re.match(r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$", value.strip()):
        return value.strip()
    return phone(value, region)


SCHEMES: dict[str, Callable[[str, str], str]] = {"phone": phone, "email": email, "whatsapp": whatsapp}
SCHEME_TITLES = {"phone": "Phone number", "email": "E-mail address", "whatsapp": "WhatsApp id"}


def normalise(scheme: str, value: str, region: str) -> str:
    """Return the canonical form of an address of `scheme`; raise Refused saying what is wrong."""
    try:
        return SCHEMES[scheme](value, region)
    except KeyError:
        raise Refused(f"{scheme!r} is not a kind of address.") from None


@lru_cache(maxsize=4096)
def _zone_of_prefix(prefix: str) -> str | None:
    number = phonenumbers.parse(prefix)
    zones = time_zones_for_number(number)
    return zones[0] if len(zones) == 1 and zones[0] != "Etc/Unknown" else None


def zone(scheme: str, value: str) -> str | None:
    """Return the time zone a number belongs to, None where it could be several or is no number."""
    if scheme == "email" or not value.startswith("+"):
        return None
    try:
        return _zone_of_prefix(value[:8] + "0" * max(0, len(value) - 8))
    except phonenumbers.NumberParseException:
        return None


class _Rules:
    """What a valid number of one region looks like, from the library's own metadata."""

    def __init__(self, metadata: PhoneMetadata, code: int) -> None:
        kinds = ("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
                 "voip", "pager", "uan", "voicemail")  # fmt: skip
        shapes = [_shape(getattr(metadata, kind)) for kind in kinds]
        general = f"(?={_shape(metadata.general_desc)})"
        self.pattern = re.compile(general + "(?:" + "|".join(shape for shape in shapes if shape) + ")")
        self.prefix = f"+{code}"
        self.code = str(code)
        self.trunk = metadata.national_prefix or ""
        self.abroad = ("00" + self.code) if metadata.international_prefix == "00" else None

    def national_part(self, compact: str) -> str | None:
        """Return the national number of one written as +code, 00code or with the trunk prefix."""
        if compact.startswith(self.prefix):
            national = compact[len(self.prefix) :]
        elif self.abroad and compact.startswith(self.abroad):
            national = compact[len(self.abroad) :]
        elif self.trunk and compact.startswith(self.trunk) and not compact.startswith("00"):
            national = compact[len(self.trunk) :]
        else:
            return None
        return national if _DIGITS.match(national) else None


def _shape(kind: PhoneNumberDesc | None) -> str:
    """Return a pattern for one kind of number: its digits and, ahead of them, the lengths it may have."""
    if kind is None or not kind.national_number_pattern:
        return ""
    lengths = "|".join(rf"\d{{{length}}}\Z" for length in kind.possible_length if length > 0)
    return rf"(?:(?={lengths})(?:{kind.national_number_pattern})\Z)"


@lru_cache(maxsize=256)
def _rules(region: str) -> _Rules | None:
    """Return the rules of a region that has its country code to itself; None leaves it to the parser."""
    code = phonenumbers.country_code_for_region(region)
    if not code or len(phonenumbers.region_codes_for_country_code(code)) != 1:
        return None
    metadata = PhoneMetadata.metadata_for_region(region)
    return _Rules(metadata, code) if metadata is not None else None


def _parse_phone(value: str, compact: str, region: str) -> str:
    try:
        number = phonenumbers.parse(compact, region)
    except phonenumbers.NumberParseException:
        # Many exports drop the plus of an international number.
        number = None
    if number is None or (not phonenumbers.is_valid_number(number) and _DIGITS.match(compact)):
        number = _with_plus(compact) or number
    if number is None:
        raise Refused(f"{_shown(value)} is not a phone number.")
    if not phonenumbers.is_valid_number(number):
        possible = phonenumbers.is_possible_number_with_reason(number)
        fault = _POSSIBLE.get(possible, "is not a number anybody can have")
        raise Refused(f"{_shown(value)} {fault}.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _with_plus(compact: str) -> phonenumbers.PhoneNumber | None:
    if not _DIGITS.match(compact) or compact.startswith("0"):
        return None
    try:
        number = phonenumbers.parse("+" + compact)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def _shown(value: str) -> str:
    return repr(value.strip()[:40]) if value.strip() else "An empty value"
