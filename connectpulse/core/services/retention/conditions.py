"""Which rows may go, as SQL: old enough, final, not held. Every statement names its leaf as the table itself.

Values are literals that SQLAlchemy quotes, because the handlers' own conditions are part of the statement.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import Integer

from ...domain.retention import RetentionRule, Subject
from ...registry import Registry
from ...storage import ids
from ...storage.models import Hold
from . import holds, terms
from .terms import Slice

_POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
_TICK = timedelta(microseconds=1)


def over(registry: Registry, rule: RetentionRule, part: Slice, standing: Sequence[Hold], name: str = "") -> str:
    """Return the condition on the rows of a slice that may go. `name` is the leaf, for a look at its own columns."""
    conditions = [_age(registry, rule, part.cutoff), _whose(rule, part), *held(registry, rule, standing)]
    if rule.final_only:
        conditions.append(f"({rule.final_only})")
    return " AND ".join(each for each in conditions if each)


def aged(rule: RetentionRule, cutoff: datetime) -> str:
    """Return the condition that a row's own age is over. A row of exactly that age is."""
    column = f'"{rule.table}"."{rule.age_column}"'
    if is_id(rule):
        return f"{column} < {ids.at(cutoff + timedelta(milliseconds=1))}"
    return f"{column} < {_literal(cutoff + _TICK)}"


def is_id(rule: RetentionRule) -> bool:
    """Return whether a rule counts from a time-ordered id."""
    column: Column[Any] = rule.model.__table__.columns[rule.age_column]
    return isinstance(column.type, Integer) and rule.parent is None


def _age(registry: Registry, rule: RetentionRule, cutoff: datetime) -> str:
    if rule.parent is None:
        return aged(rule, cutoff)
    parent = registry.rules[rule.parent.__tablename__]
    final = f" AND coalesce(({parent.final_only}), false)" if parent.final_only else ""
    key = next(iter(rule.parent.__table__.primary_key)).name
    gone = f"{aged(parent, cutoff)}{final}"
    child = f'"{rule.table}"."{rule.age_column}"'
    if any(each.foreign_keys for each in [rule.model.__table__.columns[rule.age_column]]):
        return f'{child} IN (SELECT "{parent.table}"."{key}" FROM "{parent.table}" WHERE {gone})'
    # Without a foreign key a parent may be gone already: what no living parent claims goes, too.
    return f'{child} NOT IN (SELECT "{parent.table}"."{key}" FROM "{parent.table}" WHERE NOT ({gone}))'


def _whose(rule: RetentionRule, part: Slice) -> str:
    column = f'"{rule.table}".organisation_id'
    if part.organisation is not None:
        return f"{column} = {part.organisation:d}"
    if part.others:
        return f"coalesce({column}, 0) NOT IN ({', '.join(str(each) for each in part.others)})"
    return ""


def held(registry: Registry, rule: RetentionRule, standing: Sequence[Hold]) -> list[str]:
    """Return the conditions that keep what is held."""
    has_owner = "organisation_id" in rule.model.__table__.columns
    found = []
    whole = [(table, owner) for table, owner in terms.held_tables(registry, standing) if table == rule.table]
    whole += [(rule.table, hold.organisation_id) for hold in standing if hold.kind == holds.ORGANISATION]
    for hold in (each for each in standing if each.kind == holds.SUBJECT):
        condition = _of_person(registry, rule, hold, has_owner)
        if condition == "true":
            whole.append((rule.table, hold.organisation_id))
        elif condition:
            found.append(f"NOT coalesce(({condition}), false)")
    for _, owner in whole:
        spared = owner is not None and has_owner
        found.append(f'"{rule.table}".organisation_id IS DISTINCT FROM {owner:d}' if spared else "false")
    return found


def _of_person(registry: Registry, rule: RetentionRule, hold: Hold, has_owner: bool) -> str:
    """Return what finds a held person's rows; "true" where that cannot be said, empty where there are none."""
    if rule.table == "pulse_archive":
        return "true"
    if not rule.personal_columns:
        return ""
    handler = registry.subjects.get(rule.table)
    if handler is None or handler.locate is None:
        return "true"
    person: Subject = holds.subject_of(hold)
    return str(handler.locate(person).compile(dialect=_POSTGRESQL, compile_kwargs={"literal_binds": True}))


def _literal(moment: datetime) -> str:
    return (
        str(literal(moment.isoformat()).compile(dialect=_POSTGRESQL, compile_kwargs={"literal_binds": True}))
        + "::timestamptz"
    )


def emptied(rule: RetentionRule) -> tuple[str, str]:
    """Return what anonymises a row, and the condition that it is not anonymised yet."""
    sets, still = [], []
    for name in rule.personal_columns:
        column = rule.model.__table__.columns[name]
        value = "NULL" if column.nullable else _blank(column)
        sets.append(f'"{name}" = {value}')
        still.append(f'"{rule.table}"."{name}" IS DISTINCT FROM {value}')
    return ", ".join(sets), f"({' OR '.join(still)})"


def _blank(column: Column[Any]) -> str:
    if isinstance(column.type, postgresql.JSONB):
        return "'{}'::jsonb"
    if isinstance(column.type, Integer):
        return "0"
    return "''::bytea" if column.type.python_type is bytes else "'(erased)'"
