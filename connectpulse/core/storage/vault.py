"""Encryption of stored credentials: Fernet with rotatable keys, and the column type that applies it.

The first key encrypts, every key decrypts. To rotate: put a new key first, restart, run
`connectpulse rotate-keys`, then take the old key out.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Engine,
    LargeBinary,
    bindparam,
    literal,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.types import TypeDecorator

from ..errors import Misconfigured
from .base import metadata

PAGE = 500
"""Rows read or rewritten at once."""
_CLOSED = (
    "A stored credential cannot be decrypted: its key is missing from ENCRYPTION_KEYS. "
    "Put the old key back at the end of the list, or enter the credential again."
)


class Keyring:
    """The keys of this process, set once at start."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None

    def set(self, keys: Sequence[str]) -> None:
        """Use `keys` from now on; raise Misconfigured if one is no Fernet key."""
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise Misconfigured(
                "ENCRYPTION_KEYS must be Fernet keys, comma-separated. `connectpulse keys` prints one."
            ) from None

    @property
    def fernet(self) -> MultiFernet:
        if self._fernet is None:
            raise Misconfigured("ENCRYPTION_KEYS are not set.")
        return self._fernet

    def rotate(self, sealed: bytes) -> bytes:
        """Return `sealed` encrypted anew under the first key."""
        return self.fernet.rotate(sealed)


keyring = Keyring()


class Encrypted(TypeDecorator[dict[str, Any]]):
    """A column of JSON that is only ever stored encrypted, with the process's keyring."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> bytes | None:
        return keyring.fernet.encrypt(json.dumps(value).encode()) if value else None

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> dict[str, Any]:
        if value is None:
            return {}
        try:
            opened: dict[str, Any] = json.loads(keyring.fernet.decrypt(bytes(value)))
        except InvalidToken:
            raise Misconfigured(_CLOSED) from None
        return opened


def columns() -> Iterator[Column[Any]]:
    """Yield every encrypted column of every table."""
    for table in metadata.sorted_tables:
        yield from (each for each in table.columns if isinstance(each.type, Encrypted))


def page(
    connection: Connection, column: Column[Any], after: Sequence[Any] = (), *, is_held: bool = False
) -> list[tuple[Any, ...]]:
    """Return the next rows of an encrypted column, at most `PAGE`: the primary key's values, then what is stored.

    `after` are the key's values of the last row before, none for the first page. `is_held` keeps the rows from
    being changed until the transaction ends.
    """
    keys = list(column.table.primary_key.columns)
    wanted = select(*keys, type_coerce(column, LargeBinary)).where(column.is_not(None)).order_by(*keys).limit(PAGE)
    if after:
        last = [literal(value, key.type) for key, value in zip(keys, after, strict=True)]
        wanted = wanted.where(tuple_(*keys) > tuple_(*last))
    rows = connection.execute(wanted.with_for_update() if is_held else wanted)
    return [tuple(row) for row in rows]


def rotate_all(engine: Engine) -> int:
    """Encrypt every encrypted column of every table anew under the first key; return the rows rewritten.

    A page at a time, each in a transaction of its own: it may be interrupted, and run again.
    """
    return sum(_rotate(engine, column) for column in columns())


def _rotate(engine: Engine, column: Column[Any]) -> int:
    keys = list(column.table.primary_key.columns)
    plain = bindparam("fresh", type_=LargeBinary())  # encrypted already: not once more by the column type
    matches = [key == bindparam(f"key_{number}") for number, key in enumerate(keys)]
    rewrite = update(column.table).where(*matches).values({column.name: plain})
    rewritten = 0
    after: tuple[Any, ...] = ()
    while True:
        with engine.begin() as connection:
            rows = page(connection, column, after, is_held=True)
            if not rows:
                return rewritten
            connection.execute(rewrite, [_renewed(row) for row in rows])
        rewritten, after = rewritten + len(rows), rows[-1][:-1]


def _renewed(row: tuple[Any, ...]) -> dict[str, Any]:
    try:
        fresh = keyring.rotate(bytes(row[-1]))
    except InvalidToken:
        raise Misconfigured(_CLOSED) from None
    return {"fresh": fresh} | {f"key_{number}": value for number, value in enumerate(row[:-1])}
