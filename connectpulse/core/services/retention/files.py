"""Archive files: rows as Parquet (zstd), encrypted with AES-256-GCM under a key of each file's own.

A file is `nonce (12 bytes) || AES-256-GCM(Parquet)` with the file's name as associated data (NIST SP 800-38D):
it cannot be read, changed, or passed off as another. Nothing is written in plain anywhere.
"""

import io
import json
import secrets
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, LargeBinary, Numeric, SmallInteger
from sqlalchemy import Table as SqlTable

from ...errors import PulseError
from ...storage.columnar import Columns, Shape, pa, pq

_NONCE = 12
_GENERATION = b"generation"


class Damaged(PulseError):
    """An archive is not what was written: bytes were changed, it is another file, or its key is wrong."""


def new_key() -> bytes:
    """Return a key for one file."""
    return secrets.token_bytes(32)


def schema(table: SqlTable) -> Shape:
    """Return the Parquet schema of a table: integers, decimals, times and bytes as they are, the rest as text."""
    return pa.schema([pa.field(column.name, _kind(column.type)) for column in table.columns])


def _kind(kind: Any) -> Any:
    kind = getattr(kind, "impl_instance", kind)
    if isinstance(kind, BigInteger | Integer | SmallInteger):
        return pa.int64()
    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, DateTime):
        return pa.timestamp("us", tz="UTC")
    if isinstance(kind, Numeric) and kind.precision:
        return pa.decimal128(kind.precision, kind.scale or 0)
    return pa.binary() if isinstance(kind, LargeBinary) else pa.string()


def table_of(shape: Shape, rows: Sequence[Sequence[Any]]) -> Columns:
    """Return rows, in the order of `shape`, as a table."""
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in shape]
    arrays = [
        pa.array(_texts(column) if field.type == pa.string() else column, type=field.type)
        for field, column in zip(shape, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=shape)


def _texts(column: Sequence[Any]) -> list[str | None]:
    return [value if value is None or isinstance(value, str) else _text(value) for value in column]


def _text(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=str)


def sealed(name: str, key: bytes, rows: Columns, generation: int) -> bytes:
    """Return the bytes of the file `name` that holds `rows`."""
    marked = rows.replace_schema_metadata({_GENERATION: str(generation).encode()})
    plain = io.BytesIO()
    pq.write_table(marked, plain, compression="zstd", write_page_checksum=True)
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain.getvalue(), name.encode())


def opened(name: str, key: bytes, content: bytes) -> tuple[Columns, int]:
    """Return the rows of a file and its generation; raise Damaged, naming it, if a single bit is not as written."""
    try:
        plain = AESGCM(key).decrypt(content[:_NONCE], content[_NONCE:], name.encode())
        rows = pq.read_table(io.BytesIO(plain), page_checksum_verification=True)
    except (InvalidTag, ValueError, pa.ArrowException):
        raise Damaged(f"The archive {name} is damaged: its bytes are not those that were written.") from None
    return rows, int((rows.schema.metadata or {}).get(_GENERATION, b"1"))
