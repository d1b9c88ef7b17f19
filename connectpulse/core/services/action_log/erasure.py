"""Forgetting people in the action log: what names them is emptied with its salt, and the chain still holds.

What was emptied is told by an entry of its own, chain by chain, so that verification finds what somebody
else emptied.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, update

from ...domain.retention import Subject, SubjectHandler
from ...storage.models import AuditEntry
from .. import audit
from ..subjects import both, handler
from ..work import Work
from . import mentioned

_ACTOR = {"actor_salt": None, "actor_name": "", "actor_address": ""}
_OBJECT: dict[str, Any] = {"object_salt": None, "object_name": "", "detail": {}}


def subject_handler(user: type[Any]) -> SubjectHandler:
    """Return who finds a person in the log: as the one who acted, and as the one an act was about.

    `user` is the mapped class of accounts.
    """
    acted, about = mentioned.acted, mentioned.about(user)
    entry = AuditEntry
    named = or_(entry.actor_salt.is_not(None), func.concat(entry.actor_name, entry.actor_address) != "")
    told = or_(entry.object_salt.is_not(None), entry.object_name != "", cast(entry.detail, String) != "{}")
    log = both(
        replace(
            handler(AuditEntry, acted, ("actor_name", "actor_address"), erase_row=False, beside=("id", "verb")),
            erase=lambda work, subject: _empty(work, subject, and_(acted(subject), named), _ACTOR, "who acted"),
        ),
        replace(
            handler(AuditEntry, about, ("object_name", "detail"), erase_row=False, beside=("id", "verb")),
            erase=lambda work, subject: _empty(work, subject, and_(about(subject), told), _OBJECT, "what was done"),
        ),
    )
    return replace(log, apart=mentioned.APART)


def _empty(work: Work, subject: Subject, found: ColumnElement[bool], emptied: dict[str, Any], what: str) -> int:
    if subject.organisation_id is not None:
        found = and_(found, AuditEntry.organisation_id == subject.organisation_id)
    statement = update(AuditEntry).where(found).values(**emptied).returning(AuditEntry.organisation_id)
    rows = work.session.execute(statement, execution_options={"synchronize_session": False})
    counts = Counter(row[0] for row in rows)
    for organisation, count in counts.items():
        audit.record_named(work, "audit.erased", organisation, "", "", "", what=what, entries=count)
    return sum(counts.values())
