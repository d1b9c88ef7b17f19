"""A row for any table, made from its columns, so that a rule about all tables can be tried on each."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from secrets import token_bytes, token_hex
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Time,
    UniqueConstraint,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger

from connectpulse.core.storage import ids, models  # noqa: F401 - maps the tables
from connectpulse.core.storage.base import Owned, Table
from connectpulse.core.storage.vault import Encrypted

NOW = datetime.now(UTC)
_BY_TYPE: tuple[tuple[Any, Any], ...] = (
    (Encrypted, {"key": "hidden"}),
    (JSON, {"city": "Lahore"}),
    (ARRAY, []),
    (LargeBinary, b"Amina"),
    (Boolean, False),
    (DateTime, NOW),
    (Date, date(2026, 1, 31)),
    (Time, time(9, 30)),
    (SmallInteger, 1),
    (BigInteger, 1),
    (Integer, 1),
    (Numeric, Decimal(1)),
)
_IDS_OF_MESSAGES = {"message_id", "first_id", "last_id"}


def owned() -> list[type[Table]]:
    """Return the mapped classes of core whose rows belong to an organisation."""
    return sorted(
        (each.class_ for each in Table.registry.mappers if issubclass(each.class_, Owned) and _is_core(each.class_)),
        key=lambda model: model.__name__,
    )


def _is_core(model: type[Any]) -> bool:
    return model.__module__.startswith("connectpulse.core.")


def put(session: Session, model: type[Any], filled: Sequence[str] = (), **values: Any) -> None:
    """Insert one row of `model`: `values` where given, something that fits where a value must be or is `filled`.

    What it would refer to need not exist: foreign keys are not looked at meanwhile.
    """
    table = model.__table__
    wanted = [column for column in table.columns if column.name in {*values, *filled} or _must_be(column)]
    row = {column.name: values.get(column.name, _value(column)) for column in wanted}
    session.execute(text("SET LOCAL session_replication_role = replica"))
    session.execute(insert(table), row)
    session.execute(text("SET LOCAL session_replication_role = origin"))


def _must_be(column: Column[Any]) -> bool:
    return not column.nullable and column.identity is None and column.server_default is None


def _is_unique(column: Column[Any]) -> bool:
    table = column.table
    keys = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    keys += [each for each in table.indexes if each.unique]
    return column.primary_key or any(column.name in each.columns for each in keys)


def _value(column: Column[Any]) -> Any:
    if column.name in _IDS_OF_MESSAGES:
        return ids.at(NOW)
    if isinstance(column.type, String) and _is_unique(column):
        return f"{token_hex(6)} {column.name}"[: column.type.length]
    if isinstance(column.type, String):
        return f"a {column.name}"[: column.type.length]
    if isinstance(column.type, LargeBinary) and not isinstance(column.type, Encrypted) and _is_unique(column):
        return token_bytes(32)
    return next(value for kind, value in _BY_TYPE if isinstance(column.type, kind))
