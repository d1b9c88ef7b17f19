"""Reading for one use: inside the block a session reads no personal column that is not meant for it.

The guard looks at every statement that SQLAlchemy sends for the session, whoever wrote it: by the ORM, as text, or on
the session's connection. It goes by names: a statement that names a table and one of its columns reads it, and one
that takes all columns, or a row as a whole, reads all. It cannot see what a driver's own cursor is told, so
`session.raw` refuses inside. It is there against mistakes; a plugin that means harm has all rights of the process.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from ..errors import PulseError
from .base import metadata

_KEY = "limited_use"
_NAMES = re.compile(r'(?:"?(\w+)"?\s*\.\s*)?"?(\w+|\*)"?')
_COUNTED = re.compile(r"count\s*\(\s*\*\s*\)", re.I)
_LEAF = re.compile(r"_p\d{4,8}$")
_NUMBERED = re.compile(r"_\d+$")
_TIMES = re.compile(r"(\)|\b(?!(?:select|distinct|all|returning)\b)\w+)\s*\*", re.I)

Columns = Mapping[str, frozenset[str]]


class NotForThis(PulseError):
    """A personal column would have been read for a use it is not meant for."""


@contextmanager
def limited(session: Session, use: str, forbidden: Columns) -> Iterator[None]:
    """Refuse, inside the block, every statement of `session` that reads a forbidden column; `use` is what for."""
    held = tuple((table, tuple(sorted(columns))) for table, columns in sorted(forbidden.items()))

    def look(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found = offences(statement, held)
        if found:
            raise NotForThis(f"{', '.join(found)} may not be read for this: {use}.")

    def watch(session: Session, transaction: Any, connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", look)
        watched.append(connection)

    watched: list[Connection] = []
    before = session.info.get(_KEY)
    session.flush()
    if session.in_transaction():
        watch(session, None, session.connection())
    event.listen(session, "after_begin", watch)
    session.info[_KEY] = use
    try:
        yield
    finally:
        session.info[_KEY] = before
        event.remove(session, "after_begin", watch)
        for connection in watched:
            event.remove(connection, "before_cursor_execute", look)


def check_raw(session: Session) -> None:
    """Raise NotForThis where statements of a driver's cursor would pass unseen."""
    use = session.info.get(_KEY)
    if use:
        raise NotForThis(f"Statements of the driver's own are not looked at, and cannot be used for this: {use}.")


@lru_cache(maxsize=512)
def offences(statement: str, forbidden: tuple[tuple[str, tuple[str, ...]], ...]) -> list[str]:
    """Return the forbidden columns a statement names, as `table.column`."""
    plain = _TIMES.sub(r"\1 ", _COUNTED.sub("count", statement.lower()))
    named = [(_NUMBERED.sub("", _LEAF.sub("", owner)), name) for owner, name in _NAMES.findall(plain)]
    tables = {_LEAF.sub("", name) for _, name in named} | {owner for owner, _ in named}
    found = []
    for table, columns in forbidden:
        if table not in tables:
            continue
        near = [name for owner, name in named if owner == table or owner not in metadata.tables]
        takes_all = "*" in near or _takes_a_row(plain, table, named)
        found += [f"{table}.{column}" for column in columns if takes_all or column in near]
    return found


def _takes_a_row(plain: str, table: str, named: list[tuple[str, str]]) -> bool:
    """Return whether a row of a table is taken as one value, by its alias: it is named where no column follows."""
    aliases = set(re.findall(rf"\b{table}(?:_p\d+)?\s+(?:as\s+)?(\w+)", plain)) - _FOLLOW
    return any(named.count(("", alias)) > 1 for alias in aliases)


_FOLLOW = frozenset(
    ["where", "join", "left", "right", "full", "inner", "cross", "on", "using", "order", "group", "limit", "set"]
)
"""Words that follow the name of a table and are no alias of it."""
