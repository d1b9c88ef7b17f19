"""What there is in this version: who am I, the action log, and the document of it all."""

from typing import Any

from sqlalchemy import select

from ....core.domain.form import Field, Form
from ....core.domain.scopes import ANY_KEY, AUDIT_READ, NO_KEY
from ....core.errors import Refused
from ....core.services import audit, records
from ....core.services.action_log import asking
from ....core.storage import ids
from ....core.storage.models import AuditEntry, Organisation
from .. import door
from . import document
from .document import LIST, TEXT, TIME, object_of
from .paging import PAGES, following, moment
from .routing import Route, query, route


@route(Route("/openapi.json", "GET", NO_KEY, "This document", {"type": "object"}))
def openapi() -> Any:
    """Return the document of this version (OpenAPI 3.1)."""
    return document.whole()


@route(
    Route(
        "/me", "GET", ANY_KEY, "Whose key this is and what it may do",
        object_of(
            organisation=object_of(id={"type": "integer"}, name=TEXT),
            key=object_of(
                name=TEXT, prefix=TEXT, scopes=LIST, networks=LIST, rate_per_minute={"type": "integer"},
                expires_at=TIME,
            ),
        ),
    )
)  # fmt: skip
def me() -> Any:
    """Return whose key this is and what it may do."""
    key = door.the_key()
    with door.work() as work:
        organisation = records.find(work, Organisation, key.organisation_id)
    return {
        "organisation": {"id": organisation.id, "name": organisation.name},
        "key": {
            "name": key.name, "prefix": key.prefix, "scopes": sorted(key.scopes), "networks": list(key.networks),
            "rate_per_minute": key.rate_per_minute, "expires_at": moment(key.expires_at),
        },
    }  # fmt: skip


_AUDIT_QUERY: Form = (
    *PAGES,
    Field("verb", "Only acts of this verb", high=80, help="Like campaign.launched."),
)
_ENTRY = object_of(
    id={"type": "integer"}, at=TIME, verb=TEXT, sentence=TEXT,
    actor=object_of(kind=TEXT, id={"type": ["integer", "null"]}, name=TEXT, address=TEXT),
    object=object_of(type=TEXT, id=TEXT, name=TEXT), detail={"type": "object"},
)  # fmt: skip


@route(
    Route(
        "/audit", "GET", AUDIT_READ, "The action log of the organisation, the newest first",
        object_of(entries={"type": "array", "items": _ENTRY}, next={"type": ["string", "null"]}),
        query=_AUDIT_QUERY,
    )
)  # fmt: skip
def audit_log() -> Any:
    """Return a page of the organisation's action log."""
    asked = query(_AUDIT_QUERY)
    with door.work() as work:
        statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(asked["limit"] + 1)
        if asked["before"]:
            statement = statement.where(AuditEntry.id < asked["before"])
        if asked["verb"]:
            if not asking.is_verb(work.session, work.registry.actions, select(AuditEntry), asked["verb"]):
                refusal = Refused(asking.verb_fault(asked["verb"]))
                refusal.fields = {"verb": str(refusal)}
                raise refusal
            statement = statement.where(AuditEntry.verb == asked["verb"])
        rows = work.session.scalars(statement).all()
        entries = [_entry(work.registry, row) for row in rows[: asked["limit"]]]
        audit.record(work, "audit.read_by_key", entries=len(entries), before=asked["before"], verb_asked=asked["verb"])
    return {"entries": entries, "next": following("api.audit_log", rows, asked)}


def _entry(registry: Any, row: AuditEntry) -> dict[str, Any]:
    action = registry.actions.get(row.verb)
    names = {"actor": row.actor_name, "object": row.object_name or "it"}
    return {
        "id": row.id,
        "at": moment(ids.moment(row.id)),
        "verb": row.verb,
        "sentence": action.sentence.format(**names) if action else row.verb,
        "actor": {"kind": row.actor_kind, "id": row.actor_id, "name": row.actor_name, "address": row.actor_address},
        "object": {"type": row.object_type, "id": row.object_id, "name": row.object_name},
        "detail": row.detail,
    }
