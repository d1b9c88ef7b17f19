"""Fields that belong to answers of others: asked beside them, else read as if they were empty."""

from typing import Any

import pytest

from connectpulse.core.domain import form
from connectpulse.core.domain.form import Field, Kind, Shape
from connectpulse.core.errors import Refused
from connectpulse.web.api.v1.document import schema

KINDS = (("template", "Template"), ("text", "Text"))
FORM = (
    Field("kind", "Kind", Kind.CHOICE, default="template", choices=KINDS),
    Field("category", "Category", Kind.CHOICE, default="offer", choices=(("offer", "Offer"), ("code", "Code")),
          only=("kind", ("template",))),
    Field("header", "Header", default="none", only=("category", ("offer",))),
    Field("expiry", "Expiry", Kind.NUMBER, is_required=True, low=1, only=("category", ("code",))),
    Field("counts", "Count", Kind.SWITCH),
    Field("files", "Files", Kind.FILES, only=("counts", ("yes",))),
    Field("reason", "Reason", is_required=True, only=("counts", ("no",))),
)  # fmt: skip
SAID = {"reason": "None"}


@pytest.mark.parametrize(
    ("raw", "left_out"),
    [
        ({}, {"expiry", "files"}),
        ({"kind": "template", "category": "code"}, {"header", "files"}),
        ({"kind": "text"}, {"category", "expiry", "files"}),
        ({"kind": "text", "category": "code"}, {"category", "expiry", "files"}),
        ({"kind": "poem"}, {"category", "expiry", "files"}),
        ({"counts": True}, {"expiry", "reason"}),
        ({"counts": "on"}, {"expiry", "reason"}),
        ({"counts": "perhaps"}, {"expiry", "files"}),
    ],
)
def test_fields_belong_to_answers(raw: dict[str, Any], left_out: set[str]) -> None:
    assert form.unasked(FORM, raw) == left_out


def test_what_is_not_asked_is_read_as_empty_and_not_missing() -> None:
    raw = {"kind": "text", "category": "code", "header": "News", "expiry": "0", "files": ["7"], **SAID}
    assert form.read(FORM, raw) == {
        "kind": "text", "category": "offer", "header": "News", "expiry": None, "counts": None, "files": [],
        "reason": "None",
    }  # fmt: skip


@pytest.mark.parametrize(
    "raw", [SAID, {"kind": "text", **SAID}, {"category": "code", "expiry": 5, "counts": True, "files": [7]}]
)
def test_what_was_read_is_read_as_itself(raw: dict[str, Any]) -> None:
    read = form.read(FORM, raw)
    assert form.read(FORM, read) == read == form.settled(FORM, read)


def test_what_is_asked_is_needed() -> None:
    with pytest.raises(Refused) as caught:
        form.read(FORM, {"category": "code"})
    assert set(caught.value.fields) == {"expiry", "reason"}


def test_what_belongs_to_no_field_of_the_form_is_asked() -> None:
    assert form.unasked(FORM[2:], {}) == {"files"}


def test_stored_values_are_settled() -> None:
    assert form.settled(FORM, {"kind": "text", "category": "code", "more": 1}) == {
        "kind": "text", "category": "offer", "more": 1,
    }  # fmt: skip


def test_pieces_have_such_fields_too() -> None:
    shapes = (Shape("note", "Note", FORM),)
    asked = (Field("parts", "Parts", Kind.PIECES, shapes=shapes),)
    (piece,) = form.read(asked, {"parts": [{"shape": "note", "kind": "text", "category": "code", **SAID}]})["parts"]
    assert (piece["category"], piece["expiry"]) == ("offer", None)


def test_the_schema_says_beside_what_a_field_is_asked() -> None:
    asked = schema(FORM)
    assert asked["properties"]["expiry"]["description"] == "Expiry. Only where category is code."
    assert asked["required"] == []
