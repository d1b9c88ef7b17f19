"""Taking a person out of every table: first nothing more leaves for them, then their rows go in one transaction.

Each step may run twice. Cost: the handlers' indexed statements, and one look at the messages that still wait.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, text, update

from ...domain.retention import Subject
from ...domain.rights import State
from ...storage import models as m
from .. import audit, erased, leaving
from ..retries import Source
from ..work import Work
from . import holding

FIRST = ("pulse_audit",)
LAST = ("pulse_membership", "pulse_subject_request", "pulse_address", "pulse_contact", "ab_user")
"""What others are found by goes last; the log goes first, because it is found by what is still there."""


_HOME = """
SELECT o.id FROM pulse_organisation o CROSS JOIN LATERAL (
    SELECT 1 FROM {table} WHERE organisation_id = o.id AND {found} LIMIT 1) AS known
"""
_BY_SCHEME = "scheme = ANY(:schemes) AND value = ANY(:values)"
HOMES_OF = [
    *(_HOME.format(table=table, found=_BY_SCHEME) for table in ("pulse_address", "pulse_suppression", "pulse_consent")),
    *(_HOME.format(table=table, found="address = ANY(:values)") for table in ("pulse_message", "pulse_inbound")),
]
"""A look at an index for each organisation and address, whatever the size of the tables."""


def homes(work: Work, subject: Subject) -> list[int]:
    """Return the organisations that know a person: the request's own, or all that have one of their rows."""
    if subject.organisation_id is not None:
        return [subject.organisation_id]
    facts = {
        "schemes": [scheme for scheme, _ in subject.addresses],
        "values": [value for _, value in subject.addresses],
    }
    found = {each for probe in HOMES_OF for each in work.session.scalars(text(probe), facts)}
    return sorted(found)


def stop(work: Work, subject: Subject) -> None:
    """Suppress a person's addresses, so that no claim takes their messages any more."""
    for organisation_id in homes(work, subject):
        for scheme, value in subject.addresses:
            work.session.execute(
                text(
                    "INSERT INTO pulse_suppression (organisation_id, scheme, value, reason, source) "
                    "VALUES (:organisation, :scheme, :value, :reason, 'request for erasure') ON CONFLICT DO NOTHING"
                ),
                {"organisation": organisation_id, "scheme": scheme, "value": value, "reason": erased.REASON},
            )


HOMES = """(CASE WHEN cast(:organisation AS bigint) IS NULL THEN ARRAY(SELECT id FROM pulse_organisation)
        ELSE ARRAY[cast(:organisation AS bigint)] END)"""
"""The organisation asked for, or all: indexes begin with it."""

WAITING = f"""
SELECT m.id, d.id AS dispatch, d.organisation_id, d.campaign_id, d.connection_id, d.alternatives, d.channel,
       d.purpose, d.sender, d.validity_minutes, d.zone, d.attempt, d.closes_at, d.expires_at, d.recent_seconds
FROM pulse_message m JOIN pulse_dispatch d ON d.id = m.dispatch_id
WHERE (m.address = ANY(:values) OR m.contact_id = ANY(:contacts)) AND m.state = 0
  AND m.organisation_id = ANY({HOMES})
  AND m.id > d.cursor AND (d.state = 'ready' OR :is_still)
FOR UPDATE OF d SKIP LOCKED
"""


def release(work: Work, subject: Subject, *, is_still: bool = False) -> int:
    """Leave out a person's messages that nobody is handing over, and give their units back; return how many.

    A dispatch that waits is locked meanwhile, so no worker can take it. `is_still` says that no worker runs,
    and what was claimed before is nobody's.
    """
    facts = _facts(subject) | {"is_still": is_still}
    groups: dict[int, tuple[Source, list[tuple[int, str]]]] = {}
    for row in work.session.execute(text(WAITING), facts):
        source = Source(row[1], row[2], row[3], row[4], tuple(row[5]), *row[6:])
        groups.setdefault(source.dispatch_id, (source, []))[1].append((row[0], erased.REASON))
    for source, barred in groups.values():
        leaving.skip(work, source, barred)
    return sum(len(barred) for _, barred in groups.values())


