"""Rows of any rule made exactly so old, and such that the rule's own condition lets them go."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Integer, Numeric, Table, UniqueConstraint, text
from sqlalchemy.orm import Session

from connectpulse.core.domain.retention import RetentionRule
from connectpulse.core.services.retention import conditions
from connectpulse.core.storage import ids

from . import rows

_WORDS = re.compile(r"'([^']*)'")


def put(
    session: Session, rule: RetentionRule, moment: datetime, number: int, *, is_final: bool = True, **values: Any
) -> None:
    """Insert the `number`th row of `rule`, as old as `moment`; a row of a parent's belongs to its `number`th."""
    aged = final(session, rule, moment, is_final) | values
    aged[rule.age_column] = _age(rule, moment, number)
    named = _in_checks(rule.model.__table__)
    begun = {name: moment - timedelta(days=len(named) - place) for place, name in enumerate(named)}
    keyed = {column.name: number for column in rule.model.__table__.columns if _is_counted(column, aged)}
    rows.put(session, rule.model, (), **begun | keyed | aged)


def final(session: Session, rule: RetentionRule, moment: datetime, is_final: bool) -> dict[str, Any]:
    """Return values of the columns named in `final_only` that meet it, or do not, found by asking the database."""
    if rule.final_only is None:
        return {}
    table = rule.model.__table__
    named = [column for column in table.columns if re.search(rf"\b{column.name}\b", rule.final_only)]
    chosen = [list(_candidates(column, rule.final_only, moment)) for column in named]
    for values in product(*chosen):
        casts = ", ".join(
            f"CAST(:{column.name} AS {column.type.compile(session.get_bind().dialect)}) AS {column.name}"
            for column in named
        )
        tried = dict(zip((column.name for column in named), values, strict=True))
        if is_final is session.scalar(text(f"SELECT ({rule.final_only}) FROM (SELECT {casts}) AS {rule.table}"), tried):
            return tried
    raise AssertionError(f"{rule.table}: no values make ({rule.final_only}) {is_final}")


def _candidates(column: Column[Any], condition: str, moment: datetime) -> Iterator[Any]:
    if isinstance(column.type, Boolean):
        yield from (True, False)
    elif isinstance(column.type, Integer | Numeric):
        yield from (0, 1, *map(int, re.findall(r"\b\d+\b", condition)))
    elif column.type.python_type is datetime:
        yield moment
    else:
        yield from (*_WORDS.findall(condition), "other")
    if column.nullable:
        yield None


def _age(rule: RetentionRule, moment: datetime, number: int) -> Any:
    if rule.parent is not None:
        return number
    return ids.at(moment) + number if conditions.is_id(rule) else moment


def _in_checks(table: Table) -> list[str]:
    """Return the moments that a check of the table speaks of; those that come first are earlier."""
    checks = " ".join(str(each.sqltext) for each in table.constraints if isinstance(each, CheckConstraint))
    moments = [column.name for column in table.columns if isinstance(column.type, DateTime)]
    return [name for name in moments if re.search(rf"\b{name}\b", checks)]


def _is_counted(column: Column[Any], given: dict[str, Any]) -> bool:
    """Return whether a column needs a number of each row's own."""
    table = column.table
    uniques = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    unique = column.primary_key or any(column.name in each.columns for each in uniques)
    unique = unique or any(column.name in each.columns for each in table.indexes if each.unique)
    return isinstance(column.type, Integer) and unique and column.name not in given
