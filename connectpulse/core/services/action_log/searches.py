"""Searches in the action log that a reader keeps by a name; each reader has their own."""

from collections.abc import Mapping

from sqlalchemy import func, select

from ...errors import NotFound, Refused
from ...storage.models import AuditSearch
from .. import audit
from ..work import Work

MOST = 50
"""Searches one reader may keep."""


def mine(work: Work) -> list[AuditSearch]:
    """Return the reader's searches by name."""
    statement = select(AuditSearch).where(AuditSearch.user_id == work.actor.id).order_by(func.lower(AuditSearch.name))
    return list(work.session.scalars(statement))


def keep(work: Work, name: str, query: Mapping[str, str]) -> AuditSearch:
    """Keep a search under a name, in place of an earlier one of that name; raise Refused if it cannot be kept."""
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Refused("Name: one to 80 characters.")
    if not query:
        raise Refused("Search for something first: this would keep the whole log.")
    if work.actor.kind != "user" or work.actor.id is None:
        raise Refused("Searches are kept for people: sign in to the panel.")
    kept = {each.name: each for each in mine(work)}
    if name not in kept and len(kept) >= MOST:
        raise Refused(f"You keep {MOST} searches already. Drop one first.")
    found = kept.get(name) or AuditSearch(user_id=work.actor.id, name=name)
    found.query = dict(query)
    work.session.add(found)
    work.session.flush()
    audit.record(work, "audit.search_kept", found)
    return found


def drop(work: Work, search_id: int) -> None:
    """Drop one of the reader's searches; raise NotFound if it is not theirs."""
    statement = select(AuditSearch).where(AuditSearch.id == search_id, AuditSearch.user_id == work.actor.id)
    found = work.session.scalars(statement).one_or_none()
    if found is None:
        raise NotFound("There is no such search.")
    audit.record(work, "audit.search_dropped", found)
    work.session.delete(found)