MOVING = f"""
SELECT EXISTS (SELECT 1 FROM pulse_message m
WHERE (m.address = ANY(:values) OR m.contact_id = ANY(:contacts)) AND m.state IN (0, 1)
  AND m.organisation_id = ANY({HOMES}))
"""


def is_moving(work: Work, subject: Subject) -> bool:
    """Return whether a message to the person is still queued: with a worker, or about to come back from one."""
    return bool(work.session.scalar(text(MOVING), _facts(subject)))


def _facts(subject: Subject) -> dict[str, Any]:
    return {
        "values": [value for _, value in subject.addresses],
        "contacts": list(subject.contact_ids),
        "organisation": subject.organisation_id,
    }


def tables(work: Work, subject: Subject, erasure: str, home: Iterable[int]) -> dict[str, int]:
    """Take a person out of every table in the caller's transaction; return the rows by table.

    Tables whose records a legal hold keeps are left alone. The addresses are remembered as keyed hashes, so that
    they are recognised when somebody brings them back.
    """
    erased.remember(work, erasure, dict.fromkeys(home, subject.addresses))
    _resize_lists(work, subject)
    done: dict[str, int] = {}
    held = holding.kept(work, subject)
    handlers = {table: each for table, each in work.registry.subjects.items() if table not in held}
    middle = [table for table in sorted(handlers) if table not in (*FIRST, *LAST)]
    for table in (*FIRST, *middle, *LAST):
        count = handlers[table].erase(work, subject) if table in handlers else 0
        if count:
            done[table] = count
    return done


def _resize_lists(work: Work, subject: Subject) -> None:
    work.session.execute(
        text(
            "UPDATE pulse_contact_list l SET size = l.size - n.gone FROM ("
            "SELECT list_id, count(*) AS gone FROM pulse_list_member WHERE contact_id = ANY(:contacts) "
            "AND (cast(:organisation AS bigint) IS NULL OR organisation_id = :organisation) GROUP BY list_id) n "
            "WHERE l.id = n.list_id"
        ),
        _facts(subject),
    )


def close_others(work: Work, subject: Subject, request_id: int) -> None:
    """End the person's other requests: there is nobody left to answer to. Called before the rows are emptied."""
    values = [value for _, value in subject.addresses]
    others = select(m.SubjectRequest).where(
        m.SubjectRequest.address.in_(values),
        m.SubjectRequest.id != request_id,
        m.SubjectRequest.state.not_in([State.DONE, State.REFUSED, State.WITHDRAWN]),
    )
    if subject.organisation_id is not None:
        others = others.where(m.SubjectRequest.organisation_id == subject.organisation_id)
    for row in work.session.scalars(others.with_for_update()).all():
        row.state, row.reason, row.ended_at = State.WITHDRAWN, "The person asked to be erased.", work.clock()
        audit.record_named(work, "subject_request.withdrawn", row.organisation_id, "SubjectRequest", row.id, str(row))


def packages(work: Work, subject: Subject) -> list[str]:
    """Make the copies of a person's data unreadable; return the names of their objects, to be deleted."""
    values = [value for _, value in subject.addresses]
    theirs = select(m.SubjectRequest.id).where(m.SubjectRequest.address.in_(values))
    if subject.organisation_id is not None:
        theirs = theirs.where(m.SubjectRequest.organisation_id == subject.organisation_id)
    rows = work.session.execute(
        update(m.SubjectPackage)
        .where(m.SubjectPackage.request_id.in_(theirs))
        .values(state="erased", secret=None)
        .returning(m.SubjectPackage.name),
        execution_options={"synchronize_session": False},
    )
    return [row[0] for row in rows]


def touched(work: Work) -> list[str]:
    """Return the tables and partitions whose rows this transaction changed or deleted."""
    rows = work.session.execute(
        text(
            "SELECT schemaname, relname FROM pg_stat_xact_user_tables WHERE n_tup_upd + n_tup_del > 0 "
            "AND schemaname !~ '^pg_' ORDER BY 2"
        )
    )
    return [f"{row[0]}.{row[1]}" for row in rows]
