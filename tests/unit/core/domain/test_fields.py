"""Custom fields: how values are written, and names that may not be used."""

import pytest

from connectpulse.core.domain import fields
from connectpulse.core.errors import Refused


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("text", "  Lahore ", "Lahore"),
        ("number", "1,234.50", "1234.50"),
        ("number", "١٢٣", "123"),
        ("number", "1e3", "1000"),
        ("date", "2026-11-23", "2026-11-23"),
        ("date", "23/11/2026", "2026-11-23"),
        ("date", "23.11.2026", "2026-11-23"),
        ("date", "2026-11-23T10:00", "2026-11-23"),
        ("yes_no", "JA", "yes"),
        ("yes_no", "نہیں", "no"),
        ("number", "", ""),
    ],
)
def test_values_have_one_form(kind: str, value: str, stored: str) -> None:
    assert fields.canonical(kind, value) == stored
    assert fields.canonical(kind, stored) == stored


@pytest.mark.parametrize(
    ("kind", "value"),
    [("number", "many"), ("number", "NaN"), ("number", "1e99"), ("date", "tomorrow"), ("date", "31/02/2026"),
     ("yes_no", "perhaps"), ("text", "a\x00b"), ("text", "x" * 1001)],
)  # fmt: skip
def test_what_a_field_cannot_hold_is_refused(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|contains) "):
        fields.canonical(kind, value)


@pytest.mark.parametrize(
    ("label", "name"),
    [("Date of Birth", "date_of_birth"), ("E-Mail!", "e_mail"), ("2nd name", "f_2nd_name"), ("نام", "f")],
)
def test_a_heading_becomes_a_name(label: str, name: str) -> None:
    assert fields.name_from_label(label) == name
    fields.check_name(name)


@pytest.mark.parametrize("name", ["name", "first_name", "Name", "a b", "1a", "", "a" * 64, "a-b"])
def test_a_name_that_would_confuse_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        fields.check_name(name)
