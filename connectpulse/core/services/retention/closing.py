"""Closing an organisation: suspended at once, opened again within the grace, erased after it.

What a statute wants kept stays until its own rule lets it go; the organisation's name is then a pseudonym.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from ...domain.retention import RetentionRule, Subject
from ...errors import Refused
from ...storage import guard
from ...storage.base import metadata
from ...storage.models import Archive, Decision, Organisation
from .. import audit, four_eyes, records
from ..work import SYSTEM, Opener, Work
from . import archives, conditions, holds

CLOSE = "organisation.close"
GRACE = timedelta(days=30)
BATCH = 20_000


def ask(work: Work, organisation_id: int, reason: str) -> Decision:
    """Ask a second person to close an organisation; raise Refused if it is closed already."""
    row = records.find(work, Organisation, organisation_id)
    if row.closes_at is not None:
        raise Refused("This organisation is closed already.")
    return four_eyes.ask(work, CLOSE, row.id, f"Close {row.name} and erase its records", reason)


def close(work: Work, organisation_id: int, facts: Mapping[str, Any]) -> None:
    """Close an organisation: nothing is sent from now on, and everything is erased when the grace is over."""
    row = records.find(work, Organisation, organisation_id, lock=True)
    if row.closes_at is not None:
        return
    row.closes_at, row.is_suspended = work.clock() + GRACE, True
    work.session.flush()
    audit.record_named(work, "organisation.closed", row.id, "Organisation", row.id, row.name, erased_from=row.closes_at)


def reopen(work: Work, organisation_id: int) -> None:
    """Open a closed organisation again while its grace lasts; it stays suspended until that is lifted, too."""
    row = records.find(work, Organisation, organisation_id, lock=True)
    if row.closes_at is None or row.closes_at <= work.clock() or row.closed_at is not None:
        raise Refused("This organisation is not closed, or its records are being erased already.")
    row.closes_at = None
    work.session.flush()
    audit.record_named(work, "organisation.reopened", row.id, "Organisation", row.id, row.name)


def erase_due(open_work: Opener, moment: datetime) -> int:
    """Erase the organisations whose grace is over; return how many were finished. What is held is due again."""
    with open_work(SYSTEM) as work:
        wanted = select(Organisation.id).where(Organisation.closes_at <= moment, Organisation.closed_at.is_(None))
        due = list(work.session.scalars(wanted))
    return sum(_erase(open_work, organisation, moment) for organisation in due)


def _erase(open_work: Opener, organisation: int, moment: datetime) -> bool:
    with open_work(SYSTEM) as work:
        is_held = holds.covers(work, "", organisation) is not None
        rules = erased_with_it(work)
    if is_held:
        return False
    with open_work(SYSTEM) as work, guard.platform_scope(work.session, "erase a closed organisation"):
        _forget_people(work, organisation)
    for rule in rules:
        if rule.table == "pulse_archive":
            _forget_archives(open_work, organisation)
        else:
            _delete_all(open_work, rule, organisation)
    with open_work(SYSTEM) as work:
        return _finish(work, rules, organisation, moment)


def erased_with_it(work: Work) -> list[RetentionRule]:
    """Return the rules of what goes with an organisation, children first: all that no statute wants kept."""
    place = {table.name: number for number, table in enumerate(reversed(metadata.sorted_tables))}
    mine = [
        rule for rule in work.registry.rules.values()
        if "organisation_id" in rule.model.__table__.columns and not rule.statute and not rule.whole_only
    ]  # fmt: skip
    return sorted(mine, key=lambda rule: place.get(rule.table, 0))


def _delete_all(open_work: Opener, rule: RetentionRule, organisation: int) -> None:
    while True:
        with open_work(SYSTEM) as work:
            mine = _mine(work, rule, organisation)
            named = f'"{rule.table}"'
            gone = work.session.connection().exec_driver_sql(
                f"DELETE FROM {named} WHERE (tableoid, ctid) IN "
                f"(SELECT tableoid, ctid FROM {named} WHERE {mine} LIMIT %(batch)s) AND {mine}",
                {"batch": BATCH},
            )
        if gone.rowcount < BATCH:
            return


def _mine(work: Work, rule: RetentionRule, organisation: int) -> str:
    work.session.execute(text("LOCK TABLE pulse_hold IN SHARE MODE"))
    spared = conditions.held(work, rule, holds.all_standing(work))
    return " AND ".join([f'"{rule.table}".organisation_id = {organisation:d}', *spared])


def _forget_archives(open_work: Opener, organisation: int) -> None:
    """Take out of the catalogue what nothing holds; a person that is held may be in any of the files."""
    with open_work(SYSTEM) as work:
        mine = _mine(work, work.registry.rules["pulse_archive"], organisation)
        found = work.session.connection().exec_driver_sql(f'SELECT id FROM "pulse_archive" WHERE {mine}')
        free = set(found.scalars())
        for row in _erasable(work, organisation):
            if row.id in free and holds.covers(work, row.table_name, organisation) is None:
                archives.forget(work, row)


def _erasable(work: Work, organisation: int) -> list[Archive]:
    """Return the archives that go with an organisation: all that no statute wants kept."""
    rules = work.registry.rules
    kept = {name for name, rule in rules.items() if rule.statute or rule.whole_only}
    return [row for row in archives.listed(work, organisation) if row.table_name not in kept]


def _forget_people(work: Work, organisation: int) -> None:
    """Empty and switch off the accounts of those who belonged to this organisation only."""
    only = work.session.scalars(
        text(
            "SELECT m.user_id FROM pulse_membership m WHERE m.organisation_id = :here "
            "AND NOT EXISTS (SELECT 1 FROM pulse_membership o WHERE o.user_id = m.user_id "
            "AND o.organisation_id <> :here) AND NOT EXISTS (SELECT 1 FROM ab_user_role r WHERE r.user_id = m.user_id)"
        ),
        {"here": organisation},
    )
    for user_id in list(only):
        person = Subject(None, (), (), user_id)
        if holds.standing(work, person):
            continue
        for handler in work.registry.subjects.values():
            handler.erase(work, person)
        work.session.execute(text("UPDATE ab_user SET active = false WHERE id = :id"), {"id": user_id})


def _finish(work: Work, rules: list[RetentionRule], organisation: int, moment: datetime) -> bool:
    """Give the organisation its pseudonym, if nothing of it is left but what must be."""
    for rule in rules:
        where = f'"{rule.table}".organisation_id = {organisation:d}'
        if rule.table != "pulse_archive" and work.session.connection().exec_driver_sql(
            f'SELECT EXISTS (SELECT 1 FROM "{rule.table}" WHERE {where})'
        ).scalar_one():  # fmt: skip
            return False
    if _erasable(work, organisation):
        return False
    row = records.find(work, Organisation, organisation, lock=True)
    row.name, row.opt_out_words, row.closed_at = f"Closed organisation {row.id}", [], moment
    work.session.flush()
    audit.record_named(work, "organisation.erased", row.id, "Organisation", row.id, row.name)
    return True
