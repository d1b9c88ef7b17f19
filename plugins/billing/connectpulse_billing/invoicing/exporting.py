"""The list of invoices as lines of a file: read a page at a time, so that it may be of any length."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from connectpulse.core.api import Work

from ..whose import ORGANISATION, called
from .tables import Invoice

AT_ONCE = 500
HEADINGS = (
    "number", "kind", "written", "from", "to", "ntn", "strn", "currency", "net", "tax", "total", "corrects", "reason",
    "order",
)  # fmt: skip

Opening = Callable[[], AbstractContextManager[Work]]


def rows(opening: Opening, wanted: Select[Any], *, is_across: bool = False) -> Iterator[Sequence[str]]:
    """Yield the invoices that `wanted` selects, the newest first, below a heading.

    `is_across` says whose each is. Every page is a unit of work of its own, and none is open while lines are handed
    on: what is written meanwhile is newer than the first page, and is left out.
    """
    yield ("organisation", *HEADINGS) if is_across else HEADINGS
    corrected = aliased(Invoice)
    named = select(ORGANISATION.c.name).where(ORGANISATION.c.id == Invoice.organisation_id).scalar_subquery()
    wanted = wanted.add_columns(corrected.number, named).outerjoin(corrected, corrected.id == Invoice.corrects_id)
    wanted = wanted.order_by(Invoice.id.desc()).limit(AT_ONCE)
    page, last = wanted, 0
    while True:
        with opening() as work:
            found = [(row[0].id, _cells(*row, is_across=is_across)) for row in work.session.execute(page)]
            work.session.expunge_all()  # else a long file would gather in memory
        yield from (cells for _, cells in found)
        if len(found) < AT_ONCE:
            return
        last = found[-1][0]
        page = wanted.where(Invoice.id < last)


def _cells(row: Invoice, corrects: str | None, organisation: str | None, *, is_across: bool) -> Sequence[str]:
    buyer = row.buyer
    cells = (
        row.number, row.title, row.issued_at.isoformat(timespec="seconds"), row.seller["name"], buyer["name"],
        buyer.get("ntn", ""), buyer.get("strn", ""), row.currency, f"{row.net:.2f}", f"{row.tax:.2f}",
        f"{row.total:.2f}", corrects or "", row.reason, str(row.order_id or ""),
    )  # fmt: skip
    return (called(organisation, row.organisation_id), *cells) if is_across else cells
