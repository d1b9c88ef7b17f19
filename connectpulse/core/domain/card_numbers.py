"""Numbers of payment cards: found in texts, so that they are refused there and hidden in logs.

A card number has 13 to 19 digits, begins and is as long as its issuer has it, and passes the check of Luhn.
Digits may be of any script and stand in groups. What begins with + is a phone number, and what touches a
letter is a reference; 13 digits in one piece are taken for a phone number written without its +, and a row of
small numbers for a row of small numbers. Our own ids are no cards until 2050 (18 digits, then 19 from 1 on).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from unicodedata import decimal

from ..errors import Refused

HIDDEN: Final = "•••"
REFUSAL: Final = "this looks like the number of a payment card. Card numbers are not kept here: please take it out."

NUMBER_FIELDS: Final = frozenset(
    {"phone", "number", "mobile", "msisdn", "address", "addresses", "prefix", "value", "password", "old", "new",
     "again", "csrf_token", "code", "digest"}
)  # fmt: skip
"""Names of fields that hold numbers by their nature, or secrets, which are sealed; no card is looked for in them."""

_LEAST, _MOST, _PHONE = 13, 19, 7
_GAP = r"[ \-.\u00a0\u2007\u2009\u200b-\u200f\u2010-\u2015\u202f\u2060\ufeff]"
_RUN = re.compile(rf"(?<![\w+])(\+?)(\d(?:{_GAP}{{0,2}}\d){{12,}})(?!\w)")
_GROUP = re.compile(r"\d+")

_ISSUERS: Final = tuple(
    (re.compile(begins), frozenset(lengths))
    for begins, lengths in (
        (r"4", (13, 16, 19)),  # Visa
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),  # Mastercard
        (r"3[47]", (15,)),  # American Express
        (r"30[0-5]|36|3[89]", (14, 16)),  # Diners Club; none of 19 is issued, and our own ids will begin like that
        (r"6011|64[4-9]|65", (16, 19)),  # Discover
        (r"35(?:2[89]|[3-8])", (16, 19)),  # JCB
        (r"62|81", (16, 19)),  # UnionPay
        (r"50|5[6-8]|60|63|67", (16, 19)),  # Maestro, RuPay
        (r"220[0-5]", (16, 19)),  # Mir, PayPak
    )
)


def find(text: str) -> Iterator[tuple[int, int]]:
    """Yield where in `text` card numbers begin and end. Costs a small factor of its length."""
    if len(text) < _LEAST:
        return
    for run in _RUN.finditer(text):
        yield from _in_run(text, run.start(2), run.end(), is_phone=bool(run.group(1)))


def _in_run(text: str, start: int, end: int, *, is_phone: bool) -> Iterator[tuple[int, int]]:
    """Yield the card numbers among groups of digits; a phone number's own groups begin none."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    before, first = 0, 0
    while first < len(groups):
        found = None if is_phone and before < _PHONE else _from(text, groups, first)
        if found is None:
            before += groups[first][1] - groups[first][0]
            first += 1
            continue
        yield groups[first][0], groups[found][1]
        first = found + 1


def _from(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Return the group a card number that begins with group `first` ends with, None if none begins there."""
    digits = ""
    for last in range(first, len(groups)):
        digits += "".join(str(decimal(each)) for each in text[slice(*groups[last])])
        if len(digits) > _MOST:
            return None
        if not _is_grouped([end - start for start, end in groups[first : last + 1]]):
            continue
        if len(digits) >= _LEAST and is_card_number(digits) and (len(digits) > _LEAST or last > first):
            return last
    return None


def _is_grouped(lengths: list[int]) -> bool:
    """Return whether cards are written in such groups: of three digits and more, the last aside, or one by one."""
    return all(each >= 3 for each in lengths[:-1]) or all(each == 1 for each in lengths)


def is_card_number(digits: str) -> bool:
    """Return whether `digits`, 0 to 9 and nothing else, are what an issuer's cards carry."""
    return any(len(digits) in lengths and begins.match(digits) for begins, lengths in _ISSUERS) and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        amount = int(digit) * (1 + place % 2)
        total += amount - 9 if amount > 9 else amount
    return total % 10 == 0


def holds_one(value: Any) -> bool:
    """Return whether a text or a number, or any within lists and mappings, holds a card number."""
    if isinstance(value, str):
        return next(find(value), None) is not None
    if isinstance(value, int):
        return holds_one(str(value))
    if isinstance(value, Mapping):
        return any(holds_one(each) for each in (*value.keys(), *value.values()))
    if isinstance(value, list | tuple):
        return any(holds_one(each) for each in value)
    return False


def refuse(fields: Mapping[str, Any]) -> None:
    """Raise Refused, with the sentence by field, if any of `fields` holds a card number where none belongs."""
    faults = {
        name: f"{name.replace('_', ' ').capitalize()}: {REFUSAL}"
        for name, value in fields.items()
        if name not in NUMBER_FIELDS and holds_one(value)
    }
    if faults:
        refusal = Refused(*faults.values())
        refusal.fields = faults
        raise refusal


def hide(text: str) -> str:
    """Return `text` with card numbers hidden."""
    parts, last = [], 0
    for start, end in find(text):
        parts += [text[last:start], HIDDEN]
        last = end
    return "".join([*parts, text[last:]]) if parts else text
