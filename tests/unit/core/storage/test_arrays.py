"""Array literals: whatever goes in comes out of PostgreSQL again."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectpulse.core.storage import arrays
from connectpulse.core.storage.embedded import EmbeddedServer

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])))
bigints = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def connection(database_server: EmbeddedServer) -> Iterator["psycopg.Connection[tuple[list[object]]]"]:
    with psycopg.connect(database_server.url.replace("+psycopg", ""), autocommit=True) as opened:
        yield opened  # type: ignore[misc]


def _back(connection: "psycopg.Connection[tuple[list[object]]]", kind: str, literal: str) -> list[object]:
    row = connection.execute(f"SELECT %s::{kind}[]".encode(), (literal,)).fetchone()
    assert row is not None
    return row[0]


@given(values=texts)
def test_texts(connection: "psycopg.Connection[tuple[list[object]]]", values: list[str]) -> None:
    assert _back(connection, "text", arrays.texts(values)) == [value.replace("\x00", "\ufffd") for value in values]


@given(values=st.lists(st.none() | st.sampled_from(["", "NULL", 'a"b', "a\\b", "{}", "a,b", "\x1f", "a\x1fb", " "])))
def test_texts_that_look_like_something_else(
    connection: "psycopg.Connection[tuple[list[object]]]", values: list[str | None]
) -> None:
    assert _back(connection, "text", arrays.optional_texts(values)) == values


@given(values=st.lists(st.none() | bigints))
def test_numbers(connection: "psycopg.Connection[tuple[list[object]]]", values: list[int | None]) -> None:
    assert _back(connection, "bigint", arrays.optional_ints(values)) == values
    present = [value for value in values if value is not None]
    assert _back(connection, "bigint", arrays.ints(present)) == present
