"""Custom contact fields: their names, their kinds, and how a value of each kind is written."""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from ..errors import Refused

KINDS = {"text": "Text", "number": "Number", "date": "Date", "yes_no": "Yes or no"}
BUILT_IN = {"name": "Name", "first_name": "First word of the name"}
"""Names every contact has a value for; templates may use them like fields."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_DATE_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d")
LONGEST = 1000


def name_from_label(label: str) -> str:
    """Return a field name made from a heading: `Date of Birth` becomes `date_of_birth`."""
    name = re.sub(r"[^a-z0-9]+", "_", label.strip().lower()).strip("_")[:63]
    return name if name[:1].isalpha() else f"f_{name}"[:63].rstrip("_")


def check_name(name: str) -> None:
    """Raise Refused unless `name` may be used for a field."""
    if name in BUILT_IN:
        raise Refused(f"Every contact has {name!r} already; choose another name.")
    if not _NAME.match(name):
        raise Refused(f"{name!r}: use small letters, digits and underscores, beginning with a letter.")


def canonical(kind: str, value: str) -> str:
    """Return `value` as a field of this kind stores it; raise ValueError with the reason if it cannot be."""
    value = value.strip()
    if "\x00" in value:
        raise ValueError("contains a character that cannot be stored")
    if len(value) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if not value or kind == "text":
        return value
    return {"number": _number, "date": _date, "yes_no": _yes_no}[kind](value)


def _number(value: str) -> str:
    try:
        number = Decimal(value.replace(",", "").replace("\u066b", ".").replace("\u066c", ""))
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError("is not a number")
    return f"{number:f}"


def _date(value: str) -> str:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(value, form).date().isoformat()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        raise ValueError("is not a date; write it like 2026-11-23") from None


def _yes_no(value: str) -> str:
    word = value.casefold()
    if word in {"yes", "y", "true", "1", "on", "ja", "haan", "ہاں"}:
        return "yes"
    if word in {"no", "n", "false", "0", "off", "nein", "nahi", "نہیں"}:
        return "no"
    raise ValueError("is neither yes nor no")
