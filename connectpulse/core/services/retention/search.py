"""Searching archives: DuckDB over decrypted Parquet in memory, one file at a time, nothing on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain.retention import Subject
from ...registry import Registry
from ...storage import ids
from ...storage.columnar import Columns, Engine, duckdb, pa, pc
from . import files
from .conditions import POSTGRESQL

MEMORY = "512MB"
ERASED = "(erased)"

Ways = list[tuple[tuple[str, ...], Any]]
"""Columns, and whether they are the person's, row by row."""

_ADDRESSES = ("address", "value", "recipient", "email")
_NAMES = ("created_by", "launched_by", "approved_by", "author_name")
_USERS = ("user_id", "actor_id", "asked_by", "decided_by", "placed_by")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: an address, a campaign, a time; whatever is empty does not matter."""

    address: str = ""
    campaign_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def matching(rows: Columns, age_column: str, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """Return the rows of one file that match, at most `limit`, oldest first; a file without the column has none."""
    names = set(rows.column_names)
    conditions: list[str] = ["true"]
    values: list[Any] = []
    if wanted.address:
        columns = [name for name in _ADDRESSES if name in names]
        conditions.append("(" + (" OR ".join(f'"{name}" = ?' for name in columns) or "false") + ")")
        values += [wanted.address] * len(columns)
    if wanted.campaign_id is not None:
        column = "campaign_id" if "campaign_id" in names else "id"
        conditions.append(f'"{column}" = ?' if column in names else "false")
        values += [wanted.campaign_id] if column in names else []
    is_id = pa.types.is_integer(rows.schema.field(age_column).type)
    for moment, operator in ((wanted.since, ">="), (wanted.until, "<")):
        if moment is not None:
            conditions.append(f'"{age_column}" {operator} ?')
            values.append(ids.at(moment) if is_id else moment)
    statement = f'SELECT * FROM held WHERE {" AND ".join(conditions)} ORDER BY "{age_column}" LIMIT {int(limit)}'
    with _engine() as engine:
        engine.register("held", rows)
        found: list[dict[str, Any]] = engine.execute(statement, values).to_arrow_table().to_pylist()
    return found


def of_person(registry: Registry, table: str, rows: Columns, subject: Subject) -> Columns:
    """Return the person's rows among `rows`, without the personal columns of them that are somebody else's."""
    ways = _ways(registry, table, rows, subject)
    names = [name for name in _personal(registry, table, ways) if name in rows.column_names]
    for name in names:
        theirs = _either(rows, [mask for columns, mask in ways if name in columns])
        rows = _put(rows, name, pc.if_else(theirs, rows.column(name), pa.scalar(None, rows.schema.field(name).type)))
    return rows.filter(_either(rows, [mask for _, mask in ways]))


def without_person(
    registry: Registry, table: str, rows: Columns, subject: Subject, columns: Sequence[str]
) -> tuple[Columns, int]:
    """Return `rows` with the person's values emptied, in `columns` and beside them, and how many had any left."""
    ways = _ways(registry, table, rows, subject)
    anywhere = _either(rows, [mask for _, mask in ways])
    if not pc.any(anywhere).as_py():
        return rows, 0
    nullable = registry.rules[table].model.__table__.columns
    hit = set()
    for name in dict.fromkeys([*columns, *_personal(registry, table, ways)]):
        if name not in rows.column_names:
            continue
        empty = None if nullable[name].nullable else _empty(rows.schema.field(name).type)
        kept = rows.column(name).to_pylist()
        for place, is_theirs in enumerate(_either(rows, [mask for own, mask in ways if name in own]).to_pylist()):
            if is_theirs and kept[place] != empty:
                kept[place] = empty
                hit.add(place)
        rows = _put(rows, name, pa.array(kept, rows.schema.field(name).type))
    return _unsaid(rows, anywhere.to_pylist(), subject), len(hit)


def _personal(registry: Registry, table: str, ways: Ways) -> list[str]:
    """Return the columns that somebody is told by: those of the rule, and those the handler's conditions name."""
    return list(dict.fromkeys([*registry.rules[table].personal_columns, *(name for own, _ in ways for name in own)]))


def _put(rows: Columns, name: str, column: Any) -> Columns:
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), column)


