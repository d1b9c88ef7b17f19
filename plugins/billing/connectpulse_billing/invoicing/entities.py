"""Legal entities that sell, and the details that buyers want on their invoices."""

import re
from typing import Any

from sqlalchemy import select

from connectpulse.core.api import NotFound, Refused, Work, platform_scope, records

from .. import turns
from ..buying import money
from .tables import CORRECTED, ENGLISH, ENGLISH_AND_URDU, Buyer, Invoice, LegalEntity

_PREFIX = re.compile(r"[A-Z0-9]{0,7}[A-Z]|[A-Z0-9]{1,8}-")
_NTN = re.compile(r"\d{7}-?\d|\d{5}-?\d{7}-?\d|\d{13}")
_STRN = re.compile(r"\d{13}|\d{2}-\d{2}-\d{4}-\d{3}-\d{2}")


def seller(work: Work, currency: str) -> int | None:
    """Return the id of the legal entity that sells in `currency`, the oldest of several; None without one."""
    with platform_scope(work.session, "find who sells"):
        wanted = select(LegalEntity.id).where(LegalEntity.currency == currency, LegalEntity.is_active)
        return work.session.scalars(wanted.order_by(LegalEntity.id).limit(1)).first()


def save(work: Work, entity: LegalEntity | None, values: dict[str, Any]) -> LegalEntity:
    """Make a legal entity or change one; documents that were written keep what stood on them.

    Raises Refused with what is wrong: a prefix begins all numbers of one entity, and can be had only once.
    """
    row = entity or LegalEntity()
    row.name = _words(values["name"])
    row.seat, row.bank_details, row.footer = (_text(values[name]) for name in ("seat", "bank_details", "footer"))
    row.is_active = bool(values["is_active"])
    row.labels = ENGLISH_AND_URDU if values.get("labels") == ENGLISH_AND_URDU else ENGLISH
    row.ntn, row.strn = _number(values["ntn"], _NTN, "NTN"), _number(values["strn"], _STRN, "STRN")
    prefix = _text(values["prefix"]).upper()
    if not _PREFIX.fullmatch(prefix):
        raise Refused("Prefix: up to eight capital letters and digits, with a letter or a hyphen at the end.")
    code = money.currency(values["currency"])
    if entity is not None and _has_sold(work, entity) and (prefix, code) != (entity.prefix, entity.currency):
        raise Refused("Prefix and currency stay as they are once an invoice was written. Make another legal entity.")
    row.prefix, row.currency = prefix, code
    taken = (prefix, prefix + CORRECTED, prefix.removesuffix(CORRECTED))  # corrections begin with prefix and mark
    clash = select(LegalEntity.id).where(LegalEntity.prefix.in_(taken), LegalEntity.id != (row.id or 0))
    with work.session.no_autoflush:
        if work.session.scalars(clash).first() is not None:
            raise Refused(f"Prefix: {prefix} begins the numbers of another legal entity.")
    if entity is None:
        return records.create(work, row, "billing.entity_added")
    return records.update(work, row, "billing.entity_changed")


def remove(work: Work, entity: LegalEntity) -> None:
    """Delete a legal entity that never sold; raise Refused for one that did."""
    if _has_sold(work, entity):
        raise Refused("It has written invoices, which are kept by law. Set it to not selling instead.")
    records.delete(work, entity, "billing.entity_deleted")


def _has_sold(work: Work, entity: LegalEntity) -> bool:
    with platform_scope(work.session, "see whether a legal entity sold"), work.session.no_autoflush:
        return (
            work.session.scalars(select(Invoice.id).where(Invoice.entity_id == entity.id).limit(1)).first() is not None
        )


def buyer(work: Work, organisation_id: int) -> Buyer | None:
    """Return what an organisation wants on its invoices, None as long as it said nothing."""
    with platform_scope(work.session, "read who buys"):
        return work.session.scalars(select(Buyer).where(Buyer.organisation_id == organisation_id)).one_or_none()


def save_buyer(work: Work, values: dict[str, Any]) -> Buyer:
    """Keep what the organisation wants on its coming invoices; raise Refused with what is wrong. The last one holds."""
    organisation_id = work.organisation
    if organisation_id is None:
        raise NotFound("Choose an organisation first.")
    turns.wait(work, "buyer")
    known = work.session.scalars(select(Buyer)).one_or_none()
    row = known or Buyer()
    row.name, row.address = _words(values["name"]), _text(values["address"])
    row.ntn, row.strn = _number(values["ntn"], _NTN, "NTN"), _number(values["strn"], _STRN, "STRN")
    row.email = _text(values["email"])
    row.is_person = bool(values.get("is_person"))
    if row.email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", row.email):
        raise Refused("E-mail: this is no address.")
    if known is None:
        return records.create(work, row, "billing.buyer_changed")
    return records.update(work, row, "billing.buyer_changed")


def _text(typed: str | None) -> str:
    return (typed or "").strip()


def _words(typed: str | None) -> str:
    words = " ".join((typed or "").split())
    if not words:
        raise Refused("Name: write it as it stands in the register.")
    return words


def _number(typed: str | None, form: re.Pattern[str], label: str) -> str:
    number = _text(typed)
    if number and not form.fullmatch(number):
        raise Refused(f"{label}: {number[:20]!r} is not one. Leave it empty if there is none.")
    return number
