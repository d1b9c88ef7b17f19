"""An invoice as PDF, typeset by typst with fonts that come along: the same document is the same bytes everywhere."""

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from ..buying import money
from . import labels
from .tables import INVOICE, Invoice

_HERE = Path(__file__).parent
_HEADINGS = ["Description", "Quantity", "Price", "Tax", "Amount"]


def render(invoice: Invoice, corrects: str = "", kind: Literal["pdf", "png"] = "pdf") -> bytes:
    """Return the PDF of a document; `corrects` is the number of the invoice that a correction is about.

    It is made anew each time, from what is kept: nothing that an erasure took comes back in it.

    What people wrote (names, addresses, titles) is handed over as JSON and never read as typst's markup.
    """
    import typst  # a compiler of its own: only who prints needs it

    made = typst.compile(
        _HERE / "invoice.typ",
        font_paths=[_HERE / "fonts"],
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(document(invoice, corrects), ensure_ascii=False)},
        format=kind,
    )
    assert isinstance(made, bytes)
    return made


def document(invoice: Invoice, corrects: str = "") -> dict[str, Any]:
    """Return all that stands on a document, as texts."""
    return {
        "title": invoice.title,
        "number": invoice.number,
        "issued": f"{invoice.issued_at:%d %B %Y}",
        "corrects": corrects,
        "seller": invoice.seller,
        "buyer": invoice.buyer,
        "headings": _HEADINGS,
        "lines": [_line(each) for each in invoice.lines],
        "sums": [
            {"label": "Without taxes", "amount": _shown(invoice.net)},
            *({"label": label, "amount": _shown(amount)} for label, amount in _taxes(invoice)),
        ],
        "total": {"label": "Total", "amount": money.shown(invoice.total, invoice.currency)},
        "reason": invoice.reason,
        "paid": money.shown(invoice.total, invoice.currency) if invoice.kind == INVOICE else "",
        "urdu": dict(labels.beside(invoice)),
    }


def _line(line: dict[str, Any]) -> dict[str, str]:
    return {
        "title": str(line["title"]),
        "quantity": f"{line['quantity']:,}",
        "price": _shown(Decimal(line["price"])),
        "tax": _shown(Decimal(line["tax"])),
        "net": _shown(Decimal(line["net"])),
    }


def _taxes(invoice: Invoice) -> list[tuple[str, Decimal]]:
    """Return the taxes by name and rate; one sum where the document does not part them."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in invoice.lines:
        for tax in line["taxes"]:
            sums[f"{tax['name']} {tax['percent']} %"] += Decimal(tax["amount"])
    if not sums and invoice.tax:
        return [("Taxes", invoice.tax)]
    return list(sums.items())


def _shown(amount: Decimal) -> str:
    return f"{amount:,.2f}"
