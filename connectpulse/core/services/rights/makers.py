"""Who made what: rows that keep the full name of an account, which an erasure puts its number in place of.

Two accounts of one name cannot be told apart by these rows, so only organisations the account belongs to are looked
into. Cost: one scan of tables that people fill by hand, and only where the person has an account.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, update

from ...domain.retention import Apart, Rows, Subject, SubjectHandler
from ...storage.models import Membership
from ..subjects import anywhere, by_name, handler
from ..work import Work

WHY = "What was made stays; the number of the account stands in place of its name."


def made_by(model: type[Any], columns: Sequence[str], *, saying: str = "") -> SubjectHandler:
    """Return the handler of a table whose `columns` name whoever made a row; `saying` is a text that may, too."""

    def locate(subject: Subject) -> ColumnElement[bool]:
        if not subject.names:
            return false()
        found = by_name(model, *columns)(subject)
        if saying:
            text = getattr(model, saying)
            found = or_(found, *(text.contains(f"by {name}", autoescape=True) for name in subject.names))
        return found

    base = handler(model, locate, columns, erase_row=False, why=WHY)

    def own(work: Work, subject: Subject) -> Rows:
        for row in base.find(work, subject):
            yield {name: value for name, value in row.items() if value in subject.names}

    def erase(work: Work, subject: Subject) -> int:
        if not subject.names:
            return 0
        done: Any = work.session.execute(
            update(model)
            .where(locate(subject), _theirs(model, subject))
            .values(**_numbered(model, columns, saying, subject)),
            execution_options={"synchronize_session": False},
        )
        return int(done.rowcount)

    def apart(column: str) -> Apart:
        """A name counts where the account belongs to: somebody else may be called the same elsewhere."""
        return (column,), lambda subject: and_(by_name(model, column)(subject), _at_home(model, subject))

    def said(subject: Subject) -> ColumnElement[bool]:
        return and_(locate(subject), _at_home(model, subject))

    each = tuple(apart(column) for column in columns)
    return replace(base, find=own, export=own, erase=erase, apart=(*each, ((), said)) if saying else each)


def _at_home(model: type[Any], subject: Subject) -> ColumnElement[bool]:
    homes = subject.homes if subject.organisation_id is None else (subject.organisation_id,)
    return model.organisation_id.in_(homes) if homes else false()


def _numbered(model: type[Any], columns: Sequence[str], saying: str, subject: Subject) -> dict[str, Any]:
    """Return what columns become: the account's number where they said its name, and else what they were."""
    number = f"User {subject.user_id}"
    values: dict[str, Any] = {}
    for name in columns:
        there = getattr(model, name)
        values[name] = case((there.in_(subject.names), number), else_=there)
    if saying:
        text = getattr(model, saying)
        for name in subject.names:
            text = func.replace(text, f"by {name}", f"by {number}")
        values[saying] = text
    return values


def _theirs(model: type[Any], subject: Subject) -> ColumnElement[bool]:
    """Return the condition for rows of the organisations in question."""
    if subject.organisation_id is not None:
        return model.organisation_id == subject.organisation_id  # type: ignore[no-any-return]
    member = select(Membership.organisation_id).where(Membership.user_id == subject.user_id)
    return and_(anywhere(model, subject), model.organisation_id.in_(member))


def unname(work: Work, model: type[Any], column: str, subject: Subject) -> int:
    """Put the number of an account in place of its name in one column; return the rows."""
    if not subject.names:
        return 0
    there = getattr(model, column)
    done: Any = work.session.execute(
        update(model)
        .where(there.in_(subject.names), _theirs(model, subject))
        .values({column: f"User {subject.user_id}"}),
        execution_options={"synchronize_session": False},
    )
    return int(done.rowcount)
