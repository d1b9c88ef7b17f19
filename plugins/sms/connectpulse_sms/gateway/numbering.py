"""How a gateway writes phone numbers: ours are E.164 with a plus, theirs are one of four ways."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectpulse.core.api import Refused

FORMATS = (
    ("e164", "+923001234567"),
    ("digits", "923001234567"),
    ("zeros", "00923001234567"),
    ("national", "03001234567"),
)
_INTERNATIONAL = re.compile(r"\+[1-9]\d{5,14}")
_PUNCTUATION = re.compile(r"[\s().\-/]")


@dataclass(frozen=True, slots=True)
class Numbering:
    """`country` is the code that national numbers belong to (92), `trunk` what stands before them (0)."""

    form: str = "digits"
    country: str = ""
    trunk: str = "0"

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Numbering":
        """Return the numbering of a connection; raise Refused if a national one lacks its country."""
        country = (settings["country_code"] or "").lstrip("+")
        if settings["number_format"] == "national" and not country:
            raise Refused("Country code: national numbers need one, like 92.")
        if not re.fullmatch(r"([1-9]\d{0,2})?", country):
            raise Refused(f"Country code: {country[:20]!r} is not one. Write digits, like 92.")
        return cls(settings["number_format"], country, settings["trunk_prefix"] or "")

    def write(self, number: str) -> str:
        """Return E.164 `number` as the gateway wants it; raise ValueError if it has no form for it."""
        if not _INTERNATIONAL.fullmatch(number):
            raise ValueError(f"{number!r} is not an international number.")
        match self.form:
            case "e164":
                return number
            case "zeros":
                return "00" + number[1:]
            case "national" if number.startswith("+" + self.country):
                return self.trunk + number[1 + len(self.country) :]
            case "national":
                raise ValueError(f"{number!r} is not a number of +{self.country}.")
        return number[1:]

    def read(self, value: str) -> str:
        """Return a gateway's number as E.164; leave what is none (a short code, a mask) unchanged."""
        digits = _PUNCTUATION.sub("", value)
        if digits.startswith("00"):
            digits = "+" + digits[2:]
        elif self.country and self.trunk and digits.startswith(self.trunk):
            digits = f"+{self.country}{digits[len(self.trunk) :]}"
        elif len(digits) > 8 and not digits.startswith("+"):
            digits = "+" + digits
        return digits if _INTERNATIONAL.fullmatch(digits) else value.strip()
