"""Pieces of a form: a list in an order people choose, each of a shape with a form of its own."""

import json
from typing import Any

import pytest

from connectpulse.core.domain import form
from connectpulse.core.domain.form import Field, Kind, Shape
from connectpulse.core.errors import Refused
from connectpulse.web.api.v1.document import schema

NOTE = Shape("note", "Note", (Field("text", "Text", is_required=True, high=30), Field("size", "Size", Kind.NUMBER)))
PARTS = Field("parts", "Parts", Kind.PIECES, shapes=(NOTE, Shape("line", "Line")), high=3)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (None, []),
        ([], []),
        ("[]", []),
        ([{"shape": "line"}], [{"shape": "line"}]),
        (
            [{"shape": "line"}, {"shape": "note", "text": " Hi ", "size": "2"}],
            [{"shape": "line"}, {"shape": "note", "text": "Hi", "size": 2}],
        ),
        (json.dumps([{"shape": "note", "text": "Hi"}]), [{"shape": "note", "text": "Hi", "size": None}]),
    ],
)
def test_pieces_keep_their_order_and_are_read_by_their_shapes(raw: Any, value: Any) -> None:
    assert PARTS.read(raw) == value
    assert PARTS.read(PARTS.read(raw)) == value


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([{"shape": "poem"}], "number 1: its shape must be one of note, line"),
        ([{"text": "Hi"}], "number 1: its shape"),
        ([{"shape": "line"}, {"shape": "note"}], r"number 2 \(Note\): Text: please fill this in"),
        ([{"shape": "note", "text": "x" * 31, "size": "x"}], "at most 30 characters.*not a whole number"),
        ([{"shape": "line", "text": "Hi"}], "no such setting"),
        (["line"], "its shape"),
        ([None], "its shape"),
        ({"shape": "line"}, "this is no list"),
        ("[", "not valid JSON"),
        ([{"shape": "line"}] * 4, "at most 3"),
        ([{"shape": "note", "text": "4111 1111 1111 1111"}], r"number 1 \(Note\): Text: .*card"),
    ],
)
def test_what_is_no_piece_is_told_with_its_place(raw: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        form.read((PARTS,), {"parts": raw})


def test_the_schema_names_every_shape() -> None:
    asked = schema((PARTS,))["properties"]["parts"]
    note, line = asked["items"]["anyOf"]
    assert (asked["type"], asked["maxItems"]) == ("array", 3)
    assert note["properties"]["shape"]["const"] == "note"
    assert note["required"] == ["shape", "text"]
    assert list(line["properties"]) == ["shape"]
