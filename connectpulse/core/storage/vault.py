"""Encryption of stored credentials: Fernet with rotatable keys, and the column type that applies it.

The first key encrypts, every key decrypts. To rotate: put a new key first, restart, run
`connectpulse rotate-keys`, then take the old key out.
"""

import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, Dialect, LargeBinary, literal, select, type_coerce, update
from sqlalchemy.types import TypeDecorator

from ..errors import Misconfigured
from .base import metadata


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
            raise Misconfigured(
                "A stored credential cannot be decrypted: its key is missing from ENCRYPTION_KEYS. "
                "Put the old key back at the end of the list, or enter the credential again."
            ) from None
        return opened


def rotate_all(connection: Connection) -> int:
    """Encrypt every encrypted column of every table anew under the first key; return the rows rewritten."""
    rewritten = 0
    for table in metadata.sorted_tables:
        for column in (each for each in table.columns if isinstance(each.type, Encrypted)):
            raw = type_coerce(column, LargeBinary)
            key = table.primary_key.columns.values()[0]
            for identity, sealed in connection.execute(select(key, raw).where(column.is_not(None))).all():
                fresh = keyring.rotate(bytes(sealed))
                plain = literal(fresh, LargeBinary())  # encrypted already: not once more by the column type
                connection.execute(update(table).where(key == identity).values({column.name: plain}))
                rewritten += 1
    return rewritten
