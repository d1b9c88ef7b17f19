"""How long rows are kept: what rules say, what was chosen within their bounds, and whose rows are held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from ...domain.retention import RetentionRule
from ...errors import NotFound, Refused
from ...registry import Registry
from ...storage.base import metadata
from ...storage.models import Hold, RuleChoice
from .. import audit
from ..work import Work
from . import holds

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of one rule that are over at the same time.

    `organisation` is whose rows; None is everybody but `others`, rows without an organisation included.
    """

    cutoff: datetime
    organisation: int | None = None
    others: tuple[int, ...] = ()


def bounds(rule: RetentionRule) -> tuple[timedelta, timedelta] | None:
    """Return the least and the most one may choose; None where there is nothing to choose."""
    if rule.keep is None or rule.statute or (rule.least is None and rule.most is None):
        return None
    return rule.least or DAY, rule.most or rule.keep


def choices(work: Work) -> Mapping[tuple[int | None, str], timedelta]:
    """Return what was chosen, by organisation (None: the platform) and table."""
    rows = work.session.execute(select(RuleChoice.organisation_id, RuleChoice.table_name, RuleChoice.days))
    return {(row[0], row[1]): timedelta(days=row[2]) for row in rows}


def kept(
    rule: RetentionRule, organisation: int | None, chosen: Mapping[tuple[int | None, str], timedelta]
) -> timedelta:
    """Return how long an organisation's rows are kept: its choice, the platform's, or the rule's own time."""
    assert rule.keep is not None
    within = bounds(rule)
    asked = chosen.get((organisation, rule.table), chosen.get((None, rule.table), rule.keep))
    return min(max(asked, within[0]), within[1]) if within else rule.keep


def slices(rule: RetentionRule, now: datetime, chosen: Mapping[tuple[int | None, str], timedelta]) -> list[Slice]:
    """Return the slices of a rule: one per organisation that chose a time of its own, and everybody else."""
    choosing = sorted(
        organisation for organisation, table in chosen if organisation is not None and table == rule.table
    )
    if "organisation_id" not in rule.model.__table__.columns:
        choosing = []
    own = [Slice(now - kept(rule, each, chosen), each) for each in choosing]
    return [*own, Slice(now - kept(rule, None, chosen), None, tuple(choosing))]


def choose(work: Work, table: str, days: int | None) -> None:
    """Keep a table's rows for `days` in the work's organisation, or on the platform; None for the rule's own time.

    Raise Refused outside the rule's bounds.
    """
    rule = work.registry.rules.get(table)
    if rule is None:
        raise NotFound("There is no such rule.")
    within = bounds(rule)
    if within is None:
        raise Refused(rule.statute or "How long these records are kept is not for anybody to choose.")
    if work.organisation is not None and "organisation_id" not in rule.model.__table__.columns:
        raise Refused("These records belong to the platform: its operator chooses.")
    least, most = within[0] // DAY, within[1] // DAY
    if days is not None and not least <= days <= most:
        raise Refused(f"Choose between {least} and {most} days.")
    mine = RuleChoice.organisation_id.is_not_distinct_from(work.organisation)
    before = work.session.scalars(select(RuleChoice).where(RuleChoice.table_name == table, mine)).one_or_none()
    was = before.days if before is not None else rule.keep // DAY if rule.keep else 0
    if before is not None:
        work.session.delete(before)
        work.session.flush()
    if days is not None:
        work.session.add(RuleChoice(organisation_id=work.organisation, table_name=table, days=days))
    work.session.flush()
    audit.record_named(
        work, "retention.chosen", work.organisation, "Rule", table, rule.purpose,
        changes={"days": [was, days if days is not None else "the rule's own"]},
    )  # fmt: skip


def held_tables(registry: Registry, standing: Sequence[Hold]) -> list[tuple[str, int | None]]:
    """Return the tables whose records are held, by organisation; a table that would take held rows along counts.

    Deleting a parent deletes its children by foreign key: a hold on the children holds the parent.
    """
    found = {(hold.table_name, hold.organisation_id) for hold in standing if hold.kind == holds.CLASS}
    while True:
        more = {(parent, organisation) for table, organisation in found for parent in _parents(table)} - found
        if not more:
            return sorted(found, key=str)
        found |= more


def _parents(table: str) -> set[str]:
    known = metadata.tables.get(table)
    if known is None:
        return set()
    return {key.column.table.name for key in known.foreign_keys if (key.ondelete or "").upper() == "CASCADE"}


def in_order(registry: Registry) -> list[RetentionRule]:
    """Return the rules with a time, children before what they hang on."""
    place = {table.name: number for number, table in enumerate(reversed(metadata.sorted_tables))}
    timed = [rule for rule in registry.rules.values() if rule.keep is not None]
    return sorted(timed, key=lambda rule: (rule.parent is None, place.get(rule.table, 0)))
