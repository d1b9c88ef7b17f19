"""Phone numbers in E.164, by the numbering plans that `phonenumbers` carries.

Reading one number with the library takes tens of microseconds. Lists are mostly mobile numbers of one
country written in one of two ways, and those are recognised by one expression made from the same plan.
"""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberDesc, ValidationResult

from ..errors import Refused

_SEPARATORS = str.maketrans("", "", " -.()/\u00a0\u200e\u200f\u202a\u202c")
_POSSIBILITY = {
    ValidationResult.TOO_SHORT: "too short for a number of {place}",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    ValidationResult.TOO_LONG: "too long for a number of {place}",
    ValidationResult.INVALID_LENGTH: "no number of {place} has this length",
    ValidationResult.INVALID_COUNTRY_CODE: "no country has this code",
}
_PARSE_ERRORS = {
    NumberParseException.INVALID_COUNTRY_CODE: "its country code is missing or does not exist",
    NumberParseException.NOT_A_NUMBER: "not a number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too short after the international prefix",
    NumberParseException.TOO_SHORT_NSN: "too short",
    NumberParseException.TOO_LONG: "too long",
}


def to_e164(value: str, region: str) -> str:
    """Return `value` as +<country><number>; raise Refused saying what is wrong with it.

    `region` (ISO 3166) is where a number without a country code belongs. The sentence does not repeat
    the number, so that equal faults can be counted and none of it reaches a log.
    """
    bare = value.translate(_SEPARATORS)
    mobile = _mobile(region)
    if mobile and (match := mobile[1].fullmatch(bare)):
        return mobile[0] + match[1]
    return _parse(value, region)


@lru_cache(maxsize=256)
def _mobile(region: str) -> tuple[str, re.Pattern[str]] | None:
    """Return the country code of `region`, and what its mobile numbers look like however they are begun.

    Left to the library are numbers that begin like a national prefix, which it knows when to strip, and
    those that are a valid local number as they stand although they begin with the country code.
    """
    plan = PhoneMetadata.metadata_for_region(region, None)
    if plan is None or plan.mobile is None or plan.general_desc is None:
        return None
    local, mobile = _pattern(plan.general_desc), _pattern(plan.mobile)
    if not mobile:
        return None
    code, prefix = plan.country_code, plan.national_prefix_for_parsing
    heads = [rf"\+{code}", rf"(?!{local}\Z){code}"]
    if plan.national_prefix and plan.national_prefix == prefix:
        heads.append(prefix)
    guard = rf"(?!{_ungrouped(prefix)})" if prefix else ""
    lengths = "|".join(rf"\d{{{length}}}" for length in plan.mobile.possible_length)
    number = rf"(?=(?:{lengths})\Z)({mobile})"
    return f"+{code}", re.compile(rf"(?:{'|'.join(heads)}){guard}{number}", re.ASCII)


def _pattern(desc: PhoneNumberDesc) -> str:
    return f"(?:{_ungrouped(desc.national_number_pattern)})" if desc.national_number_pattern else ""


def _ungrouped(pattern: str) -> str:
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _parse(value: str, region: str) -> str:
    if any(character.isalpha() for character in value):
        raise Refused("Phone number: it contains letters.")
    try:
        number = phonenumbers.parse(value, region)
    except NumberParseException as error:
        raise Refused(f"Phone number: {_PARSE_ERRORS[error.error_type]}.") from None
    fault = _fault(number)
    if fault:
        raise Refused(f"Phone number: {fault}.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _fault(number: phonenumbers.PhoneNumber) -> str | None:
    if number.extension:
        return "it has an extension, which messages cannot reach"
    place = phonenumbers.region_code_for_country_code(number.country_code or 0)
    possibility = phonenumbers.is_possible_number_with_reason(number)
    if possibility in _POSSIBILITY:
        return _POSSIBILITY[possibility].format(place=f"country {place} (+{number.country_code})")
    if not phonenumbers.is_valid_number(number):
        return f"no such range is in use in country {place} (+{number.country_code})"
    return None
