"""Subject handlers for tables whose personal rows are found by an address, a contact or a user.

One factory serves core and plugins: say how rows are found and which columns are personal, and finding,
exporting, correcting, erasing and restricting follow. Statements run across organisations only where the
subject names none, and then under the caller's platform scope.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    any_,
    cast,
    delete,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from ..domain.retention import Rows, Subject, SubjectHandler
from ..domain.rights import ANONYMISED, ERASED, KEPT
from ..errors import Refused
from ..storage import ids
from ..storage.base import Owned, Table
from ..storage.models import Organisation
from . import audit
from .work import Work

_REASONS = {
    ERASED: "Nothing needs these rows any more.",
    ANONYMISED: "The rows stay without the person, for figures and accounts.",
    KEPT: "Kept in the person's own interest.",
}

Locate = Callable[[Subject], ColumnElement[bool]]


def by_address(model: type[Any], scheme: str | None = "scheme", value: str = "value") -> Locate:
    """Find rows by the subject's addresses; `scheme` None where the table holds one kind only."""

    def locate(subject: Subject) -> ColumnElement[bool]:
        if not subject.addresses:
            return false()
        if scheme is None:
            return getattr(model, value).in_([address for _, address in subject.addresses])  # type: ignore[no-any-return]
        return tuple_(getattr(model, scheme), getattr(model, value)).in_(subject.addresses)

    return locate


def by_contact(model: type[Any], column: str = "contact_id") -> Locate:
    """Find rows by the subject's contacts."""
    return lambda subject: getattr(model, column).in_(subject.contact_ids) if subject.contact_ids else false()


def by_user(model: type[Any], column: str) -> Locate:
    """Find rows by the subject's user account."""
    return lambda subject: getattr(model, column) == subject.user_id if subject.user_id else false()


def by_name(model: type[Any], *columns: str) -> Locate:
    """Find rows that keep the full name of the subject's account as whoever made them."""

    def locate(subject: Subject) -> ColumnElement[bool]:
        if not subject.names:
            return false()
        return or_(*(getattr(model, column).in_(subject.names) for column in columns))

    return locate


def either(*ways: Locate) -> Locate:
    """Find rows that any of `ways` finds."""
    return lambda subject: or_(*(way(subject) for way in ways))


def handler(
    model: type[Any],
    locate: Locate,
    personal: Sequence[str],
    *,
    erase_row: bool,
    is_kept: bool = False,
    restrict: Callable[[Work, Subject, bool], int] | None = None,
    rectifiable: Sequence[str] = (),
    hidden: Sequence[str] = (),
    beside: Sequence[str] = (),
    why: str = "",
) -> SubjectHandler:
    """Return the handler of `model`.

    `erase_row` True deletes the person's rows; False keeps the rows and empties the personal columns, for
    figures and statutory records; `is_kept` leaves them whole, for what stands in the person's own interest.
    `rectifiable` are the columns a correction may set, `hidden` those that are erased and never shown. `beside`
    are columns that identify nobody and make a copy of the person's data readable: when, on which channel.
    `why` is the sentence for what an erasure does here.
    """

    def scope(subject: Subject) -> ColumnElement[bool]:
        return _within(model, subject, locate(subject))

    inside = _reaching(model, scope)

    def find(work: Work, subject: Subject) -> Rows:
        for row in work.session.scalars(select(model).where(inside(subject))).unique():
            yield {column: audit.plain(getattr(row, column)) for column in personal}

    def export(work: Work, subject: Subject) -> Rows:
        for row in work.session.scalars(select(model).where(inside(subject))).unique():
            yield {column: _readable(column, getattr(row, column)) for column in (*beside, *personal)}

    def rectify(work: Work, subject: Subject, values: Mapping[str, str]) -> int:
        return _rectify(work, model, inside(subject), rectifiable, values)

    def erase(work: Work, subject: Subject) -> int:
        if is_kept:
            return 0
        if erase_row:
            return _rows(work, delete(model).where(inside(subject)))
        return _rows(work, update(model).where(inside(subject)).values(**_emptied(model, [*personal, *hidden])))

    fate = KEPT if is_kept else ERASED if erase_row else ANONYMISED
    return SubjectHandler(
        model, find, export, rectify, erase, restrict or (lambda work, subject, stop: 0), scope,
        fate, why or _REASONS[fate], tuple(rectifiable), (((*personal, *hidden), scope),),
    )  # fmt: skip


def _rectify(
    work: Work, model: type[Any], inside: ColumnElement[bool], allowed: Sequence[str], values: Mapping[str, str]
) -> int:
    unknown = sorted(set(values) - set(allowed))
    if unknown:
        raise Refused(f"{model.__name__}: {', '.join(unknown)} cannot be corrected here.")
    return _rows(work, update(model).where(inside).values(**values)) if values else 0


def both(first: SubjectHandler, second: SubjectHandler) -> SubjectHandler:
    """Return the handler of a model in whose rows a person may appear in two ways, with columns for each."""

    def find(work: Work, subject: Subject) -> Rows:
        yield from first.find(work, subject)
        yield from second.find(work, subject)

    def erase(work: Work, subject: Subject) -> int:
        return first.erase(work, subject) + second.erase(work, subject)

    def export(work: Work, subject: Subject) -> Rows:
        yield from first.export(work, subject)
        yield from second.export(work, subject)

    def locate(subject: Subject) -> ColumnElement[bool]:
        assert first.locate is not None
        assert second.locate is not None
        return or_(first.locate(subject), second.locate(subject))

    has_both = first.locate is not None and second.locate is not None
    return SubjectHandler(
        first.model, find, export, first.rectify, erase, first.restrict, locate if has_both else None,
        first.fate, first.why, first.rectifiable, (*first.apart, *second.apart),
    )  # fmt: skip


def _readable(column: str, value: Any) -> Any:
    """Return a value as its person reads it: a time-ordered id is the moment it was made."""
    if column == "id" and isinstance(value, int) and value > ids.at(ids.EPOCH) + ids.BLOCK**2:
        return ids.moment(value).isoformat(timespec="seconds")
    return audit.plain(value)


def _within(model: type[Any], subject: Subject, found: ColumnElement[bool]) -> ColumnElement[bool]:
    if subject.organisation_id is not None and hasattr(model, "organisation_id"):
        return and_(found, model.organisation_id == subject.organisation_id)
    return found


def _reaching(model: type[Any], scope: Locate) -> Locate:
    return lambda subject: and_(scope(subject), anywhere(model, subject))


def anywhere(model: type[Any], subject: Subject) -> ColumnElement[bool]:
    """Return the condition that lets the whole platform be searched by indexes that begin with an organisation."""
    if subject.organisation_id is not None or not issubclass(model, Owned):
        return true()
    every = func.array(select(Organisation.id).scalar_subquery())
    return model.organisation_id == any_(every)


def _emptied(model: type[Table], personal: Sequence[str]) -> dict[str, Any]:
    """Return what the personal columns become: nothing, or a mark, different per row where it must be."""
    mark = literal("(erased ") + cast(model.__mapper__.primary_key[0], String) + ")"
    emptied: dict[str, Any] = {}
    for name in personal:
        column = model.__mapper__.columns[name]
        if column.nullable:
            emptied[name] = None
        else:
            emptied[name] = {} if isinstance(column.type, JSONB) else mark
    return emptied


def _rows(work: Work, statement: Any) -> int:
    result: Any = work.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)
