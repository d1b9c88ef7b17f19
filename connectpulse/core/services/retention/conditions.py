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
from ...storage.base import metadata
from ...storage.models import Hold
from ..work import Work
from . import holds, terms
from .terms import Slice

POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]
_TICK = timedelta(microseconds=1)


def over(work: Work, rule: RetentionRule, part: Slice, standing: Sequence[Hold]) -> str:
    """Return the condition on the rows of a slice that may go."""
    conditions = [_age(work.registry, rule, part.cutoff), _whose(rule, part), *held(work, rule, standing)]
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


def held(work: Work, rule: RetentionRule, standing: Sequence[Hold]) -> list[str]:
    """Return the conditions that keep what is held."""
    registry = work.registry
    has_owner = "organisation_id" in rule.model.__table__.columns
    found = []
    whole = [(table, owner) for table, owner in terms.held_tables(registry, standing) if table == rule.table]
    whole += [(rule.table, hold.organisation_id) for hold in standing if hold.kind == holds.ORGANISATION]
    for person in holds.people(work, standing).values():
        condition = _of_person(registry, rule.table, person)
        if condition == "true":
            whole.append((rule.table, person.organisation_id))
        elif condition:
            found.append(f"NOT coalesce(({condition}), false)")
    for _, owner in whole:
        spared = owner is not None and has_owner
        found.append(f'"{rule.table}".organisation_id IS DISTINCT FROM {owner:d}' if spared else "false")
    return found


def _of_person(registry: Registry, table: str, person: Subject) -> str:
    """Return what finds a held person's rows, and those whose deletion would take such rows along by foreign key.

    "true" where that cannot be said, empty where there are none.
    """
    found = [_own(registry, table, person)]
    for child, link in _children(table):
        theirs = _of_person(registry, child, person) if child != table else ""
        if theirs == "true":
            return "true"
        if theirs:
            found.append(f'EXISTS (SELECT 1 FROM "{child}" WHERE {link} AND coalesce(({theirs}), false))')
    return "true" if "true" in found else " OR ".join(f"({each})" for each in found if each)


def _children(table: str) -> list[tuple[str, str]]:
    """Return the tables whose rows go with a row of this one, and how they are linked to it."""
    return [
        (each.name, " AND ".join(f'"{each.name}"."{key.parent.name}" = "{table}"."{key.column.name}"' for key in link))
        for each in metadata.tables.values()
        for link in (one.elements for one in each.foreign_key_constraints if (one.ondelete or "").upper() == "CASCADE")
        if link[0].column.table.name == table
    ]


def _own(registry: Registry, table: str, person: Subject) -> str:
    rule = registry.rules.get(table)
    if table == "pulse_archive":
        return "true"
    if rule is None or not rule.personal_columns:
        return ""
    handler = registry.subjects.get(table)
    if handler is None or handler.locate is None:
        return "true"
    return str(handler.locate(person).compile(dialect=POSTGRESQL, compile_kwargs={"literal_binds": True}))


def _literal(moment: datetime) -> str:
    return (
        str(literal(moment.isoformat()).compile(dialect=POSTGRESQL, compile_kwargs={"literal_binds": True}))
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
