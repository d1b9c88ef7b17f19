"""Writing the action log: in the transaction of the act, so that neither exists without the other.

Entries are sealed into their organisation's chain when the transaction commits; see `storage.sealing`.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import inspect

from ..domain.audit import AuditAction
from ..storage import guard, sealing
from ..storage.base import Owned
from ..storage.vault import Encrypted
from . import ways_in
from .work import Work

HIDDEN = "•••"


def record(work: Work, verb: str, target: Any = None, **detail: Any) -> None:
    """Write that the actor of `work` did `verb` to `target`, with `detail` beside it.

    `target` is a mapped row, or None for an act without an object. The entry belongs to the organisation of
    the target, so that its auditors read what the platform did to it. Values named in the action's `redact`
    are recorded as changed and not shown. Raises NotFound for a verb no plugin declared.
    """
    if target is None:
        record_named(work, verb, work.organisation, "", "", "", **detail)
        return
    if inspect(target).pending:
        work.session.flush()
    owner = target.organisation_id if isinstance(target, Owned) else work.organisation
    name = "" if "name" in work.registry.action(verb).redact else str(target)
    record_named(work, verb, owner, type(target).__name__, _identity(target), name, **detail)


def record_named(
    work: Work, verb: str, organisation_id: int | None, kind: str, id: object, name: str, **detail: Any
) -> None:
    """Write an act on an object known by kind, id and name, for set-based code that loads no rows."""
    action, actor = work.registry.action(verb), work.actor
    entry = sealing.Draft(
        organisation_id=organisation_id,
        verb=verb,
        actor_kind=actor.kind,
        actor_id=actor.id,
        object_type=kind[:60],
        object_id=sealing.clean(str(id)[:60]),
        request_id=actor.request_id[:32],
        actor_name=sealing.clean(actor.name[:200]),
        actor_address=sealing.clean(actor.address[:60]),
        object_name=sealing.clean(name[:200]),
        detail=sealing.as_json(_redact(action, detail)),
    )
    sealing.add(work.session, entry)
    ways_in.note(work, verb, kind, id)


def changes(row: Any) -> dict[str, list[Any]]:
    """Return what is about to change in `row` as column -> [before, after]; secrets are hidden."""
    found: dict[str, list[Any]] = {}
    state = inspect(row)
    for column in state.mapper.column_attrs:
        history = state.attrs[column.key].history
        if history.has_changes():
            if isinstance(column.columns[0].type, Encrypted):
                found[column.key] = [HIDDEN, HIDDEN]
            else:
                found[column.key] = [
                    plain(history.deleted[0] if history.deleted else None),
                    plain(history.added[0] if history.added else None),
                ]
    return {name: pair for name, pair in found.items() if pair[0] != pair[1] or pair[0] == HIDDEN}


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def crossing(work: Work, reason: str) -> Any:
    """Lift the tenant guard for a person's sake, and write down that and why."""
    record(work, "platform.crossed", reason=reason)
    return guard.platform_scope(work.session, reason)


def _identity(target: Any) -> Any:
    identity = inspect(target).identity or inspect(target).mapper.primary_key_from_instance(target)
    return identity[0] if len(identity) == 1 else "/".join(map(str, identity))


def _redact(action: AuditAction, detail: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: plain(value) for name, value in detail.items()}
    for name, value in shown.items():
        if isinstance(value, dict):
            shown[name] = {key: [HIDDEN, HIDDEN] if key in action.redact else each for key, each in value.items()}
    return {name: HIDDEN if name in action.redact else value for name, value in shown.items()}
