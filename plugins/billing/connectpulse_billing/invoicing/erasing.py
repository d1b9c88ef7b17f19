"""People who buy, and what an erasure leaves of them: documents that the law keeps, under a pseudonym.

The number, the date, the lines and the sums of a document stay; in the place of who bought stands `Person` and
twelve signs that come from nothing but chance, the same ones on all documents of that erasure and organisation.
"""

from dataclasses import replace
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, String, cast, false, func, literal, or_, update

from connectpulse.core.api import Subject, SubjectHandler, Work, subject_handler

from .tables import Buyer, Invoice

_WHY = "Invoices are kept for six years, as tax law asks; a pseudonym stands where the person did."
_NOBODY = {"address": "", "ntn": "", "strn": ""}


def _emails(subject: Subject) -> list[str]:
    return [value for scheme, value in subject.addresses if scheme == "email"]


def _any(*ways: tuple[Any, list[str] | tuple[str, ...]]) -> ColumnElement[bool]:
    found = [column.in_(values) for column, values in ways if values]
    return or_(*found) if found else false()


def _buyers(subject: Subject) -> ColumnElement[bool]:
    return _any((Buyer.email, _emails(subject)), (Buyer.name, subject.names))


def _invoices(subject: Subject) -> ColumnElement[bool]:
    return _any((Invoice.buyer["name"].astext, subject.names), (Invoice.buyer["email"].astext, _emails(subject)))


def _pseudonym(model: type[Any]) -> ColumnElement[str]:
    """Return a name for whoever is erased now, another one in each organisation."""
    mixed = func.md5(literal(token_hex(16)) + cast(model.organisation_id, String))
    return literal("Person ") + func.upper(func.left(mixed, 12))


def _erase_buyer(work: Work, subject: Subject) -> int:
    """Take a person out of billing details; a company they bought for keeps its name and address."""
    found = _located(BUYER, subject)
    person = update(Buyer).where(found, or_(Buyer.is_person, _any((Buyer.name, subject.names))))
    count = _rows(work, person.values(name=_pseudonym(Buyer), email="", **_NOBODY))
    return count + _rows(work, update(Buyer).where(found).values(email=""))


def _erase_invoices(work: Work, subject: Subject) -> int:
    facts = [each for name, value in _NOBODY.items() for each in (literal(name), literal(value))]
    buyer = func.jsonb_build_object(literal("name"), _pseudonym(Invoice), *facts)
    return _rows(work, update(Invoice).where(_located(INVOICE, subject)).values(buyer=buyer))


def _located(handler: SubjectHandler, subject: Subject) -> Any:
    assert handler.locate is not None
    return handler.locate(subject)


def _rows(work: Work, statement: Any) -> int:
    result: Any = work.session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)


BUYER = replace(
    subject_handler(
        Buyer, _buyers, ("name", "address", "email"), erase_row=False, beside=("ntn", "strn"),
        why="A person who buys becomes a pseudonym; a company keeps its name, without the person's address.",
    ),
    erase=_erase_buyer,
)  # fmt: skip
INVOICE = replace(
    subject_handler(
        Invoice, _invoices, ("buyer",), erase_row=False, beside=("number", "issued_at", "currency", "total"), why=_WHY
    ),
    erase=_erase_invoices,
)
