"""Forms: typed values or one sentence per fault, all at once."""

from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.domain import form
from connectpulse.core.domain.form import Field, Kind
from connectpulse.core.errors import Refused

COLOURS = (("r", "Red"), ("g", "Green"))


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (Kind.TEXT, "  Amina ", "Amina"),
        (Kind.SECRET, " pass word ", " pass word "),
        (Kind.LONG_TEXT, "a\n b ", "a\n b "),
        (Kind.NUMBER, " 42 ", 42),
        (Kind.NUMBER, 42, 42),
        (Kind.SWITCH, "On", True),
        (Kind.SWITCH, "no", False),
        (Kind.SWITCH, True, True),
        (Kind.CHOICE, "g", "g"),
        (Kind.HOST, "smsc.example.org", "smsc.example.org"),
        (Kind.HOST, "192.0.2.1", "192.0.2.1"),
        (Kind.JSON, '{"a": [1]}', {"a": [1]}),
        (Kind.JSON, {"a": 1}, {"a": 1}),
        (Kind.DATE, "2026-11-23", date(2026, 11, 23)),
        (Kind.MOMENT, "2026-11-23T09:30", datetime.fromisoformat("2026-11-23T09:30")),
        (Kind.MOMENT, "2026-11-23T09:30+05:00", datetime.fromisoformat("2026-11-23T09:30")),
        (Kind.TIME, "09:30", time(9, 30)),
        (Kind.CHECKS, ["r", "g"], ["r", "g"]),
        (Kind.CHECKS, "r", ["r"]),
        (Kind.PICK, "7", 7),
        (Kind.PICKS, ["7", "", "8"], [7, 8]),
        (Kind.FILE, "7", 7),
        (Kind.FILES, ["8", "", "7", 8], [8, 7]),
        (Kind.FILES, [], []),
    ],
)
def test_values_are_read_by_kind(kind: Kind, raw: Any, value: Any) -> None:
    assert Field("x", "X", kind, choices=COLOURS).read(raw) == value


@pytest.mark.parametrize(
    ("kind", "raw", "sentence"),
    [
        (Kind.TEXT, "a\x00", "cannot be stored"),
        (Kind.TEXT, "abcdef", "at most 5"),
        (Kind.TEXT, "a", "at least 2"),
        (Kind.NUMBER, "4.5", "not a whole number"),
        (Kind.NUMBER, "1", "below the least, 2"),
        (Kind.NUMBER, "6", "above the most, 5"),
        (Kind.SWITCH, "perhaps", "neither yes nor no"),
        (Kind.CHOICE, "b", "not one of r, g"),
        (Kind.HOST, "http://x", "not a host name"),
        (Kind.HOST, "-x", "not a host name"),
        (Kind.JSON, "{", "not valid JSON"),
        (Kind.DATE, "23.11.2026", "not a date"),
        (Kind.MOMENT, "soon", "not a date and time"),
        (Kind.TIME, "25:00", "not a time"),
        (Kind.CHECKS, ["r", "b"], "not one of"),
        (Kind.PICK, "Amina", "choose one from the list"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(kind: Kind, raw: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^X: .*{sentence}"):
        Field("x", "X", kind, choices=COLOURS, low=2, high=5).read(raw)


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.JSON]), st.text(max_size=80))
def test_whatever_is_typed_is_read_or_told(kind: Kind, raw: str) -> None:
    told = "The X: "
    try:
        Field("x", "The X", kind, choices=COLOURS).read(raw)
    except ValueError as fault:
        told = str(fault)
    assert told.startswith("The X: ")


@pytest.mark.parametrize("raw", [None, "", "  ", []])
def test_what_is_empty_is_the_default_or_missing(raw: Any) -> None:
    assert Field("x", "X", default="d").read(raw) == "d"
    assert Field("x", "X").read(raw) is None
    with pytest.raises(ValueError, match="please fill this in"):
        Field("x", "X", is_required=True).read(raw)


FORM = (
    Field("host", "Host", Kind.HOST, is_required=True),
    Field("port", "Port", Kind.NUMBER, default=2775, low=1, high=65535),
    Field("password", "Password", Kind.SECRET),
)


def test_every_fault_is_told_at_once_and_at_its_place() -> None:
    with pytest.raises(Refused) as caught:
        form.read(FORM, {"port": "0", "colour": "red"})
    assert caught.value.fields == {
        "host": "Host: please fill this in.",
        "port": "Port: 0 is below the least, 1.",
        "colour": "colour: there is no such setting.",
    }
    assert caught.value.problems == tuple(caught.value.fields.values())


def test_every_field_has_a_value() -> None:
    assert form.read(FORM, {"host": "a"}) == {"host": "a", "port": 2775, "password": None}
    assert form.blank(FORM) == {"host": None, "port": 2775, "password": None}
    assert form.names(FORM) == ["host", "port", "password"]


def test_secrets_are_known_by_kind() -> None:
    assert form.secrets(FORM) == {"password"}


@pytest.mark.parametrize(
    ("accept", "media_type", "is_taken"),
    [
        ((), "image/png", True),
        (("image/png", "application/pdf"), "application/pdf", True),
        (("image/*",), "image/webp", True),
        (("image/*",), "imagery/webp", False),
        (("image/png",), "image/jpeg", False),
    ],
)
def test_a_field_of_files_takes_certain_kinds(accept: tuple[str, ...], media_type: str, is_taken: bool) -> None:
    assert Field("f", "F", Kind.FILE, accept=accept).takes(media_type) is is_taken
