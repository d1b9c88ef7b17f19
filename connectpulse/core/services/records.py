"""Creating, changing and deleting single rows: checked, audited, and refused in plain words."""

from typing import Any, TypeVar

from psycopg import errors as pg
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..errors import NotFound, Refused
from ..storage.base import Table
from . import audit
from .work import Work

R = TypeVar("R", bound=Table)


def find(work: Work, model: type[R], id: int, *, lock: bool = False) -> R:
    """Return the row with this id as the work's organisation sees it; raise NotFound otherwise."""
    statement = select(model).where(model.id == id)
    if lock:
        statement = statement.with_for_update(of=model).execution_options(populate_existing=True)
    row = work.session.scalars(statement).unique().one_or_none()
    if row is None:
        raise NotFound(f"There is no {_noun(model)} {id}.")
    return row


def create(work: Work, row: R, verb: str, **detail: Any) -> R:
    """Add `row` and write it down; raise Refused if its name or value is taken."""
    work.session.add(row)
    _flush(work, row)
    audit.record(work, verb, row, **detail)
    return row


def update(work: Work, row: R, verb: str, **detail: Any) -> R:
    """Write down what changed in `row` and flush it; nothing is recorded if nothing changed."""
    changed = audit.changes(row)
    _flush(work, row)
    if changed or detail:
        audit.record(work, verb, row, changes=changed, **detail)
    return row


def delete(work: Work, row: Table, verb: str) -> None:
    """Delete `row` and write it down; raise Refused if something still refers to it."""
    audit.record(work, verb, row)
    work.session.delete(row)
    _flush(work, row)


def _flush(work: Work, row: Table) -> None:
    try:
        work.session.flush()
    except IntegrityError as error:
        work.session.rollback()
        raise Refused(_sentence(type(row), error)) from None


def _sentence(model: type[Table], error: IntegrityError) -> str:
    noun = _noun(model)
    if isinstance(error.orig, pg.UniqueViolation):
        return f"There is a {noun} like this already; choose another name or value."
    if isinstance(error.orig, pg.ForeignKeyViolation | pg.RestrictViolation):
        return f"This {noun} is in use, or refers to something that is gone. Nothing was changed."
    if isinstance(error.orig, pg.NotNullViolation):
        return f"This {noun} lacks {error.orig.diag.column_name}."
    return f"This {noun} cannot be stored as it is."


def _noun(model: type[Table]) -> str:
    name = model.__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
