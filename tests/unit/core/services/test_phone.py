"""Phone numbers: the quick way must say what the library says."""

import random

import phonenumbers
import pytest

from connectpulse.core.errors import Refused
from connectpulse.core.services import phone
from connectpulse.core.services.phone import to_e164


def by_library(value: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def numbers_of(region: str, chance: random.Random) -> list[str]:
    """Return numbers around the region's examples, right and wrong, in the ways people write them."""
    written = []
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        digits = phonenumbers.national_significant_number(example)
        for _ in range(6):
            kept = chance.randrange(len(digits) + 1)
            tail = "".join(chance.choice("0123456789") for _ in range(len(digits) - kept))
            number = chance.choice(["", "", "", "0", "1"]) + digits[:kept] + tail
            code = example.country_code
            written += [
                f"+{code}{number}",
                f"{code}{number}",
                f"0{number}",
                number,
                f"+{code} {number[:3]}-{number[3:]}",
            ]
    return written


def test_the_quick_way_agrees_with_the_library_everywhere() -> None:
    chance = random.Random(7)
    quick = 0
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for value in numbers_of(region, chance):
            try:
                canonical = to_e164(value, region)
            except Refused:
                assert by_library(value, region) is None, (value, region)
            else:
                assert canonical == by_library(value, region), (value, region)
                quick += 1
    assert quick > 2000


@pytest.mark.parametrize("value", ["+923001234567", "0300 1234567", "923001234567", "(0300) 123-4567", "۰۳۰۰۱۲۳۴۵۶۷"])
def test_the_ways_to_write_one_number(value: str) -> None:
    assert to_e164(value, "PK") == "+923001234567"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("+92300", "too short"),
        ("030012345678", "no such range is in use"),
        ("+92300123456789012", "too long"),
        ("", "not a number"),
        ("3.00123E+09", "letters"),
        ("+923001234567 ext. 5", "letters"),
        ("+923001234567;5", "extension"),
        ("+999123456789", "country code"),
        ("+921111111111", "no such range is in use"),
    ],
)
def test_the_sentence_says_what_is_wrong_and_not_the_number(value: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        to_e164(value, "PK")
    assert not value or value not in str(refused.value)


def test_a_region_without_a_plan_leaves_international_numbers_readable() -> None:
    assert to_e164("+923001234567", "ZZ") == "+923001234567"
    with pytest.raises(Refused, match="country code"):
        to_e164("03001234567", "ZZ")


def test_most_numbers_of_a_list_never_meet_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(value: str, region: str) -> str:
        raise AssertionError(value)

    monkeypatch.setattr(phone, "_parse", unexpected)
    for value in ("+923001234567", "03001234567", "923001234567", "0300-1234567"):
        assert to_e164(value, "PK") == "+923001234567"
