"""The tenant guard: a session sees one organisation, or nothing.

Every ORM statement on a table that mixes in `Owned` is narrowed to the organisation the session is bound
to, aliases, joins and lazy loads included; without one the statement is refused. Rows written are stamped
with it, rows of another are refused, and no row is moved to another. Crossing the wall is a named act:
`platform_scope`.

Core statements and raw SQL are not seen by the guard. They are allowed in the set-based modules only, and
there every statement names its organisation or works on ids that came through the guard.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BindParameter, event, false, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction, with_loader_criteria

from ..errors import PulseError
from .base import Owned

_TENANT = "organisation_id"
_PLATFORM = "platform_reason"


class TenantRequired(PulseError):
    """A statement on an organisation's rows was made without saying which organisation."""


class CrossTenant(PulseError):
    """A row of another organisation would have been written or linked."""


def bind(session: Session, organisation_id: int | None) -> None:
    """Bind `session` to an organisation for the rest of its life, or to none."""
    session.info[_TENANT] = organisation_id


def bound(session: Session) -> int | None:
    """Return the organisation `session` is bound to."""
    organisation_id: int | None = session.info.get(_TENANT)
    return organisation_id


@contextmanager
def platform_scope(session: Session, reason: str) -> Iterator[None]:
    """Lift the guard inside the block. `reason` says which duty of the platform needs it.

    Duties of the machinery cross silently; services that cross on behalf of a person write an audit entry
    (`audit.crossing`).
    """
    before = session.info.get(_PLATFORM)
    session.info[_PLATFORM] = reason
    try:
        yield
        session.flush()
    finally:
        session.info[_PLATFORM] = before


@contextmanager
def tenant_scope(session: Session, organisation_id: int) -> Iterator[None]:
    """Bind `session` to an organisation inside the block, whatever it is bound to or lifted from around it."""
    session.flush()
    before = session.info.get(_TENANT), session.info.get(_PLATFORM)
    session.info[_TENANT], session.info[_PLATFORM] = organisation_id, None
    try:
        yield
        session.flush()
    finally:
        session.info[_TENANT], session.info[_PLATFORM] = before


def install(session_class: type[Session]) -> None:
    """Put the guard on every session of `session_class`; called once per class."""
    event.listen(session_class, "do_orm_execute", _narrow)
    event.listen(session_class, "before_flush", _check_writes)


def _narrow(state: ORMExecuteState) -> None:
    if state.is_column_load or not (state.is_select or state.is_update or state.is_delete):
        return
    if state.session.info.get(_PLATFORM):
        return
    organisation_id = bound(state.session)
    if organisation_id is None:
        touched = [m.class_.__name__ for m in state.all_mappers if issubclass(m.class_, Owned)]
        if touched:
            raise TenantRequired(f"{', '.join(touched)} belong to organisations, and none is set.")
        state.statement = state.statement.options(
            with_loader_criteria(Owned, lambda cls: false(), include_aliases=True)
        )
        return
    if state.is_update:
        _check_values(state, organisation_id)
    # A lambda, so that the criterion is adapted to aliases and its value stays a bound parameter.
    state.statement = state.statement.options(
        with_loader_criteria(Owned, lambda cls: cls.organisation_id == organisation_id, include_aliases=True)
    )


def _check_values(state: ORMExecuteState, organisation_id: int) -> None:
    """Refuse an UPDATE that would give rows to another organisation, or whose rows no criterion can narrow."""
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, Owned):
        return
    name = mapper.class_.__name__
    if not isinstance(state.parameters, Mapping | None):
        raise CrossTenant(f"{name} cannot be changed in bulk by primary key: the organisation would not be looked at.")
    statement: Any = state.statement
    written = {**(statement._values or {}), **(state.parameters or {})}  # noqa: SLF001 - there is no public way
    for column, value in written.items():
        given = value.value if isinstance(value, BindParameter) else value
        if getattr(column, "key", column) == _TENANT and (not isinstance(given, int) or given != organisation_id):
            raise CrossTenant(f"{name} would be moved to another organisation.")


def _check_writes(session: Session, context: UOWTransaction, instances: Any) -> None:
    if session.info.get(_PLATFORM):
        return
    organisation_id = bound(session)
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Owned):
            _check_row(session, row, organisation_id)


def _check_row(session: Session, row: Any, organisation_id: int | None) -> None:
    name = type(row).__name__
    if organisation_id is None:
        raise TenantRequired(f"{name} belongs to an organisation, and none is set.")
    if row in session.new and row.organisation_id is None:
        row.organisation_id = organisation_id
    before = inspect(row).attrs.organisation_id.history.deleted or ()
    if row.organisation_id != organisation_id or any(old not in (None, organisation_id) for old in before):
        raise CrossTenant(f"{name} belongs to another organisation.")
