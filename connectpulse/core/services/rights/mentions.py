"""Finding a person in text that nobody has read yet: rows of uploaded files, requests of providers.

A phone number is written in many ways. It is found by its national digits with whatever separates them, and only
counts if no other country code stands before it; an e-mail address is found in any case.
"""

import re
from collections.abc import Iterable, Iterator

import phonenumbers
from phonenumbers import NumberParseException

from ...domain.retention import Subject

_BETWEEN = r"[\s().\-/\u00a0]*"


def patterns(subject: Subject) -> list[re.Pattern[str]]:
    """Return one expression per address of a person."""
    found = []
    for scheme, value in subject.addresses:
        number = _number(value) if scheme != "email" else None
        found.append(_of_number(*number) if number else re.compile(re.escape(value), re.I))
    return list({each.pattern: each for each in found}.values())


def _number(value: str) -> tuple[str, str] | None:
    """Return a number's country code and national digits, None for what is no number."""
    try:
        read = phonenumbers.parse(value)
    except NumberParseException:
        return None
    return str(read.country_code), phonenumbers.national_significant_number(read)


def _of_number(country: str, national: str) -> re.Pattern[str]:
    digits = _BETWEEN.join(national)
    head = rf"(?:(?:\+|00)?{_BETWEEN}{country}{_BETWEEN}(?:\(?0\)?)?|0)?"
    return re.compile(rf"(?<![\d+]){head}{_BETWEEN}{digits}(?!\d)")


def holds(text: str, wanted: Iterable[re.Pattern[str]]) -> bool:
    """Return whether a text names one of the addresses."""
    return any(_is_whole(text, match) for each in wanted for match in each.finditer(text))


def _is_whole(text: str, match: re.Match[str]) -> bool:
    """Return whether a match is the number, and not the end of a longer one or one of another country."""
    before = re.sub(r"[\s().\-/\u00a0]+$", "", text[max(0, match.start() - 12) : match.start()])
    return not before[-1:].isdigit()


def lines(text: str, wanted: list[re.Pattern[str]]) -> Iterator[str]:
    """Yield the lines of a text that name one of the addresses."""
    for line in text.splitlines():
        if holds(line, wanted):
            yield line


def raw_forms(subject: Subject) -> list[bytes]:
    """Return how a person's addresses are spelt in requests of providers: as they are, and encoded for URLs."""
    forms: set[str] = set()
    for _, value in subject.addresses:
        forms |= {value, value.lower(), value.replace("@", "%40")} if "@" in value else {value.removeprefix("+")}
    return [form.encode() for form in sorted(forms) if len(form) > 5]
