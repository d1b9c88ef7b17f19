"""Canonical addresses: the same person is written the same way, and what is none is refused without repeating it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.errors import Refused
from connectpulse.core.services import addresses


@pytest.mark.parametrize(
    ("scheme", "value", "canonical"),
    [
        ("email", " Amina.K@Example.ORG ", "Amina.K@example.org"),
        ("email", "mailto:a@b.co", "a@b.co"),
        ("email", "a@Bücher.Example", "a@xn--bcher-kva.example"),
        ("email", "a@اردو.example", "a@xn--mgbqf7g.example"),
        ("phone", "0300 1234567", "+923001234567"),
        ("phone", "+92-300-1234567", "+923001234567"),
        ("whatsapp", "00923001234567", "+923001234567"),
        ("whatsapp", " PK.13491208655302741918 ", "PK.13491208655302741918"),
    ],
)
def test_addresses_have_one_form(scheme: str, value: str, canonical: str) -> None:
    assert addresses.normalise(scheme, value, "PK") == canonical
    assert addresses.normalise(scheme, canonical, "PK") == canonical


@pytest.mark.parametrize(
    "value",
    [
        "",
        "amina",
        "a@b",
        "a@@b.co",
        "a b@c.co",
        "a@b..co",
        "a@-b.co",
        "<a@b.co>",
        "a@b.co\nBcc: c@d.co",
        f"{'a' * 65}@b.co",
        "a@ü" + "x" * 70 + ".example",
    ],
)
def test_what_is_no_email_address_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(Refused) as caught:
        addresses.normalise("email", value, "PK")
    assert not value or value not in str(caught.value)


@given(st.sampled_from(list(addresses.SCHEMES)), st.text(max_size=60))
def test_anything_typed_is_canonical_or_refused(scheme: str, value: str) -> None:
    try:
        found = addresses.normalise(scheme, value, "PK")
    except Refused:
        return
    assert addresses.normalise(scheme, found, "PK") == found


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(Refused, match="'fax' is not a kind of address"):
        addresses.normalise("fax", "+923001234567", "PK")


@pytest.mark.parametrize(
    ("scheme", "value", "zone"),
    [
        ("phone", "+923001234567", "Asia/Karachi"),
        ("whatsapp", "+4915112345678", "Europe/Berlin"),
        ("phone", "+12015550123", "America/New_York"),
        ("email", "a@b.co", None),
        ("whatsapp", "PK.134", None),
    ],
)
def test_a_number_tells_its_zone_where_it_can(scheme: str, value: str, zone: str | None) -> None:
    assert addresses.zone(scheme, value) == zone