def _either(rows: Columns, masks: Sequence[Any]) -> Any:
    """Return where any of `masks` holds; nowhere if there is none."""
    found: Any = pa.nulls(rows.num_rows, pa.bool_()).fill_null(False)
    for mask in masks:
        found = pc.or_(found, mask)
    return found


def _unsaid(rows: Columns, mask: Sequence[bool], subject: Subject) -> Columns:
    """Return `rows` without the subject's names in what is said of how the rows ended."""
    if "reason" not in rows.column_names or not subject.names:
        return rows
    said = rows.column("reason").to_pylist()
    for place, is_theirs in enumerate(mask):
        for name in subject.names if is_theirs and said[place] else ():
            said[place] = said[place].replace(f"by {name}", f"by {ERASED}")
    index = rows.column_names.index("reason")
    return rows.set_column(index, rows.schema.field("reason"), pa.array(said, rows.schema.field("reason").type))


def _empty(kind: Any) -> Any:
    if pa.types.is_string(kind):
        return ERASED
    return b"" if pa.types.is_binary(kind) else 0


def is_told(registry: Registry, table: str, rows: Columns, subject: Subject) -> bool:
    """Return whether the handler's own conditions can be asked of these rows, or columns have to be guessed at."""
    with _engine() as engine:
        engine.register(table, _shaped(registry, table, rows))
        return _told(engine, registry, table, subject) is not None


def _ways(registry: Registry, table: str, rows: Columns, subject: Subject) -> Ways:
    """Return columns and, row by row, whether they are the person's: as the handler says, or as their names do."""
    with _engine() as engine:
        engine.register(table, _shaped(registry, table, rows))
        told = _told(engine, registry, table, subject)
        if told is not None:
            return told
        return [
            (registry.rules[table].personal_columns, _asked(engine, table, _plainly(set(rows.column_names), subject)))
        ]


def _shaped(registry: Registry, table: str, rows: Columns) -> Columns:
    """Return `rows` with the columns the table has by now and had not when they were archived, empty."""
    for field in files.schema(registry.rules[table].model.__table__):
        if field.name not in rows.column_names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    return rows


def _told(engine: Engine, registry: Registry, table: str, subject: Subject) -> Ways | None:
    handler = registry.subjects.get(table)
    if handler is None or not (handler.apart or handler.locate):
        return None
    apart = handler.apart or ((registry.rules[table].personal_columns, handler.locate),)
    try:
        return [(columns, _asked(engine, table, _written(locate(subject)))) for columns, locate in apart if locate]
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException):
        return None  # it looks into other tables as well, which an archive does not have


def _written(condition: Any) -> str:
    found = condition.compile(dialect=POSTGRESQL, compile_kwargs={"literal_binds": True})
    return str(found).replace("%%", "%")


def _asked(engine: Engine, table: str, condition: str) -> Any:
    found = engine.execute(f'SELECT coalesce(({condition}), false) AS hit FROM "{table}"').to_arrow_table()
    return found.column("hit").combine_chunks()


def _plainly(names: set[str], subject: Subject) -> str:
    found = ["false"]
    if subject.addresses:
        values = ", ".join(_quoted(value) for _, value in subject.addresses)
        found += [f'"{name}" IN ({values})' for name in _ADDRESSES if name in names]
    if subject.contact_ids and "contact_id" in names:
        found.append(f"contact_id IN ({', '.join(str(int(each)) for each in subject.contact_ids)})")
    if subject.names:
        values = ", ".join(map(_quoted, subject.names))
        found += [f'"{name}" IN ({values})' for name in _NAMES if name in names]
        if "reason" in names:
            found += [f"contains(reason, {_quoted(f'by {each}')})" for each in subject.names]
    if subject.user_id:
        kind = " AND actor_kind = 'user'" if "actor_kind" in names else ""
        found += [f'("{name}" = {int(subject.user_id)}{kind})' for name in _USERS if name in names]
        if {"object_type", "object_id"} <= names:
            found.append(f"(object_type = 'User' AND object_id = '{int(subject.user_id)}')")
    return "(" + " OR ".join(found) + ")"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _engine() -> Engine:
    """Return an engine that reads nothing but what it is given, and writes nothing anywhere."""
    return duckdb.connect(
        ":memory:",
        config={"enable_external_access": "false", "temp_directory": "", "memory_limit": MEMORY, "threads": "1",
                "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
    )  # fmt: skip
